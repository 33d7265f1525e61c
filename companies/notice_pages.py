"""The page of a company's notices. The bell above all pages counts those that one has not seen."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from companies import notices
from companies.models import Notice
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page

NOTICES_A_PAGE = 25
ICONS = {
    Notice.Level.INFO: ("info-circle", "info"),
    Notice.Level.GOOD: ("circle-check", "ok"),
    Notice.Level.WARNING: ("alert-triangle", "warn"),
    Notice.Level.BAD: ("alert-circle", "bad"),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    notice: Notice
    is_new: bool

    @property
    def icon(self) -> str:
        return ICONS[Notice.Level(self.notice.level)][0]

    @property
    def tone(self) -> str:
        return ICONS[Notice.Level(self.notice.level)][1]


@require_safe
@company_page(Need.READ)
def notice_list(request: PortalRequest) -> HttpResponse:
    """Newest first, from before notice `?before=` on. Once shown, the page has them marked seen."""
    found = Notice.objects.filter(company=request.company).order_by("-pk")
    before = request.GET.get("before", "")
    if before:
        found = found.filter(pk__lt=_number_or_404(before))
    page = list(found[: NOTICES_A_PAGE + 1])
    member = request.membership
    rows = [
        Row(
            notice=notice,
            is_new=notice.pk > member.notices_seen and notice.created_at >= member.created_at,
        )
        for notice in page[:NOTICES_A_PAGE]
    ]
    context = {
        "rows": rows,
        "newest": rows[0].notice.pk if any(row.is_new for row in rows) else None,
        "older": rows[-1].notice.pk if len(page) > NOTICES_A_PAGE else "",
    }
    return render_page(request, "companies/notices.html", context)


@require_POST
@company_page(Need.READ, even_suspended=True)
def notices_seen(request: PortalRequest) -> HttpResponse:
    """The reader has seen the notices to `up_to`."""
    up_to = _number_or_404(request.POST.get("up_to", ""))
    newest = get_object_or_404(Notice, company=request.company, pk=up_to)
    notices.mark_seen(request.membership, up_to=newest.pk)
    if getattr(request, "htmx", False):
        return HttpResponse(status=204)
    return redirect("notices")


def _number_or_404(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return int(text)
