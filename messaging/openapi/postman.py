"""The document as a Postman collection (v2.1): a folder for each contract, a request for each example."""

from typing import Any

import orjson

from messaging.openapi.parts import Object

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS = ("get", "post", "patch", "delete")
_KEY = "{{api_key}}"
# The two parts of a key, cut by the collection itself.
_CUT_KEY = [
    "const key = pm.collectionVariables.get('api_key') || '';",
    "pm.collectionVariables.set('dev_key', key.slice(0, 13));",
    "pm.collectionVariables.set('dev_secret', key.slice(13));",
]
# What a request made, the next can name: its id goes where paths have a place for it.
_KEEP_IDS = [
    "let made = {};",
    "try { made = pm.response.json(); } catch (error) { /* a file */ }",
    "const keep = (name, id) => { if (id) pm.collectionVariables.set(name, id); };",
    "keep('batch_id', (pm.response.headers.get('Location') || '').split('/batches/')[1]);",
    "keep('message_id', made.message_id);",
    "keep('media_id', made.media_id);",
    "keep('template_id', Number.isInteger(made.id) && made.id);",
    "keep('webhook_id', /^wh_/.test(made.id) && !made.deleted && made.id);",
]
# What is asked for in paths, with what there is from the start.
_PLACES = {
    "channel_id": "1",
    "batch_id": "",
    "message_id": "",
    "media_id": "",
    "webhook_id": "",
    "template_id": "",
    "phone": "+1234567890",
}
_LAST = "PATCH DELETE"  # in this order: after them the others find nothing


def collection(document: Object) -> Object:
    folders: dict[str, list[Object]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                shared = item.get("parameters", [])
                for folder, request in _requests(path, method, item[method], shared):
                    folders[folder].append(request)
    for entries in folders.values():
        entries.sort(key=lambda entry: _LAST.find(entry["request"]["method"]))
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": _SCHEMA,
        },
        "variable": [
            {"key": "base_url", "value": document["servers"][0]["url"]},
            {"key": "api_key", "value": ""},
            {"key": "dev_key", "value": ""},
            {"key": "dev_secret", "value": ""},
            *({"key": name, "value": value} for name, value in _PLACES.items()),
        ],
        "event": [
            _script("prerequest", _CUT_KEY),
            _script("test", _KEEP_IDS),
        ],
        "auth": _bearer(),
        "item": [
            {"name": tag["name"], "description": tag["description"], "item": folders[tag["name"]]}
            for tag in document["tags"]
        ],
    }


def _requests(
    path: str, method: str, operation: Object, shared: list[Object]
) -> list[tuple[str, Object]]:
    """With their folders. Where two contracts share a path, an example's name begins with its own."""
    tags = operation["tags"]
    media: Object = operation.get("requestBody", {}).get("content", {})
    shown: Object = media.get("application/json", {}).get("examples", {}) or {"": None}
    parameters = [p for p in [*shared, *operation.get("parameters", [])] if "$ref" not in p]
    found = []
    for name, example in shown.items():
        folder = next((tag for tag in tags if name.startswith(tag.lower())), tags[0])
        title = name.removeprefix(folder.lower()).strip("_").replace("_", " ")
        request: Object = {
            "method": method.upper(),
            "header": [],
            "url": _url(path, parameters),
            "description": operation.get("description", ""),
        }
        if folder == "EngageLab":
            request["auth"] = _basic()
        elif folder == "Socnet":
            request["auth"] = {"type": "noauth"}
        if example:
            request["header"] = [{"key": "Content-Type", "value": "application/json"}]
            request["body"] = _raw(_ours(example["value"]))
        elif "multipart/form-data" in media:
            request["body"] = {"mode": "formdata", "formdata": [{"key": "file", "type": "file"}]}
        summary = operation["summary"]
        entry = {"name": f"{summary}: {title}" if title else summary, "request": request}
        found.append((folder, entry))
    return found


def _url(path: str, parameters: list[Object]) -> Object:
    parts = [f":{p[1:-1]}" if p.startswith("{") else p for p in path.strip("/").split("/")]
    return {
        "raw": "{{base_url}}/" + "/".join(parts),
        "host": ["{{base_url}}"],
        "path": parts,
        "variable": [
            {
                "key": p["name"],
                "value": "{{" + p["name"] + "}}",
                "description": p["description"],
            }
            for p in parameters
            if p["in"] == "path"
        ],
        "query": [
            {"key": p["name"], "value": "", "description": p["description"], "disabled": True}
            for p in parameters
            if p["in"] == "query"
        ],
    }


def _ours(body: Any) -> Any:
    """With our key, and without the printed sender, whose number belongs to nobody here."""
    if not isinstance(body, dict):
        return body
    kept = {name: value for name, value in body.items() if name != "from"}
    return {**kept, "api_key": _KEY} if "api_key" in body else kept


def _raw(body: Any) -> Object:
    return {
        "mode": "raw",
        "raw": orjson.dumps(body, option=orjson.OPT_INDENT_2).decode(),
        "options": {"raw": {"language": "json"}},
    }


def _script(when: str, lines: list[str]) -> Object:
    return {"listen": when, "script": {"type": "text/javascript", "exec": lines}}


def _bearer() -> Object:
    return {"type": "bearer", "bearer": [{"key": "token", "value": _KEY, "type": "string"}]}


def _basic() -> Object:
    pairs = {"username": "{{dev_key}}", "password": "{{dev_secret}}"}
    values = [{"key": key, "value": value, "type": "string"} for key, value in pairs.items()]
    return {"type": "basic", "basic": values}
