"""Bodies as they come over the network: in chunks, or broken off."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import orjson
import pytest
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import Client

from companies.models import Channel
from config.wsgi import application
from messaging.models import Batch

pytestmark = pytest.mark.django_db

BODY = orjson.dumps({"phone_number": "254712345678", "type": "text", "message": "Hi"})


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The test's transaction must outlive the start of a request, as Django's client sees to it."""
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


class Breaking(BytesIO):
    """A stream whose end never comes."""

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        if not chunk:
            raise ValueError("no chunk")
        return chunk


def posted(channel: Channel, key: str, stream: BytesIO, **environ: Any) -> tuple[str, Any]:
    """Status and answer of a send that the web server hands over like this."""
    request = {
        **Client()._base_environ(),
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/api/v1/whatsapp/{channel.pk}/messages",
        "CONTENT_TYPE": "application/json",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
        **environ,
    }
    given: list[str] = []
    response = application(request, lambda status, *_: given.append(status))
    return given[0], orjson.loads(b"".join(response))


def test_a_body_in_chunks_is_read_to_its_end(channel: Channel, key: str) -> None:
    status, answer = posted(channel, key, BytesIO(BODY), HTTP_TRANSFER_ENCODING="chunked")

    assert (status, answer["recipients_count"]) == ("200 OK", 1)


def test_a_chunked_body_over_the_limit_is_too_large(channel: Channel, key: str) -> None:
    stream = BytesIO(b'"' + b"x" * 10_000_000 + b'"')

    status, answer = posted(channel, key, stream, HTTP_TRANSFER_ENCODING="chunked")

    assert (status[:3], answer["code"]) == ("413", "payload_too_large")


def test_chunks_that_break_off_are_no_message(channel: Channel, key: str) -> None:
    status, answer = posted(channel, key, Breaking(BODY), HTTP_TRANSFER_ENCODING="chunked")

    assert (status[:3], answer["code"]) == ("400", "invalid_body")
    assert not Batch.objects.exists()


def test_a_body_that_is_shorter_than_announced_is_no_message(channel: Channel, key: str) -> None:
    status, answer = posted(channel, key, BytesIO(BODY), CONTENT_LENGTH=str(len(BODY) + 1))

    assert (status[:3], answer["code"]) == ("400", "invalid_body")
    assert not Batch.objects.exists()
