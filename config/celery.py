"""The Celery application.

Tasks carry no message data: they only say "there is work". So losing one, or the whole
broker, loses nothing; the sweep (messaging/tasks.py) wakes what was left asleep.
"""

import os

from celery import Celery
from celery.signals import setup_logging
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES["filesystem"] = "config.folder_broker:Transport"

app = Celery("tuma")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Connected so that Celery leaves logging as settings.LOGGING made it."""
