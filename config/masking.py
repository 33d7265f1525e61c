"""People's numbers as screens list them: enough to tell rows apart, too little to write to."""

SHOWN = 3
DOTS = "•••"


def masked(recipient: str | None) -> str:
    """`+254 ••• 678`, or `KE. ••• 918` for a business-scoped user id; the spaces don't break."""
    if not recipient:
        return "–"
    plus = "+" if recipient.isdigit() else ""
    if len(recipient) <= 2 * SHOWN:
        return f"{plus}{DOTS}"
    return f"{plus}{recipient[:SHOWN]}\u00a0{DOTS}\u00a0{recipient[-SHOWN:]}"


def masked_input(text: str) -> str:
    """What a caller gave as a recipient: left as it is unless it holds a whole number."""
    digits = "".join(char for char in text if char.isdigit())
    return masked(digits) if 7 <= len(digits) <= 15 else text
