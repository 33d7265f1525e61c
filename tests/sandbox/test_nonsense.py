"""Whatever stands anywhere in a payload, a validator answers and never breaks."""

import copy

import pytest

from companies.graph.sandbox import messages, template_params, template_rules
from companies.graph.sandbox.template_shape import shape_of
from companies.graph.sandbox.templates import seeds

JUNK = [None, True, 0, -1, 1.5, float("nan"), "", "x", "²", "x" * 5000, "\ud800", [], {}, [None],
        [[]], [{}], {"type": "x"}]  # fmt: skip

CTA = {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://example.com"}}
CARD = {"type": "cta_url", "header": {"type": "image", "image": {"id": "1"}}, "action": CTA}


def message(kind, content):
    return {"messaging_product": "whatsapp", "to": "254712345678", "type": kind, kind: content}


def interactive(kind, action):
    return message("interactive", {"type": kind, "body": {"text": "x"}, "action": action})


REPLY = {"type": "reply", "reply": {"id": "1", "title": "x"}}
ROWS = {"button": "x", "sections": [{"title": "x", "rows": [{"id": "1", "title": "x"}]}]}
PRODUCTS = {"catalog_id": "1", "sections": [{"product_items": [{"product_retailer_id": "1"}]}]}
FLOW = {"name": "flow", "parameters": {"flow_message_version": "3", "flow_id": "1",
                                       "flow_cta": "x"}}  # fmt: skip
PAYLOADS = [
    message("text", {"body": "x", "preview_url": True}),
    message("image", {"id": "1", "link": "https://x.y", "caption": "x"}),
    message("location", {"latitude": 1, "longitude": "2", "name": "x"}),
    message("contacts", [{"name": {"formatted_name": "x", "first_name": "x"}, "phones": [{}],
                          "birthday": "1999-12-31"}]),
    message("reaction", {"message_id": "w", "emoji": "👍"}),
    message("template", {"name": "x", "language": {"code": "en_US"}, "components": [{}]}),
    {"messaging_product": "whatsapp", "status": "read", "message_id": "w",
     "typing_indicator": {"type": "text"}},
    interactive("button", {"buttons": [REPLY]}),
    interactive("list", ROWS),
    interactive("cta_url", CTA),
    interactive("flow", FLOW),
    interactive("product_list", PRODUCTS),
    interactive("carousel", {"cards": [{**CARD, "card_index": 0}, {**CARD, "card_index": 1}]}),
]  # fmt: skip


def places(node, path=()):
    yield path
    children = node.items() if isinstance(node, dict) else ()
    children = enumerate(node) if isinstance(node, list) else children
    for key, child in children:
        yield from places(child, (*path, key))


def spoiled(node):
    """The same document with each kind of junk in each place."""
    for path in places(node):
        for junk in JUNK:
            if not path:
                yield junk
                continue
            changed = copy.deepcopy(node)
            owner = changed
            for key in path[:-1]:
                owner = owner[key]
            owner[path[-1]] = junk
            yield changed


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: str(p.get("type")))
def test_a_send(payload):
    for changed in spoiled(payload):
        if messages.check(changed) is None:
            messages.media_ids(changed)


@pytest.mark.parametrize("template", seeds(), ids=lambda t: f"{t['name']}-{t['language']}")
def test_a_new_template(template):
    for changed in spoiled(template):
        if isinstance(changed, dict) and template_rules.check(changed) is None:
            template_rules.rejection_of(changed)
            shape_of(changed)


def test_the_components_of_a_send():
    promo = next(seed for seed in seeds() if seed["name"] == "promo_template")
    image = {"type": "image", "image": {"link": "https://x.y"}}
    components = [
        {"type": "header", "parameters": [image]},
        {"type": "body", "parameters": [{"type": "text", "text": "a"}, {"text": "b"}]},
        {"type": "button", "sub_type": "url", "index": "0",
         "parameters": [{"type": "text", "text": "c"}]},
    ]  # fmt: skip

    assert template_params.check(promo, components) is None
    for changed in spoiled(components):
        template_params.check(promo, changed)
