"""Who a batch goes to: normalised, deduplicated and stored by the database, never row by row here.

Numbers come with the request and are stored with the batch, in its transaction. The people under
tags may be a million: a few are stored at once, more in slices by the `expand` task, which can die
and run again at any point (`ON CONFLICT DO NOTHING`, and a cursor moved in the same transaction).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from config import sql
from contacts.models import Contact, ContactTag, Tag
from contacts.phones import to_e164
from messaging.models import Batch, Message, UnusedInput

SLICE = 50_000
# So many tags are walked side by side, each in its order; of more, some together.
MERGED = 50
# So many under tags are stored while the caller waits; it takes a few milliseconds.
INLINE = 2_000

NOT_A_NUMBER = "not a phone number"
REPEATED = "repeats an earlier number"
OPTED_OUT = "opted out"
NOT_ON_WHATSAPP = "not on WhatsApp lately"
WINDOW_CLOSED = "has not written in the last 24 hours"
OVER_LIMIT = "over the channel's daily limit"

_CONTACT = Contact._meta.db_table
_TAGGED = ContactTag._meta.db_table
_MESSAGE = Message._meta.db_table
_UNUSED = UnusedInput._meta.db_table

Unused = list[tuple[str, str]]


@dataclass(frozen=True)
class Refusing:
    """Whom a send leaves out; those who have opted out it always does."""

    heard_since: datetime | None = None
    unreachable_since: datetime | None = None

    @classmethod
    def of(cls, batch: Batch) -> "Refusing":
        return cls(batch.heard_since, batch.unreachable_since)

    @property
    def strangers(self) -> bool:
        """Whether numbers that nobody has written from are left out."""
        return self.heard_since is not None

    def rules(self) -> Iterator[tuple[str, list[object], str]]:
        """Conditions on a contact `c`, with their parameters and reasons: the first that holds is why
        it is left out.
        """
        yield "c.opted_out_at IS NOT NULL", [], OPTED_OUT
        if self.unreachable_since is not None:
            yield "c.not_on_whatsapp_at > %s", [sql.moment(self.unreachable_since)], NOT_ON_WHATSAPP
        if self.heard_since is not None:
            closed = "(c.last_inbound_at IS NULL OR c.last_inbound_at <= %s)"
            yield closed, [sql.moment(self.heard_since)], WINDOW_CLOSED

    def reason(self) -> tuple[str, list[object]]:
        """An expression over a contact `c`, with its parameters: why it is left out, else NULL."""
        whens, params = [], []
        for condition, values, reason in self.rules():
            whens.append(f"WHEN {condition} THEN %s")
            params += [*values, reason]
        return f"CASE {' '.join(whens)} END", params

    def somebody(self) -> tuple[str, list[object]]:
        """A condition on a contact `c`, with its parameters: it is left out."""
        rules = list(self.rules())
        ors = " OR ".join(condition for condition, _, _ in rules)
        return f"({ors})", [value for _, values, _ in rules for value in values]

    def nobody(self) -> tuple[str, list[object]]:
        """A condition on a contact `c`, with its parameters: it is not left out."""
        ands, params = ["c.opted_out_at IS NULL"], []
        if self.unreachable_since is not None:
            ands.append("(c.not_on_whatsapp_at IS NULL OR c.not_on_whatsapp_at <= %s)")
            params.append(sql.moment(self.unreachable_since))
        if self.heard_since is not None:
            ands.append("c.last_inbound_at > %s")
            params.append(sql.moment(self.heard_since))
        return " AND ".join(ands), params


EVERYBODY = Refusing()


def normalise(raw: Iterable[object], *, country: str) -> tuple[list[str], Unused]:
    """The distinct usable numbers in their order, and what was not used and why."""
    numbers: dict[str, None] = {}
    unused: Unused = []
    for item in raw:
        number = to_e164(item, country=country)
        if number is None:
            unused.append((_as_given(item), NOT_A_NUMBER))
        elif number in numbers:
            unused.append((_as_given(item), REPEATED))
        else:
            numbers[number] = None
    return list(numbers), unused


def _as_given(item: object) -> str:
    return str(item)[:200]


def own_tags(raw: Iterable[object], *, company_id: int) -> list[int]:
    """The ids among `raw` that are tags of this company; another's counts as no tag at all."""
    wanted = {
        int(item)
        for item in raw
        if (isinstance(item, int) and not isinstance(item, bool) and 0 < item < 1 << 63)
        or (isinstance(item, str) and item.isascii() and item.isdigit() and len(item) < 19)
    }
    if not wanted:
        return []
    return sorted(
        Tag.objects.filter(company_id=company_id, pk__in=wanted).values_list("pk", flat=True)
    )


def newest_tagging() -> int:
    """Taggings after this one don't count for a send that is accepted now."""
    newest = ContactTag.objects.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def tagged_people(
    *, company_id: int, tag_ids: Sequence[int], tagged_up_to: int, besides: Sequence[str]
) -> tuple[str, list[object]]:
    """FROM and WHERE, with parameters, of the contacts `c` under the tags that have a phone number,
    without those whose numbers are `besides`.
    """
    others = (
        "c.phone <> ALL(%s::text[])"
        if sql.is_postgres()
        else "c.phone NOT IN (SELECT value FROM json_each(%s))"
    )
    return (
        f"""FROM {_CONTACT} c
        WHERE c.company_id = %s AND c.phone IS NOT NULL AND {others}
        AND c.id IN (SELECT contact_id FROM {_TAGGED}
                     WHERE {sql.in_list("tag_id")} AND id <= %s)""",
        [company_id, sql.id_list(besides), sql.id_list(tag_ids), tagged_up_to],
    )


def left_out_tagged(
    *,
    company_id: int,
    tag_ids: Sequence[int],
    tagged_up_to: int,
    besides: Sequence[str],
    refusing: Refusing,
) -> Iterator[tuple[str, str]]:
    """Number and reason of each who is under the tags and left out, read slice by slice."""
    people, params = tagged_people(
        company_id=company_id, tag_ids=tag_ids, tagged_up_to=tagged_up_to, besides=besides
    )
    reason, reason_params = refusing.reason()
    left_out, left_out_params = refusing.somebody()
    after = 0
    while (last := _end_of_slice(tag_ids, after=after)) is not None:
        yield from sql.fetch(
            f"""SELECT c.phone, {reason} {people.removesuffix(")")}
                AND contact_id > %s AND contact_id <= %s)
            AND c.id > %s AND c.id <= %s AND {left_out} ORDER BY c.id""",
            [*reason_params, *params, after, last, after, last, *left_out_params],
        )
        after = last


def left_out(numbers: Sequence[str], *, company_id: int, refusing: Refusing) -> dict[str, str]:
    """Those of `numbers` that are not written to, and why. Whoever is unknown never wrote."""
    reason, params = refusing.reason()
    rows = sql.fetch(
        f"""SELECT c.phone, {reason} FROM {_CONTACT} c
        WHERE c.company_id = %s AND {sql.in_list("c.phone", "text")}""",
        [*params, company_id, sql.id_list(numbers)],
    )
    known = dict(rows)
    unknown = WINDOW_CLOSED if refusing.strangers else None
    reasons = ((number, known.get(number, unknown)) for number in numbers)
    return {number: why for number, why in reasons if why}


def ensure_contacts(numbers: Sequence[str], *, company_id: int, now: datetime) -> None:
    """Every number that is written to is somebody; unknown ones stay out of the address book."""
    sql.execute(
        f"""INSERT INTO {_CONTACT} (company_id, phone, name, custom_fields, saved,
                                   opted_out_reason, created_at, updated_at)
        SELECT %s, v.phone, '', '{{}}', %s, '', %s, %s FROM {sql.rows_from_json("v", phone="text")}
        WHERE NOT EXISTS (SELECT 1 FROM {_CONTACT} c
                          WHERE c.company_id = %s AND c.phone = v.phone)
        ON CONFLICT DO NOTHING""",
        [
            company_id,
            False,
            sql.moment(now),
            sql.moment(now),
            sql.as_json([[number] for number in numbers]),
            company_id,
        ],
    )


_COLUMNS = (
    "company_id, channel_id, batch_id, contact_id, recipient, status, lane, due_at, created_at"
)


def _select(batch: Batch) -> tuple[str, list[object]]:
    moment = sql.moment(batch.due_at)
    created = sql.moment(batch.created_at)
    return (
        "SELECT %s, %s, %s, c.id, c.phone, 0, %s, %s, %s",
        [batch.company_id, batch.channel_id, batch.pk, int(batch.lane), moment, created],
    )


def store_numbers(batch: Batch, numbers: Sequence[str]) -> int:
    """One message for each number that may be written to; how many that were."""
    head, params = _select(batch)
    fit, fit_params = Refusing.of(batch).nobody()
    return sql.execute(
        f"""INSERT INTO {_MESSAGE} ({_COLUMNS}) {head} FROM {_CONTACT} c
        WHERE c.company_id = %s AND {sql.in_list("c.phone", "text")} AND {fit}
        ON CONFLICT DO NOTHING""",
        [*params, batch.company_id, sql.id_list(numbers), *fit_params],
    )


def store_slice(batch: Batch, *, after: int, limit: int = SLICE) -> tuple[int, int | None]:
    """Messages for the next people under the batch's tags, in order of contact.

    Returns how many were stored, and the last contact looked at: None when there are no more.
    """
    last = _end_of_slice(batch.tag_ids, after=after)
    if last is None:
        return 0, None
    # The range is named for the contacts as well: else each slice would scan all of them.
    within = "c.company_id = %s AND c.phone IS NOT NULL AND c.id > %s AND c.id <= %s"
    among: list[object] = [batch.company_id, after, last]
    stored = _store_people(batch, within, among, limit)
    _note_left_out(batch, within, among)
    return stored, last


def _end_of_slice(tag_ids: Sequence[int], *, after: int) -> int | None:
    """The contact with which the next SLICE taggings end; None when there are no more.

    Read along each tag's own index and merged, so that it costs a slice however large the table is.
    """
    if not tag_ids:
        return None
    groups = [tag_ids[n::MERGED] for n in range(min(MERGED, len(tag_ids)))]
    along = " UNION ALL ".join(
        f"""SELECT contact_id FROM (SELECT contact_id FROM {_TAGGED}
        WHERE {tag_in(group)} AND contact_id > {after:d} ORDER BY contact_id LIMIT {SLICE:d}) AS t{n}"""
        for n, group in enumerate(groups)
    )
    [(last,)] = sql.fetch(
        f"""SELECT max(contact_id) FROM (
        SELECT contact_id FROM ({along}) AS tagged ORDER BY contact_id LIMIT {SLICE:d}) AS slice"""
    )
    return None if last is None else int(last)


def tag_in(tag_ids: Sequence[int]) -> str:
    """Written out: PostgreSQL walks an index in its order for `IN (7)`, not for `= ANY('{7}')`."""
    return f"tag_id IN ({', '.join(f'{tag_id:d}' for tag_id in tag_ids)})"


def _store_people(batch: Batch, within: str, among: list[object], limit: int) -> int:
    head, params = _select(batch)
    # Whose number was given as well is stored already, and must not use up the limit.
    besides = (
        f"""AND NOT EXISTS (SELECT 1 FROM {_MESSAGE} m
            WHERE m.batch_id = {batch.pk:d} AND m.contact_id = c.id)"""
        if batch.numbered_count
        else ""
    )
    _, after, last = among
    fit, fit_params = Refusing.of(batch).nobody()
    insert = f"""INSERT INTO {_MESSAGE} ({_COLUMNS}) {head} FROM {_CONTACT} c
        WHERE {within} AND {fit} AND c.id IN (SELECT contact_id FROM {_TAGGED}
            WHERE {tag_in(batch.tag_ids)} AND id <= %s AND contact_id > %s AND contact_id <= %s)
        {besides} ORDER BY c.id LIMIT %s"""
    tagged = [batch.tagged_up_to, after, last]
    values = [*params, *among, *fit_params, *tagged, max(0, limit)]
    try:
        with transaction.atomic():
            return sql.execute(insert, values)
    except IntegrityError:
        # Part of the slice is there already. To allow for that always would cost a quarter more.
        return sql.execute(f"{insert} ON CONFLICT DO NOTHING", values)


def _note_left_out(batch: Batch, within: str, among: list[object]) -> None:
    """Who is left out has indexes, so each of these few is looked up under the tags: a join, as above,
    would read the whole slice again.
    """
    refusing = Refusing.of(batch)
    (reason, reason_params), (left_out, left_out_params) = refusing.reason(), refusing.somebody()
    sql.execute(
        f"""INSERT INTO {_UNUSED} (batch_id, input, reason)
        SELECT %s, c.phone, {reason} FROM {_CONTACT} c WHERE {within} AND {left_out}
        AND (SELECT t.id FROM {_TAGGED} t WHERE t.contact_id = c.id
             AND t.{tag_in(batch.tag_ids)} AND t.id <= %s LIMIT 1) IS NOT NULL""",
        [batch.pk, *reason_params, *among, *left_out_params, batch.tagged_up_to],
    )


def note_unused(batch: Batch, unused: Unused) -> None:
    """Keep what was not used, to be seen on the batch."""
    if unused:
        sql.execute(
            f"""INSERT INTO {_UNUSED} (batch_id, input, reason)
            SELECT %s, v.input, v.reason
            FROM {sql.rows_from_json("v", input="text", reason="text")}""",
            [batch.pk, sql.as_json(unused)],
        )
