"""Rules about buttons: their kinds and numbers, and their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from templates_app.lint.draft import Draft, Part
from templates_app.lint.rule import Hits, error, warning
from templates_app.lint.texts import EMOJI, MARKS

MAX_BUTTONS = 10
MAX_CARD_BUTTONS = 2
MAX_LABEL = 25
# How many of a kind one template may have.
AT_MOST = {
    "QUICK_REPLY": 10,
    "URL": 2,
    "PHONE_NUMBER": 1,
    "COPY_CODE": 1,
    "FLOW": 1,
    "CATALOG": 1,
    "MPM": 1,
    "SPM": 1,
    "VOICE_CALL": 1,
    "CALL_PERMISSION_REQUEST": 1,
    "REQUEST_CONTACT_INFO": 1,
}
# WhatsApp writes on these itself.
WITHOUT_LABEL = {"COPY_CODE", "SPM", "REQUEST_CONTACT_INFO", "CALL_PERMISSION_REQUEST"}
# More of them, or a mixture, are not shown on a computer.
_ON_DESKTOP = 3


def _rows(draft: Draft) -> Iterator[tuple[Part, list[Part]]]:
    """The buttons that a company chooses; those of AUTHENTICATION have rules of their own."""
    if not draft.is_fixed:
        yield from draft.button_rows()


def chosen(draft: Draft, kind: str) -> list[Part]:
    """The buttons of a kind, but those of AUTHENTICATION."""
    return [button for _row, row in _rows(draft) for button in row if button.kind == kind]


# --- Kinds and numbers ----------------------------------------------------------------


@error(
    "buttons_missing",
    _("The BUTTONS have no array of buttons."),
    remedy=_("Add a button, or take the component out."),
)
def _buttons_missing(draft: Draft) -> Hits:
    for part, _row in draft.button_rows():
        if not isinstance(part.data.get("buttons"), list) or not part.data["buttons"]:
            yield part.at("buttons"), {}


@error(
    "buttons_too_many",
    _("There are %(count)s buttons; Meta allows %(limit)s here."),
    remedy=_("Take some out."),
)
def _buttons_too_many(draft: Draft) -> Hits:
    for part, row in _rows(draft):
        limit = MAX_CARD_BUTTONS if part.in_card else MAX_BUTTONS
        if len(row) > limit:
            yield part.at("buttons"), {"count": len(row), "limit": limit}


@error("button_not_object", _("This button is no object."), remedy=_("Send a JSON object."))
def _button_not_object(draft: Draft) -> Hits:
    for part, _row in draft.button_rows():
        given = part.data.get("buttons")
        for at, button in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(button, dict):
                yield f"{part.where}.buttons[{at}]", {}


@error(
    "button_unknown",
    _("There is no button of this type in this category."),
    remedy=_("Its type is one of %(types)s."),
)
def _button_unknown(draft: Draft) -> Hits:
    for _part, row in _rows(draft):
        for button in row:
            if button.kind not in AT_MOST:
                yield button.at("type"), {"types": ", ".join(AT_MOST)}


@error(
    "button_kind_too_many",
    _("There are %(count)s buttons of type %(kind)s; Meta allows %(limit)s."),
    remedy=_("Take some out."),
)
def _button_kind_too_many(draft: Draft) -> Hits:
    for part, row in _rows(draft):
        for kind, count in Counter(button.kind for button in row).items():
            if count > AT_MOST.get(kind, count):
                yield part.at("buttons"), {"count": count, "kind": kind, "limit": AT_MOST[kind]}


@error(
    "quick_replies_apart",
    _("Buttons of another kind stand between the quick replies."),
    remedy=_("Put the quick replies side by side."),
)
def _quick_replies_apart(draft: Draft) -> Hits:
    for part, row in _rows(draft):
        at = [place for place, button in enumerate(row) if button.kind == "QUICK_REPLY"]
        if at and at[-1] - at[0] >= len(at):
            yield part.at("buttons"), {}


@warning(
    "buttons_hidden_on_desktop",
    _(
        "On a computer WhatsApp shows neither more than three buttons nor quick replies among others."
    ),
    remedy=_("Use three buttons at most, of one sort, if your customers read on computers."),
)
def _buttons_hidden_on_desktop(draft: Draft) -> Hits:
    for part, row in _rows(draft):
        sorts = {button.kind == "QUICK_REPLY" for button in row}
        if len(row) > _ON_DESKTOP or len(sorts) > 1:
            yield part.at("buttons"), {}


# --- Words on them --------------------------------------------------------------------


@error("button_text_missing", _("The button has no text."), remedy=_("Say what it does."))
def _button_text_missing(draft: Draft) -> Hits:
    for _part, row in _rows(draft):
        for button in row:
            if button.kind not in WITHOUT_LABEL and not button.text().strip():
                yield button.at("text"), {}


@error(
    "button_text_too_long",
    _("The button’s text has %(length)s characters; Meta allows %(limit)s."),
    remedy=_("Shorten it."),
)
def _button_text_too_long(draft: Draft) -> Hits:
    for where, text in draft.labels():
        if len(text) > MAX_LABEL:
            yield where, {"length": len(text), "limit": MAX_LABEL}


@error(
    "button_text_variable",
    _("The button’s text has a variable."),
    remedy=_("Write the same words for everybody."),
)
def _button_text_variable(draft: Draft) -> Hits:
    for where, text in draft.labels():
        if "{{" in text:
            yield where, {}


@error(
    "button_text_line_break",
    _("The button’s text has a line break."),
    remedy=_("Write it in one line."),
)
def _button_text_line_break(draft: Draft) -> Hits:
    for where, text in draft.labels():
        if "\n" in text or "\r" in text:
            yield where, {}


@warning("button_text_emoji", _("The button’s text has an emoji."), remedy=_("Use words only."))
def _button_text_emoji(draft: Draft) -> Hits:
    for where, text in draft.labels():
        if EMOJI.search(text):
            yield where, {}


@warning(
    "button_text_marks",
    _("WhatsApp shows formatting marks on a button as they are."),
    remedy=_("Take out the asterisks, tildes and the like."),
)
def _button_text_marks(draft: Draft) -> Hits:
    for where, text in draft.labels():
        if MARKS.search(text):
            yield where, {}


@warning(
    "button_text_twice",
    _("Two buttons say “%(text)s”."),
    remedy=_("Give each button words of its own."),
)
def _button_text_twice(draft: Draft) -> Hits:
    for _part, row in _rows(draft):
        seen: set[str] = set()
        for button in row:
            text = button.text().strip().casefold()
            if text and text in seen:
                yield button.at("text"), {"text": button.text()}
            seen.add(text)
