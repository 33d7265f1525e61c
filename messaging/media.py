"""Files of companies: checked, stored, found again, forgotten.

A file is known by its public id (`media_…`), in payloads too: what Graph calls it is found when it is
sent (messaging/media_sending.py). Bytes live in the storage that the settings name, rows in the
database; the bytes are written first, so that a row always has them.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from config import public_ids
from config.api import Answer, ApiError, PayloadTooLarge
from messaging import idempotency, media_types
from messaging.media_types import FORMATS, MB
from messaging.models import Media

MAX_UPLOAD = 16 * MB
MAX_NAME = 120
PREFIX = "media"
_TOKEN_IN_PATH = re.compile(r"/media/([A-Za-z0-9_-]{43})(?:/[^/]*)?")
_CHUNK = 256 * 1024
_KINDS = frozenset(Media.Kind.values)


class InvalidMedia(ApiError):
    code = "invalid_media"


class UnsupportedFormat(ApiError):
    code = "unsupported_format"


class MediaNotFound(ApiError):
    code = "media_not_found"
    status = 404


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A file that may be stored."""

    file: IO[bytes]
    filename: str
    content_type: str
    size: int
    sha256: str

    @property
    def kind(self) -> str:
        known = FORMATS.get(self.content_type)
        return known.kind if known else Media.Kind.DOCUMENT


# --- Taking files ----------------------------------------------------------------------


def check(file: IO[bytes], *, filename: str) -> Checked:
    """An upload, as its bytes tell what it is. Raises PayloadTooLarge, InvalidMedia and
    UnsupportedFormat.
    """
    size = _size(file)
    if size > MAX_UPLOAD:
        raise PayloadTooLarge(f"A file may be at most {MAX_UPLOAD // MB} MB", param="file")
    if not size:
        raise InvalidMedia("The file is empty", param="file")
    content_type = media_types.of(file, name=filename)
    if content_type not in media_types.UPLOADABLE or content_type is None:
        raise UnsupportedFormat(
            "The file is none of JPG, PNG, GIF, WebP, MP4, 3GP, PDF, DOC, XLS, PPT, MP3, OGG, AMR",
            param="file",
        )
    return checked(file, filename=filename, content_type=content_type)


def checked(file: IO[bytes], *, filename: str, content_type: str) -> Checked:
    """A file of a type that is known already."""
    size, digest = _size(file), hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    file.seek(0)
    return Checked(
        file=file,
        filename=clean_name(filename) or f"file{media_types.extension(content_type)}",
        content_type=content_type,
        size=size,
        sha256=digest.hexdigest(),
    )


def _size(file: IO[bytes]) -> int:
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    return size


def clean_name(name: str) -> str:
    """The last part of a path, without what no name needs: controls, marks that turn text around."""
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(char for char in last if not unicodedata.category(char).startswith("C"))
    visible = " ".join(visible.split()).strip(". ")
    stem, dot, suffix = visible.rpartition(".")
    if dot and len(suffix) < 10:
        return f"{stem[: MAX_NAME - len(suffix) - 1]}.{suffix}"
    return visible[:MAX_NAME]


def store(*, company_id: int, file: IO[bytes], filename: str) -> Media:
    """Keep an uploaded file; raises what `check` raises."""
    return keep(check(file, filename=filename), company_id=company_id, now=timezone.now())


def keep(found: Checked, *, company_id: int, now: datetime, origin: str = "upload") -> Media:
    with written(found, company_id=company_id) as name:
        return record(found, name, company_id=company_id, now=now, origin=origin)


def accept(
    upload: Checked,
    *,
    company_id: int,
    now: datetime,
    answer: Callable[[Media], Answer],
    key: idempotency.Key | None = None,
) -> Answer:
    """Keep an upload once for its Idempotency-Key; what `answer` makes of it, or made the first time."""
    with written(upload, company_id=company_id) as name, transaction.atomic():
        earlier = idempotency.begin(key, company_id=company_id, now=now) if key else None
        if earlier:
            default_storage.delete(name)
            return earlier
        given = answer(record(upload, name, company_id=company_id, now=now))
        if key:
            idempotency.finish(key, given, company_id=company_id)
    return given


class written:  # noqa: N801 - reads as a word in its `with`
    """The bytes in the storage, taken away again if the block fails. The name tells nobody anything."""

    def __init__(self, found: Checked, *, company_id: int) -> None:
        extension = media_types.extension(found.content_type)
        self.wanted = f"{company_id}/{uuid4().hex[:2]}/{uuid4().hex}{extension}"
        self.found = found

    def __enter__(self) -> str:
        file = self.found.file
        # Django's own temporary files are moved, not copied.
        content = file if isinstance(file, File) else File(file)
        self.name: str = default_storage.save(self.wanted, content)
        return self.name

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            default_storage.delete(self.name)


def record(
    found: Checked, name: str, *, company_id: int, now: datetime, origin: str = "upload"
) -> Media:
    is_upload = origin == Media.Origin.UPLOAD
    days = settings.MEDIA_RETENTION_DAYS if is_upload else settings.INBOUND_MEDIA_RETENTION_DAYS
    return Media.objects.create(
        company_id=company_id,
        origin=origin,
        kind=found.kind,
        content_type=found.content_type,
        size=found.size,
        sha256=found.sha256,
        filename=found.filename,
        storage_name=name,
        created_at=now,
        expires_at=now + timedelta(days=days) if days else None,
    )


# --- Finding them ----------------------------------------------------------------------


def live() -> QuerySet[Media]:
    return Media.objects.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def find(*, company_id: int, public_id: object) -> Media | None:
    """The company's file by its id, uploaded or received."""
    pk = public_ids.decode(PREFIX, public_id)
    return live().filter(company_id=company_id, pk=pk).first() if pk else None


def find_by_url(*, company_id: int, url: object) -> Media | None:
    """The company's upload by its public URL, whichever of our hosts it names."""
    try:
        match = _TOKEN_IN_PATH.fullmatch(urlsplit(url).path) if isinstance(url, str) else None
    except ValueError:
        return None
    if match is None:
        return None
    uploads = live().filter(company_id=company_id, origin=Media.Origin.UPLOAD)
    return uploads.filter(token=match[1]).first()


def public_url(media: Media) -> str:
    """Where anybody who was given the URL may open an upload. Its last part is for the reader."""
    name = slugify(media.filename.rpartition(".")[0])[:60] or media.kind
    extension = media_types.extension(media.content_type)
    return f"{settings.PUBLIC_URL.rstrip('/')}/media/{media.token}/{name}{extension}"


def private_url(public_id: str) -> str:
    """Where the company's programs get a file, uploaded or received, with their key."""
    return f"{settings.PUBLIC_URL.rstrip('/')}/v1/media/{public_id}"


# --- In payloads -----------------------------------------------------------------------


def all_in(payload: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each medium in a payload: what it is sent as, and the object that holds its `id` or `link`.
    Wherever Meta takes one, its object stands under the name of its kind.
    """
    if isinstance(payload, list):
        for item in payload:
            yield from all_in(item)
    elif isinstance(payload, dict):
        for key, value in payload.items():
            if key in _KINDS and isinstance(value, dict):
                yield key, value
            elif isinstance(value, dict | list):
                yield from all_in(value)


def named_in(payload: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each of our own files in a payload."""
    for kind, content in all_in(payload):
        media_id = content.get("id")
        if isinstance(media_id, str) and media_id.startswith(f"{PREFIX}_"):
            yield kind, content


def has_own(payload: Any) -> bool:
    return next(named_in(payload), None) is not None


def refuse_unsendable(payload: Any, *, company_id: int) -> None:
    """Raise MediaNotFound or InvalidMedia for a file that isn't there, or that Meta won't take so."""
    for kind, content in named_in(payload):
        media = find(company_id=company_id, public_id=content["id"])
        if media is None:
            raise MediaNotFound("There is no media with this id", param="id")
        problem = why_not(media, kind)
        if problem:
            raise InvalidMedia(problem, param="id")


def why_not(media: Media, kind: str) -> str:
    """Why WhatsApp would not take a file as an image, a video …; "" if it would."""
    known = FORMATS.get(media.content_type)
    if known is None:
        return f"WhatsApp does not take files of type {media.content_type}"
    if kind not in (known.kind, Media.Kind.DOCUMENT):
        return f"A file of type {media.content_type} can't be sent as {kind}, only as {known.kind}"
    if media.size > known.max_bytes:
        most = (
            f"{known.max_bytes // 1024} KB"
            if known.max_bytes < MB
            else f"{known.max_bytes // MB} MB"
        )
        return f"WhatsApp takes files of type {media.content_type} up to {most}"
    return ""
