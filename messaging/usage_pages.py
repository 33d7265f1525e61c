"""What a company used of its credit, by month: messages by category and channel, and the ledger."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from companies import audit, credits
from companies.charts import Chart, Colour, Series
from companies.models import Channel, Company, CreditEntry
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config import by_time, public_ids
from messaging import csv_download
from messaging.display import Pill
from messaging.models import DailyUsage

ENTRIES_A_PAGE = 50
MAX_EXPORT = 100_000
_AT_ONCE = 2_000
_Kind = CreditEntry.Kind
PAID_IN = (_Kind.TOP_UP, _Kind.ADJUSTMENT)
KINDS = {
    _Kind.TOP_UP: Pill("plus", _("Top-up"), "ok"),
    _Kind.ADJUSTMENT: Pill("adjustments", _("Adjustment"), "info"),
    _Kind.CHARGE: Pill("send", _("Charge")),
    _Kind.REFUND: Pill("corner-up-left", _("Refund"), "ok"),
    _Kind.TAKEN_BACK: Pill("rotate-clockwise", _("Refund taken back"), "warn"),
}
CATEGORIES: dict[str, tuple[Promise, Colour]] = {
    "MARKETING": (_("Marketing"), "read"),
    "UTILITY": (_("Utility"), "sent"),
    "AUTHENTICATION": (_("Authentication"), "uncertain"),
    "SERVICE": (_("Service"), "quiet"),
}


@dataclass(frozen=True)
class Month:
    """A month of the company's days."""

    first: date

    @classmethod
    def asked(cls, text: str) -> Month:
        """`2026-11`, or this month where nothing is asked for. Raises Http404."""
        today = timezone.localdate()
        if not text:
            return cls(today.replace(day=1))
        try:
            first = date.fromisoformat(f"{text}-01") if len(text) == 7 else None
        except ValueError:
            first = None
        if first is None or not 2000 <= first.year <= today.year + 1:
            raise Http404
        return cls(first)

    @property
    def text(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def words(self) -> str:
        return date_format(self.first, "F Y")

    @property
    def following(self) -> Month:
        return Month((self.first + timedelta(days=31)).replace(day=1))

    @property
    def before(self) -> Month:
        return Month((self.first - timedelta(days=1)).replace(day=1))

    @property
    def days(self) -> list[date]:
        """Up to today."""
        last = min(self.following.first - timedelta(days=1), timezone.localdate())
        return [self.first + timedelta(days=n) for n in range((last - self.first).days + 1)]

    @property
    def start(self) -> datetime:
        """Its beginning, in the company's time zone (the page's current one)."""
        return timezone.make_aware(datetime.combine(self.first, time.min))


def _frame(request: PortalRequest, month: Month, *, page: str) -> dict[str, Any]:
    """What both pages show: the tabs, and the way to other months."""
    query = f"?month={month.text}"
    began = timezone.localtime(request.company.created_at).date()
    return {
        "month": month,
        "earlier": month.before if month.first > began else None,
        "later": month.following if month.following.first <= timezone.localdate() else None,
        "tabs": [
            (gettext("Use"), reverse("usage") + query, page == "usage"),
            (gettext("Ledger"), reverse("usage_ledger") + query, page == "ledger"),
        ],
    }


# --- Use ------------------------------------------------------------------------------


class LowBalanceForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Company
        fields: ClassVar[Any] = ["low_balance_at"]
        labels: ClassVar[Any] = {"low_balance_at": _("Warn when fewer credits are left than")}
        help_texts: ClassVar[Any] = {
            "low_balance_at": _("Owners and developers get a mail, once each time. Empty: never.")
        }


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a table of use; no name for the total."""

    name: str | Promise
    accepted: int
    arrived: int
    failed: int
    charged: int


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.READ, post=Need.ADMINISTER)
def usage(request: PortalRequest) -> HttpResponse:
    """A month's use (`?month=`), the balance, and the mark at which to warn; a POST sets that."""
    company = request.company
    month = Month.asked(request.GET.get("month", ""))
    before = company.low_balance_at
    form = LowBalanceForm(request.POST if request.method == "POST" else None, instance=company)
    if form.is_bound and form.is_valid():
        _save_mark(request, form, before)
        return redirect("usage")
    company.low_balance_at = before  # an invalid form has written into what the frame shows
    rows = _used(company, month)
    channels = dict(Channel.objects.filter(company=company).values_list("pk", "name"))
    context = {
        **_frame(request, month, page="usage"),
        "form": form,
        "is_low": before is not None and company.credits < before,
        "chart": _chart(rows, month),
        "total": _line("", rows),
        "tables": [
            (gettext("By category"), gettext("Category"), _lines(rows, "category", _category)),
            (gettext("By channel"), gettext("Channel"), _lines(rows, "channel_id", channels.get)),
        ],
    }
    return render_page(request, "messaging/usage.html", context, status=422 if form.errors else 200)


@transaction.atomic
def _save_mark(request: PortalRequest, form: LowBalanceForm, before: int | None) -> None:
    after = form.cleaned_data["low_balance_at"]
    Company.objects.filter(pk=request.company.pk).update(low_balance_at=after)
    if after != before:
        audit.record(
            request,
            company=request.company,
            kind=audit.Kind.SETTINGS_CHANGED,
            label=request.company.name,
            detail={"low_balance_at": [before, after]},
        )
    messages.success(request, gettext("Saved."))


def _used(company: Company, month: Month) -> list[dict[str, Any]]:
    """By day, channel and category."""
    days = (month.first, month.following.first - timedelta(days=1))
    found = DailyUsage.objects.filter(company=company, day__range=days)
    rows = found.order_by("day", "channel", "category").values(
        "day", "channel_id", "category", "accepted", "delivered", "read", "failed", "charged"
    )
    return [{**row} for row in rows]


def _line(name: str | Promise, rows: list[dict[str, Any]]) -> Line:
    return Line(
        name=name,
        accepted=sum(row["accepted"] for row in rows),
        # The counters say where messages rest, and what was read was delivered before.
        arrived=sum(row["delivered"] + row["read"] for row in rows),
        failed=sum(row["failed"] for row in rows),
        charged=sum(row["charged"] for row in rows),
    )


def _lines(rows: list[dict[str, Any]], key: str, name: Any) -> list[Line]:
    """One for each value of `key`, the dearest first."""
    values = dict.fromkeys(row[key] for row in rows)
    lines = [_line(name(value) or "–", [r for r in rows if r[key] == value]) for value in values]
    return sorted(lines, key=lambda line: (-line.charged, -line.accepted))


def _category(category: str) -> str | Promise:
    return CATEGORIES[category][0] if category in CATEGORIES else category.capitalize()


def _chart(rows: list[dict[str, Any]], month: Month) -> Chart | None:
    """Credits of each day by category; None where there are none."""
    days = month.days
    charged = {(row["day"], row["category"]): 0 for row in rows}
    for row in rows:
        charged[row["day"], row["category"]] += row["charged"]
    if not any(charged.values()):
        return None
    present = [name for name in CATEGORIES if any(key[1] == name for key in charged)]
    return Chart(
        series=[
            Series(
                label=CATEGORIES[name][0],
                colour=CATEGORIES[name][1],
                values=[charged.get((day, name), 0) for day in days],
            )
            for name in present
        ],
        labels=[date_format(day, "j M") for day in days],
        unit=gettext("Day"),
    )


@require_safe
@company_page(Need.READ)
def usage_export(request: PortalRequest) -> HttpResponseBase:
    month = Month.asked(request.GET.get("month", ""))
    channels = dict(Channel.objects.filter(company=request.company).values_list("pk", "name"))
    head = ("day", "channel", "category", "accepted", "delivered", "read", "failed", "credits")
    rows = [
        (
            row["day"],
            channels.get(row["channel_id"], ""),
            row["category"],
            row["accepted"],
            row["delivered"] + row["read"],
            row["read"],
            row["failed"],
            row["charged"],
        )
        for row in _used(request.company, month)
    ]
    return csv_download.download(f"usage-{month.text}", head, rows)


# --- The ledger -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Entry:
    row: CreditEntry
    pill: Pill
    batch: str  # the public id; empty for none
    balance: int | None  # right after it, where that is known

    @property
    def amount(self) -> str:
        sign = "+" if self.row.amount > 0 else "−"
        return f"{sign}{intcomma(abs(self.row.amount))}"


@require_safe
@company_page(Need.READ)
def ledger(request: PortalRequest) -> HttpResponse:
    """A month's movements, newest first, from before entry `?before=` on; `?only=paid` for money that
    came in or was corrected, along an index of its own.
    """
    month = Month.asked(request.GET.get("month", ""))
    only_paid = request.GET.get("only") == "paid"
    found = _entries(request.company, month).select_related("author")
    if only_paid:
        found = found.filter(kind__in=PAID_IN)
    before = request.GET.get("before", "")
    if before:
        if not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Http404
        found = found.filter(pk__lt=int(before))
    page = list(found[: ENTRIES_A_PAGE + 1])
    # Of a part of the movements, each would have to be looked up by itself.
    balance = credits.balance_after(page[0]) if page and not only_paid else None
    context = {
        **_frame(request, month, page="ledger"),
        "rows": list(_shown(page[:ENTRIES_A_PAGE], balance)),
        "has_balance": balance is not None,
        "older": page[ENTRIES_A_PAGE - 1].pk if len(page) > ENTRIES_A_PAGE else "",
        "only_paid": only_paid,
    }
    return render_page(request, "messaging/usage_ledger.html", context)


def _shown(rows: Sequence[CreditEntry], balance: int | None) -> Iterator[Entry]:
    """Newest first; `balance` is the one right after the first."""
    for row in rows:
        kind = KINDS[_Kind(row.kind)]
        yield Entry(row=row, pill=kind, batch=_batch_id(row), balance=balance)
        balance = None if balance is None else balance - row.amount


def _entries(company: Company, month: Month) -> QuerySet[CreditEntry]:
    """Along the index of the ledger, between the ids of the month's beginning and end."""
    since, until = month.start, month.following.start
    low, high = by_time.id_bounds(
        CreditEntry._meta.db_table, company_id=company.pk, since=since, until=until
    )
    found = CreditEntry.objects.filter(company=company, pk__gt=low, pk__lte=high)
    return found.filter(created_at__gte=since, created_at__lt=until).order_by("-pk")


def _batch_id(row: CreditEntry) -> str:
    return public_ids.encode("batch", row.batch_id) if row.batch_id else ""


@require_safe
@company_page(Need.READ)
def ledger_export(request: PortalRequest) -> HttpResponseBase:
    """The newest MAX_EXPORT movements of the month."""
    month = Month.asked(request.GET.get("month", ""))
    head = ("at", "kind", "credits", "batch_id", "note", "by")
    found = _entries(request.company, month).select_related("author")
    zone = zoneinfo.ZoneInfo(request.company.time_zone)
    return csv_download.download(f"ledger-{month.text}", head, _ledger_rows(found, zone))


def _ledger_rows(
    found: QuerySet[CreditEntry], zone: zoneinfo.ZoneInfo
) -> Iterator[tuple[object, ...]]:
    left, page = MAX_EXPORT, list(found[:_AT_ONCE])
    while page and left > 0:
        for row in page:
            yield (
                row.created_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
                row.kind,
                row.amount,
                _batch_id(row),
                row.note,
                row.author.get_full_name() if row.author else "",
            )
        left -= len(page)
        page = list(found.filter(pk__lt=page[-1].pk)[:_AT_ONCE])
