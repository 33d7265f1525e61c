"""The API's document: valid, complete, and true to the vendors' printed examples."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, resolve
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from messaging import urls
from messaging.dialects.amanahagent_media import MediaView
from messaging.dialects.views import NotFoundView
from messaging.openapi.document import CONTRACTS, document
from messaging.openapi.postman import collection

DOCUMENT = document("https://tuma.example")
FIXTURES = Path(__file__).parents[1] / "fixtures"
METHODS = ("get", "post", "put", "patch", "delete")
SEND = {
    "autokonnect": "/api/v1/whatsapp/{channel_id}/messages",
    "whatssync": "/api/v1/messages",
    "engagelab": "/v1/messages",
    "socnet": "/projects/bulk/whatsapp/api.php",
}
AMANAHAGENT = {
    "contact": "/v1/contacts",
    "send": "/v1/messages",
    "template": "/v1/templates",
    "webhook": "/v1/webhooks",
}


def _api() -> dict[str, URLPattern]:
    """The patterns of the API as the document writes them."""
    found = {}
    for pattern in urls.urlpatterns:
        view = getattr(pattern.callback, "view_class", None)
        if view is None or issubclass(view, NotFoundView):
            continue  # files for browsers, and what leads nowhere
        text = str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("/?")
        text = re.sub(r"\(\?P<(\w+)>\[\^/\]\+\)", r"{\1}", text)
        found["/" + text.replace("\\", "")] = pattern
    return found


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, item[method])
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS
        if method in item
    ]


def test_it_is_valid():
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_it_has_every_path_of_the_api_and_no_other():
    assert set(DOCUMENT["paths"]) == set(_api())


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_it_has_every_method_of_a_path_and_no_other(path: str):
    view = _api()[path].callback.view_class
    has = {method for method in METHODS if hasattr(view, method)}
    assert has == set(DOCUMENT["paths"][path]) & set(METHODS)


def test_it_has_five_sections():
    names = [contract.name for contract in CONTRACTS]
    assert names == ["Autokonnect", "WhatsSync", "AmanahAgent", "EngageLab", "Socnet"]
    used = {tag for _, _, operation in _operations() for tag in operation["tags"]}
    assert used == set(names)


def _printed() -> list[Path]:
    files = [*FIXTURES.glob("autokonnect/*.json"), *FIXTURES.glob("*/*.request.json")]
    # The general form of a request, which is not itself a request.
    return sorted(file for file in files if file.name != "general.request.json")


@pytest.mark.parametrize("file", _printed(), ids=lambda file: f"{file.parent.name}-{file.name}")
def test_a_printed_request_fits_its_schema(file: Path):
    vendor, name = file.parent.name, file.name.partition(".")[0]
    path = AMANAHAGENT[name] if vendor == "amanahagent" else SEND[vendor]
    content = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    body = json.loads(file.read_text())
    _validator(content["schema"]).validate(body)
    if not name.startswith("curl_"):  # the same again, in another dress
        assert body in [shown["value"] for shown in content["examples"].values()]


def _shown() -> list[Any]:
    found = []
    for path, method, operation in _operations():
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for where, body in bodies.items():
            for media in body.get("content", {}).values():
                for name, shown in media.get("examples", {}).items():
                    found.append(
                        pytest.param(
                            media["schema"], shown["value"], id=f"{method} {path} {where} {name}"
                        )
                    )
    return found


@pytest.mark.parametrize(("schema", "value"), _shown())
def test_what_is_shown_fits_its_schema(schema: dict[str, Any], value: Any):
    _validator(schema).validate(value)


def test_each_answer_names_its_headers():
    for path, method, operation in _operations():
        for status, answer in operation["responses"].items():
            where = f"{method} {path} {status}"
            assert {"X-RateLimit-Limit", "X-Request-Id"} <= set(answer["headers"]), where
            assert ("Retry-After" in answer["headers"]) == (status == "429"), where


def test_each_operation_has_the_errors_that_any_may_have():
    for path, method, operation in _operations():
        assert {"401", "403", "405", "429", "500"} <= set(operation["responses"]), (method, path)
        # A file has no JSON, and so no other shape either.
        view = _api()[path].callback.view_class
        assert ("*/*" in operation["responses"].get("200", {}).get("content", {})) == (
            view is MediaView
        )


@pytest.mark.django_db
def test_it_is_served_for_the_callers_own_host(client: Client):
    response = client.get("/api/schema")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json() == document("http://testserver")


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/api/schema", "/api/docs", "/api/postman.json"])
def test_its_pages_answer_as_the_api_does(page: str):
    strict = Client(enforce_csrf_checks=True)

    refused = strict.post(page)
    with_slash = strict.get(f"{page}/")

    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")
    assert refused.json()["code"] == "method_not_allowed"
    assert with_slash["Location"] == page


@pytest.mark.django_db
def test_errors_are_shown_in_the_words_that_callers_get(client: Client):
    answer = client.post("/api/v1/messages", data={}, content_type="application/json").json()
    shown = DOCUMENT["paths"]["/api/v1/messages"]["post"]["responses"]["401"]
    examples = shown["content"]["application/json"]["examples"]
    assert answer in [example["value"] for example in examples.values()]


def test_the_collection_has_a_folder_for_each_contract_with_the_bodies():
    made = collection(DOCUMENT)
    assert [folder["name"] for folder in made["item"]] == [contract.name for contract in CONTRACTS]
    assert all(folder["item"] for folder in made["item"])
    assert {"base_url", "api_key"} <= {variable["key"] for variable in made["variable"]}
    bodies = [
        json.loads(entry["request"]["body"]["raw"])
        for folder in made["item"]
        for entry in folder["item"]
        if entry["request"].get("body", {}).get("mode") == "raw"
    ]
    assert {"to": "+1234567890", "type": "text", "text": "Hello from WhatsSync!"} in bodies
    assert [body["api_key"] for body in bodies if "api_key" in body] == ["{{api_key}}"] * 2


def test_each_request_of_the_collection_leads_to_a_view_that_takes_it():
    made = collection(DOCUMENT)
    known = {"{{" + variable["key"] + "}}" for variable in made["variable"]}
    for request in (entry["request"] for folder in made["item"] for entry in folder["item"]):
        url = request["url"]
        assert {variable["value"] for variable in url["variable"]} <= known
        view = resolve("/" + "/".join(part.replace(":", "") for part in url["path"])).func
        assert not issubclass(view.view_class, NotFoundView), url["raw"]
        assert hasattr(view.view_class, request["method"].lower()), url["raw"]


@pytest.mark.django_db
def test_the_collection_is_served(client: Client):
    response = client.get("/api/postman.json")
    assert response.status_code == 200
    assert response.json()["variable"][0] == {"key": "base_url", "value": "http://testserver"}
