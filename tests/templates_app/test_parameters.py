"""Whether components fit a template; every refusal names the part."""

from typing import Any

import pytest

from templates_app.parameters import InvalidComponents, fit, variables

TEXT = [{"type": "BODY", "text": "Hello {{1}}, {{2}} is ready."}]
NAMED = [{"type": "BODY", "text": "Hello {{first_name}}, {{order}} is ready."}]
FULL = [
    {"type": "HEADER", "format": "DOCUMENT"},
    {"type": "BODY", "text": "For {{1}}"},
    {"type": "FOOTER", "text": "Bye"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Yes"},
            {"type": "URL", "text": "Open", "url": "https://a.example/{{1}}"},
            {"type": "COPY_CODE", "example": "X"},
        ],
    },
]
OTP = [
    {"type": "BODY", "add_security_recommendation": True},
    {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
]


def body(*texts: Any) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": text} for text in texts]}


def button(index: Any, sub_type: str, parameter: dict[str, Any]) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]}


DOCUMENT = {
    "type": "header",
    "parameters": [{"type": "document", "document": {"link": "https://a.example/a.pdf"}}],
}
URL = button("1", "url", {"type": "text", "text": "suffix"})
COUPON = button(2, "copy_code", {"type": "coupon_code", "coupon_code": "25OFF"})


def test_variables_in_order_of_first_use() -> None:
    assert variables("{{1}} and {{ 2 }} and {{1}}") == ["1", "2"]


def test_text_parameters_fit() -> None:
    assert fit(template=TEXT, components=[body("Ana", "AP-1")]) == [body("Ana", "AP-1")]


def test_a_template_without_variables_takes_an_empty_list() -> None:
    assert fit(template=[{"type": "BODY", "text": "Hi"}], components=[]) == []


def test_flat_and_nested_media_come_out_as_metas() -> None:
    flat = {
        "type": "HEADER",
        "parameters": [
            {"type": "document", "link": "https://a.example/a.pdf", "filename": "a.pdf"}
        ],
    }

    out = fit(template=FULL, components=[flat, body("Ana"), URL, COUPON])

    assert out[0] == {
        "type": "header",
        "parameters": [
            {
                "type": "document",
                "document": {"link": "https://a.example/a.pdf", "filename": "a.pdf"},
            }
        ],
    }
    assert [component["type"] for component in out] == ["header", "body", "button", "button"]


def test_named_parameters_are_matched_by_name_in_any_order() -> None:
    given = {
        "type": "body",
        "parameters": [
            {"type": "text", "parameter_name": "order", "text": "AP-1"},
            {"type": "text", "parameter_name": "first_name", "text": "Ana"},
        ],
    }

    [out] = fit(template=NAMED, components=[given])

    assert [(p["parameter_name"], p["text"]) for p in out["parameters"]] == [
        ("first_name", "Ana"),
        ("order", "AP-1"),
    ]


def test_currency_and_date_time_are_values() -> None:
    given = {
        "type": "body",
        "parameters": [
            {
                "type": "currency",
                "currency": {"fallback_value": "$1", "code": "USD", "amount_1000": 1000},
            },
            {"type": "date_time", "date_time": {"fallback_value": "Friday"}},
        ],
    }

    assert fit(template=TEXT, components=[given]) == [given]


def test_a_code_fills_body_and_button() -> None:
    given = [body("123456"), button("0", "url", {"type": "text", "text": "123456"})]

    assert fit(template=OTP, components=given, authentication=True) == given


@pytest.mark.parametrize(
    ("template", "components", "where"),
    [
        (TEXT, "text", "components"),
        (TEXT, [1], "components[0]"),
        (TEXT, [{"type": 5}], "components[0]"),
        (TEXT, [], "body"),
        (TEXT, [body("one")], "body"),
        (TEXT, [body("one", "two", "three")], "body"),
        (TEXT, [body("one", "two"), body("one", "two")], "body"),
        (TEXT, [body("one", "")], "body parameter 2"),
        (TEXT, [body("one", "two\nlines")], "body parameter 2"),
        (TEXT, [body("one", "a     b")], "body parameter 2"),
        (TEXT, [body("one", "x" * 1100)], "body"),
        (TEXT, [body("one", ["two"])], "body parameter 2"),
        (TEXT, [{"type": "body", "parameters": "one"}], "body"),
        (
            TEXT,
            [{"type": "body", "parameters": [{"type": "image"}, {"type": "text"}]}],
            "body parameter 1",
        ),
        (TEXT, [body("one", "two"), DOCUMENT], "header"),
        (TEXT, [body("one", "two"), URL], "button 1"),
        (NAMED, [body("one", "two")], "body"),
        (FULL, [body("one"), URL, COUPON], "header"),
        (
            FULL,
            [{"type": "header", "parameters": [{"type": "image", "link": "https://a.example/a"}]}],
            "header",
        ),
        (
            FULL,
            [{"type": "header", "parameters": [{"type": "document", "link": "file:///etc"}]}],
            "header",
        ),
        (FULL, [DOCUMENT, body("one"), COUPON], "button 1"),
        (FULL, [DOCUMENT, body("one"), button("1", "quick_reply", {}), COUPON], "button 1"),
        (FULL, [DOCUMENT, body("one"), button("x", "url", {}), COUPON], "button"),
        (FULL, [DOCUMENT, body("one"), button(-1, "url", {}), COUPON], "button"),
        (
            FULL,
            [
                DOCUMENT,
                body("one"),
                URL,
                button("2", "copy_code", {"type": "coupon_code", "coupon_code": "x" * 16}),
            ],
            "button 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    template: list[dict[str, Any]], components: Any, where: str
) -> None:
    with pytest.raises(InvalidComponents) as refused:
        fit(template=template, components=components)

    assert refused.value.param == where


def test_a_long_code_is_refused() -> None:
    with pytest.raises(InvalidComponents):
        fit(template=OTP, components=[body("1" * 16)], authentication=True)


CAROUSEL = [
    {"type": "BODY", "text": "Look"},
    {
        "type": "CAROUSEL",
        "cards": [{"components": [{"type": "HEADER", "format": "IMAGE"}]}] * 2,
    },
]


def test_carousel_cards_are_checked_each() -> None:
    image = {"type": "header", "parameters": [{"type": "image", "link": "https://a.example/1.png"}]}
    cards = [{"card_index": n, "components": [image]} for n in range(2)]

    [out] = fit(template=CAROUSEL, components=[{"type": "carousel", "cards": cards}])
    with pytest.raises(InvalidComponents, match="carousel card 1: header"):
        fit(
            template=CAROUSEL,
            components=[{"type": "carousel", "cards": [cards[0], {"components": []}]}],
        )

    assert [card["card_index"] for card in out["cards"]] == [0, 1]
