"""The usual design, as a baseline: one Celery task per message.

Run as a program it queues a task for each waiting message of a channel, before any clock starts.
"""

import os
import sys
import threading

import django
import requests
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from django.conf import settings  # noqa: E402

if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # A hundred threads share twenty kept connections: kinder to it than one each.
    settings.DATABASES["default"] |= {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {"pool": {"min_size": 20, "max_size": 20, "timeout": 60}},
    }
django.setup()

app = Celery("bench")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_default_queue = os.environ["BENCH_QUEUE"]
app.conf.worker_prefetch_multiplier = 4
_local = threading.local()


def _session() -> requests.Session:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    return _local.session


@app.task(name="bench.send", ignore_result=True)
def send(pk: int) -> None:
    from django.utils import timezone

    from messaging.models import Message, Status

    message = Message.objects.select_related("channel", "batch").get(pk=pk)
    url = f"{settings.GRAPH_API_URL}/v25.0/{message.channel.phone_number_id}/messages"
    answer = _session().post(
        url,
        json={
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": f"+{message.recipient}",
            **message.batch.payload,
        },
        headers={"Authorization": f"Bearer {message.channel.access_token}"},
        timeout=15,
    )
    message.wamid = answer.json()["messages"][0]["id"]
    message.status = Status.SENT
    message.sent_at = timezone.now()
    message.save(update_fields=["wamid", "status", "sent_at"])


def main(channel: int, count: int) -> None:
    from messaging.models import Message, Status

    waiting = Message.objects.filter(channel_id=channel, status=Status.QUEUED).order_by("pk")
    with app.producer_pool.acquire(block=True) as producer:
        for pk in waiting.values_list("pk", flat=True)[:count]:
            app.send_task("bench.send", args=[pk], producer=producer)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
