"""A company's WhatsApp numbers."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from companies.models.company import Company
from config.fields import EncryptedTextField


class Channel(models.Model):
    """A WhatsApp number of a company: Meta's phone number id, in a WABA, with the token to use it."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "Requested"
        CONNECTED = "connected", "Connected"
        DISCONNECTED = "disconnected", "Disconnected"

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="channels")
    name = models.CharField(max_length=80)
    status = models.CharField(max_length=12, choices=Status, default=Status.REQUESTED)
    status_reason = models.CharField(max_length=300, blank=True)
    is_default = models.BooleanField(default=False)
    waba_id = models.CharField("WABA id", max_length=32)
    phone_number_id = models.CharField(max_length=32, unique=True)
    phone_number = models.CharField(max_length=16, help_text="With a plus: +254700000001.")
    verified_name = models.CharField(max_length=120, blank=True)
    access_token = EncryptedTextField(blank=True)
    rate_per_second = models.PositiveIntegerField(
        default=80, help_text="Messages a second that Meta allows this number: 80, or 1,000."
    )
    daily_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=1000,
        help_text="Messages a day by the WABA's tier; empty for unlimited.",
    )
    throughput = models.CharField(
        max_length=16, default="STANDARD", help_text="Meta's level: HIGH allows 1,000 a second."
    )
    quality = models.CharField(max_length=8, default="UNKNOWN")
    requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When the company asked for it; empty if staff made it."
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        permissions: ClassVar = [
            ("decide_channel", "Can connect, reject and disconnect channels"),
            ("pause_channel", "Can pause and resume channels"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company"], condition=Q(is_default=True), name="one_default_channel"
            ),
            models.CheckConstraint(
                condition=Q(rate_per_second__gte=1), name="channel_rate_at_least_one"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["waba_id"], name="channel_waba")]

    def __str__(self) -> str:
        return f"{self.name} ({self.phone_number})"

    def is_paused(self, *, now: datetime) -> bool:
        return self.paused_until is not None and self.paused_until > now

    def why_still(self, *, now: datetime) -> str:
        """What was said of why nothing is sent from it now; empty while it may send."""
        if self.status != self.Status.CONNECTED:
            return self.status_reason
        return self.pause_reason if self.is_paused(now=now) else ""

    def may_send(self, *, now: datetime) -> bool:
        """Whether what is queued may go out now; of a company that is suspended, nothing does."""
        return (
            self.status == self.Status.CONNECTED
            and not self.is_paused(now=now)
            and self.company.status == Company.Status.ACTIVE
        )


class DoctorReport(models.Model):
    """What companies.doctor last found about a channel."""

    channel = models.OneToOneField(
        Channel, on_delete=models.CASCADE, primary_key=True, related_name="doctor_report"
    )
    at = models.DateTimeField()
    findings = models.JSONField(help_text="By check: its level and what was measured.")

    def __str__(self) -> str:
        return f"channel {self.channel_id} at {self.at:%F %T}"
