"""People's numbers as screens list them: enough to tell rows apart, too little to write to."""

SHOWN = 3
DOTS = "•••"


def masked(recipient: str | None) -> str:
    """
    >>> masked("254712345678")
    '+254 ••• 678'
    >>> masked("KE.13491208655302741918")
    'KE. ••• 918'
    """
    if not recipient:
        return "–"
    plus = "+" if recipient.isdigit() else ""
    if len(recipient) <= 2 * SHOWN:
        return f"{plus}{DOTS}"
    return f"{plus}{recipient[:SHOWN]} {DOTS} {recipient[-SHOWN:]}"


def masked_input(text: str) -> str:
    """What a caller gave as a recipient: left as it is unless it holds a whole number."""
    digits = "".join(char for char in text if char.isdigit())
    return masked(digits) if 7 <= len(digits) <= 15 else text
