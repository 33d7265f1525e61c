"""The page of a company's API keys, at /companies: make, roll and revoke them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from companies import audit, keys, snippets
from companies.forms import ApiKeyForm, RollKeyForm
from companies.models import ApiKey, Channel, Company, Scope, User
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page

MAX_KEYS_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    key: ApiKey
    state: str  # active, expired or revoked

    @property
    def scopes(self) -> list[str]:
        """In words, where it may not do all."""
        held = [scope for scope in Scope if scope in self.key.scopes]
        return [] if len(held) == len(Scope) else [str(scope.label) for scope in held]


def _key_rows(company: Company, *, now: datetime) -> list[KeyRow]:
    """Newest first, the revoked ones last."""
    found = (
        ApiKey.objects.filter(company=company)
        .select_related("channel", "created_by")
        .order_by(F("revoked_at").desc(nulls_first=True), "-pk")[:MAX_KEYS_SHOWN]
    )
    return [KeyRow(key=key, state=key.state(now=now)) for key in found]


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.READ, post=Need.INTEGRATE)
def api_keys(request: PortalRequest) -> HttpResponse:
    """The company's keys. A new key's text is in the answer to its POST and nowhere else."""
    if request.method != "POST":
        return _keys_page(request)
    form = ApiKeyForm(request.POST, company=request.company)
    if not form.is_valid():
        return _keys_page(request, form, status=422)
    key, text = keys.issue(
        company=request.company, created_by=_person(request), **form.cleaned_data
    )
    audit.record(
        request,
        company=request.company,
        kind=audit.Kind.KEY_CREATED,
        label=str(key),
        detail={"scopes": ", ".join(key.scopes)},
    )
    return _keys_page(request, issued=key, text=text)


def _person(request: PortalRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - company_page lets no one else in
    return request.user


def _keys_page(
    request: PortalRequest,
    form: ApiKeyForm | None = None,
    *,
    issued: ApiKey | None = None,
    text: str = "",
    old: ApiKey | None = None,
    status: int = 200,
) -> HttpResponse:
    """`issued` and `text` are a new key, shown this once; `old` the one that it takes over from."""
    channel = (issued and issued.channel) or default_channel(request.company)
    origin = request.build_absolute_uri("/").rstrip("/")
    context = {
        "form": form or ApiKeyForm(company=request.company),
        "roll_form": RollKeyForm(),
        "keys": _key_rows(request.company, now=timezone.now()),
        "max_keys": MAX_KEYS_SHOWN,
        "issued": issued,
        "issued_text": text,
        "old": old,
        "snippets": snippets.first_send(origin, channel.pk, text) if text and channel else [],
    }
    return render_page(request, "companies/api_keys.html", context, status=status)


def default_channel(company: Company) -> Channel | None:
    """The default channel, else the first that is connected, else any."""
    channels = Channel.objects.filter(company=company).order_by("pk")
    connected = [c for c in channels if c.status == Channel.Status.CONNECTED]
    default = next((c for c in channels if c.is_default), None)
    return default or next(iter(connected or channels), None)


def _key_or_404(request: PortalRequest, public_id: str) -> ApiKey:
    return get_object_or_404(ApiKey, company=request.company, public_id=public_id)


@require_POST
@company_page(Need.INTEGRATE)
def roll_key(request: PortalRequest, public_id: str) -> HttpResponse:
    """A new key in place of an old one, which works on for as long as was chosen."""
    old = _key_or_404(request, public_id)
    form = RollKeyForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose how long the old key goes on working."))
        return redirect("api_keys")
    overlap = form.cleaned_data["overlap"]
    try:
        key, text = keys.roll(old, overlap=overlap, by=_person(request), now=timezone.now())
    except keys.NotLive:
        messages.error(request, _("“%(name)s” works no more: make a new key.") % {"name": old.name})
        return redirect("api_keys")
    old.refresh_from_db(fields=["expires_at"])
    audit.record(
        request,
        company=request.company,
        kind=audit.Kind.KEY_ROLLED,
        label=str(old),
        detail={"new": key.hint, "old key until": _moment(old.expires_at)},
    )
    return _keys_page(request, issued=key, text=text, old=old)


def _moment(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else ""


@require_POST
@company_page(Need.INTEGRATE)
def revoke_key(request: PortalRequest, public_id: str) -> HttpResponse:
    key = _key_or_404(request, public_id)
    if keys.revoke(key):
        audit.record(request, company=request.company, kind=audit.Kind.KEY_REVOKED, label=str(key))
    messages.success(request, _("“%(name)s” is revoked.") % {"name": key.name})
    return redirect("api_keys")
