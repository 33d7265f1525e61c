"""What programs sign in with."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from companies.models.channels import Channel
from companies.models.company import Company
from companies.models.people import User


class Scope(models.TextChoices):
    """What a program may do with its key."""

    SEND = "send", _("Send messages")
    READ = "read", _("Read messages, contacts and counts")
    MANAGE = "manage", _("Manage contacts, templates and webhooks")


def all_scopes() -> list[str]:
    return list(Scope.values)


class ApiKey(models.Model):
    """A credential of a company's program. Only a hash of its secret part is kept."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="api_keys")
    channel = models.ForeignKey(
        Channel,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        help_text="The channel that it sends from where a request names none.",
    )
    name = models.CharField(max_length=80)
    public_id = models.CharField(max_length=8, unique=True)
    secret_hash = models.CharField(max_length=64)
    scopes = models.JSONField(default=all_scopes, help_text="Of send, read, manage.")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    @property
    def hint(self) -> str:
        """What may be shown of the key: its public part."""
        return f"tuma_{self.public_id}…"

    def is_live(self, *, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def state(self, *, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "active" if self.is_live(now=now) else "expired"
