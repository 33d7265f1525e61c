"""What comes in from Meta: raw webhook bodies, and the messages of people."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from companies.models import Channel, Company
from contacts.models import Contact
from messaging.models.media import Media


class InboundMessage(models.Model):
    """A message from a person to a channel, of any type; `payload` is Meta's object as it came."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, null=True, db_index=False)
    wamid = models.CharField("WhatsApp message id", max_length=140, unique=True)
    type = models.CharField(max_length=20)
    text = models.TextField(blank=True, help_text="What a person would read: text, caption, title.")
    media_id = models.CharField(max_length=64, blank=True, help_text="Graph's own, for 7 days.")
    stored_media = models.ForeignKey(
        Media, on_delete=models.SET_NULL, null=True, blank=True, help_text="Our copy of the file."
    )
    media_due_at = models.DateTimeField(
        null=True, blank=True, help_text="When to fetch the file; empty when that is settled."
    )
    media_tries = models.SmallIntegerField(default=0, db_default=0)
    media_problem = models.CharField(max_length=200, blank=True, default="", db_default="")
    reply_to = models.CharField(max_length=140, blank=True, help_text="The wamid it answers.")
    payload = models.JSONField()
    sent_at = models.DateTimeField(help_text="By Meta's clock.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="inbound_log"),
            models.Index(fields=["contact", "-id"], name="inbound_of_contact"),
            models.Index(
                fields=["media_due_at"],
                condition=Q(media_due_at__isnull=False),
                name="inbound_media_to_fetch",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} from {self.contact}"


class WebhookEvent(models.Model):
    """A body that Meta posted, exactly as it came; applied by a task, kept to be replayed."""

    class State(models.IntegerChoices):
        PENDING = 0, "Pending"
        APPLIED = 1, "Applied"
        PROBLEM = 2, "Not understood"

    body = models.BinaryField()
    state = models.SmallIntegerField(choices=State, default=State.PENDING)
    problem = models.TextField(blank=True, default="", db_default="")
    tries = models.SmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField()
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_at", "id"], condition=Q(state=0), name="webhook_pending"),
            models.Index(fields=["-id"], condition=Q(state=2), name="webhook_problems"),
        ]

    def __str__(self) -> str:
        return f"webhook {self.pk} ({self.get_state_display().lower()})"
