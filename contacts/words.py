"""The words by which people ask to be left alone, or to hear again, however they are written."""

import unicodedata

# No such wish is longer; a long text is not looked at.
_LONGEST = 40


def plain(text: str) -> str:
    """`text` without case, accents, punctuation and emoji: “Arrêt !” and “*ARRET*” are the same."""
    letters = unicodedata.normalize("NFKD", text[: 2 * _LONGEST]).casefold()
    kept = (_kept(char) for char in letters)
    return " ".join("".join(kept).split())


def _kept(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in ("Mn", "Cf"):  # accents, and marks of direction
        return ""
    return char if char.isalnum() or kind == "Mc" else " "


def _plain(*words: str) -> frozenset[str]:
    return frozenset(map(plain, words))


_STOP = _plain(
    *("stop", "stop all", "stopall", "unsubscribe", "unsubscribe me", "cancel", "end", "quit"),
    *("opt out", "optout", "revoke", "remove me", "please stop", "stop please", "stop it"),
    *("stop messages", "stop messaging me", "stop promotions", "stop sending"),
    *("acha", "sitisha", "simamisha", "jiondoe", "niondoe", "ondoa", "usitume"),  # Swahili
    *("arrêt", "arrêter", "arrêtez", "désabonner", "se désabonner", "désinscription"),
    *("parar", "pare", "sair", "cancelar", "descadastrar"),  # Portuguese
    *("baja", "detener", "alto", "darse de baja"),  # Spanish
    *("توقف", "إيقاف", "أوقف", "إلغاء", "إلغاء الاشتراك"),
    *("አቁም", "ይቁም", "jooji", "hagarika", "komya"),  # Amharic, Somali, Kinyarwanda, Luganda
    *("बंद", "बंद करो", "रोको"),
    *("stopp", "abmelden", "abbestellen"),
)
_START = _plain(
    *("start", "unstop", "subscribe", "opt in", "optin", "resume"),
    *("anza", "jiunge", "alta", "ابدأ", "ጀምር"),
)


def is_stop(text: str) -> bool:
    return len(text.strip()) <= _LONGEST and plain(text) in _STOP


def is_start(text: str) -> bool:
    return len(text.strip()) <= _LONGEST and plain(text) in _START
