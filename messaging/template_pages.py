"""The message templates of a company: their list, a page for each, and what is done with one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from companies import audit
from companies.models import Channel, Company
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config.api import ApiError
from messaging import previews, template_display
from messaging.display import QUALITIES, Pill
from messaging.template_display import State, state
from templates_app import differing, drafts, history, removal, services, workflow
from templates_app.differing import Change
from templates_app.lint.draft import variables
from templates_app.models import Template
from templates_app.previews import Bubble
from templates_app.services import InvalidTemplate
from templates_app.workflow import Author

PAGE = 50
# What is of course another in another language.
_TRANSLATED = ("text", "example")


class TemplateFilter(forms.Form):
    """Bound to request.GET."""

    q = forms.CharField(label=gettext_lazy("Name or text"), required=False, max_length=100)
    status = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    category = forms.ChoiceField(label=gettext_lazy("Category"), required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)
    account = forms.ChoiceField(label=gettext_lazy("WhatsApp account"), required=False)

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = templates_of(company)
        languages = known.order_by("language").values_list("language", flat=True).distinct()
        channels = Channel.objects.filter(company=company).exclude(waba_id="").order_by("name")
        accounts = {c.waba_id: c.name for c in channels.only("waba_id", "name")}
        pills = template_display.PILLS
        states = [(status, pills[status].word) for status in pills if status != "DELETED"]
        for name, choices in (
            ("status", states),
            ("category", Template.Category.choices),
            ("language", [(language, language) for language in languages]),
            ("account", list(accounts.items())),
        ):
            field: Any = self.fields[name]
            field.choices = [("", gettext_lazy("Any")), *choices]
        if len(accounts) < 2:
            del self.fields["account"]

    def matching(self, rows: QuerySet[Template]) -> QuerySet[Template]:
        data = self.cleaned_data if self.is_valid() else {}
        plain = {name: data[name] for name in ("status", "category", "language") if data.get(name)}
        if data.get("account"):
            plain["waba_id"] = data["account"]
        if data.get("q"):
            # SQLite keeps JSON as text, in which other scripts are escaped.
            escaped = json.dumps(data["q"])[1:-1]
            said = Q(components__icontains=data["q"]) | Q(components__icontains=escaped)
            rows = rows.filter(Q(name__icontains=data["q"]) | said)
        return rows.filter(**plain)


@dataclass(frozen=True, kw_only=True)
class Row:
    template: Template
    state: State
    edit: State | None


@dataclass(frozen=True, kw_only=True)
class Family:
    """The languages of a name."""

    name: str
    rows: list[Row]


def templates_of(company: Company) -> QuerySet[Template]:
    return Template.objects.filter(company=company).exclude(status=Template.Status.DELETED)


@require_safe
@company_page(Need.READ)
def template_list(request: PortalRequest) -> HttpResponse:
    """The templates by name, from after template `?before=` on."""
    wanted = TemplateFilter(request.GET, company=request.company)
    found = wanted.matching(templates_of(request.company))
    before = request.GET.get("before", "")
    if before:
        last = template_or_404(request, before)
        found = found.filter(
            Q(name__gt=last.name)
            | Q(name=last.name, language__gt=last.language)
            | Q(name=last.name, language=last.language, pk__gt=last.pk)
        )
    ordered = found.select_related("edit").order_by("name", "language", "pk")
    listed = list(ordered[: PAGE + 1])
    shown = listed[:PAGE]
    context = {
        "families": [
            Family(name=name, rows=[_row(template) for template in rows])
            for name, rows in groupby(shown, key=lambda template: template.name)
        ],
        "filter": wanted,
        "older": shown[-1].pk if len(listed) > PAGE else "",
        "first_page": not before,
    }
    return render_page(request, "message_templates/list.html", context)


def _row(template: Template) -> Row:
    edit = edit_of(template)
    return Row(template=template, state=state(template), edit=state(edit) if edit else None)


def edit_of(template: Template) -> Template | None:
    return getattr(template, "edit", None)


def template_or_404(request: PortalRequest, pk: object) -> Template:
    """One of the company's, with its edit if there is one."""
    text = str(pk)
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    found = Template.objects.filter(company=request.company, pk=int(text))
    template = found.select_related("company", "channel", "edit").first()
    if template is None:
        raise Http404
    return template


# --- The page of one ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Sibling:
    """Another language of the same name, and what it has otherwise than the page's."""

    template: Template
    pill: Pill
    bubble: Bubble
    changes: list[Change]


@require_safe
@company_page(Need.READ)
def template_page(request: PortalRequest, pk: int) -> HttpResponse:
    template = template_or_404(request, pk)
    edit = edit_of(template)
    current = edit or template
    context = {
        "template": template,
        "state": state(template),
        "edit": edit,
        "edit_state": state(edit) if edit else None,
        "quality": QUALITIES.get(template.quality, QUALITIES["UNKNOWN"]),
        "bubble": bubble(template),
        "edit_bubble": bubble(edit) if edit else None,
        "edit_changes": differing.differences(template.content, edit.content) if edit else [],
        "findings": services.findings_of(current) if _is_open(current) else [],
        "siblings": _siblings(template),
        "history": history.history(template),
        "can": _possible(template, edit),
        "seen": seen(template),
    }
    return render_page(request, "message_templates/template.html", context)


def _is_open(template: Template) -> bool:
    return not template.graph_id and template.status in workflow.WRITABLE


def _possible(template: Template, edit: Template | None) -> set[str]:
    """What may be done with it in its state, by the names of the actions."""
    current = edit or template
    can = set()
    if _is_open(current):
        can |= {"edit", "submit"}
    if current.status == Template.Status.SUBMITTED:
        can.add("withdraw")
    if edit is None and template.graph_id and template.status in workflow.EDITABLE:
        can.add("edit")
    if edit is not None and edit.status != Template.Status.PENDING:
        can.add("discard")
    if template.status not in (Template.Status.DELETED, Template.Status.DISABLED):
        can.add("delete")
    if template.status == Template.Status.APPROVED:
        can.add("send")
    return can


def seen(template: Template) -> str:
    """What the page shows, in a word: another one means that something has changed."""
    edit = edit_of(template)
    return f"{template.version}.{edit.version if edit else 0}"


def bubble(template: Template) -> Bubble:
    return previews.sample_bubble(
        template.components, language=template.language, company_id=template.company_id
    )


def _siblings(template: Template) -> list[Sibling]:
    others = templates_of(template.company).filter(name=template.name, waba_id=template.waba_id)
    return [
        Sibling(
            template=other,
            pill=state(other).pill,
            bubble=bubble(other),
            changes=[
                change
                for change in differing.differences(template.content, other.content)
                if _matters(change)
            ],
        )
        for other in others.exclude(pk=template.pk).order_by("language")
    ]


def _matters(change: Change) -> bool:
    """Whether languages differ in more than their words: parts, variables, buttons, links."""
    last = change.part.rpartition(".")[2]
    if last not in _TRANSLATED:
        return True
    if not change.before or not change.after:
        return last == "text"
    return variables(change.before) != variables(change.after)


@require_safe
@company_page(Need.READ)
def template_news(request: PortalRequest, pk: int) -> HttpResponse:
    """Asked by the page every few seconds: whether it has to be read again (`?seen=`)."""
    template = template_or_404(request, pk)
    if request.GET.get("seen") == seen(template):
        return HttpResponse(status=204)
    return HttpResponseClientRefresh()


# --- What is done with one ----------------------------------------------------------------


def _do(
    request: PortalRequest,
    template: Template,
    deed: Callable[[Author], Any],
    *,
    kind: audit.Kind,
    words: str,
) -> HttpResponse:
    try:
        deed(Author.of(request))
    except InvalidTemplate as invalid:
        text = _("It has %(count)s faults. Edit it to see them.") % {"count": len(invalid.errors)}
        messages.error(request, text)
    except ApiError as error:
        messages.error(request, error.message)
    else:
        audit.record(request, company=request.company, kind=kind, label=str(template))
        messages.success(request, words)
    return redirect("template", template.original.pk)


@require_POST
@company_page(Need.SEND)
def template_submit(request: PortalRequest, pk: int) -> HttpResponse:
    template = template_or_404(request, pk)
    current = edit_of(template) or template
    return _do(
        request,
        current,
        lambda by: drafts.submit(current, by=by),
        kind=audit.Kind.TEMPLATE_SUBMITTED,
        words=_("Submitted. You are told what becomes of it."),
    )


@require_POST
@company_page(Need.SEND)
def template_withdraw(request: PortalRequest, pk: int) -> HttpResponse:
    template = template_or_404(request, pk)
    current = edit_of(template) or template
    return _do(
        request,
        current,
        lambda by: drafts.withdraw(current, by=by),
        kind=audit.Kind.TEMPLATE_WITHDRAWN,
        words=_("Withdrawn: it is a draft again."),
    )


@require_POST
@company_page(Need.SEND)
def template_discard(request: PortalRequest, pk: int) -> HttpResponse:
    template = template_or_404(request, pk)
    edit = edit_of(template)
    if edit is None:
        return redirect("template", template.pk)
    return _do(
        request,
        template,
        lambda by: drafts.discard(edit, by=by),
        kind=audit.Kind.TEMPLATE_DISCARDED,
        words=_("The edit is gone; the template is as it was."),
    )


@require_POST
@company_page(Need.SEND)
def template_delete(request: PortalRequest, pk: int) -> HttpResponse:
    template = template_or_404(request, pk)
    answer = _do(
        request,
        template,
        lambda by: removal.delete(template, by=by),
        kind=audit.Kind.TEMPLATE_DELETED,
        words=_("“%(name)s” is deleted.") % {"name": template.name},
    )
    is_gone = template.status == Template.Status.DELETED
    return redirect("templates") if is_gone else answer
