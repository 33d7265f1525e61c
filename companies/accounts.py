"""How people come in, and what they change of their own account. An account comes about with a
company: by its application (companies/applying.py) or an invitation. There is no sign-up beside that.
"""

from typing import Any, ClassVar

from allauth.account import views
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import AddEmailForm
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

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


class NameForm(forms.ModelForm):  # type: ignore[type-arg]
    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        help_text=_("As your colleagues see it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    class Meta:
        model = User
        fields: ClassVar[Any] = ["name"]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def own_name(request: HttpRequest) -> HttpResponse:
    """The page to change one's name."""
    form = NameForm(request.POST if request.method == "POST" else None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, gettext("Saved."))
        return redirect("account_name")
    return render(request, "account/name.html", {"form": form}, status=422 if form.errors else 200)


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
