"""Rules about what each kind of button needs: links, numbers, codes, flows."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from config.links import is_web_link
from templates_app.lint import links
from templates_app.lint.buttons import chosen
from templates_app.lint.draft import Draft, Part, is_balanced, variables, without_variables
from templates_app.lint.rule import Hits, error, warning

MAX_PHONE = 20
MAX_CODE = 15
MAX_URL = 2000
FLOW_ACTIONS = ("NAVIGATE", "DATA_EXCHANGE")
FLOW_ICONS = ("DOCUMENT", "PROMOTION", "REVIEW")
_FLOW_SOURCES = ("flow_id", "flow_name", "flow_json")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]*", re.ASCII)


# --- Links ----------------------------------------------------------------------------


@error("url_missing", _("The button has no URL."), remedy=_("Give the page that it opens."))
def _url_missing(draft: Draft) -> Hits:
    for button in chosen(draft, "URL"):
        if not button.text("url").strip():
            yield button.at("url"), {}


@error(
    "url_invalid",
    _("This is no absolute web address."),
    remedy=_("Begin it with https:// and your domain; the domain can’t be a variable."),
)
def _url_invalid(draft: Draft) -> Hits:
    for button in chosen(draft, "URL"):
        url = button.text("url")
        if url.strip() and len(url) <= MAX_URL and not is_web_link(without_variables(url, "1")):
            yield button.at("url"), {}


@error(
    "url_too_long",
    _("The URL has %(length)s characters; Meta allows %(limit)s."),
    remedy=_("Use a shorter path."),
)
def _url_too_long(draft: Draft) -> Hits:
    for button in chosen(draft, "URL"):
        if len(button.text("url")) > MAX_URL:
            yield button.at("url"), {"length": len(button.text("url")), "limit": MAX_URL}


@error(
    "url_variable_misplaced",
    _("A URL can have one variable only, as its very end."),
    remedy=_("Write it as https://example.com/orders/{{1}}."),
)
def _url_variable_misplaced(draft: Draft) -> Hits:
    for button in chosen(draft, "URL"):
        url = button.text("url")
        names = variables(url)
        is_one = is_balanced(url) and url.count("{{") <= 1
        is_last = not names or (url.endswith("}}") and (draft.named or names == ["1"]))
        if not (is_one and is_last):
            yield button.at("url"), {}


@error(
    "url_sample_missing",
    _("The URL’s variable has no sample."),
    remedy=_("Give the whole address as one customer would get it."),
)
def _url_sample_missing(draft: Draft) -> Hits:
    for button in chosen(draft, "URL"):
        if variables(button.text("url")) and not sample_of(button):
            yield button.at("example"), {}


def sample_of(button: Part) -> str:
    """A button's sample, a string or the first of an array; "" where it has none."""
    example = button.data.get("example")
    first = example[0] if isinstance(example, list) and example else example
    return first.strip() if isinstance(first, str) else ""


@error(
    "url_shortener",
    _("%(host)s shortens links; Meta rejects what hides its destination."),
    remedy=_("Give the full link, on your own domain."),
)
def _url_shortener(draft: Draft) -> Hits:
    for button in chosen(draft, "URL"):
        host = links.host_of(button.text("url"))
        if links.is_shortener(host):
            yield button.at("url"), {"host": host}


@error(
    "url_wa_me",
    _("The button leads to WhatsApp itself; Meta rejects that."),
    remedy=_("Use a quick reply: the answer comes to this chat."),
)
def _url_wa_me(draft: Draft) -> Hits:
    for button in chosen(draft, "URL"):
        if links.is_whatsapp(links.host_of(button.text("url"))):
            yield button.at("url"), {}


@warning(
    "url_not_https",
    _("The link is not encrypted; phones warn of that."),
    remedy=_("Begin it with https://."),
)
def _url_not_https(draft: Draft) -> Hits:
    for button in chosen(draft, "URL"):
        if button.text("url").lower().startswith("http://"):
            yield button.at("url"), {}


# --- The others -----------------------------------------------------------------------


@error("phone_missing", _("The button has no number."), remedy=_("Give the number to call."))
def _phone_missing(draft: Draft) -> Hits:
    for button in chosen(draft, "PHONE_NUMBER"):
        if not button.text("phone_number").strip():
            yield button.at("phone_number"), {}


@error(
    "phone_invalid",
    _("This is no phone number of at most %(limit)s characters."),
    remedy=_("Write it with its country code: +254700000001."),
)
def _phone_invalid(draft: Draft) -> Hits:
    for button in chosen(draft, "PHONE_NUMBER"):
        number = button.text("phone_number").strip()
        if number and (len(number) > MAX_PHONE or not _PHONE.fullmatch(number)):
            yield button.at("phone_number"), {"limit": MAX_PHONE}


@error(
    "code_sample_missing",
    _("The code to copy has no sample."),
    remedy=_("Give one as a customer would copy it."),
)
def _code_sample_missing(draft: Draft) -> Hits:
    for button in chosen(draft, "COPY_CODE"):
        if not sample_of(button):
            yield button.at("example"), {}


@error(
    "code_sample_too_long",
    _("The code’s sample has %(length)s characters; Meta allows %(limit)s."),
    remedy=_("Use a shorter code."),
)
def _code_sample_too_long(draft: Draft) -> Hits:
    for button in chosen(draft, "COPY_CODE"):
        if len(sample_of(button)) > MAX_CODE:
            yield button.at("example"), {"length": len(sample_of(button)), "limit": MAX_CODE}


@error(
    "flow_missing",
    _("The button names no flow."),
    remedy=_("Give flow_id, flow_name or flow_json."),
)
def _flow_missing(draft: Draft) -> Hits:
    for button in chosen(draft, "FLOW"):
        if not any(button.data.get(key) for key in _FLOW_SOURCES):
            yield button.where, {}


@error(
    "flow_twice",
    _("The button names its flow in more than one way."),
    remedy=_("Give one of flow_id, flow_name and flow_json."),
)
def _flow_twice(draft: Draft) -> Hits:
    for button in chosen(draft, "FLOW"):
        if sum(bool(button.data.get(key)) for key in _FLOW_SOURCES) > 1:
            yield button.where, {}


@error(
    "flow_option_unknown",
    _("%(key)s can’t have this value."),
    remedy=_("It is one of %(values)s."),
)
def _flow_option_unknown(draft: Draft) -> Hits:
    for button in chosen(draft, "FLOW"):
        for key, values in (("flow_action", FLOW_ACTIONS), ("icon", FLOW_ICONS)):
            given = button.data.get(key)
            if given is not None and not (isinstance(given, str) and given.upper() in values):
                yield button.at(key), {"key": key, "values": ", ".join(values)}
