"""Message templates: what a company may send at any time, once Meta has approved it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from companies.models import Channel, Company
from config import public_ids


class Template(models.Model):
    """One name in one language, in one WABA. Meta's words for its states, and our own before them."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        SUBMITTED = "SUBMITTED", "With staff"
        CHANGES_REQUESTED = "CHANGES_REQUESTED", "Changes requested"
        DECLINED = "DECLINED", "Declined by staff"
        PENDING = "PENDING", "With Meta"
        APPROVED = "APPROVED", "Approved"
        REJECTED = "REJECTED", "Rejected by Meta"
        PAUSED = "PAUSED", "Paused by Meta"
        DISABLED = "DISABLED", "Disabled by Meta"
        IN_APPEAL = "IN_APPEAL", "In appeal"
        PENDING_DELETION = "PENDING_DELETION", "Being deleted"
        DELETED = "DELETED", "Deleted"
        ARCHIVED = "ARCHIVED", "Archived"
        LIMIT_EXCEEDED = "LIMIT_EXCEEDED", "Over the template limit"
        LOCKED = "LOCKED", "Locked by Meta"

    class Category(models.TextChoices):
        MARKETING = "MARKETING", "Marketing"
        UTILITY = "UTILITY", "Utility"
        AUTHENTICATION = "AUTHENTICATION", "Authentication"

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="templates")
    channel = models.ForeignKey(
        Channel,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        help_text="The number through which it was registered; any number of the WABA may send it.",
    )
    waba_id = models.CharField("WABA id", max_length=32, blank=True)
    graph_id = models.CharField("Meta's id", max_length=32, blank=True)
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=12)
    category = models.CharField(max_length=16, choices=Category)
    status = models.CharField(max_length=20, choices=Status, default=Status.DRAFT)
    status_reason = models.CharField(max_length=500, blank=True)
    parameter_format = models.CharField(max_length=12, default="POSITIONAL")
    components = models.JSONField(default=list, help_text="As Meta's API takes and gives them.")
    quality = models.CharField(max_length=8, default="UNKNOWN")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions: ClassVar = [
            ("decide_template", "Can approve and decline templates, and ask for changes"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company", "waba_id", "name", "language"], name="one_template_per_language"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["graph_id"], name="template_graph_id"),
            # The staff's queue: small however many templates there are.
            models.Index(
                fields=["updated_at"], condition=Q(status="SUBMITTED"), name="template_queue"
            ),
            # Approved by staff and not with Meta yet.
            models.Index(
                fields=["id"], condition=Q(status="PENDING", graph_id=""), name="template_to_meta"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    @property
    def public_id(self) -> str:
        return public_ids.encode("tpl", self.pk)
