"""What happens to templates after they were made: review, pauses, quality, category.

Each event changes the template and sends the webhook that Meta would send.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from .errors import param
from .state import State
from .template_rules import CATEGORIES, rejection_of
from .templates import Template, new_template
from .webhooks import Change

PAUSE_TITLES: Final = ("FIRST_PAUSE", "SECOND_PAUSE")
SCORES: Final = ("GREEN", "YELLOW", "RED", "UNKNOWN")
STATUS_FIELD: Final = "message_template_status_update"


def schedule_review(state: State, template: Template) -> None:
    """The reviewer looks at it a little later, unless the decision is left to the control."""
    if state.settings.template_decision == "manual":
        return
    due = time.monotonic() + state.settings.template_review_seconds
    status = template.status
    state.timetable.add(due, lambda: _review(state, template.id, status))


def schedule_pending(state: State) -> None:
    """Reviews that a restart interrupted."""
    for template in list(state.templates.all()):
        if template.status == "PENDING":
            schedule_review(state, template)


def _review(state: State, template_id: str, status: str) -> None:
    """Nothing is left to review when somebody decided in the meantime."""
    template = state.templates.by_id(template_id)
    if template is None or template.status != status:
        return
    found = rejection_of({"name": template.name, "components": template.components})
    if found is None and state.settings.template_decision == "reject":
        found = {
            "reason": "All templates are rejected by order.",
            "recommendation": "Set template_decision to approve.",
        }
    if found is None:
        approve(state, template, {})
    else:
        reject(state, template, {"rejection_info": found})


def _base(template: Template) -> dict[str, Any]:
    return {
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def _send(state: State, template: Template, field: str, value: dict[str, Any]) -> None:
    template.updated_at = state.now()
    state.changed = True
    state.emit(Change(template.waba_id, field, value, int(state.now())))


def _status(
    state: State, template: Template, event: str, reason: str | None = "NONE", **more: Any
) -> None:
    value = {
        "event": event,
        **_base(template),
        "reason": reason,
        "message_template_category": template.category,
        **more,
    }
    _send(state, template, STATUS_FIELD, value)


def approve(state: State, template: Template, order: dict[str, Any]) -> None:
    template.status, template.rejected_reason, template.was_approved = "APPROVED", "NONE", True
    _status(state, template, "APPROVED")


def reject(state: State, template: Template, order: dict[str, Any]) -> None:
    reason = str(order.get("reason", "INVALID_FORMAT"))
    template.status, template.rejected_reason = "REJECTED", reason
    more = {"rejection_info": order["rejection_info"]} if order.get("rejection_info") else {}
    _status(state, template, "REJECTED", reason, **more)


def pause(state: State, template: Template, order: dict[str, Any]) -> None:
    """The first time, the second; the third one is for good."""
    if template.pauses >= len(PAUSE_TITLES):
        disable(state, template, order)
        return
    title = str(order.get("title", PAUSE_TITLES[template.pauses]))
    template.pauses += 1
    template.status = "PAUSED"
    _status(state, template, "PAUSED", other_info={"title": title, "description": _paused(title)})


def _paused(title: str) -> str:
    hours = 6 if title == "SECOND_PAUSE" else 3
    return f"This template was paused for {hours} hours because of its quality."


def unpause(state: State, template: Template, order: dict[str, Any]) -> None:
    template.status = "APPROVED"
    more = {"title": "UNPAUSE", "description": "This template is no longer paused."}
    _status(state, template, "APPROVED", other_info=more)


def disable(state: State, template: Template, order: dict[str, Any]) -> None:
    template.status = "DISABLED"
    _status(state, template, "DISABLED", disable_info={"disable_date": int(state.now())})


def change_status(state: State, template: Template, order: dict[str, Any]) -> None:
    """Any other status by its name: IN_APPEAL, FLAGGED, PENDING, …"""
    status = str(order.get("status", "")).upper()
    if not status:
        raise param("The parameter status is required.")
    template.status = status
    _status(state, template, status, str(order.get("reason", "NONE")))


def change_quality(state: State, template: Template, order: dict[str, Any]) -> None:
    score = str(order.get("score", "")).upper()
    if score not in SCORES:
        raise param(f"Param score must be one of {{{', '.join(SCORES)}}}.")
    value = {
        "previous_quality_score": template.quality,
        "new_quality_score": score,
        **_base(template),
    }
    template.quality = score
    _send(state, template, "message_template_quality_update", value)


def change_category(state: State, template: Template, order: dict[str, Any]) -> None:
    """At once, or with {"announce": true} only the notice 24 hours before."""
    category = str(order.get("category", "MARKETING")).upper()
    if category not in CATEGORIES:
        raise param(f"Param category must be one of {{{', '.join(CATEGORIES)}}}.")
    value = _base(template)
    if order.get("announce"):
        template.correct_category = category
        value["correct_category"] = category
        value["new_category"] = template.category
        value["category_update_timestamp"] = int(state.now()) + 86400
    else:
        value["previous_category"] = template.previous_category = template.category
        value["new_category"] = template.category = category
        template.correct_category, template.shape = "", None
    _send(state, template, "template_category_update", value)


def delete(state: State, template: Template, order: dict[str, Any]) -> None:
    state.templates.remove(template, now=state.now())
    _status(state, template, "DELETED", None)


ACTIONS: Final[dict[str, Callable[[State, Template, dict[str, Any]], None]]] = {
    "approve": approve,
    "reject": reject,
    "pause": pause,
    "unpause": unpause,
    "disable": disable,
    "status": change_status,
    "quality": change_quality,
    "category": change_category,
    "delete": delete,
}


def act(state: State, order: dict[str, Any]) -> list[dict[str, Any]]:
    """A control order: one action on one template, or on all languages of a name."""
    action = str(order.get("action", ""))
    if action == "add":
        return [_add(state, order).as_json()]
    handler = ACTIONS.get(action)
    if handler is None:
        raise param(f"action is one of add, {', '.join(ACTIONS)}.")
    chosen = _chosen(state, order)
    for template in chosen:
        handler(state, template, order)
    return [template.as_json() for template in chosen]


def _chosen(state: State, order: dict[str, Any]) -> list[Template]:
    if order.get("id"):
        template = state.templates.by_id(str(order["id"]))
        found = [template] if template else []
    else:
        found = state.templates.named(str(order.get("waba_id", "")), str(order.get("name", "")))
        language = order.get("language")
        found = [t for t in found if language in (None, t.language)]
    if not found:
        raise param("there is no such template; give id, or waba_id and name.")
    return found


def _add(state: State, order: dict[str, Any]) -> Template:
    """A template as it is, without review: for tests that need one at once."""
    body = order.get("template")
    if not isinstance(body, dict) or not {"name", "language", "category"} <= body.keys():
        raise param("template: name, language, category and components are needed.")
    status = str(body.get("status", "APPROVED"))
    template = new_template(str(order.get("waba_id", "")), body, status=status, now=state.now())
    state.changed = True
    return state.templates.add(template)
