"""What Celery runs about templates."""

from celery import shared_task
from django.utils import timezone

from templates_app import sync


@shared_task(name="templates_app.sync_all")
def sync_all() -> None:
    """Learn from Meta what its webhooks did not tell; may be run twice, late, or never."""
    sync.sync_all(now=timezone.now())
