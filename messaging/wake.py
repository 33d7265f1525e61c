"""Telling a worker that there is work. A wake may be lost: the sweep makes up for it.

So wakes are few (one a second and channel, none while a drain holds the channel and finds new rows
itself) and never fail a request: if the broker is away, nobody is told until it is back.
"""

from django.core.cache import cache

from config import sql
from config.wakes import send as send  # others ask for it here
from messaging.models import ChannelState, WebhookEndpoint


def wake_channel(channel_id: int, *, expand: int | None = None) -> None:
    """Have a channel drained soon, and before that a batch's recipients stored, if there are more."""
    if expand is not None:
        send("messaging.expand", expand)
    if cache.add(f"wake:{channel_id}", 1, timeout=1) and not _is_drained(channel_id):
        send("messaging.drain", channel_id)


def wake_inbox() -> None:
    """Have Meta's webhooks applied soon."""
    if cache.add("wake:inbox", 1, timeout=1):
        send("messaging.apply_inbox")


def wake_media() -> None:
    """Have what people sent fetched soon."""
    if cache.add("wake:media", 1, timeout=1):
        send("messaging.fetch_media")


def wake_endpoint(endpoint_id: int) -> None:
    """Have a company's endpoint served soon; whoever serves it now finds new rows alone."""
    if cache.add(f"wake:endpoint:{endpoint_id}", 1, timeout=1) and not _is_served(endpoint_id):
        send("messaging.deliver", endpoint_id)


def _is_served(endpoint_id: int) -> bool:
    table = WebhookEndpoint._meta.db_table
    return bool(
        sql.fetch(
            f"SELECT 1 FROM {table} WHERE id = %s AND lease_until > {sql.epoch_now()}",
            [endpoint_id],
        )
    )


def _is_drained(channel_id: int) -> bool:
    table = ChannelState._meta.db_table
    return bool(
        sql.fetch(
            f"SELECT 1 FROM {table} WHERE channel_id = %s AND lease_until > {sql.epoch_now()}",
            [channel_id],
        )
    )
