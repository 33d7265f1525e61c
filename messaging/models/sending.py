"""Batches, their messages, and what the sending of a channel needs to know."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from companies.models import ApiKey, Channel, Company
from config import public_ids
from contacts.models import Contact
from messaging.models.states import Lane, Status, StatusCounts
from templates_app.models import Template


class Batch(StatusCounts):
    """One accepted request: what is sent, to how many, by whom. Its payload is stored once."""

    company = models.ForeignKey(
        Company, on_delete=models.PROTECT, related_name="batches", db_index=False
    )
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, db_index=False)
    api_key = models.ForeignKey(
        ApiKey,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
    )
    template = models.ForeignKey(
        Template,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
    )
    dialect = models.CharField(max_length=16)
    request_id = models.CharField(max_length=64, blank=True)
    echo = models.JSONField(
        default=dict, blank=True, help_text="What the caller's webhooks carry back as it was given."
    )
    content_type = models.CharField(max_length=16)
    payload = models.JSONField(help_text="The message as Graph takes it, without its recipient.")
    has_own_media = models.BooleanField(
        default=False, db_default=False, help_text="The payload names files by our ids."
    )
    is_personal = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The payload has places for each person’s values.",
    )
    category = models.CharField(max_length=16)
    price = models.BigIntegerField(help_text="Credits a message.")
    lane = models.SmallIntegerField(choices=Lane)
    day = models.DateField(help_text="Of acceptance, in the company's time zone.")
    recipients_count = models.IntegerField(default=0, db_default=0)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="After this it is failed, not sent: a code's life."
    )
    # The recipients under tags are stored in slices after the answer; see messaging/recipients.py.
    tag_ids = models.JSONField(default=list, blank=True)
    tagged_up_to = models.BigIntegerField(default=0, help_text="Newest tagging that counts.")
    expand_cursor = models.BigIntegerField(
        null=True, blank=True, help_text="Contacts up to this one are stored; empty when all are."
    )
    numbered_count = models.IntegerField(
        default=0, help_text="Stored for numbers that were given, before those under tags."
    )
    stored_count = models.IntegerField(default=0)
    halt_code = models.CharField(
        max_length=40, blank=True, help_text="Why what is still queued is failed without a try."
    )
    halt_detail = models.CharField(max_length=300, blank=True)
    # Whom it leaves out besides those who have opted out; see messaging/recipients.py.
    heard_since = models.DateTimeField(
        null=True, blank=True, help_text="Only to people who have written since then."
    )
    unreachable_since = models.DateTimeField(
        null=True, blank=True, help_text="Not to people whom Meta could not reach since then."
    )
    # What was changed after it was accepted; see messaging/batch_control.py.
    paused_at = models.DateTimeField(null=True, blank=True)
    follow_cursor = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="Messages of contacts up to this one follow the last change; empty when all do.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    # Its one message, while whoever stored both still has them at hand.
    only_message: Message | None = None

    class Meta:
        verbose_name_plural = "batches"
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="batch_log"),
            models.Index(
                fields=["id"], condition=Q(expand_cursor__isnull=False), name="batch_unexpanded"
            ),
            models.Index(
                fields=["id"], condition=Q(follow_cursor__isnull=False), name="batch_following"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return public_ids.encode("batch", self.pk)

    @property
    def waiting(self) -> int:
        """Accepted and not at rest in any state yet."""
        return max(
            0,
            self.recipients_count
            - self.uncertain
            - self.sent
            - self.failed
            - self.delivered
            - self.read,
        )


class UnusedInput(models.Model):
    """A recipient that was asked for and is not written to, and why."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, db_index=False)
    input = models.CharField(max_length=200)
    reason = models.CharField(max_length=80)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["batch", "id"], name="unused_of_batch")]

    def __str__(self) -> str:
        return f"{self.input}: {self.reason}"


class Message(models.Model):
    """One message to one person.

    The hot table: no foreign-key constraints in the database (they are three quarters of its
    insert cost; only our own INSERT … SELECT writes it) and no index but those named below. A
    company's messages are listed along its batches: an index of their own would be a fifth of the
    cost of storing a campaign.
    """

    company = models.ForeignKey(
        Company, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False
    )
    channel = models.ForeignKey(
        Channel, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False
    )
    batch = models.ForeignKey(
        Batch,
        on_delete=models.DO_NOTHING,
        related_name="messages",
        db_index=False,
        db_constraint=False,
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False
    )
    recipient = models.CharField(
        max_length=140, help_text="The phone number (digits) or BSUID that it went to."
    )
    status = models.SmallIntegerField(choices=Status, default=Status.QUEUED, db_default=0)
    lane = models.SmallIntegerField(choices=Lane)
    due_at = models.DateTimeField()
    fence = models.BigIntegerField(
        default=0, db_default=0, help_text="Of the lease under which it was claimed."
    )
    attempts = models.SmallIntegerField(default=0, db_default=0)
    attempted_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    wamid = models.CharField("WhatsApp message id", max_length=140, null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    error_detail = models.CharField(max_length=500, blank=True, default="", db_default="")
    created_at = models.DateTimeField()

    # The batch's payload with its person's values, once they were looked up: messaging/personalising.py.
    own_payload: dict[str, Any] | None = None

    class Meta:
        constraints: ClassVar = [
            # Finds a batch's messages, and makes storing its recipients repeatable.
            models.UniqueConstraint(fields=["batch", "contact"], name="one_message_per_contact"),
            models.UniqueConstraint(
                fields=["wamid"], condition=Q(wamid__isnull=False), name="message_wamid"
            ),
        ]
        indexes: ClassVar = [
            # The queue, and what is in flight or in doubt: small however large the table.
            models.Index(
                fields=["channel", "status", "lane", "due_at", "id"],
                condition=Q(status__lt=Status.SENT),
                name="message_queue",
            ),
            # What a batch's people want to see first: what failed, and what is in doubt. Rows come into
            # it only then, so storing and sending pay nothing for it.
            models.Index(
                fields=["batch", "contact"],
                condition=Q(status__in=(Status.UNCERTAIN, Status.FAILED)),
                name="message_troubled",
            ),
            # Conversations. By time, which is not the order of ids: those under a tag are stored
            # after the answer, with the time of the answer.
            models.Index(fields=["contact", "created_at"], name="message_of_contact"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return public_ids.encode("msg", self.pk)

    @property
    def payload(self) -> Any:
        return self.batch.payload if self.own_payload is None else self.own_payload


class FilledIn(models.Model):
    """What was filled in for a message's person when it was handed to Meta, whatever the contact says by
    now. Only messages of personal batches have one.
    """

    message = models.OneToOneField(
        Message,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="filled_in",
        db_constraint=False,
    )
    texts = models.JSONField(help_text="By field: contact.name, contact.phone, contact.custom.…")

    def __str__(self) -> str:
        return f"of message {self.message_id}"


class StatusEvent(models.Model):
    """One thing that happened to a message, as Meta reported it or as we decided it."""

    message = models.ForeignKey(
        Message,
        on_delete=models.DO_NOTHING,
        related_name="events",
        db_index=False,
        db_constraint=False,
    )
    status = models.SmallIntegerField(choices=Status)
    at = models.DateTimeField(help_text="When it happened, by Meta's clock where Meta said so.")
    error_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    error_detail = models.CharField(max_length=500, blank=True, default="", db_default="")
    pricing = models.CharField(
        max_length=80,
        blank=True,
        default="",
        db_default="",
        help_text="Meta's category, type, and if billable.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["message", "status", "at"], name="one_event_however_often_told"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()} at {self.at:%F %T}"


class ChannelState(models.Model):
    """What sending needs to know of a channel beside what people configure."""

    channel = models.OneToOneField(
        Channel, on_delete=models.CASCADE, primary_key=True, related_name="state"
    )
    owner = models.CharField(max_length=80, blank=True, default="", db_default="")
    fence = models.BigIntegerField(
        default=0, db_default=0, help_text="Grows with each new holder of the lease."
    )
    lease_until = models.FloatField(
        default=0, db_default=0, help_text="Unix time, by the database's clock."
    )
    day = models.DateField(null=True, blank=True)
    day_count = models.IntegerField(
        default=0, db_default=0, help_text="Messages accepted on that day."
    )

    def __str__(self) -> str:
        return f"state of channel {self.channel_id}"


class StatusProof(models.Model):
    """Evidence that Meta's statuses come in: by `received_at` one had arrived for an attempt made at
    `attempted_at`. One row for a channel and a few seconds; see messaging/settling.py.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, db_index=False)
    period = models.BigIntegerField(help_text="Unix time of reception, in steps of some seconds.")
    received_at = models.DateTimeField()
    attempted_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "period"], name="one_proof_per_period")
        ]

    def __str__(self) -> str:
        return f"channel {self.channel_id} at {self.received_at:%F %T}"


class IdempotencyRecord(models.Model):
    """The answer to a request that came with an Idempotency-Key, for when it comes again."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, db_index=False)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    status = models.SmallIntegerField(default=200)
    body = models.TextField(default="")
    location = models.CharField(max_length=200, blank=True, default="", db_default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "key"], name="one_answer_per_key")
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return self.key
