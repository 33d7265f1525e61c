"""Staff screens of files. What is in them is the companies' affair: staff see what a file is, not the
file, and not the URL that would open it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.template.defaultfilters import filesizeformat
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config import public_ids
from config.admin import ExactSearchMixin, ReadOnlyAdmin, display
from messaging.models import Media, MediaOnGraph

BY_COMPANY = ("company", AutocompleteSelectFilter)


@admin.register(Media)
class MediaAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "public_id",
        "company",
        "origin",
        "kind",
        "content_type",
        "bytes",
        "created_at",
    ]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [BY_COMPANY]
    search_help_text = "media_…"
    fields: ClassVar[Any] = [
        ("public_id", "company"),
        ("origin", "kind"),
        ("content_type", "bytes"),
        "filename",
        "sha256",
        "storage_name",
        ("created_at", "expires_at"),
    ]

    def exact(self, term: str) -> Q | None:
        pk = public_ids.decode("media", term)
        return None if pk is None else Q(pk=pk)

    @display(description="Size")
    def bytes(self, media: Media) -> str:
        return filesizeformat(media.size)


@admin.register(MediaOnGraph)
class MediaOnGraphAdmin(ExactSearchMixin, ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["media", "channel", "graph_id", "expires_at", "refusals"]
    list_select_related: ClassVar[Any] = ["media", "channel"]
    search_help_text = "media_…"

    def exact(self, term: str) -> Q | None:
        pk = public_ids.decode("media", term)
        return None if pk is None else Q(media_id=pk)
