"""A template goes through the editor's form and comes out as it was."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import QueryDict

from templates_app import editor
from templates_app.lint.draft import variables

FIXTURES = Path(settings.BASE_DIR) / "tests/fixtures/meta/templates"
SEEDS = Path(settings.BASE_DIR) / "companies/graph/sandbox/seed_templates.json"
CAROUSEL = {
    "name": "carousel",
    "category": "MARKETING",
    "components": [
        {
            "type": "BODY",
            "text": "Hello {{1}}, these are new.",
            "example": {"body_text": [["Amina"]]},
        },
        {
            "type": "CAROUSEL",
            "cards": [
                {
                    "components": [
                        {
                            "type": "HEADER",
                            "format": "IMAGE",
                            "example": {"header_handle": [f"media_{n}"]},
                        },
                        {
                            "type": "BODY",
                            "text": "Shoe {{1}} for you",
                            "example": {"body_text": [[f"{n}"]]},
                        },
                        {
                            "type": "BUTTONS",
                            "buttons": [
                                {"type": "QUICK_REPLY", "text": "More like it"},
                                {
                                    "type": "URL",
                                    "text": "Buy",
                                    "url": "https://shop.example/{{1}}",
                                    "example": [f"https://shop.example/{n}"],
                                },
                            ],
                        },
                    ]
                }
                for n in (1, 2)
            ],
        },
    ],
}
OFFER = {
    "name": "offer",
    "category": "MARKETING",
    "components": [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW"]}},
        {
            "type": "LIMITED_TIME_OFFER",
            "limited_time_offer": {"text": "20% less", "has_expiration": True},
        },
        {"type": "BODY", "text": "Only today, in all our shops."},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "COPY_CODE", "example": "250FF"},
                {"type": "URL", "text": "Shop", "url": "https://shop.example"},
            ],
        },
    ],
}
CODES = {
    "name": "code",
    "category": "AUTHENTICATION",
    "components": [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 10},
        {
            "type": "BUTTONS",
            "buttons": [
                {
                    "type": "OTP",
                    "otp_type": "ZERO_TAP",
                    "text": "Copy it",
                    "autofill_text": "Fill it in",
                    "zero_tap_terms_accepted": True,
                    "supported_apps": [
                        {"package_name": "com.example.app", "signature_hash": "K8a/AINcGX7"}
                    ],
                }
            ],
        },
    ],
}
STRANGE = {
    "name": "strange",
    "category": "MARKETING",
    "components": [
        {"type": "HEADER", "format": "PRODUCT", "else": 1},
        {"type": "BODY", "text": "See what we have today.", "unknown": {"kept": True}},
        {"type": "CALL_PERMISSION_REQUEST"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "SPM", "text": "View", "more": [1]},
                {"type": "FLOW", "text": "Book", "flow_id": "12", "flow_action": "navigate"},
                {"type": "FLOW", "text": "Ask", "flow_name": "ask"},
                {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+254700000001"},
            ],
        },
    ],
}
META = [json.loads(path.read_bytes()) for path in sorted(FIXTURES.glob("*.json"))]
ALL = [*META, *json.loads(SEEDS.read_bytes()), CAROUSEL, OFFER, CODES, STRANGE]


def posted(template: dict[str, Any]) -> QueryDict:
    """What a browser sends of the form that shows this template."""
    sheet, form = editor.sheet(template["components"]), QueryDict(mutable=True)
    kind = "carousel" if sheet["is_carousel"] else "offer" if sheet["offer"] else ""
    form.update(
        {
            "category": str(template["category"]).upper(),
            "parameter_format": str(template.get("parameter_format") or "POSITIONAL").upper(),
            "kind": kind,
            "cards_header": sheet["cards_header"],
            "cards_button_1": sheet["cards_buttons"][0],
            "cards_button_2": sheet["cards_buttons"][1],
        }
    )
    for name in ("kept", "header", "header_text", "header_media", "body", "footer", "minutes"):
        form[name] = sheet[name]
    for name in ("otp_type", "otp_text", "autofill_text"):
        form[name] = sheet[name]
    for name in ("security", "zero_tap_terms"):
        if sheet[name]:
            form[name] = "on"
    if sheet["offer"]:
        form["offer_text"] = sheet["offer"]["text"]
        form["offer_ends"] = "on" if sheet["offer"]["has_expiration"] else ""
    for part, text in (("header", sheet["header_text"]), ("body", sheet["body"])):
        for name in variables(text):
            form[f"{part}_sample_{name}"] = sheet[f"{part}_samples"].get(name, "")
    for button in sheet["buttons"]:
        for name in ("type", "text", "url", "sample", "phone", "flow", "kept"):
            form.appendlist(f"button_{name}", button[name])
        form.appendlist("button_code", button["sample"])
    for card in sheet["cards"]:
        for name in ("media", "body", "samples"):
            form.appendlist(f"card_{name}", card[name])
        for number, button in enumerate(card["buttons"], start=1):
            for name in ("text", "url", "sample", "phone", "kept"):
                form.appendlist(f"card_{name}_{number}", button[name])
    for app in sheet["apps"]:
        form.appendlist("app_package", app["package"])
        form.appendlist("app_hash", app["hash"])
    return form


def spelled(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In one order, with Meta's two ways to write a button's sample, or its app, as one."""
    parts = json.loads(json.dumps(components))
    for part in parts:
        part["type"] = part["type"].upper()
        for button in part.get("buttons", []):
            button["type"] = button["type"].upper()
            if isinstance(button.get("example"), list) and button["type"] == "COPY_CODE":
                button["example"] = button["example"][0]
            if "package_name" in button:
                keys = ("package_name", "signature_hash")
                button["supported_apps"] = [{key: button.pop(key) for key in keys}]
    return sorted(parts, key=lambda part: str(part["type"]))


@pytest.mark.parametrize("template", ALL, ids=[str(t.get("name")) for t in ALL])
def test_nothing_is_lost_between_the_form_and_the_template(template: dict[str, Any]) -> None:
    assert spelled(editor.components(posted(template))) == spelled(template["components"])


def test_line_ends_are_metas_and_spaces_around_go() -> None:
    form = QueryDict(mutable=True)
    form.update({"category": "UTILITY", "body": " one\r\ntwo\rthree  "})

    assert editor.components(form) == [{"type": "BODY", "text": "one\ntwo\nthree"}]


@pytest.mark.parametrize("kept", ["", "{", "[]", '"x"', "null", '{"BODY": 5, "": "x"}'])
def test_garbage_in_what_is_kept_does_no_harm(kept: str) -> None:
    form = QueryDict(mutable=True)
    form.update({"category": "UTILITY", "body": "Hello there", "kept": kept})

    assert editor.components(form)[0]["text"] == "Hello there"


@pytest.mark.parametrize(
    "components",
    [
        None,
        5,
        "x",
        [None],
        [5],
        [{"type": 5}],
        [{"type": "BUTTONS", "buttons": 5}],
        [{"type": "CAROUSEL", "cards": [5, {"components": 5}]}],
        [{"type": "HEADER", "format": 5}],
        [{"type": "BODY", "text": 5, "example": {"body_text": 5}}],
        [{"type": "FOOTER"}],
        [{"type": "LIMITED_TIME_OFFER", "limited_time_offer": 5}],
    ],
)
def test_whatever_components_there_are_the_form_can_show_them(components: object) -> None:
    assert editor.sheet(components)["body"] == ""
