"""The list of contacts: found, tagged many at once, exported.

No page counts a table: lists are read along an index, counts stop at a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from companies import audit
from companies.models import Company, User
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config import public_ids
from config.masking import masked
from contacts import exporting, finding, jobs, services, tagging
from contacts.finding import Filter
from contacts.forms import ContactFilter, TaggingForm
from contacts.models import Contact, Tag, Tagging

CONTACTS_A_PAGE = 25
TAGS_SHOWN = 3
LIVE_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class ContactRow:
    contact: Contact
    tags: Sequence[str]
    now: datetime

    @property
    def number(self) -> str:
        return masked(self.contact.phone or self.contact.bsuid)

    @property
    def shown_tags(self) -> Sequence[str]:
        return self.tags[:TAGS_SHOWN]

    @property
    def more_tags(self) -> int:
        return max(0, len(self.tags) - TAGS_SHOWN)

    @property
    def unreachable(self) -> bool:
        return is_unreachable(self.contact, now=self.now)

    @property
    def window_open(self) -> bool:
        return window_open(self.contact, now=self.now)


def window_open(contact: Contact, *, now: datetime) -> bool:
    """Whether free-form messages may be sent: the person wrote within 24 hours."""
    at = contact.last_inbound_at
    return at is not None and at > now - finding.WINDOW


def is_unreachable(contact: Contact, *, now: datetime) -> bool:
    at = contact.not_on_whatsapp_at
    return at is not None and at > now - services.UNREACHABLE_FOR


@require_safe
@company_page(Need.READ)
def contacts(request: PortalRequest) -> HttpResponse:
    """A page of contacts as the filters ask, from after `?before=` on."""
    company, now = request.company, timezone.now()
    form = ContactFilter(request.GET, company=company)
    context: dict[str, Any] = {"filter": form, "rows": [], "older": "", "limit": CONTACTS_A_PAGE}
    if form.is_valid():
        context.update(_listed(company, form.wanted, request.GET.get("before", ""), now=now))
        context["hidden"] = _hidden(request.GET)
    context["tagging_form"] = TaggingForm(company=company)
    context["taggings"] = tagging_states(request)
    status = 200 if form.is_valid() else 422
    return render_page(request, "contacts/contacts.html", context, status=status)


def _listed(company: Company, wanted: Filter, place: str, *, now: datetime) -> dict[str, Any]:
    company_id, country = company.pk, company.country
    try:
        page = finding.page(
            wanted,
            company_id=company_id,
            country=country,
            now=now,
            place=place,
            limit=CONTACTS_A_PAGE,
        )
    except finding.InvalidPlace:
        raise Http404 from None
    tags = services.tag_names(page.rows)
    count = 0
    if not place:
        count = finding.count(wanted, company_id=company_id, country=country, now=now)
    return {
        "rows": [ContactRow(contact=c, tags=tags[c.pk], now=now) for c in page.rows],
        "older": page.older,
        "count": min(count, finding.COUNTED),
        "many": count > finding.COUNTED,
        "is_narrow": bool(wanted.as_json()),
        "searched": bool(wanted.search),
        "words_among": finding.WORDS_AMONG,
    }


def _hidden(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The filters of the page, to be sent along with an action on all that they find."""
    return [(name, data[name]) for name in ("q", "tag", "state", "who") if data.get(name)]


# --- Many at once ---------------------------------------------------------------------


@require_POST
@company_page(Need.SEND)
def tag_many(request: PortalRequest) -> HttpResponse:
    """Put a tag on the chosen contacts, or take it off; with `all` on all that the filters find."""
    company = request.company
    back = f"{reverse('contacts')}?{request.POST.get('back', '')[:500]}".rstrip("?")
    form = TaggingForm(request.POST, company=company)
    if not form.is_valid():
        messages.error(request, _("Choose a tag, and whether it is put on or taken off."))
        return redirect(back)
    tag = get_object_or_404(Tag, company=company, pk=form.cleaned_data["tag"])
    action = form.cleaned_data["action"]
    if request.POST.get("all"):
        return _tag_all(request, tag, action, back=back)
    chosen = [public_ids.decode("contact", each) for each in request.POST.getlist("contact")]
    people = Contact.objects.filter(
        company=company, pk__in=[pk for pk in chosen if pk][:CONTACTS_A_PAGE], merged_into=None
    )
    if not chosen:
        messages.error(request, _("Tick some contacts first, or choose all that are found."))
        return redirect(back)
    count = tagging.tag_some(people, tag, action=action)
    messages.success(request, _changed(tag.name, action, count))
    return redirect(back)


def _changed(tag: str, action: str, count: int) -> str:
    if action == Tagging.Action.DELETE:
        return _("“%(name)s” is deleted.") % {"name": tag}
    if action == Tagging.Action.ADD:
        words = ngettext(
            "“%(tag)s” is now on %(n)d more contact.",
            "“%(tag)s” is now on %(n)d more contacts.",
            count,
        )
    else:
        words = ngettext(
            "“%(tag)s” is taken off %(n)d contact.", "“%(tag)s” is taken off %(n)d contacts.", count
        )
    return words % {"tag": tag, "n": count}


def _tag_all(request: PortalRequest, tag: Tag, action: str, *, back: str) -> HttpResponse:
    form = ContactFilter(request.POST, company=request.company, prefix="f")
    if not form.is_valid():
        messages.error(request, _("The filters are not valid any more: set them anew."))
        return redirect(back)
    job = tagging.start(
        company=request.company, tag=tag, action=action, wanted=form.wanted, by=person(request)
    )
    audit.record(
        request,
        company=request.company,
        kind=audit.Kind.CONTACTS_TAGGED,
        label=tag.name,
        detail={"action": action, **_audited(form.wanted)},
    )
    return redirect(with_tagging(back, job))


def _audited(wanted: Filter) -> dict[str, Any]:
    """The filter, without what may be a person's name or number."""
    detail = wanted.as_json()
    return {**detail, "search": "…"} if "search" in detail else detail


def person(request: PortalRequest) -> User:
    """Who is signed in."""
    assert isinstance(request.user, User)  # noqa: S101 - company_page lets no one else in
    return request.user


def with_tagging(url: str, job: Tagging) -> str:
    """The page at `url` as whoever started a job comes back to it: it tells what became of the job,
    however soon that was done.
    """
    path, _mark, query = url.partition("?")
    asked = QueryDict(query, mutable=True)
    asked["tagging"] = job.public_id
    return f"{path}?{asked.urlencode()}"


def tagging_states(request: PortalRequest) -> list[dict[str, Any]]:
    """The jobs that a page shows: those under way, and the one that its address names."""
    shown = jobs.live(company=request.company, kind=Tagging)
    named = public_ids.decode("tagging", request.GET.get("tagging", ""))
    if named and named not in {job.pk for job in shown}:
        shown += Tagging.objects.filter(company=request.company, pk=named)
    return [_tagging_state(job) for job in shown]


def _tagging_state(job: Tagging) -> dict[str, Any]:
    is_done = job.state == Tagging.State.DONE
    return {
        "job": job,
        "percent": tagging.percent(job),
        "outcome": _changed(job.tag_name, job.action, job.changed_count) if is_done else "",
    }


@require_safe
@company_page(Need.READ)
def tagging_progress(request: PortalRequest, public_id: str) -> HttpResponse:
    """The part of the page that tells how far a job is."""
    pk = public_ids.decode("tagging", public_id)
    job = get_object_or_404(Tagging, company=request.company, pk=pk)
    return render(request, "contacts/_tagging.html", _tagging_state(job))


# --- Export ---------------------------------------------------------------------------


@require_POST
@company_page(Need.SEND)
def export(request: PortalRequest) -> HttpResponse:
    """What the filters find, as a file."""
    form = ContactFilter(request.POST, company=request.company, prefix="f")
    if not form.is_valid():
        messages.error(request, _("The filters are not valid any more: set them anew."))
        return redirect("contacts")
    audit.record(
        request,
        company=request.company,
        kind=audit.Kind.CONTACTS_EXPORTED,
        detail=_audited(form.wanted),
    )
    now = timezone.now()
    lines = exporting.lines(form.wanted, company=request.company, now=now)
    return csv_response(lines, f"contacts-{timezone.localdate(now)}.csv")


def csv_response(lines: Any, filename: str) -> HttpResponse:
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response  # type: ignore[return-value]  # streamed
