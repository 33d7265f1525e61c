"""What Meta takes as an `interactive` object: one table of limits, one check per type.

Limits: Meta's Cloud API, interactive messages. Each check raises InvalidInteractive with the path of
the field and the limit it breaks.
"""

from collections.abc import Callable
from typing import Any

import orjson

from config.api import ApiError
from config.links import is_web_link

Object = dict[str, Any]

MAX_HEADER, MAX_FOOTER, MAX_BODY, MAX_LIST_BODY = 60, 60, 1024, 4096
MAX_BUTTONS, MAX_BUTTON_TITLE, MAX_BUTTON_ID = 3, 20, 256
MAX_SECTIONS, MAX_SECTION_TITLE = 10, 24
MAX_ROWS, MAX_ROW_ID, MAX_ROW_TITLE, MAX_ROW_DESCRIPTION = 10, 200, 24, 72
MAX_PRODUCTS = 30
MAX_FLOW_CTA = 30
MIN_CARDS, MAX_CARDS, MAX_CARD_BODY = 2, 10, 160
# Of the whole object, bytes of JSON. What Meta adds tomorrow passes; a heap of it does not.
MAX_SIZE = 65_536
HEADER_MEDIA = ("image", "video", "document")


class InvalidInteractive(ApiError):
    code = "invalid_interactive"


def _refuse(path: str, why: str) -> InvalidInteractive:
    return InvalidInteractive(f"{path} {why}", param=path)


def _object(parent: Object, key: str, path: str) -> Object:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise _refuse(f"{path}.{key}", "is required and must be an object")
    return value


def _list(parent: Object, key: str, path: str, *, least: int, most: int) -> list[Object]:
    value = parent.get(key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _refuse(f"{path}.{key}", "is required and must be an array of objects")
    if not least <= len(value) <= most:
        raise _refuse(f"{path}.{key}", f"must have {least} to {most} items, it has {len(value)}")
    return value


def _text(parent: Object, key: str, path: str, *, most: int, required: bool = True) -> str:
    value = parent.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise _refuse(f"{path}.{key}", "is required and must be a non-empty string")
    if len(value) > most:
        raise _refuse(f"{path}.{key}", f"must be at most {most} characters, it has {len(value)}")
    return value


def _unique(values: list[str], path: str, *, what: str = "an id") -> None:
    if len(set(values)) != len(values):
        raise _refuse(path, f"must not repeat {what}")


def _header(content: Object, *, kinds: tuple[str, ...], required: bool = False) -> None:
    if content.get("header") is None:
        if required:
            raise _refuse("interactive.header", "is required for this type")
        return
    header = _object(content, "header", "interactive")
    kind = header.get("type")
    if kind not in kinds:
        allowed = ", ".join(kinds) or "no header at all"
        raise _refuse("interactive.header.type", f"must be one of: {allowed}")
    if kind == "text":
        _text(header, "text", "interactive.header", most=MAX_HEADER)
    else:
        _media(header, str(kind), "interactive.header")


def _media(parent: Object, kind: str, path: str) -> None:
    media = _object(parent, kind, path)
    known = {"id", "link", "provider"} | ({"filename"} if kind == "document" else set())
    if unknown := sorted(media.keys() - known):
        raise _refuse(f"{path}.{kind}.{unknown[0]}", "has no place here")
    if not media.get("id") and not is_web_link(media.get("link")):
        raise _refuse(f"{path}.{kind}", "needs an id or a link that is an http or https URL")


def _body(content: Object, *, most: int = MAX_BODY, required: bool = True) -> None:
    if content.get("body") is None and not required:
        return
    _text(_object(content, "body", "interactive"), "text", "interactive.body", most=most)


def _footer(content: Object) -> None:
    if content.get("footer") is not None:
        footer = _object(content, "footer", "interactive")
        _text(footer, "text", "interactive.footer", most=MAX_FOOTER)


def _named_action(content: Object, name: str) -> Object:
    action = _object(content, "action", "interactive")
    _is_named(action, name, "interactive.action")
    if action.get("parameters") is not None:
        _object(action, "parameters", "interactive.action")
    return action


def _is_named(action: Object, name: str, path: str) -> None:
    if action.get("name") != name:
        raise _refuse(f"{path}.name", f"must be {name}")


def _choice(parent: Object, key: str, path: str, *choices: str) -> None:
    if parent.get(key, choices[0]) not in choices:
        raise _refuse(f"{path}.{key}", f"must be {' or '.join(choices)}")


def _button(content: Object) -> None:
    _header(content, kinds=("text", *HEADER_MEDIA))
    _body(content)
    action = _object(content, "action", "interactive")
    path = "interactive.action.buttons"
    buttons = _list(action, "buttons", "interactive.action", least=1, most=MAX_BUTTONS)
    ids, titles = [], []
    for index, button in enumerate(buttons):
        if button.get("type") != "reply":
            raise _refuse(f"{path}[{index}].type", "must be reply")
        reply = _object(button, "reply", f"{path}[{index}]")
        ids.append(_text(reply, "id", f"{path}[{index}].reply", most=MAX_BUTTON_ID))
        titles.append(_text(reply, "title", f"{path}[{index}].reply", most=MAX_BUTTON_TITLE))
    _unique(ids, path)
    _unique(titles, path, what="a title")


def _list_message(content: Object) -> None:
    _header(content, kinds=("text",))
    _body(content, most=MAX_LIST_BODY)
    action = _object(content, "action", "interactive")
    _text(action, "button", "interactive.action", most=MAX_BUTTON_TITLE)
    sections = _sections(action)
    ids = []
    for number, section in enumerate(sections):
        path = f"interactive.action.sections[{number}]"
        for index, row in enumerate(_list(section, "rows", path, least=1, most=MAX_ROWS)):
            row_path = f"{path}.rows[{index}]"
            ids.append(_text(row, "id", row_path, most=MAX_ROW_ID))
            _text(row, "title", row_path, most=MAX_ROW_TITLE)
            _text(row, "description", row_path, most=MAX_ROW_DESCRIPTION, required=False)
    if len(ids) > MAX_ROWS:
        raise _refuse(
            "interactive.action.sections", f"may have {MAX_ROWS} rows in all, they have {len(ids)}"
        )
    _unique(ids, "interactive.action.sections")


def _sections(action: Object) -> list[Object]:
    sections = _list(action, "sections", "interactive.action", least=1, most=MAX_SECTIONS)
    for number, section in enumerate(sections):
        _text(
            section,
            "title",
            f"interactive.action.sections[{number}]",
            most=MAX_SECTION_TITLE,
            required=len(sections) > 1 or section.get("title") is not None,
        )
    return sections


def _product(content: Object) -> None:
    _header(content, kinds=())
    _body(content, required=False)
    action = _object(content, "action", "interactive")
    _text(action, "catalog_id", "interactive.action", most=64)
    _text(action, "product_retailer_id", "interactive.action", most=100)


def _product_list(content: Object) -> None:
    _header(content, kinds=("text",), required=True)
    _body(content)
    action = _object(content, "action", "interactive")
    _text(action, "catalog_id", "interactive.action", most=64)
    total = 0
    for number, section in enumerate(_sections(action)):
        path = f"interactive.action.sections[{number}]"
        items = _list(section, "product_items", path, least=1, most=MAX_PRODUCTS)
        for index, item in enumerate(items):
            _text(item, "product_retailer_id", f"{path}.product_items[{index}]", most=100)
        total += len(items)
    if total > MAX_PRODUCTS:
        raise _refuse(
            "interactive.action.sections",
            f"may have {MAX_PRODUCTS} products in all, they have {total}",
        )


def _cta_url(content: Object) -> None:
    _header(content, kinds=("text", *HEADER_MEDIA))
    _body(content)
    parameters = _object(_named_action(content, "cta_url"), "parameters", "interactive.action")
    _url_button(parameters, "interactive.action.parameters")


def _url_button(parameters: Object, path: str) -> None:
    _text(parameters, "display_text", path, most=MAX_BUTTON_TITLE)
    if not is_web_link(parameters.get("url")):
        raise _refuse(f"{path}.url", "must be an absolute http or https URL")


def _location_request(content: Object) -> None:
    _header(content, kinds=())
    _body(content)
    _named_action(content, "send_location")


def _flow(content: Object) -> None:
    _header(content, kinds=("text", *HEADER_MEDIA))
    _body(content)
    parameters = _object(_named_action(content, "flow"), "parameters", "interactive.action")
    path = "interactive.action.parameters"
    if str(parameters.get("flow_message_version")) != "3":
        raise _refuse(f"{path}.flow_message_version", 'must be "3"')
    _text(parameters, "flow_cta", path, most=MAX_FLOW_CTA)
    if bool(parameters.get("flow_id")) == bool(parameters.get("flow_name")):
        raise _refuse(path, "needs flow_id or flow_name, and not both")
    _choice(parameters, "mode", path, "draft", "published")
    _choice(parameters, "flow_action", path, "navigate", "data_exchange")
    if parameters.get("flow_action_payload") is not None:
        _object(parameters, "flow_action_payload", path)


def _catalog_message(content: Object) -> None:
    _header(content, kinds=())
    _body(content)
    _named_action(content, "catalog_message")


def _carousel(content: Object) -> None:
    _header(content, kinds=())
    _body(content)
    action = _object(content, "action", "interactive")
    cards = _list(action, "cards", "interactive.action", least=MIN_CARDS, most=MAX_CARDS)
    kinds = {str(card.get("type")) for card in cards}
    if len(kinds) > 1 or not kinds <= {"cta_url", "product"}:
        raise _refuse("interactive.action.cards", "must all have the same type, cta_url or product")
    for index, card in enumerate(cards):
        path = f"interactive.action.cards[{index}]"
        if card.get("card_index") != index or isinstance(card["card_index"], bool):
            raise _refuse(f"{path}.card_index", f"must be {index}")
        _card(card, path)


def _card(card: Object, path: str) -> None:
    action = _object(card, "action", path)
    if card["type"] == "product":
        _text(action, "catalog_id", f"{path}.action", most=64)
        _text(action, "product_retailer_id", f"{path}.action", most=100)
        return
    header = _object(card, "header", path)
    if header.get("type") not in ("image", "video"):
        raise _refuse(f"{path}.header.type", "must be image or video")
    _media(header, header["type"], f"{path}.header")
    if card.get("body") is not None:
        _text(_object(card, "body", path), "text", f"{path}.body", most=MAX_CARD_BODY)
    if "buttons" in action:
        _quick_replies(action, f"{path}.action")
        return
    _is_named(action, "cta_url", f"{path}.action")
    _url_button(_object(action, "parameters", f"{path}.action"), f"{path}.action.parameters")


def _quick_replies(action: Object, path: str) -> None:
    for index, button in enumerate(_list(action, "buttons", path, least=1, most=MAX_BUTTONS)):
        where = f"{path}.buttons[{index}]"
        reply = _object(button, "quick_reply", where)
        for key in ("id", "title"):
            _text(reply, key, f"{where}.quick_reply", most=MAX_BUTTON_TITLE)


def _address(content: Object) -> None:
    _header(content, kinds=("text", *HEADER_MEDIA))
    _body(content)
    action = _named_action(content, "address_message")
    parameters = _object(action, "parameters", "interactive.action")
    if parameters.get("country") not in ("IN", "SG"):
        raise _refuse("interactive.action.parameters.country", "must be IN or SG")


CHECKS: dict[str, Callable[[Object], None]] = {
    "button": _button,
    "list": _list_message,
    "product": _product,
    "product_list": _product_list,
    "cta_url": _cta_url,
    "location_request_message": _location_request,
    "flow": _flow,
    "catalog_message": _catalog_message,
    "carousel": _carousel,
    "address_message": _address,
}


def check(content: object) -> Object:
    """`content`, if Meta would take it as an interactive object; raises InvalidInteractive."""
    if not isinstance(content, dict):
        raise _refuse("interactive", "must be an object")
    kind = content.get("type")
    if not isinstance(kind, str) or kind not in CHECKS:
        raise _refuse("interactive.type", f"must be one of: {', '.join(CHECKS)}")
    CHECKS[kind](content)
    _footer(content)
    if len(orjson.dumps(content)) > MAX_SIZE:
        raise _refuse("interactive", f"must be at most {MAX_SIZE} bytes of JSON")
    return content
