"""Phone numbers as Meta wants them: digits only, with the country code. And the business-scoped user ids
(BSUID) by which it names people whose number it keeps back; they hold a dot, a number never does.
"""

import re
import unicodedata

from django.utils.translation import gettext as _
from phonenumbers import country_code_for_region

_NOT_DIGITS = re.compile(r"\D", re.ASCII)
# What people and spreadsheets write around digits; an apostrophe keeps a cell from being a sum.
_AS_TYPED = re.compile(r"['’]?[\d\s+().\-/‐‑–\u200e\u200f\u202a-\u202c\ufeff]*")
_A_SUM = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
# A country, and what Meta calls alphanumeric; dots part the accounts of linked businesses.
_BSUID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9._-]{1,137}", re.ASCII)


def is_bsuid(text: str) -> bool:
    return _BSUID.fullmatch(text) is not None


def as_written(recipient: str) -> str:
    """A number's digits with their plus, as people write it; a BSUID as it is."""
    return f"+{recipient}" if recipient.isdigit() else recipient


def to_e164(raw: object, *, country: str) -> str | None:
    """The digits of an E.164 number, or None.

    Non-digits are dropped, then a leading `00`; a single leading `0` is a national number and gets
    the calling code of `country` (ISO 3166). JSON numbers are taken like strings.

    >>> to_e164("0712 345-678", country="KE")
    '254712345678'
    """
    if isinstance(raw, bool):
        return None
    if isinstance(raw, float):
        if not raw.is_integer():
            return None
        raw = int(raw)
    if not isinstance(raw, (str, int)):
        return None
    digits = _NOT_DIGITS.sub("", str(raw))
    if digits.startswith("00"):
        digits = digits[2:]
    if digits.startswith("0") and not digits.startswith("00"):
        digits = f"{country_code_for_region(country)}{digits[1:]}"
    if not 7 <= len(digits) <= 15 or digits.startswith("0"):
        return None
    return digits


class NotANumber(ValueError):
    """Its text says why, in the reader's language."""


def typed_number(text: str, *, country: str) -> str:
    """The number of a cell or a field that a person filled in; stricter than `to_e164`, which drops
    whatever is no digit. Digits of all scripts are taken. Raises NotANumber.
    """
    text = _western(text.strip())
    if _A_SUM.fullmatch(text):
        raise NotANumber(
            _("The spreadsheet has rounded the number: format its column as text and export again.")
        )
    text = text.removesuffix(".0")
    if not text:
        raise NotANumber(_("There is no number."))
    number = to_e164(text, country=country) if _AS_TYPED.fullmatch(text) else None
    if number is None:
        raise NotANumber(_("This is not a phone number."))
    return number


def typed_digits(text: str) -> str:
    """The digits of part of a number as people type it; "" for what can't be one."""
    text = _western(text.strip())
    return _NOT_DIGITS.sub("", text) if _AS_TYPED.fullmatch(text) else ""


def _western(text: str) -> str:
    return "".join(str(unicodedata.digit(c, c)) if not c.isascii() else c for c in text)
