"""The frame that all pages of a company's people share: who may see them, and what stands around them.

A person may belong to several companies; the session remembers the one in which they work now, and
every page asks only for that company's rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from companies import navigation, notices, roles
from companies.models import Company, Membership
from companies.roles import May, Need, Rule

_SESSION_COMPANY = "company_id"
_SAFE = {"GET", "HEAD", "OPTIONS"}
OWNERS_NAMED = 3

View = Callable[..., HttpResponseBase]


class PortalRequest(HttpRequest):
    """A request of a member, as `company_page` hands it to a view."""

    membership: Membership
    memberships: list[Membership]
    company: Company
    may: May


def find_membership(request: HttpRequest) -> Membership | None:
    """The membership in which the person works now; also kept on the request, with the others."""
    memberships = list(
        Membership.objects.filter(user=request.user)  # type: ignore[misc]  # signed in, as all callers saw
        .select_related("company")
        .order_by("company__name", "pk")
    )
    chosen = request.session.get(_SESSION_COMPANY)
    membership = next((each for each in memberships if each.company_id == chosen), None)
    membership = membership or next(iter(memberships), None)
    request.memberships = memberships  # type: ignore[attr-defined]
    request.membership = membership  # type: ignore[attr-defined]
    return membership


def company_page(
    need: Need, *, post: Need | None = None, even_suspended: bool = False
) -> Callable[[View], View]:
    """For members whose role allows it; every view of the portal stands under it, right below the
    decorator of its methods.

        @company_page(Need.SEND)                    to look and to change alike
        @company_page(Need.READ, post=Need.SEND)    a lower need to look than to change

    In a suspended company nothing is changed, save by a view with `even_suspended`. Times are shown
    in the company's time zone, and no cache keeps the page. The view carries its rule as `rule`.
    """
    rule = Rule(read=need, change=post or need, even_suspended=even_suspended)

    def decorate(view: View) -> View:
        @login_required
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = getattr(request, "membership", None) or find_membership(request)
            if membership is None:
                return redirect("home")
            request.company = membership.company  # type: ignore[attr-defined]
            request.may = May(membership)  # type: ignore[attr-defined]
            with timezone.override(membership.company.time_zone):
                refusal = _refusal(request, rule)  # type: ignore[arg-type]
                return refusal or view(request, *args, **kwargs)

        @never_cache
        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # A part that refreshes itself must not swap the sign-in page into the page around it.
            if getattr(request, "htmx", False) and not request.user.is_authenticated:
                return HttpResponseClientRefresh()
            if not request.user.is_authenticated and request.method not in _SAFE:
                return _sign_in_again(request)
            return page(request, *args, **kwargs)

        wrapper.rule = rule  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _sign_in_again(request: HttpRequest) -> HttpResponse:
    """For who was signed out in the middle of a form: says that it was lost, and leads back to its
    page, since the address that took it may have none.
    """
    messages.warning(
        request, _("You had been signed out, so nothing was changed. Sign in and do it once more.")
    )
    came_from = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(came_from, {request.get_host()}):
        return redirect_to_login(reverse("home"))
    return redirect_to_login(urlsplit(came_from)._replace(scheme="", netloc="").geturl())


def _refusal(request: PortalRequest, rule: Rule) -> HttpResponse | None:
    """Why the member may not, as a page; None where they may."""
    is_change = request.method not in _SAFE
    need = rule.change if is_change else rule.read
    if not roles.allows(request.membership.role, need):
        return _refused(request, roles=[role.label for role in roles.allowed_roles(need)])
    if is_change and not rule.even_suspended and roles.is_frozen(request.company, need):
        return _refused(request, frozen=True)
    return None


def _refused(request: PortalRequest, **why: Any) -> HttpResponse:
    owners = Membership.objects.filter(company=request.company, role=Membership.Role.OWNER)
    named = owners.select_related("user").order_by("pk")[:OWNERS_NAMED]
    context = {"owners": [owner.user for owner in named], **why}
    return render_page(request, "companies/refused.html", context, status=403)


def render_page(
    request: PortalRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page within the frame: side navigation, company switcher, banner of a suspended company.

    Besides its own context a page has `membership`, `company`, and `may`: what to offer
    (`may.send`, `may.integrate`, `may.administer`).
    """
    frame = {
        "membership": request.membership,
        "memberships": request.memberships,
        "company": request.membership.company,
        "may": request.may,
        "navigation": navigation.groups(role=request.membership.role, path=request.path),
        "unread_notices": notices.unread(request.membership),
    }
    return render(request, template, {**frame, **context}, status=status)


@require_POST
@company_page(Need.READ, even_suspended=True)
def switch(request: PortalRequest) -> HttpResponse:
    """Work in another of one's companies from now on."""
    wanted = request.POST.get("company", "")
    membership = next((m for m in request.memberships if str(m.company_id) == wanted), None)
    if membership is None:
        raise PermissionDenied
    work_in(request, membership.company)
    return redirect("home")


def work_in(request: HttpRequest, company: Company) -> None:
    """From its next page on, the session shows this company; the person must belong to it."""
    request.session[_SESSION_COMPANY] = company.pk
