"""Counters: a day's usage and failures, and those of /metrics."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from companies.models import Channel, Company
from messaging.models.states import StatusCounts


class DailyUsage(StatusCounts):
    """What was accepted on a day and what has become of it: the source of every report.

    Kept by the statements that change the messages (messaging/tallies.py), never by counting them.
    """

    company = models.ForeignKey(Company, on_delete=models.CASCADE, db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    category = models.CharField(max_length=16)
    accepted = models.IntegerField(default=0, db_default=0)
    charged = models.BigIntegerField(
        default=0, db_default=0, help_text="Credits, refunds not taken off."
    )

    class Meta:
        verbose_name_plural = "daily usage"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company", "day", "channel", "category"], name="one_usage_row"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.category}"


class DailyFailure(models.Model):
    """How many of a day's messages failed, by reason."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    code = models.CharField(max_length=40)
    count = models.IntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company", "day", "channel", "code"], name="one_failure_row"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.code}: {self.count}"


class Metric(models.Model):
    """A counter that outlives processes: buckets of /metrics, and the worker's heartbeat."""

    name = models.CharField(max_length=40)
    label = models.CharField(max_length=80, blank=True, default="", db_default="")
    value = models.FloatField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "label"], name="one_metric_row")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label}"
