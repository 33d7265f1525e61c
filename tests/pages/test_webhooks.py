"""A company's pages of its webhooks."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import Company
from messaging import outgoing, webhook_endpoints
from messaging.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from tests import factories

pytestmark = pytest.mark.django_db

SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{40,}")
FORM = {"url": "https://acme.example/hook", "events": ["message.read", "message.failed"]}
State = WebhookDelivery.State


@pytest.fixture
def hook(acme: Company) -> WebhookEndpoint:
    return factories.make_endpoint(acme)


def happen(endpoint: WebhookEndpoint, count: int = 1) -> list[WebhookDelivery]:
    outgoing.tell(
        outgoing.Event(
            company_id=endpoint.company_id,
            kind="message.received",
            at=timezone.now(),
            data={"text": f"<b>hi</b> {n}"},
        )
        for n in range(count)
    )
    return list(WebhookDelivery.objects.filter(endpoint=endpoint).order_by("sequence"))


def page(client: Client, hook: WebhookEndpoint, rest: str = "", **query: Any) -> str:
    response = client.get(f"/webhooks/{hook.public_id}{rest}", query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("address", ["/webhooks", "/webhooks/"])
def test_the_list_says_how_each_fares(
    owner: Client, hook: WebhookEndpoint, rival: Company, address: str
) -> None:
    factories.make_endpoint(rival, url="https://rival.example/secret-hook")
    WebhookEndpoint.objects.filter(pk=hook.pk).update(failing_since=timezone.now())

    text = owner.get(address).content.decode()

    assert hook.url in text
    assert "Failing" in text
    assert "rival.example" not in text


def test_a_new_endpoints_secret_is_shown_once(owner: Client) -> None:
    response = owner.post("/webhooks", FORM)

    [secret] = set(SECRET.findall(response.content.decode()))
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.secret == secret
    assert endpoint.created_by.email == "owner@acme.example"
    assert endpoint.events == FORM["events"]
    assert "no-store" in response["Cache-Control"]
    assert not SECRET.search(page(owner, endpoint))


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "", "events": ["message.read"]},
        {"url": "https://10.0.0.1/", "events": ["message.read"]},
        {"url": "http://acme.example/", "events": ["message.read"]},
        {"url": "https://acme.example/"},
        {"url": "https://acme.example/", "events": ["message.eaten"]},
        {"url": "https://acme.example/\x00", "events": ["message.read"]},
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(
    owner: Client, fields: dict[str, Any]
) -> None:
    response = owner.post("/webhooks", fields)

    assert response.status_code == 422
    assert b"invalid-feedback" in response.content
    assert not WebhookEndpoint.objects.exists()


def test_too_many_endpoints_are_refused(owner: Client, acme: Company) -> None:
    for _ in range(20):
        factories.make_endpoint(acme)

    assert owner.post("/webhooks", FORM).status_code == 422


def test_address_and_events_are_changed(owner: Client, hook: WebhookEndpoint) -> None:
    saved = owner.post(f"/webhooks/{hook.public_id}", FORM)
    refused = owner.post(f"/webhooks/{hook.public_id}", {**FORM, "url": "nowhere"})

    hook.refresh_from_db()
    assert saved.status_code == 302
    assert refused.status_code == 422
    assert (hook.url, hook.events) == (FORM["url"], FORM["events"])


def test_the_log_is_paged_by_number_and_may_show_failures_alone(
    owner: Client, hook: WebhookEndpoint
) -> None:
    events = happen(hook, 30)
    WebhookDelivery.objects.filter(sequence=3).update(state=State.FAILED, error="HTTP 500")

    first, older = page(owner, hook), page(owner, hook, before=6)
    failed = page(owner, hook, only="failed")

    assert events[29].public_id in first and events[4].public_id not in first
    assert "?before=6" in first
    assert events[4].public_id in older and events[29].public_id not in older
    assert events[2].public_id in failed and events[3].public_id not in failed
    assert owner.get(f"/webhooks/{hook.public_id}?before=x").status_code == 404


def test_an_event_shows_each_try_with_its_request_and_response(
    owner: Client, hook: WebhookEndpoint
) -> None:
    [event] = happen(hook)
    DeliveryAttempt.objects.create(
        delivery=event,
        at=timezone.now(),
        milliseconds=1234,
        request_headers={"webhook-id": event.public_id, "webhook-signature": "v1,abc"},
        response_status=500,
        response_headers={"Server": "acme"},
        response_body="<script>alert(1)</script>",
        error="HTTP 500",
    )

    text = page(owner, hook, f"/events/{event.public_id}")

    for shown in (
        "v1,abc",
        "Server: acme",
        "&lt;script&gt;",
        "HTTP 500",
        "1,234 ms",
        "&lt;b&gt;hi",
    ):
        assert shown in text
    assert "<script>alert" not in text


def test_a_secret_is_rolled_and_shown_once(owner: Client, hook: WebhookEndpoint) -> None:
    old = hook.secret

    text = owner.post(f"/webhooks/{hook.public_id}/roll-secret").content.decode()

    hook.refresh_from_db()
    assert set(SECRET.findall(text)) == {hook.secret}
    assert webhook_endpoints.secrets_of(hook, now=timezone.now()) == [hook.secret, old]
    assert hook.secret != old


def test_a_test_is_sent(owner: Client, hook: WebhookEndpoint) -> None:
    response = owner.post(f"/webhooks/{hook.public_id}/test")

    event = WebhookDelivery.objects.get()
    assert event.event == "webhook.test"
    assert response["Location"] == f"/webhooks/{hook.public_id}/events/{event.public_id}"


def test_an_endpoint_is_switched_off_and_on_and_then_refuses_what_would_post(
    owner: Client, hook: WebhookEndpoint
) -> None:
    path = f"/webhooks/{hook.public_id}"
    owner.post(f"{path}/switch", {"to": "off"})
    refused = owner.post(f"{path}/test", follow=True)
    assert "switched off: switch it on first" in refused.content.decode()
    assert not WebhookDelivery.objects.exists()

    owner.post(f"{path}/switch", {"to": "on"})

    hook.refresh_from_db()
    assert hook.status == "active"


@pytest.mark.parametrize("reason", ["by_hand", "gone", "failing"])
def test_why_an_endpoint_is_off_is_said(owner: Client, acme: Company, reason: str) -> None:
    hook = factories.make_endpoint(
        acme, status="disabled", disabled_reason=reason, disabled_at=timezone.now()
    )

    assert "Nothing is posted to this endpoint." in page(owner, hook)
    assert "Switched off" in owner.get("/webhooks").content.decode()


def test_one_event_and_all_that_failed_are_replayed(owner: Client, hook: WebhookEndpoint) -> None:
    events = happen(hook, 3)
    WebhookDelivery.objects.update(state=State.FAILED)
    path = f"/webhooks/{hook.public_id}"

    owner.post(f"{path}/events/{events[0].public_id}/replay")
    assert WebhookDelivery.objects.filter(state=State.PENDING).count() == 1
    bad = owner.post(f"{path}/replay", {"since": "yesterday"}, follow=True)
    assert "Say since when" in bad.content.decode()
    since = timezone.localtime(timezone.now() - timedelta(days=1))
    owner.post(f"{path}/replay", {"since": since.strftime("%Y-%m-%dT%H:%M")})

    assert WebhookDelivery.objects.filter(state=State.PENDING).count() == 3


def test_a_deleted_endpoint_is_gone(owner: Client, hook: WebhookEndpoint) -> None:
    owner.post(f"/webhooks/{hook.public_id}/delete")

    assert owner.get(f"/webhooks/{hook.public_id}").status_code == 404
    assert "No webhooks yet" in owner.get("/webhooks").content.decode()


ACTIONS = ["roll-secret", "test", "switch", "delete", "replay"]


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_operators_and_viewers_see_the_list_and_nothing_that_was_posted(
    acme: Company, hook: WebhookEndpoint, browser: Any, role: str
) -> None:
    [event] = happen(hook)
    client = browser(factories.make_user(company=acme, role=role))
    path = f"/webhooks/{hook.public_id}"

    assert hook.url in client.get("/webhooks").content.decode()
    assert b"Add endpoint" not in client.get("/webhooks").content
    assert client.post("/webhooks", FORM).status_code == 403
    assert client.get(path).status_code == 403
    assert client.get(f"{path}/events/{event.public_id}").status_code == 403
    assert {client.post(f"{path}/{action}").status_code for action in ACTIONS} == {403}


def test_another_companys_webhooks_do_not_exist(stranger: Client, hook: WebhookEndpoint) -> None:
    [event] = happen(hook)
    path = f"/webhooks/{hook.public_id}"

    assert hook.url not in stranger.get("/webhooks").content.decode()
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"{path}/events/{event.public_id}").status_code == 404
    assert stranger.post(f"{path}/events/{event.public_id}/replay").status_code == 404
    assert {stranger.post(f"{path}/{action}").status_code for action in ACTIONS} == {404}
    hook.refresh_from_db()
    assert hook.status == "active"


def test_another_endpoints_event_is_not_found(
    owner: Client, acme: Company, hook: WebhookEndpoint
) -> None:
    [event] = happen(hook)
    other = factories.make_endpoint(acme)

    path = f"/webhooks/{other.public_id}/events/{event.public_id}"
    assert owner.get(path).status_code == 404
    assert owner.post(f"{path}/replay").status_code == 404


def test_every_change_takes_a_post_and_a_csrf_token(acme: Company, hook: WebhookEndpoint) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user(company=acme))
    path = f"/webhooks/{hook.public_id}"

    assert {client.get(f"{path}/{action}").status_code for action in ACTIONS} == {405}
    assert {client.post(f"{path}/{action}").status_code for action in ACTIONS} == {403}
    assert client.post("/webhooks", FORM).status_code == 403
    assert webhook_endpoints.of_company(acme.pk).get().secret == hook.secret


def test_the_log_takes_as_many_queries_for_many_events(
    owner: Client, hook: WebhookEndpoint, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    happen(hook)
    with CaptureQueriesContext(connection) as few:
        page(owner, hook)
    happen(hook, 20)

    with django_assert_num_queries(len(few)):
        page(owner, hook)
