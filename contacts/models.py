"""The people whom companies write to."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from companies.models import Company


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
    """A person, known by phone number, by Meta's business-scoped user id (BSUID), or by both."""

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
    tags = models.ManyToManyField(Tag, through="ContactTag", related_name="contacts", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "phone"], name="one_contact_per_phone"),
            models.UniqueConstraint(fields=["company", "bsuid"], name="one_contact_per_bsuid"),
            models.CheckConstraint(
                condition=Q(phone__isnull=False) | Q(bsuid__isnull=False),
                name="contact_has_phone_or_bsuid",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.phone or self.bsuid or f"contact {self.pk}"


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
