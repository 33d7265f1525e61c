"""The validators of a send, by tables."""

import pytest

from companies.graph.sandbox import messages


def message(kind, content, **more):
    return {
        "messaging_product": "whatsapp", "to": "254712345678", "type": kind, kind: content, **more
    }  # fmt: skip


def interactive(kind, action, body="Choose", **more):
    content = {"type": kind, "body": {"text": body}, "action": action, **more}
    return message("interactive", content)


def buttons(*titles):
    return {
        "buttons": [
            {"type": "reply", "reply": {"id": f"id{at}", "title": title}}
            for at, title in enumerate(titles)
        ]
    }


def rows(count, **row):
    return [{"id": f"r{at}", "title": "Row", **row} for at in range(count)]


def sections(*sizes):
    return {
        "button": "Open",
        "sections": [
            {"title": f"S{at}", "rows": [{"id": f"{at}-{n}", "title": "Row"} for n in range(size)]}
            for at, size in enumerate(sizes)
        ],
    }


CONTACT = {"name": {"formatted_name": "Ann", "first_name": "Ann"}, "phones": [{"phone": "+1"}]}
CTA = {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://example.com"}}
FLOW = {
    "name": "flow",
    "parameters": {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Book"},
}
CARD = {
    "type": "cta_url",
    "header": {"type": "image", "image": {"link": "https://example.com/a.jpg"}},
    "action": CTA,
}
IMAGE = {"link": "https://example.com/a.jpg"}

GOOD = {
    "text": message("text", {"body": "x" * 4096, "preview_url": True}),
    "text by default": {"messaging_product": "whatsapp", "to": "+1 (650) 555-1234",
                        "text": {"body": "x"}},
    "a tag of 512": message("text", {"body": "x"}, biz_opaque_callback_data="x" * 512),
    "a reply": message("text", {"body": "x"}, context={"message_id": "wamid.x"}),
    "image by link": message("image", {**IMAGE, "caption": "x" * 1024}),
    "image by id": message("image", {"id": "7900000000000001"}),
    "document": message("document", {"id": "1", "filename": "a.pdf", "caption": "c"}),
    "audio": message("audio", {"id": "1", "voice": True}),
    "sticker": message("sticker", {"id": "1"}),
    "location": message("location", {"latitude": "-1.28", "longitude": 36.8, "name": "Nairobi"}),
    "contacts": message("contacts", [CONTACT, {**CONTACT, "birthday": "1999-12-31"}]),
    "reaction": message("reaction", {"message_id": "wamid.x", "emoji": "👍"}),
    "no more reaction": message("reaction", {"message_id": "wamid.x", "emoji": ""}),
    "buttons": interactive("button", buttons("Yes", "No", "x" * 20)),
    "buttons below an image": interactive(
        "button", buttons("Yes"), header={"type": "image", "image": IMAGE},
        footer={"text": "x" * 60}),
    "list": interactive("list", sections(5, 5), body="x" * 4096,
                        header={"type": "text", "text": "Menu"}),
    "untitled single section": interactive(
        "list", {"button": "Open", "sections": [{"rows": rows(10, description="x" * 72)}]}),
    "cta_url": interactive("cta_url", CTA),
    "location request": interactive("location_request_message", {"name": "send_location"}),
    "flow": interactive("flow", FLOW),
    "product": message("interactive", {
        "type": "product", "action": {"catalog_id": "1", "product_retailer_id": "2"}}),
    "product list": interactive(
        "product_list",
        {"catalog_id": "1",
         "sections": [{"title": "All", "product_items": [{"product_retailer_id": "2"}]}]},
        header={"type": "text", "text": "Shop"}),
    "catalog": interactive("catalog_message", {"name": "catalog_message"}),
    "carousel": interactive(
        "carousel", {"cards": [{**CARD, "card_index": 0}, {**CARD, "card_index": 1}]}),
    "template": message("template", {"name": "a", "language": {"code": "en_US"}}),
    "group": {"messaging_product": "whatsapp", "recipient_type": "group", "to": "Y2FwaV9n",
              "text": {"body": "x"}},
    "a user id": {"messaging_product": "whatsapp", "recipient": "US.13491208655302741918",
                  "text": {"body": "x"}},
}  # fmt: skip


@pytest.mark.parametrize("payload", GOOD.values(), ids=GOOD.keys())
def test_meta_would_take_it(payload):
    assert messages.check(payload) is None


TYPES = f"{{{messages.ACCEPTED_TYPES}}}"
BAD = {
    "no product": ({"to": "254712345678"}, 100,
                   "(#100) The parameter messaging_product is required."),
    "other product": ({**GOOD["text"], "messaging_product": "x"}, 100,
                      '(#100) Param messaging_product must be one of {WHATSAPP} - got "x".'),
    "no recipient": ({"messaging_product": "whatsapp", "text": {"body": "x"}}, 100,
                     "The parameter to is required."),
    "unknown type": ({**GOOD["text"], "type": "x"}, 100,
                     f'(#100) Param type must be one of {TYPES} - got "x".'),
    "type is a list": ({**GOOD["text"], "type": ["text"]}, 100,
                       f'(#100) Param type must be one of {TYPES} - got "[\'text\']".'),
    "no content": ({**GOOD["text"], "type": "image"}, 100,
                   "(#100) The parameter image is required."),
    "no body": (message("text", {}), 100, "(#100) The parameter text['body'] is required."),
    "empty body": (message("text", {"body": ""}), 100,
                   "(#100) The parameter text['body'] is required."),
    "long body": (message("text", {"body": "x" * 4097}), 100,
                  "(#100) Param text['body'] must be at most 4096 characters long."),
    "body is a number": (message("text", {"body": 1}), 100,
                         "(#100) Param text['body'] must be a string."),
    "preview is a word": (message("text", {"body": "x", "preview_url": "yes"}), 100,
                          "(#100) Param text['preview_url'] must be a boolean."),
    "unknown key": (message("text", {"body": "x", "text": "y"}), 100,
                    '(#100) Unexpected key "text" on param "text".'),
    "long tag": (message("text", {"body": "x"}, biz_opaque_callback_data="x" * 513), 100,
                 "(#100) Param biz_opaque_callback_data must be at most 512 characters long."),
    "context without id": (message("text", {"body": "x"}, context={}), 100,
                           "(#100) The parameter context['message_id'] is required."),
    "no language": (message("template", {"name": "a", "language": {}}), 100,
                    "(#100) The parameter template['language']['code'] is required."),
    "no coordinates": (message("location", {"latitude": 1}), 100,
                       "(#100) The parameter location['longitude'] is required."),
    "bad link": (message("image", {"link": "ftp://x"}), 100,
                 "(#100) Param image['link'] is not a valid URI."),
    "long caption": (message("image", {**IMAGE, "caption": "x" * 1025}), 100,
                     "(#100) Param image['caption'] must be at most 1024 characters long."),
    "caption on a sticker": (message("sticker", {"id": "1", "caption": "x"}), 100,
                             '(#100) Unexpected key "caption" on param "sticker".'),
}  # fmt: skip


@pytest.mark.parametrize(("payload", "code", "wire"), BAD.values(), ids=BAD.keys())
def test_meta_says_which_parameter_is_wrong(payload, code, wire):
    error = messages.check(payload)

    assert error is not None
    assert (error.code, error.message) == (code, wire)


DETAILS = {
    "long button": (interactive("button", buttons("x" * 21)),
                    "Button title length invalid. Min length: 1, Max length: 20"),
    "four buttons": (interactive("button", buttons("a", "b", "c", "d")),
                     "Invalid buttons count. Min allowed buttons: 1, Max: 3"),
    "same titles": (interactive("button", buttons("a", "a")), "Duplicated button titles"),
    "long row": (interactive("list", {"button": "Open", "sections": [
        {"rows": rows(1, title="x" * 25)}]}), "Row title is too long. Max length is 24"),
    "eleven rows": (interactive("list", sections(5, 6)),
                    "Total row count exceed max allowed count: 10"),
    "long body": (interactive("button", buttons("a"), body="x" * 1025),
                  "Body text length invalid. Min length: 1, Max length: 1024"),
    "long footer": (interactive("button", buttons("a"), footer={"text": "x" * 61}),
                    "Footer text length invalid. Min length: 1, Max length: 60"),
    "image above a list": (
        interactive("list", sections(1), header={"type": "image", "image": IMAGE}),
        "Header type image is not allowed with this type of interactive"),
    "one card": (interactive("carousel", {"cards": [{**CARD, "card_index": 0}]}),
                 "Carousel cards count invalid. Min: 2, Max: 10"),
    "no link": (interactive("cta_url", {**CTA, "parameters": {"display_text": "x"}}),
                "URL is invalid"),
    "letters": (message("reaction", {"message_id": "w", "emoji": "ok"}),
                "Reaction must be one emoji, or empty to remove it"),
    "half a name": (message("contacts", [{"name": {"formatted_name": "Ann"}}]),
                    "contacts[0]: name needs one more field than formatted_name"),
    "leading zero": ({**GOOD["text"], "to": "0712345678"},
                     "Recipient is not a valid phone number"),
}  # fmt: skip


@pytest.mark.parametrize(("payload", "details"), DETAILS.values(), ids=DETAILS.keys())
def test_meta_tells_the_details(payload, details):
    error = messages.check(payload)

    assert error is not None
    assert (error.code, error.details) == (131009, details)


@pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker"])
def test_media_need_an_id_or_a_link(kind):
    error = messages.check(message(kind, {}))

    assert error is not None
    assert error.code == 131008


def test_media_are_found_wherever_a_payload_names_them():
    payload = interactive("button", buttons("a"), header={"type": "video", "video": {"id": "7"}})

    assert messages.media_ids(payload) == [("video", "7", "interactive['header']['video']")]
    assert messages.media_ids(GOOD["image by id"]) == [("image", "7900000000000001", "image")]
