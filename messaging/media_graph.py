"""Our files at Graph: uploaded once for each channel, and used by Graph's id for as long as it lives.

Who uploads says so in the row of the file and the channel, so that of two workers one uploads and
the other waits. No transaction is open meanwhile. An upload may be repeated without harm.
"""

import time
from datetime import timedelta
from typing import Any

import requests
from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import F, Q
from django.utils import timezone

from companies.models import Channel
from messaging import media
from messaging.media_types import FORMATS
from messaging.models import Media, MediaOnGraph
from messaging.outcomes import NoAnswer, Refused, judge

# Connecting, and between two bytes.
TIMEOUT = (5, 30)
# After this a worker that began an upload is taken for dead.
UPLOAD_LEASE = timedelta(seconds=90)
# Graph: 30 days. What is sent with the id must not meet its end on the way.
ID_LIFE = timedelta(days=30) - timedelta(hours=2)
_POLL_SECONDS = 0.2


class UploadRefused(Exception):
    """Graph said no; `times` in a row, where that may pass."""

    def __init__(self, refused: Refused, times: int) -> None:
        super().__init__(refused.detail)
        self.refused, self.times = refused, times


class Unreachable(Exception):
    """Graph could not be reached, or did not answer."""


def reference(file: Media, channel: Channel) -> dict[str, str]:
    """How a message on this channel names the file: by Graph's id, or by link what Graph won't store."""
    known = FORMATS.get(file.content_type)
    if known and not known.at_graph:
        return {"link": media.public_url(file)}
    return {"id": graph_id(file, channel)}


def graph_id(file: Media, channel: Channel) -> str:
    """Graph's id of the file on a channel, uploaded if need be. Raises UploadRefused, Unreachable."""
    deadline = time.monotonic() + UPLOAD_LEASE.total_seconds()
    MediaOnGraph.objects.get_or_create(media=file, channel=channel)
    rows = MediaOnGraph.objects.filter(media=file, channel=channel)
    while time.monotonic() < deadline:
        now = timezone.now()
        known = rows.filter(expires_at__gt=now).exclude(graph_id="").first()
        if known:
            return known.graph_id
        free = rows.filter(Q(uploading_until=None) | Q(uploading_until__lte=now))
        if free.exclude(expires_at__gt=now, graph_id__gt="").update(
            uploading_until=now + UPLOAD_LEASE
        ):
            return _upload_into(rows.get(), file, channel)
        time.sleep(_POLL_SECONDS)
    raise Unreachable("Another worker did not end its upload in time.")


def forget(graph_ids: set[str], channel_id: int) -> None:
    """Graph doesn't know these any more: upload again."""
    MediaOnGraph.objects.filter(graph_id__in=graph_ids, channel_id=channel_id).update(
        graph_id="", expires_at=None
    )


def _upload_into(row: MediaOnGraph, file: Media, channel: Channel) -> str:
    mine = MediaOnGraph.objects.filter(pk=row.pk)
    asked = timezone.now()
    try:
        graph_id = _upload(file, channel)
    except UploadRefused as error:
        mine.update(uploading_until=None, refusals=F("refusals") + 1)
        error.times = row.refusals + 1
        raise
    except BaseException:
        mine.update(uploading_until=None)
        raise
    mine.update(graph_id=graph_id, expires_at=asked + ID_LIFE, uploading_until=None, refusals=0)
    return graph_id


def _upload(file: Media, channel: Channel) -> str:
    with default_storage.open(file.storage_name, "rb") as stored:
        name = f"{file.public_id}{FORMATS[file.content_type].extension}"
        try:
            response = requests.post(
                url(f"{channel.phone_number_id}/media"),
                data={"messaging_product": "whatsapp", "type": file.content_type},
                files={"file": (name, stored, file.content_type)},
                headers=headers(channel),
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unreachable(f"Graph could not be reached: {type(error).__name__}") from error
    graph_id = _id(response)
    if graph_id:
        return graph_id
    verdict = judge(response.status_code, response.content)
    if isinstance(verdict, Refused):
        raise UploadRefused(verdict, times=1)
    raise Unreachable(verdict.detail if isinstance(verdict, NoAnswer) else "Graph gave no id.")


def _id(response: requests.Response) -> str:
    data = json_of(response) if response.status_code == 200 else {}
    graph_id = data.get("id")
    return graph_id if isinstance(graph_id, str) and 0 < len(graph_id) <= 64 else ""


def json_of(response: requests.Response) -> dict[str, Any]:
    """The object in an answer; empty where there is none."""
    try:
        data = response.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def url(path: str) -> str:
    return f"{settings.GRAPH_API_URL}/{settings.GRAPH_API_VERSION}/{path}"


def headers(channel: Channel) -> dict[str, str]:
    # Meta's file server turns away clients that don't say who they are.
    return {"Authorization": f"Bearer {channel.access_token}", "User-Agent": "Tuma"}
