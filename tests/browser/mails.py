"""Mails that the installation has sent, as files in its DATA_DIR."""

import email
import email.policy
import re

from tests.journeys.installation import Installation
from tests.journeys.processes import until


def newest_link(site: Installation, address: str) -> str:
    """The path on this site that the newest mail to an address names; waits for such a mail."""
    found: list[str] = []

    def look_up() -> bool:
        found[:] = _links(site, address)
        return bool(found)

    until(look_up, seconds=15, what=f"a mail with a link to {address}")
    return found[-1]


def _links(site: Installation, address: str) -> list[str]:
    """Of all mails to the address, the oldest first."""
    files = sorted((site.data / "mail").glob("*.log"), key=lambda file: file.stat().st_mtime_ns)
    links = []
    for file in files:
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if mail["To"] == address:
            links += re.findall(rf"{re.escape(site.url)}(/\S+)", mail.get_content())
    return links
