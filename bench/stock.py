"""What there is to send, made inside of a side: a company, a channel, people under tags, a batch.

People are written by one statement, since making them is not what is measured; batches and messages
come about as in real life, through messaging.services.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from bench.bare import PAYLOAD
from companies import credits, keys
from companies.keys import Caller
from companies.models import Channel, Company
from config import sql
from config.api import Answer
from contacts.models import Contact, ContactTag, Tag
from messaging import services
from messaging.dialects.base import template_payload
from messaging.models import Batch, ChannelState, Message, Status
from messaging.payloads import Payload
from templates_app.models import Template

FIRST_PHONE = 254_700_000_000
UNLIMITED = 1_000_000
_CONTACT, _TAGGED = Contact._meta.db_table, ContactTag._meta.db_table
_TRUE = {True: "true", False: "1"}
_MOMENT = {True: "%s::timestamptz", False: "%s"}


def company(*, rate: int = UNLIMITED) -> dict[str, Any]:
    """A company without limits and a connected channel; the ids, and the text of an API key."""
    made = Company.objects.create(
        name="Bench", country="KE", time_zone="Africa/Nairobi", requests_per_minute=1_000_000_000
    )
    credits.top_up(company=made, amount=10**12)
    channel = Channel.objects.create(
        company=made,
        name="Bench",
        status=Channel.Status.CONNECTED,
        is_default=True,
        waba_id="200000000000001",
        phone_number_id="100000000000001",
        phone_number="+254700000000",
        access_token="EAAbench",
        daily_limit=None,
        rate_per_second=rate,
    )
    ChannelState.objects.create(channel=channel)
    key = keys.issue(company=made, name="Bench")[1]
    return {"company": made.pk, "channel": channel.pk, "key": key}


def people(*, company: int, count: int) -> list[int]:
    """`count` people, one in fifty opted out, all under one of two tags and a fifth under both."""
    tags = [Tag.objects.create(company_id=company, name=f"tag {n} of {count}") for n in (1, 2)]
    numbers = (
        f"SELECT generate_series(1, {count}) AS n"
        if sql.is_postgres()
        else f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) "
        "SELECT n FROM s"
    )
    phone = f"CAST({FIRST_PHONE} + n AS text)"
    with connection.cursor() as cursor:
        if sql.is_postgres():
            # The rows are right by construction; checking a million keys is not of interest.
            cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            f"""INSERT INTO {_CONTACT} (company_id, phone, name, custom_fields, saved,
                opted_out_at, opted_out_reason, created_at, updated_at)
            SELECT {company}, {phone}, 'Amina', '{{}}', {_TRUE[sql.is_postgres()]},
                CASE WHEN n %% 50 = 0 THEN {_MOMENT[sql.is_postgres()]} END, '',
                {_MOMENT[sql.is_postgres()]}, {_MOMENT[sql.is_postgres()]}
            FROM ({numbers}) AS numbers""",
            [sql.moment(timezone.now())] * 3,
        )
        for tag, part in zip(
            tags, (f"n <= {count} * 6 / 10", f"n > {count} * 4 / 10"), strict=True
        ):
            cursor.execute(
                f"""INSERT INTO {_TAGGED} (contact_id, tag_id)
                SELECT c.id, {tag.pk} FROM ({numbers}) AS numbers JOIN {_CONTACT} c
                ON c.company_id = {company} AND c.phone = {phone} WHERE {part} ORDER BY c.id"""
            )
        if sql.is_postgres():
            cursor.execute("SET session_replication_role = origin")
        # An address book has been there for a while: its statistics are known.
        cursor.execute(f"ANALYZE {_CONTACT}")
        cursor.execute(f"ANALYZE {_TAGGED}")
    return [tag.pk for tag in tags]


def caller(company_id: int) -> Caller:
    return Caller(
        key_id=0,
        key_channel_id=None,
        company_id=company_id,
        company_active=True,
        country="KE",
        time_zone="Africa/Nairobi",
        requests_per_minute=None,
        prices={},
        scopes=("send",),
    )


def accept(*, company: int, channel: int, tags: list[int], texts: Sequence[str] = ()) -> int:
    """Accept a template to everybody under the tags; the batch's id. With `texts` for its variables it
    is one of the company's own, and they are checked as they are for every request.
    """
    template, payload = _template(company, texts) if texts else (None, PAYLOAD)
    made: list[int] = []

    def answer(batch: Batch) -> Answer:
        made.append(batch.pk)
        return Answer(202, {})

    services.accept(
        services.SendRequest(
            channel=Channel.objects.get(pk=channel),
            payload=payload,
            template=template,
            tags=tags,
            dialect="bench",
        ),
        caller=caller(company),
        now=timezone.now(),
        answer=answer,
    )
    return made[0]


def _template(company: int, texts: Sequence[str]) -> tuple[Template, Payload]:
    variables = " and ".join(f"{{{{{number}}}}}" for number in range(1, len(texts) + 1))
    body = f"Hello {variables}, your order is on its way and will be with you on Friday."
    template, _ = Template.objects.get_or_create(
        company_id=company,
        name="greeting",
        language="en_US",
        defaults={
            "category": "UTILITY",
            "status": Template.Status.APPROVED,
            "components": [{"type": "BODY", "text": body}],
        },
    )
    parameters = [{"type": "text", "text": text} for text in texts]
    return template, template_payload(template, [{"type": "body", "parameters": parameters}])


def fill(*, company: int, channel: int, tags: list[int], texts: Sequence[str] = ()) -> int:
    """Accept and store a send completely; how many messages wait."""
    batch = accept(company=company, channel=channel, tags=tags, texts=texts)
    while services.expand(batch):
        pass
    return Message.objects.filter(batch_id=batch).count()


def states() -> dict[str, int]:
    """How many messages are in each state."""
    rows = sql.fetch(f"SELECT status, count(*) FROM {Message._meta.db_table} GROUP BY status")
    return {Status(status).word: count for status, count in rows}
