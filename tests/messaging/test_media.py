"""Files: what they are, who may open them, and how long they live."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from messaging import media, media_retention, media_types, ole, tasks
from messaging.models import Media
from tests import factories
from tests.media_files import FORMATS, HTML, JPEG, PDF, PNG, REFUSED, SVG
from tests.media_files import ole as ole_file

WHOLE = bytes(range(256)) * 1000


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def file(acme: Any) -> Media:
    """A PDF of 256,000 bytes of every value."""
    return keep(acme, PDF + WHOLE[len(PDF) :], "report.pdf")


def keep(company: Any, content: bytes, name: str = "a.bin") -> Media:
    return media.store(company_id=company.pk, file=io.BytesIO(content), filename=name)


def path_of(file: Media) -> str:
    return media.public_url(file).removeprefix("http://127.0.0.1:8000")


# --- What a file is --------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_type_and_its_extension(name):
    content, content_type, _ = FORMATS[name]

    assert media_types.of(io.BytesIO(content)) == content_type
    assert media_types.extension(content_type) == name[1:]


def test_a_letter_with_a_sheet_in_it_is_a_letter():
    letter = ole_file("1Table", "WordDocument", embedded="Workbook")

    assert ole.root_streams(io.BytesIO(letter)) == {"1Table", "WordDocument", "MBD0001"}
    assert media_types.of(io.BytesIO(letter)) == "application/msword"


@pytest.mark.parametrize(
    "damage",
    [
        b"\xff" * 40,
        bytes(40),
        b"\x09\x00" + bytes(16) + b"\x00" * 4 + b"\xff" * 20,  # a directory that leads to itself
    ],
)
def test_a_damaged_office_file_is_read_to_no_end(damage):
    content = ole_file("WordDocument")
    broken = content[:30] + damage + content[30 + len(damage) :]

    assert media_types.of(io.BytesIO(broken), name="a.zip") is None


def test_of_an_old_office_file_that_hides_what_it_is_the_name_tells():
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)

    assert media_types.of(io.BytesIO(content), name="B.XLS") == "application/vnd.ms-excel"
    assert media_types.of(io.BytesIO(content), name="b.html") is None


@pytest.mark.parametrize(
    ("content", "said", "expected"),
    [
        (b"hello", "text/plain", "text/plain; charset=utf-8"),
        ("h\u00e9".encode() * 600_000, "text/plain", "text/plain; charset=utf-8"),
        (b"\xff\xfe\x00", "text/plain", "application/octet-stream"),
        (HTML, "image/png", "application/octet-stream"),
        (HTML, "text/html", "application/octet-stream"),
        (SVG, "image/svg+xml", "application/octet-stream"),
        (REFUSED["sound.aac"], "", "audio/aac"),
        (REFUSED["archive.docx"], "", "application/octet-stream"),
        (b"Rar!\x1a\x07\x00" + bytes(20), "", "application/x-rar-compressed"),
    ],
)
def test_of_what_people_send_only_bytes_are_believed(content, said, expected):
    assert media_types.wide(io.BytesIO(content), said=said) == expected


@pytest.mark.parametrize("name", [name for name, row in FORMATS.items()])
def test_cut_files_are_no_errors(name):
    content = FORMATS[name][0]

    for length in range(0, min(len(content), 600), 7):
        media_types.of(io.BytesIO(content[:length]))


# --- Opening a public URL --------------------------------------------------------------


def test_an_upload_is_served_as_what_it_is(client, file):
    response = client.get(path_of(file))

    assert response.status_code == 200
    assert response.getvalue()[:5] == b"%PDF-"
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Length"] == "256000"
    assert response["Content-Disposition"] == 'inline; filename="report.pdf"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cache-Control"] == "public, max-age=3600"
    assert response["Accept-Ranges"] == "bytes"
    assert "Set-Cookie" not in response


@pytest.mark.parametrize("name", FORMATS)
def test_only_what_a_browser_shows_without_running_it_is_inline(client, acme, name):
    content, content_type, _ = FORMATS[name]

    response = client.get(path_of(keep(acme, content, name)))

    shown = content_type.startswith(("image/", "audio/", "video/")) or name == "a.pdf"
    assert response["Content-Type"] == content_type
    assert response["Content-Disposition"].startswith("inline" if shown else "attachment")


def test_an_image_that_is_also_a_page_is_an_image(client, acme):
    both = JPEG[:-2] + HTML

    response = client.get(path_of(keep(acme, both, "page.html")))

    assert path_of(Media.objects.get()).endswith("/page.jpg")
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "saved_as"),
    [
        ("page.html", "page.jpg"),
        ("setup.exe", "setup.jpg"),
        ("passwd", "passwd.jpg"),
        ("photo.jpeg", "photo.jpeg"),
        ("photo.JPG", "photo.JPG"),
    ],
)
def test_an_image_is_saved_under_no_name_that_a_computer_would_run(client, acme, name, saved_as):
    file = keep(acme, JPEG, name)

    assert client.get(path_of(file))["Content-Disposition"] == f'inline; filename="{saved_as}"'
    assert file.filename == name


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("bytes=0-0", "0-0"),
        ("bytes=10-19", "10-19"),
        ("bytes=255990-", "255990-255999"),
        ("bytes=255990-999999", "255990-255999"),
        ("bytes=-10", "255990-255999"),
        ("bytes=-999999", "0-255999"),
    ],
)
def test_a_part_is_served(client, file, asked, sent):
    response = client.get(path_of(file), headers={"Range": asked})

    first, last = map(int, sent.split("-"))
    part = response.getvalue()
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {sent}/256000"
    assert response["Content-Length"] == str(len(part)) == str(last - first + 1)
    assert part == (PDF + WHOLE[len(PDF) :])[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=-0", "bytes=999999999999999999-"])
def test_a_part_beyond_the_end_is_416(client, file, asked):
    response = client.get(path_of(file), headers={"Range": asked})

    assert (response.status_code, response["Content-Range"]) == (416, "bytes */256000")


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-1", "bytes=-", "bytes=0-1,5-9", "lines=0-1", "bytes=a-b", "", "bytes=\u0661-"],
)
def test_what_is_no_single_range_gets_the_whole(client, file, asked):
    response = client.get(path_of(file), headers={"Range": asked})

    assert (response.status_code, response["Content-Length"]) == (200, "256000")


def test_a_range_of_another_version_gets_the_whole(client, file):
    first = client.get(path_of(file))

    def status(condition: str) -> int:
        headers = {"Range": "bytes=0-9", "If-Range": condition}
        return client.get(path_of(file), headers=headers).status_code

    assert status(first["ETag"]) == status(first["Last-Modified"]) == 206
    assert status('"another"') == status("Wed, 21 Oct 2015 07:28:00 GMT") == status("x") == 200


def test_what_is_known_already_is_not_sent_again(client, file):
    first = client.get(path_of(file))

    by_tag = client.get(path_of(file), headers={"If-None-Match": first["ETag"]})
    by_date = client.get(path_of(file), headers={"If-Modified-Since": first["Last-Modified"]})

    assert (by_tag.status_code, by_tag.content, by_date.status_code) == (304, b"", 304)


def test_head_tells_without_sending(client, file):
    response = client.head(path_of(file))

    assert (response.status_code, response["Content-Length"]) == (200, "256000")
    assert response["Content-Type"] == "application/pdf"


def test_nobody_finds_what_he_was_not_given(client, file):
    missing = client.get(f"/media/{'x' * 43}/report.pdf")

    assert (missing.status_code, missing["Content-Type"]) == (404, "text/plain")
    assert client.get("/media/").status_code == 404
    assert client.post(path_of(file)).status_code == 405
    assert len(file.token) == 43


def test_what_has_expired_or_was_deleted_is_404(client, file):
    Media.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(path_of(file)).status_code == 404

    Media.objects.update(expires_at=None)
    default_storage.delete(file.storage_name)
    assert client.get(path_of(file)).status_code == 404


# --- What people sent ------------------------------------------------------------------


@pytest.fixture
def received(acme: Any) -> Media:
    found = media.checked(io.BytesIO(PNG), filename="a.png", content_type="image/png")
    return media.keep(found, company_id=acme.pk, now=timezone.now(), origin="inbound")


def test_what_people_sent_has_no_public_url(client, received):
    assert client.get(path_of(received)).status_code == 404


def test_members_open_what_people_sent(client, acme, received):
    client.force_login(factories.make_user(company=acme, role="viewer"))

    response = client.get(f"/inbound-media/{received.public_id}")

    assert (response.status_code, response.getvalue()) == (200, PNG)
    assert "no-store" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"


def test_strangers_do_not(client, rival, received):
    address = f"/inbound-media/{received.public_id}"

    assert client.get(address).status_code == 302
    client.force_login(factories.make_user(company=rival))
    assert client.get(address).status_code == 404


def test_a_company_finds_its_own_files_only(acme, rival, file):
    assert media.find(company_id=acme.pk, public_id=file.public_id) == file
    assert media.find(company_id=rival.pk, public_id=file.public_id) is None
    assert media.find(company_id=acme.pk, public_id=None) is None


# --- How long they live ----------------------------------------------------------------


def test_uploads_are_kept_and_what_people_sent_for_ninety_days(file, received):
    assert file.expires_at is None
    assert received.expires_at == received.created_at + timedelta(days=90)


def test_retention_is_a_setting(acme, settings):
    settings.MEDIA_RETENTION_DAYS = 30

    file = keep(acme, PNG)

    assert file.expires_at == file.created_at + timedelta(days=30)


def test_housekeeping_deletes_what_is_past_its_time(file, received, tmp_path):
    Media.objects.filter(pk=received.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    tasks.housekeeping()

    assert list(Media.objects.all()) == [file]
    assert not default_storage.exists(received.storage_name)
    assert default_storage.exists(file.storage_name)


def test_what_cannot_be_deleted_keeps_its_row(received, monkeypatch):
    Media.objects.update(expires_at=timezone.now())

    def delete(name: str) -> None:
        raise OSError("no")

    monkeypatch.setattr(default_storage, "delete", delete)
    assert media_retention.forget_old(now=timezone.now()) == 0
    assert Media.objects.exists()


def test_staff_see_what_a_file_is_and_not_the_file(acme, file):
    staff = Client()
    user = factories.make_user()
    user.is_staff = user.is_superuser = True
    user.save()
    staff.force_login(user)

    page = staff.get(f"/admin/messaging/media/{file.pk}/change/").content.decode()

    assert file.public_id in page and file.filename in page
    assert file.token not in page
