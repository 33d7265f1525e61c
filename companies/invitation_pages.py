"""What the link in an invitation's mail opens: to join a team, with an account or a new one."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import (
    password_validators_help_text_html,
    validate_password,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from companies import team
from companies.models import Invitation, User
from companies.team import TeamError
from companies.views import work_in

# What the page says of an invitation that is no longer good, with the status of its answer.
OVER = {"unknown": 404, "accepted": 410, "revoked": 410, "expired": 410}


class NewAccountForm(forms.Form):
    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=password_validators_help_text_html,
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        """Not too like the name or the address, and what else the rules of passwords ask."""
        given = super().clean() or {}
        if "password" in given:
            try:
                validate_password(
                    given["password"], User(email=self.email, name=given.get("name", ""))
                )
            except forms.ValidationError as error:
                self.add_error("password", error)
        return given


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Join, or learn why the link can't be used. Works signed in and not."""
    found = team.find(token)
    state = found.state(now=timezone.now()) if found else "unknown"
    if found is None or state != "open":
        return _page(request, found, state, status=OVER[state])
    if isinstance(request.user, User):
        return _for_somebody(request, found, request.user)
    if team.user_of(found):
        return _page(request, found, "sign_in")
    return _for_a_newcomer(request, found)


def _for_somebody(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    if user.email.lower() != found.email:
        return _page(request, found, "wrong_person", status=403)
    if request.method != "POST":
        return _page(request, found, "join")
    try:
        team.accept(found, user=user)
    except TeamError as error:
        return _page(request, found, "join", status=409, error=str(error))
    return _welcome(request, found)


def _for_a_newcomer(request: HttpRequest, found: Invitation) -> HttpResponse:
    form = NewAccountForm(request.POST if request.method == "POST" else None, email=found.email)
    if not form.is_valid():
        return _page(request, found, "new", form=form, status=422 if form.is_bound else 200)
    try:
        user = team.accept_with_new_account(found, **form.cleaned_data)
    except TeamError as error:
        form.add_error(None, str(error))
        return _page(request, found, "new", form=form, status=409)
    perform_login(request, user, email_verification="none")
    return _welcome(request, found)


def _welcome(request: HttpRequest, found: Invitation) -> HttpResponse:
    work_in(request, found.company)
    messages.success(request, gettext("Welcome to %(company)s.") % {"company": found.company.name})
    return redirect("home")


def _page(
    request: HttpRequest, found: Invitation | None, state: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {"invitation": found, "state": state, "here": request.path, **more}
    return render(request, "companies/team_invitation.html", context, status=status)
