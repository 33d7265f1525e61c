"""What an error of Meta's means for more than its message: the channel, the batch, the template."""

from datetime import timedelta

import structlog
from django.utils import timezone

from companies.models import Channel
from messaging import outgoing
from messaging.error_policy import Action
from messaging.models import Batch
from messaging.outcomes import Refused
from templates_app import news

log = structlog.get_logger("tuma.channels")

# "Until somebody settles it": staff lift the pause.
FOREVER = timedelta(days=3650)

_TEMPLATE_STATUS = {"132015": "PAUSED", "132016": "DISABLED"}


def hold(channel_id: int, refused: Refused) -> None:
    """Stop a channel as the policy says: for a while, until it is settled, or until reconnected."""
    reason = refused.said[:300]
    log.warning("channel_held", channel=channel_id, code=refused.code, action=refused.policy.action)
    if refused.policy.action == Action.RECONNECT:
        disconnect(channel_id, reason)
        return
    wait = (
        FOREVER
        if refused.policy.action == Action.BLOCK_CHANNEL
        else timedelta(seconds=max(1, refused.policy.wait_seconds))
    )
    pause(channel_id, reason, wait)


def disconnect(channel_id: int, reason: str) -> None:
    channel = Channel.objects.filter(pk=channel_id)
    with outgoing.watching_channels(channel):
        channel.update(status=Channel.Status.DISCONNECTED, status_reason=reason[:300])


def pause(channel_id: int, reason: str, wait: timedelta) -> None:
    channel = Channel.objects.filter(pk=channel_id)
    with outgoing.watching_channels(channel):
        channel.update(paused_until=timezone.now() + wait, pause_reason=reason[:300])


def halt_batch(batch_id: int, refused: Refused) -> None:
    """What is still queued of a batch is failed as it is claimed: it would all meet the same end."""
    Batch.objects.filter(pk=batch_id, halt_code="").update(
        halt_code=refused.code, halt_detail=refused.detail[:300]
    )
    status = _TEMPLATE_STATUS.get(refused.code)
    template_id = Batch.objects.values_list("template_id", flat=True).get(pk=batch_id)
    if status and template_id:
        news.told_by_send(template_id, status=status, reason=refused.detail)
