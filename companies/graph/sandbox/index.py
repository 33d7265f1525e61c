"""GET /: what this is, the magic numbers, the control calls. HTML for people, JSON for others."""

from html import escape
from typing import Any

import orjson
from aiohttp import web

from .control import ACTIONS
from .faults import BY_MAGIC, MAGIC_BEHAVIOUR, MAGIC_ERROR
from .state import State

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1c2b33;background:#fff}
code{font-family:ui-monospace,monospace;background:#f0f2f5;padding:.1em .3em;border-radius:3px}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid #dadde1;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#18191a;color:#e4e6eb}code{background:#303338}
td,th{border-color:#3a3b3c}}
"""


def describe(state: State) -> dict[str, Any]:
    return {
        "name": "Graph sandbox",
        "about": "A local stand-in for Meta's Graph API and WhatsApp Cloud API. "
        "Nothing that is sent here reaches anybody.",
        "base_url": state.base_url,
        "webhooks_to": state.settings.webhook_url or None,
        "magic_recipients": {
            f"{MAGIC_ERROR}CCCCCC": "the Graph error CCCCCC, six digits: 15550131026 is 131026",
            **{MAGIC_BEHAVIOUR + digits: row.about for digits, row in BY_MAGIC.items()},
        },
        "control": [
            f"{method} /_sandbox/{name}" for name, methods in ACTIONS.items() for method in methods
        ],
    }


def page(state: State, request: web.BaseRequest) -> web.Response:
    about = describe(state)
    if "text/html" not in request.headers.get("Accept", ""):
        body = orjson.dumps(about, option=orjson.OPT_INDENT_2)
        return web.Response(body=body, content_type="application/json")
    rows = "".join(
        f"<tr><td><code>{escape(number)}</code></td><td>{escape(text)}</td></tr>"
        for number, text in about["magic_recipients"].items()
    )
    calls = "".join(f"<li><code>{escape(call)}</code></li>" for call in about["control"])
    target = escape(str(about["webhooks_to"] or "nowhere"))
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Graph sandbox</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style><h1>Graph sandbox</h1><p>{escape(about['about'])}</p>"
        f"<p>Graph is at <code>{escape(state.base_url)}</code>, webhooks go to "
        f"<code>{target}</code>. {state.counts.accepted} messages accepted so far.</p>"
        "<h2>Magic recipients</h2><table><tr><th>Send to</th><th>What happens</th></tr>"
        f"{rows}</table><h2>Control</h2><ul>{calls}</ul></html>"
    )
    return web.Response(text=html, content_type="text/html")
