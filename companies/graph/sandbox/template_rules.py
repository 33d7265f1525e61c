"""Whether Meta would take a template as it is created or edited, and with which error not.

Pure: check(body) takes the body of POST /{waba}/message_templates. What a reviewer rejects later
is in rejection_of. Limits are Meta's, in characters.
"""

import re
from typing import Any, Final

from .errors import GraphError, Refused, management, missing, param
from .fields import require_list, require_object
from .languages import LANGUAGES
from .template_buttons import check_buttons, check_otp_buttons
from .template_texts import check_body, check_footer, check_header, missing_fields

MAX_NAME = 512
MAX_BODY = 1024
MAX_OFFER_BODY = 600
MAX_CARD_BODY = 160
CATEGORIES: Final = ("AUTHENTICATION", "MARKETING", "UTILITY")
COMPONENTS: Final = (
    "HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER",
    "CALL_PERMISSION_REQUEST",
)  # fmt: skip
# (least, most) seconds; -1 stands for 30 days
TTL: Final = {
    "AUTHENTICATION": (30, 900),
    "UTILITY": (30, 43_200),
    "MARKETING": (43_200, 2_592_000),
}
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_ADJACENT: Final = re.compile(r"\}\}\s*\{\{")

Component = dict[str, Any]


def check(body: dict[str, Any]) -> GraphError | None:
    """A new template: its name, language, category and components."""
    try:
        _name(body)
        _language(body)
        category = category_of(body)
        _ttl(body, category)
        _components(body, category)
    except Refused as refusal:
        return refusal.error
    return None


def check_edit(body: dict[str, Any], category: str, parameter_format: str) -> GraphError | None:
    """The parts of a template that an edit may bring."""
    try:
        if "category" in body:
            category = category_of(body)
        _ttl(body, category)
        if "components" in body:
            _components({"parameter_format": parameter_format, **body}, category)
    except Refused as refusal:
        return refusal.error
    return None


def _name(body: dict[str, Any]) -> None:
    name = body.get("name")
    if not name:
        raise missing("name")
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise param(f"Param name must be at most {MAX_NAME} characters long.")
    if not _NAME_CHARACTERS.issuperset(name):
        raise management(
            None,
            "Invalid template name",
            "Message template name can only have lowercase letters, numbers and underscores.",
        )


def _language(body: dict[str, Any]) -> None:
    language = body.get("language")
    if not language:
        raise missing("language")
    if not isinstance(language, str) or language not in LANGUAGES:
        raise param(f'Param language must be one of the supported languages - got "{language}".')


def category_of(body: dict[str, Any]) -> str:
    category = body.get("category")
    if not category:
        raise missing("category")
    upper = str(category).upper()
    if upper not in CATEGORIES:
        raise param(
            f'Param category must be one of {{{", ".join(CATEGORIES)}}} - got "{category}".'
        )
    return upper


def format_of(body: dict[str, Any]) -> str:
    chosen = str(body.get("parameter_format") or "POSITIONAL").upper()
    if chosen not in ("POSITIONAL", "NAMED"):
        raise param("Param parameter_format must be one of {POSITIONAL, NAMED}.")
    return chosen


def _ttl(body: dict[str, Any], category: str) -> None:
    ttl = body.get("message_send_ttl_seconds")
    if ttl is None or (ttl == -1 and category != "MARKETING"):
        return
    least, most = TTL[category]
    if isinstance(ttl, bool) or not isinstance(ttl, int) or not least <= ttl <= most:
        raise param(f"Param message_send_ttl_seconds must be between {least} and {most}.")


def _components(body: dict[str, Any], category: str) -> None:
    named = format_of(body) == "NAMED"
    components = require_list(body.get("components"), "components")
    by_kind = _by_kind(components, "components")
    if category == "AUTHENTICATION":
        _authentication(by_kind)
        return
    if "BODY" not in by_kind:
        raise missing_fields("template", "BODY")
    offer = by_kind.get("LIMITED_TIME_OFFER")
    _check_parts(by_kind, named=named, body_limit=MAX_OFFER_BODY if offer else MAX_BODY)
    if offer is not None:
        _offer(offer, by_kind, category)
    if "CAROUSEL" in by_kind:
        _carousel(by_kind["CAROUSEL"], category, named=named)


def _by_kind(components: list[Any], where: str) -> dict[str, Component]:
    found: dict[str, Component] = {}
    for at, component in enumerate(components):
        given = require_object(component, f"{where}[{at}]").get("type")
        kind = str(given).upper()
        if kind not in COMPONENTS:
            raise param(
                f"Param {where}[{at}]['type'] must be one of {{{', '.join(COMPONENTS)}}} - "
                f'got "{given}".'
            )
        if kind in found:
            raise management(None, None, f"There is more than one component of type {kind}.")
        found[kind] = component
    return found


def _check_parts(
    by_kind: dict[str, Component], *, named: bool, body_limit: int, in_card: bool = False
) -> None:
    if "HEADER" in by_kind:
        check_header(by_kind["HEADER"], named=named)
    if "BODY" in by_kind:
        check_body(by_kind["BODY"], named=named, limit=body_limit)
    if "FOOTER" in by_kind:
        check_footer(by_kind["FOOTER"])
    if "BUTTONS" in by_kind:
        check_buttons(by_kind["BUTTONS"], in_card=in_card)


def _offer(offer: Component, by_kind: dict[str, Component], category: str) -> None:
    content = require_object(offer.get("limited_time_offer"), "limited_time_offer")
    text = content.get("text")
    if not isinstance(text, str) or not 1 <= len(text) <= 16:
        raise management(None, None, "The text of a limited-time offer has 1 to 16 characters.")
    if category != "MARKETING" or "FOOTER" in by_kind:
        raise management(None, None, "Limited-time offers are for marketing, without a footer.")


def _carousel(carousel: Component, category: str, *, named: bool) -> None:
    cards = require_list(carousel.get("cards"), "cards")
    if category != "MARKETING" or not 2 <= len(cards) <= 10:
        raise management(None, None, "Carousels are for marketing and have 2 to 10 cards.")
    kinds = []
    for at, card in enumerate(cards):
        where = f"cards[{at}]"
        components = require_list(require_object(card, where).get("components"), where)
        by_kind = _by_kind(components, f"{where}['components']")
        if "HEADER" not in by_kind or "BUTTONS" not in by_kind:
            raise management(None, None, "Every card needs a header and buttons.")
        _check_parts(by_kind, named=named, body_limit=MAX_CARD_BODY, in_card=True)
        kinds.append((sorted(by_kind), str(by_kind["HEADER"].get("format")).upper()))
    if any(kind != kinds[0] for kind in kinds):
        raise management(None, None, "All cards must have the same components.")


def _authentication(by_kind: dict[str, Component]) -> None:
    """Meta writes the text; only a few switches are ours."""
    if by_kind.keys() - {"BODY", "FOOTER", "BUTTONS"}:
        raise management(None, None, "Authentication templates have body, footer and buttons only.")
    if "text" in by_kind.get("BODY", {}):
        raise management(None, None, "The body text of authentication templates is fixed.")
    minutes = by_kind.get("FOOTER", {}).get("code_expiration_minutes", 10)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= 90:
        raise param("Param code_expiration_minutes must be between 1 and 90.")
    if "BUTTONS" not in by_kind:
        raise missing_fields("template", "BUTTONS")
    check_otp_buttons(by_kind["BUTTONS"])


def rejection_of(template: dict[str, Any]) -> dict[str, str] | None:
    """What a reviewer finds: the reason and the advice, or None."""
    if "reject" in template["name"]:
        return {
            "reason": "The name of the template asks for a rejection.",
            "recommendation": "Choose a name without the word reject.",
        }
    texts = [c.get("text") or "" for c in template["components"] if isinstance(c, dict)]
    if any(_ADJACENT.search(text) for text in texts):
        return {
            "reason": "Your template has parameters placed next to each other with no text "
            "between them.",
            "recommendation": "Separate the parameters with text.",
        }
    return None
