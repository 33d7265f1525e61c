"""One row of every table, each time with a company, a channel and people of its own."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.utils import timezone

from companies.models import RateWindow
from messaging.models import (
    DailyFailure,
    DailyReach,
    DailyUsage,
    DeliveryAttempt,
    IdempotencyRecord,
    InboundMessage,
    Media,
    MediaOnGraph,
    Metric,
    Status,
    StatusEvent,
    StatusProof,
    UnusedInput,
    WebhookDelivery,
    WebhookEvent,
)
from tests import factories


def make_one_of_each(name: str) -> None:
    now = timezone.now()
    company = factories.make_company(name)
    user = factories.make_user(company=company)
    channel = factories.make_channel(company)
    factories.make_key(company, channel=channel, created_by=user)
    contact = factories.make_contact(company)
    factories.make_tag(company, contact)
    factories.make_template(company)
    message = factories.make_message(channel, status=Status.SENT)
    here = {"company": company, "channel": channel}
    today = {**here, "day": now.date()}
    StatusEvent.objects.create(message=message, status=Status.SENT, at=now)
    file = Media.objects.create(
        company=company,
        origin="upload",
        kind="image",
        content_type="image/png",
        size=1,
        created_at=now,
    )
    MediaOnGraph.objects.create(media=file, channel=channel)
    UnusedInput.objects.create(batch=message.batch, input="0712", reason="not a phone number")
    InboundMessage.objects.create(
        **here, contact=contact, wamid=f"wamid.{name}", type="text", payload={}, sent_at=now
    )
    WebhookEvent.objects.create(body=b'{"object": "x"}', due_at=now, received_at=now)
    IdempotencyRecord.objects.create(company=company, key=name, request_hash="x", created_at=now)
    DailyUsage.objects.create(**today, category="SERVICE")
    DailyFailure.objects.create(**today, code="131026")
    DailyReach.objects.create(company=company, day=now.date(), block=contact.pk // 60, bits=1)
    event = WebhookDelivery.objects.create(
        endpoint=factories.make_endpoint(company),
        sequence=1,
        event="webhook.test",
        occurred_at=now,
        created_at=now,
        due_at=now,
        data="{}",
    )
    DeliveryAttempt.objects.create(delivery=event, at=now, milliseconds=1, request_headers={})
    StatusProof.objects.create(
        channel=channel, period=int(now.timestamp()), received_at=now, attempted_at=now
    )
    Metric.objects.create(name=name)
    RateWindow.objects.create(key=name, started=1, count=1)
    Group.objects.create(name=name)
    EmailAddress.objects.create(user=user, email=user.email)
