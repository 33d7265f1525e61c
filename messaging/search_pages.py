"""The search over everything that a company has: one field, for whatever somebody was told.

An id leads straight to its page. A number, a name, a template or a request id is looked up along the
index that it has; request ids have none (each send would pay for it), so they are looked for among the
newest batches.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from companies.models import Company
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config import public_ids, sql
from config.masking import masked
from contacts import finding
from contacts.models import Contact
from messaging import previews
from messaging.models import Batch, InboundMessage, Message, WebhookEndpoint
from templates_app.models import Template

MAX_QUERY = 200
SHOWN = 10
REQUESTS_AMONG = 100_000
REQUESTS_SINCE = timedelta(days=30)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{6,64}", re.ASCII)
_WAMID = "wamid."


@dataclass(frozen=True, kw_only=True)
class Hit:
    title: str
    text: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Group:
    title: str
    icon: str
    hits: list[Hit]


@require_safe
@company_page(Need.READ)
def search(request: PortalRequest) -> HttpResponse:
    """`?q=`: one exact hit is gone to, several are listed by kind."""
    query = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:MAX_QUERY]
    if url := _exact(query, request.company):
        return redirect(url)
    groups = _groups(query, request.company, now=timezone.now()) if query else []
    hits = [hit for group in groups for hit in group.hits]
    if len(hits) == 1:
        return redirect(hits[0].url)
    context = {"query": query, "groups": groups, "among": REQUESTS_AMONG}
    return render_page(request, "messaging/search.html", context)


# --- Ids ------------------------------------------------------------------------------


def _exact(query: str, company: Company) -> str:
    """The page of what has this id; empty if nothing of the company's has."""
    if query.startswith(_WAMID):
        return _of_wamid(query, company)
    prefix = query.rpartition("_")[0]
    find = _BY_PREFIX.get(prefix)
    pk = public_ids.decode(prefix, query) if find else None
    return find(pk, company) if find and pk is not None else ""


def _of_wamid(wamid: str, company: Company) -> str:
    sent = Message.objects.filter(wamid=wamid, company=company).only("pk").first()
    if sent:
        return reverse("message", args=[sent.public_id])
    got = InboundMessage.objects.filter(wamid=wamid, company=company).values("contact_id").first()
    return _received(got["contact_id"]) if got else ""


def _received(contact_id: int | None) -> str:
    return _page("conversation", public_ids.encode("contact", contact_id)) if contact_id else ""


def _message(pk: int, company: Company) -> str:
    found = Message.objects.filter(pk=pk, company=company).only("pk").first()
    return reverse("message", args=[found.public_id]) if found else ""


def _inbound(pk: int, company: Company) -> str:
    found = InboundMessage.objects.filter(pk=pk, company=company).only("contact_id").first()
    return _received(found.contact_id) if found else ""


def _batch(pk: int, company: Company) -> str:
    found = Batch.objects.filter(pk=pk, company=company).only("pk").first()
    return reverse("batch", args=[found.public_id]) if found else ""


def _contact(pk: int, company: Company) -> str:
    found = Contact.objects.filter(pk=pk, company=company).first()
    return _contact_url(found) if found else ""


def _template(pk: int, company: Company) -> str:
    found = Template.objects.filter(pk=pk, company=company).only("pk").first()
    return _page("template", found.public_id) if found else ""


def _webhook(pk: int, company: Company) -> str:
    found = WebhookEndpoint.objects.filter(pk=pk, company=company).exclude(
        status=WebhookEndpoint.Status.DELETED
    )
    return _page("webhook", public_ids.encode("wh", pk)) if found.exists() else ""


_BY_PREFIX: dict[str, Callable[[int, Company], str]] = {
    "msg": _message,
    "msg_in": _inbound,
    "batch": _batch,
    "contact": _contact,
    "tpl": _template,
    "wh": _webhook,
}


def _page(name: str, *args: str) -> str:
    """The address of a page; empty where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _contact_url(contact: Contact) -> str:
    """The contact's page, or at least its messages."""
    query = urlencode({"recipient": contact.public_id})
    return _page("contact", contact.public_id) or f"{reverse('messages')}?{query}"


# --- Words and numbers ----------------------------------------------------------------


def _groups(query: str, company: Company, *, now: datetime) -> list[Group]:
    groups = [
        Group(title=_("Contacts"), icon="address-book", hits=_contacts(query, company, now)),
        Group(title=_("Templates"), icon="template", hits=_templates(query, company)),
    ]
    found = [group for group in groups if group.hits]
    if not found and _REQUEST_ID.fullmatch(query):
        sent = _of_request(query, company, now)
        found = (
            [Group(title=_("Sent with this request"), icon="stack-2", hits=sent)] if sent else []
        )
    return found


def _contacts(query: str, company: Company, now: datetime) -> list[Hit]:
    """Those whose number or name begins so, also of numbers that were only written to."""
    wanted = finding.Filter(search=query, everybody=True)
    page = finding.page(
        wanted, company_id=company.pk, country=company.country, now=now, place="", limit=SHOWN
    )
    return [
        Hit(
            title=contact.name or masked(contact.phone or contact.bsuid),
            text=masked(contact.phone or contact.bsuid) if contact.name else "",
            url=_contact_url(contact),
        )
        for contact in page.rows
    ]


def _templates(query: str, company: Company) -> list[Hit]:
    found = Template.objects.filter(company=company, name__icontains=query).order_by("name", "pk")
    return [
        Hit(
            title=template.name,
            text=f"{template.language}, {template.get_status_display()}",
            url=_page("template", template.public_id) or _page("templates"),
        )
        for template in found[:SHOWN]
    ]


def _of_request(request_id: str, company: Company, now: datetime) -> list[Hit]:
    rows = sql.fetch(
        f"""SELECT id FROM (SELECT id, request_id, created_at FROM {Batch._meta.db_table}
            WHERE company_id = %s ORDER BY id DESC LIMIT {REQUESTS_AMONG}) AS newest
        WHERE request_id = %s AND created_at > %s ORDER BY id DESC LIMIT {SHOWN}""",
        [company.pk, request_id, sql.moment(now - REQUESTS_SINCE)],
    )
    batches = Batch.objects.filter(pk__in=[pk for (pk,) in rows]).order_by("-pk")
    return [
        Hit(
            title=batch.public_id,
            text=previews.summary(batch)[:80],
            url=reverse("batch", args=[batch.public_id]),
        )
        for batch in batches
    ]
