"""What all staff screens share: lists that stay fast however many rows there are, rows that nobody
may edit because code keeps them, and dialogs in which something is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, TypeVar, cast
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import decorators
from unfold.admin import ModelAdmin
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

COUNTED_UP_TO = 5_000
Column = TypeVar("Column", bound=Callable[..., Any])


def display(**options: Any) -> Callable[[Column], Column]:
    """Unfold's decorator of a list's columns, with a type."""
    return cast("Callable[[Column], Column]", decorators.display(**options))


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than anybody pages: count(*) of a million rows would take seconds."""

    template_name = "admin/capped_pagination.html"
    capped_at = COUNTED_UP_TO

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Model] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:COUNTED_UP_TO].count()


class StaffChangeList(ChangeList):  # type: ignore[misc]
    def get_results(self, request: HttpRequest) -> None:
        """Where nothing is left out, the heading must not offer to show all."""
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class StaffAdmin(ModelAdmin):  # type: ignore[misc]
    """Newest first, paged without counting all. Nothing is deleted here: what hangs on a company, a
    channel or a contact is too much to collect for a confirmation page. Suspend or revoke instead.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    list_fullwidth = True
    ordering: ClassVar[Any] = ["-pk"]
    compressed_fields = True
    warn_unsaved_form = True

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StaffChangeList

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The buttons of a row's page that the person may use; all of ours are dialogs."""
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if request.user.has_perm(one.method.permission)]


class ReadOnlyAdmin(StaffAdmin):
    """Rows that only code writes. They come in millions, so no column may be sorted by."""

    sortable_by: ClassVar[Any] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ExactSearchMixin:
    """Search by whole values that an index finds; anything else finds nothing, at once."""

    # Django shows the search box where this is set; `exact` decides what is asked.
    search_fields: ClassVar[Any] = ["pk"]

    def exact(self, term: str) -> Q | None:
        """The condition for a term, or None where it can't be one."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        condition = self.exact(term)
        return (queryset.none() if condition is None else queryset.filter(condition)), False


def as_id(term: str) -> int | None:
    """A primary key as typed, or None."""
    return int(term) if term.isascii() and term.isdigit() and len(term) < 19 else None


def pretty_json(value: object) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return format_html('<pre class="tuma-json" tabindex="0">{}</pre>', text)


# --- Dialogs --------------------------------------------------------------------------


class Dialog(BaseDialogForm):  # type: ignore[misc]
    """The form of an action. A GET draws it; only a POST that it finds valid runs the action."""


class WithReason(Dialog):
    reason = forms.CharField(
        max_length=300,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The company reads it.",
    )


class WithNote(Dialog):
    """A reason may be given."""

    reason = forms.CharField(
        max_length=300,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The company reads it. May stay empty.",
    )


def dialog(
    label: str,
    *,
    permission: str,
    title: str,
    text: str = "",
    form: type[Dialog] = Dialog,
    icon: str = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
    submit: str = "",
) -> Callable[[Column], Column]:
    """An action of a row's page, for `actions_detail`: a button that opens a dialog.

    The method gets the request, the valid form and the row's id, and answers with `back`. Unfold runs
    actions on GET, but not those with a dialog: there a GET only draws the form. `permission` is named
    in full, as "companies.decide_channel"; Unfold's own check of such names needs tables that a fresh
    installation has not got yet.
    """

    def decorate(method: Any) -> Any:
        drawn = decorators.action(
            description=label,
            icon=icon or None,
            variant=variant,
            dialog={
                "title": title,
                "description": text,
                "form_class": form,
                "form_submit_text": submit or label,
                "look": "danger" if variant is ActionVariant.DANGER else "primary",
            },
        )(method)

        @wraps(drawn)
        def guarded(self: StaffAdmin, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            if self.get_object(request, kwargs["object_id"]) is None:
                raise Http404
            return drawn(self, request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def back(request: HttpRequest, fallback: str) -> HttpResponse:
    """After a dialog: to the page that it was opened on, or else to `fallback`."""
    opened = urlsplit(request.headers.get("HX-Current-URL", ""))
    is_ours = opened.netloc == request.get_host() and opened.path.startswith("/admin/")
    page = opened._replace(scheme="", netloc="", fragment="").geturl() if is_ours else fallback
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": page})
    return redirect(page)
