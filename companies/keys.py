"""API keys: `tuma_` + 8 characters that name the key + 19 that prove it (32 in all).

Only a SHA-256 of the secret part is kept: it is 113 random bits, so a slow password hash would add
nothing but cost. Unknown, wrong, revoked and expired keys are all the same to a caller.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from companies.models import ApiKey, Channel, Company, User, all_scopes
from config import sql
from config.memory import Memory

PREFIX = "tuma_"
_PUBLIC, _SECRET = 8, 19
_ALPHABET = string.ascii_letters + string.digits
_SHAPE = re.compile(rf"{PREFIX}([A-Za-z0-9]{{{_PUBLIC}}})([A-Za-z0-9]{{{_SECRET}}})", re.ASCII)
_LAST_USED_EVERY = timedelta(minutes=1)

# By hand: the ORM takes three times as long to write it as the database to answer it.
_LOOK_UP = f"""SELECT k.id, k.secret_hash, k.channel_id, k.revoked_at, k.expires_at, k.last_used_at,
    k.scopes, c.id, c.status, c.country, c.time_zone, c.requests_per_minute, c.prices
    FROM {ApiKey._meta.db_table} k JOIN {Company._meta.db_table} c ON c.id = k.company_id
    WHERE k.public_id = %s"""


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls, as one query told: enough to decide without asking again."""

    key_id: int | None  # None for a person at the portal
    key_channel_id: int | None
    company_id: int
    company_active: bool
    country: str
    time_zone: str
    requests_per_minute: int | None
    prices: dict[str, int]
    scopes: tuple[str, ...]
    # As it was a few seconds ago: to be proven before anything is done for it.
    is_remembered: bool = False


_lately: Memory[bytes, Caller] = Memory(seconds=5)


def issue(
    *,
    company: Company,
    name: str,
    channel: Channel | None = None,
    created_by: User | None = None,
    expires_at: datetime | None = None,
    scopes: Sequence[str] | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its whole text, which is never to be seen again; `scopes` None for all."""
    public_id, secret = _random(_PUBLIC), _random(_SECRET)
    key = ApiKey.objects.create(
        company=company,
        name=name,
        channel=channel,
        created_by=created_by,
        expires_at=expires_at,
        scopes=all_scopes() if scopes is None else list(scopes),
        public_id=public_id,
        secret_hash=_hash(secret),
    )
    return key, f"{PREFIX}{public_id}{secret}"


def revoke(key: ApiKey) -> bool:
    """Refuse the key from now on; a second time changes nothing. Whether this was the first."""
    found = ApiKey.objects.filter(pk=key.pk, revoked_at=None)
    return bool(found.update(revoked_at=timezone.now()))


class NotLive(Exception):
    """The key has expired or was revoked: there is nothing to go on from."""


def roll(key: ApiKey, *, overlap: timedelta, by: User | None, now: datetime) -> tuple[ApiKey, str]:
    """A new key with the name, channel, scopes and end of `key`, and its whole text. The old one works
    for `overlap` longer, and never longer than it would have. Raises NotLive.
    """
    with transaction.atomic():
        old = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if not old.is_live(now=now):
            raise NotLive
        new = issue(
            company=old.company,
            name=old.name,
            channel=old.channel,
            created_by=by,
            expires_at=old.expires_at,
            scopes=old.scopes,
        )
        end = now + overlap
        old.expires_at = min(old.expires_at, end) if old.expires_at else end
        old.save(update_fields=["expires_at"])
    return new


def caller(text: str, *, now: datetime, address: str) -> Caller | None:
    """Whose key `text` is, or None. Asks the database each time: a revoked key is refused at once,
    whichever process or machine revoked it.
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    public_id, secret = match.groups()
    rows = sql.fetch(_LOOK_UP, [public_id])
    row = rows[0] if rows else None
    known_hash = row[1] if row else _hash("")
    if not hmac.compare_digest(known_hash, _hash(secret)) or row is None:
        return None
    (key_id, _, channel_id, revoked_at, expires_at, last_used_at, scopes, *company) = row
    if revoked_at is not None or (expires_at is not None and sql.as_datetime(expires_at) <= now):
        return None
    if last_used_at is None or now - sql.as_datetime(last_used_at) > _LAST_USED_EVERY:
        ApiKey.objects.filter(pk=key_id).update(last_used_at=now, last_used_address=address or None)
    company_id, status, country, time_zone, per_minute, prices = company
    found = Caller(
        key_id=key_id,
        key_channel_id=channel_id,
        company_id=company_id,
        company_active=status == Company.Status.ACTIVE,
        country=country,
        time_zone=time_zone,
        requests_per_minute=per_minute,
        prices=sql.as_object(prices),
        scopes=tuple(sql.as_object(scopes)),
    )
    _lately.put(_digest(text), replace(found, is_remembered=True))
    return found


def remembered(text: str) -> Caller | None:
    """Whose key `text` was a few seconds ago, as far as this process knows."""
    return _lately.get(_digest(text))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
