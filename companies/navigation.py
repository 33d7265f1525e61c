"""The side navigation: what stands there, for whom, and which entry the reader is at.

An entry whose page does not exist is left out, and so is one whose page the role may not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from django.urls import NoReverseMatch, resolve, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from companies import roles
from companies.roles import Need


class Entry(NamedTuple):
    label: str | Promise
    icon: str
    page: str  # the URL's name


class Group(NamedTuple):
    title: str | Promise  # empty for none
    entries: tuple[Entry, ...]


GROUPS = (
    Group("", (Entry(_("Overview"), "home", "home"),)),
    Group(
        _("Messaging"),
        (
            Entry(_("Send"), "send", "send"),
            Entry(_("Messages"), "messages", "messages"),
            Entry(_("Batches"), "stack-2", "batches"),
            Entry(_("Conversations"), "message-circle", "conversations"),
            Entry(_("Templates"), "template", "templates"),
        ),
    ),
    Group(
        _("People"),
        (Entry(_("Contacts"), "address-book", "contacts"), Entry(_("Tags"), "tags", "tags")),
    ),
    Group(
        _("Integration"),
        (
            Entry(_("Channels"), "device-mobile", "channels"),
            Entry(_("API keys"), "key", "api_keys"),
            Entry(_("Webhooks"), "webhook", "webhooks"),
            Entry(_("API reference"), "file-text", "api_docs"),
        ),
    ),
    Group(
        _("Company"),
        (
            Entry(_("Usage and credits"), "coins", "usage"),
            Entry(_("Team"), "users", "team"),
            Entry(_("Audit log"), "history", "audit"),
            Entry(_("Settings"), "settings", "company_settings"),
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Link:
    label: str | Promise
    icon: str
    url: str
    is_current: bool


@dataclass(frozen=True, kw_only=True)
class LinkGroup:
    title: str | Promise
    links: list[Link]


@cache
def _page(name: str) -> tuple[str, Need] | None:
    """The address of a page and what it asks of a reader; None if there is no such page."""
    try:
        url = reverse(name)
    except NoReverseMatch:
        return None
    rule = getattr(resolve(url).func, "rule", None)
    return url, rule.read if rule else Need.READ


def _is_at(path: str, url: str) -> bool:
    """Whether `path` is the page at `url` or one below it."""
    return path == url or (url != "/" and path.startswith(f"{url}/"))


def groups(*, role: str, path: str) -> list[LinkGroup]:
    """The entries that a role may read; the one nearest to `path` is current."""
    found = {entry.page: _page(entry.page) for _title, entries in GROUPS for entry in entries}
    pages = {name: page for name, page in found.items() if page}
    urls = {name: url for name, (url, need) in pages.items() if roles.allows(role, need)}
    # The notices have the bell in place of an entry, and lie below the keys.
    known = [reverse("notices"), *(url for url, _need in pages.values())]
    current = max((url for url in known if _is_at(path, url)), key=len, default="")
    shown = [
        LinkGroup(
            title=title,
            links=[
                Link(label=label, icon=icon, url=urls[page], is_current=urls[page] == current)
                for label, icon, page in entries
                if page in urls
            ],
        )
        for title, entries in GROUPS
    ]
    return [group for group in shown if group.links]
