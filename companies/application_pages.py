"""The pages on which a company applies: the form, and what the link in its mail opens."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from phonenumbers import SUPPORTED_REGIONS, country_code_for_region

from companies import applying
from companies.applying import Application, NotPossible
from companies.forms import time_zones
from companies.invitation_pages import NewAccountForm
from companies.models import Company, User
from companies.views import work_in
from config.middleware import client_address


def _countries() -> list[tuple[str, str]]:
    """Codes of countries with their calling codes; static/apply.js puts names in their place."""
    known = sorted(SUPPORTED_REGIONS)
    return [("", ""), *((code, f"{code} (+{country_code_for_region(code)})") for code in known)]


class ApplicationForm(forms.Form):
    """Its cleaned data are those of an Application."""

    company = forms.CharField(
        label=_("Company name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(
        label=_("Country"),
        choices=_countries,
        help_text=_("Completes phone numbers that are written without a country code."),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zones, initial="UTC")
    email = forms.EmailField(
        label=_("Your email address at work"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def apply(request: HttpRequest) -> HttpResponse:
    """The form; sent, it becomes a mail with a link."""
    form = ApplicationForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        application = Application(**form.cleaned_data)
        try:
            applying.ask_to_confirm(application, caller=client_address(request))
        except NotPossible as error:
            form.add_error(None, str(error))
        else:
            return _page(request, "mailed", application=application)
    return _page(request, "form", form=form, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def application(request: HttpRequest, token: str) -> HttpResponse:
    """Make it an application, with an account or a new one. Works signed in and not."""
    asked = applying.read(token)
    if asked is None:
        return _page(request, "over", status=410)
    if isinstance(request.user, User):
        return _for_somebody(request, asked, request.user)
    if User.objects.filter(email__iexact=asked.email).exists():
        return _page(request, "sign_in", application=asked)
    return _for_a_newcomer(request, asked)


def _for_somebody(request: HttpRequest, asked: Application, user: User) -> HttpResponse:
    if user.email.lower() != asked.email:
        return _page(request, "wrong_person", application=asked, status=403)
    if request.method != "POST":
        return _page(request, "confirm", application=asked)
    return _home(request, applying.apply(asked, user=user))


def _for_a_newcomer(request: HttpRequest, asked: Application) -> HttpResponse:
    form = NewAccountForm(request.POST if request.method == "POST" else None, email=asked.email)
    if form.is_valid():
        try:
            user = applying.apply_with_new_account(asked, **form.cleaned_data)
        except NotPossible as error:
            form.add_error(None, str(error))
        else:
            perform_login(request, user, email_verification="none")
            return _home(request, Company.objects.get(memberships__user=user))
    status = 422 if form.is_bound else 200
    return _page(request, "new", application=asked, form=form, status=status)


def _home(request: HttpRequest, company: Company) -> HttpResponse:
    work_in(request, company)
    return redirect("home")


def _page(request: HttpRequest, state: str, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {"state": state, "here": request.path, **more}
    return render(request, "companies/application.html", context, status=status)
