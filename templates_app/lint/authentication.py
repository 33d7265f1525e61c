"""Rules about AUTHENTICATION templates: Meta writes their text, a few switches are left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from django.utils.translation import gettext_lazy as _

from templates_app.lint.draft import Draft, Part, buttons_of, upper
from templates_app.lint.rule import Hits, error

PARTS = ("BODY", "FOOTER", "BUTTONS")
OTP_TYPES = ("COPY_CODE", "ONE_TAP", "ZERO_TAP")
MIN_MINUTES, MAX_MINUTES = 1, 90
MAX_APPS = 5
MAX_PACKAGE = 224
SIGNATURE = 11


@error(
    "authentication_part_not_allowed",
    _("A template for codes can’t have a %(kind)s."),
    remedy=_("It has a body, a footer and one button; take the rest out."),
)
def _part_not_allowed(draft: Draft) -> Hits:
    for part in draft.parts if draft.is_fixed else ():
        if part.kind not in PARTS:
            yield part.where, {"kind": part.kind}


@error(
    "authentication_text_given",
    _("WhatsApp writes the %(kind)s of a template for codes itself."),
    remedy=_("Take the text out; the switches say what it holds."),
)
def _text_given(draft: Draft) -> Hits:
    for part in draft.parts if draft.is_fixed else ():
        if part.kind in ("BODY", "FOOTER") and part.data.get("text") is not None:
            yield part.at("text"), {"kind": part.kind}


@error(
    "authentication_advice_not_boolean",
    _("add_security_recommendation is true or false."),
    remedy=_("Write true to add the advice not to share the code."),
)
def _advice_not_boolean(draft: Draft) -> Hits:
    body = draft.top("BODY") if draft.is_fixed else None
    if body and not isinstance(body.data.get("add_security_recommendation", False), bool):
        yield body.at("add_security_recommendation"), {}


@error(
    "authentication_expiry",
    _("A code lives %(least)s to %(most)s minutes."),
    remedy=_("Give code_expiration_minutes as a whole number, or take the footer out."),
)
def _expiry(draft: Draft) -> Hits:
    footer = draft.top("FOOTER") if draft.is_fixed else None
    if footer:
        minutes = footer.data.get("code_expiration_minutes")
        if type(minutes) is not int or not MIN_MINUTES <= minutes <= MAX_MINUTES:
            yield (
                footer.at("code_expiration_minutes"),
                {"least": MIN_MINUTES, "most": MAX_MINUTES},
            )


@error(
    "authentication_button_missing",
    _("A template for codes has exactly one button, of type OTP."),
    remedy=_("Keep or add that one."),
)
def _button_missing(draft: Draft) -> Hits:
    if draft.is_fixed and isinstance(draft.components, list):
        row = draft.top("BUTTONS")
        kinds = [button.kind for button in buttons_of(row)] if row else []
        if kinds != ["OTP"]:
            yield (row.at("buttons") if row else "components"), {}


def _otp(draft: Draft) -> Iterator[Part]:
    row = draft.top("BUTTONS") if draft.is_fixed else None
    yield from (b for b in buttons_of(row) if b.kind == "OTP") if row else ()


@error(
    "otp_type_unknown",
    _("The button’s otp_type is unknown."),
    remedy=_("It is one of %(types)s."),
)
def _otp_type_unknown(draft: Draft) -> Hits:
    for button in _otp(draft):
        if upper(button.data.get("otp_type")) not in OTP_TYPES:
            yield button.at("otp_type"), {"types": ", ".join(OTP_TYPES)}


@error(
    "otp_text_invalid",
    _("The words on the button are no text."),
    remedy=_("Write them, or leave them to WhatsApp."),
)
def _otp_text_invalid(draft: Draft) -> Hits:
    for button in _otp(draft):
        for key in ("text", "autofill_text"):
            given = button.data.get(key)
            if given is not None and not button.text(key).strip():
                yield button.at(key), {}


@error(
    "otp_apps_count",
    _("Filling in by itself needs 1 to %(limit)s apps."),
    remedy=_("Name your app in supported_apps, or choose COPY_CODE."),
)
def _otp_apps_count(draft: Draft) -> Hits:
    for button in _otp(draft):
        apps = _apps(button)
        if _fills_in(button) and not (isinstance(apps, list) and 1 <= len(apps) <= MAX_APPS):
            yield button.at("supported_apps"), {"limit": MAX_APPS}


@error(
    "otp_app_invalid",
    _(
        "An app has a package_name of at most %(limit)s characters and a signature_hash of %(hash)s."
    ),
    remedy=_("Take both from your app’s build."),
)
def _otp_app_invalid(draft: Draft) -> Hits:
    for button in _otp(draft):
        apps = _apps(button)
        for at, app in enumerate(apps if _fills_in(button) and isinstance(apps, list) else ()):
            if not _is_app(app):
                yield (
                    button.at(f"supported_apps[{at}]"),
                    {"limit": MAX_PACKAGE, "hash": SIGNATURE},
                )


@error(
    "otp_terms",
    _("Zero-tap needs Meta’s terms to be accepted."),
    remedy=_("Read them, and send zero_tap_terms_accepted as true."),
)
def _otp_terms(draft: Draft) -> Hits:
    for button in _otp(draft):
        is_zero_tap = upper(button.data.get("otp_type")) == "ZERO_TAP"
        if is_zero_tap and button.data.get("zero_tap_terms_accepted") is not True:
            yield button.at("zero_tap_terms_accepted"), {}


def _fills_in(button: Part) -> bool:
    return upper(button.data.get("otp_type")) in ("ONE_TAP", "ZERO_TAP")


def _apps(button: Part) -> Any:
    """The apps; Meta still takes a single one in the button itself."""
    if button.data.get("supported_apps") is None and button.data.get("package_name"):
        return [button.data]
    return button.data.get("supported_apps")


def _is_app(app: object) -> bool:
    if not isinstance(app, dict):
        return False
    package, signature = app.get("package_name"), app.get("signature_hash")
    if not isinstance(package, str) or not 1 <= len(package) <= MAX_PACKAGE:
        return False
    # Meta's own example has its slash as %2F.
    return isinstance(signature, str) and len(unquote(signature)) == SIGNATURE
