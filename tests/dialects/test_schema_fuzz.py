"""Whatever the document allows, and what it forbids, is sent to every operation; each answer must be one
that the document knows. Always the same requests: a failure here is one that comes back.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.files.storage import default_storage
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection

from companies.models import Channel, Company
from config import public_ids
from contacts.models import Contact
from messaging import media, webhook_endpoints
from messaging.models import Media, WebhookDelivery, WebhookEndpoint
from messaging.openapi.document import document
from templates_app.models import Template
from tests import factories

# The rows that requests name go by numbers known beforehand.
PK = 7_000_042
PHONE = "+254712345678"
SENDER = "+254700000042"
PDF = b"%PDF-1.4\n%%EOF"
KEY = "tuma_" + "K" * 27  # in its place goes the company's own
TEMPLATE = "known_template"
KNOWN: dict[str, list[Any]] = {
    "channel_id": [PK],
    "batch_id": [public_ids.encode("batch", PK)],
    "message_id": [public_ids.encode("msg", PK)],
    "media_id": [public_ids.encode("media", PK)],
    "webhook_id": [public_ids.encode("wh", PK)],
    "event_id": [public_ids.encode("evt", PK)],
    "media_url": [public_ids.encode("media", PK), "https://example.com/a.jpg"],
    "phone": [PHONE],
    "phone_number": [PHONE, [PHONE, "0712345679", "none"]],
    "to": [PHONE],
    "msisdn": ["256701234567"],
    "contact_tag_id": [PK],
    "template_id": [PK, public_ids.encode("tpl", PK)],
    "template": [TEMPLATE],
    "from": [SENDER],
    "api_key": [KEY],
    "limit": [1],
    "period": ["7d"],
}
# A phone number, a template's name, a cursor …: what is right there, no schema can say.
_CHECKS = {"positive_data_acceptance": {"enabled": False}}
EVERYTHING = {
    "seed": 1,
    "generation": {
        "deterministic": True,
        "max-examples": 25,
        "no-shrink": True,
        "with-security-parameters": False,
    },
    "phases": {"stateful": {"enabled": False}},
    "checks": _CHECKS,
}
EXAMPLES = {
    **EVERYTHING,
    "phases": {name: {"enabled": False} for name in ("coverage", "fuzzing", "stateful")},
}


def _with_known(node: Any) -> Any:
    """The document, where the names of `KNOWN` allow what they allowed, and our own rows first."""
    if isinstance(node, list):
        return [_with_known(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _with_known(value) for key, value in node.items()}
    if made.keys() >= {"from", "to", "body"}:
        made["from"] = SENDER  # the printed one belongs to nobody
    if isinstance(made.get("api_key"), str):
        made["api_key"] = KEY
    if made.get("in") in ("path", "query") and made["name"] in KNOWN:
        made["schema"] = _either(made["name"], made["schema"])
        made["example"] = KNOWN[made["name"]][0]
    if isinstance(made.get("properties"), dict):
        for name in made["properties"].keys() & KNOWN:
            made["properties"][name] = _either(name, made["properties"][name])
    return made


def _either(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if "type" in schema and schema["type"] == "object" or "properties" in schema:
        return schema
    return {"anyOf": [{"enum": KNOWN[name]}, schema]}


_DOCUMENT = document("http://testserver")
_OURS = {**_DOCUMENT, "paths": _with_known(_DOCUMENT["paths"])}
_OURS["components"] = {
    **_DOCUMENT["components"],
    "schemas": {
        name: shape if name.endswith(("Error", "Accepted")) else _with_known(shape)
        for name, shape in _DOCUMENT["components"]["schemas"].items()
    },
}


def _api(config: dict[str, Any]) -> BaseSchema:
    schema = schemathesis.openapi.from_dict(_OURS, config=SchemathesisConfig.from_dict(config))
    schema.app = WSGIHandler()
    return schema


api, printed = _api(EVERYTHING), _api(EXAMPLES)
one_request_after_another = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def company(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Company:
    """A company with one row of everything that a request can name."""
    settings.AUTH_FAILURES_PER_MINUTE = 1_000_000
    monkeypatch.setattr("config.safe_http._look_up", lambda host, port: [])
    company = factories.make_company(requests_per_minute=1_000_000)
    channel = factories.make_channel(company, pk=PK, phone_number=SENDER)
    batch = factories.make_batch(channel, pk=PK)
    factories.make_message(channel, pk=PK, recipient=PHONE[1:], batch=batch)
    factories.make_tag(company, factories.make_contact(company))
    factories.make_template(company, pk=PK, name=TEMPLATE)
    stored = media.store(company_id=company.pk, file=BytesIO(PDF), filename="a.pdf")
    Media.objects.filter(pk=stored.pk).update(id=PK)
    hook = factories.make_endpoint(company, pk=PK)
    webhook_endpoints.send_test(hook, now=timezone.now())
    WebhookDelivery.objects.filter(endpoint=hook).update(id=PK)
    return company


@pytest.fixture
def own_key(company: Company) -> str:
    return factories.make_key(company)


@pytest.fixture
def open_transaction() -> Iterator[None]:
    """Between requests the server closes what is old; here that is the test's own connection."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@api.parametrize()
@one_request_after_another
def test_every_answer_is_one_that_the_document_knows(
    case: Case, own_key: str, open_transaction: None
) -> None:
    # An empty parameter is one that was not given, and in a form everything is text.
    is_empty = "" in (case.query or {}).values()
    is_form = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    became_text = is_form and not isinstance(case.body.get("filename", ""), str)
    is_fine = is_empty or became_text
    _call(case, own_key, excluded_checks=[negative_data_rejection] if is_fine else [])


def _suspended(company: Company) -> None:
    Company.objects.filter(pk=company.pk).update(status=Company.Status.SUSPENDED)


def _broke(company: Company) -> None:
    Company.objects.filter(pk=company.pk).update(credits=0)


def _only_read_by(company: Company) -> None:
    company.api_keys.update(scopes=["read"])


def _disconnected(company: Company) -> None:
    company.channels.update(status=Channel.Status.DISCONNECTED)


def _all_off(company: Company) -> None:
    company.templates.update(status=Template.Status.PENDING)
    WebhookEndpoint.objects.update(status=WebhookEndpoint.Status.DISABLED)
    Contact.objects.update(opted_out_at=timezone.now())
    default_storage.delete(Media.objects.get().storage_name)


@pytest.mark.parametrize("befall", [_suspended, _broke, _only_read_by, _disconnected, _all_off])
@printed.parametrize()
@one_request_after_another
def test_so_is_every_answer_to_a_company_in_trouble(
    case: Case,
    befall: Callable[[Company], None],
    company: Company,
    own_key: str,
    open_transaction: None,
) -> None:
    befall(company)
    _call(case, own_key)


@printed.parametrize()
@one_request_after_another
def test_so_is_every_answer_to_who_asks_too_often(
    case: Case, company: Company, own_key: str, open_transaction: None
) -> None:
    Company.objects.filter(pk=company.pk).update(requests_per_minute=1)
    with _authorized(case, own_key) as headers:
        case.call(headers=headers)  # the one that it may make
    response = _call(case, own_key)
    assert response.status_code == 429


@pytest.mark.parametrize("key", ["", "tuma_" + "x" * 27, "x"])
@printed.parametrize()
@one_request_after_another
def test_who_has_no_key_or_a_wrong_one_is_told_so(
    case: Case, key: str, company: Company, open_transaction: None
) -> None:
    response = _call(case, key)
    # To Socnet, a key that isn't there is a parameter that is missing.
    is_missing = key == "" and "Socnet" in case.operation.tags
    assert response.status_code == (400 if is_missing else 401)


def _call(case: Case, key: str, **how: Any) -> Any:
    with transaction.atomic(), _authorized(case, key) as headers:
        response = case.call_and_validate(headers=headers, **how)
        # Each request finds the same rows.
        transaction.set_rollback(True)
    return response


@contextmanager
def _authorized(case: Case, key: str) -> Iterator[dict[str, str]]:
    """Headers with the key; where the body has a place for it, it goes in there, for as long as this."""
    body = case.body
    fields = body if isinstance(body, dict) else {}
    if fields.get("api_key") == KEY:
        case.body = {**fields, "api_key": key}
    # On the path that two contracts share, the scheme goes by the body.
    pair = b64encode(f"{key[:13]}:{key[13:]}".encode()).decode()
    is_basic = "body" in fields or "from" in fields
    yield {"Authorization": f"Basic {pair}" if is_basic else f"Bearer {key}"}
    case.body = body
