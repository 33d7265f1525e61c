"""Phone numbers as Meta wants them: digits only, with the country code."""

import re

from phonenumbers import country_code_for_region

_NOT_DIGITS = re.compile(r"\D", re.ASCII)


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
