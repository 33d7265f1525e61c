"""PAGES: with a million contacts and a million messages, every list and page answers at once.

Asked in one process through Django's test client, with all of its middleware, as an owner and as staff:
what the server takes for a page, the network and the browser apart. The rows are made by SQL: a
company with one campaign of half of the messages, some smaller ones, and the rest sent one by one,
over a month. Each page is asked for once to warm up and then five times; the median counts. A page whose
URL does not exist in this version is left out, and said so.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.figures import Line
from bench.machine import POSTGRES, Bench

TARGET_MS = 300
TIMES = 5
BROKEN_MS = 99_999
SIZE, QUICK_SIZE = 1_000_000, 100_000
# Of the messages: one campaign of a half, twenty of a fiftieth of that, singles for the rest.
CAMPAIGNS = 20


# --- In a side: the rows --------------------------------------------------------------


def _run(statement: str) -> None:
    """As it stands: `%` is no placeholder here."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


def fill(*, company: int, channel: int, size: int) -> None:
    """Batches, messages with their history and ledger, of contacts that are there already."""
    big, middle = size // 2, size // 100
    singles = size - big - CAMPAIGNS * middle
    batches = singles + CAMPAIGNS + 1
    # Which of the batches are campaigns: one in the middle, the others spread evenly.
    share = f"""CASE WHEN n = {batches // 2} THEN {big}
        WHEN n % {batches // (CAMPAIGNS + 1)} = 7 AND n / {batches // (CAMPAIGNS + 1)} < {CAMPAIGNS}
        THEN {middle} ELSE 1 END"""
    _run("SET session_replication_role = replica")  # the rows are right by construction
    _run(
        f"""INSERT INTO messaging_batch (company_id, channel_id, dialect, request_id, echo,
            content_type, payload, has_own_media, category, price, lane, day, recipients_count,
            due_at, tag_ids, tagged_up_to, numbered_count, stored_count, halt_code, halt_detail,
            created_at, failed, delivered, read)
        SELECT {company}, {channel}, 'autokonnect', md5(n::text), '{{}}',
            CASE WHEN n % 10 = 0 THEN 'image' ELSE 'text' END,
            '{{"type": "text", "text": {{"body": "Your order KE-2041-88 is on its way."}}}}', false,
            'SERVICE', 1, 0, at::date, size, at, '[]', 0, size, size, '', '', at,
            size / 50, size / 2, size - size / 2 - size / 50
        FROM (SELECT n, {share} AS size, now() - ({batches} - n) * interval '30 days' / {batches} AS at
            FROM generate_series(1, {batches}) AS n) AS made ORDER BY n"""
    )
    _run(
        f"""INSERT INTO messaging_message (company_id, channel_id, batch_id, contact_id, recipient,
            status, lane, due_at, attempts, wamid, error_code, created_at, attempted_at, sent_at)
        SELECT {company}, {channel}, b.id, c.id, c.phone,
            CASE WHEN c.id % 50 = 0 AND b.failed > 0 THEN 45 WHEN c.id % 2 = 0 THEN 50 ELSE 60 END,
            0, b.due_at, 1, 'wamid.' || b.id || '.' || c.id,
            CASE WHEN c.id % 50 = 0 AND b.failed > 0 THEN '131026' ELSE '' END,
            b.created_at, b.created_at, b.created_at
        FROM messaging_batch b CROSS JOIN LATERAL (
            SELECT id, phone FROM contacts_contact WHERE company_id = {company}
            AND id > (b.id * 7919) % greatest(1, {size} - b.recipients_count)
            ORDER BY id LIMIT b.recipients_count) AS c"""
    )
    _run(
        """INSERT INTO messaging_statusevent (message_id, status, at)
        SELECT id, status, created_at FROM messaging_message WHERE id % 4 = 0"""
    )
    _run(
        f"""INSERT INTO companies_creditentry (company_id, kind, amount, batch_id, note, created_at)
        SELECT {company}, 'charge', -recipients_count, id, '', created_at FROM messaging_batch"""
    )
    for day in range(60):
        place = f"SELECT {company}, {channel}, current_date - {day}"
        _run(
            f"""INSERT INTO messaging_dailyusage (company_id, channel_id, day, category, accepted,
            charged, delivered, read, failed) {place}, 'SERVICE', 1000, 1000, 480, 480, 20"""
        )
        _run(
            f"""INSERT INTO messaging_dailyfailure (company_id, channel_id, day, code, count)
            {place}, '131026', 20"""
        )
    _run(
        f"""INSERT INTO messaging_inboundmessage (company_id, channel_id, contact_id, wamid, type,
            text, media_id, payload, sent_at, created_at, reply_to)
        SELECT {company}, {channel}, id, 'wamid.in.' || id, 'text', 'Asante', '', '{{}}', now(), now(), ''
        FROM contacts_contact WHERE company_id = {company} AND id % 20 = 0"""
    )
    _run(
        f"""UPDATE contacts_contact SET last_inbound_at = now() - id % 1000 * interval '1 minute'
        WHERE company_id = {company} AND id % 20 = 0"""
    )
    _run("SET session_replication_role = origin")


def analyze() -> None:
    """As autovacuum has done on a table that has been there for a while."""
    _run("VACUUM ANALYZE")


# --- In a side: the pages -------------------------------------------------------------


def ask(*, company: int, tag: int) -> list[dict[str, Any]]:
    """Ask for every page; the name of each, its milliseconds, and its queries."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    settings.ALLOWED_HOSTS = ["*"]
    # A page that breaks is told as one that falls short, and does not hide the others.
    clients = {admin: Client(raise_request_exception=False) for admin in (False, True)}
    owner, staff = _people(company)
    clients[False].force_login(owner)
    clients[True].force_login(staff)
    measured = []
    for name, path, filled in _paths(company, tag):
        client = clients[path.startswith("/admin/")]
        fetch = partial(client.post, path, filled) if filled else partial(client.get, path)
        took = []
        for _ in range(TIMES + 1):
            started = time.perf_counter()
            fetch()
            took.append((time.perf_counter() - started) * 1000)
        with CaptureQueriesContext(connection) as seen:
            status = fetch().status_code
        ms = statistics.median(took[1:]) if status == 200 else BROKEN_MS
        measured.append({"name": name, "ms": ms, "queries": len(seen), "status": status})
    return measured


def _people(company: int) -> tuple[Any, Any]:
    from companies.models import Membership, User

    owner = User.objects.create_user("owner@bench.example", "bench")
    Membership.objects.create(user=owner, company_id=company, role="owner")
    return owner, User.objects.create_superuser("staff@bench.example", "bench")


def _paths(company: int, tag: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Names, addresses, and what is filled in where a page answers a form. Those of pages that don't
    exist have no address and are left out.
    """
    from django.urls import NoReverseMatch, reverse

    from companies.models import Channel
    from contacts.models import Tag

    def of(name: str, *args: Any, query: str = "") -> str:
        try:
            return reverse(name, args=args) + query
        except NoReverseMatch:
            return ""

    for name, path in _wanted(company, tag, of):
        if path:
            yield name, path, {}
    text = {"channel": Channel.objects.get(company_id=company).pk, "kind": "text", "body": "Hello"}
    everybody = list(Tag.objects.filter(company_id=company).values_list("pk", flat=True))
    for name, tags in (("one tag", [tag]), ("everybody, two tags", everybody)):
        filled = {**text, "tags": tags, "when": "now", "even_closed": "on"}
        yield f"send, the dry run, {name}", reverse("send"), filled


def missing(*, company: int, tag: int) -> list[str]:
    """The pages that this version does not have."""
    from django.urls import NoReverseMatch, reverse

    gone = []

    def of(name: str, *args: Any, query: str = "") -> str:
        try:
            return reverse(name, args=args)
        except NoReverseMatch:
            gone.append(name)
            return ""

    list(_wanted(company, tag, of))
    return sorted(set(gone))


def _wanted(company: int, tag: int, of: Any) -> Iterator[tuple[str, str]]:
    from django.contrib import admin
    from django.utils import timezone

    from contacts.models import Contact
    from messaging.message_log import Place
    from messaging.models import Batch, Message

    big = Batch.objects.filter(company_id=company).order_by("-recipients_count").first()
    single = Batch.objects.filter(company_id=company, recipients_count=1).order_by("-pk").first()
    assert big is not None and single is not None
    message = Message.objects.filter(batch=big).order_by("-contact_id").first()
    failed = Message.objects.filter(batch=big, status=45).order_by("contact_id").first()
    person = Contact.objects.filter(company_id=company, last_inbound_at__isnull=False).first()
    assert message is not None and failed is not None and person is not None
    within = Place(big.pk, message.contact_id).cursor
    day = timezone.localdate(big.created_at).isoformat()

    yield "overview", of("home", query="?days=30")
    for name, query in (
        ("", ""),
        ("read", "?status=read"),
        ("failed", "?status=failed"),
        ("uncertain (none)", "?status=uncertain"),
        ("queued (none)", "?status=queued"),
        ("a rare reason (none)", "?error=131047"),
        ("a type", "?type=image"),
        ("a type (none)", "?type=video"),
        ("a tag", f"?tag={tag}"),
        ("a number", f"?recipient={person.public_id}"),
        ("a day", f"?since={day}&until={day}"),
        ("the large batch", f"?batch={big.public_id}"),
        ("the large batch, failed", f"?batch={big.public_id}&status=failed"),
        ("the large batch, its middle", f"?batch={big.public_id}&before={within}"),
        ("the large batch, a tag", f"?batch={big.public_id}&before={within}&tag={tag}"),
    ):
        yield f"messages, {name}" if name else "messages", of("messages", query=query)
    yield "message", of("message", message.public_id)
    yield "message, failed", of("message", failed.public_id)
    yield "batches", of("batches")
    yield "batch of one", of("batch", single.public_id)
    yield "batch, the large one", of("batch", big.public_id)
    yield "contacts", of("contacts")
    yield "contacts, a name", of("contacts", query="?search=amina")
    yield "contacts, a tag", of("contacts", query=f"?tag={tag}")
    yield "contacts, the other tag", of("contacts", query=f"?tag={tag + 1}")
    yield "contacts, opted out", of("contacts", query="?opted_out=on")
    yield "contacts, numbers too", of("contacts", query="?everybody=on")
    yield "contact", of("contact", person.public_id)
    yield "imports", of("imports")
    yield "tags", of("tags")
    yield "conversations", of("conversations")
    yield "conversation", of("conversation", person.public_id)
    yield "conversations, the list", of("conversation_list")
    yield "conversation, older lines", of("older_lines", person.public_id)
    yield "conversation, news", of("conversation_news", person.public_id)
    yield "send", of("send")
    yield "templates", of("templates")
    yield "new template", of("new_template")
    yield "channels", of("channels")
    yield "channel", of("channel", big.channel_id)
    yield "API keys", of("api_keys")
    yield "webhooks", of("webhooks")
    yield "team", of("team")
    yield "notices", of("notices")
    yield "settings", of("company_settings")
    yield "audit log", of("audit")
    yield "usage", of("usage")
    yield "ledger", of("usage_ledger")
    yield "ledger, top-ups", of("usage_ledger", query="?only=paid")
    yield "search, a name", of("search", query="?q=amina")
    yield "search, nothing", of("search", query="?q=no-such-request-id")
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        yield f"admin, list of {model._meta.model_name}", of(f"admin:{label}_changelist")
    for staff_page in ("operations", "queue_companies", "queue_channels", "queue_templates"):
        yield f"admin, {staff_page.replace('_', ' of ')}", of(staff_page)
    yield "admin, start", of("admin:index")
    yield "admin, batch", of("admin:messaging_batch_change", big.pk)
    yield "admin, contact", of("admin:contacts_contact_change", person.pk)
    yield "admin, message", of("admin:messaging_message_change", message.pk)
    yield "admin, company", of("admin:companies_company_change", company)


# --- The figure -----------------------------------------------------------------------


def pages(bench: Bench) -> list[Line]:
    """A line for each page; only with PostgreSQL, which is where a million rows live."""
    if not bench.server:
        return []
    size = QUICK_SIZE if bench.quick else SIZE
    with contextlib.ExitStack() as stack:
        side = bench.side(bench.database(POSTGRES, stack), stack)
        stock = side.call("stock.company")
        tags = side.call("stock.people", company=stock["company"], count=size)
        side.call("pages.fill", company=stock["company"], channel=stock["channel"], size=size)
        side.call("pages.analyze")
        here = {"company": stock["company"], "tag": tags[0]}
        gone = side.call("pages.missing", **here)
        measured = side.call("pages.ask", **here)
    note = f"There is no page named {', '.join(gone)} in this version." if gone else ""
    return [_line(page, note if page is measured[-1] else "") for page in measured]


def _line(page: dict[str, Any], note: str) -> Line:
    name, status = page["name"], page["status"]
    what = f"{name}, {page['queries']} queries" if status == 200 else f"{name}: HTTP {status}"
    return Line("PAGES", what, "<=", {"": TARGET_MS}, {"": page["ms"]}, note, " ms")
