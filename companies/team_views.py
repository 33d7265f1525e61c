"""The page of a company's team: members, invitations, and what an owner does with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from companies import roles, team
from companies.models import Company, Invitation, Membership
from companies.roles import Need
from companies.team import TeamError
from companies.views import PortalRequest, company_page, render_page

MEMBERS_SHOWN = 200
INVITATIONS_SHOWN = 100
Role = Membership.Role
# What each may do, for those who choose; the rules are in companies.roles.
ROLE_WORDS = {
    Role.OWNER: _("Everything: team, credit, settings too"),
    Role.DEVELOPER: _("Keys, webhooks and channels, and all below"),
    Role.OPERATOR: _("Sends, and looks after contacts and conversations"),
    Role.VIEWER: _("Looks, and changes nothing"),
}


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=_("Email"), widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=[(role, role.label) for role in reversed(roles.RANKS)],
        initial=Role.OPERATOR,
    )


@dataclass(frozen=True, kw_only=True)
class MemberRow:
    member: Membership
    is_me: bool
    other_roles: list[Role]  # that it may be changed to

    @property
    def two_factor(self) -> bool:
        return bool(self.member.two_factor)  # type: ignore[attr-defined]  # annotated


def _members(request: PortalRequest) -> list[MemberRow]:
    """Owners first, then by name."""
    totp = Authenticator.objects.filter(user=OuterRef("user"), type=Authenticator.Type.TOTP)
    found = (
        Membership.objects.filter(company=request.company)
        .select_related("user")
        .annotate(two_factor=Exists(totp))
        .order_by("user__name", "user__email")[:MEMBERS_SHOWN]
    )
    ranked = sorted(found, key=lambda member: -roles.RANKS.index(Role(member.role)))
    return [
        MemberRow(
            member=member,
            is_me=member.pk == request.membership.pk,
            other_roles=[role for role in reversed(roles.RANKS) if role != member.role],
        )
        for member in ranked
    ]


def _invitations(company: Company, *, now: datetime) -> list[tuple[Invitation, bool]]:
    """Those that nobody has accepted, the newest first, with whether the link is still good."""
    found = Invitation.objects.filter(company=company, accepted_at=None, revoked_at=None)
    newest = found.select_related("invited_by").order_by("-sent_at")[:INVITATIONS_SHOWN]
    return [(invitation, invitation.state(now=now) == "open") for invitation in newest]


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.READ, post=Need.ADMINISTER)
def team_page(request: PortalRequest) -> HttpResponse:
    """The members and the open invitations; a POST invites."""
    if request.method != "POST":
        return _page(request, InviteForm())
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            team.invite(request, company=request.company, **form.cleaned_data)
        except TeamError as error:
            form.add_error("email", str(error))
        else:
            messages.success(
                request,
                gettext("An invitation is on its way to %(email)s.")
                % {"email": form.cleaned_data["email"]},
            )
            return redirect("team")
    return _page(request, form, status=422)


def _page(request: PortalRequest, form: InviteForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "may_leave": request.may.change(Need.READ),
        "rows": _members(request),
        "max_members": MEMBERS_SHOWN,
        "invitations": _invitations(request.company, now=timezone.now())
        if roles.allows(request.membership.role, Need.ADMINISTER)
        else [],
        "role_words": [(role.label, ROLE_WORDS[role]) for role in reversed(roles.RANKS)],
    }
    return render_page(request, "companies/team.html", context, status=status)


def _attempt(request: PortalRequest, what: Callable[[], Any], *, done: str) -> HttpResponse:
    """Do it, and say that it is done or why it can't be."""
    try:
        what()
    except TeamError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("team")


def _member_or_404(request: PortalRequest, pk: int) -> Membership:
    found = Membership.objects.select_related("user", "company")
    return get_object_or_404(found, company=request.company, pk=pk)


def _invitation_or_404(request: PortalRequest, pk: int) -> Invitation:
    return get_object_or_404(Invitation, company=request.company, pk=pk)


@require_POST
@company_page(Need.ADMINISTER)
def change_role(request: PortalRequest, pk: int) -> HttpResponse:
    member = _member_or_404(request, pk)
    role = request.POST.get("role", "")
    if role not in Role.values:
        messages.error(request, gettext("There is no such role."))
        return redirect("team")
    return _attempt(
        request,
        lambda: team.change_role(request, member, role=role),
        done=gettext("%(name)s is now %(role)s.")
        % {"name": member.user.get_full_name(), "role": Role(role).label.lower()},
    )


@require_POST
@company_page(Need.ADMINISTER)
def remove(request: PortalRequest, pk: int) -> HttpResponse:
    member = _member_or_404(request, pk)
    return _attempt(
        request,
        lambda: team.remove(request, member),
        done=gettext("%(name)s no longer has access.") % {"name": member.user.get_full_name()},
    )


@require_POST
@company_page(Need.READ)
def leave(request: PortalRequest) -> HttpResponse:
    company = request.company
    try:
        team.leave(request, request.membership)
    except TeamError as error:
        messages.error(request, str(error))
        return redirect("team")
    messages.success(request, gettext("You have left %(company)s.") % {"company": company.name})
    return redirect("home")


@require_POST
@company_page(Need.ADMINISTER)
def invite_again(request: PortalRequest, pk: int) -> HttpResponse:
    invitation = _invitation_or_404(request, pk)
    return _attempt(
        request,
        lambda: team.invite_again(request, invitation),
        done=gettext("A new link is on its way to %(email)s.") % {"email": invitation.email},
    )


@require_POST
@company_page(Need.ADMINISTER)
def revoke_invitation(request: PortalRequest, pk: int) -> HttpResponse:
    invitation = _invitation_or_404(request, pk)
    return _attempt(
        request,
        lambda: team.revoke(request, invitation),
        done=gettext("The link in the mail to %(email)s no longer works.")
        % {"email": invitation.email},
    )
