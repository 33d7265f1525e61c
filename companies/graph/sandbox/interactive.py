"""Interactive messages: buttons, lists, links, flows, products, carousels. Pure."""

from collections.abc import Callable
from typing import Any, Final

from .errors import missing, param, refuse
from .fields import check_media, require_list, require_object

MAX_BODY = 1024
MAX_LIST_BODY = 4096
MAX_HEADER = MAX_FOOTER = 60
MAX_BUTTONS = 3
MAX_BUTTON_TITLE = 20
MAX_BUTTON_ID = 256
MAX_SECTIONS = 10
MAX_ROWS = 10  # over all sections
MAX_ROW_ID = 200
MAX_ROW_TITLE = MAX_SECTION_TITLE = 24
MAX_ROW_DESCRIPTION = 72
MAX_PRODUCTS = 30
MAX_FLOW_CTA = 30
MAX_CARD_BODY = 160

Content = dict[str, Any]
MEDIA_HEADERS: Final = ("image", "video", "document")
ALL_HEADERS: Final = ("text", *MEDIA_HEADERS)


def check(content: object) -> None:
    interactive = require_object(content, "interactive")
    kind = interactive.get("type")
    if kind is None:
        raise missing("interactive['type']")
    rule = RULES.get(kind) if isinstance(kind, str) else None
    if rule is None:
        names = ", ".join(name.upper() for name in RULES)
        raise param(f"Param interactive['type'] must be one of {{{names}}} - got \"{kind}\".")
    headers, body_limit, body_needed, check_action = rule
    _header(interactive.get("header"), headers, needed=kind == "product_list")
    _part(interactive, "body", body_limit, needed=body_needed)
    _part(interactive, "footer", MAX_FOOTER, needed=False)
    if interactive.get("action") is None:
        raise refuse(131008, "interactive: action is required")
    check_action(require_object(interactive["action"], "interactive['action']"))


def _header(header: object, allowed: tuple[str, ...], *, needed: bool) -> None:
    if header is None:
        if needed:
            raise refuse(131008, "interactive: header is required")
        return
    content = require_object(header, "interactive['header']")
    kind = content.get("type")
    if kind not in allowed:
        raise refuse(131009, f"Header type {kind} is not allowed with this type of interactive")
    if kind == "text":
        _length(content.get("text"), "Header text", MAX_HEADER)
        return
    extra = ("filename",) if kind == "document" else ()
    check_media(content.get(kind), kind, extra, where=f"interactive['header']['{kind}']")


def _part(owner: Content, name: str, limit: int, *, needed: bool) -> None:
    part = owner.get(name)
    if part is None:
        if needed:
            raise refuse(131008, f"interactive: {name} is required")
        return
    text = require_object(part, f"interactive['{name}']").get("text")
    _length(text, f"{name.title()} text", limit)


def _length(value: object, name: str, limit: int, *, least: int = 1) -> str:
    if value is None and least == 0:
        return ""
    if not isinstance(value, str) or not least <= len(value) <= limit:
        raise refuse(131009, f"{name} length invalid. Min length: {least}, Max length: {limit}")
    return value


def _unique(values: list[str], what: str) -> None:
    if len(set(values)) != len(values):
        raise refuse(131009, f"Duplicated {what}")


def _buttons(action: Content) -> None:
    buttons = require_list(action.get("buttons"), "interactive['action']['buttons']")
    if not 1 <= len(buttons) <= MAX_BUTTONS:
        raise refuse(131009, f"Invalid buttons count. Min allowed buttons: 1, Max: {MAX_BUTTONS}")
    ids, titles = [], []
    for at, button in enumerate(buttons):
        where = f"interactive['action']['buttons'][{at}]"
        if require_object(button, where).get("type") != "reply":
            raise param(f"Param {where}['type'] must be one of {{REPLY}}.")
        reply = require_object(button.get("reply"), f"{where}['reply']")
        titles.append(_length(reply.get("title"), "Button title", MAX_BUTTON_TITLE))
        ids.append(_length(reply.get("id"), "Button id", MAX_BUTTON_ID))
    _unique(ids, "button ids")
    _unique(titles, "button titles")


def _list(action: Content) -> None:
    _length(action.get("button"), "Button title", MAX_BUTTON_TITLE)
    sections = require_list(action.get("sections"), "interactive['action']['sections']")
    if not 1 <= len(sections) <= MAX_SECTIONS:
        raise refuse(131009, f"Section count invalid. Min: 1, Max: {MAX_SECTIONS}")
    row_ids: list[str] = []
    for at, section in enumerate(sections):
        where = f"interactive['action']['sections'][{at}]"
        row_ids += _section(require_object(section, where), where, titled=len(sections) > 1)
    if len(row_ids) > MAX_ROWS:
        raise refuse(131009, f"Total row count exceed max allowed count: {MAX_ROWS}")
    _unique(row_ids, "row ids")


def _section(section: Content, where: str, *, titled: bool) -> list[str]:
    if titled or section.get("title") is not None:
        _length(section.get("title"), "Section title", MAX_SECTION_TITLE)
    rows = require_list(section.get("rows"), f"{where}['rows']")
    if not rows:
        raise refuse(131009, "Section rows count invalid. Min: 1")
    return [_row(require_object(row, f"{where}['rows'][{at}]")) for at, row in enumerate(rows)]


def _row(row: Content) -> str:
    title = row.get("title")
    if isinstance(title, str) and len(title) > MAX_ROW_TITLE:
        raise refuse(131009, f"Row title is too long. Max length is {MAX_ROW_TITLE}")
    _length(title, "Row title", MAX_ROW_TITLE)
    description = row.get("description")
    if isinstance(description, str) and len(description) > MAX_ROW_DESCRIPTION:
        raise refuse(131009, f"Row description is too long. Max length is {MAX_ROW_DESCRIPTION}")
    _length(description, "Row description", MAX_ROW_DESCRIPTION, least=0)
    return _length(row.get("id"), "Row id", MAX_ROW_ID)


def _named(action: Content, name: str) -> Content:
    if action.get("name") != name:
        raise refuse(131009, f"Action name must be {name}")
    parameters = action.get("parameters")
    return {} if parameters is None else require_object(parameters, "action['parameters']")


def _cta_url(action: Content) -> None:
    parameters = _named(action, "cta_url")
    _length(parameters.get("display_text"), "Button display text", MAX_BUTTON_TITLE)
    url = parameters.get("url")
    if not isinstance(url, str) or not url.lower().startswith(("https://", "http://")):
        raise refuse(131009, "URL is invalid")


def _location_request(action: Content) -> None:
    _named(action, "send_location")


def _flow(action: Content) -> None:
    parameters = _named(action, "flow")
    if str(parameters.get("flow_message_version")) != "3":
        raise refuse(131009, "flow_message_version must be 3")
    if bool(parameters.get("flow_id")) == bool(parameters.get("flow_name")):
        raise refuse(131009, "Either flow_id or flow_name is required")
    _length(parameters.get("flow_cta"), "Flow CTA", MAX_FLOW_CTA)
    if parameters.get("mode", "published") not in ("draft", "published"):
        raise refuse(131009, "Flow mode must be draft or published")
    if parameters.get("flow_action", "navigate") not in ("navigate", "data_exchange"):
        raise refuse(131009, "flow_action must be navigate or data_exchange")


def _product(action: Content) -> None:
    for name in ("catalog_id", "product_retailer_id"):
        if not action.get(name):
            raise refuse(131008, f"interactive: action.{name} is required")


def _product_list(action: Content) -> None:
    if not action.get("catalog_id"):
        raise refuse(131008, "interactive: action.catalog_id is required")
    sections = require_list(action.get("sections"), "interactive['action']['sections']")
    if not 1 <= len(sections) <= MAX_SECTIONS:
        raise refuse(131009, f"Section count invalid. Min: 1, Max: {MAX_SECTIONS}")
    total = 0
    for section in sections:
        items = require_object(section, "section").get("product_items")
        total += len(require_list(items, "section['product_items']"))
        if len(sections) > 1 or section.get("title") is not None:
            _length(section.get("title"), "Section title", MAX_SECTION_TITLE)
    if not 1 <= total <= MAX_PRODUCTS:
        raise refuse(131009, f"Total product count invalid. Min: 1, Max: {MAX_PRODUCTS}")


def _catalog(action: Content) -> None:
    _named(action, "catalog_message")


def _address(action: Content) -> None:
    country = _named(action, "address_message").get("country")
    if country not in ("IN", "SG"):
        raise refuse(131009, "Address messages are available in IN and SG only")


def _voice_call(action: Content) -> None:
    parameters = _named(action, "voice_call")
    _length(parameters.get("display_text"), "Button display text", MAX_BUTTON_TITLE, least=0)


def _carousel(action: Content) -> None:
    cards = require_list(action.get("cards"), "interactive['action']['cards']")
    if not 2 <= len(cards) <= 10:
        raise refuse(131009, "Carousel cards count invalid. Min: 2, Max: 10")
    for at, card in enumerate(cards):
        _card(require_object(card, f"interactive['action']['cards'][{at}]"), at)
    if len({str(card.get("type")) for card in cards}) > 1:
        raise refuse(131009, "Carousel cards must all be of the same type")


def _card(card: Content, at: int) -> None:
    if card.get("card_index") != at:
        raise refuse(131009, f"card_index must be {at}")
    action = require_object(card.get("action"), f"cards[{at}]['action']")
    if card.get("type") == "product":
        _product(action)
        return
    _header(card.get("header"), ("image", "video"), needed=True)
    if card.get("body") is not None:
        _part(card, "body", MAX_CARD_BODY, needed=True)
    if "buttons" not in action:
        _cta_url(action)
        return
    for button in require_list(action["buttons"], f"cards[{at}]['action']['buttons']"):
        reply = require_object(require_object(button, "button").get("quick_reply"), "quick_reply")
        _length(reply.get("title"), "Button title", MAX_BUTTON_TITLE)
        _length(reply.get("id"), "Button id", MAX_BUTTON_TITLE)


def _anything(action: Content) -> None:
    """Calling, contact requests and payments: taken as they come."""


# type: (headers allowed, longest body, whether a body is needed, check of the action)
Rule = tuple[tuple[str, ...], int, bool, Callable[[Content], None]]
RULES: Final[dict[str, Rule]] = {
    "button": (ALL_HEADERS, MAX_BODY, True, _buttons),
    "list": (("text",), MAX_LIST_BODY, True, _list),
    "cta_url": (ALL_HEADERS, MAX_BODY, True, _cta_url),
    "location_request_message": ((), MAX_BODY, True, _location_request),
    "flow": (ALL_HEADERS, MAX_BODY, True, _flow),
    "product": ((), MAX_BODY, False, _product),
    "product_list": (("text",), MAX_BODY, True, _product_list),
    "catalog_message": ((), MAX_BODY, True, _catalog),
    "carousel": ((), MAX_BODY, True, _carousel),
    "address_message": (ALL_HEADERS, MAX_BODY, True, _address),
    "voice_call": (ALL_HEADERS, MAX_BODY, True, _voice_call),
    "call_permission_request": (ALL_HEADERS, MAX_BODY, False, _anything),
    "request_contact_info": (ALL_HEADERS, MAX_BODY, False, _anything),
    "order_details": (ALL_HEADERS, MAX_BODY, True, _anything),
    "order_status": (ALL_HEADERS, MAX_BODY, True, _anything),
}
