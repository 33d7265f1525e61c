"""Forgetting files: bytes in the storage and rows in the database."""

from datetime import datetime

import structlog
from django.core.files.storage import default_storage

from messaging.models import Media

log = structlog.get_logger("tuma.media")

_DELETED_AT_ONCE = 500


def delete(media: Media) -> None:
    """The bytes first: a row without them is found and deleted again, bytes without a row never."""
    default_storage.delete(media.storage_name)
    media.delete()


def forget_old(*, now: datetime) -> int:
    """Housekeeping: what is past its time."""
    count = 0
    for media in Media.objects.filter(expires_at__lte=now).order_by("expires_at")[
        :_DELETED_AT_ONCE
    ]:
        try:
            delete(media)
        except Exception:  # every storage has its own exceptions; the others need not wait for it
            log.exception("media_not_deleted", media=media.public_id)
        else:
            count += 1
    return count
