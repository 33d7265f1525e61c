"""A send's components against a template."""

import pytest

from companies.graph.sandbox import template_params
from companies.graph.sandbox.templates import seeds

TEMPLATES = {(seed["name"], seed["language"]): seed for seed in seeds()}
PROMO = TEMPLATES["promo_template", "en_US"]
LINK = {"link": "https://example.com/header.jpg"}


def texts(*values):
    return [{"type": "text", "text": value} for value in values]


def body(*values):
    return {"type": "body", "parameters": texts(*values)}


def header(kind, content):
    return {"type": "header", "parameters": [{"type": kind, kind: content}]}


def url_button(*values, index="0"):
    return {"type": "button", "sub_type": "url", "index": index, "parameters": texts(*values)}


IMAGE = header("image", LINK)
FULL = [IMAGE, body("Dennis", "20% OFF"), url_button("promo123")]


def codes(template, components):
    error = template_params.check(template, components)
    return (error.code, error.details) if error else None


def make(*components, category="UTILITY", **more):
    return {"name": "t", "language": "en_US", "category": category,
            "components": list(components), **more}  # fmt: skip


def test_the_promotion_takes_what_its_contract_sends():
    assert codes(PROMO, FULL) is None


def test_types_may_be_in_upper_case_and_the_index_a_number():
    upper = [{**part, "type": part["type"].upper()} for part in FULL[:2]]

    assert codes(PROMO, [*upper, url_button("x", index=0)]) is None


RECEIPT = [
    header("document", {"link": "https://example.com/a.pdf", "filename": "a.pdf"}),
    {"type": "body", "parameters": [
        {"type": "text", "text": "Ann"},
        {"type": "currency",
         "currency": {"fallback_value": "$100.99", "code": "USD", "amount_1000": 100990}},
        {"type": "date_time", "date_time": {"fallback_value": "February 25, 1977", "month": 2}},
        {"type": "date_time",
         "date_time": {"fallback_value": "February 25, 1977", "timestamp": 1485470276}},
    ]},
]  # fmt: skip


@pytest.mark.parametrize("language", ["en_US", "zh_CN"])
def test_the_receipt_takes_text_currency_and_dates(language):
    assert codes(TEMPLATES["order_receipt", language], RECEIPT) is None


def test_the_code_goes_into_body_and_button():
    otp = TEMPLATES["otp_code", "en_US"]

    assert codes(otp, [body("123456"), url_button("123456")]) is None
    assert codes(otp, [body("123456")]) == (
        131008, "buttons: Button at index 0 of type Url requires a parameter"
    )  # fmt: skip
    assert codes(otp, [body("x" * 16), url_button("x")])[0] == 131009


@pytest.mark.parametrize("components", [None, []])
def test_a_template_without_variables_needs_nothing(components):
    assert codes(TEMPLATES["hello_world", "en_US"], components) is None


MISMATCHES = {
    "too few in the body": (
        [IMAGE, body("Dennis"), url_button("x")], 132000,
        "body: number of localizable_params (1) does not match the expected number of params (2)"),
    "too many in the body": (
        [IMAGE, body("a", "b", "c"), url_button("x")], 132000,
        "body: number of localizable_params (3) does not match the expected number of params (2)"),
    "no header": (FULL[1:], 132012,
                  "header: Format mismatch, expected IMAGE, received UNKNOWN"),
    "text in the header": ([header("text", "x"), *FULL[1:]], 132012,
                           "header: Format mismatch, expected IMAGE, received TEXT"),
    "header without a link": ([header("image", {}), *FULL[1:]], 131008,
                              "header['image']: either id or link is required"),
    "no button": (FULL[:2], 131008,
                  "buttons: Button at index 0 of type Url requires a parameter"),
    "empty text": ([IMAGE, body("", "x"), url_button("x")], 131008,
                   "body: Parameter of type text is missing text value"),
    "new line": ([IMAGE, body("a\nb", "x"), url_button("x")], 132018,
                 template_params.FORBIDDEN_TEXT),
    "five spaces": ([IMAGE, body("a     b", "x"), url_button("x")], 132018,
                    template_params.FORBIDDEN_TEXT),
    "long text": ([IMAGE, body("x" * 1000, "y" * 100), url_button("x")], 132005,
                  "body: text is too long, at most 1024 characters"),
    "second button": ([*FULL, url_button("x", index="1")], 131009,
                      "buttons: Button index 1 is not in the template"),
    "other button": ([*FULL[:2], {**FULL[2], "sub_type": "quick_reply"}], 132012,
                     "buttons: Button at index 0 of type Url: expected url, "
                     "received quick_reply"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("components", "code", "details"), MISMATCHES.values(), ids=MISMATCHES.keys()
)
def test_what_does_not_fit(components, code, details):
    assert codes(PROMO, components) == (code, details)


LIMITED_OFFER = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Now"}}
TEXT = {"type": "BODY", "text": "For {{1}} now"}
VIEW = {"type": "BUTTONS", "buttons": [{"type": "SPM", "text": "View"}]}


@pytest.mark.parametrize(
    ("parts", "most"), [([TEXT], 1024), ([LIMITED_OFFER, TEXT], 600), ([TEXT, VIEW], 160)]
)
def test_the_body_filled_in_stays_within_its_own_limit(parts, most):
    template = make(*parts, category="MARKETING")
    rest = len("For  now")

    assert codes(template, [body("x" * (most - rest))]) is None
    assert codes(template, [body("x" * (most - rest + 1))]) == (
        132005, f"body: text is too long, at most {most} characters",
    )  # fmt: skip


def test_the_body_of_a_card_is_short():
    card = {"components": [TEXT]}
    template = make({"type": "CAROUSEL", "cards": [card, card]}, category="MARKETING")

    def cards(text):
        return [{"type": "carousel", "cards": [{"components": [body(text)]}] * 2}]

    assert codes(template, cards("x" * 152)) is None
    assert codes(template, cards("x" * 153))[0] == 132005


def test_four_spaces_are_allowed():
    assert codes(PROMO, [IMAGE, body("a    b", "x"), url_button("x")]) is None


def test_an_unknown_parameter_type_is_a_bad_parameter():
    error = template_params.check(PROMO, [{"type": "body", "parameters": [{"type": "x"}]}])

    assert error.message.startswith(
        "(#100) Param template['components'][0]['parameters'][0]['type'] must be one of {"
    )


NAMED = make(
    {"type": "BODY", "text": "Hi {{first}}, your code is {{code}}, thank you."},
    parameter_format="NAMED",
)


def named(**values):
    rows = [{"type": "text", "parameter_name": n, "text": v} for n, v in values.items()]
    return [{"type": "body", "parameters": rows}]


def test_named_parameters_come_in_any_order():
    assert codes(NAMED, named(code="1", first="Ann")) is None


def test_named_parameters_need_their_names():
    assert codes(NAMED, [body("Ann", "1")]) == (100, "Parameter name is missing or empty")
    assert codes(NAMED, named(first="Ann", other="1"))[0] == 132012
    assert codes(NAMED, named(first="Ann"))[0] == 132000


def test_a_static_button_takes_no_parameter():
    static = make(
        {"type": "BODY", "text": "Hello."},
        {"type": "BUTTONS", "buttons": [
            {"type": "URL", "text": "Open", "url": "https://example.com"},
            {"type": "QUICK_REPLY", "text": "Stop"}]},
    )  # fmt: skip
    reply = {"type": "button", "sub_type": "quick_reply", "index": "1"}

    assert codes(static, []) is None
    assert codes(static, [url_button("x")])[0] == 132018
    payload = [{"type": "payload", "payload": "STOP"}]
    assert codes(static, [{**reply, "parameters": payload}]) is None
    assert codes(static, [{**reply, "parameters": texts("x")}])[0] == 132012


def test_a_coupon_is_needed_and_short():
    coupon = make(
        {"type": "BODY", "text": "Hello."},
        {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "example": "25OFF"}]},
        category="MARKETING",
    )

    def button(code):
        parameters = [{"type": "coupon_code", "coupon_code": code}]
        return [{"type": "button", "sub_type": "copy_code", "index": 0, "parameters": parameters}]

    assert codes(coupon, button("25OFF")) is None
    assert codes(coupon, button("x" * 16))[0] == 131009
    assert codes(coupon, [])[0] == 131008


def card(*components):
    return {"components": list(components)}


def test_each_card_of_a_carousel_is_checked():
    template_card = card(
        {"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Only {{1}} today"}
    )
    carousel = make(
        {"type": "BODY", "text": "Look."},
        {"type": "CAROUSEL", "cards": [template_card, template_card]},
        category="MARKETING",
    )
    good, bad = card(IMAGE, body("10")), card(IMAGE)

    assert codes(carousel, [{"type": "carousel", "cards": [good, good]}]) is None
    assert codes(carousel, [{"type": "carousel", "cards": [good, bad]}])[0] == 132000
    assert codes(carousel, [{"type": "carousel", "cards": [good]}])[0] == 132000
    assert codes(carousel, [])[0] == 131008


def test_an_offer_expires_in_milliseconds():
    offer = make(
        {"type": "BODY", "text": "Hello."},
        {"type": "LIMITED_TIME_OFFER",
         "limited_time_offer": {"text": "Soon", "has_expiration": True}},
        category="MARKETING",
    )  # fmt: skip
    content = {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 12}}

    assert codes(offer, [{"type": "limited_time_offer", "parameters": [content]}]) is None
    assert codes(offer, [])[0] == 131008


@pytest.mark.parametrize(
    "components",
    ["x", {}, [1], [{}], [{"type": "body", "parameters": "x"}], [{"type": "body", "parameters": [1]}],
     [{"type": "header", "parameters": [{"type": "image", "image": 1}]}],
     [{"type": "button", "parameters": []}], [{"type": "button", "index": -1}],
     [{"type": "carousel", "cards": [1]}], [body("a"), body("a")]],
)  # fmt: skip
def test_nonsense_is_refused_without_a_crash(components):
    assert template_params.check(PROMO, components) is not None
