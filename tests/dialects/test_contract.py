"""What every dialect must do, whatever its words: the suite that a new one passes before it is taken."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from companies.models import Channel, Company
from contacts.models import Contact
from messaging.dialects import DIALECTS
from messaging.models import Batch, Message
from templates_app.models import Template
from tests import factories

Body = dict[str, Any]
NUMBER = "256701234567"
LINK = "https://files.example.com/photo.jpg"


def bearer(key: str) -> str:
    return f"Bearer {key}"


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key[:13]}:{key[13:]}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One vendor's way of asking, and the words of its answers."""

    path: Callable[[Channel], str]
    auth: Callable[[str], str] | None  # None: the key is in the body, as api_key
    text: Body
    media: Body | None
    template: Callable[[Template], Body]
    greeting: Callable[[Template, str], Body]  # a template whose one variable is this text
    # What can't be sent in this vendor's words, and must not be dropped in silence.
    refused: list[Body]
    elsewhere: str
    shape: Callable[[Body], Any]  # the stable code of an error; raises KeyError on another shape
    codes: dict[str, tuple[int, Any]] = field(default_factory=dict)


def autokonnect_template(template: Template) -> Body:
    return {
        "phone_number": NUMBER,
        "type": "template",
        "template_id": template.pk,
        "components": [],
    }


def body_of(text: str) -> list[Body]:
    return [{"type": "body", "parameters": [{"type": "text", "text": text}]}]


def inner(answer: Body) -> Any:
    [name] = answer
    assert name == "error"
    return answer["error"]["code"]


def numbered(answer: Body) -> int:
    assert set(answer) == {"code", "message"}
    return int(answer["code"])


def worded(answer: Body) -> str:
    assert set(answer) == {"code", "message"}
    return str(answer["code"])


def socnet(answer: Body) -> int:
    assert set(answer) - {"data"} == {"message", "status"}
    return int(answer["status"])


CONTRACTS = {
    "autokonnect": Contract(
        path=lambda channel: f"/api/v1/whatsapp/{channel.pk}/messages",
        auth=bearer,
        text={"phone_number": NUMBER, "type": "text", "message": "Hi"},
        media={"phone_number": NUMBER, "type": "image", "link": LINK, "caption": "Look"},
        template=autokonnect_template,
        greeting=lambda template, text: {
            **autokonnect_template(template),
            "components": body_of(text),
        },
        refused=[
            {"phone_number": NUMBER, "type": "audio", "link": LINK, "caption": "Listen"},
            {"phone_number": NUMBER, "type": "sticker", "link": LINK},
        ],
        elsewhere="/api/v1/nothing",
        shape=worded,
        codes={
            "no key": (401, "invalid_auth_header"),
            "wrong key": (401, "invalid_api_key"),
            "no credit": (403, "insufficient_credits"),
            "opted out": (400, "no_valid_recipients"),
            "suspended": (403, "company_suspended"),
            "out of scope": (403, "insufficient_scope"),
            "disconnected": (400, "reconnect_waba"),
            "over the day's limit": (429, "rate_limit_exceeded"),
            "too often": (429, "rate_limit_exceeded"),
            "unknown template": (404, "template_not_found"),
            "unapproved template": (400, "template_not_approved"),
            "misfit": (400, "invalid_components"),
            "misspelt placeholder": (400, "invalid_components"),
            "same key, other body": (409, "idempotency_conflict"),
            "not json": (400, "invalid_body"),
            "not an object": (400, "invalid_body"),
            "too large": (413, "payload_too_large"),
            "a form": (415, "unsupported_media_type"),
            "wrong method": (405, "method_not_allowed"),
            "unknown path": (404, "not_found"),
            "our fault": (500, "internal_error"),
        },
    ),
    "whatssync": Contract(
        path=lambda channel: "/api/v1/messages",
        auth=bearer,
        text={"to": NUMBER, "type": "text", "text": "Hi"},
        media={"to": NUMBER, "type": "image", "image": {"url": LINK, "caption": "Look"}},
        template=lambda template: {
            "to": NUMBER,
            "type": "template",
            "template": {"name": template.name, "language": {"code": template.language}},
        },
        greeting=lambda template, text: {
            "to": NUMBER,
            "type": "template",
            "template": {
                "name": template.name,
                "language": {"code": template.language},
                "components": body_of(text),
            },
        },
        refused=[
            {"to": NUMBER, "type": "audio", "audio": {"url": LINK, "caption": "Listen"}},
            {"to": NUMBER, "type": "sticker", "sticker": {"url": LINK}},
        ],
        # The paths under /api are the primary contract's where nobody else has them.
        elsewhere="",
        shape=inner,
        codes={
            "no key": (401, "invalid_api_key"),
            "wrong key": (401, "invalid_api_key"),
            "no credit": (403, "insufficient_credits"),
            "opted out": (400, "recipient_opted_out"),
            "suspended": (403, "company_suspended"),
            "out of scope": (403, "insufficient_scope"),
            "disconnected": (400, "reconnect_waba"),
            "over the day's limit": (429, "rate_limit_exceeded"),
            "too often": (429, "rate_limit_exceeded"),
            "unknown template": (404, "template_not_found"),
            "unapproved template": (400, "template_not_approved"),
            "misfit": (400, "invalid_components"),
            "misspelt placeholder": (400, "invalid_components"),
            "same key, other body": (409, "idempotency_conflict"),
            "not json": (400, "invalid_body"),
            "not an object": (400, "invalid_body"),
            "too large": (413, "payload_too_large"),
            "a form": (415, "unsupported_media_type"),
            "wrong method": (405, "method_not_allowed"),
            "our fault": (500, "internal_error"),
        },
    ),
    "amanahagent": Contract(
        path=lambda channel: "/v1/messages",
        auth=bearer,
        text={"to": NUMBER, "type": "text", "message": "Hi"},
        media={"to": NUMBER, "type": "media", "media_url": LINK, "message": "Look"},
        template=lambda template: {
            "to": NUMBER,
            "type": "template",
            "template_id": template.public_id,
        },
        greeting=lambda template, text: {
            "to": NUMBER,
            "type": "template",
            "template_id": template.public_id,
            "components": body_of(text),
        },
        refused=[
            {"to": [NUMBER, "256701234568"], "type": "text", "message": "Hi"},
            {"to": NUMBER, "type": "text", "message": "Hi", "media_url": LINK},
            {"to": NUMBER, "type": "interactive", "message": "Hi"},
        ],
        elsewhere="/v1/nothing",
        shape=inner,
        codes={
            "no key": (401, "INVALID_API_KEY"),
            "wrong key": (401, "INVALID_API_KEY"),
            "no credit": (403, "INSUFFICIENT_CREDITS"),
            "opted out": (400, "RECIPIENT_OPTED_OUT"),
            "suspended": (403, "COMPANY_SUSPENDED"),
            "out of scope": (403, "INSUFFICIENT_SCOPE"),
            "disconnected": (400, "RECONNECT_WABA"),
            "over the day's limit": (429, "RATE_LIMIT_EXCEEDED"),
            "too often": (429, "RATE_LIMIT_EXCEEDED"),
            "unknown template": (404, "TEMPLATE_NOT_FOUND"),
            "unapproved template": (400, "TEMPLATE_NOT_APPROVED"),
            "misfit": (400, "INVALID_COMPONENTS"),
            "misspelt placeholder": (400, "INVALID_COMPONENTS"),
            "same key, other body": (409, "IDEMPOTENCY_CONFLICT"),
            "not json": (400, "INVALID_BODY"),
            "not an object": (400, "INVALID_BODY"),
            "too large": (413, "PAYLOAD_TOO_LARGE"),
            "a form": (415, "UNSUPPORTED_MEDIA_TYPE"),
            "wrong method": (405, "METHOD_NOT_ALLOWED"),
            "unknown path": (404, "NOT_FOUND"),
            "our fault": (500, "INTERNAL_SERVER_ERROR"),
        },
    ),
    "engagelab": Contract(
        path=lambda channel: "/v1/messages",
        auth=basic,
        text={"to": [NUMBER], "body": {"type": "text", "text": {"body": "Hi"}}},
        media={
            "to": NUMBER,
            "body": {"type": "image", "image": {"link": LINK, "caption": "Look"}},
        },
        template=lambda template: {
            "to": NUMBER,
            "body": {
                "type": "template",
                "template": {"name": template.name, "language": template.language},
            },
        },
        greeting=lambda template, text: {
            "to": NUMBER,
            "body": {
                "type": "template",
                "template": {
                    "name": template.name,
                    "language": template.language,
                    "components": body_of(text),
                },
            },
        },
        refused=[
            {
                "to": NUMBER,
                "body": {"type": "audio", "audio": {"link": LINK, "caption": "Listen"}},
            },
            {
                "to": NUMBER,
                "body": {"type": "sticker", "sticker": {"link": LINK, "caption": "Look"}},
            },
            {"to": [NUMBER, "abc"], "body": {"type": "text", "text": {"body": "Hi"}}},
            {"to": NUMBER, "body": {"type": "location", "location": {}}},
        ],
        elsewhere="",
        shape=numbered,
        codes={
            "wrong key": (401, 2002),
            "no credit": (403, 2006),
            "opted out": (400, 3003),
            "suspended": (403, 2004),
            "out of scope": (403, 2004),
            "disconnected": (400, 2003),
            "over the day's limit": (429, 2005),
            "too often": (429, 2005),
            "unknown template": (400, 4001),
            "unapproved template": (400, 3003),
            "misfit": (400, 3002),
            "misspelt placeholder": (400, 3003),
            "same key, other body": (409, 3003),
            "not json": (400, 3001),
            "not an object": (400, 3001),
            "too large": (413, 3003),
            "a form": (415, 3001),
            "wrong method": (405, 3001),
            "our fault": (500, 1000),
        },
    ),
    "socnet": Contract(
        path=lambda channel: "/projects/bulk/whatsapp/api.php",
        auth=None,
        text={"msisdn": NUMBER, "msg": "Hi"},
        media=None,
        template=lambda template: {"msisdn": NUMBER, "msg": "Hi", "template": template.name},
        greeting=lambda template, text: {
            "msisdn": NUMBER,
            "msg": text,
            "template": template.name,
        },
        refused=[
            {"msisdn": [NUMBER], "msg": "Hi"},
            {"msisdn": NUMBER, "msg": "Hi", "image": LINK},
        ],
        elsewhere="/projects/nothing",
        shape=socnet,
        codes={
            "no key": (400, 400),
            "wrong key": (401, 401),
            "no credit": (403, 403),
            "opted out": (422, 422),
            "suspended": (403, 403),
            "out of scope": (403, 403),
            "disconnected": (503, 503),
            "over the day's limit": (429, 429),
            "too often": (429, 429),
            "unknown template": (404, 404),
            "unapproved template": (422, 422),
            "misfit": (422, 422),
            "misspelt placeholder": (422, 422),
            "same key, other body": (409, 409),
            "not json": (400, 400),
            "not an object": (400, 400),
            "too large": (413, 413),
            "a form": (415, 415),
            "wrong method": (405, 405),
            "unknown path": (404, 404),
            "our fault": (500, 500),
        },
    ),
}


@dataclass(frozen=True)
class Vendor:
    """A client of one vendor's, with acme's key."""

    contract: Contract
    client: Client
    channel: Channel
    key: str

    def post(self, body: Body, *, key: str | None = None, headers: Body | None = None) -> Any:
        key = self.key if key is None else key
        if not self.contract.auth:
            body = {"api_key": key, **body} if key else body
        return self.raw(json.dumps(body).encode(), key=key, headers=headers)

    def raw(
        self,
        body: Any,
        *,
        key: str | None = None,
        headers: Body | None = None,
        content_type: str = "application/json",
    ) -> Any:
        key = self.key if key is None else key
        sent = {**(headers or {})}
        if self.contract.auth and key:
            sent["Authorization"] = self.contract.auth(key)
        return self.client.post(
            self.contract.path(self.channel), body, content_type=content_type, headers=sent
        )

    def expect(self, case: str, response: Any) -> None:
        """The status and code of this case, in this vendor's shape, with what all answers carry."""
        assert response["Content-Type"] == "application/json"
        code = self.contract.shape(response.json())
        assert (response.status_code, code) == self.contract.codes[case]
        for header in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"):
            assert response[header].isdigit()
        assert response["X-Request-Id"]


@pytest.fixture(params=list(DIALECTS))
def vendor(request: Any, client: Client, channel: Channel, key: str) -> Vendor:
    contract = CONTRACTS[request.param]
    return Vendor(contract, client, channel, key)


@pytest.fixture
def plain(acme: Company, channel: Channel) -> Template:
    """A template without variables."""
    return factories.make_template(acme, components=[{"type": "BODY", "text": "Hello there"}])


def test_every_dialect_has_its_contract_here() -> None:
    assert set(CONTRACTS) == set(DIALECTS)


def test_text_media_and_templates_are_accepted(vendor: Vendor, plain: Template) -> None:
    bodies = [vendor.contract.text, vendor.contract.template(plain), vendor.contract.media]
    wanted = [body for body in bodies if body]

    answers = [vendor.post(body) for body in wanted]

    assert [answer.status_code for answer in answers] == [200] * len(wanted)
    kinds = list(Batch.objects.order_by("pk").values_list("content_type", flat=True))
    assert kinds == ["text", "template", "image"][: len(wanted)]
    slugs = {slug for slug, contract in CONTRACTS.items() if contract is vendor.contract}
    assert set(Batch.objects.values_list("dialect", flat=True)) == slugs
    assert set(Message.objects.values_list("recipient", flat=True)) == {NUMBER}


def test_what_it_cannot_express_is_refused_and_nothing_sent(vendor: Vendor) -> None:
    for body in vendor.contract.refused:
        response = vendor.post(body)
        assert 400 <= response.status_code < 500, body
        vendor.contract.shape(response.json())
    assert not Batch.objects.exists()


def test_missing_wrong_revoked_and_expired_keys(vendor: Vendor, acme: Company) -> None:
    revoked = factories.make_key(acme)
    factories.keys.revoke(factories.key_row(revoked))
    expired = factories.make_key(acme, expires_at=timezone.now())
    wrong = vendor.key[:-1] + ("a" if vendor.key[-1] != "a" else "b")

    answers = [vendor.post(vendor.contract.text, key=text) for text in (wrong, revoked, expired)]

    for answer in answers:
        vendor.expect("wrong key", answer)
    assert len({answer.content for answer in answers}) == 1
    if "no key" in vendor.contract.codes:
        vendor.expect("no key", vendor.post(vendor.contract.text, key=""))
    assert not Batch.objects.exists()


def test_without_credit(vendor: Vendor, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(prices={"SERVICE": acme.credits + 1})

    vendor.expect("no credit", vendor.post(vendor.contract.text))

    assert not Message.objects.exists()
    acme.refresh_from_db()
    assert acme.credits == 1_000_000


def test_to_somebody_who_opted_out(vendor: Vendor, acme: Company) -> None:
    factories.make_contact(acme, NUMBER, opted_out_at=timezone.now())

    vendor.expect("opted out", vendor.post(vendor.contract.text))


def test_of_a_suspended_company(vendor: Vendor, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(status=Company.Status.SUSPENDED)

    vendor.expect("suspended", vendor.post(vendor.contract.text))


def test_with_a_key_that_may_only_read(vendor: Vendor, acme: Company) -> None:
    reader = factories.make_key(acme, scopes=["read"])

    vendor.expect("out of scope", vendor.post(vendor.contract.text, key=reader))
    assert not Batch.objects.exists()


def test_what_ended_a_moment_ago_is_refused_at_once(vendor: Vendor, acme: Company) -> None:
    """Keys and channels are remembered for seconds; what is stored proves that they still hold."""
    Company.objects.filter(pk=acme.pk).update(requests_per_minute=1000)

    def after(case: str) -> None:
        vendor.expect(case, vendor.post(vendor.contract.text))

    def goes_through() -> None:
        assert vendor.post(vendor.contract.text).status_code == 200
        assert vendor.post(vendor.contract.text).status_code == 200

    goes_through()
    Channel.objects.update(status=Channel.Status.DISCONNECTED)
    after("disconnected")
    Channel.objects.update(status=Channel.Status.CONNECTED)
    goes_through()
    Company.objects.filter(pk=acme.pk).update(status=Company.Status.SUSPENDED)
    after("suspended")
    Company.objects.filter(pk=acme.pk).update(status=Company.Status.ACTIVE)
    goes_through()
    Contact.objects.update(opted_out_at=timezone.now())
    after("opted out")
    Contact.objects.update(opted_out_at=None)
    goes_through()
    Channel.objects.update(daily_limit=1)
    assert vendor.post(vendor.contract.text).status_code == 200
    after("over the day's limit")
    Channel.objects.update(daily_limit=None)
    goes_through()
    factories.keys.revoke(factories.key_row(vendor.key))
    after("wrong key")
    assert Message.objects.count() == 11


def test_the_limit_is_exact_for_messages_that_go_the_short_way(
    vendor: Vendor, acme: Company
) -> None:
    Company.objects.filter(pk=acme.pk).update(requests_per_minute=5)

    answers = [vendor.post(vendor.contract.text) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [answer["X-RateLimit-Remaining"] for answer in answers[:5]] == list("43210")
    vendor.expect("too often", answers[-1])
    assert Message.objects.count() == 5


def test_from_a_disconnected_channel(vendor: Vendor) -> None:
    Channel.objects.update(status=Channel.Status.DISCONNECTED)

    vendor.expect("disconnected", vendor.post(vendor.contract.text))


def test_over_the_channels_daily_limit(vendor: Vendor) -> None:
    Channel.objects.update(daily_limit=1)

    first, second = vendor.post(vendor.contract.text), vendor.post(vendor.contract.text)

    assert first.status_code == 200
    vendor.expect("over the day's limit", second)
    assert second["Retry-After"]


def test_more_often_than_the_key_may(vendor: Vendor, acme: Company) -> None:
    Company.objects.filter(pk=acme.pk).update(requests_per_minute=1)

    first, second = vendor.post(vendor.contract.text), vendor.post(vendor.contract.text)

    assert first.status_code == 200
    vendor.expect("too often", second)
    assert 1 <= int(second["Retry-After"]) <= 60


def test_only_a_429_asks_to_come_back_later(vendor: Vendor, settings: Any) -> None:
    settings.AUTH_FAILURES_PER_MINUTE = 1
    first, second = (vendor.post(vendor.contract.text, key="tuma_wrong") for _ in range(2))
    other = vendor.client.get(vendor.contract.path(vendor.channel))

    assert [first.status_code, second.status_code, other.status_code] == [401, 429, 405]
    assert ["Retry-After" in answer for answer in (first, second, other)] == [False, True, False]
    assert other["X-RateLimit-Remaining"] == "0"


def test_with_a_template_that_may_not_be_sent(
    vendor: Vendor, acme: Company, plain: Template
) -> None:
    unapproved = factories.make_template(acme, status=Template.Status.PENDING)
    misfit = factories.make_template(
        acme, components=[{"type": "BODY", "text": "Hello {{1}}, on {{2}} we close."}]
    )

    vendor.expect("unapproved template", vendor.post(vendor.contract.template(unapproved)))
    vendor.expect("misfit", vendor.post(vendor.contract.template(misfit)))
    lost = vendor.contract.template(plain)
    plain.delete()
    vendor.expect("unknown template", vendor.post(lost))
    assert not Batch.objects.exists()


def test_a_misspelt_placeholder_is_refused_before_anything_is_queued(
    vendor: Vendor, acme: Company
) -> None:
    greeting = factories.make_template(acme)

    refused = vendor.post(vendor.contract.greeting(greeting, "dear {{contact.nmae}}"))

    vendor.expect("misspelt placeholder", refused)
    assert "{{contact.nmae}} is unknown: there are {{contact.name}}" in refused.content.decode()
    assert not Batch.objects.exists()

    answer = vendor.post(vendor.contract.greeting(greeting, "dear {{contact.name|friend}}"))

    assert answer.status_code == 200
    assert Batch.objects.get().is_personal


def test_again_with_the_same_idempotency_key(vendor: Vendor) -> None:
    headers = {"Idempotency-Key": "order-1"}
    other = json.loads(json.dumps(vendor.contract.text).replace("Hi", "Ho"))

    first, again, changed = (
        vendor.post(body, headers=headers)
        for body in (vendor.contract.text, vendor.contract.text, other)
    )

    assert first.status_code == 200
    assert (again.status_code, again.json()) == (200, first.json())
    vendor.expect("same key, other body", changed)
    assert Message.objects.count() == 1


def test_again_with_the_same_idempotency_key_when_it_could_not_be_sent_any_more(
    vendor: Vendor, channel: Channel
) -> None:
    headers = {"Idempotency-Key": "order-1"}

    first = vendor.post(vendor.contract.text, headers=headers)
    Channel.objects.filter(pk=channel.pk).update(status=Channel.Status.DISCONNECTED)
    again = vendor.post(vendor.contract.text, headers=headers)

    assert (again.status_code, again.json()) == (200, first.json())


def test_with_the_same_idempotency_key_and_another_body_that_is_wrong(vendor: Vendor) -> None:
    headers = {"Idempotency-Key": "order-1"}

    vendor.post(vendor.contract.text, headers=headers)
    wrong = vendor.post({"nonsense": 1}, headers=headers)

    vendor.expect("same key, other body", wrong)


BODIES = {
    "not json": [b"{", b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": "\xff"}', b'{"a":' * 5000],
    "not an object": [b"[]", b"5", b"null", b'"text"'],
    "too large": [b'"' + b"x" * 10_000_000 + b'"'],
}


@pytest.mark.parametrize("case", BODIES)
def test_with_a_body_that_is_none(vendor: Vendor, case: str) -> None:
    for body in BODIES[case]:
        vendor.expect(case, vendor.raw(body))
    assert not Batch.objects.exists()


def test_with_a_form_instead_of_json(vendor: Vendor) -> None:
    form = vendor.raw(b"to=256701234567&msg=Hi", content_type="application/x-www-form-urlencoded")

    vendor.expect("a form", form)


# Every value of every field in turn becomes one of these.
NONSENSE: list[Any] = [
    None, "", " ", "x" * 300, 0, -1, 1.5, 10**30, True, [], [[]], {}, {"a": {}}, [""],
    "\x00", "٣", "\u2060", "%00", "'; --", "http://[", "media_0000000000000",
]  # fmt: skip


def test_nonsense_in_any_place_is_never_our_fault(vendor: Vendor, plain: Template) -> None:
    bodies = [vendor.contract.text, vendor.contract.template(plain), vendor.contract.media]
    for body in filter(None, bodies):
        for changed in _each_place_changed(body):
            response = vendor.post(changed)
            assert response.status_code < 500, changed
            if response.status_code != 200:
                vendor.contract.shape(response.json())


def _each_place_changed(value: Any) -> Any:
    if isinstance(value, dict):
        for name, held in value.items():
            for changed in [*NONSENSE, *_each_place_changed(held)]:
                yield {**value, name: changed}
    elif isinstance(value, list) and value:
        for changed in [*NONSENSE, *_each_place_changed(value[0])]:
            yield [changed, *value[1:]]


def test_by_another_method(vendor: Vendor) -> None:
    path = vendor.contract.path(vendor.channel)
    headers = {"Authorization": vendor.contract.auth(vendor.key)} if vendor.contract.auth else {}

    for method in ("get", "put", "delete", "patch"):
        response = getattr(vendor.client, method)(path, headers=headers)
        vendor.expect("wrong method", response)
        assert response["Allow"] == "POST"


def test_at_a_path_that_leads_nowhere(vendor: Vendor) -> None:
    if vendor.contract.elsewhere:
        for path in (vendor.contract.elsewhere, f"{vendor.contract.elsewhere}%0Aelse"):
            vendor.expect("unknown path", vendor.client.post(path))


def test_an_error_of_ours_shows_nothing_of_itself(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("messaging.services.accept", fail)

    response = vendor.post(vendor.contract.text)

    vendor.expect("our fault", response)
    assert b"secret" not in response.content
    assert b"Traceback" not in response.content


def test_nothing_of_another_company_can_be_used_or_seen(
    vendor: Vendor, rival: Company, acme: Company
) -> None:
    theirs = factories.make_template(
        rival, name="secret_name", components=[{"type": "BODY", "text": "Secret words"}]
    )
    factories.make_contact(rival, NUMBER, opted_out_at=timezone.now(), name="Secret name")

    template = vendor.post(vendor.contract.template(theirs))
    sent = vendor.post(vendor.contract.text)

    vendor.expect("unknown template", template)
    assert b"Secret" not in template.content
    # Their opt-out is between them and the person.
    assert sent.status_code == 200
    assert set(Batch.objects.values_list("company_id", flat=True)) == {acme.pk}
    rival.refresh_from_db()
    assert rival.credits == 1_000_000


def test_while_the_database_is_away(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr("config.sql.fetch", away)
    monkeypatch.setattr("config.sql.run", away)
    monkeypatch.setattr("companies.limits.peek", away)

    response = vendor.post(vendor.contract.text)

    assert response["Content-Type"] == "application/json"
    code = vendor.contract.shape(response.json())
    assert (response.status_code, code) == vendor.contract.codes["our fault"]
