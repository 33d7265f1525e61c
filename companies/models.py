"""Who calls, on which number, with what money."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from config.fields import EncryptedTextField


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not a time zone name such as Africa/Nairobi.")


class Company(models.Model):
    """A tenant."""

    class Status(models.TextChoices):
        APPLIED = "applied", "Applied"
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"

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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "companies"
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


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, staff or of a company; signs in by email."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May enter the staff admin.")
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_whatever_case")
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or self.email


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        DEVELOPER = "developer", "Developer"
        OPERATOR = "operator", "Operator"
        VIEWER = "viewer", "Viewer"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.OPERATOR)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "company"], name="one_membership_per_company")
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.company}"


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
    quality = models.CharField(max_length=8, default="UNKNOWN")
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
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
        indexes: ClassVar = [models.Index(fields=["company", "-id"], name="credit_ledger")]

    def __str__(self) -> str:
        return f"{self.amount:+} {self.kind}"


class RateWindow(models.Model):
    """How often something was done in its current window; see companies/limits.py."""

    key = models.CharField(max_length=80, primary_key=True)
    started = models.BigIntegerField(help_text="Unix time, seconds.")
    count = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
