"""Meta's news of WABAs, numbers and templates, applied to the objects that they are about."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import transaction

from companies import channels
from companies.models import Channel
from config import wakes
from messaging import channel_state, outgoing
from messaging.webhook_body import ObjectUpdate
from templates_app import news

# account_update events after which nothing may be sent, and until when.
_STOPS = {
    "ACCOUNT_DELETED": "Meta deleted the account.",
    "ACCOUNT_OFFBOARDED": "The account was taken off the platform.",
    "PARTNER_REMOVED": "The company withdrew our access in Business Manager.",
}


def apply(update: ObjectUpdate) -> bool:
    """Whether the update was about something of ours; what we have no use for is none of it."""
    applier = _APPLIERS.get(update.field)
    if applier is None:
        return False
    with _told(update):
        return applier(update)


def _told(update: ObjectUpdate) -> AbstractContextManager[None]:
    """Has the company's endpoints told what becomes different."""
    if "template" in update.field or update.field == "account_update":
        return nullcontext()  # templates_app.workflow and channel_state see to that
    return outgoing.watching_channels(Channel.objects.filter(waba_id=update.waba_id))


def _template_status(update: ObjectUpdate) -> bool:
    # Meta's page prints this field for quality changes as well: the keys tell which it is.
    if "new_quality_score" in update.value:
        return _template_quality(update)
    return news.status_update(update.value, waba_id=update.waba_id, told_at=update.at)


def _template_category(update: ObjectUpdate) -> bool:
    return news.category_update(update.value, waba_id=update.waba_id)


def _template_quality(update: ObjectUpdate) -> bool:
    return news.quality_update(update.value, waba_id=update.waba_id)


def _template_words(update: ObjectUpdate) -> bool:
    """The webhook tells a part of the new words only: Meta is asked for all of them."""
    found = news.named(update.value, update.waba_id).exists()
    if found:
        transaction.on_commit(lambda: wakes.send("templates_app.sync_waba", update.waba_id))
    return found


def _numbers(update: ObjectUpdate) -> Any:
    digits = "".join(filter(str.isdigit, str(update.value.get("display_phone_number", ""))))
    return Channel.objects.filter(waba_id=update.waba_id, phone_number=f"+{digits}")


def _number_quality(update: ObjectUpdate) -> bool:
    value, numbers = update.value, _numbers(update)
    event = str(value.get("event", ""))
    fields: dict[str, Any] = {}
    if event == "THROUGHPUT_UPGRADE":
        fields["rate_per_second"] = channels.HIGH_RATE
        fields["throughput"] = channels.HIGH
    if event in ("FLAGGED", "UNFLAGGED"):
        fields["quality"] = "RED" if event == "FLAGGED" else "GREEN"
    tier = value.get("max_daily_conversations_per_business") or value.get("current_limit")
    if tier in channels.DAILY_LIMITS:
        fields["daily_limit"] = channels.DAILY_LIMITS[tier]
    return bool(fields) and bool(numbers.update(**fields))


def _number_name(update: ObjectUpdate) -> bool:
    if update.value.get("decision") != "APPROVED":
        return bool(_numbers(update).exists())
    name = str(update.value.get("requested_verified_name", ""))[:120]
    return bool(_numbers(update).update(verified_name=name))


def _capability(update: ObjectUpdate) -> bool:
    limit = update.value.get("max_daily_conversations_per_business")
    if limit in channels.DAILY_LIMITS:
        limit = channels.DAILY_LIMITS[limit]
    elif isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        return False
    return bool(Channel.objects.filter(waba_id=update.waba_id).update(daily_limit=limit))


def _account(update: ObjectUpdate) -> bool:
    value, event = update.value, str(update.value.get("event", ""))
    # Of what happens between an account and a partner, the entry names the partner's business.
    waba_id = (value.get("waba_info") or {}).get("waba_id") or update.waba_id
    mine = list(Channel.objects.filter(waba_id=waba_id).values_list("pk", flat=True))
    reason = _STOPS.get(event)
    if event == "DISABLED_UPDATE":
        state = (value.get("ban_info") or {}).get("waba_ban_state")
        reason = "Meta disabled the account." if state == "DISABLE" else None
    for channel_id in mine:
        if reason:
            channel_state.disconnect(channel_id, reason)
        elif event == "ACCOUNT_RESTRICTION":
            channel_state.pause(channel_id, _restriction(value), channel_state.FOREVER)
    return bool(mine)


def _restriction(value: dict[str, Any]) -> str:
    kinds = [str(item.get("restriction_type", "")) for item in value.get("restriction_info") or []]
    return f"Meta restricted the account: {', '.join(kinds) or 'no reason given'}"


_APPLIERS: dict[str, Callable[[ObjectUpdate], bool]] = {
    "message_template_status_update": _template_status,
    "message_template_quality_update": _template_quality,
    "message_template_components_update": _template_words,
    "template_category_update": _template_category,
    "phone_number_quality_update": _number_quality,
    "phone_number_name_update": _number_name,
    "business_capability_update": _capability,
    "account_update": _account,
}
