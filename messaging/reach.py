"""How many different people a company wrote to in any period, exactly, without looking at messages.

A bit stands for a contact, a row for sixty neighbours on one day. A campaign to a million people
adds 17,000 rows instead of a million, and a quarter's worth of days is one aggregate over them.
"""

from datetime import date

from config import sql
from messaging.models import Batch, DailyReach, Message

WIDTH = 60  # bits of a row: the highest of a BIGINT are left alone, it has a sign

_REACH = DailyReach._meta.db_table
_MESSAGE = Message._meta.db_table
# Whoever is marked already costs no write.
ON_CONFLICT = """ON CONFLICT (company_id, day, block) DO UPDATE SET bits = r.bits | excluded.bits
        WHERE r.bits | excluded.bits <> r.bits"""


def add(batch: Batch, *, after: int = 0, up_to: int = (1 << 63) - 1) -> None:
    """Mark the people of a batch, of those contacts whose messages were just stored.

    The last thing that a batch locks, and in order of block, so that two never wait for each other.
    """
    # Within a batch nobody comes twice, so SQLite's sum is what bit_or would be.
    bits = (
        f"bit_or(1::bigint << (contact_id %% {WIDTH})::int)"
        if sql.is_postgres()
        else f"sum(1 << (contact_id %% {WIDTH}))"
    )
    sql.execute(
        f"""INSERT INTO {_REACH} AS r (company_id, day, block, bits)
        SELECT %s, %s, contact_id / {WIDTH}, {bits} FROM {_MESSAGE}
        WHERE batch_id = %s AND contact_id > %s AND contact_id <= %s
        GROUP BY contact_id / {WIDTH} ORDER BY contact_id / {WIDTH}
        {ON_CONFLICT}""",
        [batch.company_id, str(batch.day), batch.pk, after, up_to],
    )


def unique_contacts(*, company_id: int, start: date, end: date) -> int:
    """To how many different people something was accepted from `start` to `end`, both included."""
    reach = f"FROM {_REACH} WHERE company_id = %s AND day BETWEEN %s AND %s"
    period = [company_id, str(start), str(end)]
    if sql.is_postgres():
        [(count,)] = sql.fetch(
            f"""SELECT coalesce(sum(bit_count(bits::bit(64))), 0)
            FROM (SELECT bit_or(bits) AS bits {reach} GROUP BY block) AS blocks""",
            period,
        )
        return int(count)
    blocks: dict[int, int] = {}
    for block, bits in sql.fetch(f"SELECT DISTINCT block, bits {reach}", period):
        blocks[block] = blocks.get(block, 0) | bits
    return sum(bits.bit_count() for bits in blocks.values())
