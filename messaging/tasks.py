"""What Celery runs. Each is a plain function that may be run twice, late, or never: the sweep finds
what was left undone.
"""

import threading
from datetime import timedelta
from smtplib import SMTPException

import structlog
from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from companies import limits, notices
from contacts import imports
from contacts import jobs as contact_jobs
from messaging import (
    batch_control,
    chat_replies,
    deliveries,
    delivery_queue,
    dispatch,
    idempotency,
    inbox,
    media_inbound,
    media_retention,
    metrics_store,
    queue,
    services,
    settling,
    template_handover,
    wake,
    webhook_endpoints,
    webhook_notices,
)
from messaging.models import Batch

log = structlog.get_logger("tuma.tasks")

HEARTBEAT = "heartbeat"
APPLY_SECONDS = 25.0
# Longer than the second in which wakes are coalesced.
APPLY_LINGER = 1.5
_applying = threading.Lock()
FETCH_SECONDS = 25.0
# Set while the mail server is left in peace, after it was away.
MAIL_RESTS = "mail-rests"
MAIL_REST_SECONDS = 60
# Set for a while after a template could not be handed over.
TEMPLATES_REST = "templates-rest"
_fetching = threading.Lock()


@shared_task(name="messaging.drain")
def drain(channel_id: int) -> None:
    """Send what is due on a channel."""
    dispatch.drain(channel_id)


@shared_task(name="messaging.expand")
def expand(batch_id: int) -> None:
    """Store a batch's recipients under tags, slice by slice."""
    channel_id = Batch.objects.values_list("channel_id", flat=True).get(pk=batch_id)
    while services.expand(batch_id):
        wake.wake_channel(channel_id)
    wake.wake_channel(channel_id)


@shared_task(name="messaging.follow")
def follow(batch_id: int) -> None:
    """Bring a batch's queued messages in line with what was changed about it, slice by slice."""
    channel_id = Batch.objects.values_list("channel_id", flat=True).get(pk=batch_id)
    while batch_control.follow(batch_id, now=timezone.now()):
        wake.wake_channel(channel_id)
    wake.wake_channel(channel_id)


@shared_task(name="messaging.apply_inbox")
def apply_inbox() -> None:
    """Apply what Meta told us, and linger: wakes are coalesced, so more may come without one."""
    if not _applying.acquire(blocking=False):
        return
    try:
        inbox.apply_for(seconds=APPLY_SECONDS, linger=APPLY_LINGER)
    finally:
        _applying.release()
    if inbox.is_waiting(now=timezone.now()):
        wake.send("messaging.apply_inbox")


@shared_task(name="messaging.deliver")
def deliver(endpoint_id: int) -> None:
    """Post what is due to a company's endpoint."""
    deliveries.deliver(endpoint_id)


@shared_task(name="messaging.webhook_notice")
def webhook_notice(endpoint_id: int) -> None:
    """Tell a company's people that their endpoint was switched off."""
    webhook_notices.send(endpoint_id)


@shared_task(name="messaging.mail_notices")
def mail_notices() -> None:
    """Mail the notices that are due."""
    try:
        notices.mail_due(now=timezone.now())
    except (OSError, SMTPException) as error:
        cache.set(MAIL_RESTS, 1, timeout=MAIL_REST_SECONDS)
        log.warning("mail_server_away", error=str(error))


@shared_task(name="messaging.hand_over_templates")
def hand_over_templates() -> None:
    """Give Meta the templates that staff approved."""
    try:
        template_handover.hand_over_due(now=timezone.now())
    except template_handover.NotNow:
        cache.set(TEMPLATES_REST, 1, timeout=template_handover.REST_SECONDS)


@shared_task(name="messaging.fetch_media")
def fetch_media() -> None:
    """Fetch the files that people sent."""
    if not _fetching.acquire(blocking=False):
        return
    try:
        media_inbound.fetch_due(seconds=FETCH_SECONDS)
    finally:
        _fetching.release()
    if media_inbound.is_waiting(now=timezone.now()):
        wake.wake_media()


@shared_task(name="messaging.read_receipt")
def read_receipt(inbound_id: int) -> None:
    """Tell a person that their messages up to this one were read."""
    chat_replies.tell_read(inbound_id, now=timezone.now())


@shared_task(name="messaging.sweep")
def sweep() -> None:
    """The one recovery: wake every channel with work that nobody does, whatever was lost or died."""
    now = timezone.now()
    metrics_store.put(HEARTBEAT, now.timestamp())
    channels = settling.settle(now=now) | set(queue.channels_with_work(now=now))
    for channel_id in sorted(channels):
        wake.send("messaging.drain", channel_id)
    for batch_id in Batch.objects.filter(expand_cursor__isnull=False).values_list("pk", flat=True):
        wake.send("messaging.expand", batch_id)
    for batch_id in Batch.objects.filter(follow_cursor__isnull=False).values_list("pk", flat=True):
        wake.send("messaging.follow", batch_id)
    if inbox.is_waiting(now=now):
        wake.send("messaging.apply_inbox")
    if media_inbound.is_waiting(now=now):
        wake.send("messaging.fetch_media")
    for endpoint_id in delivery_queue.endpoints_with_work(now=now):
        wake.send("messaging.deliver", endpoint_id)
    for endpoint_id in delivery_queue.notices_due():
        wake.send("messaging.webhook_notice", endpoint_id)
    if template_handover.is_waiting() and not cache.get(TEMPLATES_REST):
        wake.send("messaging.hand_over_templates")
    for task, job_id in contact_jobs.waiting():
        wake.send(task, job_id)
    notices.tell_low_balances()
    if notices.is_mail_due(now=now) and not cache.get(MAIL_RESTS):
        wake.send("messaging.mail_notices")


@shared_task(name="messaging.housekeeping")
def housekeeping() -> None:
    """Forget what is past its time."""
    now = timezone.now()
    dropped = {
        "answers": idempotency.forget_old(now=now),
        "webhooks": inbox.forget_old(before=now - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)),
        "rate_windows": limits.forget_old(),
        "deliveries": webhook_endpoints.forget_old(now=now),
        "media": media_retention.forget_old(now=now),
        "imports": imports.forget_old(now=now),
        "proofs": settling.forget_old(now=now),
    }
    log.info("housekeeping", **dropped)


@worker_ready.connect
def sweep_at_start(**_: object) -> None:
    """Don't wait for the first tick: what a crash left behind is taken up at once."""
    wake.send("messaging.sweep")


@worker_shutting_down.connect
def finish_what_is_in_flight(**_: object) -> None:
    dispatch.stop()
    deliveries.stop()
    inbox.stopping.set()
    media_inbound.stopping.set()
