"""Rules about carousels and limited-time offers: marketing alone may have them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from templates_app.lint.draft import MARKETING, Draft, Part, buttons_of
from templates_app.lint.rule import Hits, error

MIN_CARDS, MAX_CARDS = 2, 10
MAX_OFFER = 16
CARD_PARTS = ("HEADER", "BODY", "BUTTONS")
CARD_HEADERS = ("IMAGE", "VIDEO", "PRODUCT")
OFFER_HEADERS = ("IMAGE", "VIDEO")


@error(
    "marketing_only",
    _("A %(kind)s is for the category MARKETING only."),
    remedy=_("Choose that category, or take it out."),
)
def _marketing_only(draft: Draft) -> Hits:
    for kind in ("CAROUSEL", "LIMITED_TIME_OFFER"):
        part = draft.top(kind)
        if part and not draft.is_fixed and draft.category != MARKETING:
            yield part.where, {"kind": kind}


# --- Carousel -------------------------------------------------------------------------


@error(
    "cards_count",
    _("A carousel has %(least)s to %(most)s cards, this one %(count)s."),
    remedy=_("Add cards, or take some out."),
)
def _cards_count(draft: Draft) -> Hits:
    carousel = draft.top("CAROUSEL")
    if carousel:
        cards = carousel.data.get("cards")
        count = len(cards) if isinstance(cards, list) else 0
        if not MIN_CARDS <= count <= MAX_CARDS:
            yield (
                carousel.at("cards"),
                {"least": MIN_CARDS, "most": MAX_CARDS, "count": count},
            )


@error(
    "card_invalid",
    _("This card is no object with components."),
    remedy=_("Send its components as a JSON array."),
)
def _card_invalid(draft: Draft) -> Hits:
    for where, card in draft.raw_cards():
        if not isinstance(card, dict) or not isinstance(card.get("components"), list):
            yield where, {}


def _cards(draft: Draft) -> list[tuple[str, dict[str, Part]]]:
    """Each card that can be read, with its parts by kind."""
    readable = [where for where, card in draft.raw_cards() if isinstance(card, dict)]
    kinds = [{part.kind: part for part in parts} for parts in draft.cards]
    return list(zip(readable, kinds, strict=True))


@error(
    "card_part_missing",
    _("The card has no %(kind)s."),
    remedy=_("Each card needs a header and buttons."),
)
def _card_part_missing(draft: Draft) -> Hits:
    for where, parts in _cards(draft):
        for kind in ("HEADER", "BUTTONS"):
            if kind not in parts:
                yield where, {"kind": kind}


@error(
    "card_part_not_allowed",
    _("A card can’t have a %(kind)s."),
    remedy=_("A card has a header, a body and buttons."),
)
def _card_part_not_allowed(draft: Draft) -> Hits:
    for _where, parts in _cards(draft):
        for kind in parts.keys() - set(CARD_PARTS):
            yield parts[kind].where, {"kind": kind}


@error(
    "card_header_unfit",
    _("The header of a card can’t be of this format."),
    remedy=_("Its format is one of %(formats)s."),
)
def _card_header_unfit(draft: Draft) -> Hits:
    for _where, parts in _cards(draft):
        header = parts.get("HEADER")
        if header and header.format not in CARD_HEADERS:
            yield header.at("format"), {"formats": ", ".join(CARD_HEADERS)}


@error(
    "cards_differ",
    _("The cards differ in their parts, their header or their buttons."),
    remedy=_("Build every card like the first."),
)
def _cards_differ(draft: Draft) -> Hits:
    cards = _cards(draft)
    for where, parts in cards[1:]:
        if _structure(parts) != _structure(cards[0][1]):
            yield where, {}


def _structure(parts: dict[str, Part]) -> Any:
    header, row = parts.get("HEADER"), parts.get("BUTTONS")
    kinds = [button.kind for button in buttons_of(row)] if row else []
    return sorted(parts), header.format if header else "", kinds


@error(
    "carousel_beside_others",
    _("A template with a carousel has no %(kind)s outside the cards."),
    remedy=_("Keep the body and the carousel, and put the rest into the cards."),
)
def _carousel_beside_others(draft: Draft) -> Hits:
    if draft.top("CAROUSEL"):
        for kind in ("HEADER", "FOOTER", "BUTTONS", "LIMITED_TIME_OFFER"):
            part = draft.top(kind)
            if part:
                yield part.where, {"kind": kind}


# --- Limited-time offer ---------------------------------------------------------------


def _offer(draft: Draft) -> tuple[Part, dict[str, Any]] | None:
    part = draft.top("LIMITED_TIME_OFFER")
    content = part.data.get("limited_time_offer") if part else None
    return (part, content) if part and isinstance(content, dict) else None


@error(
    "offer_missing",
    _("The limited-time offer is no object."),
    remedy=_("Send limited_time_offer with text and has_expiration."),
)
def _offer_missing(draft: Draft) -> Hits:
    part = draft.top("LIMITED_TIME_OFFER")
    if part and _offer(draft) is None:
        yield part.at("limited_time_offer"), {}


@error(
    "offer_text_length",
    _("The offer’s text has 1 to %(limit)s characters."),
    remedy=_("Say it in two words: Expiring offer!"),
)
def _offer_text_length(draft: Draft) -> Hits:
    if found := _offer(draft):
        part, content = found
        text = content.get("text")
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_OFFER:
            yield part.at("limited_time_offer.text"), {"limit": MAX_OFFER}


@error(
    "offer_expiry_not_boolean",
    _("has_expiration is true or false."),
    remedy=_("Write true to show a countdown."),
)
def _offer_expiry_not_boolean(draft: Draft) -> Hits:
    if found := _offer(draft):
        part, content = found
        if not isinstance(content.get("has_expiration", False), bool):
            yield part.at("limited_time_offer.has_expiration"), {}


@error(
    "offer_with_footer",
    _("A limited-time offer has no footer."),
    remedy=_("Take the footer out."),
)
def _offer_with_footer(draft: Draft) -> Hits:
    footer = draft.top("FOOTER")
    if footer and draft.top("LIMITED_TIME_OFFER"):
        yield footer.where, {}


@error(
    "offer_header_unfit",
    _("The header of a limited-time offer can’t be of this format."),
    remedy=_("Its format is one of %(formats)s."),
)
def _offer_header_unfit(draft: Draft) -> Hits:
    header = draft.top("HEADER")
    if header and draft.top("LIMITED_TIME_OFFER") and header.format not in OFFER_HEADERS:
        yield header.at("format"), {"formats": ", ".join(OFFER_HEADERS)}


@error(
    "offer_code_not_first",
    _("An offer that expires has a button to copy its code, as the first."),
    remedy=_("Put a COPY_CODE button first, or let the offer not expire."),
)
def _offer_code_not_first(draft: Draft) -> Hits:
    found, row = _offer(draft), draft.top("BUTTONS")
    if found and found[1].get("has_expiration") is True:
        kinds = [button.kind for button in buttons_of(row)] if row else []
        if kinds[:1] != ["COPY_CODE"]:
            yield (row.at("buttons") if row else "components"), {}
