"""What was paid, told and done, each line written once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.models.company import Company
from companies.models.people import User


class CreditEntry(models.Model):
    """One movement of a company's credit. The balance is always the sum of these."""

    class Kind(models.TextChoices):
        TOP_UP = "top_up", "Top-up"
        ADJUSTMENT = "adjustment", "Adjustment"
        CHARGE = "charge", "Charge"
        REFUND = "refund", "Refund"
        TAKEN_BACK = "taken_back", "Refund taken back"

    company = models.ForeignKey(
        Company, on_delete=models.PROTECT, related_name="credit_entries", db_index=False
    )
    kind = models.CharField(max_length=12, choices=Kind)
    amount = models.BigIntegerField(help_text="Credits; negative when they leave the balance.")
    batch_id = models.BigIntegerField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "credit entries"
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="credit_ledger"),
            # Money that came or was corrected, among the charges of a million sends.
            models.Index(
                fields=["company", "-id"],
                condition=Q(kind__in=("top_up", "adjustment")),
                name="credit_paid_in",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+} {self.kind}"


class Notice(models.Model):
    """Something that a company's people should know; companies.notices writes it."""

    class Level(models.TextChoices):
        INFO = "info", _("For your information")
        GOOD = "good", _("Good news")
        WARNING = "warning", _("Warning")
        BAD = "bad", _("Trouble")

    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="notices", db_index=False
    )
    level = models.CharField(max_length=8, choices=Level, default=Level.INFO)
    title = models.CharField(max_length=200)
    text = models.TextField()
    link = models.CharField(max_length=300, blank=True, help_text="A path on this site.")
    mail_to = models.JSONField(default=list, help_text="The roles whose people get it by mail too.")
    mail_due = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="notices_of_a_company"),
            models.Index(fields=["id"], condition=Q(mail_due=True), name="notices_to_mail"),
        ]

    def __str__(self) -> str:
        return self.title


class AuditEvent(models.Model):
    """Something that somebody did in a company, as its owners see it; companies.audit writes it."""

    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="audit_events", db_index=False
    )
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    # Stays when the person goes; and names those who never had an account.
    actor_label = models.CharField(max_length=254)
    # Without choices, so that a new kind (companies.audit.Kind) needs no migration.
    kind = models.CharField(max_length=40)
    label = models.CharField(max_length=200, blank=True, help_text="What it was done to.")
    detail = models.JSONField(default=dict, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="audit_log"),
            models.Index(fields=["company", "kind", "-id"], name="audit_log_of_a_kind"),
            models.Index(fields=["company", "actor_label", "-id"], name="audit_log_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label}: {self.kind} {self.label}".rstrip()


class Decision(models.Model):
    """Something that staff decided about a company or a thing of its; companies.decisions writes it.

    The company reads of it in its audit log and its notices; who decided stays among staff.
    """

    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="decisions", db_index=False
    )
    # What it was about, as its model's name ("company", "channel", "template") and its primary key:
    # such things live in several apps, and a decision outlives them.
    about_type = models.CharField(max_length=20)
    about_id = models.BigIntegerField()
    about_label = models.CharField(max_length=200)
    done = models.CharField(max_length=20, help_text="In a word: approved.")
    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    author_label = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["about_type", "about_id", "-id"], name="decisions_about"),
            models.Index(fields=["company", "-id"], name="decisions_of_a_company"),
        ]

    def __str__(self) -> str:
        return f"{self.about_label}: {self.done}"
