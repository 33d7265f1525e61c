"""One row of every table, each time with a company, a channel and people of its own."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.utils import timezone

from companies import audit, decisions, notices
from companies.models import DoctorReport, RateWindow
from contacts.models import ConsentEvent, ImportProblem, ImportRow, Tagging
from messaging.models import (
    DailyFailure,
    DailyReach,
    DailyUsage,
    DeliveryAttempt,
    FilledIn,
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
from templates_app import workflow
from templates_app.workflow import META, Done
from tests import factories


def make_one_of_each(name: str) -> None:
    now = timezone.now()
    company = factories.make_company(name)
    user = factories.make_user(company=company)
    channel = factories.make_channel(company)
    DoctorReport.objects.create(channel=channel, at=now, findings=[])
    audit.record(user, company=company, kind=audit.Kind.SIGNED_IN)
    decisions.record(company, channel, "connected", reason="", author=user, now=now)
    factories.make_key(company, channel=channel, created_by=user)
    contact = factories.make_contact(company)
    factories.make_tag(company, contact)
    ConsentEvent.objects.create(contact=contact, kind="opted_out", source="api", at=now)
    job = factories.make_import(company)
    ImportRow.objects.create(contact_import=job, contact_id=contact.pk, outcome=1)
    ImportProblem.objects.create(contact_import=job, row=2, input="[]", reason="No number.")
    Tagging.objects.create(company=company, author_label=name, tag_name="x", up_to=1)
    template = factories.make_template(company)
    workflow.note(template, Done.TOLD, by=META, to=template.status, now=timezone.now())
    message = factories.make_message(channel, status=Status.SENT)
    FilledIn.objects.create(message=message, texts={"contact.name": name})
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
        endpoint=factories.make_endpoint(company, last_sequence=1),
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
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={})
    UserSession.objects.create(user=user, ip="127.0.0.1", session_key=name, user_agent="Firefox")
    factories.make_invitation(company)
    notices.notify(company, title="Something", text="Something happened.")
