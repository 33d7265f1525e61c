"""Templates as they are created."""

import pytest

from companies.graph.sandbox import template_rules
from companies.graph.sandbox.templates import seeds


def template(**changes):
    base = {
        "name": "order_ready",
        "language": "en_US",
        "category": "UTILITY",
        "components": [with_body("Your order {{1}} is ready for collection now.", "A1")],
    }
    return {**base, **changes}


def with_body(text, *examples):
    body = {"type": "BODY", "text": text}
    return {**body, "example": {"body_text": [list(examples)]}} if examples else body


def with_buttons(*buttons):
    return template(
        components=[with_body("Hello there."), {"type": "BUTTONS", "buttons": list(buttons)}]
    )


def with_header(**header):
    return template(components=[{"type": "HEADER", **header}, with_body("Hello there.")])


REPLY = {"type": "QUICK_REPLY", "text": "Stop"}
URL = {"type": "URL", "text": "Open", "url": "https://example.com/{{1}}", "example": ["x"]}
PHONE = {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+254712345678"}
OTP = {"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy"}


@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: f"{seed['name']}-{seed['language']}")
def test_the_templates_every_account_has_keep_the_rules(seed):
    assert template_rules.check(seed) is None


GOOD = {
    "plain": template(),
    "lower-case category": template(category="utility"),
    "named": template(
        parameter_format="named",
        components=[{"type": "body", "text": "Your order {{order_id}} is ready for you now.",
                     "example": {"body_text_named_params": [
                         {"param_name": "order_id", "example": "A1"}]}}]),
    "image header": with_header(format="IMAGE", example={"header_handle": ["4::x"]}),
    "text header": with_header(format="TEXT", text="Hi {{1}}", example={"header_text": ["Ann"]}),
    "replies, then others": with_buttons(REPLY, REPLY, URL, PHONE),
    "others, then replies": with_buttons(URL, PHONE, REPLY, REPLY),
    "password": template(
        category="AUTHENTICATION",
        components=[{"type": "BODY"}, {"type": "BUTTONS", "buttons": [OTP]}]),
    "life": template(message_send_ttl_seconds=30),
}  # fmt: skip


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD.keys())
def test_meta_would_take_it(body):
    assert template_rules.check(body) is None


BAD = {
    "capitals": (template(name="Order"), None),
    "hyphen": (template(name="order-ready"), None),
    "no name": (template(name=""), None),
    "language": (template(language="en-US"), None),
    "category": (template(category="SPAM"), None),
    "no components": (template(components=None), None),
    "no body": (template(components=[]), 2388043),
    "no example": (template(components=[with_body("Your order {{1}} is ready now.")]), 2388043),
    "starts with a variable": (
        template(components=[with_body("{{1}} is ready for you now.", "A")]), 2388299),
    "ends with a variable": (
        template(components=[with_body("Here is your order {{1}}", "A")]), 2388299),
    "gap": (template(components=[with_body("One {{1}} two and {{3}} three four.", "a", "b")]),
            None),
    "braces": (template(components=[with_body("One {{1} two and three.", "a")]), None),
    "too few words": (template(components=[with_body("To {{1}} at {{2}}, bye.", "a", "b")]),
                      2388293),
    "long body": (template(components=[with_body("x" * 1025)]), 2388040),
    "empty lines": (template(components=[with_body("One\n\n\ntwo")]), 2388072),
    "footer variable": (
        template(components=[with_body("Hello."), {"type": "FOOTER", "text": "By {{1}}"}]),
        2388073),
    "two in the header": (
        with_header(format="TEXT", text="{{1}} {{2}}", example={"header_text": ["a", "b"]}),
        2388047),
    "no sample": (with_header(format="IMAGE"), 2388043),
    "split replies": (with_buttons(REPLY, URL, REPLY), None),
    "three links": (with_buttons(URL, URL, URL), None),
    "long button": (with_buttons({**REPLY, "text": "x" * 26}), None),
    "variable inside the link": (
        with_buttons({**URL, "url": "https://example.com/{{1}}/x"}), None),
    "link without example": (with_buttons({**URL, "example": None}), 2388043),
    "password with a text": (
        template(category="AUTHENTICATION", components=[
            {"type": "BODY", "text": "x"}, {"type": "BUTTONS", "buttons": [OTP]}]), None),
    "life": (template(message_send_ttl_seconds=29), None),
    "two bodies": (template(components=[with_body("Hello."), with_body("Hello.")]), None),
}  # fmt: skip


@pytest.mark.parametrize(("body", "subcode"), BAD.values(), ids=BAD.keys())
def test_meta_would_refuse_it(body, subcode):
    error = template_rules.check(body)

    assert error is not None
    assert (error.code, error.subcode) == (100, subcode)


def test_neighbouring_variables_are_found_by_the_reviewer():
    components = [with_body("Dear {{1}}{{2}}, this is for you, have fun with it.", "a", "b")]

    assert template_rules.check(template(components=components)) is None
    assert template_rules.rejection_of({"name": "x", "components": components}) is not None
