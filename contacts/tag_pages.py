"""The tags of a company: made, renamed, deleted; opened, a tag is the contacts that it is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from companies import audit
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from contacts import tagging
from contacts.forms import TagForm
from contacts.models import Tag
from contacts.pages import person, tagging_states, with_tagging

TAGS_A_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class TagRow:
    tag: Tag
    count: int  # up to tagging.COUNTED
    many: bool  # more than that
    form: TagForm


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.READ, post=Need.SEND)
def tags(request: PortalRequest) -> HttpResponse:
    """The tags by name, from after tag `?before=` on; a POST makes one."""
    if request.method != "POST":
        return _page(request, TagForm(company=request.company))
    form = TagForm(request.POST, company=request.company)
    if not form.is_valid():
        return _page(request, form, status=422)
    tag = Tag.objects.create(company=request.company, name=form.cleaned_data["name"])
    messages.success(request, _("“%(name)s” is there.") % {"name": tag.name})
    return redirect("tags")


def _page(
    request: PortalRequest, form: TagForm, *, renaming: TagForm | None = None, status: int = 200
) -> HttpResponse:
    """`renaming` is the form of a tag that could not be renamed."""
    found = Tag.objects.filter(company=request.company).order_by("name", "pk")
    before = request.GET.get("before", "")
    if before:
        last = _tag_or_404(request, before)
        found = found.filter(name__gt=last.name)
    listed = list(found[: TAGS_A_PAGE + 1])
    context: dict[str, Any] = {
        "form": form,
        "rows": _rows(request, listed[:TAGS_A_PAGE], renaming),
        "older": listed[TAGS_A_PAGE - 1].pk if len(listed) > TAGS_A_PAGE else "",
        "taggings": tagging_states(request),
    }
    return render_page(request, "contacts/tags.html", context, status=status)


def _rows(request: PortalRequest, listed: list[Tag], renaming: TagForm | None) -> list[TagRow]:
    counts = tagging.counts(listed)
    return [
        TagRow(
            tag=tag,
            count=min(counts[tag.pk], tagging.COUNTED),
            many=counts[tag.pk] > tagging.COUNTED,
            form=renaming
            if renaming and renaming.tag == tag
            else TagForm(
                initial={"name": tag.name},
                company=request.company,
                tag=tag,
                auto_id=f"t{tag.pk}_%s",
            ),
        )
        for tag in listed
    ]


def _tag_or_404(request: PortalRequest, pk: str | int) -> Tag:
    if not (str(pk).isascii() and str(pk).isdigit() and len(str(pk)) < 19):
        raise Http404
    return get_object_or_404(Tag, company=request.company, pk=pk)


@require_POST
@company_page(Need.SEND)
def rename_tag(request: PortalRequest, pk: int) -> HttpResponse:
    tag = _tag_or_404(request, pk)
    old = tag.name
    form = TagForm(request.POST, company=request.company, tag=tag, auto_id=f"t{tag.pk}_%s")
    if not form.is_valid():
        return _page(request, TagForm(company=request.company), renaming=form, status=422)
    with transaction.atomic():
        tag.name = form.cleaned_data["name"]
        tag.save(update_fields=["name"])
        audit.record(
            request,
            company=request.company,
            kind=audit.Kind.TAG_RENAMED,
            label=tag.name,
            detail={"name": [old, tag.name]},
        )
    messages.success(request, _("“%(old)s” is now “%(new)s”.") % {"old": old, "new": tag.name})
    return redirect("tags")


@require_POST
@company_page(Need.SEND)
def delete_tag(request: PortalRequest, pk: int) -> HttpResponse:
    tag = _tag_or_404(request, pk)
    with transaction.atomic():
        audit.record(request, company=request.company, kind=audit.Kind.TAG_DELETED, label=tag.name)
        job = tagging.delete(tag, by=person(request))
    if job is not None:
        return redirect(with_tagging(reverse("tags"), job))
    messages.success(request, _("“%(name)s” is deleted.") % {"name": tag.name})
    return redirect("tags")
