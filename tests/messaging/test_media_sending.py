"""Sending our own files through a drain and the sandbox."""

import io
import threading
import time
from typing import Any

import pytest
from django.utils import timezone

from messaging import dispatch, media, media_graph, media_retention, media_sending
from messaging.models import Batch, Media, MediaOnGraph, Message, Status
from tests import factories
from tests.media_files import FORMATS, GIF, JPEG, MP4, PDF, PNG, WEBP


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def quick(monkeypatch: Any) -> None:
    monkeypatch.setattr(media_sending, "RETRY_SECONDS", 0.3)
    monkeypatch.setattr(media_sending, "POSTPONE_SECONDS", 0.3)


def keep(company: Any, content: bytes = JPEG, name: str = "a.jpg") -> Media:
    return media.store(company_id=company.pk, file=io.BytesIO(content), filename=name)


def make_batch(channel: Any, payload: dict[str, Any], recipients: int = 1) -> list[Message]:
    batch = factories.make_batch(
        channel,
        payload=payload,
        content_type=payload["type"],
        has_own_media=media.has_own(payload),
        recipients_count=recipients,
    )
    return [factories.make_message(channel, batch=batch) for _ in range(recipients)]


def image(file: Media, **more: Any) -> dict[str, Any]:
    return {"type": "image", "image": {"id": file.public_id, **more}}


def statuses() -> list[Any]:
    return [Status(value) for value in Message.objects.values_list("status", flat=True)]


@pytest.fixture
def counted(monkeypatch: Any) -> list[int]:
    """The media that were uploaded, in order."""
    seen: list[int] = []
    upload = media_graph._upload

    def counting(file: Any, channel: Any) -> str:
        seen.append(file.pk)
        return upload(file, channel)

    monkeypatch.setattr(media_graph, "_upload", counting)
    return seen


def test_a_file_is_uploaded_once_and_sent_to_all(drain, graph, channel, counted):
    file = keep(channel.company)
    make_batch(channel, image(file, caption="Look"), 20)

    drain(channel)

    [row] = MediaOnGraph.objects.all()
    sent = graph.messages()
    assert statuses() == [Status.SENT] * 20
    assert len(sent) == 20
    assert sent[0]["payload"]["image"] == {"id": row.graph_id, "caption": "Look"}
    assert counted == [file.pk]
    assert 29 < (row.expires_at - timezone.now()).days + 1 <= 30


def test_the_next_batch_uses_the_same_upload(drain, channel, counted):
    file = keep(channel.company)
    for _ in range(2):
        make_batch(channel, image(file))
        drain(channel)

    assert statuses() == [Status.SENT] * 2
    assert counted == [file.pk]


def test_each_channel_has_an_upload_of_its_own(drain, acme, channel, counted):
    other, file = factories.make_channel(acme), keep(acme)
    for each in (channel, other):
        make_batch(each, image(file))
        drain(each)

    assert statuses() == [Status.SENT] * 2
    assert counted == [file.pk] * 2
    assert MediaOnGraph.objects.values("graph_id").distinct().count() == 2


def test_an_expired_upload_is_made_again(drain, channel, counted):
    file = keep(channel.company)
    make_batch(channel, image(file))
    drain(channel)
    MediaOnGraph.objects.update(expires_at=timezone.now())

    make_batch(channel, image(file))
    drain(channel)

    assert statuses() == [Status.SENT] * 2
    assert counted == [file.pk] * 2


def test_an_id_that_graph_forgot_is_replaced_and_the_message_sent(drain, channel, counted):
    file = keep(channel.company)
    now = timezone.now()
    MediaOnGraph.objects.create(
        media=file, channel=channel, graph_id="7900000000000001", expires_at=now.replace(year=2100)
    )
    make_batch(channel, image(file), 3)

    deadline = time.monotonic() + 15
    while statuses() != [Status.SENT] * 3 and time.monotonic() < deadline:
        drain(channel)

    assert statuses() == [Status.SENT] * 3
    assert counted == [file.pk]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_sent(drain, graph, channel, name):
    content, _, kind = FORMATS[name]
    file = keep(channel.company, content, name)
    make_batch(channel, {"type": kind, kind: {"id": file.public_id}})

    drain(channel)

    assert statuses() == [Status.SENT]
    said = graph.messages()[0]["payload"][kind]
    assert said.get("filename", "") == (name if kind == "document" else "")
    # Graph takes no upload of a GIF: it fetches that itself.
    assert ("link" in said) == (name == "a.gif")


def test_a_template_and_an_interactive_header_carry_files(drain, graph, channel):
    pdf, picture = keep(channel.company, PDF, "bill.pdf"), keep(channel.company, PNG, "a.png")
    parameter = {"type": "document", "document": {"id": pdf.public_id, "filename": "May.pdf"}}
    payload = {"components": [{"type": "header", "parameters": [parameter]}]}
    desk = {
        "type": "interactive",
        "interactive": {
            "type": "button",
            "header": {"type": "image", "image": {"id": picture.public_id}},
            "body": {"text": "Well?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "media_yes", "title": "Y"}}]},
        },
    }
    make_batch(channel, desk)

    drain(channel)
    batch = factories.make_batch(channel, payload={"type": "template", "template": payload})
    resolved = media_sending.resolve(batch.pk)

    sent = graph.messages()[0]["payload"]["interactive"]
    assert statuses() == [Status.SENT]
    assert sent["header"]["image"]["id"].isdigit()
    assert sent["action"]["buttons"][0]["reply"]["id"] == "media_yes"
    document = resolved["template"]["components"][0]["parameters"][0]["document"]
    assert document["id"].isdigit() and document["filename"] == "May.pdf"


def test_a_refused_upload_fails_the_batch_with_graphs_code(drain, channel):
    file = keep(channel.company, WEBP.ljust(600 * 1024, b"\0"), "a.webp")
    messages = make_batch(channel, {"type": "sticker", "sticker": {"id": file.public_id}}, 3)

    drain(channel)

    assert statuses() == [Status.FAILED] * 3
    assert set(Message.objects.values_list("error_code", flat=True)) == {"131053"}
    assert Batch.objects.get(pk=messages[0].batch_id).halt_code == "131053"


def test_an_upload_that_reaches_nobody_delays_the_messages(drain, channel, monkeypatch, counted):
    upload = media_graph._upload

    def away(*_: Any) -> str:
        if len(counted) < 1:
            counted.append(0)
            raise media_graph.Unreachable("Graph could not be reached: ConnectionError")
        return upload(*_)

    monkeypatch.setattr(media_graph, "_upload", away)
    [message] = make_batch(channel, image(keep(channel.company)))

    drain(channel)
    message.refresh_from_db()
    assert (message.status, message.error_code) == (Status.QUEUED, "unreachable")
    assert message.attempts == 0

    time.sleep(0.4)
    drain(channel)
    assert statuses() == [Status.SENT]


def test_a_passing_refusal_is_tried_again(drain, channel, monkeypatch, graph):
    graph.fault(code=131000, on="media", times=1)
    monkeypatch.setattr("messaging.outcomes.retry_seconds", lambda *_, **__: 0.2)
    make_batch(channel, image(keep(channel.company)))

    drain(channel)
    time.sleep(0.3)
    drain(channel)

    assert statuses() == [Status.SENT]
    assert MediaOnGraph.objects.get().refusals == 0


def test_a_refused_token_holds_the_channel_and_loses_nothing(drain, channel, graph):
    graph.revoke(channel.access_token)
    make_batch(channel, image(keep(channel.company)))

    drain(channel)

    channel.refresh_from_db()
    assert channel.status == channel.Status.DISCONNECTED
    assert statuses() == [Status.QUEUED]
    assert Message.objects.get().attempts == 0
    graph.restore(channel.access_token)


def test_a_slow_upload_holds_up_nobody_else(drain, channel, monkeypatch):
    going, upload = threading.Event(), media_graph._upload

    def slow(*args: Any) -> str:
        going.wait(10)
        return upload(*args)

    monkeypatch.setattr(media_graph, "_upload", slow)
    monkeypatch.setattr(media_sending, "MAX_WAITING", 5)
    with_file = make_batch(channel, image(keep(channel.company)), 30)
    others = make_batch(channel, {"type": "text", "text": {"body": "Hi"}}, 30)
    thread = threading.Thread(target=drain, args=[channel])
    thread.start()

    def count(messages: list[Message]) -> int:
        return Message.objects.filter(
            pk__in=[message.pk for message in messages], status=Status.SENT
        ).count()

    try:
        deadline = time.monotonic() + 8
        while count(others) < 30 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (count(others), count(with_file)) == (30, 0)
    finally:
        going.set()
        thread.join()
    deadline = time.monotonic() + 10
    while count(with_file) < 30 and time.monotonic() < deadline:
        drain(channel)
    assert count(with_file) == 30


def test_the_end_of_a_slice_does_not_wait_for_an_upload(drain, channel, monkeypatch):
    going, upload = threading.Event(), media_graph._upload

    def slow(*args: Any) -> str:
        going.wait(20)
        return upload(*args)

    monkeypatch.setattr(media_graph, "_upload", slow)
    make_batch(channel, image(keep(channel.company)))
    slice_ = dispatch.Drain(slice_seconds=0.5)
    slice_.add(channel.pk)
    started = time.monotonic()

    slice_.run()

    assert time.monotonic() - started < 5
    assert statuses() == [Status.QUEUED]
    going.set()
    deadline = time.monotonic() + 10
    while statuses() != [Status.SENT] and time.monotonic() < deadline:
        drain(channel)
    assert statuses() == [Status.SENT]


def test_a_file_that_was_deleted_fails_the_message_with_a_reason(drain, channel):
    file = keep(channel.company)
    [message] = make_batch(channel, image(file))
    media_retention.delete(file)

    drain(channel)

    message.refresh_from_db()
    assert (message.status, message.error_code) == (Status.FAILED, "media_gone")


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_uploads(channel, graph, counted):
    file = keep(channel.company)
    ids: list[str] = []

    def ask() -> None:
        ids.append(media_graph.graph_id(file, channel))
        media_sending.sql.close_connection()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids) == 4 and len(set(ids)) == 1
    assert counted == [file.pk]


@pytest.mark.django_db(transaction=True)
def test_the_upload_of_a_dead_worker_is_taken_over(channel, graph, counted):
    file = keep(channel.company)
    MediaOnGraph.objects.create(media=file, channel=channel, uploading_until=timezone.now())

    assert media_graph.graph_id(file, channel)
    assert counted == [file.pk]


# --- On the way in ---------------------------------------------------------------------


@pytest.fixture
def post(client: Any, key: str, channel: Any) -> Any:
    """Send a template with a picture in its header: `post(id)`."""
    template = factories.make_template(
        channel.company,
        components=[{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hi"}],
    )

    def send(media_id: str) -> Any:
        parameter = {"type": "image", "image": {"id": media_id}}
        body = {
            "phone_number": "254712345678",
            "type": "template",
            "template_id": template.pk,
            "components": [{"type": "header", "parameters": [parameter]}],
        }
        return client.post(
            f"/api/v1/whatsapp/{channel.pk}/messages",
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )

    return send


def test_a_batch_says_that_it_names_our_files(post, acme, send):
    assert post(keep(acme).public_id).status_code == 200
    assert Batch.objects.get().has_own_media
    send(phone_number="254712345678", type="text", message="Hi")
    assert not Batch.objects.latest("pk").has_own_media


def test_another_companys_file_is_not_sent(post, rival):
    response = post(keep(rival).public_id)

    assert (response.status_code, response.json()["code"]) == (404, "media_not_found")
    assert not Batch.objects.exists()


@pytest.mark.parametrize("media_id", ["media_", "media_0000000000000", "media_x\u0000"])
def test_an_unknown_file_is_refused(post, media_id):
    assert post(media_id).status_code in (400, 404)
    assert not Batch.objects.exists()


def test_a_file_of_another_kind_is_refused(post, acme):
    response = post(keep(acme, MP4, "a.mp4").public_id)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_media")
    assert "video" in response.json()["message"]


def test_a_picture_that_whatsapp_finds_too_large_is_refused(post, acme):
    response = post(keep(acme, JPEG.ljust(6 * 1024 * 1024, b"\0")).public_id)

    assert "up to 5 MB" in response.json()["message"]


def test_a_gif_goes_as_a_document_only(post, acme):
    assert post(keep(acme, GIF, "a.gif").public_id).json()["code"] == "invalid_media"
