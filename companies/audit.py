"""The company's own record of who did what: written once, never changed.

Record after the thing is done, in its transaction where it has one, so that neither stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import TextChoices
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from companies.models import AuditEvent, Company, User
from config.middleware import client_address

# To the company it is we, whoever of us.
STAFF = "Tuma’s staff"
# What django-hijack keeps in the session while staff work as a member.
IMPERSONATION = "hijack_history"


class Kind(TextChoices):
    """What happened. The part before the point says to what, and picks the icon of its rows."""

    SIGNED_IN = "person.signed_in", _("Signed in")
    PASSWORD_CHANGED = "person.password_changed", _("Password changed")
    EMAIL_CHANGED = "person.email_changed", _("Email address changed")
    TWO_FACTOR_ON = "person.two_factor_on", _("Two-factor sign-in switched on")
    TWO_FACTOR_OFF = "person.two_factor_off", _("Two-factor sign-in switched off")
    RECOVERY_CODES_MADE = "person.recovery_codes_made", _("New recovery codes made")
    INVITED = "team.invited", _("Person invited")
    INVITED_AGAIN = "team.invited_again", _("Invitation sent again")
    INVITATION_REVOKED = "team.invitation_revoked", _("Invitation revoked")
    JOINED = "team.joined", _("Joined the team")
    ROLE_CHANGED = "team.role_changed", _("Role changed")
    REMOVED = "team.removed", _("Removed from the team")
    LEFT = "team.left", _("Left the team")
    KEY_CREATED = "key.created", _("API key created")
    KEY_ROLLED = "key.rolled", _("API key rolled")
    KEY_REVOKED = "key.revoked", _("API key revoked")
    WEBHOOK_CREATED = "webhook.created", _("Webhook added")
    WEBHOOK_CHANGED = "webhook.changed", _("Webhook changed")
    WEBHOOK_ROLLED = "webhook.rolled", _("Webhook’s secret rolled")
    WEBHOOK_DELETED = "webhook.deleted", _("Webhook deleted")
    SENT = "batch.sent", _("Messages sent")
    BATCH_PAUSED = "batch.paused", _("Batch paused")
    BATCH_RESUMED = "batch.resumed", _("Batch resumed")
    BATCH_CANCELLED = "batch.cancelled", _("Batch cancelled")
    BATCH_RESCHEDULED = "batch.rescheduled", _("Batch scheduled anew")
    CONTACT_REMOVED = "contact.removed", _("Contact removed")
    CONTACTS_MERGED = "contact.merged", _("Contacts merged")
    CONTACT_ERASED = "contact.erased", _("Person erased")
    CONTACT_OPTED_OUT = "contact.opted_out", _("Contact opted out")
    CONTACT_OPTED_IN = "contact.opted_in", _("Contact opted in")
    CONTACTS_EXPORTED = "contact.exported", _("Contacts exported")
    CONTACTS_TAGGED = "contact.tagged", _("Many contacts tagged or untagged")
    TAG_RENAMED = "tag.renamed", _("Tag renamed")
    TAG_DELETED = "tag.deleted", _("Tag deleted")
    IMPORT_STARTED = "import.started", _("Import of contacts started")
    IMPORT_UNDONE = "import.undone", _("Import of contacts undone")
    SETTINGS_CHANGED = "company.changed", _("Company settings changed")
    COMPANY_APPLIED = "company.applied", _("Applied for an account")
    COMPANY_APPROVED = "company.approved", _("Company approved")
    COMPANY_DECLINED = "company.declined", _("Company declined")
    COMPANY_SUSPENDED = "company.suspended", _("Company suspended")
    COMPANY_REINSTATED = "company.reinstated", _("Company reinstated")
    COMPANY_PAUSED = "company.paused", _("All sending paused")
    COMPANY_RESUMED = "company.resumed", _("All sending resumed")
    CHANNEL_REQUESTED = "channel.requested", _("Channel asked for")
    CHANNEL_CONNECTED = "channel.connected", _("Channel connected")
    CHANNEL_REJECTED = "channel.rejected", _("Channel rejected")
    CHANNEL_DISCONNECTED = "channel.disconnected", _("Channel disconnected")
    CHANNEL_RECONNECTED = "channel.reconnected", _("Channel connected again")
    CHANNEL_PAUSED = "channel.paused", _("Channel paused")
    CHANNEL_RESUMED = "channel.resumed", _("Channel resumed")
    CHANNEL_CHANGED = "channel.changed", _("Channel changed")
    MESSAGE_RETRIED = "message.retried", _("Message sent again")
    MESSAGES_EXPORTED = "message.exported", _("Messages exported")
    TEMPLATE_SUBMITTED = "template.submitted", _("Template submitted")
    TEMPLATE_WITHDRAWN = "template.withdrawn", _("Template withdrawn")
    TEMPLATE_DISCARDED = "template.discarded", _("Edit of a template discarded")
    TEMPLATE_DELETED = "template.deleted", _("Template deleted")
    TEMPLATE_APPROVED = "template.approved", _("Template approved by staff")
    TEMPLATE_CHANGES_REQUESTED = "template.changes_requested", _("Changes to a template requested")
    TEMPLATE_DECLINED = "template.declined", _("Template declined by staff")
    CREDIT_ADDED = "credit.added", _("Credit added")
    CREDIT_ADJUSTED = "credit.adjusted", _("Credit adjusted")
    IMPERSONATION_STARTED = "staff.entered", _("Tuma’s staff entered as a member")
    IMPERSONATION_ENDED = "staff.left", _("Tuma’s staff left")


def record(
    who: HttpRequest | User | str,
    *,
    company: Company,
    kind: Kind,
    label: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the company's audit log.

    `who` is the request of a signed-in person (its address is kept too), a person, or the words for
    somebody who has no account here (“Tuma’s staff”). `label` names the thing that it was done to, as
    people know it. `detail` holds what else is worth knowing, by name: text, numbers, or `[old, new]`
    for a change; never a secret.
    """
    actor = getattr(who, "user", None) if isinstance(who, HttpRequest) else who
    label_of_actor = str(actor)
    if isinstance(who, HttpRequest) and who.session.get(IMPERSONATION):
        label_of_actor = f"{STAFF} as {actor}"
    AuditEvent.objects.create(
        company=company,
        actor=actor if isinstance(actor, User) else None,
        actor_label=label_of_actor[:254],
        kind=kind,
        label=label[:200],
        detail=dict(detail or {}),
        address=(client_address(who) or None) if isinstance(who, HttpRequest) else None,
    )
