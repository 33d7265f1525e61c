"""What staff can do: only by POST, only with a token, and what it does."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from companies.models import ApiKey, Channel, Company, CreditEntry, Membership, User
from messaging.models import WebhookEvent
from tests import factories
from tests.pages.everything import make_one_of_each

pytestmark = pytest.mark.django_db

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LABELS = [model._meta.label for model in MODELS]
UNFOLD_ACTIONS = ("actions_list", "actions_row", "actions_detail", "actions_submit_line")
DIALOGS = [
    (model, name)
    for model in MODELS
    for name in admin.site._registry[model]._extract_action_names(
        admin.site._registry[model].actions_detail
    )
]
DIALOG_IDS = [f"{model._meta.label}.{name}" for model, name in DIALOGS]
LISTED = [
    (model, action if isinstance(action, str) else action.__name__)
    for model in MODELS
    for action in admin.site._registry[model].actions
]
# Whatever a dialog asks for, it is in here.
FILLED_IN = {
    "_form_submitted": "True",
    "reason": "Because we must.",
    "note": "Receipt 7",
    "amount": "5",
    "once": "abc",
    "duration": "0",
    "email": "invited@acme.example",
    "role": "owner",
}


def _url(model, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def _state() -> dict[str, list[dict[str, object]]]:
    return {model._meta.label: list(model._default_manager.values()) for model in MODELS}


def _ready_for(model, action: str) -> object:
    """A row that the action would change: in a state that allows it."""
    make_one_of_each("one")
    row = model._default_manager.first()
    process = getattr(admin.site._registry[model], "process", None)
    if process and action in process.steps:
        model.objects.filter(pk=row.pk).update(status=min(process.steps[action].sources))
    if action in ("resume", "resume_sending"):
        Channel.objects.update(paused_until=timezone.now() + timedelta(days=1))
    WebhookEvent.objects.update(state=WebhookEvent.State.PROBLEM)
    return row


def _filled_in(row: object) -> dict[str, object]:
    member = Membership.objects.first()
    return {**FILLED_IN, "member": member.pk if member else ""}


def _staff_of(role: str) -> User:
    user = User.objects.create_user(f"{role}@tuma.example", "secret-pass-1", is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    return user


def test_there_are_dialogs_to_walk():
    assert {"approve", "suspend", "connect", "pause", "top_up", "impersonate", "replay_one"} <= {
        name for _model, name in DIALOGS
    }


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_all_of_unfolds_actions_are_dialogs_that_ask_for_a_permission(model):
    """Its other kinds run on GET; Django's own (`actions`) run on POST alone."""
    screen = admin.site._registry[model]

    for kind in UNFOLD_ACTIONS:
        for name in screen._extract_action_names(getattr(screen, kind, ())):
            assert getattr(screen, name).dialog
            assert getattr(screen, name).permission.count(".") == 1


@pytest.mark.parametrize(("model", "action"), DIALOGS, ids=DIALOG_IDS)
def test_a_get_of_a_dialog_changes_nothing(staff: Client, model, action: str):
    row = _ready_for(model, action)
    before = _state()

    response = staff.get(_url(model, action, row.pk), _filled_in(row))

    assert response.status_code == 200
    assert b"<form" in response.content
    assert _state() == before


@pytest.mark.parametrize(("model", "action"), DIALOGS, ids=DIALOG_IDS)
def test_a_dialog_without_a_csrf_token_is_refused(staff_user: User, model, action: str):
    row = _ready_for(model, action)
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff_user)
    before = _state()

    assert client.post(_url(model, action, row.pk), _filled_in(row)).status_code == 403
    assert _state() == before


@pytest.mark.parametrize(("model", "action"), DIALOGS, ids=DIALOG_IDS)
def test_a_dialog_without_its_permission_is_refused(browser, model, action: str):
    row = _ready_for(model, action)
    client = browser(_staff_of("Support"))
    before = _state()

    assert client.get(_url(model, action, row.pk)).status_code == 403
    assert client.post(_url(model, action, row.pk), _filled_in(row)).status_code == 403
    assert _state() == before


@pytest.mark.parametrize(("model", "action"), DIALOGS, ids=DIALOG_IDS)
@pytest.mark.parametrize("pk", ["999999", "nonsense"])
def test_a_dialog_of_nothing_is_not_found(staff: Client, model, action: str, pk: str):
    assert staff.get(_url(model, action, pk)).status_code == 404
    assert staff.post(_url(model, action, pk), FILLED_IN).status_code == 404


@pytest.mark.parametrize(("model", "action"), DIALOGS, ids=DIALOG_IDS)
def test_a_dialog_is_not_for_companies_people(owner: Client, model, action: str):
    row = _ready_for(model, action)

    response = owner.post(_url(model, action, row.pk), _filled_in(row))

    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize(("model", "action"), DIALOGS, ids=DIALOG_IDS)
def test_a_dialog_that_is_filled_in_does_something(staff: Client, model, action: str):
    """So that the refusals above are not those of an action that never worked."""
    row = _ready_for(model, action)

    response = staff.post(_url(model, action, row.pk), _filled_in(row))

    assert response.status_code == 302
    assert "Nothing was changed" not in str(list(get_messages(response.wsgi_request)))


@pytest.mark.parametrize(("model", "action"), LISTED)
def test_an_action_of_a_list_needs_a_post_a_token_and_a_permission(
    staff: Client, staff_user: User, browser, model, action: str
):
    row = _ready_for(model, action)
    without_token = Client(enforce_csrf_checks=True)
    without_token.force_login(staff_user)
    form = {"action": action, "_selected_action": row.pk, "index": 0}
    before = _state()

    assert staff.get(_url(model, "changelist"), form).status_code in (200, 302)
    assert without_token.post(_url(model, "changelist"), form).status_code == 403
    browser(_staff_of("Support")).post(_url(model, "changelist"), form)
    after = _state()

    people = {User._meta.label, Group._meta.label}
    assert {k: v for k, v in after.items() if k not in people} == {
        k: v for k, v in before.items() if k not in people
    }


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_a_get_of_a_row_changes_nothing(staff: Client, model):
    make_one_of_each("one")
    row = model._default_manager.first()
    before = _state()

    staff.get(_url(model, "change", row.pk), {"_save": "1", "name": "changed"})

    assert _state() == before


def _replay(client: Client, *events: WebhookEvent):
    return client.post(
        _url(WebhookEvent, "changelist"),
        {"action": "replay", "_selected_action": [event.pk for event in events], "index": 0},
        follow=True,
    )


@pytest.fixture
def event(db: None) -> WebhookEvent:
    return WebhookEvent.objects.create(
        body='{"entry": "Grüße"}'.encode(),
        state=WebhookEvent.State.PROBLEM,
        problem="KeyError",
        tries=7,
        due_at=timezone.now(),
        received_at=timezone.now(),
    )


def test_replaying_makes_an_event_due_again_and_tells_a_worker(staff: Client, event, monkeypatch):
    wakes = []
    monkeypatch.setattr("messaging.admin_events.wake_inbox", lambda: wakes.append(1))

    _replay(staff, event)

    event.refresh_from_db()
    assert (event.state, event.tries, event.problem) == (WebhookEvent.State.PENDING, 0, "")
    assert event.due_at <= timezone.now()
    assert wakes == [1]
    assert LogEntry.objects.get().change_message == "Replayed."


def test_replaying_needs_a_csrf_token(staff_user: User, event: WebhookEvent):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff_user)

    assert _replay(client, event).status_code == 403

    event.refresh_from_db()
    assert event.state == WebhookEvent.State.PROBLEM


def test_an_events_body_is_shown_readable_whatever_it_is(staff: Client, event: WebhookEvent):
    page = staff.get(_url(WebhookEvent, "change", event.pk)).content.decode()
    assert "&quot;entry&quot;: &quot;Grüße&quot;" in page

    WebhookEvent.objects.filter(pk=event.pk).update(body=b"{<b>not json \xff")
    page = staff.get(_url(WebhookEvent, "change", event.pk)).content.decode()
    assert "{&lt;b&gt;not json \ufffd" in page


def test_staff_revoke_a_key(staff: Client, acme: Company):
    key = factories.key_row(factories.make_key(acme))

    staff.post(_url(ApiKey, "changelist"), {"action": "revoke", "_selected_action": key.pk})

    key.refresh_from_db()
    assert key.revoked_at is not None


def test_keys_are_not_added_here(staff: Client):
    assert staff.get(_url(ApiKey, "add")).status_code == 403


def _channel_form(channel: Channel, **fields: object) -> dict[str, object]:
    names = (
        "company_id name status is_default phone_number phone_number_id waba_id "
        "rate_per_second quality"
    )
    values = {
        name.removesuffix("_id") if name == "company_id" else name: getattr(channel, name)
        for name in names.split()
    }
    return {**values, "access_token": "", **fields}


def test_an_empty_token_keeps_the_stored_one(staff: Client, channel: Channel):
    token = channel.access_token

    staff.post(_url(Channel, "change", channel.pk), _channel_form(channel, name="Renamed"))

    channel.refresh_from_db()
    assert (channel.name, channel.access_token) == ("Renamed", token)


def test_a_new_token_replaces_the_stored_one(staff: Client, channel: Channel):
    form = _channel_form(channel, access_token="EAAnew")

    staff.post(_url(Channel, "change", channel.pk), form)

    channel.refresh_from_db()
    assert channel.access_token == "EAAnew"


def test_a_second_default_channel_is_refused_with_a_sentence(staff: Client, acme, channel):
    second = factories.make_channel(acme)

    response = staff.post(
        _url(Channel, "change", second.pk), _channel_form(second, is_default="on")
    )

    assert b"default is Main" in response.content


def test_a_top_up_moves_the_balance_and_the_ledger_together(staff: Client, acme: Company):
    staff.post(_url(CreditEntry, "add"), {"company": acme.pk, "amount": 500, "note": "Bank 1"})

    acme.refresh_from_db()
    entry = CreditEntry.objects.latest("pk")
    assert acme.credits == 1_000_500
    assert (entry.kind, entry.amount, entry.note) == ("top_up", 500, "Bank 1")
    assert entry.author.email == "staff@tuma.example"


def test_no_more_can_be_taken_than_is_there(staff: Client, acme: Company):
    fields = {"company": acme.pk, "amount": -1_000_001, "note": "Paid back"}

    response = staff.post(_url(CreditEntry, "add"), fields, follow=True)

    acme.refresh_from_db()
    assert acme.credits == 1_000_000
    assert b"Nothing was changed" in response.content


def test_a_companys_credit_is_not_typed_in(staff: Client, acme: Company):
    fields = {"name": "Acme", "country": "KE", "time_zone": "UTC", "status": "active"}
    inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    rest = {"credit_floor": 0, "prices": "{}", "credits": 5}

    staff.post(_url(Company, "change", acme.pk), {**fields, **inline, **rest})

    acme.refresh_from_db()
    assert (acme.time_zone, acme.credits) == ("UTC", 1_000_000)


def test_a_new_user_can_sign_in(staff: Client, client: Client, acme: Company):
    fields = {
        "email": "New@Acme.example",
        "name": "Nia",
        "usable_password": "true",
        "password1": "a-good-Pass-9",
        "password2": "a-good-Pass-9",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-company": acme.pk,
        "memberships-0-role": "developer",
    }

    staff.post(_url(User, "add"), fields)

    form = {"login": "new@acme.example", "password": "a-good-Pass-9"}
    assert client.post("/accounts/login/", form)["Location"] == "/"
    assert client.get("/").context["company"] == acme


def test_a_changed_address_no_longer_signs_in_by_the_old_one(staff: Client, acme: Company):
    user = factories.make_user("old@acme.example", company=acme)
    EmailAddress.objects.create(user=user, email=user.email, primary=True)
    membership = Membership.objects.get()
    fields = {
        "email": "new@acme.example",
        "is_active": "on",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": membership.pk,
        "memberships-0-user": user.pk,
        "memberships-0-company": acme.pk,
        "memberships-0-role": "owner",
    }

    staff.post(_url(User, "change", user.pk), fields)

    user.refresh_from_db()
    assert user.email == "new@acme.example"
    assert not EmailAddress.objects.filter(email="old@acme.example").exists()


def test_the_error_policy_is_listed_and_searched(staff: Client):
    everything = staff.get("/admin/error-policy/")
    found = staff.get("/admin/error-policy/", {"q": "131026"})

    assert len(everything.context["rows"]) > 20
    assert [row["policy"].code for row in found.context["rows"]] == [131026]
    assert b"No code fits" in staff.get("/admin/error-policy/", {"q": "zzzz"}).content


def test_the_error_policy_is_for_staff(owner: Client):
    assert owner.get("/admin/error-policy/").status_code == 302
