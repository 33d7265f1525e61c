"""Whom a company wrote to on each day, small enough to be asked about any period."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from companies.models import Company


class DailyReach(models.Model):
    """Sixty neighbouring contacts of a company's day: bit `n` is the contact `block * 60 + n`."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    block = models.BigIntegerField()
    bits = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "daily reach"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "day", "block"], name="one_reach_row")
        ]

    def __str__(self) -> str:
        return f"{self.day}, contacts from {self.block * 60}"
