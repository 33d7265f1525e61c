"""Mails as people read them: the links in them, and codes that their phones make."""

import re
import time

from allauth.mfa.totp.internal import auth
from django.core import mail


def links(host: str = "testserver", *, number: int = -1) -> list[str]:
    """The paths on this site that a mail names; by default the last mail's."""
    return re.findall(rf"https?://{re.escape(host)}(/\S*)", str(mail.outbox[number].body))


def totp_code(secret: str) -> str:
    """What an authenticator app shows now; good for a second at least."""
    if time.time() % 30 > 28:
        time.sleep(2.1)
    return str(auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30)))
