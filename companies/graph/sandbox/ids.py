"""Identifiers that look like Meta's: opaque to clients, but of the right length and alphabet."""

import base64
import hashlib
import secrets

_OUTGOING = b"\x15\x02\x00\x11\x18\x12"
_INCOMING = b"\x15\x02\x00\x12\x18\x14"
_DROP_PUNCTUATION = str.maketrans("", "", "+-() .\u00a0")

# Unknown ids of these shapes are refused; any other is taken for a number or an account.
TEMPLATE_PREFIX = "59"
MEDIA_PREFIX = "79"
MINTED_LENGTH = 16

COUNTRIES = {
    "1": "US", "20": "EG", "27": "ZA", "33": "FR", "34": "ES", "39": "IT", "44": "GB", "49": "DE",
    "52": "MX", "54": "AR", "55": "BR", "57": "CO", "60": "MY", "62": "ID", "63": "PH", "65": "SG",
    "7": "RU", "81": "JP", "82": "KR", "84": "VN", "86": "CN", "90": "TR", "91": "IN", "92": "PK",
    "233": "GH", "234": "NG", "250": "RW", "251": "ET", "254": "KE", "255": "TZ", "256": "UG",
    "966": "SA", "971": "AE",
}  # fmt: skip


def outgoing_wamid(wa_id: str) -> str:
    return _wamid(wa_id, _OUTGOING, secrets.token_hex(9))


def incoming_wamid(wa_id: str) -> str:
    return _wamid(wa_id, _INCOMING, secrets.token_hex(10))


def _wamid(wa_id: str, mark: bytes, unique: str) -> str:
    who = wa_id.encode()[:255]
    raw = b"\x1c\x18%c%s%s%s\x00" % (len(who), who, mark, unique.upper().encode())
    return "wamid." + base64.b64encode(raw).decode()


def fbtrace_id() -> str:
    return "A" + secrets.token_urlsafe(17)[:22]


def media_id() -> str:
    return MEDIA_PREFIX + _digits(secrets.token_bytes(8))


def upload_id() -> str:
    return "upload:" + secrets.token_urlsafe(24)


def file_handle() -> str:
    return "4::" + base64.b64encode(secrets.token_bytes(30)).decode()


def template_id(waba_id: str, name: str, language: str) -> str:
    """The same template has the same id after a restart, as long as it was not made anew."""
    seed = f"{waba_id}/{name}/{language}".encode()
    return TEMPLATE_PREFIX + _digits(hashlib.blake2b(seed, digest_size=8).digest())


def fresh_template_id() -> str:
    return TEMPLATE_PREFIX + _digits(secrets.token_bytes(8))


def _digits(raw: bytes) -> str:
    return f"{int.from_bytes(raw, 'big') % 10**14:014d}"


def is_minted(node: str) -> bool:
    """Whether the id has the shape of a template's or a medium's."""
    return len(node) == MINTED_LENGTH and node.startswith((TEMPLATE_PREFIX, MEDIA_PREFIX))


def is_object_id(node: str) -> bool:
    return 15 <= len(node) <= 17 and node.isdigit() and node.isascii()


def waba_of(phone_number_id: str) -> str:
    """The account that an unknown number belongs to: its own id with another first digit."""
    return {"2": "3", "3": "4"}.get(phone_number_id[0], "2") + phone_number_id[1:]


def number_of(waba_id: str) -> str:
    """The number that an unknown account is born with: the inverse of waba_of."""
    return {"3": "2", "4": "3"}.get(waba_id[0], "1") + waba_id[1:]


def wa_id(phone: str) -> str | None:
    """The digits of a phone number as people write it, or None when it is none."""
    digits = phone.translate(_DROP_PUNCTUATION)
    if not (7 <= len(digits) <= 15 and digits.isascii() and digits.isdigit()):
        return None
    return None if digits[0] == "0" else digits


def is_bsuid(text: str) -> bool:
    country, dot, rest = text.partition(".")
    return (
        bool(dot)
        and len(country) == 2
        and country.isascii()
        and country.isupper()
        and 1 <= len(rest) <= 132
        and rest.replace(".", "").isalnum()
    )


def bsuid(phone: str) -> str:
    """The business-scoped user id of a phone number: always the same one."""
    country = next((COUNTRIES[phone[:n]] for n in (3, 2, 1) if phone[:n] in COUNTRIES), "US")
    number = int.from_bytes(hashlib.blake2b(phone.encode(), digest_size=8).digest(), "big")
    return f"{country}.{number % 10**17:017d}"


def mask(phone: str) -> str:
    """A phone number as it may stand in a log."""
    return f"{phone[:3]}…{phone[-2:]}" if len(phone) > 6 else "…"
