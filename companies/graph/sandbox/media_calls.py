"""Calls about media."""

from typing import Any

from aiohttp import BodyPartReader, web

from . import ids
from .calls import Call, read_body
from .errors import missing, param, unknown_object
from .media import TYPES, Upload, check_upload

SAMPLE_TYPES = ("application/pdf", "image/jpeg", "image/jpg", "image/png", "video/mp4")
LARGEST = max(limit for limit, _ in TYPES.values())


async def upload(call: Call) -> dict[str, Any]:
    """POST /{number}/media as multipart/form-data."""
    number = call.state.numbers.number(call.node)
    if call.request.content_type != "multipart/form-data":
        call.body = await read_body(call.request)
        raise missing("file" if call.body.get("messaging_product") else "messaging_product")
    form: dict[str, str] = {}
    content, mime_type = None, ""
    async for part in await call.request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        if part.name == "file":
            content = bytes(await part.read())
            mime_type = part.headers.get("Content-Type", "")
        elif part.name:
            form[part.name] = await part.text()
    if form.get("messaging_product") != "whatsapp":
        raise missing("messaging_product")
    if content is None:
        raise missing("file")
    # The part's own type counts; without one, the `type` field is all there is.
    if mime_type in ("", "application/octet-stream"):
        mime_type = form.get("type", mime_type)
    check_upload(mime_type, len(content))
    medium = call.state.media.add(
        content=content, mime_type=mime_type, phone_number_id=number.id, now=call.state.now()
    )
    call.body = {"type": mime_type, "size": len(content)}
    call.state.changed = True
    return {"id": medium.id}


async def metadata(call: Call) -> dict[str, Any]:
    state = call.state
    medium = state.media.get(call.node, now=state.now())
    owner = call.text("phone_number_id")
    if medium is None or (owner and owner != medium.phone_number_id):
        raise unknown_object(call.node, "get")
    base = f"{call.request.scheme}://{call.request.host}"
    return medium.as_json(state.media.url(medium, base=base, now=state.now()))


async def download(call: Call) -> web.Response:
    """The second step: the address from the metadata, with a token, for five minutes."""
    medium = call.state.media.by_url(call.query, now=call.state.now())
    if medium is None or medium.content is None:
        return web.Response(status=404, text="Not Found")
    return web.Response(
        body=medium.content,
        headers={
            "Content-Type": medium.mime_type,
            "Content-Disposition": f"attachment; filename={medium.id}",
        },
    )


async def delete(call: Call) -> dict[str, Any]:
    state = call.state
    medium = state.media.get(call.node, now=state.now())
    owner = call.text("phone_number_id")
    if medium is None or (owner and owner != medium.phone_number_id):
        raise unknown_object(call.node, "delete")
    del state.media.items[call.node]
    state.changed = True
    return {"success": True}


async def start_upload(call: Call) -> dict[str, Any]:
    """The first step of a resumable upload: a template's sample."""
    length, mime_type = call.required("file_length"), call.required("file_type")
    if not (length.isascii() and length.isdigit() and 0 < int(length) <= LARGEST):
        raise param("Param file_length must be a number of bytes within the limit.")
    if mime_type not in SAMPLE_TYPES:
        raise param(f"Param file_type must be one of {{{', '.join(SAMPLE_TYPES)}}}.")
    node = ids.upload_id()
    call.state.media.uploads[node] = Upload(int(length), mime_type)
    return {"id": node}


async def continue_upload(call: Call) -> dict[str, Any]:
    """The bytes from file_offset on; a handle when they are complete."""
    session = _session(call)
    offset = call.request.headers.get("file_offset", "0")
    if not offset.isdigit() or int(offset) != len(session.content):
        raise param(f"Param file_offset must be {len(session.content)}.")
    session.content += await call.request.read()
    if len(session.content) < session.length:
        return {"id": call.node, "file_offset": len(session.content)}
    if len(session.content) > session.length:
        raise param("The file is longer than the file_length announced.")
    del call.state.media.uploads[call.node]
    handle = ids.file_handle()
    call.state.media.handles.add(handle)
    return {"h": handle}


async def upload_state(call: Call) -> dict[str, Any]:
    return {"id": call.node, "file_offset": len(_session(call).content)}


def _session(call: Call) -> Upload:
    session = call.state.media.uploads.get(call.node)
    if session is None:
        raise unknown_object(call.node, call.method)
    return session
