"""How people come in: there is no open sign-up, staff and owners make the accounts."""

from typing import Any

from allauth.account import views
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import AddEmailForm
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from companies import audit
from companies.models import Membership, User
from config.fields import decrypt, encrypt


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Right after any way of signing in: each company of the person takes note."""
        for membership in Membership.objects.filter(user=user).select_related("company"):
            audit.record(request, company=membership.company, kind=audit.Kind.SIGNED_IN)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps what codes are made of encrypted, under the keys of all our secrets."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)


class NewAddressForm(AddEmailForm):  # type: ignore[misc]
    def clean_email(self) -> str:
        """Not one that another account signs in with, proven or not."""
        email: str = super().clean_email()
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError(_("Another account signs in with this address."))
        return email


@transaction.atomic
def email_address(request: HttpRequest) -> HttpResponse:
    """The page to change one's address. The present one counts as proven, by whoever made the account:
    an unproven one allauth would drop as soon as another is asked for, before that is confirmed.
    """
    if isinstance(request.user, User):
        email = request.user.email
        EmailAddress.objects.update_or_create(
            user=request.user, email=email, defaults={"primary": True, "verified": True}
        )
    response: HttpResponse = views.email(request)
    return response
