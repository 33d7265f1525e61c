"""Fetching what people sent."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import inbox, media_inbound, tasks
from messaging.models import InboundMessage, Media, WebhookEvent
from tests import webhooks
from tests.media_files import HTML, JPEG, PDF, PNG


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def receive(graph: Any, channel: Any, apply_inbox: Any) -> Any:
    """Have a person send a file: `receive("image", content=PNG)`."""

    def receive(kind: str = "image", content: bytes = PNG, **more: Any) -> InboundMessage:
        encoded = base64.b64encode(content).decode()
        number, sender = channel.phone_number_id, "254712345678"
        order = graph.inbound(number, sender, type=kind, content=encoded, **more)
        inbox.keep(webhooks.body(channel, **order["value"]), now=timezone.now())
        inbox.apply_pending(now=timezone.now())
        assert not WebhookEvent.objects.exclude(state=WebhookEvent.State.APPLIED).exists()
        return InboundMessage.objects.latest("pk")

    return receive


def fetch(message: InboundMessage, **later: float) -> InboundMessage:
    media_inbound.fetch_next(now=timezone.now() + timedelta(**later))
    message.refresh_from_db()
    return message


def test_a_file_is_fetched_and_kept_for_the_company(receive, acme):
    message = receive("document", PDF, filename="bill.pdf")
    assert message.media_due_at is not None

    fetch(message)

    file = message.stored_media
    assert (file.company, file.origin, file.kind) == (acme, "inbound", "document")
    assert (file.content_type, file.filename, file.size) == (
        "application/pdf",
        "bill.pdf",
        len(PDF),
    )
    assert (message.media_due_at, message.media_problem) == (None, "")
    assert not media_inbound.is_waiting(now=timezone.now() + timedelta(days=9))


@pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker"])
def test_every_kind_of_file_is_fetched(receive, kind, graph, channel):
    order = graph.inbound(channel.phone_number_id, "254712345678", type=kind)
    inbox.keep(webhooks.body(channel, **order["value"]), now=timezone.now())
    inbox.apply_pending(now=timezone.now())

    message = fetch(InboundMessage.objects.get())

    assert message.stored_media.kind == kind


def test_a_page_that_says_it_is_a_picture_is_neither(receive):
    file = fetch(receive("image", HTML, mime_type="image/jpeg")).stored_media

    assert (file.kind, file.content_type) == ("document", "application/octet-stream")


def test_text_has_nothing_to_fetch(receive, graph, channel):
    order = graph.inbound(channel.phone_number_id, "254712345678", type="text")
    inbox.keep(webhooks.body(channel, **order["value"]), now=timezone.now())
    inbox.apply_pending(now=timezone.now())

    assert InboundMessage.objects.get().media_due_at is None
    assert not media_inbound.fetch_next(now=timezone.now())


def test_a_failed_fetch_is_tried_again_with_growing_waits(receive, settings):
    message = receive()
    good, settings.GRAPH_API_URL = settings.GRAPH_API_URL, "http://127.0.0.1:9"
    waits = []
    for _ in range(4):
        now = timezone.now() + timedelta(hours=1)
        media_inbound.fetch_next(now=now)
        message.refresh_from_db()
        waits.append((message.media_due_at - now).total_seconds())
        InboundMessage.objects.update(media_due_at=now)

    assert waits == sorted(waits) and 5 <= waits[0] < 7 and waits[3] >= 320
    assert "could not be reached" in message.media_problem
    settings.GRAPH_API_URL = good
    assert fetch(message, hours=2).stored_media is not None


def test_after_seven_days_it_is_given_up_with_a_reason(receive, settings):
    message = receive()
    settings.GRAPH_API_URL = "http://127.0.0.1:9"

    fetch(message, days=7, seconds=5)

    assert message.media_due_at is None
    assert "could not be reached" in message.media_problem


def test_what_meta_does_not_know_is_given_up_after_a_few_tries(receive):
    message = receive()
    InboundMessage.objects.update(media_id="7900000000000001")

    for _ in range(3):
        assert fetch(message).stored_media is None
        due_at, message.media_due_at = message.media_due_at, timezone.now()
        message.save()

    assert due_at is None
    assert message.media_problem.startswith("Meta said: ")


def test_a_changed_download_is_not_kept(receive, monkeypatch):
    message = receive()
    metadata = media_inbound._metadata
    monkeypatch.setattr(
        media_inbound, "_metadata", lambda *args: {**metadata(*args), "sha256": "0" * 64}
    )

    assert fetch(message).stored_media is None
    assert "not what Meta described" in message.media_problem
    assert not Media.objects.exists()


@pytest.mark.parametrize("told", [True, False])
def test_what_is_too_large_is_not_kept(receive, monkeypatch, told, tmp_path):
    message = receive(content=JPEG.ljust(5000, b"\0"))
    monkeypatch.setattr(media_inbound, "MAX_BYTES", 1000)
    if not told:
        metadata = media_inbound._metadata
        monkeypatch.setattr(media_inbound, "_metadata", lambda *args: _untold(metadata, *args))

    fetch(message)

    assert (message.media_due_at, message.stored_media) == (None, None)
    assert "WhatsApp allows" in message.media_problem


def _untold(metadata: Any, *args: Any) -> dict[str, Any]:
    media_inbound.MAX_BYTES, most = 10**9, media_inbound.MAX_BYTES
    try:
        return {**metadata(*args), "file_size": None}
    finally:
        media_inbound.MAX_BYTES = most


def test_the_token_goes_to_https_only(receive, monkeypatch):
    message = receive()
    monkeypatch.setattr(
        media_inbound, "_metadata", lambda *_: {"url": "http://example.com/x", "sha256": ""}
    )

    assert "not https" in fetch(message).media_problem


def test_two_workers_do_not_fetch_the_same(receive):
    receive()
    now = timezone.now()

    assert media_inbound._take(now) is not None
    assert media_inbound._take(now) is None
    assert media_inbound._take(now + media_inbound.FETCH_LEASE) is not None


def test_a_fetch_that_comes_second_keeps_nothing(receive, tmp_path):
    message = fetch(receive())
    with pytest.raises(media_inbound.NotFetched):
        media_inbound.fetch(InboundMessage.objects.get(pk=message.pk))

    assert Media.objects.count() == 1
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_the_sweep_finds_what_was_lost(receive, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr("messaging.wake.send", lambda task, *_: sent.append(task))
    receive()

    tasks.sweep()

    assert "messaging.fetch_media" in sent


@pytest.mark.django_db(transaction=True)
def test_the_task_fetches_all_that_is_due(receive, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr("messaging.wake.send", lambda task, *_: sent.append(task))
    for _ in range(6):
        receive()
    assert "messaging.fetch_media" in sent

    tasks.fetch_media()

    assert InboundMessage.objects.filter(stored_media__isnull=False).count() == 6


def test_when_a_file_is_deleted_its_message_stays(receive):
    message = fetch(receive())
    Media.objects.update(expires_at=timezone.now())

    tasks.housekeeping()

    message.refresh_from_db()
    assert message.stored_media is None
    assert message.media_due_at is None
