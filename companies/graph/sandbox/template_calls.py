"""Calls about templates."""

from typing import Any, Final

from . import template_events, template_rules
from .calls import Call, page, pick
from .errors import Refused, management, missing, param, unknown_object
from .settings import DAY
from .templates import Template, new_template

DEFAULT: Final = (
    "name", "parameter_format", "components", "language", "status", "category", "sub_category",
)  # fmt: skip
MAX_TEMPLATES = 6000
EDITABLE: Final = ("APPROVED", "REJECTED", "PAUSED")
EDITS_PER_DAY = 1  # of an approved template
EDITS_PER_MONTH = 10


async def list_all(call: Call) -> dict[str, Any]:
    templates = call.state.templates.of_waba(call.node).values()
    chosen = [t for t in templates if _wanted(call, t)]
    answer = page([pick(t.as_json(), call.fields(), DEFAULT) for t in chosen], call)
    if call.text("summary"):
        answer["summary"] = {
            "total_count": len(chosen),
            "message_template_count": len(templates),
            "message_template_limit": MAX_TEMPLATES,
            "are_translations_complete": False,
        }
    return answer


def _wanted(call: Call, template: Template) -> bool:
    status, language = call.text("status").upper(), call.text("language")
    category, name = call.text("category").upper(), call.text("name")
    content = call.text("content").lower()
    return (
        status in ("", template.status)
        and language in ("", template.language)
        and category in ("", template.category)
        and name in template.name  # Meta's filter finds parts of names, too
        and (not content or content in str(template.components).lower())
    )


async def get(call: Call) -> dict[str, Any]:
    return pick(_template(call).as_json(), call.fields(), DEFAULT)


def _template(call: Call) -> Template:
    template = call.state.templates.by_id(call.node)
    if template is None:
        raise unknown_object(call.node, call.method)
    return template


async def create(call: Call) -> dict[str, Any]:
    template = _create(call, call.body)
    return {"id": template.id, "status": template.status, "category": template.category}


def _create(call: Call, body: dict[str, Any]) -> Template:
    error = template_rules.check(body)
    if error is not None:
        raise Refused(error)
    state, now = call.state, call.state.now()
    _check_name(call, body)
    # A name that was free all along keeps its id over restarts; a second life gets a new one.
    fresh = (call.node, body["name"], body["language"]) in state.templates.deleted
    template = new_template(call.node, body, status="PENDING", fresh=fresh, now=now)
    state.templates.add(template)
    state.changed = True
    template_events.schedule_review(state, template)
    return template


def _check_name(call: Call, body: dict[str, Any]) -> None:
    """What the account's other templates have to say against a new one."""
    store, name, language = call.state.templates, body["name"], body["language"]
    siblings = store.named(call.node, name)
    if any(t.language == language for t in siblings):
        raise management(
            2388024,
            "Content in This Language Already Exists",
            f"There is already {language} content for this template. You can create a new "
            "template and try again.",
        )
    wait = store.locked(call.node, name, language, now=call.state.now())
    if wait:
        raise management(
            2388023,
            "Message Template Language Is Being Deleted",
            f"New {language} content can't be added while the existing {language} content is "
            f"being deleted. Try again in {wait} or consider creating a new message template.",
        )
    category = template_rules.category_of(body)
    if siblings and siblings[0].category != category:
        raise management(
            None,
            None,
            f"The category {category} doesn't match the one that's already associated with this "
            f"template, {siblings[0].category}.",
        )
    if len(store.of_waba(call.node)) >= MAX_TEMPLATES:
        raise management(
            2388019, "Message Template Limit Exceeded", "There are too many templates already."
        )


async def edit(call: Call) -> dict[str, Any]:
    """Components are replaced as a whole. What was approved stays so while it is reviewed."""
    template, body, now = _template(call), call.body, call.state.now()
    error = template_rules.check_edit(body, template.category, template.parameter_format)
    if error is not None:
        raise Refused(error)
    _check_edit(call, template, now=now)
    approved = template.status == "APPROVED"
    if "category" in body:
        category = template_rules.category_of(body)
        if approved and category != template.category:
            raise _frozen("The category of an approved template can't be changed.")
        template.category = category
    if "components" in body:
        template.components = body["components"]
    if "message_send_ttl_seconds" in body:
        template.message_send_ttl_seconds = body["message_send_ttl_seconds"]
    template.shape, template.updated_at = None, now
    if approved:
        template.edits.append(now)
    else:
        template.status = "PENDING"
    call.state.changed = True
    template_events.schedule_review(call.state, template)
    return {"success": True}


def _check_edit(call: Call, template: Template, *, now: float) -> None:
    if template.status not in EDITABLE:
        raise _frozen("Message templates can only be edited when approved, rejected or paused.")
    if template.status != "APPROVED" or not call.state.settings.template_edit_limits:
        return
    day = sum(now - at < DAY for at in template.edits)
    month = sum(now - at < 30 * DAY for at in template.edits)
    if day >= EDITS_PER_DAY or month >= EDITS_PER_MONTH:
        raise _frozen("Approved templates can be edited once in 24 hours and ten times in 30 days.")


def _frozen(sentence: str) -> Refused:
    return management(2388039, "Message template status can't be changed", sentence)


async def delete(call: Call) -> dict[str, Any]:
    """All languages of a name, or with hsm_id the one."""
    name, hsm_id = call.text("name"), call.text("hsm_id")
    if not name:
        raise missing("name")
    found = call.state.templates.named(call.node, name)
    if hsm_id:
        found = [t for t in found if t.id == hsm_id]
    if not found:
        raise management(
            2593002, "Message Template Not Found", "No message template was found with this name."
        )
    if any(t.status == "DISABLED" for t in found):
        raise management(None, None, "Disabled templates can't be deleted.")
    for template in found:
        call.state.templates.remove(template, now=call.state.now())
    call.state.changed = True
    return {"success": True}


async def unpause(call: Call) -> dict[str, Any]:
    template = _template(call)
    if template.status != "PAUSED":
        return {"success": False, "reason": "Template is not paused"}
    template_events.unpause(call.state, template, {})
    return {"success": True}


async def upsert(call: Call) -> dict[str, Any]:
    """One authentication template in many languages at once."""
    languages = call.body.get("languages")
    if not isinstance(languages, list) or not languages:
        raise missing("languages")
    if str(call.body.get("category", "")).upper() != "AUTHENTICATION":
        raise param("Param category must be one of {AUTHENTICATION}.")
    rows = []
    for language in languages:
        body = {**call.body, "language": language}
        error = template_rules.check(body)
        if error is not None:
            raise Refused(error)
        known = call.state.templates.of_waba(call.node).get((body["name"], language))
        if known:
            known.components, known.shape = body["components"], None
        template = known or _create(call, body)
        rows.append({"id": template.id, "status": template.status, "language": language})
    call.state.changed = True
    return {"data": rows}
