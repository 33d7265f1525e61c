from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import Channel, Company
from messaging.models import InboundMessage, Message, Status
from tests import factories

pytestmark = pytest.mark.django_db


def _find(client: Client, query: str) -> Any:
    return client.get("/search", {"q": query})


def _titles(response: Any) -> list[str]:
    return [hit.title for group in response.context["groups"] for hit in group.hits]


def test_an_id_leads_to_its_page(owner: Client, acme: Company, channel: Channel):
    message = factories.make_message(channel, status=Status.READ)
    Message.objects.filter(pk=message.pk).update(wamid="wamid.HBgMsent=")
    endpoint = factories.make_endpoint(acme)

    for query in (message.public_id, f"  {message.public_id} ", "wamid.HBgMsent="):
        assert _find(owner, query)["Location"] == f"/messages/{message.public_id}"
    batch = message.batch.public_id
    assert _find(owner, batch)["Location"] == f"/batches/{batch}"
    assert _find(owner, endpoint.public_id)["Location"] == f"/webhooks/{endpoint.public_id}"
    assert message.contact.public_id in _find(owner, message.contact.public_id)["Location"]


def test_what_somebody_wrote_leads_to_the_conversation(
    owner: Client, acme: Company, channel: Channel
):
    contact = factories.make_contact(acme)
    InboundMessage.objects.create(
        company=acme,
        channel=channel,
        contact=contact,
        wamid="wamid.in",
        type="text",
        payload={},
        sent_at=timezone.now(),
    )

    assert contact.public_id in _find(owner, "wamid.in")["Location"]


@pytest.mark.parametrize("text", ["0712345678", "+254 712 345 678", "254712345678", "0712-345678"])
def test_a_number_in_any_form_leads_to_its_person(owner: Client, acme: Company, text: str):
    contact = factories.make_contact(acme, "254712345678")
    factories.make_contact(acme, "254799999999")

    response = _find(owner, text)

    assert contact.public_id in response["Location"]


def test_several_are_listed_by_kind_with_numbers_masked(owner: Client, acme: Company):
    factories.make_contact(acme, "254712345678", name="Ameli Wanjiku")
    factories.make_contact(acme, "254712345679", name="Ameli Barasa")
    factories.make_template(acme, name="ameli_offer")

    response = _find(owner, "ameli")

    assert sorted(_titles(response)) == ["Ameli Barasa", "Ameli Wanjiku", "ameli_offer"]
    assert [group.title for group in response.context["groups"]] == ["Contacts", "Templates"]
    assert "254712345678" not in response.content.decode()


@pytest.mark.parametrize("name", ["ዓለም ተስፋዬ", "عائشة بنت خالد", "🌍 Soko"])
def test_names_in_any_script_are_found(owner: Client, acme: Company, name: str):
    contacts = [factories.make_contact(acme, name=name) for _ in range(2)]

    response = _find(owner, name.split()[0])

    assert _titles(response) == [name] * len(contacts)


def test_a_request_id_leads_to_what_was_sent_with_it(owner: Client, channel: Channel):
    batch = factories.make_batch(channel, request_id="order-77412")
    factories.make_batch(channel, request_id="order-77413")

    assert _find(owner, "order-77412")["Location"] == f"/batches/{batch.public_id}"


def test_nothing_of_another_company_is_found(
    stranger: Client, acme: Company, channel: Channel, rival: Company
):
    message = factories.make_message(channel, recipient="254712345678")
    Message.objects.filter(pk=message.pk).update(wamid="wamid.ours")
    contact = factories.make_contact(acme, name="Secret Person")
    template = factories.make_template(acme, name="secret_offer")
    endpoint = factories.make_endpoint(acme)
    factories.make_batch(channel, request_id="secret-request")

    for query in (
        message.public_id,
        message.batch.public_id,
        contact.public_id,
        template.public_id,
        endpoint.public_id,
        "wamid.ours",
        "+254712345678",
        "secret",
        "secret_offer",
        "secret-request",
    ):
        response = _find(stranger, query)
        assert response.status_code == 200, query
        assert b"Nothing found" in response.content, query


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "zzz",
        "msg_zzzzzzzzzzzzz",
        "batch_",
        "_",
        "wamid.",
        "%",
        "\x00",
        "'\"<script>",
        "9" * 300,
    ],
)
def test_whatever_is_asked_for_is_answered(owner: Client, query: str):
    response = _find(owner, query)

    assert response.status_code == 200
    assert b"<script>" not in response.content
    assert b"msg_" in response.content  # what can be searched for
