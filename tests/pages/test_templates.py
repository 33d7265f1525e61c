"""Templates in the portal: the list, the page of each, the editor, and what is refused."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from companies import audit
from companies.models import AuditEvent, Channel, Company
from templates_app import drafts, workflow
from templates_app.models import Template
from templates_app.workflow import Author
from tests import factories, media_files

pytestmark = pytest.mark.django_db
S = Template.Status
BODY = {
    "type": "BODY",
    "text": "Your order {{1}} is ready for collection now.",
    "example": {"body_text": [["A1"]]},
}


def form(channel: Channel, **fields: Any) -> dict[str, Any]:
    return {
        "channel": channel.pk,
        "name": "order_ready",
        "language": "en",
        "category": "UTILITY",
        "kind": "",
        "header": "",
        "body": BODY["text"],
        "body_sample_1": "A1",
        "step": "save",
        **fields,
    }


@pytest.fixture
def live(channel: Channel) -> Template:
    return factories.make_template(
        channel.company,
        name="order_ready",
        language="en",
        components=[BODY],
        graph_id="4711",
        approved_at=timezone.now(),
    )


def page_of(template: Template, action: str = "") -> str:
    return f"/templates/{template.pk}" + (f"/{action}" if action else "")


# --- The list -------------------------------------------------------------------------


def test_languages_of_a_name_stand_side_by_side(owner: Client, acme: Company) -> None:
    for language in ("sw", "en"):
        factories.make_template(acme, name="order_ready", language=language)

    page = owner.get("/templates").content.decode()

    assert page.count("order_ready</bdi>") == 1
    assert page.index(">en<") < page.index(">sw<")


def test_the_list_is_filtered_by_what_is_asked_for(owner: Client, acme: Company) -> None:
    factories.make_template(acme, name="one", status=S.REJECTED)
    factories.make_template(acme, name="two", category="MARKETING")
    factories.make_template(acme, name="three", language="sw")
    factories.make_template(acme, name="four", components=[{"type": "BODY", "text": "Mangoes!"}])
    factories.make_template(acme, name="five", components=[{"type": "BODY", "text": "مرحبا"}])

    def names(query: str) -> list[str]:
        families = owner.get(f"/templates?{query}").context["families"]
        return [family.name for family in families]

    assert names("status=REJECTED") == ["one"]
    assert names("category=MARKETING") == ["two"]
    assert names("language=sw") == ["three"]
    assert names("q=mangoes") == ["four"]
    assert names("q=%D9%85%D8%B1%D8%AD") == ["five"]
    assert names("q=nothing+like+it") == []


def test_the_list_goes_on_by_name_and_costs_the_same_for_few_and_many(
    owner: Client, acme: Company
) -> None:
    factories.make_template(acme, name="a_first")
    owner.get("/templates")
    with CaptureQueriesContext(connection) as few:
        owner.get("/templates")
    for number in range(60):
        factories.make_template(acme, name=f"offer_{number:02}")
    with CaptureQueriesContext(connection) as many:
        page = owner.get("/templates")

    names = [family.name for family in page.context["families"]]
    older = owner.get(f"/templates?before={page.context['older']}").context["families"]
    assert len(many) == len(few)
    assert names + [family.name for family in older] == sorted(
        Template.objects.values_list("name", flat=True)
    )


def test_an_edit_is_no_row_of_its_own_and_says_what_to_do(
    owner: Client, live: Template, channel: Channel
) -> None:
    edit = drafts.edit(live, by=Author(label="x"))
    Template.everything.filter(pk=edit.pk).update(
        status=S.CHANGES_REQUESTED, status_reason="Say where."
    )

    page = owner.get("/templates").content.decode()

    assert page.count("order_ready</bdi>") == 1
    assert "Say where." in page


# --- A template's page ----------------------------------------------------------------


@pytest.mark.parametrize("status", [status for status in S if status != S.DELETED])
def test_every_state_says_what_happens_next(owner: Client, live: Template, status: str) -> None:
    Template.objects.update(status=status)

    assert "note" in owner.get(page_of(live)).content.decode()


def test_metas_reason_is_told_in_plain_words(owner: Client, live: Template) -> None:
    Template.objects.update(status=S.REJECTED, status_reason="PROMOTIONAL Try again.")

    page = owner.get(page_of(live)).content.decode()

    assert "choose the category MARKETING" in page
    assert "Try again." in page


def test_what_other_languages_have_otherwise_is_shown(
    owner: Client, live: Template, acme: Company
) -> None:
    factories.make_template(
        acme,
        name=live.name,
        language="sw",
        components=[
            {"type": "BODY", "text": "Agizo lako liko tayari."},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Sawa"}]},
        ],
    )
    factories.make_template(
        acme,
        name=live.name,
        language="fr",
        components=[{"type": "BODY", "text": "Votre commande {{1}} est prête."}],
    )

    siblings = owner.get(page_of(live)).context["siblings"]

    found = {each.template.language: [c.part for c in each.changes] for each in siblings}
    assert found == {"fr": [], "sw": ["BODY.text", "BUTTONS.1.text", "BUTTONS.1.type"]}


def test_the_page_asks_for_itself_again_once_something_changed(
    owner: Client, live: Template
) -> None:
    seen = owner.get(page_of(live)).context["seen"]
    assert owner.get(page_of(live, "news"), {"seen": seen}).status_code == 204

    workflow.move(live, workflow.Done.TOLD, by=workflow.META, to=S.PAUSED)

    assert owner.get(page_of(live, "news"), {"seen": seen}).headers["HX-Refresh"] == "true"


# --- Writing --------------------------------------------------------------------------


def test_a_draft_is_kept_with_its_faults_and_submitted_without(
    owner: Client, channel: Channel
) -> None:
    kept = owner.post("/templates/new", form(channel, body_sample_1=""))
    template = Template.objects.get()
    assert kept.headers["Location"] == page_of(template)
    assert template.status == S.DRAFT

    refused = owner.post(
        page_of(template, "edit"), form(channel, body_sample_1="", seen=1, step="submit")
    )
    assert refused.status_code == 422
    assert "was not submitted" in refused.content.decode()
    assert "has no sample value" in refused.content.decode()

    seen = refused.context["seen"]
    assert owner.post(page_of(template, "edit"), form(channel, seen=seen, step="submit")).url
    template.refresh_from_db()
    assert template.status == S.SUBMITTED
    assert template.components == [BODY]
    event = AuditEvent.objects.get(kind=audit.Kind.TEMPLATE_SUBMITTED)
    assert event.label == "order_ready (en)"


def test_of_two_who_edit_at_once_the_second_is_told(owner: Client, channel: Channel) -> None:
    owner.post("/templates/new", form(channel))
    template = Template.objects.get()
    first = form(channel, seen=template.version, body="Your order {{1}} waits for you.")
    second = form(channel, seen=template.version, body="Your order {{1}} has come at last.")

    assert owner.post(page_of(template, "edit"), first).status_code == 302
    answer = owner.post(page_of(template, "edit"), second)

    assert answer.status_code == 422
    assert "Somebody changed it meanwhile" in answer.content.decode()
    assert "has come at last" in answer.content.decode()


def test_a_name_that_is_taken_is_told_at_the_form(
    owner: Client, live: Template, channel: Channel
) -> None:
    answer = owner.post("/templates/new", form(channel))

    assert answer.status_code == 422
    assert "There is a template order_ready" in answer.content.decode()


def test_what_meta_has_is_edited_beside_it_under_the_same_name(
    owner: Client, live: Template, channel: Channel
) -> None:
    owner.get(page_of(live, "edit"))
    assert not Template.everything.exclude(pk=live.pk).exists()

    text = "Your order {{1}} is ready at our shop."
    posted = form(channel, name="another", language="sw", body=text, seen=0, step="submit")
    answer = owner.post(page_of(live, "edit"), posted)

    live.refresh_from_db()
    assert answer.headers["Location"] == page_of(live)
    assert (live.status, live.components) == (S.APPROVED, [BODY])
    assert (live.edit.status, live.edit.name, live.edit.language) == (
        S.SUBMITTED,
        "order_ready",
        "en",
    )
    owner.post(page_of(live, "withdraw"))
    owner.post(page_of(live, "discard"))
    assert not Template.everything.exclude(pk=live.pk).exists()


def test_what_is_with_staff_is_not_edited(owner: Client, live: Template) -> None:
    Template.objects.update(status=S.SUBMITTED, graph_id="")

    assert owner.get(page_of(live, "edit")).url == page_of(live)
    assert owner.post(page_of(live, "edit"), {"body": "x"}).url == page_of(live)


def test_another_language_begins_with_the_same_words(owner: Client, live: Template) -> None:
    page = owner.get(f"/templates/new?like={live.pk}&name=same")

    assert page.context["written"].name == "order_ready"
    assert page.context["written"].language == ""
    assert page.context["sheet"]["body"] == BODY["text"]


def test_the_preview_shows_the_bubble_the_faults_and_the_samples(
    owner: Client, channel: Channel
) -> None:
    text = "{{1}} waits for *you* at https://bit.ly/x"
    answer = owner.post("/templates/preview", form(channel, body=text, known_body=""))

    page = answer.content.decode()
    assert "<strong>you</strong>" in page
    assert 'name="body_sample_1"' in page
    assert 'id="at-body"' in page
    assert "fault-error" in page
    again = owner.post("/templates/preview", form(channel, body=text, known_body="1,"))
    assert 'name="body_sample_1"' not in again.content.decode()


def test_a_language_from_right_to_left_is_shown_so(owner: Client, channel: Channel) -> None:
    answer = owner.post("/templates/preview", form(channel, language="ar", body="مرحبا بكم جميعا"))

    assert '<div class="wa-chat" dir="rtl">' in answer.content.decode()


@pytest.mark.parametrize("language", ["sw", "zu"])
def test_the_words_of_codes_are_whatsapps(owner: Client, channel: Channel, language: str) -> None:
    posted = form(channel, category="AUTHENTICATION", language=language, minutes="5")
    page = owner.post("/templates/preview", posted).content.decode()

    is_known = language == "sw"
    assert ("dakika" in page) is is_known
    assert ("we only have the English words" in page) is not is_known


def test_garbage_in_the_form_is_no_error_of_ours(owner: Client, channel: Channel) -> None:
    for garbage in (
        {"kept": "{", "category": "X", "channel": "99999999999999999999"},
        {"button_type": ["URL"], "button_text": ["a"]},
        {"kind": "carousel", "card_body": ["x"], "cards_button_1": "NOTHING"},
        {"body": "\x00", "name": "\x00", "language": "\x00"},
        {"category": "AUTHENTICATION", "minutes": "٣", "otp_type": "X"},
        {"seen": "x", "header": "GIF", "parameter_format": "X"},
    ):
        posted = {**form(channel), **garbage}
        assert owner.post("/templates/preview", posted).status_code == 200
        assert owner.post("/templates/new", posted).status_code in (302, 422)


def test_a_sample_is_kept_as_soon_as_it_is_chosen(
    owner: Client, channel: Channel, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    file = SimpleUploadedFile("offer.png", media_files.png(4, 4))
    page = owner.post("/templates/sample?field=header_media", {"file": file}).content.decode()
    media_id = page.partition('value="media_')[2].partition('"')[0]
    shown = owner.post(
        "/templates/preview", form(channel, header="IMAGE", header_media=f"media_{media_id}")
    ).content.decode()

    assert "offer.png" in page
    assert f"/inbound-media/media_{media_id}" in shown
    bad = SimpleUploadedFile("x.html", media_files.HTML)
    refused = owner.post("/templates/sample", {"file": bad}).content.decode()
    assert "invalid-feedback" in refused


# --- Who may --------------------------------------------------------------------------


def test_a_viewer_looks_and_changes_nothing(viewer: Client, live: Template) -> None:
    page = viewer.get(page_of(live)).content.decode()

    assert reverse("delete_template", args=[live.pk]) not in page
    assert viewer.get("/templates/new").status_code == 403
    assert viewer.post(page_of(live, "delete")).status_code == 403


def test_another_companys_template_is_not_there(stranger: Client, live: Template) -> None:
    for action in ("", "edit", "news"):
        assert stranger.get(page_of(live, action)).status_code == 404
    for action in ("submit", "withdraw", "discard", "delete"):
        assert stranger.post(page_of(live, action)).status_code == 404
    assert stranger.get(f"/templates/new?like={live.pk}").status_code == 404
    assert stranger.get(f"/templates?before={live.pk}").status_code == 404


def test_a_draft_is_deleted_without_asking_meta(owner: Client, channel: Channel) -> None:
    owner.post("/templates/new", form(channel))
    template = Template.objects.get()

    assert owner.post(page_of(template, "delete")).url == "/templates"

    template.refresh_from_db()
    assert template.status == S.DELETED
    assert owner.post("/templates/new", form(channel)).status_code == 302
