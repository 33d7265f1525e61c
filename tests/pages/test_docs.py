"""The reference page and the pages for those who move here."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from messaging.docs_pages import MOVES
from messaging.openapi.document import CONTRACTS

pytestmark = pytest.mark.django_db

PAGES = ["/api/docs", "/moving", *(f"/moving/{slug}" for slug in MOVES)]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_no_other_host_for_anything(client: Client, page: str):
    response = client.get(page)
    assert response.status_code == 200
    html = response.content.decode()
    assert not re.search(r"""(src|href|data-url|action)=["']?(https?:)?//""", html)
    assert "'self'" in response["Content-Security-Policy"]


@pytest.mark.parametrize("page", PAGES)
def test_only_the_reference_may_style_itself(client: Client, page: str):
    policy = dict(
        part.strip().split(" ", 1)
        for part in client.get(page)["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    styles = "'self' 'unsafe-inline'" if page == "/api/docs" else "'self'"
    assert policy["style-src"] == styles


def test_the_reference_reads_our_document_and_tells_nobody(client: Client):
    html = client.get("/api/docs").content.decode()
    assert 'data-url="/api/schema"' in html
    assert "&quot;telemetry&quot;:false" in html
    assert "&quot;withDefaultFonts&quot;:false" in html
    assert re.search(r'src="/static/vendor/scalar/standalone[.\w]*\.js"', html)
    assert (Path(settings.BASE_DIR) / "static/vendor/scalar/standalone.js").is_file()


@pytest.mark.parametrize("slug", MOVES)
def test_whoever_comes_from_a_vendor_reads_what_to_change(client: Client, slug: str):
    html = client.get(f"/moving/{slug}").content.decode()
    assert MOVES[slug].before in html
    assert "+ http://testserver/" in html


def test_there_is_a_page_for_each_contract_and_no_other(client: Client):
    assert {contract.name.lower() for contract in CONTRACTS} == set(MOVES)
    assert client.get("/moving/nobody").status_code == 404


def test_both_are_found(client: Client, owner: Client):
    assert 'href="/api/docs"' in client.get("/").content.decode()
    assert 'href="/moving"' in client.get("/").content.decode()
    assert 'href="/api/docs"' in owner.get("/").content.decode()
    assert "(/moving)" in client.get("/api/schema").json()["info"]["description"]


def test_other_paths_under_api_are_still_the_apis(client: Client):
    assert client.get("/api/nowhere").json()["code"] == "not_found"
