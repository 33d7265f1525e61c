"""People's numbers as screens list them: enough to tell rows apart, too little to write to."""

DOTS = "•••"
GROUP = 3  # characters that stand together
HIDDEN = 3  # at the very least


def masked(recipient: str | None) -> str:
    """`+254 712 ••• 678`, or `KE. 134 ••• 918` for a business-scoped user id; the spaces don't break.

    What is short shows one group at either end, or none.
    """
    if not recipient:
        return "–"
    plus = "+" if recipient.isdigit() else ""
    groups = min(2, (len(recipient) - GROUP - HIDDEN) // GROUP)
    if groups < 1:
        return f"{plus}{DOTS}"
    head = [recipient[at * GROUP :][:GROUP] for at in range(groups)]
    return plus + "\u00a0".join([*head, DOTS, recipient[-GROUP:]])


def masked_input(text: str) -> str:
    """What a caller gave as a recipient: left as it is unless it holds a whole number."""
    digits = "".join(char for char in text if char.isdigit())
    if not 7 <= len(digits) <= 15:
        return text
    shown = masked(digits)
    # A number as it is written at home has no plus.
    return shown.lstrip("+") if text.lstrip().startswith("0") else shown
