"""Finding a channel for a send: by hand, without its token, since it is asked for each request."""

from companies.models import Channel
from config import sql

_NAMES = (
    "id",
    "company_id",
    "name",
    "status",
    "waba_id",
    "phone_number_id",
    "phone_number",
    "daily_limit",
)
_FROM = f"SELECT {', '.join(_NAMES)} FROM {Channel._meta.db_table}"


def find(channel_id: int) -> Channel | None:
    """The channel; what is not named above is fetched when it is asked for."""
    return _one(sql.fetch(f"{_FROM} WHERE id = %s", [channel_id]))


def default(company_id: int) -> Channel | None:
    """The company's default channel."""
    return _one(sql.fetch(f"{_FROM} WHERE company_id = %s AND is_default = %s", [company_id, True]))


def _one(rows: list[tuple[object, ...]]) -> Channel | None:
    return Channel.from_db("default", _NAMES, rows[0]) if rows else None
