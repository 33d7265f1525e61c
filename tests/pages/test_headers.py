import re

import pytest
from django.test import Client

from messaging.models import Batch
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(channel) -> Batch:
    return factories.make_batch(channel)


def _policy(response) -> dict[str, str]:
    parts = response["Content-Security-Policy"].split(";")
    return dict(part.strip().split(" ", 1) for part in parts)


def _assert_strict(response) -> None:
    policy = _policy(response)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    html = response.content.decode()
    # Scripts of their own files, and data for them.
    assert not re.search(r"""<script(?![^>]*\s(src=|type="application/json"))""", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)
    assert not re.search(r"""(src|href)=["']https?://(?!testserver)""", html)


@pytest.mark.parametrize(
    "page",
    ["/", "/accounts/login/", "/accounts/password/reset/", "/accounts/signup/", "/nowhere"],
)
def test_open_pages_carry_a_strict_policy_and_keep_it(client: Client, page: str):
    _assert_strict(client.get(page))


@pytest.mark.parametrize("page", ["/", "/companies", "/batches", "/accounts/password/change/"])
def test_pages_of_a_company_carry_a_strict_policy_and_keep_it(owner: Client, page: str):
    _assert_strict(owner.get(page))


def test_a_batchs_page_carries_a_strict_policy_and_keeps_it(owner: Client, batch: Batch):
    _assert_strict(owner.get(f"/batches/{batch.public_id}"))


def test_only_the_admin_has_the_wider_policy(staff: Client):
    assert "'unsafe-eval'" in _policy(staff.get("/admin/"))["script-src"]


@pytest.mark.parametrize("page", ["/", "/companies", "/batches"])
def test_no_cache_keeps_a_companys_pages(owner: Client, page: str):
    assert "no-store" in owner.get(page)["Cache-Control"]


def test_a_page_that_is_not_there_says_so_kindly(client: Client):
    response = client.get("/nowhere")

    assert response.status_code == 404
    assert b"There is no such page" in response.content


def test_the_error_pages_need_no_database(client: Client, settings):
    from django.template.loader import render_to_string

    for name in ("400", "403", "403_csrf", "404", "500"):
        assert "Tuma" in render_to_string(f"{name}.html")
