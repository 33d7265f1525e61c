"""Links that Meta is to fetch."""

import re
from urllib.parse import unquote, urlsplit

_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
MAX_LINK = 2000  # Graph: media object


def is_web_link(link: object) -> bool:
    """Whether `link` is an absolute http(s) URL that could be fetched."""
    if not isinstance(link, str) or len(link) > MAX_LINK or _UNPRINTABLE.search(link):
        return False
    try:
        parts = urlsplit(link)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def file_name(link: str) -> str:
    """The last part of a link's path if it looks like a file's name, else ""."""
    name = unquote(urlsplit(link).path.rpartition("/")[2])
    return name[:240] if "." in name.strip(".") else ""
