"""What Meta takes as a template, and how each fault is named.

The recorded templates are the examples of Meta's own OpenAPI file (v23.0), as they stand there.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companies.graph.sandbox import template_rules
from templates_app import lint
from templates_app.lint import Finding, Other, Severity

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "tests/fixtures/meta/templates").glob("*.json"))
SEEDS = orjson.loads((ROOT / "companies/graph/sandbox/seed_templates.json").read_bytes())

Json = dict[str, Any]


def check(*components: Any, **fields: Any) -> list[Finding]:
    whole: Any = {
        "name": "order_update",
        "language": "en",
        "category": "UTILITY",
        "components": list(components),
        **fields,
    }
    return lint.check(**whole)


def codes(*components: Any, **fields: Any) -> list[str]:
    return [finding.code for finding in check(*components, **fields)]


def body(text: str = "Your order has left our warehouse.", *samples: str, **more: Any) -> Json:
    example = {"example": {"body_text": [list(samples)]}} if samples else {}
    return {"type": "BODY", "text": text, **example, **more}


def header(text: str = "Your order", *samples: str) -> Json:
    example = {"example": {"header_text": list(samples)}} if samples else {}
    return {"type": "HEADER", "format": "TEXT", "text": text, **example}


def media(kind: str = "IMAGE", handle: str = "4::aGFuZGxl") -> Json:
    return {"type": "HEADER", "format": kind, "example": {"header_handle": [handle]}}


def footer(text: str = "Reply STOP to opt out") -> Json:
    return {"type": "FOOTER", "text": text}


def buttons(*items: Any) -> Json:
    return {"type": "BUTTONS", "buttons": list(items)}


def reply(text: str = "Yes") -> Json:
    return {"type": "QUICK_REPLY", "text": text}


def url(link: str = "https://a.example/shop", **more: Any) -> Json:
    return {"type": "URL", "text": "Open", "url": link, **more}


def phone(number: str = "+254700000001") -> Json:
    return {"type": "PHONE_NUMBER", "text": "Call", "phone_number": number}


def copy_code(example: Any = "SUMMER25") -> Json:
    return {"type": "COPY_CODE", "example": example}


def flow(**more: Any) -> Json:
    return {"type": "FLOW", "text": "Go", "flow_id": "1", **more}


def card(*parts: Json) -> Json:
    return {"components": list(parts or (media(), body("A shoe"), buttons(reply())))}


def carousel(*cards: Any) -> Json:
    return {"type": "CAROUSEL", "cards": list(cards)}


def offer(text: Any = "Ends soon!", **more: Any) -> Json:
    return {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": text, **more}}


def otp(**more: Any) -> Json:
    return buttons({"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code", **more})


def one_tap(**more: Any) -> Json:
    app = {"package_name": "com.example.app", "signature_hash": "K8a/AINcGX7"}
    return otp(**{"otp_type": "ONE_TAP", "supported_apps": [app], **more})


FIXED = {"type": "BODY", "add_security_recommendation": True}
MINUTES = {"type": "FOOTER", "code_expiration_minutes": 10}
MARKETING = {"category": "MARKETING"}
AUTH = {"category": "AUTHENTICATION"}
NAMED = {"parameter_format": "NAMED"}
NAMED_BODY = body(
    "Hello {{first_name}}, your order is on its way.",
    example={"body_text_named_params": [{"param_name": "first_name", "example": "Ana"}]},
)


# --- What Meta takes ------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_of_metas_own_documents_have_no_error(path: Path) -> None:
    template = orjson.loads(path.read_bytes())
    if template["name"].startswith("<"):  # a place to write a name into
        template["name"] = "template_name"

    assert lint.errors_in(lint.check(**template)) == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed['name']}-{seed['language']}")
def test_what_is_approved_already_has_no_error(seed: Json) -> None:
    fields = ("name", "language", "category", "components", "parameter_format")

    assert lint.errors_in(lint.check(**{name: seed[name] for name in fields})) == []


@pytest.mark.parametrize(
    ("components", "fields"),
    [
        ([body()], {}),
        ([header("Order {{1}}", "A-1"), body("Hi {{1}}, it is {{2}} now.", "Ana", "here")], {}),
        ([NAMED_BODY], NAMED),
        ([media("VIDEO"), body(), footer(), buttons(reply(), reply("No"))], {}),
        ([{"type": "HEADER", "format": "LOCATION"}, body()], {}),
        ([body(), buttons(url("https://a.example/{{1}}", example=["https://a.example/5"]))], {}),
        ([body(), buttons(flow(flow_action="navigate", icon="REVIEW"))], {}),
        ([body(), carousel(card(), card())], MARKETING),
        ([media(), body(), offer(has_expiration=True), buttons(copy_code(), url())], MARKETING),
        ([FIXED, MINUTES, otp()], AUTH),
        ([FIXED, one_tap()], AUTH),
        ([{**body(), "type": "body"}], {"category": "utility"}),
    ],
)
def test_nothing_is_said_of_a_good_template(components: list[Json], fields: Json) -> None:
    assert check(*components, **fields) == []


# --- What it does not -----------------------------------------------------------------

# A code, the components with that fault and no other, and what else is said of the template.
FAULTS: list[tuple[str, list[Any], Json]] = [
    ("name_missing", [body()], {"name": ""}),
    ("name_invalid", [body()], {"name": "Order-Update"}),
    ("name_invalid", [body()], {"name": "order\n"}),
    ("name_too_long", [body()], {"name": "x" * 513}),
    ("language_missing", [body()], {"language": None}),
    ("language_unknown", [body()], {"language": "en-US"}),
    ("category_missing", [body()], {"category": None}),
    ("category_unknown", [body()], {"category": "PROMO"}),
    ("parameter_format_unknown", [body()], {"parameter_format": "ROMAN"}),
    ("components_missing", [], {"components": None}),
    ("components_not_array", [], {"components": {"type": "BODY"}}),
    ("components_too_large", [], {"components": [{"type": "BODY", "text": "Hi"}] * 100_000}),
    ("component_not_object", [body(), 5], {}),
    ("component_unknown", [body(), {"type": "SONG"}], {}),
    ("component_twice", [body(), footer(), footer()], {}),
    ("body_missing", [footer()], {}),
    ("text_unstorable", [body("Your order\x00 is here.")], {}),
    ("category_sounds_like_marketing", [body("Get 20% off your next order today.")], {}),
    ("category_sounds_like_authentication", [body("Here is your one-time code for us.")], {}),
    ("text_missing", [body("  ")], {}),
    ("text_too_long", [body("x" * 1025)], {}),
    ("text_too_long", [header("x" * 61), body()], {}),
    ("text_too_long", [body(), footer("x" * 61)], {}),
    ("text_too_long", [media(), body("x" * 601), offer()], MARKETING),
    (
        "text_too_long",
        [body(), carousel(*[card(media(), body("x" * 161), buttons(reply()))] * 2)],
        MARKETING,
    ),
    ("header_format_unknown", [{"type": "HEADER", "format": "SONG"}, body()], {}),
    ("header_product_outside_card", [{"type": "HEADER", "format": "PRODUCT"}, body()], {}),
    ("header_sample_missing", [{"type": "HEADER", "format": "IMAGE"}, body()], {}),
    ("header_sample_is_link", [media(handle="https://a.example/a.jpg"), body()], {}),
    ("header_line_break", [header("Your\norder"), body()], {}),
    ("header_emoji", [header("Your order 🎉"), body()], {}),
    ("header_marks", [header("Your *order*"), body()], {}),
    ("body_emoji_too_many", [body("Here it is: " + "🎉" * 11)], {}),
    ("body_blank_lines", [body("Your order\n\n\nis here.")], {}),
    ("text_shortener", [body("See it at https://bit.ly/abc today.")], {}),
    ("text_wa_me", [body("Write to https://wa.me/254700000001 today.")], {}),
    ("text_bare_domain", [body("See it at shop.example.com today.")], {}),
    ("footer_line_break", [body(), footer("Bye\nnow")], {}),
    ("footer_emoji", [body(), footer("Bye 🎉")], {}),
    ("footer_marks", [body(), footer("*Bye*")], {}),
    ("braces_unbalanced", [body("Hello {{1}, your order is here.")], {}),
    ("variable_not_number", [body("Hello {{name}}, your order is here.", "Ana")], {}),
    ("variable_name_invalid", [body("Hello {{Name}}, your order is here.")], NAMED),
    (
        "variables_out_of_sequence",
        [body("Hello {{2}}, your order.", example={"body_text": [["a"]]})],
        {},
    ),
    ("header_variables_too_many", [header("For {{1}} and {{2}}", "Ana", "Ben"), body()], {}),
    ("body_starts_with_variable", [body("{{1}}, your order is here.", "Ana")], {}),
    ("body_ends_with_variable", [body("Your order has come, {{1}}", "Ana")], {}),
    ("variables_adjacent", [body("Hello dear {{1}} {{2}}, it is here.", "Ana", "Bell")], {}),
    ("variables_too_many", [body("Hi {{1}}, at {{2}} and.", "Ana", "10:00")], {}),
    ("footer_variables", [body(), footer("Bye {{1}}")], {}),
    ("example_not_object", [body(example="Ana")], {}),
    ("sample_missing", [body("Hello {{1}}, your order is here.")], {}),
    ("sample_missing", [header("Order {{1}}"), body()], {}),
    ("samples_too_many", [body("Hello {{1}}, your order is here.", "Ana", "Bell")], {}),
    ("sample_is_variable", [body("Hello {{1}}, your order is here.", "{{1}}")], {}),
    ("buttons_missing", [body(), buttons()], {}),
    ("buttons_too_many", [body(), buttons(url(), *[reply(f"No {n}") for n in range(10)])], {}),
    (
        "buttons_too_many",
        [body(), carousel(*[card(media(), buttons(reply("1"), reply("2"), reply("3")))] * 2)],
        MARKETING,
    ),
    ("button_not_object", [body(), buttons(5)], {}),
    ("button_unknown", [body(), buttons({"type": "FAX", "text": "Fax"})], {}),
    ("button_unknown", [body(), otp()], {}),
    ("button_kind_too_many", [body(), buttons(phone(), {**phone(), "text": "Ring"})], {}),
    ("quick_replies_apart", [body(), buttons(reply(), url(), reply("No"))], {}),
    ("buttons_hidden_on_desktop", [body(), buttons(reply(), url())], {}),
    ("button_text_missing", [body(), buttons(reply(""))], {}),
    ("button_text_too_long", [body(), buttons(reply("x" * 26))], {}),
    ("button_text_variable", [body(), buttons(reply("Hi {{1}}"))], {}),
    ("button_text_line_break", [body(), buttons(reply("Yes\nNo"))], {}),
    ("button_text_emoji", [body(), buttons(reply("Yes 🎉"))], {}),
    ("button_text_marks", [body(), buttons(reply("*Yes*"))], {}),
    ("button_text_twice", [body(), buttons(reply(), reply())], {}),
    ("url_missing", [body(), buttons(url(""))], {}),
    ("url_invalid", [body(), buttons(url("a.example/shop"))], {}),
    ("url_too_long", [body(), buttons(url("https://a.example/" + "x" * 2000))], {}),
    (
        "url_variable_misplaced",
        [body(), buttons(url("https://a.example/{{1}}/b", example=["x"]))],
        {},
    ),
    ("url_sample_missing", [body(), buttons(url("https://a.example/{{1}}"))], {}),
    ("url_shortener", [body(), buttons(url("https://bit.ly/abc"))], {}),
    ("url_wa_me", [body(), buttons(url("https://wa.me/254700000001"))], {}),
    ("url_not_https", [body(), buttons(url("http://a.example/"))], {}),
    ("phone_missing", [body(), buttons(phone(""))], {}),
    ("phone_invalid", [body(), buttons(phone("1" * 21))], {}),
    ("phone_invalid", [body(), buttons(phone("call me"))], {}),
    ("code_sample_missing", [body(), buttons(copy_code(None))], {}),
    ("code_sample_too_long", [body(), buttons(copy_code("x" * 16))], {}),
    ("flow_missing", [body(), buttons({"type": "FLOW", "text": "Go"})], {}),
    ("flow_twice", [body(), buttons(flow(flow_name="mine"))], {}),
    ("flow_option_unknown", [body(), buttons(flow(icon="STAR"))], {}),
    ("marketing_only", [body(), carousel(card(), card())], {}),
    ("marketing_only", [media(), body(), offer()], {}),
    ("cards_count", [body(), carousel(card())], MARKETING),
    ("cards_count", [body(), carousel(*[card()] * 11)], MARKETING),
    ("card_invalid", [body(), carousel(card(), card(), 5)], MARKETING),
    ("card_part_missing", [body(), carousel(*[card(media(), body("A shoe"))] * 2)], MARKETING),
    (
        "card_part_not_allowed",
        [body(), carousel(*[card(media(), footer(), buttons(reply()))] * 2)],
        MARKETING,
    ),
    (
        "card_header_unfit",
        [body(), carousel(*[card(media("DOCUMENT"), buttons(reply()))] * 2)],
        MARKETING,
    ),
    ("cards_differ", [body(), carousel(card(), card(media("VIDEO"), buttons(reply())))], MARKETING),
    ("carousel_beside_others", [body(), footer(), carousel(card(), card())], MARKETING),
    ("offer_missing", [media(), body(), {"type": "LIMITED_TIME_OFFER"}], MARKETING),
    ("offer_text_length", [media(), body(), offer("x" * 17)], MARKETING),
    ("offer_expiry_not_boolean", [media(), body(), offer(has_expiration="yes")], MARKETING),
    ("offer_with_footer", [media(), body(), footer(), offer()], MARKETING),
    ("offer_header_unfit", [media("DOCUMENT"), body(), offer()], MARKETING),
    (
        "offer_code_not_first",
        [media(), body(), offer(has_expiration=True), buttons(url(), copy_code())],
        MARKETING,
    ),
    ("authentication_part_not_allowed", [media(), FIXED, otp()], AUTH),
    ("authentication_text_given", [body("Your code is {{1}}."), otp()], AUTH),
    (
        "authentication_advice_not_boolean",
        [{"type": "BODY", "add_security_recommendation": 1}, otp()],
        AUTH,
    ),
    ("authentication_expiry", [FIXED, {**MINUTES, "code_expiration_minutes": 91}, otp()], AUTH),
    ("authentication_expiry", [FIXED, {"type": "FOOTER"}, otp()], AUTH),
    ("authentication_button_missing", [FIXED], AUTH),
    ("authentication_button_missing", [FIXED, buttons(reply())], AUTH),
    ("otp_type_unknown", [FIXED, otp(otp_type="MAIL")], AUTH),
    ("otp_text_invalid", [FIXED, otp(text=5)], AUTH),
    ("button_text_too_long", [FIXED, otp(autofill_text="x" * 26)], AUTH),
    ("otp_apps_count", [FIXED, one_tap(supported_apps=[])], AUTH),
    ("otp_app_invalid", [FIXED, one_tap(supported_apps=[{"package_name": "a.b"}])], AUTH),
    ("otp_terms", [FIXED, one_tap(otp_type="ZERO_TAP")], AUTH),
]


@pytest.mark.parametrize(
    ("code", "components", "fields"),
    FAULTS,
    ids=[f"{at}-{fault[0]}" for at, fault in enumerate(FAULTS)],
)
def test_a_fault_is_found_by_name_and_no_other(code: str, components: Any, fields: Json) -> None:
    found = check(*components, **fields)

    faults = lint.errors_in(found) or found
    assert {finding.code for finding in faults} == {code}
    assert all(finding.message and finding.remedy and finding.component for finding in found)


OTHERS = [
    Other(name="delivery", language="en", category="UTILITY", body="Your ORDER {{1}} is here.")
]


def test_a_body_that_another_template_has_is_a_duplicate() -> None:
    text = body("Your order  {{1}} is here.", "A-1")

    assert codes(text, others=OTHERS) == ["body_duplicate"]
    assert codes(text, others=OTHERS, name="delivery") == []  # another language of the same


def test_all_languages_of_a_name_have_one_category() -> None:
    assert codes(body(), name="delivery", others=OTHERS, **MARKETING) == ["category_differs"]


def test_every_rule_has_a_test() -> None:
    tested = {code for code, _components, _fields in FAULTS}

    assert lint.RULES.keys() - tested == {"body_duplicate", "category_differs"}


def test_a_finding_names_the_part_the_limit_and_the_remedy() -> None:
    [finding] = check(body(), footer("x" * 61))

    assert finding == Finding(
        code="text_too_long",
        severity=Severity.ERROR,
        component="components[1].text",
        message="The FOOTER has 61 characters; Meta allows 60 here.",
        remedy="Shorten it.",
    )


def test_errors_come_before_warnings() -> None:
    found = codes(body("Get 20% off, {{1}}", "Ana"))

    assert found == ["body_ends_with_variable", "category_sounds_like_marketing"]


def test_missing_samples_can_wait() -> None:
    found = check(body("Hello {{1}}, your order is here."))

    assert lint.errors_in(found)
    assert not lint.errors_in(found, samples=False)


@pytest.mark.parametrize(
    "text", ["Mr.Smith is here now.", "It costs 5.00 dollars.", "a@b.example.com"]
)
def test_what_only_looks_like_a_domain_is_none(text: str) -> None:
    assert codes(body(text)) == []


# --- Whatever comes -------------------------------------------------------------------

_WORDS = st.sampled_from(
    [
        *("type", "format", "text", "example", "buttons", "cards", "components", "url", "OTP"),
        *("HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER", "TEXT", "IMAGE"),
        *("limited_time_offer", "QUICK_REPLY", "URL", "FLOW", "COPY_CODE", "has_expiration"),
        *("body_text", "header_handle", "otp_type", "ONE_TAP", "supported_apps", "{{1}}", "{{a}}"),
        *("AUTHENTICATION", "MARKETING", "https://[", "{{", "}}", "code_expiration_minutes"),
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=6),
    max_leaves=25,
)
_KINDS = st.sampled_from(["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER"])
_FIELDS = st.dictionaries(_WORDS, _JSON, max_size=5)
_COMPONENTS = st.lists(
    st.builds(lambda kind, rest: {**rest, "type": kind}, _KINDS, _FIELDS), max_size=5
)


@settings(max_examples=300, deadline=None)
@given(name=_JSON, language=_JSON, category=_JSON | _WORDS, components=_JSON | _COMPONENTS)
def test_whatever_json_comes_is_answered(
    name: Any, language: Any, category: Any, components: Any
) -> None:
    found = lint.check(name=name, language=language, category=category, components=components)

    assert all(isinstance(finding, Finding) for finding in found)
    lint.spelled(components)


_TEXT = st.text("ab {}12\n*🎉", max_size=30) | st.sampled_from(
    ["Hello {{1}} there.", "{{1}} there is one", "Hi {{2}} there and there", "x" * 70, "x" * 1100]
)
_BUTTON = st.sampled_from(
    [
        reply(),
        reply("x" * 30),
        url(),
        url("https://a/{{1}}"),
        phone(),
        phone(""),
        copy_code(),
        flow(),
    ]
)


@settings(max_examples=300, deadline=None)
@given(head=_TEXT, text=_TEXT, foot=_TEXT, row=st.lists(_BUTTON, max_size=4), samples=st.booleans())
def test_what_meta_refuses_we_refused_before(
    head: str, text: str, foot: str, row: list[Json], samples: bool
) -> None:
    given_samples = ["Ana"] if samples else []
    template = {
        "name": "order_update",
        "language": "en",
        "category": "UTILITY",
        "components": [
            header(head, *given_samples),
            body(text, *given_samples),
            footer(foot),
            buttons(*row),
        ],
    }
    if template_rules.check(template) is not None:
        assert lint.errors_in(lint.check(**template))
