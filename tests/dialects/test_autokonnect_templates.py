"""Templates through Autokonnect: listed, read, written, deleted."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client

from companies.graph.sandbox import Sandbox
from companies.models import Channel, Company, Scope
from messaging.openapi.parts import example
from templates_app import meta
from templates_app.models import Template
from tests import factories

Call = Callable[..., Any]
ORDER: dict[str, Any] = example("autokonnect/write_template.request")


@pytest.fixture
def call(client: Client, channel: Channel, key: str) -> Call:
    """`call("get", "/5", {"limit": 2})`: a path under the channel's templates."""

    def send(method: str, path: str = "", data: Any = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {more.get('key', key)}", **more.get("headers", {})}
        url = f"/api/v1/whatsapp/{more.get('channel', channel).pk}/templates{path}"
        if method == "post":
            body = orjson.dumps(data)
            return client.post(url, body, content_type="application/json", headers=headers)
        return getattr(client, method)(url, data, headers=headers)

    return send


# --- Writing --------------------------------------------------------------------------


def test_a_template_goes_to_staff_and_is_answered_as_documented(
    call: Call, channel: Channel
) -> None:
    response = call("post", data=ORDER)

    template = Template.objects.get()
    shown = response.json()
    assert response.status_code == 201
    assert shown.keys() == example("autokonnect/write_template.response").keys()
    assert (shown["id"], shown["status"], shown["warnings"]) == (template.pk, "SUBMITTED", [])
    assert (template.waba_id, template.channel) == (channel.waba_id, channel)
    assert call("get", f"/{template.pk}").json() == {
        name: value for name, value in shown.items() if name != "warnings"
    }


def test_what_reviewers_may_not_like_is_a_warning(call: Call) -> None:
    body = {"type": "BODY", "text": "See https://bit.ly/abc for your order."}

    response = call("post", data={**ORDER, "components": [body]})

    [warning] = response.json()["warnings"]
    assert response.status_code == 201
    assert (warning["code"], warning["component"]) == ("text_shortener", "components[0].text")


def test_all_errors_are_told_at_once_and_nothing_is_stored(call: Call) -> None:
    body = {"type": "BODY", "text": "{{1}}, your order is here."}

    response = call("post", data={**ORDER, "name": "Order", "components": [body]})

    answer = response.json()
    assert (response.status_code, answer["code"]) == (400, "invalid_template")
    assert [error["code"] for error in answer["errors"]] == [
        "name_invalid",
        "sample_missing",
        "body_starts_with_variable",
    ]
    assert all(error["component"] and error["message"] for error in answer["errors"])
    assert not Template.objects.exists()


def test_the_same_name_and_language_again_is_a_conflict(call: Call) -> None:
    call("post", data=ORDER)

    again = call("post", data=ORDER)

    assert (again.status_code, again.json()["code"]) == (409, "template_already_exists")


def test_a_repeated_key_gets_the_same_answer(call: Call) -> None:
    headers = {"Idempotency-Key": "template-1"}

    first, again = (call("post", data=ORDER, headers=headers) for _ in range(2))

    assert (again.status_code, again.json()) == (201, first.json())


def test_all_languages_of_a_name_have_one_category(call: Call) -> None:
    call("post", data=ORDER)

    response = call("post", data={**ORDER, "language": "sw", "category": "MARKETING"})

    assert [error["code"] for error in response.json()["errors"]] == ["category_differs"]


def test_a_deleted_template_makes_room_for_its_successor(call: Call, acme: Company) -> None:
    old = factories.make_template(
        acme, name="order_shipped", language="en", status="DELETED", graph_id="1", quality="RED"
    )

    response = call("post", data=ORDER)

    old.refresh_from_db()
    assert (response.status_code, response.json()["id"]) == (201, old.pk)
    assert (old.status, old.graph_id, old.quality) == ("SUBMITTED", "", "UNKNOWN")


# --- Reading --------------------------------------------------------------------------


def test_templates_are_filtered(call: Call, acme: Company) -> None:
    factories.make_template(acme, name="one", category="MARKETING", status="PAUSED")
    factories.make_template(acme, name="two", language="sw")
    factories.make_template(acme, name="gone", status="DELETED")

    def names(**query: str) -> list[str]:
        return [each["name"] for each in call("get", data=query).json()["templates"]]

    assert names() == ["one", "two"]
    assert names(status="PAUSED") == ["one"]
    assert names(status="DELETED") == ["gone"]
    assert names(name="two", language="sw") == ["two"]
    assert names(category="MARKETING") == ["one"]
    assert names(name="none") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"status": "approved?"}, "invalid_status"),
        ({"category": "PROMO"}, "invalid_category"),
        ({"language": "xx"}, "invalid_language"),
        ({"name": "a\x00"}, "invalid_name"),
        ({"limit": "0"}, "invalid_limit"),
        ({"after": "-1"}, "invalid_after"),
    ],
)
def test_a_wrong_query_is_named(call: Call, query: dict[str, str], code: str) -> None:
    response = call("get", data=query)

    assert (response.status_code, response.json()["code"]) == (400, code)


def test_pages_follow_each_other_at_the_same_cost(
    call: Call, acme: Company, django_assert_max_num_queries: Any
) -> None:
    made = [factories.make_template(acme).pk for _ in range(5)]

    seen, after = [], 0
    while after is not None:
        with django_assert_max_num_queries(8):
            page = call("get", data={"limit": 2, "after": after}).json()
        seen += [template["id"] for template in page["templates"]]
        after = page["next"]

    assert seen == made


# --- Whose it is ----------------------------------------------------------------------


def test_another_companys_channel_and_templates_are_out_of_reach(
    call: Call, rival: Company
) -> None:
    theirs = factories.make_template(rival)

    assert call("get", channel=rival.channels.get()).status_code == 403
    assert call("post", data=ORDER, channel=rival.channels.get()).status_code == 403
    assert call("get", f"/{theirs.pk}").json()["code"] == "template_not_found"
    assert call("get").json()["templates"] == []


@pytest.mark.parametrize("path", ["/99999", "/tpl_1", "/" + "9" * 30, "/-1"])
def test_a_template_that_is_not_there(call: Call, path: str) -> None:
    response = call("get", path)

    assert (response.status_code, response.json()["code"]) == (404, "template_not_found")


def test_a_template_of_another_account_is_not_the_channels(call: Call, acme: Company) -> None:
    template = factories.make_template(acme, waba_id="299999999999999")

    assert call("get", f"/{template.pk}").status_code == 404


def test_a_key_that_may_only_read_does_not_write(call: Call, acme: Company) -> None:
    reader = factories.make_key(acme, scopes=[Scope.READ])

    assert call("get", key=reader).status_code == 200
    assert call("post", data=ORDER, key=reader).json()["code"] == "insufficient_scope"


@pytest.mark.parametrize("status", ["PAUSED", "DISABLED", "DELETED", "REJECTED"])
def test_what_meta_stopped_is_refused_when_sent(send: Call, acme: Company, status: str) -> None:
    template = factories.make_template(acme, status=status)

    response = send(
        phone_number="+254712345678", type="template", template_id=template.pk, components=[]
    )

    assert (response.status_code, response.json()["code"]) == (400, "template_not_approved")


# --- Deleting -------------------------------------------------------------------------


@pytest.fixture
def known(acme: Company, channel: Channel, graph: Sandbox) -> Template:
    """A template that Meta has."""
    name = f"order_{uuid4().hex}"  # a deleted one's name stays taken
    created = meta.graph_of(channel).create(channel.waba_id, {**ORDER, "name": name})
    return factories.make_template(acme, name=name, language="en", graph_id=created["id"])


def at_meta(channel: Channel) -> set[str]:
    return {row["name"] for row in meta.graph_of(channel).templates(channel.waba_id)}


def test_what_meta_knows_is_deleted_there(call: Call, channel: Channel, known: Template) -> None:
    assert known.name in at_meta(channel)

    response = call("delete", f"/{known.pk}")

    assert (response.status_code, response.json()["status"]) == (200, "DELETED")
    assert known.name not in at_meta(channel)


def test_what_meta_does_not_know_is_only_marked(call: Call, acme: Company) -> None:
    template = factories.make_template(acme, status="SUBMITTED")

    responses = [call("delete", f"/{template.pk}") for _ in range(2)]

    assert [response.json()["status"] for response in responses] == ["DELETED", "DELETED"]


def test_what_is_gone_at_meta_is_deleted_all_the_same(
    call: Call, channel: Channel, known: Template
) -> None:
    meta.graph_of(channel).delete(channel.waba_id, name=known.name, graph_id=known.graph_id)

    assert call("delete", f"/{known.pk}").json()["status"] == "DELETED"


def test_what_meta_will_not_delete_stays(call: Call, graph: Sandbox, known: Template) -> None:
    graph.control("POST", "templates", {"action": "disable", "id": known.graph_id})

    response = call("delete", f"/{known.pk}")

    known.refresh_from_db()
    assert (response.status_code, response.json()["code"]) == (409, "refused_by_meta")
    assert known.status == "APPROVED"


def test_nothing_is_deleted_while_meta_is_away(call: Call, known: Template, settings: Any) -> None:
    settings.GRAPH_API_URL = "http://127.0.0.1:9"

    response = call("delete", f"/{known.pk}")

    known.refresh_from_db()
    assert (response.status_code, response.json()["code"]) == (503, "meta_unavailable")
    assert known.status == "APPROVED"


def test_nothing_is_deleted_at_meta_through_a_lost_channel(call: Call, known: Template) -> None:
    Channel.objects.update(status=Channel.Status.DISCONNECTED)

    assert call("delete", f"/{known.pk}").json()["code"] == "reconnect_waba"
