"""What a file is, by its bytes: never by its name, nor by what a caller says of it.

The magic numbers are the `filetype` package's; what they leave open (which office document, which
kind of MP4, a marker after the three bytes of a JPEG) is looked at here. It is no proof: a file may
be an image and a script at once. So files are served as what they are taken for, and as nothing else
(messaging/media_views.py). Pure: no queries.
"""

import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import filetype

from messaging.ole import root_streams

MB = 1024 * 1024
OFFICE = "application/vnd.openxmlformats-officedocument."
UNKNOWN = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"
OLE = "application/x-ole-storage"
_HEAD = 8192
# A zip's list of contents: more than any document's, little enough to read whole.
_MAX_DIRECTORY = MB


@dataclass(frozen=True)
class Format:
    """How WhatsApp takes a type: as what, up to which size, and the extension that it goes by."""

    kind: str
    extension: str
    max_bytes: int  # Meta: supported media types
    at_graph: bool = True  # whether Graph takes it as an upload


FORMATS: dict[str, Format] = {
    "image/jpeg": Format("image", ".jpg", 5 * MB),
    "image/png": Format("image", ".png", 5 * MB),
    # Meta takes no GIF images, and no upload of one: it goes as a document, by link.
    "image/gif": Format("document", ".gif", 100 * MB, at_graph=False),
    "image/webp": Format("sticker", ".webp", 500 * 1024),
    "video/mp4": Format("video", ".mp4", 16 * MB),
    "video/3gpp": Format("video", ".3gp", 16 * MB),
    "audio/mpeg": Format("audio", ".mp3", 16 * MB),
    "audio/ogg": Format("audio", ".ogg", 16 * MB),
    "audio/amr": Format("audio", ".amr", 16 * MB),
    "audio/aac": Format("audio", ".aac", 16 * MB),
    "audio/mp4": Format("audio", ".m4a", 16 * MB),
    "application/pdf": Format("document", ".pdf", 100 * MB),
    "application/msword": Format("document", ".doc", 100 * MB),
    "application/vnd.ms-excel": Format("document", ".xls", 100 * MB),
    "application/vnd.ms-powerpoint": Format("document", ".ppt", 100 * MB),
    f"{OFFICE}wordprocessingml.document": Format("document", ".docx", 100 * MB),
    f"{OFFICE}spreadsheetml.sheet": Format("document", ".xlsx", 100 * MB),
    f"{OFFICE}presentationml.presentation": Format("document", ".pptx", 100 * MB),
}
# The documented formats of an upload; the others only come in from people.
UPLOADABLE = frozenset(FORMATS) - {"audio/aac", "audio/mp4"}

_OLE = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "Book": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}
_OLE_EXTENSIONS = {FORMATS[mime].extension: mime for mime in _OLE.values()}
_OOXML = {
    "word/": f"{OFFICE}wordprocessingml.document",
    "xl/": f"{OFFICE}spreadsheetml.sheet",
    "ppt/": f"{OFFICE}presentationml.presentation",
}
_VIDEO_BRANDS = (b"isom", b"iso", b"mp4", b"avc1", b"MSNV", b"dash", b"M4V", b"mmp4", b"f4v")


def of(file: IO[bytes], *, name: str = "") -> str | None:
    """The MIME type of a file, or None where it is none of FORMATS. `name` only tells which of the
    three old office documents one is whose own directory can't be read.
    """
    file.seek(0)
    head = file.read(_HEAD)
    guess = _guess(head)
    check = _CHECKS.get(guess)
    found = check(file, head) if check else None
    if guess == OLE and found == OLE:
        found = _OLE_EXTENSIONS.get(name.lower()[-4:])
    file.seek(0)
    return found


def wide(file: IO[bytes], *, said: str) -> str:
    """The type of something that may be anything: what people send. Of what its sender said only
    "plain text" is believed, if it is that.
    """
    known = of(file)
    if known:
        return known
    if said.partition(";")[0].strip() == "text/plain" and _is_text(file):
        return TEXT
    file.seek(0)
    guess = _guess(file.read(_HEAD))
    file.seek(0)
    # What failed its own format's check is not what it starts like.
    return UNKNOWN if guess in _CHECKS else guess


def extension(content_type: str) -> str:
    """With its dot; "" for what has none of its own."""
    if content_type in FORMATS:
        return FORMATS[content_type].extension
    if content_type == TEXT:
        return ".txt"
    kind = filetype.get_type(mime=content_type)
    return f".{kind.extension}" if kind else ".bin"


def _guess(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n\x00")
    if start.startswith(b"%PDF-"):
        return "application/pdf"
    if head.startswith(b"PK\x03\x04"):
        return "application/zip"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return OLE
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return "audio/mpeg"  # MPEG audio, layer III, with or without a checksum
    if head.startswith(b"#!AMR"):
        return "audio/amr"
    return str(filetype.guess_mime(head) or UNKNOWN)


def _is_text(file: IO[bytes]) -> bool:
    file.seek(0)
    text = file.read(MB)
    file.seek(0)
    try:
        text.decode()
    except UnicodeDecodeError as error:
        # The end of the part that was read may split a character.
        return b"\x00" not in text and error.start > len(text) - 4 > 0
    return b"\x00" not in text


# --- One check for each kind of container ----------------------------------------------


def _jpeg(file: IO[bytes], head: bytes) -> str | None:
    """The third 0xFF begins a marker: a script after three bytes is none."""
    return "image/jpeg" if len(head) > 3 and 0xC0 <= head[3] <= 0xFE else None


def _png(file: IO[bytes], head: bytes) -> str | None:
    return "image/png" if head.startswith(b"\x89PNG\r\n\x1a\n") else None


def _gif(file: IO[bytes], head: bytes) -> str | None:
    return "image/gif" if head.startswith((b"GIF87a", b"GIF89a")) else None


def _webp(file: IO[bytes], head: bytes) -> str | None:
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP" and head[12:15] == b"VP8"
    return "image/webp" if is_webp and head[15:16] in (b" ", b"L", b"X") else None


def _mp4(file: IO[bytes], head: bytes) -> str | None:
    """By the brand that the file says it is; QuickTime, HEIC and AVIF have others."""
    size = int.from_bytes(head[:4], "big")
    if not 8 <= size <= 1024:
        return None
    brand = head[8:12]
    if brand.startswith((b"3gp", b"3g2")):
        return "video/3gpp"
    if brand in (b"M4A ", b"M4B "):
        return "audio/mp4"
    return "video/mp4" if brand.startswith(_VIDEO_BRANDS) else None


def _mp3(file: IO[bytes], head: bytes) -> str | None:
    if head[:3] == b"ID3":
        sizes = head[6:10]
        is_tag = len(sizes) == 4 and head[3] < 10 and all(byte < 0x80 for byte in sizes)
        return "audio/mpeg" if is_tag else None
    if len(head) < 4:
        return None
    bitrate, rate, version = head[2] >> 4, head[2] >> 2 & 3, head[1] >> 3 & 3
    return "audio/mpeg" if bitrate != 15 and rate != 3 and version != 1 else None


def _aac(file: IO[bytes], head: bytes) -> str | None:
    is_adts = len(head) >= 7 and (head[2] >> 2 & 15) < 13
    return "audio/aac" if is_adts else None


def _amr(file: IO[bytes], head: bytes) -> str | None:
    return "audio/amr" if head.startswith((b"#!AMR\n", b"#!AMR-WB\n")) else None


def _ogg(file: IO[bytes], head: bytes) -> str | None:
    return "audio/ogg" if head[:5] == b"OggS\x00" and b"theora" not in head[:200] else None


def _pdf(file: IO[bytes], head: bytes) -> str | None:
    return "application/pdf"


def _ole(file: IO[bytes], head: bytes) -> str | None:
    names = root_streams(file)
    if not names:
        return OLE
    found = {_OLE[name] for name in names if name in _OLE}
    return found.pop() if len(found) == 1 else None


def _ooxml(file: IO[bytes], head: bytes) -> str | None:
    """A zip of an office document without macros, by the names in it; nothing is unpacked."""
    if not 0 < _directory_size(file) <= _MAX_DIRECTORY:
        return None
    try:
        names = zipfile.ZipFile(file).namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        return None
    if "[Content_Types].xml" not in names or any("vbaProject" in name for name in names):
        return None
    found = {mime for folder, mime in _OOXML.items() if any(n.startswith(folder) for n in names)}
    return found.pop() if len(found) == 1 else None


def _directory_size(file: IO[bytes]) -> int:
    """Of a zip's list of contents, as its end record says; 0 where there is no such record."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 66_000))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0


_CHECKS: dict[str, Callable[[IO[bytes], bytes], str | None]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/apng": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "video/mp4": _mp4,
    "audio/mpeg": _mp3,
    "audio/aac": _aac,
    "audio/amr": _amr,
    "audio/ogg": _ogg,
    "application/pdf": _pdf,
    OLE: _ole,
    "application/zip": _ooxml,
}
