"""Placeholders for what is known of a person: how they are written, and what is put in their place."""

import unicodedata
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import personal
from templates_app.parameters import InvalidComponents, fit
from templates_app.personal import Filled, Missing, clean, filled, mistake, shortest, shown

AMINA = {"contact.name": "Amina", "contact.custom.first order": "A-1"}
BODY = {"type": "BODY", "text": "Hello {{1}}, {{2}} is ready. See you soon, {{1}}!"}


def body(*texts: str) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": text} for text in texts]}


def button(sub_type: str, kind: str, text: str) -> dict[str, Any]:
    parameters = [{"type": kind, kind: text}]
    return {"type": "button", "sub_type": sub_type, "index": 0, "parameters": parameters}


def buttons(**fields: str) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": [fields]}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{contact.name}}", "Amina"),
        ("dear {{ contact.name }}!", "dear Amina!"),
        ("{{contact.name|friend}}", "Amina"),
        ("{{contact.phone|your number}} is it", "your number is it"),
        ("{{contact.custom.first order}}", "A-1"),
        ("{{contact.custom.  first order | none }}", "A-1"),
        ("{{contact.name}}{{contact.name}}", "AminaAmina"),
        ('{"a":{"n":"{{contact.name}}"}}', '{"a":{"n":"Amina"}}'),
        ('{"a":{"n":"contact.name"}}', '{"a":{"n":"contact.name"}}'),
        ("nothing {of} the kind}}", "nothing {of} the kind}}"),
    ],
)
def test_a_text_is_filled_in(text: str, result: str) -> None:
    assert mistake(text) == ""
    assert filled(text, AMINA) == result


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{contact.nmae}}", "{{contact.nmae}} is unknown: there are {{contact.name}}"),
        ("{{name}}", "{{name}} is unknown"),
        ("{{1}}", "{{1}} is unknown"),
        ("{{}}", "{{}} is unknown"),
        ("{{Contact.Name}}", "is unknown"),
        ("{{contact.custom.}}", "is unknown"),
        ("{{contact.name|}}", "the default of {{contact.name|}} is empty"),
        ("{{contact.name", "must be written as {{contact.name}}"),
        ("contact.name}}", "must be written as"),
        ("{contact.name}", "must be written as"),
        ("{{{contact.name}}}", "must be written as"),
        ("{{contact.name}} and {{", "must be written as"),
    ],
)
def test_a_placeholder_that_is_none_is_told_with_what_there_is(text: str, why: str) -> None:
    assert why in mistake(text)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Missing, match="The contact has no phone, and the message has no default"):
        filled("{{contact.name}} {{contact.phone}}", AMINA)
    with pytest.raises(Missing, match="no custom field “size”"):
        filled("{{contact.custom.size}}", AMINA)

    assert shown("{{contact.name}} {{ contact.phone }}", AMINA) == "Amina {{ contact.phone }}"


def test_in_a_link_a_value_and_a_default_are_encoded_and_the_rest_is_not() -> None:
    values = {"contact.name": "A b/ü?&#{{1}}"}

    out = filled("x/{{contact.name}}?of={{contact.phone|no one}}", values, in_link=True)

    assert out == "x/A%20b%2F%C3%BC%3F%26%23%7B%7B1%7D%7D?of=no%20one"


@given(name=st.text(min_size=1, max_size=40))
def test_whatever_a_contact_is_called_it_is_put_in_once_and_is_a_parameter_that_meta_takes(
    name: str,
) -> None:
    value = clean(name)
    template = [BODY, buttons(type="URL", text="Open", url="https://a.example/{{1}}")]
    text = "{{contact.name|friend}}"
    components = fit(
        template=template,
        components=[body(text, f"no. 1 of {text}"), button("url", "text", text)],
    )

    made = personal.for_person(components, {"contact.name": value} if value else {})

    said = value or "friend"
    assert fit(template=template, components=made) == made
    assert made[0] == body(said, f"no. 1 of {said}")
    assert unquote(made[1]["parameters"][0]["text"]) == said
    assert " ".join(said.split()) == said
    assert not any(unicodedata.category(char) == "Cc" for char in said)


@given(
    st.one_of(st.none(), st.booleans(), st.lists(st.text()), st.just({}), st.text(" \t\n\u200b"))
)
def test_what_is_no_word_or_number_is_missing(value: Any) -> None:
    assert clean(value) == ""


def test_half_a_character_is_dropped() -> None:
    assert clean("a\ud800b").encode() == b"a b"
    assert clean(float("nan")) == clean(float("inf")) == ""


def test_a_text_that_was_filled_in_has_no_placeholders_whatever_it_holds() -> None:
    text = filled("{{contact.name}}", {"contact.name": "{{contact.phone}}"})

    assert isinstance(text, Filled) and text == "{{contact.phone}}"
    assert mistake(text) == "" and shortest(text) == text and not personal.is_in(text)
    assert not personal.fields_of([body(text)])


def test_what_the_parts_of_a_template_ask_of_a_person() -> None:
    card = {
        "components": [body("{{contact.custom.a}}"), button("url", "text", "{{contact.phone}}")]
    }
    components = [
        body("{{contact.name|x}}", "{{contact.name}}"),
        {"type": "carousel", "cards": [card]},
    ]

    assert personal.fields_of(components) == {"contact.name", "contact.phone", "contact.custom.a"}
    assert personal.required_of([body("{{contact.name|x}} {{contact.phone}}")]) == {"contact.phone"}


LONG = "y" * 1000


@pytest.mark.parametrize(
    ("template", "component", "where"),
    [
        (BODY, body("a", "{{contact.nmae}}"), "body parameter 2"),
        (BODY, body("{{contact.name|" + LONG + "}}", "b"), "body"),
        (
            {"type": "HEADER", "format": "TEXT", "text": "Hi {{1}}"},
            {"type": "header", "parameters": [{"type": "text", "text": "{{contact}}"}]},
            "header parameter 1",
        ),
        (
            {"type": "HEADER", "format": "IMAGE"},
            {
                "type": "header",
                "parameters": [
                    {"type": "image", "link": "https://a.example/{{contact.phone}}.png"}
                ],
            },
            "header",
        ),
        (
            {"type": "HEADER", "format": "DOCUMENT"},
            {
                "type": "header",
                "parameters": [
                    {
                        "type": "document",
                        "link": "https://a.example",
                        "filename": "{{contact.name}}",
                    }
                ],
            },
            "header",
        ),
        (
            BODY,
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "a"},
                    {"type": "date_time", "date_time": {"fallback_value": "{{contact.name}}"}},
                ],
            },
            "body parameter 2",
        ),
        (
            buttons(type="FLOW", text="Go", flow_id="1"),
            {
                "type": "button",
                "sub_type": "flow",
                "parameters": [{"type": "action", "action": {"a": [{"b": "{{contact.name}}"}]}}],
            },
            "button 0",
        ),
        (
            buttons(type="COPY_CODE", example="X"),
            button("copy_code", "coupon_code", "{{contact.custom.code|no code}}"),
            "button 0",
        ),
        (
            buttons(type="QUICK_REPLY", text="Yes"),
            button("quick_reply", "payload", "{{contact.id}}"),
            "button 0",
        ),
        (
            buttons(type="URL", text="Open", url="https://a.example/{{1}}"),
            button("url", "text", "{{contact.}}"),
            "button 0",
        ),
    ],
)
def test_where_none_can_stand_it_is_refused_by_name(
    template: dict[str, Any], component: dict[str, Any], where: str
) -> None:
    with pytest.raises(InvalidComponents) as refused:
        fit(template=[template], components=[component])

    assert refused.value.param == where


@pytest.mark.parametrize(
    "button_",
    [
        {"type": "OTP", "otp_type": "COPY_CODE"},
        {"type": "URL", "text": "Copy", "url": "https://www.whatsapp.com/otp/code/?code=otp{{1}}"},
    ],
)
def test_a_code_is_never_taken_from_a_contact(button_: dict[str, Any]) -> None:
    template = [{"type": "BODY"}, {"type": "BUTTONS", "buttons": [button_]}]
    code, personal_code = "123456", "{{contact.custom.code}}"
    for text, copied in ((personal_code, code), (code, personal_code)):
        with pytest.raises(InvalidComponents, match="only text, codes to copy and payloads"):
            fit(
                template=template,
                components=[body(text), button("url", "text", copied)],
                authentication=True,
            )


def test_one_persons_value_may_make_the_text_too_long() -> None:
    template = [{"type": "BODY", "text": f"{LONG} {{{{1}}}} {{{{1}}}} end"}]

    components = fit(template=template, components=[body("{{contact.name|abc}}")])

    for name, fits in (("a" * 9, True), ("a" * 10, False)):
        made = personal.for_person(components, {"contact.name": name})
        if fits:
            assert fit(template=template, components=made) == made
        else:
            with pytest.raises(InvalidComponents, match="is 1026 characters when filled in"):
                fit(template=template, components=made)
