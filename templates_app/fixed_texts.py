"""The words of templates for codes, which WhatsApp writes itself in each language.

Meta does not publish them as data. They are kept for the languages in which we know them, so that the
bubble shows what people get; the others show English, and the page says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import orjson


class Texts(NamedTuple):
    """`body` has the code as {{1}}, `expires` its life as %(minutes)s."""

    body: str
    security: str
    expires: str
    copy_code: str
    autofill: str


_ALL = {
    language: Texts(**texts)
    for language, texts in orjson.loads(
        Path(__file__).with_name("fixed_texts.json").read_bytes()
    ).items()
}
ENGLISH = _ALL["en"]


def is_known(language: str) -> bool:
    return language in _ALL or language.partition("_")[0] in _ALL


def texts(language: str) -> Texts:
    """In a language, or the one of its kin that is known; English where none is."""
    return _ALL.get(language) or _ALL.get(language.partition("_")[0]) or ENGLISH
