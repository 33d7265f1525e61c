"""Message templates: what a company may send at any time, once Meta has approved it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from companies.models import Channel, Company, User
from config import public_ids


class Live(models.Manager["Template"]):
    """Templates themselves, without the edits of those that Meta has."""

    def get_queryset(self) -> models.QuerySet[Template]:
        return super().get_queryset().filter(edit_of=None)


class Template(models.Model):
    """One name in one language, in one WABA. Meta's words for its states, and our own before them.

    What Meta knows stays as it is while somebody changes it: the change is a row of its own, an edit
    (`edit_of`), which goes the same way to Meta as a new template does. Once Meta took it, its content
    becomes the template's and the row is gone. templates_app/workflow.py moves both kinds.
    """

    class Status(models.TextChoices):
        DRAFT = "DRAFT", _("Draft")
        SUBMITTED = "SUBMITTED", _("With staff")
        CHANGES_REQUESTED = "CHANGES_REQUESTED", _("Changes requested")
        DECLINED = "DECLINED", _("Declined by staff")
        PENDING = "PENDING", _("With Meta")
        APPROVED = "APPROVED", _("Approved")
        REJECTED = "REJECTED", _("Rejected by Meta")
        PAUSED = "PAUSED", _("Paused by Meta")
        DISABLED = "DISABLED", _("Disabled by Meta")
        IN_APPEAL = "IN_APPEAL", _("In appeal")
        PENDING_DELETION = "PENDING_DELETION", _("Being deleted")
        DELETED = "DELETED", _("Deleted")
        ARCHIVED = "ARCHIVED", _("Archived")
        LIMIT_EXCEEDED = "LIMIT_EXCEEDED", _("Over the template limit")
        LOCKED = "LOCKED", _("Locked by Meta")

    class Category(models.TextChoices):
        MARKETING = "MARKETING", _("Marketing")
        UTILITY = "UTILITY", _("Utility")
        AUTHENTICATION = "AUTHENTICATION", _("Authentication")

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
    submitted_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Meta's own time of its latest status."
    )
    version = models.PositiveIntegerField(
        default=1,
        editable=False,
        help_text="One more with every change: who saw an older one loses.",
    )
    edit_of = models.OneToOneField(
        "self", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="edit"
    )

    everything = models.Manager()
    objects = Live()

    class Meta:
        default_manager_name = "everything"
        permissions: ClassVar = [
            ("decide_template", "Can approve and decline templates, and ask for changes"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company", "waba_id", "name", "language"],
                condition=Q(edit_of=None),
                name="one_template_per_language",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["graph_id"], name="template_graph_id"),
            # The staff's queue: small however many templates there are.
            models.Index(
                fields=["submitted_at"], condition=Q(status="SUBMITTED"), name="template_queue"
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

    @property
    def original(self) -> Template:
        """The template that Meta has or will have: itself, unless it is an edit of one."""
        return self.edit_of or self

    @property
    def content(self) -> dict[str, Any]:
        """What people see of it, and Meta reviews."""
        return {
            "category": self.category,
            "parameter_format": self.parameter_format,
            "components": self.components,
        }


class TemplateEvent(models.Model):
    """One step in a template's life, its edits' included; only templates_app/workflow.py writes it."""

    class Done(models.TextChoices):
        WRITTEN = "written", _("Written")
        SUBMITTED = "submitted", _("Submitted")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        DISCARDED = "discarded", _("Edit discarded")
        APPROVED = "approved", _("Approved by Tuma’s staff")
        CHANGES_REQUESTED = "changes_requested", _("Changes requested by Tuma’s staff")
        DECLINED = "declined", _("Declined by Tuma’s staff")
        CORRECTED = "corrected", _("Changed by Tuma’s staff")
        HANDED_OVER = "handed_over", _("Handed over to Meta")
        NOT_TAKEN = "not_taken", _("Not taken by Meta")
        EDITED = "edited", _("Edit taken by Meta")
        TOLD = "told", _("Told by Meta")
        RECATEGORISED = "recategorised", _("Put into another category by Meta")
        QUALITY = "quality", _("Quality changed")
        ADOPTED = "adopted", _("Found at Meta")
        DELETED = "deleted", _("Deleted")

    template = models.ForeignKey(
        Template, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    created_at = models.DateTimeField()
    done = models.CharField(max_length=20, choices=Done)
    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    author_label = models.CharField(max_length=254)
    changes = models.JSONField(
        default=list, help_text="What became different: [[part, before, after], …]."
    )
    content = models.JSONField(null=True, help_text="All of it, as it was submitted.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["template", "-id"], name="template_history")]

    def __str__(self) -> str:
        return f"{self.template}: {self.done}"
