import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies import credits
from companies.models import AuditEvent, Channel, Company, CreditEntry
from messaging.models import DailyUsage
from tests import factories

pytestmark = pytest.mark.django_db


def _use(channel: Channel, day: date, category: str = "SERVICE", **counts: int) -> None:
    DailyUsage.objects.create(
        company=channel.company, channel=channel, day=day, category=category, **counts
    )


def _today(company: Company) -> date:
    return timezone.localdate(timezone=ZoneInfo(company.time_zone))


def _rows(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def _old(company: Company) -> None:
    """The company is some years old."""
    Company.objects.filter(pk=company.pk).update(created_at=datetime(2024, 1, 1, tzinfo=UTC))


# --- Use ------------------------------------------------------------------------------


def test_a_months_use_is_shown_by_category_and_channel(
    owner: Client, acme: Company, channel: Channel
):
    other = factories.make_channel(acme, name="Second")
    first = date(2026, 3, 1)
    _use(channel, first, "MARKETING", accepted=10, delivered=3, read=5, failed=2, charged=20)
    _use(channel, first + timedelta(days=30), "SERVICE", accepted=1, charged=1)
    _use(other, first, "MARKETING", accepted=100, charged=200)
    _use(channel, date(2026, 4, 1), accepted=999, charged=999)

    response = owner.get("/usage?month=2026-03")

    (_t, _c, by_category), (_t2, _c2, by_channel) = response.context["tables"]
    shown = [(str(line.name), line.accepted, line.arrived, line.charged) for line in by_category]
    assert shown == [("Marketing", 110, 8, 220), ("Service", 1, 0, 1)]
    assert [(line.name, line.charged) for line in by_channel] == [("Second", 200), ("Main", 21)]
    assert response.context["total"].charged == 221
    chart = response.context["chart"]
    assert (len(chart.labels), chart.series[0].values[0], chart.series[1].values[30]) == (
        31,
        220,
        1,
    )


def test_the_way_to_other_months_ends_at_the_companys_beginning_and_now(
    owner: Client, acme: Company
):
    this_month = owner.get("/usage").context
    assert this_month["earlier"] is None
    assert this_month["later"] is None

    _old(acme)
    december = owner.get("/usage?month=2025-12").context
    assert (december["earlier"].text, december["later"].text) == ("2025-11", "2026-01")


@pytest.mark.parametrize("month", ["2026-13", "2026", "nonsense", "0001-01", "9999-12", "2026-1x"])
@pytest.mark.parametrize("page", ["usage", "usage/ledger", "usage/export", "usage/ledger/export"])
def test_a_month_that_is_none_is_not_found(owner: Client, page: str, month: str):
    assert owner.get(f"/{page}?month={month}").status_code == 404


def test_an_owner_sets_the_mark_at_which_to_warn(owner: Client, acme: Company):
    owner.post("/usage", {"low_balance_at": "500"})

    acme.refresh_from_db()
    assert acme.low_balance_at == 500
    assert AuditEvent.objects.get().detail == {"low_balance_at": [None, 500]}

    owner.post("/usage", {"low_balance_at": ""})
    acme.refresh_from_db()
    assert acme.low_balance_at is None


def test_a_mark_that_is_no_number_is_refused_beside_its_field(owner: Client, acme: Company):
    for wrong in ("many", "-1", "1" * 30):
        response = owner.post("/usage", {"low_balance_at": wrong})

        assert response.status_code == 422
        assert response.context["form"].errors["low_balance_at"]
    acme.refresh_from_db()
    assert acme.low_balance_at is None


def test_a_viewer_looks_and_changes_nothing(viewer: Client, acme: Company):
    assert b"low_balance_at" not in viewer.get("/usage").content
    assert viewer.post("/usage", {"low_balance_at": "5"}).status_code == 403


def test_a_low_balance_is_said(owner: Client, acme: Company):
    Company.objects.filter(pk=acme.pk).update(credits=10, low_balance_at=11)

    assert b"Your credit is running low." in owner.get("/usage").content


def test_use_is_exported_by_day_channel_and_category(owner: Client, channel: Channel):
    _use(channel, date(2026, 3, 2), "UTILITY", accepted=4, delivered=1, read=2, failed=1, charged=4)

    response = owner.get("/usage/export?month=2026-03")

    [row] = _rows(response)
    assert row == {
        "day": "2026-03-02",
        "channel": "Main",
        "category": "UTILITY",
        "accepted": "4",
        "delivered": "3",
        "read": "2",
        "failed": "1",
        "credits": "4",
    }


def test_another_companys_use_is_not_shown(owner: Client, rival: Company):
    _use(rival.channels.get(), _today(rival), accepted=424242, charged=424242)

    assert b"424,242" not in owner.get("/usage").content
    assert _rows(owner.get("/usage/export")) == []
    assert len(_rows(owner.get("/usage/ledger/export"))) == 1  # its own first credit


# --- The ledger -----------------------------------------------------------------------


def _charges(channel: Channel, count: int) -> None:
    for _ in range(count):
        batch = factories.make_batch(channel)
        credits.charge(company_id=channel.company_id, amount=1, batch_id=batch.pk)


def test_the_ledger_is_read_a_page_at_a_time(owner: Client, channel: Channel):
    _charges(channel, 60)

    first = owner.get("/usage/ledger")
    second = owner.get(f"/usage/ledger?before={first.context['older']}")

    amounts = [e.row.amount for page in (first, second) for e in page.context["rows"]]
    assert amounts == [*[-1] * 60, 1_000_000]
    assert second.context["older"] == ""
    assert first.context["rows"][0].batch in first.content.decode()


def test_each_movement_shows_what_was_left_after_it(owner: Client, channel: Channel, monkeypatch):
    _charges(channel, 60)

    first = owner.get("/usage/ledger")
    second = owner.get(f"/usage/ledger?before={first.context['older']}")

    balances = [e.balance for page in (first, second) for e in page.context["rows"]]
    assert balances == list(range(999_940, 1_000_001))
    assert "999,940" in first.content.decode()

    monkeypatch.setattr("companies.credits.LOOKED_BACK", 40)
    far_back = owner.get(f"/usage/ledger?before={first.context['older']}")
    assert not far_back.context["has_balance"]


def test_top_ups_are_found_among_many_charges_with_their_note(
    owner: Client, acme: Company, channel: Channel
):
    _charges(channel, 55)
    staff = factories.make_user("staff@tuma.example")
    credits.top_up(company=acme, amount=5000, author=staff, note="Invoice 12, أحمد")
    _charges(channel, 55)

    response = owner.get("/usage/ledger?only=paid")

    assert [entry.row.amount for entry in response.context["rows"]] == [5000, 1_000_000]
    assert "Invoice 12, أحمد" in response.content.decode()
    assert "+5,000" in response.content.decode()


def test_the_ledger_is_of_one_month_of_the_companys_days(owner: Client, acme: Company):
    # 1 March in Nairobi begins at 21:00 of 28 February, UTC.
    _old(acme)
    times = [datetime(2026, 2, 28, 20, tzinfo=UTC), datetime(2026, 2, 28, 22, tzinfo=UTC)]
    CreditEntry.objects.all().delete()
    for number, at in enumerate(times, start=1):
        entry = CreditEntry.objects.create(company=acme, kind="top_up", amount=number)
        CreditEntry.objects.filter(pk=entry.pk).update(created_at=at)

    def amounts(month: str) -> list[int]:
        rows = owner.get(f"/usage/ledger?month={month}").context["rows"]
        return [entry.row.amount for entry in rows]

    assert (amounts("2026-02"), amounts("2026-03"), amounts("2026-04")) == ([1], [2], [])


def test_the_ledger_costs_the_same_queries_whatever_its_length(
    owner: Client, acme: Company, channel: Channel
):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            owner.get("/usage/ledger")
        return len(seen)

    few = queries()
    _charges(channel, 30)

    assert queries() == few


def test_the_ledger_is_exported_whole(
    owner: Client, acme: Company, channel: Channel, monkeypatch: pytest.MonkeyPatch
):
    _charges(channel, 5)
    monkeypatch.setattr("messaging.usage_pages._AT_ONCE", 2)

    rows = _rows(owner.get("/usage/ledger/export"))

    assert [row["credits"] for row in rows] == [*["-1"] * 5, "1000000"]
    assert rows[0]["batch_id"].startswith("batch_")
    assert rows[-1]["kind"] == "top_up"


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30])
def test_a_place_that_is_none_is_not_found(owner: Client, before: str):
    assert owner.get(f"/usage/ledger?before={before}").status_code == 404
