"""The life of a template: who may do what when, what is left behind, and that two never both win."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from companies import audit, decisions
from companies.decisions import Undecided
from companies.models import Channel, Company, Notice, User
from messaging.models import WebhookDelivery
from templates_app import drafts, history, news, workflow
from templates_app.decisions import TEMPLATES
from templates_app.models import Template, TemplateEvent
from templates_app.services import InvalidTemplate, TemplateExists
from templates_app.workflow import Author, Done, NotPossible, Outdated
from tests import factories

pytestmark = pytest.mark.django_db
S = Template.Status
BODY = {
    "type": "BODY",
    "text": "Your order {{1}} is ready for collection now.",
    "example": {"body_text": [["A1"]]},
}
FIELDS: dict[str, Any] = {
    "name": "order_ready",
    "language": "en",
    "category": "UTILITY",
    "components": [BODY],
}


def worded(text: str) -> dict[str, Any]:
    return {**FIELDS, "components": [{"type": "BODY", "text": text}]}


def staff_member(email: str) -> User:
    user = User.objects.create_user(email, "secret-pass-1", is_staff=True)
    user.groups.set([Group.objects.get(name="Reviewer")])
    return user


@pytest.fixture
def writer(acme: Company) -> Author:
    user = factories.make_user(company=acme, role="operator")
    return Author(user=user, label=user.email)


@pytest.fixture
def reviewer(db: None) -> User:
    return staff_member("reviewer@tuma.example")


@pytest.fixture
def draft(channel: Channel, writer: Author) -> Template:
    return drafts.save(channel, FIELDS, by=writer)


@pytest.fixture
def live(channel: Channel) -> Template:
    return factories.make_template(
        channel.company, **{**FIELDS, "graph_id": "4711", "approved_at": timezone.now()}
    )


def decide(template: Template, action: str, author: User, reason: str = "", **more: Any) -> None:
    decisions.decide(
        TEMPLATES, template.pk, action, author=author, reason=reason, now=timezone.now(), **more
    )
    template.refresh_from_db()


def steps(template: Template) -> list[str]:
    return [line.event.done for line in history.history(template)][::-1]


# --- Writing --------------------------------------------------------------------------


def test_a_draft_may_have_faults_but_is_not_handed_in_with_them(
    channel: Channel, writer: Author
) -> None:
    draft = drafts.save(channel, worded("{{1}}"), by=writer)
    assert draft.status == S.DRAFT

    with pytest.raises(InvalidTemplate) as refused:
        drafts.submit(draft, by=writer)

    assert len(refused.value.errors) > 1
    draft.refresh_from_db()
    assert draft.status == S.DRAFT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "Order Ready"),
        ("language", "xx"),
        ("category", "SPAM"),
        ("components", {"type": "BODY"}),
        ("components", ["BODY"]),
        ("components", [{"type": "BODY", "text": "a\x00b"}]),
    ],
)
def test_what_can_not_be_kept_at_all_is_refused(
    channel: Channel, writer: Author, field: str, value: object
) -> None:
    with pytest.raises(InvalidTemplate):
        drafts.save(channel, {**FIELDS, field: value}, by=writer)

    assert not Template.everything.exists()


def test_a_name_is_there_once_in_a_language(
    draft: Template, channel: Channel, writer: Author
) -> None:
    other = drafts.save(channel, {**FIELDS, "language": "sw"}, by=writer)

    with pytest.raises(TemplateExists):
        drafts.save(channel, FIELDS, by=writer)
    with pytest.raises(TemplateExists):
        drafts.save(channel, FIELDS, by=writer, template=other)

    other.refresh_from_db()
    assert other.language == "sw"


def test_of_two_who_write_at_once_the_second_is_told(
    draft: Template, channel: Channel, writer: Author
) -> None:
    seen = draft.version
    drafts.save(channel, worded("Hello there, it is ready."), by=writer, template=draft, seen=seen)

    with pytest.raises(Outdated):
        drafts.save(channel, worded("Hello, it is done."), by=writer, template=draft, seen=seen)

    draft.refresh_from_db()
    assert draft.components[0]["text"] == "Hello there, it is ready."


# --- Staff ----------------------------------------------------------------------------


def test_it_goes_back_and_forth_until_staff_approve_and_all_of_it_is_kept(
    draft: Template, channel: Channel, writer: Author, reviewer: User
) -> None:
    drafts.submit(draft, by=writer)
    decide(draft, "request_changes", reviewer, "Say where.")
    mended = {"components": [{**BODY, "text": "Your order {{1}} is ready at our shop."}]}
    drafts.save(channel, {**FIELDS, **mended}, by=writer, template=draft, seen=draft.version)
    assert (draft.status, draft.status_reason) == (S.CHANGES_REQUESTED, "Say where.")
    drafts.submit(draft, by=writer)
    assert (draft.status, draft.status_reason) == (S.SUBMITTED, "")
    compared_with, changes = history.to_review(draft)
    decide(draft, "approve", reviewer)

    assert draft.status == S.PENDING
    assert steps(draft) == [
        "written",
        "submitted",
        "changes_requested",
        "written",
        "submitted",
        "approved",
    ]
    [change] = history.history(draft)[2].changes
    assert change == (
        "BODY.text",
        "Your order {{1}} is ready for collection now.",
        "Your order {{1}} is ready at our shop.",
    )
    assert (compared_with, changes) == ("what was submitted before", [change])
    events = list(draft.events.order_by("pk"))
    assert (events[2].author, events[2].reason) == (reviewer, "Say where.")
    assert events[3].author == writer.user


def test_what_is_withdrawn_can_be_written_in_again_and_not_be_decided_about(
    draft: Template, writer: Author, reviewer: User
) -> None:
    drafts.submit(draft, by=writer)
    drafts.withdraw(draft, by=writer)

    with pytest.raises(Undecided, match="is Draft now"):
        decide(draft, "approve", reviewer)
    with pytest.raises(NotPossible):
        drafts.withdraw(draft, by=writer)

    assert draft.status == S.DRAFT


def test_nobody_approves_what_they_wrote(draft: Template, channel: Channel, reviewer: User) -> None:
    by_staff = Author(user=reviewer, label=audit.STAFF)
    drafts.save(channel, FIELDS, by=by_staff, template=draft)
    drafts.submit(draft, by=by_staff)

    with pytest.raises(Undecided, match="somebody else has to approve it"):
        decide(draft, "approve", reviewer)
    decide(draft, "approve", staff_member("second@tuma.example"))

    assert draft.status == S.PENDING


def test_what_staff_did_not_see_is_not_approved(
    draft: Template, channel: Channel, writer: Author, reviewer: User
) -> None:
    drafts.submit(draft, by=writer)
    seen = draft.version
    drafts.withdraw(draft, by=writer)
    drafts.save(channel, worded("Something else is ready now."), by=writer, template=draft)
    drafts.submit(draft, by=writer)

    with pytest.raises(Undecided, match="changed since you looked at it"):
        decide(draft, "approve", reviewer, seen=seen)

    draft.refresh_from_db()
    assert draft.status == S.SUBMITTED


def test_what_meta_would_refuse_is_not_approved(acme: Company, channel, reviewer: User) -> None:
    [without_sample] = [{"type": "BODY", "text": "Your order {{1}} is ready for collection now."}]
    template = factories.make_template(
        acme, **{**FIELDS, "components": [without_sample], "status": S.SUBMITTED}
    )

    with pytest.raises(Undecided, match="no sample"):
        decide(template, "approve", reviewer)


def test_a_trusted_companys_template_skips_the_staff(
    acme: Company, draft: Template, writer: Author
) -> None:
    Company.objects.update(trusts_templates=True)
    draft = Template.objects.get()

    drafts.submit(draft, by=writer)

    assert draft.status == S.PENDING
    assert steps(draft) == ["written", "submitted"]


@pytest.mark.django_db(transaction=True)
def test_of_a_reviewer_and_the_company_at_the_same_moment_one_wins(
    draft: Template, writer: Author, reviewer: User
) -> None:
    drafts.submit(draft, by=writer)
    seen, outcomes = draft.version, []
    gate = threading.Barrier(2)

    def run(deed: Any) -> None:
        gate.wait()
        try:
            deed()
            outcomes.append("done")
        except (Undecided, NotPossible, Outdated):
            outcomes.append("late")
        finally:
            connection.close()

    mine = Template.objects.get(pk=draft.pk)
    deeds = [
        lambda: decide(draft, "approve", reviewer, seen=seen),
        lambda: drafts.withdraw(mine, by=writer),
    ]
    threads = [threading.Thread(target=run, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    draft.refresh_from_db()
    assert sorted(outcomes) == ["done", "late"]
    assert draft.status in (S.PENDING, S.DRAFT)
    assert len({"approved", "withdrawn"} & set(steps(draft))) == 1


# --- Edits of what Meta has -----------------------------------------------------------


def test_an_edit_goes_its_way_while_the_template_can_be_sent(
    live: Template, channel: Channel, writer: Author, reviewer: User
) -> None:
    edit = drafts.edit(live, by=writer)
    mended = {"components": [{**BODY, "text": "Your order {{1}} is ready at our shop."}]}
    drafts.save(channel, {**FIELDS, **mended}, by=writer, template=edit)
    drafts.submit(edit, by=writer)
    decide(edit, "approve", reviewer)

    live.refresh_from_db()
    assert (live.status, live.components) == (S.APPROVED, [BODY])
    assert (edit.status, edit.name) == (S.PENDING, live.name)
    assert list(Template.objects.all()) == [live]
    assert steps(live) == ["written", "submitted", "approved"]
    assert Notice.objects.order_by("-pk")[0].link == f"/templates/{live.pk}"
    assert drafts.edit(live, by=writer) == edit


def test_an_edit_is_no_template_of_programs_and_tells_them_nothing(
    live: Template, channel: Channel, writer: Author
) -> None:
    factories.make_endpoint(live.company, events=["template.status"])
    edit = drafts.edit(live, by=writer)
    drafts.save(channel, worded("It is ready for you to come."), by=writer, template=edit)
    drafts.submit(edit, by=writer)

    assert not WebhookDelivery.objects.exists()
    assert drafts.discard(edit, by=writer) == live
    assert not Template.everything.exclude(pk=live.pk).exists()
    assert steps(live) == ["written", "submitted", "discarded"]


def test_an_edit_without_a_difference_and_one_of_the_category_are_refused(
    live: Template, channel: Channel, writer: Author
) -> None:
    edit = drafts.edit(live, by=writer)
    with pytest.raises(NotPossible, match="Nothing is different"):
        drafts.submit(edit, by=writer)

    drafts.save(channel, {**FIELDS, "category": "MARKETING"}, by=writer, template=edit)
    with pytest.raises(InvalidTemplate, match="category of an approved template"):
        drafts.submit(edit, by=writer)


def test_an_approved_template_is_edited_once_a_day_and_ten_times_in_thirty_days(
    live: Template,
) -> None:
    now = timezone.now()

    def edited(ago: timedelta) -> None:
        workflow.note(live, Done.EDITED, by=workflow.META, to=S.APPROVED, now=now - ago)

    assert drafts.next_edit_at(live, now=now) is None
    for days in range(20, 11, -1):
        edited(timedelta(days=days))
    assert drafts.next_edit_at(live, now=now) is None
    edited(timedelta(hours=3))
    assert drafts.next_edit_at(live, now=now) == now + timedelta(days=10)
    assert drafts.next_edit_at(live, now=now + timedelta(days=10)) is None


@pytest.mark.parametrize("status", [S.PENDING, S.DISABLED, S.DELETED])
def test_meta_takes_no_changes_of_some(live: Template, writer: Author, status: str) -> None:
    Template.objects.update(status=status)
    live.refresh_from_db()

    with pytest.raises(NotPossible):
        drafts.edit(live, by=writer)


# --- Meta -----------------------------------------------------------------------------


def told(live: Template, event: str, *, at: int | None = None, **more: Any) -> None:
    value = {"event": event, "message_template_id": int(live.graph_id), **more}
    when = None if at is None else datetime.fromtimestamp(at, UTC)
    assert news.status_update(value, waba_id=live.waba_id, told_at=when)
    live.refresh_from_db()


def test_metas_news_stand_in_the_history_with_its_reason(live: Template) -> None:
    told(
        live,
        "REJECTED",
        reason="INVALID_FORMAT",
        rejection_info={"reason": "Side by side.", "recommendation": "Put words between."},
    )

    [line] = history.history(live)
    assert (line.event.done, line.event.to_status) == ("told", "REJECTED")
    assert line.event.author_label == "Meta"
    assert "braces" in line.why
    assert "Put words between." in line.why
    assert Notice.objects.get().level == Notice.Level.BAD


def test_older_news_that_come_late_change_nothing(live: Template) -> None:
    told(live, "PAUSED", at=2_000)
    told(live, "REJECTED", at=1_000, reason="SCAM")
    assert live.status == S.PAUSED

    told(live, "APPROVED", at=3_000)
    assert live.status == S.APPROVED


def test_a_coming_change_of_category_is_announced_and_then_made(live: Template) -> None:
    about = {"message_template_id": int(live.graph_id)}
    coming = {"correct_category": "MARKETING", "category_update_timestamp": 1_800_000_000}
    assert news.category_update(
        {**about, **coming, "new_category": "UTILITY"}, waba_id=live.waba_id
    )
    live.refresh_from_db()
    notice = Notice.objects.get()
    assert live.category == "UTILITY"
    assert "Marketing" in notice.text
    assert "2027" in notice.text

    done = {"previous_category": "UTILITY", "new_category": "MARKETING"}
    assert news.category_update({**about, **done}, waba_id=live.waba_id)
    live.refresh_from_db()
    assert live.category == "MARKETING"
    assert steps(live) == ["recategorised"]


def test_news_of_metas_are_not_lost_to_somebody_faster(
    live: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    move, tries = workflow.move, []

    def late(template: Template, *args: Any, **kwargs: Any) -> Template:
        tries.append(template.version)
        if len(tries) == 1:
            Template.objects.filter(pk=template.pk).update(version=template.version + 1)
        return move(template, *args, **kwargs)

    monkeypatch.setattr(workflow, "move", late)
    told(live, "PAUSED")

    assert live.status == S.PAUSED
    assert len(tries) == 2


def test_every_step_is_in_the_one_table() -> None:
    # A discarded edit has no state to go to.
    assert set(workflow.STEPS) | {Done.DISCARDED} == set(TemplateEvent.Done)
    for action, step in TEMPLATES.steps.items():
        assert step.sources == {"SUBMITTED"}, action
