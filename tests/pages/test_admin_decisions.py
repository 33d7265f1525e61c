"""What staff decide: what it changes, what it leaves behind, and that two never both win."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from companies import decisions, staff_pauses
from companies.decisions import CHANNELS, COMPANIES, Undecided
from companies.models import AuditEvent, Channel, Company, Decision, Notice, User
from messaging.models import WebhookDelivery
from templates_app.decisions import TEMPLATES
from templates_app.models import Template
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def reviewer(db: None) -> User:
    user = User.objects.create_user("reviewer@tuma.example", "secret-pass-1", is_staff=True)
    user.groups.set([Group.objects.get(name="Reviewer")])
    return user


@pytest.fixture
def applicant(db: None) -> Company:
    return factories.make_company("Juma Stores", status=Company.Status.APPLIED)


def decide(process, row, action: str, author: User, reason: str = "") -> Decision:
    return decisions.decide(process, row.pk, action, author=author, reason=reason, now=NOW)


# --- Companies ------------------------------------------------------------------------


def test_an_approved_company_is_active_and_reads_of_it(applicant: Company, reviewer: User):
    decision = decide(COMPANIES, applicant, "approve", reviewer)

    applicant.refresh_from_db()
    notice = Notice.objects.get(company=applicant)
    event = AuditEvent.objects.get(company=applicant)
    assert applicant.status == Company.Status.ACTIVE
    assert (notice.title, notice.level) == ("Juma Stores is active", "good")
    assert notice.mail_due
    assert (event.kind, event.actor_label) == ("company.approved", "Tuma’s staff")
    assert (decision.from_status, decision.to_status) == ("applied", "active")
    assert (decision.author, decision.author_label) == (reviewer, reviewer.email)


def test_a_refusal_needs_a_reason(applicant: Company, acme: Company, reviewer: User):
    for company, action in ((applicant, "decline"), (acme, "suspend")):
        with pytest.raises(Undecided, match="Give a reason"):
            decide(COMPANIES, company, action, reviewer, "  ")

    assert not Decision.objects.exists()


def test_a_suspended_company_reads_the_reason_and_can_come_back(acme: Company, reviewer: User):
    decide(COMPANIES, acme, "suspend", reviewer, "Unpaid  since\nMay.")
    assert Notice.objects.get(company=acme).text.endswith("Unpaid since May.")

    decide(COMPANIES, acme, "reinstate", reviewer)

    acme.refresh_from_db()
    assert acme.status == Company.Status.ACTIVE
    assert [d.done for d in decisions.history(acme)] == ["reinstated", "suspended"]


def test_a_suspended_companys_key_is_refused(acme: Company, reviewer: User, send):
    decide(COMPANIES, acme, "suspend", reviewer, "Unpaid.")

    response = send(phone_number="+254712345678", type="text", message="Hi")

    assert response.status_code == 403
    assert "suspended" in response.json()["message"]


def test_what_a_suspended_company_has_in_the_queue_stays_there(acme, channel, reviewer, drain):
    message = factories.make_message(channel)
    decide(COMPANIES, acme, "suspend", reviewer, "Unpaid.")

    drain(channel)
    message.refresh_from_db()
    assert message.get_status_display() == "queued"

    decide(COMPANIES, acme, "reinstate", reviewer)
    drain(channel)
    message.refresh_from_db()
    assert message.get_status_display() == "sent"


def test_only_whom_the_table_allows_may_decide(acme: Company):
    support = User.objects.create_user("support@tuma.example", is_staff=True)
    support.groups.set([Group.objects.get(name="Support")])

    with pytest.raises(PermissionDenied):
        decide(COMPANIES, acme, "suspend", support, "Unpaid.")


@pytest.mark.parametrize("process", [COMPANIES, CHANNELS, TEMPLATES], ids=lambda p: str(p.model))
def test_every_step_leads_somewhere_and_each_that_refuses_asks_why(process):
    for step in process.steps.values():
        assert step.target not in step.sources
        assert step.needs_reason == (step.level != Notice.Level.GOOD)


# --- Two at once ----------------------------------------------------------------------


def test_the_second_is_told_what_the_first_decided(applicant: Company, reviewer: User):
    other = User.objects.create_superuser("amina@tuma.example")
    decide(COMPANIES, applicant, "approve", other)

    with pytest.raises(Undecided) as caught:
        decide(COMPANIES, applicant, "decline", reviewer, "No papers.")

    assert "amina@tuma.example approved “Juma Stores” on " in str(caught.value)
    assert "It is Active now." in str(caught.value)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_wins(acme: Company):
    channel = factories.make_channel(acme, status=Channel.Status.REQUESTED)
    people = [User.objects.create_superuser(f"staff{n}@tuma.example") for n in range(2)]
    barrier, outcomes = threading.Barrier(2), []

    def run(author: User, action: str) -> None:
        barrier.wait()
        try:
            decide(CHANNELS, channel, action, author, "Looked at it.")
            outcomes.append(action)
        except Undecided as error:
            outcomes.append(str(error))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(people[0], "connect")),
        threading.Thread(target=run, args=(people[1], "reject")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    decision = Decision.objects.get()
    channel.refresh_from_db()
    assert channel.status == decision.to_status
    assert len([each for each in outcomes if each.startswith("Somebody was faster")]) == 1
    assert Notice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_pause_at_once_one_wins(channel: Channel):
    people = [User.objects.create_superuser(f"staff{n}@tuma.example") for n in range(2)]
    barrier, refused = threading.Barrier(2), []

    def run(author: User) -> None:
        barrier.wait()
        try:
            staff_pauses.hold(channel, author=author, reason="Complaints.", now=NOW)
        except Undecided as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(author,)) for author in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 1
    assert Decision.objects.get().done == "paused"


# --- Channels -------------------------------------------------------------------------


def test_a_requested_channel_is_connected(acme: Company, reviewer: User):
    channel = factories.make_channel(acme, status=Channel.Status.REQUESTED)

    decide(CHANNELS, channel, "connect", reviewer)

    channel.refresh_from_db()
    assert channel.status == Channel.Status.CONNECTED
    assert Notice.objects.get().title == "The channel Main is connected"


def test_a_channel_without_a_token_is_not_connected(acme: Company, reviewer: User):
    channel = factories.make_channel(acme, status=Channel.Status.REQUESTED, access_token="")

    with pytest.raises(Undecided, match="no access token"):
        decide(CHANNELS, channel, "connect", reviewer)


def test_a_rejected_channel_keeps_the_reason_until_it_is_reconnected(acme, reviewer: User):
    channel = factories.make_channel(acme, status=Channel.Status.REQUESTED)

    decide(CHANNELS, channel, "reject", reviewer, "The name is not yours.")
    channel.refresh_from_db()
    assert (channel.status, channel.status_reason) == ("disconnected", "The name is not yours.")

    decide(CHANNELS, channel, "reconnect", reviewer)
    channel.refresh_from_db()
    assert (channel.status, channel.status_reason) == ("connected", "")


def test_a_companys_webhooks_hear_of_a_channel_that_staff_disconnect(acme, channel, reviewer):
    factories.make_endpoint(acme)

    decide(CHANNELS, channel, "disconnect", reviewer, "Complaints.")

    [event] = WebhookDelivery.objects.all()
    assert event.event == "channel.updated"
    assert '"disconnected"' in event.data


def test_a_paused_channel_waits_and_goes_on(channel: Channel, staff_user: User, drain):
    message = factories.make_message(channel)
    day = timedelta(days=1)
    staff_pauses.hold(channel, author=staff_user, reason="Spam?", duration=day, now=timezone.now())

    drain(channel)
    message.refresh_from_db()
    assert message.get_status_display() == "queued"

    staff_pauses.release(channel, author=staff_user, now=timezone.now())
    drain(channel)
    message.refresh_from_db()
    assert message.get_status_display() == "sent"
    assert [d.done for d in decisions.history(channel)] == ["resumed", "paused"]


def test_all_of_a_companys_channels_are_paused_and_no_other(acme, channel, rival, staff_user):
    second = factories.make_channel(acme)

    staff_pauses.hold(acme, author=staff_user, reason="Spam.", now=NOW)

    held = Channel.objects.filter(staff_pauses.paused(NOW))
    assert set(held) == {channel, second}
    assert Notice.objects.get().title == "All sending of Acme is paused"

    staff_pauses.release(acme, author=staff_user, now=NOW)
    assert not Channel.objects.filter(staff_pauses.paused(NOW)).exists()


def test_what_is_not_paused_is_not_resumed(channel: Channel, staff_user: User):
    with pytest.raises(Undecided, match="Nothing is paused"):
        staff_pauses.release(channel, author=staff_user, now=NOW)


# --- Templates ------------------------------------------------------------------------


@pytest.fixture
def submitted(acme: Company, channel: Channel) -> Template:
    return factories.make_template(acme, status=Template.Status.SUBMITTED, name="spring_offer")


def test_an_approved_template_waits_for_meta(submitted: Template, reviewer: User):
    decide(TEMPLATES, submitted, "approve", reviewer)

    submitted.refresh_from_db()
    assert submitted.status == Template.Status.PENDING


def test_a_template_of_a_lost_channel_can_not_go_to_meta(submitted, channel, reviewer: User):
    Channel.objects.update(status=Channel.Status.DISCONNECTED)

    with pytest.raises(Undecided, match="no connected channel"):
        decide(TEMPLATES, submitted, "approve", reviewer)


@pytest.mark.parametrize(
    ("action", "status"), [("request_changes", "CHANGES_REQUESTED"), ("reject", "DECLINED")]
)
def test_a_template_is_turned_back_with_the_reason(submitted, reviewer, action: str, status: str):
    decide(TEMPLATES, submitted, action, reviewer, "Name the price.")

    submitted.refresh_from_db()
    assert (submitted.status, submitted.status_reason) == (status, "Name the price.")
    assert "Name the price." in Notice.objects.get().text


# --- On the screen --------------------------------------------------------------------


def _dialog(row, action: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{action}", args=[row.pk])


def test_a_dialog_leads_back_to_the_page_where_it_was_opened(staff: Client, applicant: Company):
    headers = {
        "HX-Request": "true",
        "HX-Current-URL": "http://testserver/admin/queues/companies/?x=1",
    }

    response = staff.post(
        _dialog(applicant, "approve"), {"_form_submitted": "True"}, headers=headers
    )

    assert response["HX-Redirect"] == "/admin/queues/companies/?x=1"


def test_a_dialog_leads_nowhere_else(staff: Client, applicant: Company):
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/admin/"}

    response = staff.post(
        _dialog(applicant, "approve"), {"_form_submitted": "True"}, headers=headers
    )

    assert response["HX-Redirect"] == f"/admin/companies/company/{applicant.pk}/change/"


def test_a_dialog_without_its_reason_asks_again(staff: Client, acme: Company):
    response = staff.post(_dialog(acme, "suspend"), {"_form_submitted": "True", "reason": " "})

    assert response.status_code == 200
    assert b"This field is required" in response.content
    assert not Decision.objects.exists()


def test_a_late_decision_is_answered_with_a_sentence(staff: Client, acme: Company):
    response = staff.post(
        _dialog(acme, "approve"), {"_form_submitted": "True"}, follow=True
    ).content.decode()

    assert "Nothing was changed. “Acme” is Active now and can’t be approved." in response


def test_a_page_offers_what_the_state_allows(staff: Client, acme: Company, applicant: Company):
    active = staff.get(reverse("admin:companies_company_change", args=[acme.pk]))
    applied = staff.get(reverse("admin:companies_company_change", args=[applicant.pk]))

    def titles(response) -> set[str]:
        return {action["title"] for action in response.context["actions_detail"]}

    assert {"Suspend", "Top up"} <= titles(active)
    assert not {"Approve", "Reinstate"} & titles(active)
    assert {"Approve", "Decline"} <= titles(applied)


def test_a_page_shows_what_was_decided(staff: Client, acme: Company, reviewer: User):
    decide(COMPANIES, acme, "suspend", reviewer, "Unpaid since May.")

    page = staff.get(reverse("admin:companies_company_change", args=[acme.pk])).content.decode()

    assert "Unpaid since May." in page
    assert reviewer.email in page


# --- The queues -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["companies", "channels", "templates"])
def test_an_empty_queue_says_so(staff: Client, name: str):
    page = staff.get(reverse(f"queue_{name}")).content.decode()

    assert "is waiting." in page


def test_the_oldest_stands_first(staff: Client, acme: Company):
    for name, hours in (("young", 1), ("old", 9), ("asked again", 20)):
        channel = factories.make_channel(acme, name=name, status=Channel.Status.REQUESTED)
        Channel.objects.filter(pk=channel.pk).update(created_at=NOW - timedelta(hours=hours))
    Channel.objects.filter(name="asked again").update(requested_at=NOW - timedelta(hours=2))

    entries = staff.get(reverse("queue_channels")).context["entries"]

    assert [entry.row.name for entry in entries] == ["old", "asked again", "young"]


def test_a_queue_costs_the_same_for_few_and_many(staff: Client, acme, django_assert_num_queries):
    def make() -> None:
        company = factories.make_company("Late", status=Company.Status.APPLIED)
        factories.make_user(company=company)
        channel = factories.make_channel(company, status=Channel.Status.REQUESTED)
        factories.make_template(company, channel=channel, status=Template.Status.SUBMITTED)

    names = ("queue_companies", "queue_channels", "queue_templates", "operations", "admin:index")
    make()
    for name in names:
        staff.get(reverse(name))
        with CaptureQueriesContext(connection) as few:
            staff.get(reverse(name))
        for _ in range(3):
            make()
        with django_assert_num_queries(len(few)):
            staff.get(reverse(name))


def test_who_only_looks_gets_no_buttons(browser, applicant: Company):
    support = User.objects.create_user("support@tuma.example", is_staff=True)
    support.groups.set([Group.objects.get(name="Support")])

    page = browser(support).get(reverse("queue_companies")).content.decode()

    assert "Juma Stores" in page
    assert "To look at only" in page
    assert "/approve/" not in page


def test_a_template_is_shown_with_its_checks(staff: Client, submitted: Template):
    components = [{"type": "BODY", "text": "Hello {{1}}, your order is on its way."}]
    Template.objects.update(components=components)

    page = staff.get(reverse("queue_templates")).content.decode()

    assert "wa-bubble" in page
    assert "The variable {{1}} has no sample value" in page
