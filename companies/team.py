"""Who belongs to a company, and how people come and go.

A company never loses its last owner: whatever takes one away locks the company's row first, so that
two owners can't remove each other at the same moment.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from smtplib import SMTPException

import structlog
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from companies import audit, limits, notices, roles
from companies.audit import Kind
from companies.models import Company, Invitation, Membership, Notice, User
from companies.roles import Need

log = structlog.get_logger("tuma.team")

Role = Membership.Role
INVITED_FOR = timedelta(days=7)
MAILS_AN_HOUR = 30


class TeamError(Exception):
    """Why something can't be done, in words for the person who tried."""


# --- Inviting -------------------------------------------------------------------------


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def invite(
    request: HttpRequest, *, company: Company, email: str, role: str, by_staff: bool = False
) -> None:
    """Invite an address, and mail it the link; an open invitation of the same address is renewed. Of who
    among the staff did so, the company learns nothing.

    The link is in the mail and nowhere else: that the invited person reads this mailbox is the only
    proof that the account made with it is theirs.
    """
    email = email.lower()
    with transaction.atomic():
        _lock(company)
        if Membership.objects.filter(company=company, user__email__iexact=email).exists():
            raise TeamError(_("%(email)s is in the team already.") % {"email": email})
        open_one = Invitation.objects.filter(
            company=company, email=email, accepted_at=None, revoked_at=None
        ).first()
        invitation = open_one or Invitation(company=company, email=email)
        invitation.role = role
        token = _renew(None if by_staff else request.user, invitation)
        audit.record(
            audit.STAFF if by_staff else request,
            company=company,
            kind=Kind.INVITED,
            label=email,
            detail={"role": role},
        )
    _mail_link(invitation, token)


def invite_again(request: HttpRequest, invitation: Invitation) -> None:
    """Mail a new link, good for another week; the old one no longer is."""
    with transaction.atomic():
        invitation = _locked(invitation)
        token = _renew(request.user, invitation)
        audit.record(
            request, company=invitation.company, kind=Kind.INVITED_AGAIN, label=invitation.email
        )
    _mail_link(invitation, token)


@transaction.atomic
def revoke(request: HttpRequest, invitation: Invitation) -> None:
    invitation = _locked(invitation)
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    audit.record(
        request, company=invitation.company, kind=Kind.INVITATION_REVOKED, label=invitation.email
    )


def _locked(invitation: Invitation) -> Invitation:
    """The row as it is now, ours until the transaction ends; raises TeamError once it is settled."""
    found = Invitation.objects.select_for_update(of=("self",)).select_related("company")
    invitation = found.get(pk=invitation.pk)
    if invitation.accepted_at or invitation.revoked_at:
        raise TeamError(_("This invitation was accepted or revoked meanwhile."))
    return invitation


def _renew(author: User | AnonymousUser | None, invitation: Invitation) -> str:
    """Give it a new week, and a new token: the secret part of the link. No author: staff."""
    window = limits.Window(key=f"invite:{invitation.company_id}", limit=MAILS_AN_HOUR, seconds=3600)
    if not limits.hit(window).allowed:
        raise TeamError(_("Too many invitations within an hour; try again later."))
    token = secrets.token_urlsafe(32)
    now = timezone.now()
    invitation.token_hash = _hash(token)
    invitation.invited_by = author  # type: ignore[assignment]  # signed in
    invitation.sent_at, invitation.expires_at = now, now + INVITED_FOR
    invitation.save()
    return token


def _mail_link(invitation: Invitation, token: str) -> None:
    """Once all is stored. Raises TeamError where the mail can't be sent."""
    company = " ".join(invitation.company.name.split())
    by = invitation.invited_by
    inviter = by.get_full_name() if by else _("Tuma’s staff")
    url = f"{settings.PUBLIC_URL.rstrip('/')}{reverse('invitation', args=[token])}"
    text = _(
        "%(inviter)s invites you to the team of %(company)s at Tuma, as %(role)s.\n\n"
        "Join here, within seven days:\n\n    %(url)s\n\n"
        "If you don’t know them, do nothing.\n"
    ) % {
        "inviter": " ".join(inviter.split()),
        "company": company,
        "role": invitation.get_role_display().lower(),
        "url": url,
    }
    subject = _("Join %(company)s at Tuma") % {"company": company}
    try:
        send_mail(subject, text, None, [invitation.email])
    except (OSError, SMTPException) as error:
        log.warning("invitation_not_mailed", invitation=invitation.pk, error=str(error))
        raise TeamError(
            _("They are invited, but the mail could not be sent: send it again later.")
        ) from error


# --- Joining --------------------------------------------------------------------------


def find(token: str) -> Invitation | None:
    """The invitation that a link stands for, whatever became of it."""
    found = Invitation.objects.select_related("company", "invited_by")
    return found.filter(token_hash=_hash(token)).first()


def user_of(invitation: Invitation) -> User | None:
    """The account that the invited address has already."""
    return User.objects.filter(email__iexact=invitation.email).first()


@transaction.atomic
def accept(invitation: Invitation, *, user: User) -> Membership:
    """Make the person a member; raises TeamError where the invitation is no longer good."""
    invitation = _locked(invitation)
    if invitation.state(now=timezone.now()) != "open":
        raise TeamError(_("This invitation has expired."))
    company = invitation.company
    if roles.is_frozen(company, Need.ADMINISTER):
        raise TeamError(
            _("%(company)s is suspended: nobody joins now.") % {"company": company.name}
        )
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    membership, is_new = Membership.objects.get_or_create(
        user=user, company=company, defaults={"role": invitation.role}
    )
    if is_new:
        audit.record(
            user,
            company=company,
            kind=Kind.JOINED,
            label=user.email,
            detail={"role": membership.role},
        )
        notices.notify(
            company,
            level=Notice.Level.GOOD,
            title=_("%(name)s has joined the team") % {"name": user.get_full_name()},
            text=_("%(email)s accepted the invitation, as %(role)s.")
            % {"email": user.email, "role": membership.get_role_display().lower()},
            link=reverse("team"),
            roles=[Role.OWNER],
        )
    return membership


@transaction.atomic
def accept_with_new_account(invitation: Invitation, *, name: str, password: str) -> User:
    """Make the account too; the link in the mail has proven the address."""
    try:
        user = new_account(invitation.email, name=name, password=password)
    except IntegrityError:
        raise TeamError(_("This address has an account by now; sign in to accept.")) from None
    accept(invitation, user=user)
    return user


@transaction.atomic
def new_account(email: str, *, name: str, password: str) -> User:
    """An account whose address a mail's link has proven; raises IntegrityError where one is there."""
    user = User.objects.create_user(email, password, name=name)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


# --- Changing and leaving -------------------------------------------------------------


def _lock(company: Company) -> None:
    Company.objects.select_for_update().get(pk=company.pk)


def _refuse_last_owner(membership: Membership) -> None:
    """With the company locked: raise TeamError if nobody else could look after the company."""
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.filter(
        company=membership.company_id, role=Role.OWNER, user__is_active=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise TeamError(_("A company needs an owner: make somebody else an owner first."))


def _now(membership: Membership) -> Membership:
    """Lock the company; the membership as it is now. Raises TeamError where it is gone."""
    _lock(membership.company)
    found = Membership.objects.select_related("user", "company").filter(pk=membership.pk).first()
    if found is None:
        raise TeamError(_("This person is no longer in the team."))
    return found


@transaction.atomic
def change_role(request: HttpRequest, membership: Membership, *, role: str) -> None:
    """Give a member another role; they learn of it by mail."""
    membership = _now(membership)
    before = membership.role
    if role == before:
        return
    if role != Role.OWNER:
        _refuse_last_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    company, user = membership.company, membership.user
    audit.record(
        request,
        company=company,
        kind=Kind.ROLE_CHANGED,
        label=user.email,
        detail={"role": [before, role]},
    )
    if user != request.user:
        _tell(
            user,
            company,
            _("You are now %(role)s of %(company)s.")
            % {"role": membership.get_role_display().lower(), "company": company.name},
        )


@transaction.atomic
def remove(request: HttpRequest, membership: Membership) -> None:
    """Take a member off the team: their next request is refused. They learn of it by mail."""
    membership = _now(membership)
    _refuse_last_owner(membership)
    membership.delete()
    company, user = membership.company, membership.user
    audit.record(request, company=company, kind=Kind.REMOVED, label=user.email)
    _tell(
        user,
        company,
        _("You no longer belong to the team of %(company)s.") % {"company": company.name},
    )


@transaction.atomic
def leave(request: HttpRequest, membership: Membership) -> None:
    membership = _now(membership)
    _refuse_last_owner(membership)
    membership.delete()
    company, user = membership.company, membership.user
    audit.record(request, company=company, kind=Kind.LEFT, label=user.email)
    notices.notify(
        company,
        title=_("%(name)s has left the team") % {"name": user.get_full_name()},
        text=_("%(email)s no longer has access. API keys that they made go on working.")
        % {"email": user.email},
        link=reverse("team"),
        roles=[Role.OWNER],
    )


def _tell(user: User, company: Company, what: str) -> None:
    subject = _("Your access to %(company)s") % {"company": " ".join(company.name.split())}
    text = _("%(what)s\n\nQuestions? Ask an owner of the company.") % {"what": what}
    notices.mail_person(user.email, subject=subject, text=f"{text}\n")
