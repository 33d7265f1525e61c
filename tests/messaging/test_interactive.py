"""What Meta takes as interactive, and the field and limit that each refusal names."""

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest

from messaging.interactive import InvalidInteractive, check

FIXTURES = Path(__file__).parents[1] / "fixtures/autokonnect"


def example(name: str) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads((FIXTURES / f"interactive_{name}.json").read_bytes())
    return content["interactive"]  # type: ignore[no-any-return]


def changed(name: str, path: str, value: Any) -> dict[str, Any]:
    """An example with one field changed: `changed("list", "action.button", "x")`."""
    content = copy.deepcopy(example(name))
    *parents, last = path.split(".")
    target: Any = content
    for part in parents:
        target = target[int(part)] if part.isdigit() else target[part]
    if value is None:
        del target[last]
    else:
        target[int(last) if last.isdigit() else last] = value
    return content


def row(number: int) -> dict[str, str]:
    return {"id": str(number), "title": f"Row {number}"}


def reply(number: int) -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": str(number), "title": f"Button {number}"}}


FLOW = {"flow_message_version": "3", "flow_cta": "Go", "flow_id": "1"}


def flow(**parameters: Any) -> dict[str, Any]:
    action = {"name": "flow", "parameters": {**FLOW, **parameters}}
    return {"type": "flow", "body": {"text": "Book"}, "action": action}


def card(number: int, **fields: Any) -> dict[str, Any]:
    parameters = {"display_text": "Open", "url": "https://a.example"}
    return {
        "card_index": number,
        "type": "cta_url",
        "header": {"type": "image", "image": {"link": "https://a.example/a.jpg"}},
        "action": {"name": "cta_url", "parameters": parameters},
        **fields,
    }


def carousel(*cards: dict[str, Any]) -> dict[str, Any]:
    return {"type": "carousel", "body": {"text": "Look"}, "action": {"cards": list(cards)}}


@pytest.mark.parametrize("name", ["button", "list", "product_list", "product"])
def test_the_documents_examples_pass(name: str) -> None:
    assert check(example(name)) == example(name)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("text", "interactive"),
        ({}, "interactive.type"),
        ({"type": "poll"}, "interactive.type"),
        (changed("button", "body", None), "interactive.body"),
        (changed("button", "body.text", ""), "interactive.body.text"),
        (changed("button", "body.text", "x" * 1025), "interactive.body.text"),
        (
            changed("button", "action.buttons", [reply(n) for n in range(4)]),
            "interactive.action.buttons",
        ),
        (changed("button", "action.buttons", []), "interactive.action.buttons"),
        (changed("button", "action.buttons", [reply(1), reply(1)]), "interactive.action.buttons"),
        (
            changed("button", "action.buttons.0.reply.title", "x" * 21),
            "interactive.action.buttons[0].reply.title",
        ),
        (
            changed("button", "action.buttons.1.reply.id", "x" * 257),
            "interactive.action.buttons[1].reply.id",
        ),
        (changed("button", "action.buttons.0.type", "url"), "interactive.action.buttons[0].type"),
        ({**example("button"), "footer": {"text": "x" * 61}}, "interactive.footer.text"),
        (
            {**example("button"), "header": {"type": "text", "text": "x" * 61}},
            "interactive.header.text",
        ),
        (
            {**example("button"), "header": {"type": "image", "image": {}}},
            "interactive.header.image",
        ),
        ({**example("list"), "header": {"type": "image"}}, "interactive.header.type"),
        (changed("list", "body.text", "x" * 4097), "interactive.body.text"),
        (changed("list", "action.button", "x" * 21), "interactive.action.button"),
        (
            changed("list", "action.sections.0.rows", [row(n) for n in range(11)]),
            "interactive.action.sections[0].rows",
        ),
        (
            changed("list", "action.sections.0.rows.0.title", "x" * 25),
            "interactive.action.sections[0].rows[0].title",
        ),
        (
            changed("list", "action.sections.0.rows.0.description", "x" * 73),
            "interactive.action.sections[0].rows[0].description",
        ),
        (
            changed("list", "action.sections", [{"rows": [row(n)]} for n in range(2)]),
            "interactive.action.sections[0].title",
        ),
        (
            changed(
                "list",
                "action.sections",
                [{"title": str(n), "rows": [row(n * 10 + m) for m in range(6)]} for n in range(2)],
            ),
            "interactive.action.sections",
        ),
        (changed("product_list", "header", None), "interactive.header"),
        (changed("product_list", "action.catalog_id", None), "interactive.action.catalog_id"),
        (
            changed("product", "action.product_retailer_id", ""),
            "interactive.action.product_retailer_id",
        ),
        (
            {**example("product"), "header": {"type": "text", "text": "H"}},
            "interactive.header.type",
        ),
        (
            changed(
                "button",
                "action.buttons",
                [reply(1), {**reply(2), "reply": {**reply(1)["reply"], "id": "2"}}],
            ),
            "interactive.action.buttons",
        ),
        (
            changed("product_list", "action.sections.0.title", ""),
            "interactive.action.sections[0].title",
        ),
        (
            {
                **example("button"),
                "header": {"type": "image", "image": {"link": "https://a.example", "caption": "A"}},
            },
            "interactive.header.image.caption",
        ),
        (
            {
                "type": "catalog_message",
                "body": {"text": "All"},
                "action": {"name": "catalog_message", "parameters": "all"},
            },
            "interactive.action.parameters",
        ),
        (flow(flow_message_version=None), "interactive.action.parameters.flow_message_version"),
        (flow(flow_name="booking"), "interactive.action.parameters"),
        (flow(flow_action="go"), "interactive.action.parameters.flow_action"),
        (flow(flow_action=None), "interactive.action.parameters.flow_action"),
        (flow(mode="test"), "interactive.action.parameters.mode"),
        (flow(flow_action_payload="x"), "interactive.action.parameters.flow_action_payload"),
        (carousel(card(0), card(2)), "interactive.action.cards[1].card_index"),
        (
            carousel(card(0), card(1, action={"name": "url"})),
            "interactive.action.cards[1].action.name",
        ),
        (
            carousel(
                card(0, action={"buttons": [{"quick_reply": {"id": "1", "title": "x" * 21}}]}),
                card(1),
            ),
            "interactive.action.cards[0].action.buttons[0].quick_reply.title",
        ),
    ],
)
def test_each_broken_limit_is_named(content: Any, field: str) -> None:
    with pytest.raises(InvalidInteractive) as refused:
        check(content)

    assert refused.value.param == field


@pytest.mark.parametrize(
    "content",
    [
        {
            "type": "cta_url",
            "body": {"text": "Look"},
            "action": {
                "name": "cta_url",
                "parameters": {"display_text": "Open", "url": "https://a.example"},
            },
        },
        {
            "type": "location_request_message",
            "body": {"text": "Where?"},
            "action": {"name": "send_location"},
        },
        flow(),
        carousel(card(0), card(1)),
        {
            "type": "catalog_message",
            "body": {"text": "All"},
            "action": {"name": "catalog_message"},
        },
    ],
)
def test_metas_other_types_pass(content: dict[str, Any]) -> None:
    assert check(content) == content


def test_what_meta_adds_tomorrow_passes_but_no_heap_of_it() -> None:
    content = example("list")

    assert check({**content, "new": "x" * 1000})["new"]
    with pytest.raises(InvalidInteractive, match="at most 65536 bytes"):
        check({**content, "new": "x" * 70_000})
