"""One contact: looked at, made, changed, merged, opted out and in, removed, erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from companies import audit
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config import public_ids
from config.masking import masked
from contacts import keepers, people, services
from contacts.finding import WINDOW
from contacts.forms import ContactForm, EraseForm, MergeForm, WishForm, field_text
from contacts.models import ConsentEvent, Contact
from contacts.pages import is_unreachable, person, window_open
from contacts.phones import NotANumber, typed_number

WISHES_SHOWN = 50
Kind = audit.Kind


def _contact_or_404(request: PortalRequest, public_id: str) -> Contact:
    """One of this company; not one that was erased."""
    pk = public_ids.decode("contact", public_id)
    return get_object_or_404(Contact, company=request.company, pk=pk, erased_at=None)


def _kept_or_404(request: PortalRequest, public_id: str) -> Contact:
    contact = _contact_or_404(request, public_id)
    if contact.merged_into_id:
        raise Http404
    return contact


def _label(contact: Contact) -> str:
    """For the audit log, which outlives an erasure."""
    return masked(contact.phone or contact.bsuid)


@require_safe
@company_page(Need.READ)
def contact(request: PortalRequest, public_id: str) -> HttpResponse:
    found = _contact_or_404(request, public_id)
    if found.merged_into:
        return redirect("contact", found.merged_into.public_id)
    return _page(request, found)


def _page(request: PortalRequest, found: Contact, **forms: Any) -> HttpResponse:
    """Forms that were sent and not taken are shown again with their errors."""
    now = timezone.now()
    context = {
        "contact": found,
        "tags": found.tags.order_by("name"),
        "fields": [(key, field_text(value)) for key, value in found.custom_fields.items()],
        "others": services.identities(found).exclude(pk=found.pk).order_by("pk")[:20],
        "wishes": ConsentEvent.objects.filter(contact=found).order_by("-pk")[:WISHES_SHOWN],
        "unreachable": is_unreachable(found, now=now),
        "window": _window(found, now=now),
        "conversation": _conversation(found),
        "wish_form": WishForm(),
        "merge_form": MergeForm(),
        "erase_form": EraseForm(contact=found),
        **forms,
    }
    return render_page(request, "contacts/contact.html", context, status=422 if forms else 200)


def _window(found: Contact, *, now: datetime) -> datetime | None:
    """Until when free-form messages may be sent."""
    if not window_open(found, now=now) or found.last_inbound_at is None:
        return None
    return found.last_inbound_at + WINDOW


def _conversation(found: Contact) -> str:
    """The address of what was said with them, where there is such a page."""
    try:
        return reverse("conversation", args=[found.public_id])
    except NoReverseMatch:
        return ""


# --- Making and changing --------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.SEND)
def new_contact(request: PortalRequest) -> HttpResponse:
    company = request.company
    if request.method != "POST":
        return _form_page(request, ContactForm(company=company))
    form = ContactForm(request.POST, company=company)
    if form.is_valid():
        try:
            made = people.create(company_id=company.pk, **form.cleaned_data)
        except people.PeopleError as error:
            return _refused(request, form, error)
        messages.success(request, _("Saved."))
        return redirect("contact", made.public_id)
    return _form_page(request, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.SEND)
def edit_contact(request: PortalRequest, public_id: str) -> HttpResponse:
    found = _kept_or_404(request, public_id)
    if request.method != "POST":
        initial = {
            "name": found.name,
            "phone": f"+{found.phone}" if found.phone else "",
            "tags": ", ".join(services.tag_names([found])[found.pk]),
        }
        form = ContactForm(initial=initial, company=request.company, contact=found)
        return _form_page(request, form, found)
    form = ContactForm(request.POST, company=request.company, contact=found)
    if form.is_valid():
        try:
            people.change(found, **form.cleaned_data)
        except people.PeopleError as error:
            return _refused(request, form, error, found)
        messages.success(request, _("Saved."))
        return redirect("contact", found.public_id)
    return _form_page(request, form, found, status=422)


def _refused(
    request: PortalRequest,
    form: ContactForm,
    error: people.PeopleError,
    found: Contact | None = None,
) -> HttpResponse:
    form.add_error("tags" if isinstance(error, people.TooManyTags) else "phone", str(error))
    other = error.other if isinstance(error, people.NumberTaken) else None
    return _form_page(request, form, found, other=other, status=422)


def _form_page(
    request: PortalRequest,
    form: ContactForm,
    found: Contact | None = None,
    *,
    other: Contact | None = None,
    status: int = 200,
) -> HttpResponse:
    """`other` is whose number it is already."""
    context = {"form": form, "contact": found, "other": other}
    return render_page(request, "contacts/edit.html", context, status=status)


@require_POST
@company_page(Need.SEND)
def merge(request: PortalRequest, public_id: str) -> HttpResponse:
    """Another contact, named by its number, becomes part of this one."""
    found = _kept_or_404(request, public_id)
    form = MergeForm(request.POST)
    if not form.is_valid():
        return _page(request, found, merge_form=form)
    other = _named(request, form.cleaned_data["other"])
    if other is None or other.pk == found.pk:
        form.add_error(
            "other",
            _("This is the same contact.") if other else _("There is no contact with this number."),
        )
        return _page(request, found, merge_form=form)
    try:
        with transaction.atomic():
            people.merge(found, other, now=timezone.now(), author=str(person(request)))
            audit.record(
                request,
                company=request.company,
                kind=Kind.CONTACTS_MERGED,
                label=_label(found),
                detail={"other": _label(other)},
            )
    except people.PeopleError as error:
        form.add_error("other", str(error))
        return _page(request, found, merge_form=form)
    messages.success(request, _("The two are one contact now."))
    return redirect("contact", found.public_id)


def _named(request: PortalRequest, text: str) -> Contact | None:
    """A contact by its number as people write it, or by its BSUID."""
    text, company = text.replace("\x00", "").strip(), request.company
    try:
        phone = typed_number(text, country=company.country)
    except NotANumber:
        return services.find(company_id=company.pk, bsuid=text)
    return services.find(company_id=company.pk, phone=phone)


# --- Wishes ---------------------------------------------------------------------------


@require_POST
@company_page(Need.SEND)
def opt_out(request: PortalRequest, public_id: str) -> HttpResponse:
    return _wish(request, public_id, out=True)


@require_POST
@company_page(Need.SEND)
def opt_in(request: PortalRequest, public_id: str) -> HttpResponse:
    return _wish(request, public_id, out=False)


def _wish(request: PortalRequest, public_id: str, *, out: bool) -> HttpResponse:
    found = _kept_or_404(request, public_id)
    form = WishForm(request.POST)
    if not form.is_valid():
        return _page(request, found, wish_form=form)
    decide = services.opt_out if out else services.opt_in
    reason = form.cleaned_data["reason"].replace("\x00", "")
    with transaction.atomic():
        is_new = decide(
            found,
            at=timezone.now(),
            reason=reason,
            source=ConsentEvent.Source.PORTAL,
            author=str(person(request)),
        )
        if is_new:
            kind = Kind.CONTACT_OPTED_OUT if out else Kind.CONTACT_OPTED_IN
            audit.record(
                request,
                company=request.company,
                kind=kind,
                label=_label(found),
                detail={"reason": reason},
            )
    messages.success(
        request,
        _("Nothing more is sent to this contact.") if out else _("This contact may be written to."),
    )
    return redirect("contact", found.public_id)


# --- Going ----------------------------------------------------------------------------


@require_POST
@company_page(Need.SEND)
def remove(request: PortalRequest, public_id: str) -> HttpResponse:
    found = _kept_or_404(request, public_id)
    with transaction.atomic():
        people.remove(found)
        audit.record(
            request, company=request.company, kind=Kind.CONTACT_REMOVED, label=_label(found)
        )
    messages.success(request, _("Removed from the address book."))
    return redirect("contacts")


@require_POST
@company_page(Need.SEND)
def erase(request: PortalRequest, public_id: str) -> HttpResponse:
    """Forget who a person is, for good."""
    found = _kept_or_404(request, public_id)
    form = EraseForm(request.POST, contact=found)
    if not form.is_valid():
        return _page(request, found, erase_form=form)
    try:
        with transaction.atomic():
            people.erase(found, now=timezone.now())
            # By its id only: the number is what was to be forgotten.
            audit.record(
                request, company=request.company, kind=Kind.CONTACT_ERASED, label=found.public_id
            )
    except keepers.StillBusy as error:
        form.add_error("typed", str(error))
        return _page(request, found, erase_form=form)
    messages.success(request, _("The person is erased. Counts and charges stay."))
    return redirect("contacts")
