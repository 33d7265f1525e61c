"""AmanahAgent's media: uploading a file, and our addition, reading one by its id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils import timezone

from companies.keys import Caller
from companies.models import Scope
from config.api import (
    Answer,
    InvalidBody,
    PayloadTooLarge,
    UnsupportedMediaType,
    read_body,
)
from messaging import media, media_views
from messaging.dialects import AMANAHAGENT
from messaging.dialects.amanahagent import Refused
from messaging.dialects.views import DialectView
from messaging.media import MediaNotFound
from messaging.models import Media
from messaging.reports import iso

# Beside the file: boundaries, headers, the other fields.
_OVERHEAD = 256 * 1024


class MediaUpload(DialectView):
    """POST of a file as multipart/form-data; Django writes what is large to a temporary file."""

    dialect = AMANAHAGENT
    scopes: ClassVar = {**DialectView.scopes, "post": Scope.SEND}

    def post(self, request: HttpRequest, caller: Caller) -> Answer:
        file, filename = _read_form(request)
        upload = media.check(file, filename=filename)
        return media.accept(
            upload,
            company_id=caller.company_id,
            now=timezone.now(),
            answer=_uploaded,
            # The boundary differs each time, and with it the body; what is uploaded doesn't.
            key=self.idempotency_key(request, f"{upload.sha256} {upload.filename}".encode()),
        )


class MediaView(DialectView):
    """GET of a file, uploaded or received, with the company's key."""

    dialect = AMANAHAGENT

    def get(self, request: HttpRequest, caller: Caller, *, media_id: str) -> Answer:
        file = media.find(company_id=caller.company_id, public_id=media_id)
        if file is None:
            raise MediaNotFound("There is no media with this id")
        try:
            response = media_views.serve(request, file, cache=media_views.PRIVATE_CACHE)
        except Http404 as error:
            raise MediaNotFound("The file of this media is gone") from error
        return FileAnswer(response.status_code, None, response=response)

    def respond(self, request: HttpRequest, answer: Answer) -> HttpResponse:
        if not isinstance(answer, FileAnswer):
            return super().respond(request, answer)
        for name, value in (self.usage.headers() if self.usage else {}).items():
            answer.response[name] = value
        return answer.response  # type: ignore[return-value]  # or streamed


@dataclass(frozen=True)
class FileAnswer(Answer):
    """Bytes in place of JSON."""

    response: HttpResponseBase = field(kw_only=True)


def _uploaded(file: Media) -> Answer:
    body: dict[str, Any] = {
        "media_id": file.public_id,
        "url": media.public_url(file),
        "filename": file.filename,
        "content_type": file.content_type,
        "size": file.size,
        "created_at": iso(file.created_at),
    }
    return Answer(201, body)


def _read_form(request: HttpRequest) -> tuple[Any, str]:
    """The file and its name: the `filename` field, else the part's own."""
    if request.content_type != "multipart/form-data":
        read_body(request)
        raise UnsupportedMediaType("Content-Type must be multipart/form-data")
    if int(request.META.get("CONTENT_LENGTH") or 0) > media.MAX_UPLOAD + _OVERHEAD:
        _skip_body(request)
        raise PayloadTooLarge(f"A file may be at most {media.MAX_UPLOAD >> 20} MB", param="file")
    try:
        files, fields = request.FILES, request.POST
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError) as error:
        raise InvalidBody("The body is not valid multipart/form-data.") from error
    file = files.get("file")
    if not isinstance(file, UploadedFile):
        raise Refused("missing_file", "file is required, as a file of multipart/form-data", "file")
    filename = fields.get("filename") or file.name or ""
    if not media.clean_name(filename) and "filename" in fields:
        raise Refused("invalid_filename", "filename must be a file's name", "filename", filename)
    return file, filename


def _skip_body(request: HttpRequest) -> None:
    """Read what is too large to its end, within reason: a client that is still writing when we answer
    would see a broken connection instead of the answer.
    """
    left = 20 * settings.MAX_BODY_BYTES
    try:
        while left > 0 and (chunk := request.read(1 << 20)):
            left -= len(chunk)
    except UnreadablePostError as error:
        raise InvalidBody("The body could not be read to its end.") from error
