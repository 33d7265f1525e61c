"""A tenant, and what it may ask for a minute."""

from __future__ import annotations

import zoneinfo
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(name)s” is not a time zone name such as Africa/Nairobi."), params={"name": name}
        )


class Company(models.Model):
    """A tenant."""

    class Status(models.TextChoices):
        APPLIED = "applied", _("Applied")
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")

    name = models.CharField(max_length=120)
    country = models.CharField(
        max_length=2, help_text="ISO 3166 code; completes national phone numbers."
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    credits = models.BigIntegerField(
        default=0, help_text="The sum of the ledger; only companies.credits changes it."
    )
    credit_floor = models.BigIntegerField(
        default=0, help_text="How low the balance may fall: 0 for prepaid."
    )
    prices = models.JSONField(
        default=dict,
        blank=True,
        help_text='Credits per message by category, e.g. {"MARKETING": 2}; 1 where not named.',
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Per key; empty for the default."
    )
    trusts_templates = models.BooleanField(
        "trusted with templates",
        default=False,
        help_text="Its templates go to Meta without a look of ours.",
    )
    low_balance_at = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Warn when the credit falls below; empty for never."
    )
    low_balance_told = models.BooleanField(
        default=False, editable=False, help_text="Warned, and not above the mark since."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "companies"
        permissions: ClassVar = [
            ("decide_company", "Can approve, suspend and reinstate companies"),
            ("pause_company", "Can pause and resume a company's sending"),
            ("impersonate_member", "Can work in the portal as one of a company's people"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(credits__gte=F("credit_floor")), name="company_credits_above_floor"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def price(self, category: str) -> int:
        """Credits for one message of a category (MARKETING, UTILITY, AUTHENTICATION, SERVICE)."""
        return int(self.prices.get(category, 1))


class RateWindow(models.Model):
    """How often something was done in its current window; see companies/limits.py."""

    key = models.CharField(max_length=80, primary_key=True)
    started = models.BigIntegerField(help_text="Unix time, seconds.")
    count = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
