"""What Celery runs for contacts; the sweep (messaging/tasks.py) finds what was left undone."""

from celery import shared_task
from django.utils import timezone

from contacts import importing, tagging


@shared_task(name="contacts.run_import")
def run_import(import_id: int) -> None:
    """Store a file's contacts, or undo that."""
    importing.run(import_id, now=timezone.now())


@shared_task(name="contacts.run_tagging")
def run_tagging(tagging_id: int) -> None:
    """Tag or untag all that a filter finds."""
    tagging.run(tagging_id, now=timezone.now())
