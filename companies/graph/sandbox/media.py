"""Media: upload, metadata, two-step download, deletion."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from typing import Any, Final

from . import errors, ids
from .errors import GraphError, Refused, param
from .settings import DAY

MB = 1024 * 1024
URL_SECONDS = 300
MEMORY = 512 * MB  # of contents; the oldest are dropped beyond it

OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "audio": (
        16 * MB, ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus")
    ),
    "document": (
        100 * MB,
        (
            "text/plain", "application/pdf", "application/msword", "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint", OFFICE + "wordprocessingml.document",
            OFFICE + "spreadsheetml.sheet", OFFICE + "presentationml.presentation",
        ),
    ),
    "image": (5 * MB, ("image/jpeg", "image/png")),
    "sticker": (500 * 1024, ("image/webp",)),
    "video": (16 * MB, ("video/mp4", "video/3gpp")),
}  # fmt: skip
KIND_OF: Final = {mime: kind for kind, (_, mimes) in TYPES.items() for mime in mimes}

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# What an inbound message carries unless it is given: (MIME, bytes)
SAMPLES: Final[dict[str, tuple[str, bytes]]] = {
    "image": ("image/png", _PNG),
    "video": ("video/mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"),
    "audio": ("audio/ogg; codecs=opus", b"OggS\x00\x02" + bytes(22)),
    "document": ("application/pdf", b"%PDF-1.4\n%%EOF\n"),
    "sticker": ("image/webp", b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00/" + bytes(12)),
}


@dataclass(slots=True)
class Medium:
    id: str
    mime_type: str
    sha256: str
    size: int
    phone_number_id: str
    expires_at: float
    content: bytes | None = None

    def as_json(self, url: str) -> dict[str, Any]:
        return {
            "messaging_product": "whatsapp",
            "url": url,
            "mime_type": self.mime_type,
            "sha256": self.sha256,
            "file_size": self.size,
            "id": self.id,
        }


class MediaStore:
    def __init__(self) -> None:
        self.items: dict[str, Medium] = {}
        self.uploads: dict[str, Upload] = {}
        self.handles: set[str] = set()
        self.key = secrets.token_bytes(16)

    def add(
        self, *, content: bytes, mime_type: str, phone_number_id: str, now: float,
        inbound: bool = False,
    ) -> Medium:  # fmt: skip
        """Uploads live 30 days, what users sent 7."""
        days = 7 if inbound else 30
        digest = hashlib.sha256(content).hexdigest()
        medium = Medium(
            ids.media_id(), mime_type, digest, len(content), phone_number_id,
            now + days * DAY, content,
        )  # fmt: skip
        self.items[medium.id] = medium
        self._trim()
        return medium

    def _trim(self) -> None:
        total = sum(len(m.content) for m in self.items.values() if m.content)
        for medium in self.items.values():
            if total <= MEMORY:
                return
            total -= len(medium.content or b"")
            medium.content = None

    def get(self, media_id: str, *, now: float) -> Medium | None:
        medium = self.items.get(media_id)
        return medium if medium and now < medium.expires_at else None

    def url(self, medium: Medium, *, base: str, now: float) -> str:
        expires = int(now) + URL_SECONDS
        mark = self._mark(medium.id, expires)
        return f"{base}/whatsapp_business/attachments/?mid={medium.id}&ext={expires}&hash={mark}"

    def by_url(self, query: dict[str, str], *, now: float) -> Medium | None:
        """The medium behind a download address that is genuine and not too old."""
        media_id, expires = query.get("mid", ""), query.get("ext", "")
        if not (expires.isascii() and expires.isdigit()) or now > int(expires):
            return None
        if not hmac.compare_digest(self._mark(media_id, int(expires)), query.get("hash", "")):
            return None
        return self.get(media_id, now=now)

    def _mark(self, media_id: str, expires: int) -> str:
        return hmac.new(self.key, f"{media_id}.{expires}".encode(), "sha256").hexdigest()[:32]

    def export(self) -> list[dict[str, Any]]:
        """What is kept over a restart: all but the contents."""
        return [{**asdict(m), "content": None} for m in self.items.values()]

    def restore(self, rows: list[dict[str, Any]]) -> None:
        self.items = {row["id"]: Medium(**row) for row in rows}


@dataclass(slots=True)
class Upload:
    """A resumable upload of a template's sample."""

    length: int
    mime_type: str
    content: bytes = b""


def check_upload(mime_type: str, size: int) -> None:
    """Refuse what Meta would not take as a medium."""
    kind = KIND_OF.get(mime_type)
    if kind is None:
        raise param(
            "Param file must be a file with one of the following types: "
            f"{', '.join(KIND_OF)}. Received file of type '{mime_type or 'unknown'}'."
        )
    limit = TYPES[kind][0]
    if size > limit:
        raise Refused(
            GraphError(
                code=131053,
                message="(#131053) Media upload error",
                details=f"File of {size} bytes is over the limit of {limit} bytes for {kind}",
            )
        )
    if not size:
        raise param("Param file must be a file, received an empty one.")


def check_references(
    store: MediaStore, named: list[tuple[str, str, str]], *, now: float
) -> GraphError | None:
    """Whether every medium that a message names by id is there, and of the right kind."""
    for kind, media_id, where in named:
        medium = store.get(media_id, now=now)
        if medium is None:
            return GraphError(
                code=100,
                message=f"(#100) Param {where}['id'] is not a valid whatsapp business account "
                "media attachment ID",
            )
        found = KIND_OF.get(medium.mime_type.partition(";")[0].strip())
        if found and found != kind and kind != "document":
            details = f"{where}: media of type {medium.mime_type} cannot be sent as {kind}"
            return errors.of(131053, details)
    return None
