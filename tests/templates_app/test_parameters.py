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


def buttons(**fields: Any) -> list[dict[str, Any]]:
    return [{"type": "BUTTONS", "buttons": [fields]}]


def header(kind: str, content: Any) -> dict[str, Any]:
    return {"type": "header", "parameters": [{"type": kind, kind: content}]}


SECTIONS = {"sections": [{"product_items": [{"product_retailer_id": "1"}]}]}
OFFER = [
    {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Now", "has_expiration": True}},
    {"type": "BODY", "text": "x" * 590 + " {{1}} end"},
]
CODE = {"type": "COPY_CODE", "example": "X"}


@pytest.mark.parametrize(
    ("template", "component", "where"),
    [
        # A header's variable is text, whatever a body's may be.
        (
            [{"type": "HEADER", "format": "TEXT", "text": "On {{1}}"}],
            header("date_time", {"fallback_value": "Friday"}),
            "header",
        ),
        ([{"type": "HEADER", "format": "GIF"}], {"type": "header", "parameters": []}, "header"),
        ([{"type": "HEADER", "format": "GIF"}], header("video", {"id": "1"}), "header"),
        ([{"type": "HEADER", "format": "IMAGE"}], header("image", {"id": {"a": 1}}), "header"),
        (
            [{"type": "HEADER", "format": "DOCUMENT"}],
            header("document", {"id": "1", "filename": "x" * 241}),
            "header",
        ),
        (
            [{"type": "HEADER", "format": "LOCATION"}],
            header("location", {"latitude": "north", "longitude": 1}),
            "header",
        ),
        (
            [{"type": "HEADER", "format": "LOCATION"}],
            header("location", {"latitude": 91, "longitude": 1}),
            "header",
        ),
        (
            [{"type": "HEADER", "format": "PRODUCT"}],
            header("product", {"catalog_id": "1"}),
            "header",
        ),
        (NAMED, {"type": "body", "parameters": [{"type": "text", "text": "a"}] * 2}, "body"),
        (
            NAMED,
            {
                "type": "body",
                "parameters": [{"type": "text", "text": "a", "parameter_name": ["order"]}] * 2,
            },
            "body",
        ),
        (
            buttons(**CODE),
            button(0, "copy_code", {"type": "coupon_code", "coupon_code": "25-OFF"}),
            "button 0",
        ),
        (buttons(**CODE), button("9" * 5000, "copy_code", {}), "button"),
        (
            buttons(type="MPM", text="View items"),
            button(0, "mpm", {"type": "action", "action": {}}),
            "button 0",
        ),
        (OFFER, body("x" * 7), "limited_time_offer"),
    ],
)
def test_each_part_takes_its_own_kind_of_parameter(
    template: list[dict[str, Any]], component: dict[str, Any], where: str
) -> None:
    with pytest.raises(InvalidComponents) as refused:
        fit(template=template, components=[component])

    assert refused.value.param == where


@pytest.mark.parametrize(
    ("template", "component"),
    [
        ([{"type": "HEADER", "format": "GIF"}], header("gif", {"id": "1"})),
        (
            [{"type": "HEADER", "format": "LOCATION"}],
            header("location", {"latitude": "-1.28", "longitude": 36.8, "name": "Shop"}),
        ),
        (
            [{"type": "HEADER", "format": "PRODUCT"}],
            header("product", {"catalog_id": "1", "product_retailer_id": "2"}),
        ),
        (
            buttons(type="MPM", text="View items"),
            button("0", "mpm", {"type": "action", "action": SECTIONS}),
        ),
    ],
)
def test_what_fits_comes_out_as_it_was(
    template: list[dict[str, Any]], component: dict[str, Any]
) -> None:
    assert fit(template=template, components=[component]) == [component]


def test_the_offers_body_is_shorter() -> None:
    ends = header("limited_time_offer", {"expiration_time_ms": 1_800_000_000_000})
    ends["type"] = "limited_time_offer"

    fit(template=OFFER, components=[ends, body("x" * 5)])
    with pytest.raises(InvalidComponents, match="is 601 characters when filled in"):
        fit(template=OFFER, components=[ends, body("x" * 6)])


def test_the_first_parameter_is_the_variable_one_wherever_it_stands() -> None:
    template = [{"type": "BODY", "text": "To {{2}} and to {{2}} from {{1}}" + "." * 960}]

    fit(template=template, components=[body("x" * 40, "y")])
    with pytest.raises(InvalidComponents, match="when filled in"):
        fit(template=template, components=[body("x", "y" * 40)])


def test_a_catalogs_button_needs_no_component_and_a_flows_always_has_one() -> None:
    assert fit(template=buttons(type="CATALOG", text="View catalog"), components=[]) == []
    assert fit(template=buttons(type="FLOW", text="Go", flow_id="1"), components=[]) == [
        button("0", "flow", {"type": "action", "action": {}})
    ]


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


def test_cards_come_in_the_order_of_their_index() -> None:
    cards = [
        {"card_index": n, "components": [header("image", {"link": f"https://a.example/{n}.png"})]}
        for n in (1, 0)
    ]

    [out] = fit(template=CAROUSEL, components=[{"type": "carousel", "cards": cards}])

    assert out["cards"] == cards[::-1]
    for wrong in (0, 2, "1", True):
        with pytest.raises(InvalidComponents, match="card_index must be"):
            twice = [{**cards[0], "card_index": wrong}, cards[1]]
            fit(template=CAROUSEL, components=[{"type": "carousel", "cards": twice}])


def test_of_products_more_cards_may_be_sent_than_the_template_has() -> None:
    template_card = {
        "components": [
            {"type": "HEADER", "format": "PRODUCT"},
            {"type": "BUTTONS", "buttons": [{"type": "SPM", "text": "View"}]},
        ]
    }
    template = [
        {"type": "BODY", "text": "Look"},
        {"type": "CAROUSEL", "cards": [template_card] * 2},
    ]
    product = header("product", {"catalog_id": "1", "product_retailer_id": "2"})

    for count in (2, 5, 10):
        cards = [{"components": [product]}] * count
        [out] = fit(template=template, components=[{"type": "carousel", "cards": cards}])
        assert len(out["cards"]) == count
    for count in (1, 11):
        with pytest.raises(InvalidComponents, match="needs 2 to 10 cards"):
            cards = [{"components": [product]}] * count
            fit(template=template, components=[{"type": "carousel", "cards": cards}])
