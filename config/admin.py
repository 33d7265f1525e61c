"""What all staff screens share: lists that stay fast however many rows there are, and rows that
nobody may edit because code keeps them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, cast

from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import decorators
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

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
    return format_html('<pre class="tuma-json">{}</pre>', text)
