"""The table of Graph calls other than sends."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from . import app_calls, ids, media_calls, number_calls, template_calls
from .calls import Call
from .errors import Refused, of, with_status

Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    handler: Handler
    group: str = "numbers"  # what an ordered fault calls it
    managed: bool = False  # counts against the hourly management limit
    app: bool = False  # an app token will do
    public: bool = False  # checks its credentials itself
    reads_body: bool = True


def _managed(handler: Handler, group: str = "numbers") -> Route:
    return Route(handler=handler, group=group, managed=True)


EDGES: Final[dict[tuple[str, str], Route]] = {
    ("POST", "media"): Route(handler=media_calls.upload, group="media", reads_body=False),
    ("GET", "message_templates"): _managed(template_calls.list_all, "templates"),
    ("POST", "message_templates"): _managed(template_calls.create, "templates"),
    ("DELETE", "message_templates"): _managed(template_calls.delete, "templates"),
    ("POST", "upsert_message_templates"): _managed(template_calls.upsert, "templates"),
    ("POST", "unpause"): Route(handler=template_calls.unpause, group="templates"),
    ("GET", "phone_numbers"): _managed(number_calls.list_all),
    ("GET", "subscribed_apps"): _managed(number_calls.subscribed_apps),
    ("POST", "subscribed_apps"): _managed(number_calls.subscribe),
    ("DELETE", "subscribed_apps"): _managed(number_calls.unsubscribe),
    ("POST", "register"): Route(handler=number_calls.register),
    ("POST", "deregister"): Route(handler=number_calls.deregister),
    ("POST", "request_code"): Route(handler=number_calls.succeed),
    ("POST", "verify_code"): Route(handler=number_calls.verify_code),
    ("GET", "settings"): Route(handler=number_calls.settings),
    ("POST", "settings"): Route(handler=number_calls.succeed),
    ("GET", "whatsapp_business_profile"): Route(handler=number_calls.profile),
    ("POST", "whatsapp_business_profile"): Route(handler=number_calls.change_profile),
    ("POST", "uploads"): Route(handler=media_calls.start_upload, group="media", app=True),
    ("GET", "subscriptions"): Route(handler=app_calls.subscriptions, app=True),
    ("POST", "subscriptions"): Route(handler=app_calls.subscribe, app=True),
    ("DELETE", "subscriptions"): Route(handler=app_calls.unsubscribe, app=True),
}

FIXED: Final[dict[tuple[str, str], Route]] = {
    ("GET", "debug_token"): Route(handler=app_calls.debug_token, public=True),
    ("GET", "oauth/access_token"): Route(handler=app_calls.access_token, public=True),
    ("GET", "whatsapp_business/attachments"): Route(handler=media_calls.download, group="media"),
}


def find(method: str, parts: list[str]) -> Route | None:
    path = "/".join(parts)
    if (method, path) in FIXED:
        return FIXED[method, path]
    if len(parts) == 2 and ids.is_object_id(parts[0]):
        return EDGES.get((method, parts[1]))
    if len(parts) == 1 and parts[0].startswith("upload:"):
        handler = media_calls.continue_upload if method == "POST" else media_calls.upload_state
        return Route(handler=handler, group="media", app=True, reads_body=False)
    if len(parts) == 1 and ids.is_object_id(parts[0]) and method in NODES:
        return Route(handler=NODES[method])
    return None


async def get_node(call: Call) -> Any:
    """GET /{id}: the id alone must tell what it is of."""
    state = call.state
    if state.media.get(call.node, now=state.now()):
        return await media_calls.metadata(call)
    if state.templates.by_id(call.node):
        return await template_calls.get(call)
    return await number_calls.get(call)


async def post_node(call: Call) -> Any:
    if call.state.templates.by_id(call.node):
        return await template_calls.edit(call)
    return await number_calls.change(call)


NODES: Final[dict[str, Handler]] = {
    "GET": get_node,
    "POST": post_node,
    "DELETE": media_calls.delete,
}


def count_management(call: Call) -> None:
    """80007 when an account is asked more often in an hour than the setting allows."""
    allowed = call.state.settings.management_per_hour
    hour, count = _counted(call)
    call.state.management[call.node] = (hour, count + 1)
    if allowed and count >= allowed:
        raise Refused(with_status(of(80007), call.state.settings.throttle_status))


def _counted(call: Call) -> tuple[int, int]:
    this_hour = int(call.state.now() // 3600)
    hour, count = call.state.management.get(call.node, (this_hour, 0))
    return (this_hour, count) if hour == this_hour else (this_hour, 0)


def usage(call: Call) -> str:
    """The x-business-use-case-usage header: percent of the hour's allowance."""
    allowed = call.state.settings.management_per_hour or 5000
    percent = min(100, _counted(call)[1] * 100 // allowed)
    row = {
        "type": "whatsapp_business_management",
        "call_count": percent,
        "total_cputime": percent,
        "total_time": percent,
        "estimated_time_to_regain_access": 60 if percent == 100 else 0,
    }
    return orjson.dumps({call.node: [row]}).decode()
