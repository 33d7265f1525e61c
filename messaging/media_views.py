"""Serving files: as what they were taken for, and as nothing else.

Bytes may pretend to be two things at once, so a browser is told not to guess, is given no name of a
type that it would run, and keeps the file in a sandbox without scripts. Uploads have a public URL that
nobody can guess; what people sent is shown to the company's members and keys only.
"""

from __future__ import annotations

import mimetypes
import re
from typing import IO

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe
from django.views.decorators.http import require_safe

from companies.roles import Need
from companies.views import PortalRequest, company_page
from messaging import media, media_types
from messaging.models import Media

PUBLIC_CACHE = "public, max-age=3600"
PRIVATE_CACHE = "private, no-store"
_INLINE = ("image/", "audio/", "video/")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_BLOCK = 64 * 1024


@require_safe
def public_media(request: HttpRequest, token: str) -> HttpResponseBase:
    file = media.live().filter(token=token, origin=Media.Origin.UPLOAD).first()
    if file is None:
        return HttpResponse("There is no such file.\n", status=404, content_type="text/plain")
    return serve(request, file, cache=PUBLIC_CACHE)


@require_safe
@company_page(Need.READ)
def inbound_media(request: PortalRequest, public_id: str) -> HttpResponse:
    """A file of the company, for its members."""
    file = media.find(company_id=request.company.pk, public_id=public_id)
    if file is None:
        raise Http404
    return serve(request, file, cache=PRIVATE_CACHE)  # type: ignore[return-value]  # or streamed


def serve(request: HttpRequest, file: Media, *, cache: str) -> HttpResponseBase:
    """The file, or the part that was asked for, streamed from the storage."""
    etag, modified = f'"{file.sha256[:32]}"', int(file.created_at.timestamp())
    unchanged = get_conditional_response(request, etag=etag, last_modified=modified)
    if unchanged is not None:
        response: HttpResponseBase = unchanged
    else:
        response = _content(request, file, etag=etag, modified=modified)
    response["ETag"] = etag
    response["Last-Modified"] = http_date(modified)
    response["Cache-Control"] = cache
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _content(request: HttpRequest, file: Media, *, etag: str, modified: int) -> HttpResponseBase:
    start, end, status = 0, file.size - 1, 200
    wanted = _range(request, etag=etag, modified=modified)
    if wanted:
        start, end = _bounds(*wanted, size=file.size)
        status = 206
        if start > end:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size}"})
    response = _stream(request, file, start, end - start + 1)
    response.status_code = status
    if status == 206:
        response["Content-Range"] = f"bytes {start}-{end}/{file.size}"
    response["Content-Type"] = file.content_type
    response["Content-Length"] = str(end - start + 1)
    response["Content-Disposition"] = _disposition(file)
    return response


def _disposition(file: Media) -> str:
    """What a browser shows is saved under an extension of its type, whatever its uploader named it."""
    if not (file.content_type.startswith(_INLINE) or file.content_type == "application/pdf"):
        return content_disposition_header(True, file.filename) or "attachment"
    name, extension = file.filename, media_types.extension(file.content_type)
    if mimetypes.guess_type(name)[0] != file.content_type:
        name = f"{name.rpartition('.')[0] or name}{extension}"
    return content_disposition_header(False, name) or "inline"


def _range(request: HttpRequest, *, etag: str, modified: int) -> tuple[str, str] | None:
    """The one range that is asked for; none where If-Range names another version. Several ranges, or
    what is no range at all, get the whole file, as HTTP allows.
    """
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if match is None or match.groups() == ("", "") or request.method != "GET":
        return None
    condition = request.headers.get("If-Range", "")
    if condition and condition != etag and parse_http_date_safe(condition) != modified:
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    return first, last


def _bounds(first: str, last: str, *, size: int) -> tuple[int, int]:
    """The first and the last byte; the first is beyond the last where nothing is left to send."""
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else (size, size - 1)
    return int(first), min(int(last or size - 1), size - 1)


def _stream(request: HttpRequest, file: Media, start: int, length: int) -> HttpResponseBase:
    if request.method == "HEAD":
        return HttpResponse()
    try:
        stored = default_storage.open(file.storage_name, "rb")
    except FileNotFoundError:
        raise Http404 from None
    stored.seek(start)
    response = FileResponse(_Part(stored, length))
    response.block_size = _BLOCK
    return response


class _Part:
    """So many bytes of an open file, from where it stands; closes it."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self.file, self.left = file, length

    def read(self, size: int = -1) -> bytes:
        size = self.left if size < 0 else min(size, self.left)
        data = self.file.read(size) if size else b""
        self.left -= len(data)
        return data

    def close(self) -> None:
        self.file.close()
