"""Buttons on the staff's pages: each opens a dialog, and what is decided there is done by
companies.decisions and companies.staff_pauses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from companies import decisions, staff_pauses
from companies.decisions import Process, Undecided
from companies.models import Decision
from config.admin import StaffAdmin, WithNote, WithReason, as_id, back, dialog

_DANGER, _PRIMARY = ActionVariant.DANGER, ActionVariant.PRIMARY
# By action: icon, look, and what the dialog says.
_LOOKS: dict[str, tuple[str, ActionVariant, str]] = {
    "approve": ("check_circle", _PRIMARY, "The company is told."),
    "decline": ("block", _DANGER, "The company stays closed, and reads why."),
    "suspend": ("block", _DANGER, "Its API keys are refused at once, and nothing more is sent."),
    "reinstate": ("restart_alt", _PRIMARY, "Its keys work again; what waits is sent."),
    "connect": ("check_circle", _PRIMARY, "The company can send from it at once."),
    "reject": ("block", _DANGER, "The company reads why."),
    "disconnect": ("link_off", _DANGER, "Nothing more is sent from it; what waits stays."),
    "reconnect": ("restart_alt", _PRIMARY, "What waits on it is sent."),
    "request_changes": ("edit_note", ActionVariant.DEFAULT, "The company can submit it again."),
    "pause": ("pause", ActionVariant.DEFAULT, "What is sent on it is accepted, and waits."),
    "resume": ("play_arrow", _PRIMARY, "What waits on it is sent."),
    "pause_sending": ("pause", ActionVariant.DEFAULT, "Of all its channels that send now."),
    "resume_sending": ("play_arrow", _PRIMARY, "Of all its channels that are paused."),
}


class PauseForm(WithReason):
    """How long, and why."""

    duration = forms.TypedChoiceField(
        label="How long",
        choices=[
            ("1", "1 hour"),
            ("6", "6 hours"),
            ("24", "24 hours"),
            ("0", "Until somebody resumes it"),
        ],
        initial="0",
        coerce=lambda hours: timedelta(hours=int(hours)) or staff_pauses.FOR_EVER,
        widget=UnfoldAdminSelectWidget,
    )


class DecidedAdmin(StaffAdmin):
    """Pages of what staff decide about: the buttons that the row's state allows, and its history."""

    process: ClassVar[Process]
    actions_detail: ClassVar[Any] = []

    def open_actions(self, row: Any) -> set[str]:
        """Which of the page's actions the row is ready for."""
        shut = set(self.process.steps) - set(self.process.open_to(row.status))
        return set(self.actions_detail) - shut

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        names = self.open_actions(row) if row is not None else set()
        allowed = super().get_actions_detail(request, object_id)
        return [action for action in allowed if action.method.original_function_name in names]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, object_id) if object_id else None
        context = self.glance(request, row) if row is not None else {}
        return super().changeform_view(
            request, object_id, form_url, {**(extra_context or {}), **context}
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Buttons say which version of the row stood above them."""
        for action in context.get("actions_detail") or ():
            action["path"] = seen_on(action["path"], context.get("original"))
        return super().render_change_form(request, context, *args, **kwargs)

    def glance(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What stands above the form."""
        return {"decisions": decisions.history(row)}

    def run(
        self, request: HttpRequest, object_id: object, deed: Callable[[Any], Decision]
    ) -> HttpResponse:
        """Do what a dialog asked for, say how that went, and go back."""
        row: Model = self.get_queryset(request).get(pk=object_id)
        try:
            done = deed(row)
        except Undecided as error:
            messages.error(request, f"Nothing was changed. {error}")
        else:
            self.log_change(request, row, f"{done.done}: {done.reason}".rstrip(": "))
            messages.success(request, f"“{row}”: {done.done}.")
        meta = self.opts
        page = f"admin:{meta.app_label}_{meta.model_name}_change"
        return back(request, reverse(page, args=[row.pk]))


def decision(process: Process, action: str) -> Any:
    """The button of a step, to be an attribute of that name of a DecidedAdmin."""
    step = process.steps[action]
    icon, variant, text = _LOOKS[action]

    def run(self: DecidedAdmin, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self.run(
            request,
            object_id,
            lambda row: decisions.decide(
                process,
                row.pk,
                action,
                author=request.user,  # type: ignore[arg-type]  # the admin lets no one else in
                reason=form.cleaned_data["reason"],
                seen=as_id(request.GET.get("seen", "")),
                now=timezone.now(),
            ),
        )

    run.__name__ = action
    return dialog(
        step.label,
        permission=step.permission,
        title=f"{step.label} this {process.model._meta.verbose_name}?",
        text=text,
        form=WithReason if step.needs_reason else WithNote,
        icon=icon,
        variant=variant,
    )(run)


def pause(action: str) -> Any:
    """The button of one of companies.staff_pauses.STEPS."""
    step = staff_pauses.STEPS[action]
    icon, variant, text = _LOOKS[action]
    is_hold = step.target == staff_pauses.PAUSED

    def run(self: DecidedAdmin, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        data = form.cleaned_data
        given: dict[str, Any] = {
            "author": request.user,
            "reason": data["reason"],
            "now": timezone.now(),
        }
        if is_hold:
            given["duration"] = data["duration"]
        deed = staff_pauses.hold if is_hold else staff_pauses.release
        return self.run(request, object_id, lambda row: deed(row, **given))

    run.__name__ = action
    return dialog(
        step.label,
        permission=step.permission,
        title=f"{step.label}?",
        text=text,
        form=PauseForm if is_hold else WithNote,
        icon=icon,
        variant=variant,
    )(run)


def seen_on(url: str, row: Any) -> str:
    """A dialog's address as it stands on a page that shows `row`: with its version, if it has any."""
    version = getattr(row, "version", None)
    return url if version is None else f"{url}?seen={version}"


def look(action: str) -> dict[str, str]:
    """Icon and look of an action's button, for the pages that draw their own."""
    icon, variant, _text = _LOOKS[action]
    return {"icon": icon, "look": "" if variant is ActionVariant.DEFAULT else variant.value}
