"""Rows for tests: plain functions, where only what matters is named. acme is us, rival the stranger."""

import hashlib
from datetime import timedelta
from itertools import count
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from companies import credits, keys
from companies.models import ApiKey, Channel, Company, Invitation, Membership, User
from contacts import imports
from contacts.models import Contact, ContactImport, ContactTag, Tag
from messaging import outgoing, webhook_signing
from messaging.models import Batch, ChannelState, Lane, Media, Message, Status, WebhookEndpoint
from templates_app.models import Template

_numbers = count(1)


def make_company(name: str = "Acme", *, credit: int = 1_000_000, **fields: Any) -> Company:
    fields = {"country": "KE", "time_zone": "Africa/Nairobi", **fields}
    company = Company.objects.create(name=name, **fields)
    if credit:
        credits.top_up(company=company, amount=credit)
        company.refresh_from_db()
    return company


def make_user(email: str = "", *, company: Company | None = None, role: str = "owner") -> User:
    user = User.objects.create_user(email or f"user{next(_numbers)}@example.com", "secret-pass-1")
    if company:
        Membership.objects.create(user=user, company=company, role=role)
    return user


def make_channel(company: Company, **fields: Any) -> Channel:
    number = next(_numbers)
    channel = Channel.objects.create(
        **{
            "company": company,
            "name": "Main",
            "status": Channel.Status.CONNECTED,
            "is_default": not company.channels.exists(),
            "waba_id": f"2{company.pk:014d}",
            "phone_number_id": f"1{number:014d}",
            "phone_number": f"+2547{number:08d}",
            "access_token": f"EAAtest{number:010d}",
            "daily_limit": None,
            "rate_per_second": 1000,
            **fields,
        }
    )
    ChannelState.objects.create(channel=channel)
    return channel


def make_key(company: Company, **fields: Any) -> str:
    """The whole text of a new key."""
    return keys.issue(company=company, name="Test", **fields)[1]


def key_row(text: str) -> ApiKey:
    return ApiKey.objects.get(public_id=text[5:13])


def make_invitation(company: Company, email: str = "", **fields: Any) -> Invitation:
    """An open invitation; its link is `/invitations/<token>`, where a `token` is given."""
    now = timezone.now()
    token = fields.pop("token", f"token-{next(_numbers)}")
    return Invitation.objects.create(
        **{
            "company": company,
            "email": email or f"invited{next(_numbers)}@example.com",
            "role": "operator",
            "token_hash": hashlib.sha256(token.encode()).hexdigest(),
            "sent_at": now,
            "expires_at": now + timedelta(days=7),
            **fields,
        }
    )


def make_contact(company: Company, phone: str | None = "", **fields: Any) -> Contact:
    """With a number of its own, unless one is given, or None for somebody who has only a BSUID."""
    if phone == "":
        phone = f"25471{next(_numbers):07d}"
    return Contact.objects.create(company=company, phone=phone, **fields)


def make_tag(company: Company, *contacts: Contact, name: str = "") -> Tag:
    tag = Tag.objects.create(company=company, name=name or f"tag {next(_numbers)}")
    ContactTag.objects.bulk_create(ContactTag(tag=tag, contact=contact) for contact in contacts)
    return tag


def make_import(
    company: Company, text: str = "phone,name\n0712000001,Jane\n", **fields: Any
) -> ContactImport:
    """A file that was uploaded and not started; with fields set as they are given."""
    data = text if isinstance(text, bytes) else text.encode()
    job = imports.take(
        company=company,
        file=ContentFile(data, name="people.csv"),
        filename="people.csv",
        size=len(data),
        by=make_user(company=company),
    )
    ContactImport.objects.filter(pk=job.pk).update(**fields)
    job.refresh_from_db()
    return job


def make_template(company: Company, **fields: Any) -> Template:
    channel = company.channels.first()
    return Template.objects.create(
        **{
            "company": company,
            "channel": channel,
            "waba_id": channel.waba_id if channel else "",
            "name": f"template_{next(_numbers)}",
            "language": "en_US",
            "category": "UTILITY",
            "status": Template.Status.APPROVED,
            "components": [
                {
                    "type": "BODY",
                    "text": "Hello {{1}}, your order is on its way.",
                    "example": {"body_text": [["Amina"]]},
                }
            ],
            **fields,
        }
    )


def make_message(channel: Channel, *, recipient: str = "", **fields: Any) -> Message:
    """A message with a batch and a contact of its own, counted as accepted; queued and due."""
    now = timezone.now()
    status = fields.pop("status", Status.QUEUED)
    batch = fields.pop("batch", None) or make_batch(channel)
    contact = make_contact(channel.company, recipient)
    return Message.objects.create(
        **{
            "company": channel.company,
            "channel": channel,
            "batch": batch,
            "contact": contact,
            "recipient": contact.phone,
            "status": status,
            "lane": Lane.EXPRESS,
            "due_at": now,
            "created_at": now,
            **fields,
        }
    )


def make_batch(channel: Channel, **fields: Any) -> Batch:
    now = timezone.now()
    return Batch.objects.create(
        **{
            "company": channel.company,
            "channel": channel,
            "dialect": "autokonnect",
            "content_type": "text",
            "payload": {"type": "text", "text": {"body": "Hello"}},
            "category": "SERVICE",
            "price": 1,
            "lane": Lane.BULK,
            "day": now.date(),
            "recipients_count": 1,
            "stored_count": 1,
            "due_at": now,
            **fields,
        }
    )


def make_media(company: Company, **fields: Any) -> Media:
    """An uploaded image's row; its bytes are nowhere."""
    return Media.objects.create(
        **{
            "company": company,
            "origin": Media.Origin.UPLOAD,
            "kind": Media.Kind.IMAGE,
            "content_type": "image/jpeg",
            "size": 1000,
            "sha256": "0" * 64,
            "filename": "photo.jpg",
            "storage_name": f"{company.pk}/{next(_numbers)}.jpg",
            "created_at": timezone.now(),
            **fields,
        }
    )


def make_endpoint(company: Company, **fields: Any) -> WebhookEndpoint:
    """An endpoint that wants to be told everything."""
    return WebhookEndpoint.objects.create(
        **{
            "company": company,
            "url": "https://acme.example/hook",
            "events": list(outgoing.EVENTS),
            "secret": webhook_signing.new_secret(),
            **fields,
        }
    )
