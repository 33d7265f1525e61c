"""What may be asked of Meta as a template, and how a refusal names the part."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from templates_app import rules
from templates_app.models import Template
from templates_app.rules import InvalidTemplate

UTILITY = Template.Category.UTILITY
AUTHENTICATION = Template.Category.AUTHENTICATION
BODY = {"type": "BODY", "text": "Hello {{1}}, thanks for joining us!"}
SEEDS = orjson.loads(
    (Path(__file__).parents[2] / "companies/graph/sandbox/seed_templates.json").read_bytes()
)


def check(*components: Any, category: Template.Category = UTILITY) -> list[dict[str, Any]]:
    return rules.check_components(list(components), category=category)


def buttons(*items: Any) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(items)}


def reply(text: str = "Yes") -> dict[str, Any]:
    return {"type": "QUICK_REPLY", "text": text}


def url(link: str = "https://a.example/{{1}}") -> dict[str, Any]:
    return {"type": "URL", "text": "Open", "url": link}


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed['name']}-{seed['language']}")
def test_every_template_that_metas_stand_in_has_is_taken(seed: dict[str, Any]) -> None:
    category = rules.check_category(seed["category"])

    assert rules.check_name(seed["name"]) == seed["name"]
    assert rules.check_language(seed["language"]) == seed["language"]
    assert rules.check_components(seed["components"], category=category) == seed["components"]


def test_types_get_metas_spelling() -> None:
    assert check(
        {"type": "header", "format": "image"}, {**BODY, "type": "body"}, buttons(reply())
    ) == [{"type": "HEADER", "format": "IMAGE"}, BODY, buttons(reply())]


@pytest.mark.parametrize("name", ["", None, "Welcome", "a-b", "a b", "é", "x" * 513, 5, "a\n"])
def test_a_name_is_lowercase_letters_digits_and_underscores(name: object) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        rules.check_name(name)
    assert refused.value.param == "name"


@pytest.mark.parametrize("language", ["", None, "xx", "EN", "en-US", 5, ["en"]])
def test_a_language_is_one_of_metas(language: object) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        rules.check_language(language)
    assert refused.value.param == "language"


@pytest.mark.parametrize("category", ["", None, "PROMO", 5, ["UTILITY"]])
def test_a_category_is_one_of_three(category: object) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        rules.check_category(category)
    assert refused.value.param == "category"


@pytest.mark.parametrize(
    ("components", "param", "words"),
    [
        (None, "components", "required"),
        ({"type": "BODY"}, "components", "array"),
        ([], "components", "BODY"),
        ([5], "components[0]", "object"),
        ([BODY, {"type": "SONG"}], "components[1].type", "HEADER, BODY, FOOTER, BUTTONS"),
        ([BODY, BODY], "components", "one BODY only"),
        ([{"type": "BODY"}], "components[0].text", "BODY"),
        ([{"type": "BODY", "text": 5}], "components[0].text", "BODY"),
        ([{"type": "BODY", "text": "x" * 1025}], "components[0].text", "1024"),
        ([{"type": "BODY", "text": "a {{2}} b"}], "components[0].text", "without gaps"),
        ([{"type": "BODY", "text": "a {{0}} b"}], "components[0].text", "without gaps"),
        ([{"type": "BODY", "text": "a {{name}} b"}], "components[0].text", "numbers"),
        ([{"type": "BODY", "text": "a {{}} b"}], "components[0].text", "numbers"),
        ([{"type": "BODY", "text": "a {{1} b"}], "components[0].text", "pair up"),
        ([{**BODY, "example": "Ana"}], "components[0].example", "object"),
        ([BODY, {"type": "HEADER", "text": "Hi"}], "components[1].format", "TEXT"),
        ([BODY, {"type": "HEADER", "format": "GIF"}], "components[1].format", "TEXT"),
        (
            [{"type": "HEADER", "format": "TEXT", "text": "x" * 61}, BODY],
            "components[0].text",
            "HEADER",
        ),
        (
            [{"type": "HEADER", "format": "TEXT", "text": "{{1}} {{2}}"}, BODY],
            "components[0].text",
            "one variable",
        ),
        ([BODY, {"type": "FOOTER", "text": "x" * 61}], "components[1].text", "60"),
        ([BODY, {"type": "FOOTER", "text": "to {{1}}"}], "components[1].text", "variables"),
        ([BODY, buttons()], "components[1].buttons", "1 to 10"),
        ([BODY, buttons(*[reply()] * 11)], "components[1].buttons", "1 to 10"),
        ([BODY, buttons(5)], "components[1].buttons[0]", "object"),
        ([BODY, buttons({"type": "FAX"})], "components[1].buttons[0].type", "URL"),
        ([BODY, buttons(reply("x" * 26))], "components[1].buttons[0].text", "25"),
        ([BODY, buttons(reply("{{1}}"))], "components[1].buttons[0].text", "variables"),
        ([BODY, buttons(url(), url(), url())], "components[1].buttons", "2 URL"),
        ([BODY, buttons(reply(), url(), reply())], "components[1].buttons", "side by side"),
        (
            [BODY, buttons(url("https://a.example/{{1}}/b"))],
            "components[1].buttons[0].url",
            "at its end",
        ),
        ([BODY, buttons(url("a.example"))], "components[1].buttons[0].url", "http"),
        (
            [BODY, buttons(url("https://a.example/" + "x" * 2000))],
            "components[1].buttons[0].url",
            "2000",
        ),
        (
            [BODY, buttons({"type": "PHONE_NUMBER", "text": "Call", "phone_number": "1" * 21})],
            "components[1].buttons[0].phone_number",
            "20",
        ),
        (
            [BODY, buttons({"type": "COPY_CODE", "example": "x" * 16})],
            "components[1].buttons[0].example",
            "15",
        ),
        ([BODY, buttons({"type": "FLOW", "text": "Go"})], "components[1].buttons[0]", "flow_id"),
    ],
)
def test_a_component_that_is_wrong_is_named(components: Any, param: str, words: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        rules.check_components(components, category=UTILITY)

    assert refused.value.param == param
    assert words in refused.value.message


@pytest.mark.parametrize(
    "items",
    [
        [reply(), reply("No")],
        [
            reply(),
            reply("No"),
            url(),
            {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "1"},
        ],
        [url(), url("https://b.example/"), reply()],
        [{"type": "COPY_CODE"}],
        [{"type": "flow", "text": "Go", "flow_id": "1"}],
    ],
)
def test_buttons_that_meta_takes(items: list[dict[str, Any]]) -> None:
    assert check(BODY, buttons(*items))


OTP = buttons({"type": "OTP", "otp_type": "copy_code", "text": "Copy code"})


def test_an_authentication_template_has_switches_for_texts() -> None:
    [body, footer, otp] = check(
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 10},
        OTP,
        category=AUTHENTICATION,
    )

    assert otp["buttons"] == [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}]
    assert (body["type"], footer["type"]) == ("BODY", "FOOTER")


@pytest.mark.parametrize(
    ("components", "param"),
    [
        ([{"type": "BODY"}], "components"),
        ([BODY, OTP], "components[0].text"),
        ([{"type": "BODY"}, {"type": "HEADER", "format": "IMAGE"}, OTP], "components[1].type"),
        ([{"type": "BODY"}, {"type": "FOOTER", "text": "Bye"}, OTP], "components[1].text"),
        (
            [{"type": "BODY"}, {"type": "FOOTER", "code_expiration_minutes": 91}, OTP],
            "components[1].code_expiration_minutes",
        ),
        ([{"type": "BODY"}, buttons(reply())], "components[1].buttons[0].type"),
        ([{"type": "BODY"}, buttons({"type": "OTP"})], "components[1].buttons[0].otp_type"),
    ],
)
def test_what_an_authentication_template_cannot_have(components: Any, param: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        rules.check_components(components, category=AUTHENTICATION)
    assert refused.value.param == param
