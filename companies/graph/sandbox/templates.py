"""The templates of each account: what is stored, what may be sent, what becomes of them."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib import resources
from typing import Any

from . import ids, template_params
from .errors import GraphError, of
from .settings import DAY
from .template_shape import Shape, shape_of

Key = tuple[str, str]  # name, language

NOT_SENDABLE = {"PAUSED": 132015, "DISABLED": 132016}


@dataclass(slots=True)
class Template:
    id: str
    waba_id: str
    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    parameter_format: str = "POSITIONAL"
    status: str = "APPROVED"
    rejected_reason: str = "NONE"
    quality: str = "UNKNOWN"
    previous_category: str = ""
    correct_category: str = ""
    message_send_ttl_seconds: int | None = None
    pauses: int = 0
    was_approved: bool = False
    updated_at: float = 0.0
    edits: list[float] = field(default_factory=list)  # of an approved template
    shape: Shape | None = None

    def expects(self) -> Shape:
        if self.shape is None:
            self.shape = shape_of(
                {
                    "parameter_format": self.parameter_format,
                    "category": self.category,
                    "components": self.components,
                }
            )
        return self.shape

    def as_json(self) -> dict[str, Any]:
        """All fields that may be asked for."""
        return {
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "category": self.category,
            "status": self.status,
            "parameter_format": self.parameter_format,
            "components": read_back(self.components, self.category),
            "rejected_reason": self.rejected_reason,
            "quality_score": {"score": self.quality, "date": int(self.updated_at)},
            "previous_category": self.previous_category or None,
            "correct_category": self.correct_category or None,
            "message_send_ttl_seconds": self.message_send_ttl_seconds,
            "last_updated_time": int(self.updated_at) or None,
        }


def read_back(components: list[dict[str, Any]], category: str) -> list[dict[str, Any]]:
    """Components as Graph shows them: samples as addresses, one-time passwords as URL buttons."""
    shown = []
    for component in components:
        row = dict(component)
        row["type"] = str(row.get("type", "")).upper()
        example = row.get("example")
        if isinstance(example, dict) and "header_handle" in example:
            address = "https://scontent.whatsapp.net/v/t61.29466-34/sample.jpg"
            row["example"] = {**example, "header_handle": [address]}
        if category == "AUTHENTICATION" and row["type"] == "BODY":
            advised = row.get("add_security_recommendation")
            row["text"] = "*{{1}}* is your verification code." + (
                " For your security, do not share this code." if advised else ""
            )
            row["example"] = {"body_text": [["123456"]]}
        if row["type"] == "BUTTONS":
            row["buttons"] = [_button_back(button) for button in row.get("buttons") or []]
        shown.append(row)
    return shown


def _button_back(button: dict[str, Any]) -> dict[str, Any]:
    if str(button.get("type")).upper() != "OTP":
        return button
    kind = str(button.get("otp_type", "COPY_CODE")).upper()
    url = f"https://www.whatsapp.com/otp/code/?otp_type={kind}&code=otp{{{{1}}}}"
    example = [url.replace("{{1}}", "123456")]
    return {"type": "URL", "text": button.get("text", "Copy code"), "url": url, "example": example}


class TemplateStore:
    def __init__(self) -> None:
        self.accounts: dict[str, dict[Key, Template]] = {}
        self.ids: dict[str, Template] = {}
        self.deleted: dict[tuple[str, str, str], tuple[float, bool]] = {}

    def of_waba(self, waba_id: str) -> dict[Key, Template]:
        """The account's templates; an account that is new here is born with the seeds."""
        templates = self.accounts.get(waba_id)
        if templates is None:
            templates = self.accounts[waba_id] = {}
            for seed in seeds():
                self.add(new_template(waba_id, seed, status=seed["status"]))
        return templates

    def add(self, template: Template) -> Template:
        self.of_waba(template.waba_id)[template.name, template.language] = template
        self.ids[template.id] = template
        return template

    def by_id(self, template_id: str) -> Template | None:
        return self.ids.get(template_id)

    def named(self, waba_id: str, name: str) -> list[Template]:
        return [t for t in self.of_waba(waba_id).values() if t.name == name]

    def all(self) -> Iterator[Template]:
        yield from self.ids.values()

    def remove(self, template: Template, *, now: float) -> None:
        """Its name stays taken: 30 days when it was ever approved, else a minute."""
        del self.of_waba(template.waba_id)[template.name, template.language]
        self.ids.pop(template.id, None)
        seconds = 30 * DAY if template.was_approved else 60
        key = (template.waba_id, template.name, template.language)
        self.deleted[key] = (now + seconds, template.was_approved)

    def locked(self, waba_id: str, name: str, language: str, *, now: float) -> str:
        """How long a deleted template's name stays taken, in Meta's words; empty: not."""
        until, was_approved = self.deleted.get((waba_id, name, language), (0.0, False))
        if now >= until:
            return ""
        return "4 weeks" if was_approved else "less than 1 minute"

    def check_send(
        self, waba_id: str, wanted: dict[str, Any], *, to_user_id: bool
    ) -> tuple[GraphError | None, str]:
        """Whether a send of a template is right, and what it is billed as."""
        name, language = wanted["name"], wanted["language"]["code"]
        template = self.of_waba(waba_id).get((name, language))
        if template is None:
            details = f"template name ({name}) does not exist in {language}"
            return of(132001, details), "utility"
        category = template.category.lower()
        if template.status != "APPROVED":
            code = NOT_SENDABLE.get(template.status, 132001)
            details = f"template name ({name}) does not exist in {language}"
            return of(code, details if code == 132001 else None), category
        if to_user_id and template.category == "AUTHENTICATION":
            return of(131062), category
        return template_params.check_shape(template.expects(), wanted.get("components")), category

    def rows(self, waba_id: str) -> list[dict[str, Any]]:
        chosen = self.of_waba(waba_id).values() if waba_id else self.ids.values()
        return [{**template.as_json(), "waba_id": template.waba_id} for template in chosen]

    def export(self) -> dict[str, Any]:
        rows = [{**asdict(template), "shape": None} for template in self.ids.values()]
        deleted = [[*key, *value] for key, value in self.deleted.items()]
        return {"accounts": list(self.accounts), "templates": rows, "deleted": deleted}

    def restore(self, document: dict[str, Any]) -> None:
        known = {item.name for item in fields(Template)}
        self.accounts = {waba_id: {} for waba_id in document["accounts"]}
        self.ids = {}
        for row in document["templates"]:
            self.add(Template(**{name: row[name] for name in known & row.keys()}))
        self.deleted = {(r[0], r[1], r[2]): (r[3], r[4]) for r in document["deleted"]}


def new_template(
    waba_id: str, body: dict[str, Any], *, status: str, fresh: bool = False, now: float = 0.0
) -> Template:
    """A template from Meta's create format."""
    name, language = body["name"], body["language"]
    return Template(
        id=ids.fresh_template_id() if fresh else ids.template_id(waba_id, name, language),
        waba_id=waba_id,
        name=name,
        language=language,
        category=str(body["category"]).upper(),
        components=body.get("components") or [],
        parameter_format=str(body.get("parameter_format") or "POSITIONAL").upper(),
        status=status,
        message_send_ttl_seconds=body.get("message_send_ttl_seconds"),
        was_approved=status == "APPROVED",
        updated_at=now,
    )


@cache
def seeds() -> tuple[dict[str, Any], ...]:
    text = resources.files(__package__).joinpath("seed_templates.json").read_text("utf-8")
    return tuple(json.loads(text))
