"""Where the links of a text or a button lead."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

SHORTENERS = frozenset(
    {
        *("adf.ly", "bit.ly", "bitly.com", "bl.ink", "buff.ly", "clck.ru", "cutt.ly", "goo.gl"),
        *("is.gd", "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly", "s.id", "short.gy", "shorte.st"),
        *(
            "shorturl.at",
            "soo.gd",
            "t.co",
            "t.ly",
            "tiny.cc",
            "tinyurl.com",
            "u.to",
            "v.gd",
            "x.co",
        ),
    }
)
_WHATSAPP = frozenset(
    {"wa.me", "api.whatsapp.com", "chat.whatsapp.com", "web.whatsapp.com", "wa.link"}
)

_LINK = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
# Endings that are hardly anything but a domain: "Mr.Smith" and "end.Next" are none.
_BARE = re.compile(
    r"(?<![@\w./-])(?:[a-z0-9-]+\.)+(?:com|net|org|info|biz|io|ly|me|co|app|shop|store|online|site|link|"
    r"africa|ke|ug|tz|rw|ng|za|gh|eg|uk|de|fr|in|br|id|gd|gy|gl|cc)(?:/[^\s]*)?(?![\w@-])",
    re.IGNORECASE,
)


def hosts_in(text: str) -> list[str]:
    """The hosts that a text leads to, each once, whether with https:// or bare."""
    found = [host_of(link) for link in _LINK.findall(text)]
    return [host for host in dict.fromkeys([*found, *bare_domains_in(text)]) if host]


def bare_domains_in(text: str) -> list[str]:
    """Domains that stand in a text without https://, each once, in lower case."""
    found = _BARE.findall(_LINK.sub(" ", text))
    return list(dict.fromkeys(link.partition("/")[0].lower() for link in found))


def host_of(link: str) -> str:
    """The host of a link in lower case, without www.; "" where it has none."""
    try:
        host = urlsplit(link).hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")


def is_shortener(host: str) -> bool:
    return host.removeprefix("www.") in SHORTENERS


def is_whatsapp(host: str) -> bool:
    """Whether a link leads to WhatsApp itself."""
    return host.removeprefix("www.") in _WHATSAPP
