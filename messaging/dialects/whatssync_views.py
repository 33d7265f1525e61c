"""WhatsSync's resources: sending, the conversation with a contact, and contacts."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from companies.keys import Caller
from config import public_ids
from config.api import Answer, ApiError
from contacts.models import Contact
from messaging import conversations, personalising
from messaging.conversations import Place
from messaging.dialects import WHATSSYNC
from messaging.dialects.views import DialectView, SendView
from messaging.dialects.whatssync import contact_phone, received_message, sent_message
from messaging.models import Message
from messaging.reports import iso

DEFAULT_LIMIT, MAX_LIMIT = 50, 100


class WhatsSyncSend(SendView):
    dialect = WHATSSYNC


class ContactsView(DialectView):
    """Everybody with whom there is a conversation, or who is in the address book."""

    dialect = WHATSSYNC

    def get(self, request: HttpRequest, caller: Caller) -> Answer:
        page = conversations.contacts(
            company_id=caller.company_id, limit=limit_of(request), cursor=cursor_of(request)
        )
        times = conversations.last_message_times(page.rows)
        shown = [summary(contact, times.get(contact.pk)) for contact in page.rows]
        return Answer(200, {"contacts": shown, "pagination": {"next": page.next}})


class ContactView(DialectView):
    dialect = WHATSSYNC

    def get(self, request: HttpRequest, caller: Caller, *, phone: str) -> Answer:
        contact = find_contact(phone, caller)
        shown = summary(contact, conversations.last_message_times([contact]).get(contact.pk))
        last = shown.pop("lastMessageAt")
        tags = list(contact.tags.order_by("name").values_list("name", flat=True))
        # WhatsApp gives businesses no pictures of people.
        return Answer(200, {**shown, "profileImage": None, "lastMessageAt": last, "tags": tags})


class ConversationView(DialectView):
    """What was said with a contact, both ways, oldest first."""

    dialect = WHATSSYNC

    def get(self, request: HttpRequest, caller: Caller, *, phone: str) -> Answer:
        contact = find_contact(phone, caller)
        cursor = cursor_of(request)
        page = conversations.messages(
            contact, limit=limit_of(request), after=Place.parse(cursor) if cursor else None
        )
        personalising.look_up(page.rows)
        shown = [
            sent_message(row) if isinstance(row, Message) else received_message(row, contact)
            for row in page.rows
        ]
        return Answer(200, {"messages": shown, "pagination": {"next": page.next}})


def find_contact(phone: str, caller: Caller) -> Contact:
    contact = conversations.contact(
        company_id=caller.company_id, phone=phone, country=caller.country
    )
    if contact is None:
        raise ApiError("There is no such contact", code="contact_not_found", status=404)
    return contact


def summary(contact: Contact, last: datetime | None) -> dict[str, Any]:
    """A contact as lists show it. Who is known by a business-scoped user id only has that for a phone."""
    return {
        "id": public_ids.encode("contact", contact.pk),
        "phone": contact_phone(contact),
        "name": contact.name,
        "lastMessageAt": iso(last),
    }


def limit_of(request: HttpRequest) -> int:
    text = request.GET.get("limit", str(DEFAULT_LIMIT))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= number <= MAX_LIMIT:
        raise ApiError(f"limit must be a number from 1 to {MAX_LIMIT}", code="invalid_limit")
    return number


def cursor_of(request: HttpRequest) -> str:
    """The `next` of the page before; "" for the first page."""
    return str(request.GET.get("cursor", ""))
