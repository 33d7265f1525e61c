"""Templates as companies write them and what is sent with them, for tests that try many of both: right
ones, and right ones in which something was changed.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
Draw = Any

HANDLE = {"header_handle": ["4::aGFuZGxl"]}
LINK = "https://files.acme.example/a.bin"
WORDS = [
    "we",
    "hope",
    "that",
    "all",
    "of",
    "it",
    "is",
    "well",
    "and",
    "what",
    "you",
    "need",
    "today",
]
NAMES = ["name", "order_no", "day2"]

# Characters of many kinds, none of them forbidden in a parameter.
_LETTERS = st.text(st.sampled_from("abc XYZ019éم漢😀-_.,'&%\"#"), min_size=1, max_size=12)
PLACEHOLDERS = ["{{contact.name}}", "{{ contact.custom.the city | town }}", "{{contact.phone|-}}"]
TEXTS = st.one_of(
    _LETTERS.map(lambda text: f"a{text}"),
    st.sampled_from(PLACEHOLDERS),
    st.tuples(_LETTERS, st.sampled_from(PLACEHOLDERS)).map("-".join),
)


# --- Templates ------------------------------------------------------------------------


def _sentence(variables: list[str], sizes: list[int]) -> str:
    """Words between the variables, before and behind them."""
    parts = []
    for number, name in enumerate(variables):
        size = sizes[number % len(sizes)]
        parts += [*(WORDS[at % len(WORDS)] for at in range(size + 3)), f"{{{{{name}}}}}"]
    return " ".join([*parts, *WORDS[:4]]) + "."


@st.composite
def _names(draw: Draw, named: bool, most: int = 3) -> list[str]:
    """Variables as a text has them: each of them once or twice, in any order."""
    count = draw(st.integers(0, most))
    names = NAMES[:count] if named else [str(number) for number in range(1, count + 1)]
    again = draw(st.lists(st.sampled_from(names), max_size=2)) if names and most > 1 else []
    return list(draw(st.permutations([*names, *again])))


def _samples(key: str, names: list[str], named: bool) -> Json:
    known = list(dict.fromkeys(names))
    if not known:
        return {}
    if named:
        rows = [{"param_name": name, "example": "Ana"} for name in known]
        return {"example": {f"{key}_named_params": rows}}
    samples = ["Ana"] * len(known)
    return {"example": {key: [samples] if key == "body_text" else samples}}


@st.composite
def _bodies(draw: Draw, named: bool) -> Json:
    names = draw(_names(named))
    text = _sentence(names, draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)))
    return {"type": "BODY", "text": text, **_samples("body_text", names, named)}


def _media(*kinds: str) -> st.SearchStrategy[Json]:
    return st.sampled_from(kinds).map(
        lambda kind: {"type": "HEADER", "format": kind, "example": HANDLE}
    )


@st.composite
def _text_headers(draw: Draw, named: bool) -> Json:
    names = draw(_names(named, 1))
    text = f"For {{{{{names[0]}}}}} today" if names else "For you today"
    return {
        "type": "HEADER",
        "format": "TEXT",
        "text": text,
        **_samples("header_text", names, named),
    }


def _urls(variable: str) -> st.SearchStrategy[Json]:
    base = {"type": "URL", "text": "Open"}
    link = "https://acme.example/orders"
    return st.sampled_from(
        [
            {**base, "url": link},
            {**base, "url": f"{link}/{{{{{variable}}}}}", "example": [f"{link}/17"]},
        ]
    )


PHONE = {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+254700000001"}
COPY_CODE = {"type": "COPY_CODE", "example": "25OFF"}
FLOW = {"type": "FLOW", "text": "Begin", "flow_id": "123", "flow_action": "navigate",
        "navigate_screen": "FIRST"}  # fmt: skip
REPLY = {"type": "QUICK_REPLY", "text": "Yes"}


@st.composite
def _button_rows(draw: Draw, named: bool) -> list[Json]:
    alone = draw(st.sampled_from(["", "", "", "CATALOG", "MPM", "FLOW"]))
    if alone:
        return [FLOW if alone == "FLOW" else {"type": alone, "text": "View items"}]
    replies = [{**REPLY, "text": f"Answer {number}"} for number in range(draw(st.integers(0, 3)))]
    links = draw(st.lists(_urls("day2" if named else "1"), max_size=2))
    links = [{**link, "text": f"Open {at}"} for at, link in enumerate(links)]
    others = draw(st.lists(st.sampled_from([PHONE, COPY_CODE]), max_size=2, unique_by=str))
    rest = draw(st.permutations([*links, *others]))
    row = [*replies, *rest] if draw(st.booleans()) else [*rest, *replies]
    return row or [REPLY]


@st.composite
def _cards(draw: Draw, named: bool) -> Json:
    link = draw(_urls("day2" if named else "1"))
    if draw(st.booleans()):
        row = [{"type": "SPM", "text": "View"}] if draw(st.booleans()) else [link]
        header: Json = {"type": "HEADER", "format": "PRODUCT"}
        card = [header, {"type": "BUTTONS", "buttons": row}]
        count = 2
    else:
        names = draw(_names(named, 1))
        body = {
            "type": "BODY",
            "text": _sentence(names, [0]),
            **_samples("body_text", names, named),
        }
        row = draw(st.sampled_from([[REPLY], [link], [link, REPLY]]))
        card = [draw(_media("IMAGE", "VIDEO")), {"type": "BUTTONS", "buttons": row}]
        card[1:1] = [body] if draw(st.booleans()) else []
        count = draw(st.integers(2, 4))
    return {"type": "CAROUSEL", "cards": [{"components": deepcopy(card)} for _ in range(count)]}


def _whole(category: str, components: list[Json], *, named: bool = False) -> Json:
    return {
        "name": "order_update",
        "language": "en_US",
        "category": category,
        "parameter_format": "NAMED" if named else "POSITIONAL",
        "components": components,
    }


@st.composite
def authentication(draw: Draw) -> Json:
    app = {"package_name": "com.acme.app", "signature_hash": "K8a/AINcGX7"}
    kind = draw(st.sampled_from(["COPY_CODE", "ONE_TAP", "ZERO_TAP"]))
    button: Json = {"type": "OTP", "otp_type": kind}
    if kind != "COPY_CODE":
        button |= {"supported_apps": [app], "autofill_text": "Autofill"}
    if kind == "ZERO_TAP":
        button["zero_tap_terms_accepted"] = True
    body = {"type": "BODY", "add_security_recommendation": draw(st.booleans())}
    footer = [{"type": "FOOTER", "code_expiration_minutes": 10}] if draw(st.booleans()) else []
    return _whole("AUTHENTICATION", [body, *footer, {"type": "BUTTONS", "buttons": [button]}])


@st.composite
def plain(draw: Draw) -> Json:
    named = draw(st.booleans())
    location = st.just({"type": "HEADER", "format": "LOCATION"})
    headers = st.one_of(
        st.none(), _text_headers(named), _media("IMAGE", "VIDEO", "DOCUMENT", "GIF"), location
    )
    footer = st.sampled_from([None, {"type": "FOOTER", "text": "Reply STOP to opt out"}])
    rows = st.one_of(st.none(), _button_rows(named))
    row = draw(rows)
    buttons = {"type": "BUTTONS", "buttons": row} if row else None
    parts = [draw(headers), draw(_bodies(named)), draw(footer), buttons]
    category = "MARKETING" if row and row[0]["type"] in ("CATALOG", "MPM") else "UTILITY"
    return _whole(category, [part for part in parts if part], named=named)


@st.composite
def carousels(draw: Draw) -> Json:
    named = draw(st.booleans())
    return _whole("MARKETING", [draw(_bodies(named)), draw(_cards(named))], named=named)


@st.composite
def offers(draw: Draw) -> Json:
    named, expires = draw(st.booleans()), draw(st.booleans())
    link = draw(_urls("day2" if named else "1"))
    offer = {"text": "Expires soon", "has_expiration": expires}
    parts = [
        {"type": "LIMITED_TIME_OFFER", "limited_time_offer": offer},
        draw(_media("IMAGE", "VIDEO")),
        draw(_bodies(named)),
        {"type": "BUTTONS", "buttons": [COPY_CODE, link] if expires else [link]},
    ]
    return _whole("MARKETING", parts, named=named)


TEMPLATES = st.one_of(plain(), carousels(), offers(), authentication())


# --- Parameters -----------------------------------------------------------------------


def _variables(text: str) -> list[str]:
    names = dict.fromkeys(piece.partition("}}")[0] for piece in text.split("{{")[1:])
    return sorted(names, key=lambda name: (len(name), name)) if text else []


@st.composite
def _values(draw: Draw, text: str, kinds: list[str]) -> list[Json]:
    made = []
    for name in _variables(text):
        kind, said = draw(st.sampled_from(kinds)), draw(TEXTS)
        value: Json = {"type": "text", "text": said}
        if kind == "currency":
            money = {"fallback_value": "$100.99", "code": "USD", "amount_1000": 100990}
            value = {"type": "currency", "currency": money}
        elif kind == "date_time":
            value = {"type": "date_time", "date_time": {"fallback_value": "Friday"}}
        if not name.isdigit():
            value["parameter_name"] = name
        made.append(value)
    return list(draw(st.permutations(made))) if made and "parameter_name" in made[0] else made


def _header_value(draw: Draw, kind: str) -> Json:
    if kind == "location":
        return {"type": kind, kind: {"latitude": -1.28, "longitude": "36.8", "name": "Shop"}}
    if kind == "product":
        return {"type": kind, kind: {"product_retailer_id": "1", "catalog_id": "2"}}
    source: Json = {"link": LINK} if draw(st.booleans()) else {"id": "1234567890"}
    if kind == "document":
        source["filename"] = "receipt.pdf"
    flat = {"type": kind, **source}
    return flat if draw(st.booleans()) else {"type": kind, kind: source}


_ACTIONS = {
    "MPM": {"sections": [{"title": "All", "product_items": [{"product_retailer_id": "1"}]}]},
    "CATALOG": {"thumbnail_product_retailer_id": "1"},
    "FLOW": {"flow_token": "t", "flow_action_data": {}},
}


def _button_value(draw: Draw, button: Json, code: str) -> Json | None:
    """The parameter of a button; None where it has, or needs, none."""
    kind = button["type"]
    if kind == "OTP":
        return {"type": "text", "text": code}
    if kind == "URL":
        return {"type": "text", "text": draw(TEXTS)} if "{{" in button["url"] else None
    if kind == "COPY_CODE":
        coupon = st.sampled_from(["25OFF", "A", "x" * 15, "{{contact.custom.code|NONE}}"])
        return {"type": "coupon_code", "coupon_code": draw(coupon)}
    if kind == "QUICK_REPLY" and draw(st.booleans()):
        return {"type": "payload", "payload": draw(TEXTS)}
    if kind == "MPM" or (kind in _ACTIONS and draw(st.booleans())):
        return {"type": "action", "action": _ACTIONS[kind]}
    return None


@st.composite
def parameters(draw: Draw, template: Json, code: str = "") -> list[Json]:
    """Components that fit."""
    code = code or draw(st.sampled_from(["123456", "A1b2", "9" * 15]))
    is_code = template.get("category") == "AUTHENTICATION"
    made: list[Json] = []
    for part in template["components"]:
        kind = part["type"]
        values: list[Json] = []
        if kind == "BODY" and is_code:
            values = [{"type": "text", "text": code}]
        elif kind == "BODY":
            values = draw(_values(part["text"], ["text", "text", "currency", "date_time"]))
        elif kind == "HEADER" and part["format"] == "TEXT":
            values = draw(_values(part["text"], ["text"]))
        elif kind == "HEADER":
            values = [_header_value(draw, part["format"].lower())]
        elif kind == "LIMITED_TIME_OFFER" and part["limited_time_offer"]["has_expiration"]:
            ends = {"expiration_time_ms": 1_900_000_000_000}
            values = [{"type": "limited_time_offer", "limited_time_offer": ends}]
        elif kind == "CAROUSEL":
            cards = [
                {"card_index": at, "components": draw(parameters(card))}
                for at, card in enumerate(part["cards"])
            ]
            made.append({"type": "carousel", "cards": cards})
        elif kind == "BUTTONS":
            made += _button_components(draw, part["buttons"], code)
        if values:
            made.append({"type": kind.lower(), "parameters": values})
    return made


def _button_components(draw: Draw, buttons: list[Json], code: str) -> Iterator[Json]:
    for index, button in enumerate(buttons):
        value = _button_value(draw, button, code)
        if value:
            kind = "url" if button["type"] == "OTP" else button["type"].lower()
            shown = draw(st.sampled_from([index, str(index)]))
            yield {"type": "button", "sub_type": kind, "index": shown, "parameters": [value]}


# --- What can be wrong ----------------------------------------------------------------

WRONG: list[Any] = [None, True, 0, 1, -1, 10**20, 1.5, "", " ", "x", [], {}, [{}], ["x"]]
_LONG = [f"a{'x' * length}" for length in (15, 16, 25, 60, 140, 160, 240, 256, 560, 1000, 2000)]
_WORDS: list[Any] = [
    *("", " ", "two\nlines", "a\ttab", "five     spaces", "Ana", "😀" * 11, "*bold*", "no-code"),
    *("{{1}}", "It is {{1}} we take now.", "{{2}} of {{1}} is here now", "It is all {{1}}"),
    *("{{name}} and more of it", "A {{1}}{{2}} b c d e f", "{{contact.nmae}}", "a }} b {{"),
    *_LONG,
    *(5, None),
]
_KINDS = [
    *("text", "currency", "date_time", "image", "video", "document", "location", "payload"),
    *("coupon_code", "action", "header", "body", "button", "carousel", "limited_time_offer"),
    *("HEADER", "BODY", "FOOTER", "BUTTONS", "URL", "QUICK_REPLY", "COPY_CODE", "OTP", "FLOW"),
]
_NUMBERS = [0, 1, -1, 5, 90, 91, 10**13, "0", "1", "x", 1.5, True, None]
# What stands under a key, right or wrong, but mostly of the right type.
BY_KEY: dict[str, list[Any]] = {
    **dict.fromkeys(("text", "fallback_value", "coupon_code", "payload", "example"), _WORDS),
    **dict.fromkeys(("filename", "param_name", "parameter_name", "autofill_text"), _WORDS),
    **dict.fromkeys(("type", "sub_type"), _KINDS),
    **dict.fromkeys(("index", "card_index", "expiration_time_ms", "amount_1000"), _NUMBERS),
    **dict.fromkeys(("code_expiration_minutes", "latitude", "longitude"), _NUMBERS),
    "format": ["TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "PRODUCT", "SOUND", None],
    "otp_type": ["COPY_CODE", "ONE_TAP", "ZERO_TAP", "TAP", None],
    "category": ["MARKETING", "UTILITY", "AUTHENTICATION", "utility", "OTHER"],
    "parameter_format": ["POSITIONAL", "NAMED", "named", "OTHER", None],
    "language": ["en", "en_US", "sw", "xx", "en-US"],
    "name": ["a", "A", "a b", "x" * 512, "x" * 513],
    "url": ["https://acme.example", "https://a.example/{{1}}", "{{1}}", "acme", "http://a b",
            "https://a.example/{{1}}/b", f"https://a.example/{'x' * 2000}"],
    "link": [LINK, "file:///etc", "https://a b", f"https://a.example/{'x' * 2100}"],
    "phone_number": ["+254700000001", "", "call me", "1" * 21],
    "signature_hash": ["K8a/AINcGX7", "short", None],
}  # fmt: skip
# Parameters that are right in some place.
_PARAMETERS = [
    {"type": "text", "text": "Ana"},
    {"type": "text", "text": "Ana", "parameter_name": "name"},
    {"type": "date_time", "date_time": {"fallback_value": "Friday"}},
    {"type": "image", "image": {"link": LINK}},
    {"type": "coupon_code", "coupon_code": "25OFF"},
    {"type": "payload", "payload": "yes"},
    {"type": "action", "action": {}},
]
_COMPONENTS = [
    {"type": "button", "sub_type": "url", "index": "0", "parameters": [_PARAMETERS[0]]},
    {"type": "body", "parameters": [_PARAMETERS[0]]},
    {"type": "header", "parameters": [_PARAMETERS[3]]},
    {"type": "FOOTER", "text": "Bye"},
    {"type": "CAROUSEL", "cards": []},
]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value, with each of its keys."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(pairs):
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


def each_spoilt(value: Any) -> Iterator[Any]:
    """The same value with one thing in it changed, left out or repeated: everything that there is, in
    every way. It is good until the next one is asked for.
    """
    for owner, key in list(_places(value)):
        was = owner[key]
        for other in _others(owner, key):
            owner[key] = other
            yield value
        owner[key] = was
        if isinstance(owner, list):
            owner.insert(key, was)
            yield value
            del owner[key]
        del owner[key]
        yield value
        if isinstance(owner, list):
            owner.insert(key, was)
        else:
            owner[key] = was


def _others(owner: Any, key: Any) -> Iterator[Any]:
    """What might stand there instead."""
    yield from BY_KEY.get(key, WRONG) if isinstance(key, str) else WRONG
    if isinstance(owner, list):
        parts = any(isinstance(item, dict) and "parameters" in item for item in owner)
        yield from _COMPONENTS if parts else _PARAMETERS


@st.composite
def spoilt(draw: Draw, value: Any) -> Any:
    """The value with two or three things in it changed."""
    value = deepcopy(value)
    for _ in range(draw(st.integers(2, 3))):
        places = [(owner, key) for owner, key in _places(value) if isinstance(key, str)]
        if places:
            owner, key = draw(st.sampled_from(places))
            owner[key] = deepcopy(draw(st.sampled_from(BY_KEY.get(key, WRONG))))
    return value
