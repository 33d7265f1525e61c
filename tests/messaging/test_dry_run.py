"""What a send would do, and that `accept` then does just that."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import Channel, Company
from contacts.models import Contact
from messaging import compose, dry_run, personal_check, recipients, services
from messaging.dialects.base import template_payload
from messaging.dry_run import DryRun
from messaging.models import Batch, ChannelState, Message, UnusedInput
from messaging.recipients import Refusing
from messaging.services import SendRequest
from tests import factories

pytestmark = pytest.mark.django_db

TEXT = {"type": "text", "text": {"body": "Hello"}}
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def request_for(channel: Channel, **fields: Any) -> SendRequest:
    return SendRequest(**{"channel": channel, "payload": TEXT, "dialect": "portal", **fields})


def refusing(now: datetime) -> Refusing:
    return Refusing(heard_since=now - timedelta(days=1), unreachable_since=now - timedelta(days=30))


def tried(channel: Channel, *, now: datetime = NOW, **fields: Any) -> DryRun:
    return dry_run.run(request_for(channel, **fields), company=channel.company, now=now)


def counts(run: DryRun) -> dict[str, int]:
    return {group.reason: group.count for group in run.groups}


def sent(run: DryRun) -> Batch:
    """The batch that comes of it, with all its people stored."""
    batches: list[Batch] = []
    services.accept(
        run.request,
        caller=compose.caller(run.request.channel.company),
        now=timezone.now(),
        answer=batches.append,  # type: ignore[arg-type]
    )
    while services.expand(batches[0].pk):
        pass
    return Batch.objects.get(pk=batches[0].pk)


@pytest.fixture
def crowd(acme: Company) -> dict[str, Any]:
    """People of every sort, under one tag."""
    now = timezone.now()
    heard = {"last_inbound_at": now - timedelta(hours=1)}
    people = {
        "open": factories.make_contact(acme, "254700000001", **heard),
        "closed": factories.make_contact(
            acme, "254700000002", last_inbound_at=now - timedelta(hours=25)
        ),
        "never": factories.make_contact(acme, "254700000003"),
        "out": factories.make_contact(acme, "254700000004", opted_out_at=now, **heard),
        "gone": factories.make_contact(acme, "254700000005", not_on_whatsapp_at=now, **heard),
    }
    return {"tag": factories.make_tag(acme, *people.values()), **people}


def test_numbers_that_are_none_or_repeated_are_left_out(channel: Channel) -> None:
    run = tried(channel, numbers=["0712345678", "12", "+254 712 345 678", "0722000111"])

    assert run.total == 2
    assert counts(run) == {recipients.NOT_A_NUMBER: 1, recipients.REPEATED: 1}
    assert run.groups[0].examples == ["12"]


@pytest.mark.parametrize("by", ["tag", "numbers"])
@pytest.mark.parametrize("inline", [2_000, 0])
def test_each_sort_of_people_is_left_out_for_its_own_reason_and_accept_does_the_same(
    channel: Channel, crowd: dict[str, Any], by: str, inline: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr(recipients, "INLINE", inline)
    who = (
        {"tags": [crowd["tag"].pk]}
        if by == "tag"
        else {"numbers": [f"+25470000000{n}" for n in range(1, 6)]}
    )
    now = timezone.now()

    run = tried(channel, now=now, refusing=refusing(now), **who)
    batch = sent(run)

    assert run.total == batch.recipients_count == 1
    assert counts(run) == {
        recipients.OPTED_OUT: 1,
        recipients.NOT_ON_WHATSAPP: 1,
        recipients.WINDOW_CLOSED: 2,
    }
    assert Message.objects.get().contact == crowd["open"]
    unused = UnusedInput.objects.values_list("reason", flat=True)
    assert sorted(unused) == sorted(
        reason for reason, count in counts(run).items() for _ in range(count)
    )


def test_a_number_that_nobody_knows_has_no_open_window(channel: Channel) -> None:
    now = timezone.now()

    assert counts(tried(channel, now=now, numbers=["0712345678"], refusing=refusing(now))) == {
        recipients.WINDOW_CLOSED: 1
    }
    assert tried(channel, now=now, numbers=["0712345678"]).total == 1


def test_who_is_named_by_number_and_tag_counts_once(
    channel: Channel, crowd: dict[str, Any]
) -> None:
    run = tried(channel, numbers=["+254700000001"], tags=[crowd["tag"].pk])

    assert run.total == sent(run).recipients_count == 4


def test_people_without_a_number_are_counted_by_the_same_rules(
    channel: Channel, acme: Company
) -> None:
    now = timezone.now()
    numberless = partial(Contact.objects.create, company=acme, last_inbound_at=now)
    people = [
        factories.make_contact(acme, last_inbound_at=now),
        numberless(bsuid="KE.1"),
        numberless(bsuid="KE.2", opted_out_at=now),
        numberless(bsuid="KE.3", not_on_whatsapp_at=now),
        factories.make_contact(acme, opted_out_at=now, not_on_whatsapp_at=now),
    ]
    tags = [factories.make_tag(acme, *people).pk, factories.make_tag(acme, *people[:3]).pk]

    everybody = tried(channel, now=now, tags=tags)
    strict = tried(channel, now=now, tags=tags, refusing=refusing(now))

    assert (everybody.total, counts(everybody)) == (3, {recipients.OPTED_OUT: 2})
    assert (strict.total, counts(strict)) == (
        2,
        {recipients.OPTED_OUT: 2, recipients.NOT_ON_WHATSAPP: 1},
    )
    assert sent(strict).recipients_count == 2


def test_another_companys_tag_reaches_nobody(channel: Channel, rival: Company) -> None:
    tag = factories.make_tag(rival, factories.make_contact(rival))

    assert tried(channel, tags=[tag.pk]).total == 0


def test_the_daily_limit_cuts_off_the_last_ones(channel: Channel, acme: Company) -> None:
    channel.daily_limit = 10
    channel.save()
    today = timezone.localdate(timezone=zoneinfo.ZoneInfo(acme.time_zone))
    ChannelState.objects.filter(channel=channel).update(day=today, day_count=7)
    people = [factories.make_contact(acme) for _ in range(4)]

    run = tried(
        channel,
        now=timezone.now(),
        numbers=["0712345678", "0722000111"],
        tags=[factories.make_tag(acme, *people).pk],
    )
    batch = sent(run)

    assert (run.room_today, run.total, batch.recipients_count) == (3, 3, 3)
    assert counts(run) == {recipients.OVER_LIMIT: 3}


def test_yesterdays_messages_don_t_count_against_the_limit_of_today(channel: Channel) -> None:
    channel.daily_limit = 10
    channel.save()
    ChannelState.objects.filter(channel=channel).update(day=date(2026, 11, 20), day_count=10)

    assert tried(channel, numbers=["0712345678"]).room_today == 10


def test_the_cost_is_the_companys_own_price_and_must_be_there(
    channel: Channel, acme: Company
) -> None:
    acme.prices = {"SERVICE": 400_000}
    acme.save()

    two = tried(channel, numbers=["0712345678", "0722000111"])
    three = tried(channel, numbers=["0712345678", "0722000111", "0733000111"])

    assert (two.cost, two.is_possible) == (800_000, True)
    assert (three.cost, three.is_affordable, three.is_possible) == (1_200_000, False, False)


def test_it_ends_after_what_is_queued_before_it_at_the_channels_rate(channel: Channel) -> None:
    channel.rate_per_second = 2
    channel.save()
    batch = factories.make_batch(channel)
    for _ in range(10):
        factories.make_message(channel, batch=batch, due_at=NOW - timedelta(seconds=1))
    factories.make_message(channel, batch=batch, due_at=NOW + timedelta(days=1))

    at_once = tried(channel, numbers=["0712345678", "0722000111"])
    later = tried(channel, numbers=["0712345678"], due_at=NOW + timedelta(hours=1))

    assert at_once.ends_at == NOW + timedelta(seconds=6)
    assert later.ends_at == NOW + timedelta(hours=1, seconds=0.5)


def test_the_list_of_those_left_out_names_each_once(
    channel: Channel, acme: Company, crowd: dict[str, Any], monkeypatch: Any
) -> None:
    monkeypatch.setattr(recipients, "SLICE", 2)
    now = timezone.now()
    request = request_for(
        channel, numbers=["12", "0712345678"], tags=[crowd["tag"].pk], refusing=refusing(now)
    )

    everybody = list(dry_run.each_left_out(request, company=acme, reason=""))
    closed = dry_run.each_left_out(request, company=acme, reason=recipients.WINDOW_CLOSED)

    assert sorted(everybody) == [
        ("+254700000002", recipients.WINDOW_CLOSED),
        ("+254700000003", recipients.WINDOW_CLOSED),
        ("+254700000004", recipients.OPTED_OUT),
        ("+254700000005", recipients.NOT_ON_WHATSAPP),
        ("+254712345678", recipients.WINDOW_CLOSED),
        ("12", recipients.NOT_A_NUMBER),
    ]
    assert [given for given, _ in closed] == ["+254712345678", "+254700000002", "+254700000003"]


def test_the_list_of_those_left_out_needs_no_tag(channel: Channel, acme: Company) -> None:
    request = request_for(channel, numbers=["12"])

    left_out = list(dry_run.each_left_out(request, company=acme, reason=""))

    assert left_out == [("12", recipients.NOT_A_NUMBER)]


def test_it_takes_as_many_queries_for_many_people_as_for_few(
    channel: Channel, acme: Company, crowd: dict[str, Any]
) -> None:
    with CaptureQueriesContext(connection) as few:
        tried(channel, tags=[crowd["tag"].pk], refusing=refusing(NOW))
    tag = factories.make_tag(acme, *(factories.make_contact(acme) for _ in range(50)))
    with CaptureQueriesContext(connection) as many:
        tried(channel, tags=[tag.pk], refusing=refusing(NOW))

    assert len(many) <= len(few) < 10


# --- What is typed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("0712345678\n0722000111", ["0712345678", "0722000111"]),
        ("0712345678, 0722000111; 0733000111", ["0712345678", "0722000111", "0733000111"]),
        ("+254 712 345 678\r\n0722 000 111", ["+254 712 345 678", "0722 000 111"]),
        ("0712345678 0722000111", ["0712345678", "0722000111"]),
        ("0712345678\t0722000111\t\n", ["0712345678", "0722000111"]),
        ("Phone\n0712345678", ["Phone", "0712345678"]),
        ("call me maybe", ["call me maybe"]),
        ("  \n , ;", []),
    ],
)
def test_numbers_are_found_whatever_stands_between_them(typed: str, found: list[str]) -> None:
    assert compose.numbers_in(typed, country="KE") == found


def test_a_time_that_the_clocks_jump_over_is_none() -> None:
    with timezone.override("Europe/Berlin"):
        assert compose.local_moment(date(2026, 3, 29), time(2, 30)) is None
        assert compose.local_moment(date(2026, 3, 29), time(3, 30)) == datetime(
            2026, 3, 29, 1, 30, tzinfo=UTC
        )
        # Twice on the clocks: the first is meant.
        assert compose.local_moment(date(2026, 10, 25), time(2, 30)) == datetime(
            2026, 10, 25, 0, 30, tzinfo=UTC
        )


# --- What is personal ---------------------------------------------------------------------


def greeting(channel: Channel, *texts: str) -> dict[str, Any]:
    variables = " and ".join(f"{{{{{n}}}}}" for n in range(1, len(texts) + 1))
    template = factories.make_template(
        channel.company, components=[{"type": "BODY", "text": f"Hello to you, {variables}, today."}]
    )
    parameters = [{"type": "text", "text": text} for text in texts]
    return {
        "template": template,
        "payload": template_payload(template, [{"type": "body", "parameters": parameters}]),
    }


def test_nothing_is_said_where_everybody_gets_it(channel: Channel, acme: Company) -> None:
    tag = factories.make_tag(acme, factories.make_contact(acme))

    for text in ("friend", "{{contact.name|friend}}", "{{contact.phone}}"):
        assert tried(channel, tags=[tag.pk], **greeting(channel, text)).shortfall is None


def test_who_lacks_a_value_or_has_one_too_long_is_counted_exactly_among_few(
    channel: Channel, acme: Company
) -> None:
    known = [
        factories.make_contact(acme, name="Amina", custom_fields={"city": "Gulu"}),
        factories.make_contact(acme, name="Brian"),
        factories.make_contact(acme, custom_fields={"city": " "}),
        factories.make_contact(acme, name="Long", custom_fields={"city": "x" * 1024}),
        factories.make_contact(acme, opted_out_at=timezone.now()),
    ]
    merged = factories.make_contact(acme, "254722000111", merged_into=known[0])
    run = tried(
        channel,
        tags=[factories.make_tag(acme, *known).pk],
        numbers=[f"+{merged.phone}", "0733000111", f"+{known[1].phone}"],
        **greeting(channel, "{{contact.name}}", "{{contact.custom.city}}"),
    )

    short = run.shortfall
    assert short is not None and short.is_whole
    # Amina by both numbers gets it; Brian (named twice), the numberless, the long one, a stranger do not.
    assert (run.total, short.looked_at, short.count, short.unfit) == (6, 6, 4, 1)
    assert dict(short.reasons) == {"{{contact.custom.city}}": 3, "{{contact.name}}": 2}
    assert short.expected == 4
    assert set(short.examples) <= {"254733000111", *(person.phone for person in known)}


def test_of_many_people_some_are_looked_at_and_it_says_so(
    channel: Channel, acme: Company, monkeypatch: Any
) -> None:
    monkeypatch.setattr(personal_check, "LOOKED_AT", 10)
    people = [factories.make_contact(acme, name="Amina" if n % 2 else "") for n in range(90)]

    short = tried(
        channel,
        tags=[factories.make_tag(acme, *people).pk],
        numbers=["0733000111"],
        **greeting(channel, "{{contact.name}}"),
    ).shortfall

    assert short is not None and not short.is_whole
    assert short.total == 91 and 2 <= short.looked_at <= 30
    assert short.expected == short.count * 91 // short.looked_at


def test_another_companys_contact_has_no_value_here(channel: Channel, rival: Company) -> None:
    factories.make_contact(rival, "254733000111", name="Secret")

    short = tried(
        channel, numbers=["0733000111"], **greeting(channel, "{{contact.name}}")
    ).shortfall

    assert short is not None and short.count == 1


def test_what_was_foretold_is_what_happens(
    channel: Channel, acme: Company, graph: Any, drain: Any
) -> None:
    people = [factories.make_contact(acme, name=name) for name in ("Amina", "", "Brian", "\u200b")]
    run = tried(
        channel,
        tags=[factories.make_tag(acme, *people).pk],
        **greeting(channel, "{{contact.name}}"),
    )

    sent(run)
    drain(channel)

    failed = Message.objects.filter(error_code="value_missing")
    assert run.shortfall is not None and run.shortfall.count == failed.count() == 2
