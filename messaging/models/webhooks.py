"""What we post to companies: their endpoints, what each was told or is to be told, and every try.

An event of an endpoint is a row of WebhookDelivery, numbered without gaps; the rows are the queue.
"""

from __future__ import annotations

from typing import ClassVar

import orjson
from django.db import models
from django.db.models import Q

from companies.models import Company, User
from config import public_ids
from config.fields import EncryptedTextField


class WebhookEndpoint(models.Model):
    """An address of a company's that wants to be told of some kinds of events."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        DISABLED = "disabled", "Switched off"
        # Nobody sees it any more; its rows are dropped bit by bit, and it with the last of them.
        DELETED = "deleted", "Deleted"

    class Reason(models.TextChoices):
        BY_HAND = "by_hand", "Switched off by hand"
        GONE = "gone", "It answered 410 Gone"
        FAILING = "failing", "Nothing succeeded for a day"

    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="webhook_endpoints", db_index=False
    )
    url = models.CharField("URL", max_length=2000)
    events = models.JSONField(default=list)
    secret = EncryptedTextField()
    previous_secrets = EncryptedTextField(
        blank=True, default="", help_text="JSON: those that sign as well, and until when."
    )
    previous_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then the secret before signs as well."
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    disabled_reason = models.CharField(max_length=8, choices=Reason, blank=True, default="")
    disabled_at = models.DateTimeField(null=True, blank=True)
    notice_due = models.BooleanField(
        default=False, help_text="Its people are to be told that it was switched off."
    )
    last_sequence = models.BigIntegerField(
        default=0, help_text="Number of its latest event; raised under a lock on this row."
    )
    # How it has been answering.
    failures = models.IntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    resting_until = models.DateTimeField(
        null=True, blank=True, help_text="Not tried before: it keeps failing, or asked for time."
    )
    # Who delivers to it now; as with channels, see messaging/queue.py.
    fence = models.BigIntegerField(default=0)
    lease_until = models.FloatField(default=0, help_text="Unix time, by the database's clock.")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["company"], condition=~Q(status="deleted"), name="webhook_endpoint_alive"
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return public_ids.encode("wh", self.pk)


class WebhookDelivery(models.Model):
    """One event for one endpoint: what is told, and how far the telling is."""

    class State(models.IntegerChoices):
        PENDING = 0, "Waiting"
        DELIVERED = 1, "Delivered"
        FAILED = 2, "Failed"

    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    sequence = models.BigIntegerField(help_text="1, 2, 3 … for each endpoint, without gaps.")
    event = models.CharField(max_length=24)
    occurred_at = models.DateTimeField()
    # Text, so that each try and the log show the same bytes: a database reorders JSON.
    data = models.TextField(help_text="The event's `data`, as JSON.")
    message_id = models.BigIntegerField(
        null=True, help_text="Of the message that it speaks of; negative for one that came in."
    )
    state = models.SmallIntegerField(choices=State, default=State.PENDING)
    tries = models.SmallIntegerField(default=0, help_text="Since it was last put in the queue.")
    attempts = models.IntegerField(default=0, help_text="In all.")
    due_at = models.DateTimeField()
    response_status = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "sequence"], name="one_event_per_number"),
            # However often Meta says it.
            models.UniqueConstraint(
                fields=["message_id", "endpoint", "event"],
                condition=Q(message_id__isnull=False),
                name="told_once_of_a_message",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["endpoint", "due_at"], condition=Q(state=0), name="delivery_pending"
            ),
            models.Index(
                fields=["endpoint", "sequence"], condition=Q(state=2), name="delivery_failed"
            ),
            models.Index(fields=["created_at"], name="delivery_age"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return public_ids.encode("evt", self.pk)

    def body(self) -> bytes:
        """What is posted: the same bytes at every try."""
        return orjson.dumps(self.payload())

    def payload(self) -> dict[str, object]:
        return {
            "event": self.event,
            "timestamp": self.occurred_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": orjson.Fragment(self.data),
            "id": self.public_id,
            "sequence": self.sequence,
        }


class DeliveryAttempt(models.Model):
    """One try to deliver: what was sent and what came back. Its body is the delivery's."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    milliseconds = models.IntegerField()
    url = models.CharField("URL", max_length=2000, default="")
    request_headers = models.JSONField()
    response_status = models.SmallIntegerField(null=True)
    response_headers = models.JSONField(default=dict)
    response_body = models.TextField(blank=True, default="", help_text="Its beginning.")
    error = models.CharField(max_length=300, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.response_status or self.error} at {self.at:%F %T}"
