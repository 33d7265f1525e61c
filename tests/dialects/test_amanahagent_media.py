"""POST /v1/media as AmanahAgent's document prints it, and reading a file by its id."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from companies.models import Company
from messaging import media
from messaging.models import Media
from tests import factories
from tests.media_files import FORMATS, GIF, JPEG, PDF, PNG, REFUSED


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def upload(client: Client, acme: Company, key: str) -> Any:
    """POST a file: `upload(PNG, "a.png", filename="b.png")`."""

    def post(content: bytes = JPEG, name: str = "a.jpg", **fields: Any) -> Any:
        headers = {"Authorization": f"Bearer {fields.pop('with_key', key)}"}
        headers |= fields.pop("headers", {})
        file = SimpleUploadedFile(name, content, fields.pop("said", "application/octet-stream"))
        return client.post("/v1/media", {"file": file, **fields}, headers=headers)

    return post


def stored_files(tmp_path: Any) -> list[Any]:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def refusal(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_an_upload_is_answered_as_printed(upload):
    response = upload(JPEG, "photo.jpg", filename="custom-name.jpg")

    body = response.json()
    file = Media.objects.get()
    assert response.status_code == 201
    assert body == {
        "media_id": file.public_id,
        "url": f"http://127.0.0.1:8000/media/{file.token}/custom-name.jpg",
        "filename": "custom-name.jpg",
        "content_type": "image/jpeg",
        "size": len(JPEG),
        "created_at": file.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert re.fullmatch(r"media_[a-z0-9]{13}", body["media_id"])
    assert response["X-RateLimit-Limit"] == "600"


@pytest.mark.parametrize("name", FORMATS)
def test_each_documented_format_is_known_by_its_bytes(upload, name):
    content, content_type, kind = FORMATS[name]

    response = upload(content, "upload.bin", said="text/html")

    assert response.status_code == 201
    assert response.json()["content_type"] == content_type
    assert Media.objects.get().kind == kind


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_of_no_documented_format_is_refused_whatever_its_name(upload, tmp_path, name):
    response = upload(REFUSED[name], name, said="image/jpeg")

    assert refusal(response) == (400, "UNSUPPORTED_FORMAT")
    assert response.json()["error"]["details"] == {"field": "file"}
    assert not Media.objects.exists()
    assert not stored_files(tmp_path)


def test_an_empty_file_is_refused(upload):
    assert refusal(upload(b"")) == (400, "INVALID_MEDIA")


def test_sixteen_megabytes_are_taken_and_a_byte_more_is_not(upload, tmp_path):
    whole = PDF.ljust(16 * 1024 * 1024, b"\n")

    assert upload(whole, "a.pdf").status_code == 201
    assert refusal(upload(whole + b"\n", "a.pdf")) == (413, "PAYLOAD_TOO_LARGE")
    assert refusal(upload(whole * 2, "a.pdf")) == (413, "PAYLOAD_TOO_LARGE")
    assert len(stored_files(tmp_path)) == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
        ("a\r\nSet-Cookie: x=1.jpg", "aSet-Cookie: x=1.jpg"),
        ("tfihs\u202egpj.exe", "tfihsgpj.exe"),
        ("picha ya \u00fc.jpg", "picha ya \u00fc.jpg"),
        ("x" * 500 + ".jpg", "x" * 116 + ".jpg"),
    ],
)
def test_a_name_is_only_a_name(upload, given, kept):
    body = upload(JPEG, filename=given).json()

    assert body["filename"] == kept
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/media/[\w-]{43}/[\w-]+\.jpg", body["url"])


@pytest.mark.parametrize("name", ["..", "/", "\x00", "\u202e", ". ."])
def test_a_name_of_nothing_is_refused(upload, name):
    assert refusal(upload(JPEG, filename=name)) == (400, "INVALID_FILENAME")


def test_without_a_filename_the_parts_own_is_kept(upload):
    assert upload(PNG, "holiday.png").json()["filename"] == "holiday.png"


def test_a_file_is_required(upload, client, key):
    headers = {"Authorization": f"Bearer {key}"}

    assert refusal(client.post("/v1/media", {}, headers=headers)) == (400, "MISSING_FILE")
    as_text = client.post("/v1/media", {"file": "not a file"}, headers=headers)
    assert refusal(as_text) == (400, "MISSING_FILE")


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b"{}", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("application/x-www-form-urlencoded", b"file=x", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("multipart/form-data", b"x", (400, "INVALID_BODY")),
        ("multipart/form-data; boundary=" + "x" * 300, b"x", (400, "INVALID_BODY")),
        ("multipart/form-data; boundary=x", b"nothing of the kind", (400, "MISSING_FILE")),
        ("multipart/form-data; boundary=x; charset=klingon", b"--x--\r\n", (400, "MISSING_FILE")),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x--\r\n",
            (400, "INVALID_BODY"),
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 4097 + b"--x--\r\n",
            (400, "INVALID_BODY"),
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n1\r\n' * 101
            + b"--x--\r\n",
            (400, "INVALID_BODY"),
        ),
    ],
)
def test_nonsense_is_refused_in_the_dialects_shape(client, key, content_type, body, expected):
    headers = {"Authorization": f"Bearer {key}"}

    response = client.generic("POST", "/v1/media/", body, content_type, headers=headers)

    assert refusal(response) == expected
    assert response["Content-Type"] == "application/json"


def test_a_key_is_needed(upload, client):
    assert upload(with_key="tuma_" + "x" * 27).status_code == 401
    assert client.post("/v1/media").status_code == 401
    assert client.get("/v1/media/media_0000000000000").status_code == 401


def test_other_methods_are_405(client, key):
    headers = {"Authorization": f"Bearer {key}"}

    response = client.put("/v1/media", headers=headers)

    assert refusal(response) == (405, "METHOD_NOT_ALLOWED")
    assert response["Allow"] == "POST"


def test_an_idempotency_key_uploads_once(upload, tmp_path):
    first = upload(PNG, "a.png", headers={"Idempotency-Key": "one"})
    again = upload(PNG, "a.png", headers={"Idempotency-Key": "one"})
    other = upload(GIF, "a.png", headers={"Idempotency-Key": "one"})

    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert refusal(other) == (409, "IDEMPOTENCY_CONFLICT")
    assert Media.objects.count() == len(stored_files(tmp_path)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once_with_one_key_upload_once(upload, tmp_path):
    def post(_: int) -> Any:
        try:
            return upload(PNG, "a.png", headers={"Idempotency-Key": "one"})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        answers = {response.content for response in threads.map(post, range(4))}

    assert len(answers) == 1
    assert Media.objects.count() == len(stored_files(tmp_path)) == 1


def test_a_file_is_read_by_its_id_with_the_companys_key(upload, client, key):
    media_id = upload(PNG, "a.png").json()["media_id"]

    response = client.get(f"/v1/media/{media_id}", headers={"Authorization": f"Bearer {key}"})

    assert response.getvalue() == PNG
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-RateLimit-Limit"] == "600"


@pytest.mark.parametrize("media_id", ["media_0000000000000", "media_", "1", "%00", "msg_1"])
def test_an_unknown_id_is_404(client, acme, key, media_id):
    response = client.get(f"/v1/media/{media_id}", headers={"Authorization": f"Bearer {key}"})

    assert refusal(response) == (404, "MEDIA_NOT_FOUND")


def test_a_file_whose_bytes_are_gone_is_404(upload, client, key):
    media_id = upload().json()["media_id"]
    default_storage.delete(Media.objects.get().storage_name)

    response = client.get(f"/v1/media/{media_id}", headers={"Authorization": f"Bearer {key}"})

    assert refusal(response) == (404, "MEDIA_NOT_FOUND")


def test_another_companys_file_is_404(upload, client, rival):
    media_id = upload().json()["media_id"]
    headers = {"Authorization": f"Bearer {factories.make_key(rival)}"}

    assert client.get(f"/v1/media/{media_id}", headers=headers).status_code == 404


def test_an_upload_is_known_again_by_its_url_to_its_company_alone(upload, acme, rival):
    url = upload().json()["url"]

    file = Media.objects.get()
    assert media.find_by_url(company_id=acme.pk, url=url) == file
    assert media.find_by_url(company_id=rival.pk, url=url) is None
    assert media.find_by_url(company_id=acme.pk, url="https://[x/media/") is None
    assert media.find_by_url(company_id=acme.pk, url=5) is None
