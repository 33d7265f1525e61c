"""The staff's lists: each answers, at a cost that does not grow with what it shows."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from companies.models import ApiKey, Channel, Company, CreditEntry, User
from config.admin import CappedPaginator
from messaging.models import Message, Status, StatusEvent, WebhookEvent
from tests import factories
from tests.pages.everything import make_one_of_each

pytestmark = pytest.mark.django_db

OURS = ("companies", "contacts", "templates_app", "messaging")
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LABELS = [model._meta.label for model in MODELS]


def _list(model) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _change(row) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def test_every_model_of_ours_has_its_screen():
    missing = [m for app in OURS for m in apps.get_app_config(app).get_models() if m not in MODELS]

    assert missing == []


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_a_list_costs_the_same_queries_for_few_rows_and_many(staff: Client, model):
    make_one_of_each("one")
    staff.get(_list(model))  # caches of content types fill here
    with CaptureQueriesContext(connection) as few:
        assert staff.get(_list(model)).status_code == 200
    for name in ("two", "three", "four"):
        make_one_of_each(name)

    with CaptureQueriesContext(connection) as many:
        response = staff.get(_list(model))

    assert response.context["cl"].result_count >= 4
    assert len(many) == len(few), [query["sql"] for query in many]


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_every_row_has_its_page(staff: Client, model):
    make_one_of_each("one")

    assert staff.get(_change(model._default_manager.first())).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_a_search_for_anything_answers(staff: Client, model):
    make_one_of_each("one")

    for term in ("nonsense", "42", "msg_0000000000000", "+254 712 345 678", "wamid.x", "%'\"\\"):
        assert staff.get(_list(model), {"q": term}).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_no_list_counts_all_rows_or_sorts_by_what_has_no_index(model):
    screen = admin.site._registry[model]

    assert screen.show_full_result_count is False
    assert screen.paginator is CappedPaginator
    assert screen.date_hierarchy is None


def test_a_count_ends_at_the_cap(acme: Company, channel, monkeypatch):
    monkeypatch.setattr("config.admin.COUNTED_UP_TO", 3)
    for _ in range(5):
        factories.make_message(channel)

    assert CappedPaginator(Message.objects.order_by("-pk"), 2).count == 3


def test_a_message_is_found_by_each_of_its_names(staff: Client, channel):
    factories.make_message(channel)
    message = factories.make_message(channel, wamid="wamid.ABC", status=Status.SENT)

    for term in (message.public_id, message.batch.public_id, "wamid.ABC", f" {message.public_id} "):
        found = staff.get(_list(Message), {"q": term}).context["cl"].result_list
        assert [row.pk for row in found] == [message.pk]
    assert staff.get(_list(Message), {"q": "hello"}).context["cl"].result_count == 0


def test_events_are_found_by_their_message(staff: Client, channel, acme):
    make_one_of_each("one")
    event = StatusEvent.objects.get()

    found = staff.get(_list(StatusEvent), {"q": event.message.public_id}).context["cl"]

    assert [row.pk for row in found.result_list] == [event.pk]


def test_what_is_in_doubt_can_be_listed(staff: Client, channel):
    factories.make_message(channel)
    doubtful = factories.make_message(channel, status=Status.UNCERTAIN)

    found = staff.get(_list(Message), {"open": "doubt"}).context["cl"].result_list

    assert [row.pk for row in found] == [doubtful.pk]


def test_numbers_are_masked_in_lists(staff: Client, channel):
    message = factories.make_message(channel, recipient="254712345678")

    for model in (Message, type(message.contact)):
        page = staff.get(_list(model)).content.decode()
        assert "+254\xa0712\xa0•••\xa0678" in page
        assert "254712345678" not in page


def test_a_contact_is_found_by_its_number(staff: Client, acme: Company, rival: Company):
    ours = factories.make_contact(acme, "254712345678")
    theirs = factories.make_contact(rival, "254712345678")
    factories.make_contact(acme, "254712345679")

    found = staff.get(_list(type(ours)), {"q": "+254 712 345678"}).context["cl"].result_list

    assert {row.pk for row in found} == {ours.pk, theirs.pk}


@pytest.mark.parametrize("model", [Message, StatusEvent, WebhookEvent, CreditEntry, ApiKey])
def test_what_code_keeps_can_not_be_edited(staff: Client, model):
    make_one_of_each("one")
    row = model.objects.first()
    before = model.objects.filter(pk=row.pk).values().get()

    assert staff.post(_change(row), {"note": "changed"}).status_code == 403
    assert staff.post(_change(row).replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).values().get() == before


def test_secrets_are_on_no_page(staff: Client, acme: Company, channel: Channel):
    key = factories.key_row(factories.make_key(acme))

    for row in (key, channel):
        for page in (_list(type(row)), _change(row)):
            html = staff.get(page).content.decode()
            assert key.secret_hash not in html
            assert channel.access_token not in html


def test_staff_without_rights_see_nothing(browser):
    user = User.objects.create_user("new@tuma.example", "secret-pass-1", is_staff=True)

    assert browser(user).get(_list(Message)).status_code == 403
