"""A body may come in chunks, without a word of its length; read here by the web server's own reader."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.client import ClientHandler
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.unreader import IterUnreader

from companies.models import Company
from config.chunked import KEPT_BYTES, Unchunked
from messaging.models import Media, Message
from tests import factories, media_files


class Sender:
    """What gunicorn's reader of chunks wants to know of a request."""

    limit_request_field_size = 8190
    max_buffer_headers = 65536
    trailers: Any = None


def post(path: str, key: str, parts: list[bytes], content_type: str) -> HttpResponse:
    """What the application answers to these bytes, as gunicorn hands them to it."""
    answers: list[HttpResponse] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        answers.append(ClientHandler()(environ))
        return []

    environ = RequestFactory().generic("POST", path).environ
    chunks = ChunkedReader(Sender(), IterUnreader(iter(parts)))
    environ |= {
        "CONTENT_TYPE": content_type,
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": Body(chunks),
    }
    Unchunked(application)(environ, None)
    return answers[0]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


END = b"0\r\n\r\n"
JSON, FORM = "application/json", "multipart/form-data; boundary=edge"
TEXT = b'{"to": "+254712345678", "type": "text", "message": "In pieces"}'


@pytest.fixture
def key(acme: Company) -> str:
    factories.make_channel(acme)
    return factories.make_key(acme)


@pytest.mark.django_db
def test_a_message_in_chunks_is_a_message(key: str) -> None:
    answer = post("/v1/messages", key, [chunk(TEXT[:9]), chunk(TEXT[9:]), END], JSON)

    assert answer.status_code == 200, answer.content
    assert Message.objects.get().batch.payload["text"]["body"] == "In pieces"


@pytest.mark.django_db
@pytest.mark.parametrize("broken", [[chunk(TEXT)], [chunk(TEXT), b"no number\r\n"]])
def test_what_breaks_off_is_not_taken_for_the_whole(key: str, broken: list[bytes]) -> None:
    answer = post("/v1/messages", key, broken, JSON)

    assert answer.status_code == 400
    assert b"INVALID_BODY" in answer.content
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_a_file_in_chunks_is_stored(key: str) -> None:
    form = (
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + media_files.PNG
        + b"\r\n--edge--\r\n"
    )

    answer = post("/v1/media", key, [chunk(form), END], FORM)

    assert answer.status_code == 201, answer.content
    assert Media.objects.get().size == len(media_files.PNG)


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "content_type"), [("/v1/messages", JSON), ("/v1/media", FORM)])
def test_no_more_is_kept_of_a_body_than_any_may_have(
    key: str, path: str, content_type: str
) -> None:
    piece = chunk(b"x" * 1_000_000)
    much = [piece] * (KEPT_BYTES // 1_000_000 + 2)

    answer = post(path, key, [*much, END], content_type)

    assert answer.status_code == 413, answer.content
