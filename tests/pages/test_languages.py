"""The portal in other languages: nothing stands unmarked, the catalogues are whole, the pages render."""

import ast
import gettext
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.test import Client
from django.utils import translation

# Staff screens stay in English, Unfold's parts too.
STAFF = {"admin", "unfold"}
TEMPLATES = [
    path
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html"))
    if path.relative_to(settings.BASE_DIR / "templates").parts[0] not in STAFF
]
PYTHON = [
    path
    for app in ("companies", "contacts", "templates_app", "messaging")
    for path in sorted((settings.BASE_DIR / app).glob("*.py"))
    if not path.name.startswith(("admin", "staff_"))
]

# Names and units, which are the same in every language.
NAMES = {"Tuma", "WhatsApp", "OpenAPI", "Postman", "HTTP", "ms"}
READ_ALOUD = {"title", "aria-label", "placeholder", "alt", "data-confirm"}
CODE = {"code", "pre", "script", "style"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|%%|\{\w*\}|</?[a-z]+[^>]*>")


class Words(HTMLParser):
    """Collects what a person would read of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_code += tag in CODE
        self.found += [value for name, value in attrs if name in READ_ALOUD and value]

    def handle_endtag(self, tag: str) -> None:
        self._in_code -= tag in CODE

    def handle_data(self, data: str) -> None:
        if not self._in_code:
            self.found.append(data)


def unmarked_words(source: str) -> list[str]:
    """The words of a template that stand outside its translate tags."""
    for start, end in (
        ("comment", "endcomment"),
        ("blocktranslate", "endblocktranslate"),
        ("block width", "endblock"),
    ):
        source = re.sub(rf"{{% {start}\b.*?{{% {end} %}}", "", source, flags=re.DOTALL)
    words = Words()
    words.feed(re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", source))
    return [
        word
        for text in words.found
        for word in re.findall(r"[^\W\d_]{2,}", text)
        if word not in NAMES
    ]


def unmarked_texts(source: str) -> Iterator[str]:
    """What a module gives to a form's field or tells a person without gettext."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        read: list[ast.expr] = []
        if name.startswith("forms.") and name.endswith("Field"):
            read = [each.value for each in call.keywords if each.arg in ("label", "help_text")]
        elif name.startswith("messages.") or name.endswith(".add_error"):
            read = call.args[1:2]
        elif name.endswith("ValidationError"):
            read = call.args[:1]
        for text in read:
            if isinstance(text, ast.Constant | ast.JoinedStr) and ast.unparse(text) != "None":
                yield ast.unparse(text)


def entries(language: str) -> Iterator[tuple[str, str, list[str]]]:
    """Of our catalogue: each English text, its plural (or ""), and its translations."""
    path = settings.BASE_DIR / "locale" / language / "LC_MESSAGES" / "django.po"
    field = re.compile(r'^(msgid_plural|msgid|msgstr)(?:\[\d\])? ((?:".*"\n?)+)', re.MULTILINE)
    for entry in path.read_text().split("\n\n")[1:]:
        texts: dict[str, list[str]] = {"msgid_plural": [""], "msgid": [], "msgstr": []}
        for name, quoted in field.findall(entry):
            text = "".join(ast.literal_eval(line) for line in quoted.splitlines())
            texts[name] = [*texts[name], text] if name == "msgstr" else [text]
        if texts["msgid"]:
            yield texts["msgid"][0], texts["msgid_plural"][0], texts["msgstr"]


def test_every_word_of_the_portals_templates_is_marked_for_translation() -> None:
    found = {str(path): unmarked_words(path.read_text()) for path in TEMPLATES}
    assert {name: words for name, words in found.items() if words} == {}


def test_what_forms_and_messages_say_is_marked_for_translation() -> None:
    found = {str(path): list(unmarked_texts(path.read_text())) for path in PYTHON}
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.parametrize("language", ["sw", "ar"])
def test_a_translation_keeps_the_placeholders_and_the_markup(language: str) -> None:
    for singular, plural, translations in entries(language):
        allowed = [sorted(PLACEHOLDER.findall(text)) for text in (singular, plural or singular)]
        for text in filter(None, translations):
            assert sorted(PLACEHOLDER.findall(text)) in allowed, (singular, text)


@pytest.mark.parametrize("language", ["sw", "ar"])
def test_no_translation_is_a_guess_of_the_tools(language: str) -> None:
    path = settings.BASE_DIR / "locale" / language / "LC_MESSAGES" / "django.po"
    assert ", fuzzy" not in path.read_text()


@pytest.mark.parametrize("language", ["sw", "ar", "packages/sw"])
def test_the_compiled_catalogue_is_of_the_present_texts(language: str, tmp_path: Path) -> None:
    if not shutil.which("msgfmt"):
        pytest.skip("needs gettext")
    folder = settings.BASE_DIR / "locale" / language / "LC_MESSAGES"
    subprocess.run(
        ["msgfmt", "--check", "-o", tmp_path / "new.mo", folder / "django.po"], check=True
    )
    compiled = [
        gettext.GNUTranslations(path.open("rb"))._catalog  # type: ignore[attr-defined]
        for path in (tmp_path / "new.mo", folder / "django.mo")
    ]
    assert compiled[0] == compiled[1], "run compilemessages"


def test_almost_all_is_there_in_swahili() -> None:
    """Who adds a few words need not know Swahili; who adds a page sees to its translation."""
    done = [all(translations) for _, _, translations in entries("sw")]
    assert sum(done) >= 0.95 * len(done)


@pytest.mark.parametrize(
    ("language", "heading", "direction"), [("sw", "Muhtasari", "ltr"), ("ar", "نظرة عامة", "rtl")]
)
def test_the_portal_speaks_the_language_that_was_chosen(
    owner: Client, language: str, heading: str, direction: str
) -> None:
    owner.post("/language", {"language": language, "next": "/"})
    page = owner.get("/").content.decode()
    assert f'<html lang="{language}" dir="{direction}"' in page
    assert heading in page
    assert ("tabler.rtl.min" in page) == (direction == "rtl")


@pytest.mark.parametrize("language", ["en", "sw", "ar"])
def test_large_numbers_are_grouped(language: str) -> None:
    with translation.override(language):
        assert intcomma(1234567) == "1,234,567"


def test_what_the_packages_say_is_in_swahili_too() -> None:
    with translation.override("sw"):
        assert translation.gettext("Too many failed login attempts. Try again later.") == (
            "Majaribio mengi mno ya kuingia yameshindikana. Jaribu tena baadaye."
        )
        # The month, not the permission of a key.
        assert translation.gettext("May") == "Mei"
