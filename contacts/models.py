"""The people whom companies write to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from companies.models import Company, User
from config import public_ids


class BytewiseLower(Lower):
    """In small letters, in an order that an index of ranges serves: PostgreSQL's own order of words
    is not the order of their bytes.
    """

    def as_postgresql(self, compiler, connection, **extra):  # type: ignore[no-untyped-def]
        return super().as_sql(
            compiler, connection, template='(%(function)s(%(expressions)s) COLLATE "C")', **extra
        )


class Tag(models.Model):
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "name"], name="one_tag_per_name")
        ]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person, known by phone number, by Meta's business-scoped user id (BSUID), or by both.

    Sending makes rows for numbers that it doesn't know; they are not `saved`. The indexes beside the
    constraints leave such rows out, so that they cost sending nothing.
    """

    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="contacts", db_index=False
    )
    phone = models.CharField(max_length=15, null=True, blank=True, help_text="E.164, digits only.")
    bsuid = models.CharField("BSUID", max_length=140, null=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)
    saved = models.BooleanField(
        default=True, help_text="In the address book; off for a number that was only written to."
    )
    opted_out_at = models.DateTimeField(null=True, blank=True)
    opted_out_reason = models.CharField(max_length=80, blank=True)
    not_on_whatsapp_at = models.DateTimeField(
        null=True, blank=True, help_text="When Meta last said that it can't be reached (131026)."
    )
    last_inbound_at = models.DateTimeField(
        null=True, blank=True, help_text="Opens the 24-hour window for free-form messages."
    )
    read_inbound = models.BigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="The id of the newest message of theirs that somebody of the company has read.",
    )
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        help_text="Another number of that contact; what was said with it stays here.",
    )
    erased_at = models.DateTimeField(
        null=True, blank=True, help_text="When all that told who it was was taken away."
    )
    tags = models.ManyToManyField(Tag, through="ContactTag", related_name="contacts", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "phone"], name="one_contact_per_phone"),
            models.UniqueConstraint(fields=["company", "bsuid"], name="one_contact_per_bsuid"),
            models.CheckConstraint(
                condition=Q(phone__isnull=False)
                | Q(bsuid__isnull=False)
                | Q(merged_into__isnull=False)
                | Q(erased_at__isnull=False),
                name="contact_has_phone_or_bsuid",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], condition=Q(saved=True), name="address_book"),
            models.Index(
                F("company"),
                BytewiseLower("name"),
                F("id"),
                condition=Q(saved=True),
                name="address_book_by_name",
            ),
            models.Index(
                fields=["company", "-id"],
                condition=Q(opted_out_at__isnull=False),
                name="contacts_opted_out",
            ),
            models.Index(
                fields=["company", "-id"],
                condition=Q(not_on_whatsapp_at__isnull=False),
                name="contacts_unreachable",
            ),
            models.Index(
                fields=["company", "-last_inbound_at"],
                condition=Q(last_inbound_at__isnull=False),
                name="contacts_heard_from",
            ),
            models.Index(
                fields=["merged_into"],
                condition=Q(merged_into__isnull=False),
                name="contacts_merged",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.phone or self.bsuid or f"contact {self.pk}"

    @property
    def public_id(self) -> str:
        return public_ids.encode("contact", self.pk)


class ContactTag(models.Model):
    """A tag on a contact. Ids grow, so a send can say "those tagged by now"."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, db_index=False)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, db_index=False)

    class Meta:
        constraints: ClassVar = [
            # In this order: a send walks one tag in order of contact.
            models.UniqueConstraint(fields=["tag", "contact"], name="one_tag_per_contact"),
        ]
        indexes: ClassVar = [models.Index(fields=["contact"], name="contact_tags")]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.contact_id}"


class ConsentEvent(models.Model):
    """A wish to be left alone, or to hear again: how we know of it, and from whom."""

    class Kind(models.TextChoices):
        OPTED_OUT = "opted_out", _("Opted out")
        OPTED_IN = "opted_in", _("Opted in")

    class Source(models.TextChoices):
        WORD = "word", _("Wrote it")
        META = "meta", _("WhatsApp’s own switch")
        API = "api", _("API")
        PORTAL = "portal", _("This site")
        IMPORT = "import", _("Import")
        MERGE = "merge", _("Merged contact")
        STAFF = "staff", _("Tuma’s staff")

    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="consent_events", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=8, choices=Source)
    author = models.CharField(max_length=254, blank=True, help_text="Who wrote it down.")
    reason = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["contact", "-id"], name="consent_of_a_contact")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%F %T}"


class Job(models.Model):
    """Work on many contacts that the worker does in slices; contacts.jobs says how."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Not started")
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Stopped")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    company = models.ForeignKey(Company, on_delete=models.CASCADE, db_index=False)
    author = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, db_index=False
    )
    author_label = models.CharField(max_length=254)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    problem = models.CharField(max_length=300, blank=True, help_text="Why it stopped.")
    cursor = models.BigIntegerField(default=0, help_text="How far it is; of each job’s own kind.")
    fence = models.BigIntegerField(default=0, help_text="Grows with each new holder of the lease.")
    lease_until = models.FloatField(default=0, help_text="Unix time, by the database's clock.")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    LIVE: ClassVar = (State.QUEUED, State.RUNNING, State.UNDOING)

    class Meta:
        abstract = True

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE


class Tagging(Job):
    """A tag put on, or taken off, all contacts that a filter finds; or a tag deleted."""

    class Action(models.TextChoices):
        ADD = "add", _("Add")
        REMOVE = "remove", _("Remove")
        DELETE = "delete", _("Delete")

    tag = models.ForeignKey(
        Tag, on_delete=models.SET_NULL, null=True, db_index=False, related_name="taggings"
    )
    tag_name = models.CharField(max_length=80)
    action = models.CharField(max_length=6, choices=Action)
    filter = models.JSONField(default=dict, help_text="As the page of contacts was asked.")
    up_to = models.BigIntegerField(help_text="The newest contact that counts.")
    total = models.BigIntegerField(null=True, blank=True, help_text="Contacts; empty: not counted.")
    seen_count = models.BigIntegerField(default=0)
    changed_count = models.BigIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="taggings_of_a_company"),
            models.Index(
                fields=["id"], condition=Q(state__in=["queued", "running"]), name="taggings_live"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.tag_name}"

    @property
    def public_id(self) -> str:
        return public_ids.encode("tagging", self.pk)


class ContactImport(Job):
    """A file of contacts: uploaded, mapped, run, and for a day undone if somebody wishes so."""

    class Known(models.TextChoices):
        UPDATE = "update", _("Update them")
        SKIP = "skip", _("Leave them as they are")

    filename = models.CharField(max_length=200)
    storage_name = models.CharField(max_length=200, blank=True, help_text="Empty once deleted.")
    size = models.BigIntegerField(help_text="Bytes.")
    encoding = models.CharField(max_length=12)
    delimiter = models.CharField(max_length=1)
    has_header = models.BooleanField(default=True)
    header = models.JSONField(default=list, help_text="The first row, or names for its columns.")
    mapping = models.JSONField(default=list, help_text="What each column holds, by position.")
    tag_names = models.JSONField(default=list, help_text="For all of them.")
    made_tag_ids = models.JSONField(
        default=list, editable=False, help_text="Tags that were not there before."
    )
    known = models.CharField(max_length=6, choices=Known, default=Known.UPDATE)
    bytes_read = models.BigIntegerField(default=0)
    new_count = models.BigIntegerField(default=0)
    updated_count = models.BigIntegerField(default=0)
    same_count = models.BigIntegerField(default=0)
    duplicate_count = models.BigIntegerField(default=0)
    invalid_count = models.BigIntegerField(default=0)
    removed_count = models.BigIntegerField(default=0, help_text="By undoing.")
    restored_count = models.BigIntegerField(default=0, help_text="By undoing.")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="imports_of_a_company"),
            models.Index(
                fields=["id"],
                condition=Q(state__in=["queued", "running", "undoing"]),
                name="imports_live",
            ),
            models.Index(
                fields=["created_at"], condition=~Q(storage_name=""), name="imports_with_file"
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def public_id(self) -> str:
        return public_ids.encode("import", self.pk)

    @property
    def refused_count(self) -> int:
        """Rows that were not taken, for whatever reason."""
        return self.duplicate_count + self.invalid_count


class ImportRow(models.Model):
    """A contact that an import met, and what it did to it: enough to find repeats, and to undo."""

    class Outcome(models.IntegerChoices):
        NEW = 1, _("New")
        UPDATED = 2, _("Updated")
        SAME = 3, _("Unchanged")

    contact_import = models.ForeignKey(ContactImport, on_delete=models.CASCADE, db_index=False)
    contact_id = models.BigIntegerField()
    outcome = models.SmallIntegerField(choices=Outcome)
    changes = models.JSONField(default=dict, help_text="By field: what it was, what it became.")
    tag_ids = models.JSONField(default=list, help_text="Tags that it did not have before.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["contact_import", "contact_id"], name="one_row_per_imported_contact"
            )
        ]

    def __str__(self) -> str:
        return f"contact {self.contact_id}: {self.get_outcome_display()}"


class ImportProblem(models.Model):
    """A row of a file that was not taken, and why."""

    contact_import = models.ForeignKey(ContactImport, on_delete=models.CASCADE, db_index=False)
    row = models.BigIntegerField(help_text="As a spreadsheet numbers it.")
    input = models.TextField()
    reason = models.CharField(max_length=200)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact_import", "row"], name="one_problem_per_row")
        ]

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"
