"""Rules about the header, the body and the footer: lengths, marks, variables and their samples."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from templates_app.lint import links
from templates_app.lint.draft import Draft, Part, without_variables
from templates_app.lint.rule import Hits, error, warning

MAX_BODY = 1024
MAX_OFFER_BODY = 600
MAX_CARD_BODY = 160
MAX_HEADER = MAX_FOOTER = 60
MAX_EMOJI = 10
MEDIA_HEADERS = ("IMAGE", "VIDEO", "DOCUMENT", "GIF")
HEADERS = ("TEXT", *MEDIA_HEADERS, "LOCATION", "PRODUCT")

EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf]")
MARKS = re.compile(r"[*~`]|(?<!\w)_(?=\S)[^_\n]+_(?!\w)")


def _headers(draft: Draft) -> list[Part]:
    return [part for part in draft.written("HEADER") if part.format == "TEXT"]


def body_limit(draft: Draft, body: Part) -> int:
    """How many characters this body may have."""
    if body.in_card:
        return MAX_CARD_BODY
    return MAX_OFFER_BODY if draft.top("LIMITED_TIME_OFFER") else MAX_BODY


# --- All three ------------------------------------------------------------------------


def _written(draft: Draft) -> Iterator[tuple[Part, int]]:
    yield from ((part, MAX_HEADER) for part in _headers(draft))
    yield from ((part, body_limit(draft, part)) for part in draft.written("BODY"))
    yield from ((part, MAX_FOOTER) for part in draft.written("FOOTER"))


@error("text_missing", _("The %(kind)s has no text."), remedy=_("Write one, or take it out."))
def _text_missing(draft: Draft) -> Hits:
    for part, _limit in _written(draft):
        if not part.text().strip():
            yield part.at("text"), {"kind": part.kind}


@error(
    "text_too_long",
    _("The %(kind)s has %(length)s characters; Meta allows %(limit)s here."),
    remedy=_("Shorten it."),
)
def _text_too_long(draft: Draft) -> Hits:
    for part, limit in _written(draft):
        length = len(part.text())
        if length > limit:
            yield part.at("text"), {"kind": part.kind, "length": length, "limit": limit}


# --- Header ---------------------------------------------------------------------------


@error(
    "header_format_unknown",
    _("There is no header of this format."),
    remedy=_("Its format is one of %(formats)s."),
)
def _header_format_unknown(draft: Draft) -> Hits:
    for part in draft.written("HEADER"):
        if part.format not in HEADERS:
            yield part.at("format"), {"formats": ", ".join(HEADERS)}


@error(
    "header_product_outside_card",
    _("A product header stands in the cards of a carousel only."),
    remedy=_("Choose another header."),
)
def _header_product_outside_card(draft: Draft) -> Hits:
    for part in draft.written("HEADER"):
        if part.format == "PRODUCT" and not part.in_card and not draft.buttons("SPM"):
            yield part.at("format"), {}


@error(
    "header_sample_missing",
    _("The header has no sample file; Meta’s reviewers want to see one."),
    remedy=_("Upload a sample, and give its handle."),
)
def _header_sample_missing(draft: Draft) -> Hits:
    for part in draft.written("HEADER"):
        if part.format in MEDIA_HEADERS and not _handle(part):
            yield part.at("example"), {}


@error(
    "header_sample_is_link",
    _("The sample of the header is a link; Meta takes uploaded files only."),
    remedy=_("Upload the file, and give the handle that comes back."),
)
def _header_sample_is_link(draft: Draft) -> Hits:
    for part in draft.written("HEADER"):
        if _handle(part).lower().startswith(("http://", "https://")):
            yield part.at("example"), {}


def _handle(part: Part) -> str:
    handles = part.example.get("header_handle")
    first = handles[0] if isinstance(handles, list) and handles else None
    return first if isinstance(first, str) else ""


@error("header_line_break", _("The header has a line break."), remedy=_("Write it in one line."))
def _header_line_break(draft: Draft) -> Hits:
    for part in _headers(draft):
        if "\n" in part.text() or "\r" in part.text():
            yield part.at("text"), {}


@error("header_emoji", _("The header has an emoji."), remedy=_("Move it to the body."))
def _header_emoji(draft: Draft) -> Hits:
    for part in _headers(draft):
        if EMOJI.search(part.text()):
            yield part.at("text"), {}


@error(
    "header_marks",
    _("The header has formatting marks; it is shown in bold anyway."),
    remedy=_("Take out the asterisks, tildes and the like."),
)
def _header_marks(draft: Draft) -> Hits:
    for part in _headers(draft):
        if MARKS.search(without_variables(part.text())):
            yield part.at("text"), {}


# --- Body -----------------------------------------------------------------------------


@error(
    "body_emoji_too_many",
    _("The body has %(count)s emojis; Meta allows %(limit)s."),
    remedy=_("Take some out."),
)
def _body_emoji_too_many(draft: Draft) -> Hits:
    for part in draft.written("BODY"):
        count = len(EMOJI.findall(part.text()))
        if count > MAX_EMOJI:
            yield part.at("text"), {"count": count, "limit": MAX_EMOJI}


@error(
    "body_blank_lines",
    _("The body has more than one blank line in a row."),
    remedy=_("Leave one blank line at most."),
)
def _body_blank_lines(draft: Draft) -> Hits:
    for part in draft.written("BODY"):
        if "\n\n\n" in part.text().replace("\r\n", "\n"):
            yield part.at("text"), {}


@warning(
    "text_shortener",
    _("%(host)s shortens links; reviewers reject what hides its destination."),
    remedy=_("Write the full link, on your own domain."),
)
def _text_shortener(draft: Draft) -> Hits:
    for part in (*draft.written("BODY"), *draft.written("FOOTER")):
        for host in links.hosts_in(part.text()):
            if links.is_shortener(host):
                yield part.at("text"), {"host": host}


@warning(
    "text_wa_me",
    _("The text links to WhatsApp itself; reviewers reject that."),
    remedy=_("Leave it out: people can answer in this chat."),
)
def _text_wa_me(draft: Draft) -> Hits:
    for part in (*draft.written("BODY"), *draft.written("FOOTER")):
        if any(links.is_whatsapp(host) for host in links.hosts_in(part.text())):
            yield part.at("text"), {}


@warning(
    "text_bare_domain",
    _("“%(host)s” is a link without https://."),
    remedy=_("Write the whole link, or better, use a button."),
)
def _text_bare_domain(draft: Draft) -> Hits:
    for part in (*draft.written("BODY"), *draft.written("FOOTER")):
        for host in links.bare_domains_in(part.text()):
            yield part.at("text"), {"host": host}


# --- Footer ---------------------------------------------------------------------------


@error("footer_line_break", _("The footer has a line break."), remedy=_("Write it in one line."))
def _footer_line_break(draft: Draft) -> Hits:
    for part in draft.written("FOOTER"):
        if "\n" in part.text() or "\r" in part.text():
            yield part.at("text"), {}


@warning("footer_emoji", _("The footer has an emoji."), remedy=_("Move it to the body."))
def _footer_emoji(draft: Draft) -> Hits:
    for part in draft.written("FOOTER"):
        if EMOJI.search(part.text()):
            yield part.at("text"), {}


@warning(
    "footer_marks",
    _("WhatsApp shows formatting marks in a footer as they are."),
    remedy=_("Take out the asterisks, tildes and the like."),
)
def _footer_marks(draft: Draft) -> Hits:
    for part in draft.written("FOOTER"):
        if MARKS.search(part.text()):
            yield part.at("text"), {}
