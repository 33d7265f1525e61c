"""Bodies that come in chunks and don't say how long they are, as streaming clients send them.

Django reads as much as Content-Length says, so of these nothing. The web server ends its stream where
the body ends; so it is read up to there, and measured.
"""

from tempfile import SpooledTemporaryFile
from typing import Any

# More than anything that we take: an upload of media or contacts, with what is around it in a form.
MOST = 64 * 1024 * 1024
_IN_MEMORY = 1024 * 1024
_AT_ONCE = 64 * 1024


def measure(environ: dict[str, Any]) -> None:
    """Give a chunked request its body's length. One that breaks off is said to be longer than it is,
    so that whoever reads it notices.
    """
    encoding = environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower()
    if encoding != "chunked" or not environ.get("wsgi.input_terminated"):
        return
    body = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - as long-lived as the request
    missing = 0
    try:
        while body.tell() <= MOST and (chunk := environ["wsgi.input"].read(_AT_ONCE)):
            body.write(chunk)
    except Exception:  # every web server has its own for a chunk that is none
        missing = 1
    environ["CONTENT_LENGTH"] = str(body.tell() + missing)
    body.seek(0)
    environ["wsgi.input"] = body
