"""Bodies that come in chunks, without a word of their length: many clients send so what they stream.

Django takes a body without a Content-Length for an empty one. Here it is read first, to a file if it
is large, and handed on with its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

# More than any body may have: of a larger one the rest is read and thrown away, and its length is told.
KEPT_BYTES = 32 * 1024 * 1024
# Who sends more than this is not worth an answer that arrives.
_MOST_BYTES = 4 * KEPT_BYTES
_IN_MEMORY = 1024 * 1024
_CHUNK = 256 * 1024


class Unchunked:
    """The application, for bodies of either kind."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            return self.application(environ, start_response)
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
            try:
                length = _copy(environ["wsgi.input"], body)
                environ["wsgi.input"] = body
            except Exception as error:  # each server has its own
                length, environ["wsgi.input"] = 1, _Broken(repr(error))
            environ["CONTENT_LENGTH"] = str(length)
            return self.application(environ, start_response)


def _copy(source: IO[bytes], target: IO[bytes]) -> int:
    length = 0
    while length < _MOST_BYTES and (chunk := source.read(_CHUNK)):
        target.write(chunk[: max(0, KEPT_BYTES - length)])
        length += len(chunk)
    target.seek(0)
    return length


class _Broken:
    """What broke off: whoever reads it is told, so that no part of a body is taken for all of it."""

    def __init__(self, why: str) -> None:
        self.why = why

    def read(self, *_: Any) -> bytes:
        raise OSError(self.why)

    readline = read
