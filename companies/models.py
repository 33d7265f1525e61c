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
from django.utils.translation import gettext_lazy as _

from config.fields import EncryptedTextField


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
        OWNER = "owner", _("Owner")
        DEVELOPER = "developer", _("Developer")
        OPERATOR = "operator", _("Operator")
        VIEWER = "viewer", _("Viewer")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.OPERATOR)
    notices_seen = models.BigIntegerField(
        default=0, editable=False, help_text="The id of the newest notice that the person has seen."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "company"], name="one_membership_per_company")
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.company}"


class Invitation(models.Model):
    """A link in a mail, to join a company's team. Only a hash of its secret part is kept."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(help_text="In small letters.")
    role = models.CharField(max_length=10, choices=Membership.Role)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(help_text="When the mail last went out.")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role} of {self.company}"

    def state(self, *, now: datetime) -> str:
        """`open`, `accepted`, `revoked` or `expired`."""
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        return "open" if self.expires_at > now else "expired"


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
    throughput = models.CharField(
        max_length=16, default="STANDARD", help_text="Meta's level: HIGH allows 1,000 a second."
    )
    quality = models.CharField(max_length=8, default="UNKNOWN")
    requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When the company asked for it; empty if staff made it."
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        permissions: ClassVar = [
            ("decide_channel", "Can connect, reject and disconnect channels"),
            ("pause_channel", "Can pause and resume channels"),
        ]
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

    def why_still(self, *, now: datetime) -> str:
        """What was said of why nothing is sent from it now; empty while it may send."""
        if self.status != self.Status.CONNECTED:
            return self.status_reason
        return self.pause_reason if self.is_paused(now=now) else ""

    def may_send(self, *, now: datetime) -> bool:
        """Whether what is queued may go out now; of a company that is suspended, nothing does."""
        return (
            self.status == self.Status.CONNECTED
            and not self.is_paused(now=now)
            and self.company.status == Company.Status.ACTIVE
        )


class DoctorReport(models.Model):
    """What companies.doctor last found about a channel."""

    channel = models.OneToOneField(
        Channel, on_delete=models.CASCADE, primary_key=True, related_name="doctor_report"
    )
    at = models.DateTimeField()
    findings = models.JSONField(help_text="By check: its level and what was measured.")

    def __str__(self) -> str:
        return f"channel {self.channel_id} at {self.at:%F %T}"


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


class RateWindow(models.Model):
    """How often something was done in its current window; see companies/limits.py."""

    key = models.CharField(max_length=80, primary_key=True)
    started = models.BigIntegerField(help_text="Unix time, seconds.")
    count = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


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
