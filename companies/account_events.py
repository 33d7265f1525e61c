"""What a person does to the own account is written into the audit log of each company of theirs."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.dispatch import receiver
from django.http import HttpRequest

from companies import audit
from companies.audit import Kind
from companies.models import Membership, User


def _record(request: HttpRequest, user: User, kind: Kind, **detail: Any) -> None:
    # Who has forgotten the password isn't signed in when it is changed.
    who = request if request.user == user else user
    for membership in Membership.objects.filter(user=user).select_related("company"):
        audit.record(who, company=membership.company, kind=kind, detail=detail)


@receiver([account.password_changed, account.password_set, account.password_reset])
def password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, Kind.PASSWORD_CHANGED)


@receiver(account.email_changed)
def email_changed(
    request: HttpRequest, user: User, from_email_address: Any, to_email_address: Any, **_: Any
) -> None:
    before = from_email_address.email if from_email_address else ""
    _record(request, user, Kind.EMAIL_CHANGED, email=[before, to_email_address.email])


@receiver(mfa.authenticator_added)
def authenticator_added(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _record(request, user, Kind.TWO_FACTOR_ON)


@receiver(mfa.authenticator_removed)
def authenticator_removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _record(request, user, Kind.TWO_FACTOR_OFF)


@receiver(mfa.authenticator_reset)
def recovery_codes_made(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, Kind.RECOVERY_CODES_MADE)
