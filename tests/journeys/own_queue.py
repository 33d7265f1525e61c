"""The settings, with a queue of its own name: for installations that share a broker with others."""

import os

from config.settings import *  # noqa: F403

CELERY_TASK_DEFAULT_QUEUE = os.environ["JOURNEY_QUEUE"]
