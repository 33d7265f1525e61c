"""How many people under tags a send reaches, and how many it leaves out and why, before it is stored.

A tag may be on a million people, so they are not read one by one: everybody under the tags is counted
along the tags' own index, and taken off are those whom the indexes of the opted out and the
unreachable name. All of it is one statement, so the numbers belong together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from config import sql
from contacts.models import Contact, ContactTag
from messaging.recipients import ADDRESS, NO_NUMBER, OPTED_OUT, WINDOW_CLOSED, Refusing, tag_in

_CONTACT, _TAGGED = Contact._meta.db_table, ContactTag._meta.db_table


@dataclass(frozen=True, kw_only=True)
class Census:
    """`tagged_up_to` is the newest tagging that was counted: a send stores those up to it."""

    tag_ids: Sequence[int]
    tagged_up_to: int
    total: int
    left_out: dict[str, int]  # by reason; none of them is zero


@dataclass(frozen=True, kw_only=True)
class _Crowd:
    """The people `c` of a company under tags, apart from those whose addresses are given as well."""

    company_id: int
    tag_ids: Sequence[int]
    besides: Sequence[str]

    @property
    def is_tagged(self) -> str:
        return f"""EXISTS (SELECT 1 FROM {_TAGGED} t
            WHERE t.{tag_in(self.tag_ids)} AND t.contact_id = c.id)"""

    def everybody(self) -> str:
        """How many contacts the tags are on, in the words of their index."""
        once = "*" if len(self.tag_ids) == 1 else "DISTINCT contact_id"
        return f"(SELECT count({once}) FROM {_TAGGED} WHERE {tag_in(self.tag_ids)})"

    def many(self, condition: str, params: list[object]) -> tuple[str, list[object]]:
        """How many fit a condition whatever their number: its index alone may tell."""
        return (
            f"""(SELECT count(*) FROM {_CONTACT} c
            WHERE c.company_id = %s AND {condition} AND {self.is_tagged})""",
            [self.company_id, *params],
        )

    def aside(self, condition: str, params: list[object]) -> tuple[str, list[object]]:
        """How many of those that fit are given as well: few, as a rule."""
        given, given_params = self.given()
        return self.many(f"{given} AND {condition}", [*given_params, *params])

    def given(self) -> tuple[str, list[object]]:
        """Whether a contact is given as well, or has no address any more; told by indexes."""
        listed = sql.id_list(self.besides)
        by_phone, by_id = sql.in_list("c.phone", "text"), sql.in_list("c.bsuid", "text")
        by_id = f"(c.bsuid IS NULL OR {by_id})"
        return f"({by_phone} OR (c.phone IS NULL AND {by_id}))", [listed, listed]

    def minus_aside(self, condition: str, params: list[object]) -> tuple[str, list[object]]:
        (many, many_params) = self.many(condition, params)
        (aside, aside_params) = self.aside(condition, params)
        return f"{many} - {aside}", [*many_params, *aside_params]


def take(
    *, company_id: int, tag_ids: Sequence[int], besides: Sequence[str], refusing: Refusing
) -> Census:
    """Count the people under the tags who can be written to and are not among the numbers `besides`."""
    if not tag_ids:
        return Census(tag_ids=[], tagged_up_to=0, total=0, left_out={})
    crowd = _Crowd(company_id=company_id, tag_ids=tag_ids, besides=besides)
    counted = list(_indexed_rules(refusing))
    asked = [
        crowd.aside("true", []),
        *(crowd.minus_aside(condition, params) for condition, params, _ in counted),
        crowd.minus_aside(*refusing.nobody()) if refusing.heard_since else ("0", []),
    ]
    with transaction.atomic():
        if sql.is_postgres() and len(tag_ids) > 1:
            # To tell a million people apart on disk takes half as long again.
            sql.execute("SET LOCAL work_mem = '64MB'")
        [(newest, everybody, aside, *out, in_window)] = sql.fetch(
            f"""SELECT (SELECT max(id) FROM {_TAGGED}), {crowd.everybody()},
            {", ".join(text for text, _ in asked)}""",
            [value for _, params in asked for value in params],
        )
    left_out = {reason: count for (_, _, reason), count in zip(counted, out, strict=True)}
    total = everybody - aside - sum(out)
    if refusing.heard_since:
        left_out[WINDOW_CLOSED] = total - in_window
        total = in_window
    return Census(
        tag_ids=tag_ids,
        tagged_up_to=newest or 0,
        total=total,
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def _indexed_rules(refusing: Refusing) -> Iterator[tuple[str, list[object], str]]:
    """Each rule as a condition of its own, without those whom an earlier one leaves out. Of the closed
    windows the others are counted: they are fewer.
    """
    earlier = ""
    for condition, params, reason in refusing.rules():
        if reason != WINDOW_CLOSED:
            yield f"{condition}{earlier}", params, reason
        earlier += _OTHERS.get(reason, "")


# Whom a rule does not leave out.
_OTHERS = {OPTED_OUT: " AND c.opted_out_at IS NULL", NO_NUMBER: " AND c.phone IS NOT NULL"}


def examples(
    reason: str,
    *,
    company_id: int,
    tag_ids: Sequence[int],
    besides: Sequence[str],
    refusing: Refusing,
    limit: int,
) -> list[str]:
    """The addresses of some who are left out for a reason."""
    crowd = _Crowd(company_id=company_id, tag_ids=tag_ids, besides=besides)
    why, why_params = refusing.reason()
    [(condition, params)] = [
        (text, values) for text, values, of in refusing.rules() if of == reason
    ]
    given, given_params = crowd.given()
    rows = sql.fetch(
        f"""SELECT {ADDRESS} FROM {_CONTACT} c WHERE c.company_id = %s
        AND ({given}) IS NOT TRUE AND {condition} AND {why} = %s
        AND {crowd.is_tagged} LIMIT {limit:d}""",
        [company_id, *given_params, *params, *why_params, reason],
    )
    return sorted(address for (address,) in rows)
