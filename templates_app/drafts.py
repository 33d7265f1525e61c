"""The company's side of a template: written over days, handed in when it is ready, taken back.

A draft may have faults; only handing in asks for none. What Meta has is changed by an edit of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from companies.models import Channel
from templates_app import lint, services, workflow
from templates_app.lint import Finding
from templates_app.models import Template, TemplateEvent
from templates_app.services import InvalidTemplate, TemplateExists
from templates_app.workflow import Author, Done, NotPossible, Outdated

# What a draft can't be kept without, or with.
_NEEDED = frozenset(
    {
        "name_missing",
        "name_invalid",
        "name_too_long",
        "language_missing",
        "language_unknown",
        "category_missing",
        "category_unknown",
        "parameter_format_unknown",
        "components_not_array",
        "component_not_object",
        "text_unstorable",
    }
)
# Meta takes so many edits of an approved template.
EDITS_A_DAY, EDITS_A_MONTH = 1, 10
_DAY, _MONTH = timedelta(days=1), timedelta(days=30)


def save(
    channel: Channel,
    fields: Mapping[str, Any],
    *,
    by: Author,
    template: Template | None = None,
    seen: int | None = None,
) -> Template:
    """Keep what was written: a new draft, or new content of one; `fields` as Meta's API names them.

    `seen` is the version that the writer had before them. Raises Outdated where it is another by now,
    InvalidTemplate for what can't be kept at all, TemplateExists, and NotPossible.
    """
    fields = _keepable(fields)
    with transaction.atomic():
        if template is None:
            new = services.create(channel, fields)
            workflow.note(new, Done.WRITTEN, by=by, to=new.status, now=timezone.now())
            return new
        return _rewrite(template, channel, fields, by=by, seen=seen)


def _keepable(fields: Mapping[str, Any]) -> dict[str, Any]:
    given = services.fields_of(fields)
    faults = [finding for finding in lint.check(**given) if finding.code in _NEEDED]
    if faults:
        raise InvalidTemplate(faults)
    return {
        "name": str(given["name"]),
        "language": str(given["language"]),
        "category": str(given["category"]).upper(),
        "parameter_format": str(given["parameter_format"] or "POSITIONAL").upper(),
        "components": lint.spelled(given["components"] or []),
    }


def _rewrite(
    template: Template,
    channel: Channel,
    fields: dict[str, Any],
    *,
    by: Author,
    seen: int | None,
) -> Template:
    _check_writable(template)
    _check_seen(template, seen)
    place: dict[str, Any] = {}
    if template.edit_of_id is None:
        place = {
            "name": fields["name"],
            "language": fields["language"],
            "channel": channel,
            "waba_id": channel.waba_id,
        }
    content = {name: fields[name] for name in ("category", "parameter_format", "components")}
    is_asked = template.status == Template.Status.CHANGES_REQUESTED
    try:
        with transaction.atomic():
            return workflow.move(
                template,
                Done.WRITTEN,
                by=by,
                to=template.status if is_asked else Template.Status.DRAFT,
                content=content,
                **place,
            )
    except IntegrityError as error:
        raise TemplateExists(
            f"There is a template {fields['name'][:80]} in {fields['language']} already",
            param="name",
        ) from error


def edit(template: Template, *, by: Author) -> Template:
    """What may be written in: the template itself as long as Meta doesn't have it, else its edit,
    made if there is none. Raises NotPossible.
    """
    if not template.graph_id:
        _check_writable(template)
        return template
    if template.status not in workflow.EDITABLE:
        raise _unchangeable(template)
    fresh: dict[str, Any] = {
        **template.content,
        "company": template.company,
        "channel": template.channel,
        "waba_id": template.waba_id,
        "name": template.name,
        "language": template.language,
    }
    edit, _is_new = Template.everything.get_or_create(edit_of=template, defaults=fresh)
    return edit


def _unchangeable(template: Template) -> NotPossible:
    state = template.get_status_display()
    return NotPossible(_("Meta takes no changes of a template in this state: %s.") % state)


def submit(template: Template, *, by: Author, seen: int | None = None) -> Template:
    """Hand a draft in. Raises InvalidTemplate with all errors that the lint finds, and NotPossible."""
    _check_writable(template)
    _check_seen(template, seen)
    errors = services.errors_of(template)
    if errors:
        raise InvalidTemplate(errors)
    if template.edit_of is not None:
        _check_edit(template, template.edit_of)
    return services.hand_in(template, by=by)


def _check_edit(edit: Template, live: Template) -> None:
    if live.status not in workflow.EDITABLE:
        raise _unchangeable(live)
    if edit.content == live.content:
        raise NotPossible(_("Nothing is different from what Meta has."))
    if live.status != Template.Status.APPROVED:
        return
    if edit.category != live.category:
        fault = Finding(
            code="category_fixed",
            severity=lint.Severity.ERROR,
            component="category",
            message=_("The category of an approved template can’t be changed."),
            remedy=_("Leave it at %s, or write a new template.") % live.category,
        )
        raise InvalidTemplate([fault])
    free_at = next_edit_at(live, now=timezone.now())
    if free_at is not None:
        when = date_format(timezone.localtime(free_at), "DATETIME_FORMAT")
        raise NotPossible(
            _(
                "Meta takes one edit of an approved template a day and ten in 30 days; the next one "
                "can be submitted on %s."
            )
            % when
        )


def next_edit_at(template: Template, *, now: datetime) -> datetime | None:
    """When Meta takes the next edit of an approved template; None for now."""
    edits = TemplateEvent.objects.filter(template=template, done=Done.EDITED)
    taken = list(
        edits.filter(from_status=Template.Status.APPROVED, created_at__gt=now - _MONTH)
        .order_by("-pk")
        .values_list("created_at", flat=True)[:EDITS_A_MONTH]
    )
    waits = []
    if len(taken) >= EDITS_A_DAY:
        waits.append(taken[EDITS_A_DAY - 1] + _DAY)
    if len(taken) >= EDITS_A_MONTH:
        waits.append(taken[EDITS_A_MONTH - 1] + _MONTH)
    return max((at for at in waits if at > now), default=None)


def withdraw(template: Template, *, by: Author) -> Template:
    """Take back what staff have not decided about. Raises NotPossible and Outdated."""
    return workflow.move(template, Done.WITHDRAWN, by=by)


def discard(edit: Template, *, by: Author) -> Template:
    """Throw an edit away that is not on its way to Meta; the template that stays as it is."""
    live = edit.edit_of
    if live is None or edit.status == Template.Status.PENDING:
        raise NotPossible(_("It is on its way to Meta."))
    with transaction.atomic():
        workflow.note(edit, Done.DISCARDED, by=by, to=live.status, now=timezone.now())
        gone, _rows = Template.everything.filter(pk=edit.pk, version=edit.version).delete()
        if not gone:
            raise Outdated(_("It was changed meanwhile. Look at it again."))
    return live


def _check_writable(template: Template) -> None:
    if template.graph_id or template.status not in workflow.WRITABLE:
        state = template.get_status_display()
        raise NotPossible(_("It can’t be changed in this state: %s.") % state)


def _check_seen(template: Template, seen: int | None) -> None:
    if seen is not None and seen != template.version:
        raise Outdated(_("Somebody changed it meanwhile. Look at it again."))
