"""Who a batch goes to: normalised, deduplicated and stored by the database, never row by row here.

A recipient is the digits of a phone number or a business-scoped user id (BSUID), as a request names
people; who has both is written to by number.

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
from contacts.phones import is_bsuid, to_e164
from messaging.models import Batch, Message, UnusedInput
from templates_app.models import Template

SLICE = 50_000
# So many tags are walked side by side, each in its order; of more, some together.
MERGED = 50
# So many under tags are stored while the caller waits; it takes a few milliseconds.
INLINE = 2_000

NOT_A_NUMBER = "not a phone number"
REPEATED = "repeats an earlier number"
NOT_A_TAG = "no tag of this company"
OPTED_OUT = "opted out"
NOT_ON_WHATSAPP = "not on WhatsApp lately"
WINDOW_CLOSED = "has not written in the last 24 hours"
OVER_LIMIT = "over the channel's daily limit"
NO_NUMBER = "no phone number, which a code needs"

_CONTACT = Contact._meta.db_table
_TAG = Tag._meta.db_table
_TAGGED = ContactTag._meta.db_table
_MESSAGE = Message._meta.db_table
_UNUSED = UnusedInput._meta.db_table

# Where a contact `c` is written to.
ADDRESS = "COALESCE(c.phone, c.bsuid)"

Unused = list[tuple[str, str]]


@dataclass(frozen=True)
class Refusing:
    """Whom a send leaves out; those who have opted out it always does."""

    heard_since: datetime | None = None
    unreachable_since: datetime | None = None
    without_number: bool = False  # Meta takes no authentication codes for a BSUID (131062)

    @classmethod
    def of(cls, batch: Batch) -> "Refusing":
        is_code = batch.category == Template.Category.AUTHENTICATION
        return cls(batch.heard_since, batch.unreachable_since, is_code)

    @property
    def is_plain(self) -> bool:
        """Whether nobody who has a number is left out but those who have opted out."""
        return self.heard_since is None and self.unreachable_since is None

    def stranger(self, recipient: str) -> str | None:
        """Why somebody whom the company does not know is left out: they never wrote."""
        if self.without_number and is_bsuid(recipient):
            return NO_NUMBER
        return WINDOW_CLOSED if self.heard_since is not None else None

    def rules(self) -> Iterator[tuple[str, list[object], str]]:
        """Conditions on a contact `c`, with their parameters and reasons: the first that holds is why
        it is left out.
        """
        yield "c.opted_out_at IS NOT NULL", [], OPTED_OUT
        if self.without_number:
            yield "c.phone IS NULL", [], NO_NUMBER
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
        if self.without_number:
            ands.append("c.phone IS NOT NULL")
        if self.unreachable_since is not None:
            ands.append("(c.not_on_whatsapp_at IS NULL OR c.not_on_whatsapp_at <= %s)")
            params.append(sql.moment(self.unreachable_since))
        if self.heard_since is not None:
            ands.append("c.last_inbound_at > %s")
            params.append(sql.moment(self.heard_since))
        return " AND ".join(ands), params


EVERYBODY = Refusing()


def normalise(raw: Iterable[object], *, country: str) -> tuple[list[str], Unused]:
    """The distinct usable recipients in their order, and what was not used and why."""
    numbers: dict[str, None] = {}
    unused: Unused = []
    for item in raw:
        number = _recipient(item, country=country)
        if number is None:
            unused.append((_as_given(item), NOT_A_NUMBER))
        elif number in numbers:
            unused.append((_as_given(item), REPEATED))
        else:
            numbers[number] = None
    return list(numbers), unused


def _recipient(item: object, *, country: str) -> str | None:
    if isinstance(item, str) and is_bsuid(item.strip()):
        return item.strip()
    return to_e164(item, country=country)


def _as_given(item: object) -> str:
    return str(item)[:200]


def own_tags(raw: Iterable[object], *, company_id: int) -> list[int]:
    """The ids among `raw` that are tags of this company; another's counts as no tag at all."""
    wanted = {tag_id for item in raw if (tag_id := _tag_id(item)) is not None}
    if not wanted:
        return []
    # One parameter, however many they are: SQLite takes 250,000 at most.
    rows = sql.fetch(
        f"""SELECT id FROM {_TAG} WHERE company_id = %s AND {sql.in_list("id")} ORDER BY id""",
        [company_id, sql.id_list(list(wanted))],
    )
    return [tag_id for (tag_id,) in rows]


def unknown_tags(raw: Iterable[object], *, own: Sequence[int]) -> Unused:
    """What of `raw` is none of the company's tags, which are `own`."""
    known = set(own)
    return [(_as_given(item), NOT_A_TAG) for item in raw if _tag_id(item) not in known]


def _tag_id(item: object) -> int | None:
    if isinstance(item, str) and item.isascii() and item.isdigit() and len(item) < 19:
        item = int(item)
    if isinstance(item, bool) or not isinstance(item, int):
        return None
    return item if 0 < item < 1 << 63 else None


def newest_tagging() -> int:
    """Taggings after this one don't count for a send that is accepted now."""
    newest = ContactTag.objects.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def tagged_people(
    *, company_id: int, tag_ids: Sequence[int], tagged_up_to: int, besides: Sequence[str]
) -> tuple[str, list[object]]:
    """FROM and WHERE, with parameters, of the contacts `c` under the tags that can be written to,
    without the recipients `besides`.
    """
    others = (
        f"{ADDRESS} <> ALL(%s::text[])"
        if sql.is_postgres()
        else f"{ADDRESS} NOT IN (SELECT value FROM json_each(%s))"
    )
    return (
        f"""FROM {_CONTACT} c
        WHERE c.company_id = %s AND {ADDRESS} IS NOT NULL AND {others}
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
    """Recipient and reason of each who is under the tags and left out, read slice by slice."""
    people, params = tagged_people(
        company_id=company_id, tag_ids=tag_ids, tagged_up_to=tagged_up_to, besides=besides
    )
    reason, reason_params = refusing.reason()
    left_out, left_out_params = refusing.somebody()
    after = 0
    while (last := _end_of_slice(tag_ids, after=after)) is not None:
        yield from sql.fetch(
            f"""SELECT {ADDRESS}, {reason} {people.removesuffix(")")}
                AND contact_id > %s AND contact_id <= %s)
            AND c.id > %s AND c.id <= %s AND {left_out} ORDER BY c.id""",
            [*reason_params, *params, after, last, after, last, *left_out_params],
        )
        after = last


def _by_column(named: Sequence[str]) -> dict[str, list[str]]:
    """Recipients by the column of contacts that holds them; a column that holds none is left out."""
    columns: dict[str, list[str]] = {}
    for recipient in named:
        columns.setdefault("bsuid" if is_bsuid(recipient) else "phone", []).append(recipient)
    return columns


def _among(named: Sequence[str]) -> tuple[str, list[object]]:
    """A condition on a contact `c`, with its parameters: it is one of these recipients."""
    columns = _by_column(named)
    ors = [sql.in_list(f"c.{column}", "text") for column in columns]
    return f"({' OR '.join(ors)})", [sql.id_list(some) for some in columns.values()]


def left_out(named: Sequence[str], *, company_id: int, refusing: Refusing) -> dict[str, str]:
    """Those of the recipients that are not written to, and why."""
    if not named:
        return {}
    (reason, params), (among, who) = refusing.reason(), _among(named)
    rows = sql.fetch(
        f"""SELECT c.phone, c.bsuid, {reason} FROM {_CONTACT} c
        WHERE c.company_id = %s AND {among}""",
        [*params, company_id, *who],
    )
    known = {name: why for phone, bsuid, why in rows for name in (phone, bsuid) if name}
    reasons = ((each, known[each] if each in known else refusing.stranger(each)) for each in named)
    return {each: why for each, why in reasons if why}


def ensure_contacts(named: Sequence[str], *, company_id: int, now: datetime) -> None:
    """Everybody who is written to is a contact; unknown ones stay out of the address book."""
    for column, some in _by_column(named).items():
        sql.execute(
            f"""INSERT INTO {_CONTACT} (company_id, {column}, name, custom_fields, saved,
                                       opted_out_reason, created_at, updated_at)
            SELECT %s, v.{column}, '', '{{}}', %s, '', %s, %s
            FROM {sql.rows_from_json("v", **{column: "text"})}
            WHERE NOT EXISTS (SELECT 1 FROM {_CONTACT} c
                              WHERE c.company_id = %s AND c.{column} = v.{column})
            ON CONFLICT DO NOTHING""",
            [
                company_id,
                False,
                sql.moment(now),
                sql.moment(now),
                sql.as_json([[each] for each in some]),
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
        f"SELECT %s, %s, %s, c.id, {ADDRESS}, 0, %s, %s, %s",
        [batch.company_id, batch.channel_id, batch.pk, int(batch.lane), moment, created],
    )


def store_named(batch: Batch, named: Sequence[str]) -> int:
    """One message for each of the recipients who may be written to; how many that were."""
    (head, params), (among, who) = _select(batch), _among(named)
    fit, fit_params = Refusing.of(batch).nobody()
    return sql.execute(
        f"""INSERT INTO {_MESSAGE} ({_COLUMNS}) {head} FROM {_CONTACT} c
        WHERE c.company_id = %s AND {among} AND {fit} ON CONFLICT DO NOTHING""",
        [*params, batch.company_id, *who, *fit_params],
    )


def store_slice(batch: Batch, *, after: int, limit: int = SLICE) -> tuple[int, int | None]:
    """Messages for the next people under the batch's tags, in order of contact.

    Returns how many were stored, and the last contact looked at: None when there are no more.
    """
    last = _end_of_slice(batch.tag_ids, after=after)
    if last is None:
        return 0, None
    # The range is named for the contacts as well: else each slice would scan all of them.
    within = f"c.company_id = %s AND {ADDRESS} IS NOT NULL AND c.id > %s AND c.id <= %s"
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
        SELECT %s, {ADDRESS}, {reason} FROM {_CONTACT} c WHERE {within} AND {left_out}
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
