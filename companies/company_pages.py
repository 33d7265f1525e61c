"""What an owner looks after: the company's settings, and the record of who did what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from phonenumbers import country_code_for_region

from companies import audit
from companies.forms import AuditFilter, CompanyForm
from companies.models import AuditEvent, Company
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config import by_time

EVENTS_A_PAGE = 50
_ICONS = {
    "person": "user",
    "key": "key",
    "webhook": "webhook",
    "batch": "stack-2",
    "company": "settings",
    "team": "users",
    "channel": "device-mobile",
    "contact": "address-book",
    "import": "address-book",
    "tag": "tags",
    "template": "template",
    "message": "message",
    "staff": "lifebuoy",
    "credit": "coins",
}


@dataclass(frozen=True, kw_only=True)
class EventRow:
    event: AuditEvent

    @property
    def title(self) -> str:
        kinds = audit.Kind
        return str(kinds(self.event.kind).label) if self.event.kind in kinds else self.event.kind

    @property
    def icon(self) -> str:
        return _ICONS.get(self.event.kind.partition(".")[0], "point")

    @property
    def details(self) -> list[tuple[str, str]]:
        """Names and values; a change as `old → new`."""
        return [(name, _detail(value)) for name, value in self.event.detail.items()]


def _detail(value: Any) -> str:
    if isinstance(value, list):
        return " → ".join(str(each) for each in value)
    return str(value)


@require_safe
@company_page(Need.ADMINISTER)
def audit_log(request: PortalRequest) -> HttpResponse:
    """Newest first, from before event `?before=` on; `?kind=` and `?who=` along indexes of their own."""
    found = AuditEvent.objects.filter(company=request.company).order_by("-pk")
    form = AuditFilter(request.GET, company=request.company)
    if form.is_valid():
        found = _wanted(found, form.cleaned_data, company=request.company)
    before = request.GET.get("before", "")
    if before:
        found = found.filter(pk__lt=_number_or_404(before))
    page = list(found[: EVENTS_A_PAGE + 1])
    context = {
        "filter": form,
        "rows": [EventRow(event=event) for event in page[:EVENTS_A_PAGE]],
        "older": page[EVENTS_A_PAGE - 1].pk if len(page) > EVENTS_A_PAGE else "",
    }
    return render_page(request, "companies/audit.html", context)


def _wanted(
    found: QuerySet[AuditEvent], asked: dict[str, Any], *, company: Company
) -> QuerySet[AuditEvent]:
    if asked["kind"]:
        found = found.filter(kind=asked["kind"])
    if asked["who"]:
        found = found.filter(actor_label=asked["who"])
    since = by_time.midnight(asked["since"])
    until = by_time.midnight(asked["until"], after=True)
    low, high = by_time.id_bounds(
        AuditEvent._meta.db_table, company_id=company.pk, since=since, until=until
    )
    if since:
        found = found.filter(pk__gt=low, created_at__gte=since)
    if until:
        found = found.filter(pk__lte=high, created_at__lt=until)
    return found


def _number_or_404(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return int(text)


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.ADMINISTER)
def company_settings(request: PortalRequest) -> HttpResponse:
    """The company's name and time zone. Its country completes phone numbers: staff change that."""
    company = request.company
    before = {name: getattr(company, name) for name in CompanyForm.Meta.fields}
    form = CompanyForm(request.POST if request.method == "POST" else None, instance=company)
    if not form.is_valid():
        # An invalid form has written its values into the company, which the frame shows as well.
        for name, value in before.items():
            setattr(company, name, value)
        context = {"form": form, "calling_code": country_code_for_region(company.country)}
        status = 422 if form.is_bound else 200
        return render_page(request, "companies/settings.html", context, status=status)
    with transaction.atomic():
        form.save()
        if form.changed_data:
            audit.record(
                request,
                company=company,
                kind=audit.Kind.SETTINGS_CHANGED,
                label=company.name,
                detail={name: [before[name], getattr(company, name)] for name in form.changed_data},
            )
    messages.success(request, _("Saved."))
    return redirect("company_settings")
