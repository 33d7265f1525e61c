"""The recount: right counters pass, a wrong one is named."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company
from messaging import checks
from messaging.models import Batch, DailyUsage

pytestmark = pytest.mark.django_db(transaction=True)


def test_after_sends_failures_and_refunds_every_counter_is_the_sum_of_the_messages(
    send: Any, drain: Any, channel: Channel, graph: Sandbox
) -> None:
    graph.fault(code=131009, times=3)
    send(phone_number=[f"25470000{n:04d}" for n in range(20)], type="text", message="Hi")
    send(phone_number="254700000001", type="text", message="Hi")

    drain(channel)

    assert sum(Batch.objects.values_list("failed", flat=True)) == 3
    assert list(checks.differences()) == []


@pytest.mark.parametrize("what", ["batch", "usage", "balance"])
def test_a_counter_that_is_off_is_named(send: Any, acme: Company, what: str) -> None:
    send(phone_number="254700000001", type="text", message="Hi")
    if what == "batch":
        Batch.objects.update(sent=1)
    elif what == "usage":
        DailyUsage.objects.update(failed=1)
    else:
        Company.objects.update(credits=5)

    assert any(what in sentence for sentence in checks.differences())
    with pytest.raises(Exception, match="differ"):
        call_command("recount", stdout=StringIO())


def test_in_flight_counts_what_is_not_at_rest(send: Any) -> None:
    send(phone_number="254700000001", type="text", message="Hi")

    assert checks.in_flight() == 1


def test_tokens_are_encrypted_anew_after_a_new_key(channel: Channel, settings: Any) -> None:
    old = settings.FIELD_ENCRYPTION_KEYS
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *old]
    call_command("rotate_encryption", stdout=StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [new]

    assert Channel.objects.get().access_token == channel.access_token
