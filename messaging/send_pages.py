"""Sending from the portal: fill in, look at what it would do, say yes.

Nothing is kept between the steps but in the page itself: the dry run carries what was filled in as
hidden fields, with a key of its own, so that a second click on “Send” finds the first one's answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from companies import audit
from companies.credits import InsufficientCredits
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config.api import Answer, ApiError
from config.masking import masked_input
from messaging import (
    compose,
    compose_content,
    csv_download,
    dry_run,
    idempotency,
    media,
    personal_check,
    previews,
    services,
)
from messaging.compose import Composition
from messaging.compose_template import TemplateForm
from messaging.dry_run import DryRun
from messaging.models import Batch
from messaging.payloads import Payload

# What was seen and what is true now may differ by so much before it is shown again.
TOLERANCE = 0.01
# Fields of the pages around the composition: never part of what is sent.
_AROUND = {"csrfmiddlewaretoken", "file", "key", "seen", "step", "reason"}


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.SEND)
def send(request: PortalRequest) -> HttpResponse:
    """The form; a POST of it leads to the dry run, or back with what is wrong."""
    if request.method != "POST":
        return _form_page(request, compose.compose(request.company, initial=_asked_for(request)))
    composed = _composed(request)
    if request.POST.get("step") == "edit":
        return _form_page(request, composed)
    if not composed.is_valid():
        return _form_page(request, composed, status=422)
    run = dry_run.run(_request(composed), company=request.company, now=timezone.now())
    return _check_page(request, composed, run, key=uuid4().hex)


def _asked_for(request: PortalRequest) -> dict[str, Any]:
    """What a link to this page fills in: `?to=`, `?tag=`, `?channel=`, `?kind=`, `?template=`."""
    asked = request.GET
    initial: dict[str, Any] = {
        name: asked[name] for name in ("channel", "kind", "template") if asked.get(name)
    }
    if asked.get("template"):
        initial["kind"] = "template"
    if asked.get("to"):
        initial["numbers"] = asked["to"]
    if asked.get("tag"):
        initial["tags"] = asked.getlist("tag")
    return initial


def _composed(request: HttpRequest) -> Composition:
    company = request.company  # type: ignore[attr-defined]
    return compose.compose(company, request.POST, request.FILES)


def _request(composed: Composition) -> services.SendRequest:
    return composed.request(now=timezone.now())


def _form_page(request: PortalRequest, composed: Composition, *, status: int = 200) -> HttpResponse:
    chosen = {str(pk) for pk in composed.send["tags"].value() or []}
    context = {
        "tag_choices": [
            {
                "tag": tag,
                "count": min(count, compose.COUNTED_UP_TO),
                "more": count > compose.COUNTED_UP_TO,
                "chosen": str(tag.pk) in chosen,
            }
            for tag, count in compose.tag_choices(request.company)
        ],
        "today": timezone.localdate(),
        **_content_context(composed),
    }
    return render_page(request, "messaging/send.html", context, status=status)


def _content_context(composed: Composition) -> dict[str, Any]:
    """The part of the form that depends on the kind of message, and its preview."""
    channel = composed.send.chosen_channel
    templates = compose.approved_templates(channel, composed.company)
    is_template = composed.kind == "template"
    return {
        "form": composed.send,
        "content": composed.content,
        "kind": composed.kind,
        "kinds": compose.KINDS,
        "template": composed.template,
        "templates": templates[: compose.MAX_TEMPLATES_SHOWN] if is_template else [],
        "accepted_files": compose_content.accepted_files(),
        "upload": _upload_of(composed),
        **_draft(composed),
        "placeholders": personal_check.offered(company_id=composed.company.pk)
        if isinstance(composed.content, TemplateForm) and composed.content.is_fillable
        else [],
        "channel": channel,
        "now": timezone.now(),
    }


def _upload_of(composed: Composition) -> Any:
    """The file that was uploaded for it; one that came with this request has its id by now."""
    if composed.content is None:
        return None
    checked = getattr(composed.content, "cleaned_data", {}).get("media_id")
    named = checked or composed.content.written().get("media_id")
    return media.find(company_id=composed.company.pk, public_id=named)


def _draft(composed: Composition) -> dict[str, Any]:
    """The bubble as far as it is written, as the first person on the form would see it."""
    if composed.content is None:
        return {"bubble": None}
    return _preview(composed, composed.content.draft(), *composed.send.people_so_far())


def _preview(
    composed: Composition, payload: Payload, numbers: Sequence[str], tags: Sequence[object]
) -> dict[str, Any]:
    company_id, first = composed.company.pk, None
    if personal_check.is_personal(payload):
        first = personal_check.first_person(company_id=company_id, numbers=numbers, tags=tags)
        payload = personal_check.as_seen_by(payload, first)
    bubble = previews.bubble_of(payload, template=composed.template, company_id=company_id)
    # What is missing is still to be seen: nobody would get it like that.
    is_whole = not personal_check.is_personal(payload)
    return {"bubble": bubble, "seen_by": first if is_whole else None}


@require_POST
@company_page(Need.SEND)
def send_content(request: PortalRequest) -> HttpResponse:
    """The fields of another kind of message or template, with what fits of what was filled in."""
    composed = compose.compose(request.company, request.POST, is_new_kind=True)
    context = {**_content_context(composed), "with_preview": True}
    return render(request, "messaging/send_content.html", context)


@require_POST
@company_page(Need.SEND)
def send_preview(request: PortalRequest) -> HttpResponse:
    """The bubble as far as the message is written."""
    return render(request, "messaging/send_preview.html", _content_context(_composed(request)))


@require_POST
@company_page(Need.SEND)
def send_upload(request: PortalRequest) -> HttpResponse:
    """Keep a file as soon as it is chosen; the fields to go on with, or why it can't be taken."""
    context: dict[str, Any] = {"accepted_files": compose_content.accepted_files()}
    file = request.FILES.get("file")
    if file is not None:
        try:
            context["upload"] = media.store(
                company_id=request.company.pk, file=file, filename=file.name or ""
            )
        except ApiError as error:
            context["file_error"] = error.message
    return render(request, "messaging/send_file.html", context)


# --- The dry run -------------------------------------------------------------------------


def _check_page(
    request: PortalRequest,
    composed: Composition,
    run: DryRun,
    *,
    key: str,
    changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "run": run,
        "key": key,
        "changed": changed,
        "composed": composed,
        "channel": run.request.channel,
        "kept": list(_kept(request, composed)),
        "groups": [
            (group, [masked_input(example) for example in group.examples]) for group in run.groups
        ],
        "short_examples": [
            masked_input(number) for number in (run.shortfall.examples if run.shortfall else ())
        ],
        "is_free_form": composed.template is None,
        **_preview(composed, run.request.payload, *composed.send.people_so_far()),
    }
    return render_page(request, "messaging/send_check.html", context, status=status)


def _kept(request: PortalRequest, composed: Composition) -> Iterator[tuple[str, str]]:
    """What was filled in, for the next step; an uploaded file by its id."""
    switches = {"even_closed", "even_unreachable", "media_id"}
    for name, values in request.POST.lists():
        if name not in _AROUND | switches:
            yield from ((name, str(value)) for value in values)
    named = composed.content.cleaned_data.get("media_id") if composed.content else ""
    if named:
        yield "media_id", named


@require_POST
@company_page(Need.SEND)
def send_confirm(request: PortalRequest) -> HttpResponse:
    """Send what the dry run showed; show it again where that is not true any more."""
    composed = _composed(request)
    if not composed.is_valid():
        return _form_page(request, composed, status=422)
    key = _key(request)
    now = timezone.now()
    if idempotency.came_before(key, company_id=request.company.pk, now=now):
        return _accept(request, composed, _request(composed), key)
    run = dry_run.run(_request(composed), company=request.company, now=now)
    if not run.is_possible or not _is_as_seen(request.POST.get("seen", ""), run.total):
        return _check_page(request, composed, run, key=key.text, changed=True, status=409)
    return _accept(request, composed, run.request, key)


def _key(request: PortalRequest) -> idempotency.Key:
    """Of the page that was shown: whoever presses “Send” on it twice sends once."""
    filled_in = sorted(
        (name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"
    )
    text = request.POST.get("key", "")[: idempotency.MAX_KEY] or uuid4().hex
    return idempotency.Key.of(text, path=request.path, body=json.dumps(filled_in).encode())


def _is_as_seen(seen: str, total: int) -> bool:
    return seen.isascii() and seen.isdigit() and abs(int(seen[:12]) - total) <= total * TOLERANCE


def _accept(
    request: PortalRequest,
    composed: Composition,
    send_request: services.SendRequest,
    key: idempotency.Key,
) -> HttpResponse:
    new: list[Batch] = []

    def answer(batch: Batch) -> Answer:
        new.append(batch)
        return Answer(200, {"batch": batch.public_id, "count": batch.recipients_count})

    try:
        given = services.accept(
            send_request,
            caller=compose.caller(request.company),
            now=timezone.now(),
            answer=answer,
            request_id=getattr(request, "request_id", ""),
            key=key,
        )
    except idempotency.IdempotencyConflict:
        messages.error(request, _("This page was used before for another message."))
        return redirect("send")
    except ApiError as error:
        messages.error(request, _refusal(error))
        run = dry_run.run(_request(composed), company=request.company, now=timezone.now())
        return _check_page(request, composed, run, key=key.text, changed=True, status=409)
    if new:
        _note(request, new[0])
    return redirect("batch", given.body["batch"])


def _refusal(error: ApiError) -> str:
    if isinstance(error, InsufficientCredits):
        return _("There is not enough credit left for this any more.")
    return _("It was not sent: %(why)s") % {"why": error.message}


def _note(request: PortalRequest, batch: Batch) -> None:
    scheduled = batch.due_at > batch.created_at
    audit.record(
        request,
        company=request.company,
        kind=audit.Kind.SENT,
        label=batch.public_id,
        detail={"recipients": batch.recipients_count, "type": batch.content_type},
    )
    messages.success(
        request,
        _("Scheduled: nothing goes out before its time.") if scheduled else _("On its way."),
    )


@require_POST
@company_page(Need.SEND)
def send_left_out(request: PortalRequest) -> HttpResponseBase:
    """Who is left out, as a CSV file."""
    composed = _composed(request)
    if not composed.is_valid():
        return _form_page(request, composed, status=422)
    reason = request.POST.get("reason", "")
    rows = dry_run.each_left_out(_request(composed), company=request.company, reason=reason)
    head = [_("Given"), _("Why it is left out")]
    words = {reason: str(title) for reason, (title, _text) in dry_run.WORDS.items()}
    return csv_download.download("left-out", head, ((given, words[why]) for given, why in rows))
