"""Pages for a company's people: the frame that they all share, and the API keys.

A person may belong to several companies; the session remembers the one in which they work now, and
every page asks only for that company's rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from companies import keys
from companies.forms import ApiKeyForm
from companies.models import ApiKey, Channel, Company, Membership

MAX_KEYS_SHOWN = 200
KEY_MANAGERS = {Membership.Role.OWNER, Membership.Role.DEVELOPER}
_SESSION_COMPANY = "company_id"


class PortalRequest(HttpRequest):
    """A request of a member, as `company_page` hands it to a view."""

    membership: Membership
    memberships: list[Membership]
    company: Company


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


def company_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For members only; times are shown in the company's time zone, and no cache keeps the page."""

    @login_required
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        membership = getattr(request, "membership", None) or find_membership(request)
        if membership is None:
            return redirect("home")
        request.company = membership.company  # type: ignore[attr-defined]
        with timezone.override(membership.company.time_zone):
            return view(request, *args, **kwargs)

    @never_cache
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # A part that refreshes itself must not swap the sign-in page into the page around it.
        if getattr(request, "htmx", False) and not request.user.is_authenticated:
            return HttpResponseClientRefresh()
        return page(request, *args, **kwargs)

    return wrapper


def render_page(
    request: PortalRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page within the frame: side navigation, company switcher, banner of a suspended company."""
    frame = {
        "membership": request.membership,
        "memberships": request.memberships,
        "company": request.membership.company,
    }
    return render(request, template, {**frame, **context}, status=status)


@require_POST
@company_page
def switch(request: PortalRequest) -> HttpResponse:
    """Work in another of one's companies from now on."""
    wanted = request.POST.get("company", "")
    membership = next((m for m in request.memberships if str(m.company_id) == wanted), None)
    if membership is None:
        raise PermissionDenied
    request.session[_SESSION_COMPANY] = membership.company_id
    return redirect("home")


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    key: ApiKey
    state: str  # active, expired or revoked

    @property
    def revocable(self) -> bool:
        return self.state != "revoked"


def key_state(key: ApiKey, *, now: datetime) -> str:
    if key.revoked_at:
        return "revoked"
    return "active" if key.is_live(now=now) else "expired"


def _key_rows(company: Company, *, now: datetime) -> list[KeyRow]:
    """Newest first, the revoked ones last."""
    found = (
        ApiKey.objects.filter(company=company)
        .select_related("channel", "created_by")
        .order_by(F("revoked_at").desc(nulls_first=True), "-pk")[:MAX_KEYS_SHOWN]
    )
    return [KeyRow(key=key, state=key_state(key, now=now)) for key in found]


def _may_manage_keys(request: PortalRequest) -> bool:
    return request.membership.role in KEY_MANAGERS


@require_http_methods(["GET", "HEAD", "POST"])
@company_page
def api_keys(request: PortalRequest) -> HttpResponse:
    """The company's keys. A new key's text is in the answer to its POST and nowhere else."""
    if request.method != "POST":
        return _keys_page(request, ApiKeyForm(company=request.company))
    if not _may_manage_keys(request):
        raise PermissionDenied
    form = ApiKeyForm(request.POST, company=request.company)
    if not form.is_valid():
        return _keys_page(request, form, status=422)
    key, text = keys.issue(
        company=request.company,
        created_by=request.user,  # type: ignore[arg-type]  # company_page lets no one else in
        **form.cleaned_data,
    )
    return _keys_page(request, ApiKeyForm(company=request.company), issued=key, text=text)


def _keys_page(
    request: PortalRequest,
    form: ApiKeyForm,
    *,
    issued: ApiKey | None = None,
    text: str = "",
    status: int = 200,
) -> HttpResponse:
    channel = (issued and issued.channel) or default_channel(request.company)
    context = {
        "form": form,
        "keys": _key_rows(request.company, now=timezone.now()),
        "max_keys": MAX_KEYS_SHOWN,
        "may_manage": _may_manage_keys(request),
        "issued": issued,
        "issued_text": text,
        "curl": curl_example(request, channel, text) if channel else "",
    }
    return render_page(request, "companies/api_keys.html", context, status=status)


def default_channel(company: Company) -> Channel | None:
    """The default channel, else the first that is connected, else any."""
    channels = Channel.objects.filter(company=company).order_by("pk")
    connected = [c for c in channels if c.status == Channel.Status.CONNECTED]
    default = next((c for c in channels if c.is_default), None)
    return default or next(iter(connected or channels), None)


def curl_example(request: HttpRequest, channel: Channel, text: str) -> str:
    """A first send that works when pasted into a shell."""
    origin = f"{request.scheme}://{request.get_host()}"
    body = '{"phone_number": "+254712345678", "type": "text", "message": "Hello from the API!"}'
    return " \\\n  ".join(
        [
            f"curl -X POST {origin}/api/v1/whatsapp/{channel.pk}/messages",
            f'-H "Authorization: Bearer {text}"',
            '-H "Content-Type: application/json"',
            f"-d '{body}'",
        ]
    )


@require_POST
@company_page
def revoke_key(request: PortalRequest, public_id: str) -> HttpResponse:
    if not _may_manage_keys(request):
        raise PermissionDenied
    key = get_object_or_404(ApiKey, company=request.company, public_id=public_id)
    keys.revoke(key)
    messages.success(request, _("“%(name)s” is revoked.") % {"name": key.name})
    return redirect("api_keys")
