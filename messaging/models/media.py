"""Files: those that companies upload to send, and those that people sent to them."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.db import models
from django.db.models import Q

from companies.models import Channel, Company
from config import public_ids


def new_token() -> str:
    """43 random characters: whoever has the URL may open it, so nobody must guess one."""
    return secrets.token_urlsafe(32)


class Media(models.Model):
    """A file in the media storage, with its type as its bytes tell it."""

    class Kind(models.TextChoices):
        """What WhatsApp shows it as."""

        IMAGE = "image", "Image"
        VIDEO = "video", "Video"
        AUDIO = "audio", "Audio"
        DOCUMENT = "document", "Document"
        STICKER = "sticker", "Sticker"

    class Origin(models.TextChoices):
        UPLOAD = "upload", "Uploaded"
        INBOUND = "inbound", "Received"

    company = models.ForeignKey(Company, on_delete=models.PROTECT, db_index=False)
    origin = models.CharField(max_length=8, choices=Origin)
    token = models.CharField(
        max_length=43, unique=True, default=new_token, help_text="Of the public URL."
    )
    kind = models.CharField(max_length=8, choices=Kind)
    content_type = models.CharField(max_length=100)
    size = models.BigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    filename = models.CharField(max_length=200)
    storage_name = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When it is deleted; empty for never."
    )

    class Meta:
        verbose_name_plural = "media"
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="media_log"),
            models.Index(
                fields=["expires_at"], condition=Q(expires_at__isnull=False), name="media_age"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return public_ids.encode("media", self.pk)


class MediaOnGraph(models.Model):
    """Graph's own id of a file, on one channel: it is uploaded once and used until the id expires."""

    media = models.ForeignKey(Media, on_delete=models.CASCADE, db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, db_index=False)
    graph_id = models.CharField(max_length=64, blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    uploading_until = models.DateTimeField(
        null=True, blank=True, help_text="Somebody is at it until then: nobody else uploads it too."
    )
    refusals = models.PositiveSmallIntegerField(
        default=0, help_text="In a row, of those that may pass."
    )

    class Meta:
        verbose_name = "media on Graph"
        verbose_name_plural = "media on Graph"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["media", "channel"], name="one_upload_per_channel")
        ]

    def __str__(self) -> str:
        return f"{self.graph_id or 'not uploaded'} on channel {self.channel_id}"
