"""What Celery runs about templates."""

import structlog
from celery import shared_task
from django.utils import timezone

from companies.graph.client import GraphAway, GraphRefused
from templates_app import sync

log = structlog.get_logger("tuma.templates")


@shared_task(name="templates_app.sync_all")
def sync_all() -> None:
    """Learn from Meta what its webhooks did not tell; may be run twice, late, or never."""
    sync.sync_all(now=timezone.now())


@shared_task(name="templates_app.sync_waba")
def sync_waba(waba_id: str) -> None:
    """Learn at once what the hourly task would learn later."""
    try:
        sync.sync_waba(waba_id, now=timezone.now())
    except (GraphAway, GraphRefused) as error:
        log.warning("templates_not_synced", waba=waba_id, error=str(error))
