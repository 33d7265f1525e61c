from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies import notices
from companies.models import Company, Notice, User
from messaging import tasks
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def tell(acme: Company) -> Callable[..., Notice]:
    def notify(**fields: Any) -> Notice:
        return notices.notify(acme, **{"title": "Hello", "text": "Something happened.", **fields})

    return notify


def _bell(client: Client) -> str:
    page = client.get("/companies").content.decode()
    return page.partition('aria-label="Notices: ')[2].partition(" ")[0]


def _mail_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: EmailBackend) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "open", refuse)


# --- The page and the bell -------------------------------------------------------------


def test_a_notice_is_on_the_page_with_its_way_to_the_thing(owner: Client, tell: Any):
    tell(title="Channel <lost>", text="One\nTwo", link="/batches", level="bad")

    page = owner.get("/companies/notices").content.decode()

    assert "Channel &lt;lost&gt;" in page
    assert "One<br>Two" in page
    assert 'href="/batches"' in page
    assert "Trouble" in page


def test_no_entry_of_the_side_navigation_is_current_there(owner: Client):
    assert b'aria-current="page"' not in owner.get("/companies/notices").content


def test_an_empty_page_says_what_will_come(owner: Client):
    assert b"No notices yet" in owner.get("/companies/notices").content


def test_the_bell_counts_for_each_person_what_they_have_not_seen(
    owner: Client, viewer: Client, tell: Any
):
    last = [tell() for _ in range(3)][-1]
    assert (_bell(owner), _bell(viewer)) == ("3", "3")

    page = owner.get("/companies/notices")
    assert page.context["newest"] == last.pk
    assert _bell(owner) == "3"  # looking is a GET, and changes nothing
    seen = owner.post("/companies/notices/seen", {"up_to": last.pk}, headers={"HX-Request": "true"})

    assert seen.status_code == 204
    assert (_bell(owner), _bell(viewer)) == ("0", "3")
    assert b"New</span>" not in owner.get("/companies/notices").content


def test_what_was_seen_stays_seen(owner: Client, tell: Any):
    first, last = tell(), tell()
    owner.post("/companies/notices/seen", {"up_to": last.pk})

    owner.post("/companies/notices/seen", {"up_to": first.pk})

    assert _bell(owner) == "0"


def test_who_joins_has_no_old_notices_to_catch_up_on(tell: Any, acme: Company, browser: Any):
    tell()

    late = browser(factories.make_user(company=acme))

    assert _bell(late) == "0"


def test_many_are_counted_no_further_than_the_bell_tells(owner: Client, tell: Any):
    for _ in range(12):
        tell()

    assert b"9+" in owner.get("/companies").content


def test_another_companys_notices_are_neither_shown_nor_counted_nor_seen(
    stranger: Client, tell: Any
):
    notice = tell(title="ACME ONLY")

    assert b"ACME ONLY" not in stranger.get("/companies/notices").content
    assert _bell(stranger) == "0"
    assert stranger.post("/companies/notices/seen", {"up_to": notice.pk}).status_code == 404


@pytest.mark.parametrize("up_to", ["", "x", "-1", "9" * 30, "0"])
def test_nonsense_is_not_found(owner: Client, up_to: str):
    assert owner.post("/companies/notices/seen", {"up_to": up_to}).status_code == 404
    assert owner.get(f"/companies/notices?before={up_to or 'x'}").status_code in (200, 404)


def test_pages_of_notices_cost_the_same_however_many_there_are(owner: Client, tell: Any):
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as counted:
            owner.get(path)
        return len(counted)

    tell()
    few = queries("/companies/notices")
    for _ in range(30):
        tell()

    assert queries("/companies/notices") == few
    older = owner.get("/companies/notices").context["older"]
    assert len(owner.get(f"/companies/notices?before={older}").context["rows"]) == 6


def test_a_link_leads_nowhere_else(tell: Any):
    with pytest.raises(ValueError, match="not a path"):
        tell(link="https://evil.example/")


# --- Mails -----------------------------------------------------------------------------


def test_the_people_of_the_roles_are_mailed_once_each(acme: Company, tell: Any):
    for role in ("owner", "developer", "operator", "viewer"):
        factories.make_user(f"{role}@acme.example", company=acme, role=role)
    User.objects.filter(email="developer@acme.example").update(is_active=False)
    factories.make_user("second@acme.example", company=acme, role="developer")
    tell(link="/batches")

    for _ in range(2):
        tasks.mail_notices()

    assert [each.to for each in mail.outbox] == [["owner@acme.example"], ["second@acme.example"]]
    assert mail.outbox[0].subject == "Hello (Acme)"
    assert "/batches" in mail.outbox[0].body


def test_a_notice_for_no_role_is_shown_and_not_mailed(acme: Company, tell: Any):
    factories.make_user(company=acme)
    tell(roles=[])

    tasks.mail_notices()

    assert mail.outbox == []
    assert Notice.objects.count() == 1


def test_what_the_mail_server_missed_stays_due(
    acme: Company, tell: Any, monkeypatch: pytest.MonkeyPatch
):
    factories.make_user("owner@acme.example", company=acme)
    tell()
    with monkeypatch.context() as patch:
        _mail_away(patch)
        tasks.mail_notices()
    assert notices.is_mail_due(now=timezone.now())

    tasks.mail_notices()

    assert [each.to for each in mail.outbox] == [["owner@acme.example"]]
    assert not notices.is_mail_due(now=timezone.now())


def test_an_address_that_is_refused_keeps_the_mail_from_nobody_else(
    acme: Company, tell: Any, monkeypatch: pytest.MonkeyPatch
):
    for name in ("bad", "good"):
        factories.make_user(f"{name}@acme.example", company=acme)
    deliver = EmailBackend.send_messages

    def refuse_one(self: EmailBackend, messages: Any) -> int:
        if messages[0].to == ["bad@acme.example"]:
            raise ConnectionResetError
        return deliver(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", refuse_one)
    tell()

    tasks.mail_notices()

    assert [each.to for each in mail.outbox] == [["good@acme.example"]]
    assert not notices.is_mail_due(now=timezone.now())


def test_the_sweep_has_due_mails_sent_and_leaves_an_absent_server_in_peace(
    acme: Company, tell: Any, monkeypatch: pytest.MonkeyPatch
):
    sent: list[str] = []
    monkeypatch.setattr("messaging.wake.send", lambda task, *_: sent.append(task))
    factories.make_user(company=acme)
    tell()
    tasks.sweep()
    assert "messaging.mail_notices" in sent

    _mail_away(monkeypatch)
    tasks.mail_notices()
    sent.clear()
    tasks.sweep()

    assert "messaging.mail_notices" not in sent


# --- Low balance -----------------------------------------------------------------------


def test_a_balance_below_the_mark_is_told_once_and_again_after_it_was_above(acme: Company):
    Company.objects.update(low_balance_at=500_000)
    notices.tell_low_balances()
    assert not Notice.objects.exists()

    Company.objects.update(credits=499_999)
    for _ in range(2):
        notices.tell_low_balances()
    assert "499,999" in Notice.objects.get().text

    Company.objects.update(credits=500_000)
    notices.tell_low_balances()
    Company.objects.update(credits=1)
    notices.tell_low_balances()
    assert Notice.objects.filter(company=acme, level="warning").count() == 2


def test_without_a_mark_nobody_is_told(acme: Company):
    Company.objects.update(credits=0)

    notices.tell_low_balances()

    assert not Notice.objects.exists()


def test_the_mark_may_be_lifted(acme: Company):
    Company.objects.update(low_balance_at=2_000_000)
    notices.tell_low_balances()
    Company.objects.update(low_balance_at=None)
    notices.tell_low_balances()

    assert not Company.objects.get(pk=acme.pk).low_balance_told


def test_the_owner_sets_the_mark_in_the_settings(owner: Client, acme: Company):
    owner.post(
        "/companies/settings",
        {"name": acme.name, "time_zone": acme.time_zone, "low_balance_at": "5000"},
    )

    acme.refresh_from_db()
    assert acme.low_balance_at == 5000
