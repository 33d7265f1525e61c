"""One row of every table, each time with a company, a channel and people of its own."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.utils import timezone

from companies.models import RateWindow
from messaging.models import (
    DailyFailure,
    DailyUsage,
    IdempotencyRecord,
    InboundMessage,
    Metric,
    Status,
    StatusEvent,
    UnusedInput,
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
    UnusedInput.objects.create(batch=message.batch, input="0712", reason="not a phone number")
    InboundMessage.objects.create(
        **here, contact=contact, wamid=f"wamid.{name}", type="text", payload={}, sent_at=now
    )
    WebhookEvent.objects.create(body=b'{"object": "x"}', due_at=now, received_at=now)
    IdempotencyRecord.objects.create(company=company, key=name, request_hash="x", created_at=now)
    DailyUsage.objects.create(**today, category="SERVICE")
    DailyFailure.objects.create(**today, code="131026")
    Metric.objects.create(name=name)
    RateWindow.objects.create(key=name, started=1, count=1)
    Group.objects.create(name=name)
    EmailAddress.objects.create(user=user, email=user.email)
