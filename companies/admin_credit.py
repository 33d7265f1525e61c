"""Staff screens of credit: the ledger, and the dialogs in which a company's is topped up or adjusted."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from companies import audit, credits, limits
from companies.limits import Window
from companies.models import Company, CreditEntry, User
from config.admin import Dialog, ExactSearchMixin, ReadOnlyAdmin, as_id

MOST = 1_000_000_000
ONCE_SECONDS = 86_400


def _once() -> str:
    return secrets.token_hex(8)


class _CreditDialog(Dialog):
    """One movement of credit. A form that is sent twice (a double click, a reload) counts once."""

    note = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What it is for: a receipt, an invoice. The company reads it.",
    )
    once = forms.CharField(max_length=32, initial=_once, widget=forms.HiddenInput)

    def is_first(self) -> bool:
        """Whether this very form has not been used before; asking uses it."""
        window = Window(f"credit:{self.cleaned_data['once']}", limit=1, seconds=ONCE_SECONDS)
        return limits.hit(window).allowed


class TopUpForm(_CreditDialog):
    field_order: ClassVar[Any] = ["amount", "note"]

    amount = forms.IntegerField(
        label="Credits to add",
        min_value=1,
        max_value=MOST,
        widget=UnfoldAdminIntegerFieldWidget(),
    )


class AdjustForm(_CreditDialog):
    field_order: ClassVar[Any] = ["amount", "note"]

    amount = forms.IntegerField(
        label="Credits",
        min_value=-MOST,
        max_value=MOST,
        help_text="Negative takes credit away, down to the company's floor.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount == 0:
            raise forms.ValidationError("Give an amount.")
        return amount


def move(*, company: Company, amount: int, note: str, author: User) -> None:
    """Add or take credit; the company's owners read of it. Raises InsufficientCredits."""
    with transaction.atomic():
        credits.top_up(company=company, amount=amount, author=author, note=note)
        kind = audit.Kind.CREDIT_ADDED if amount > 0 else audit.Kind.CREDIT_ADJUSTED
        detail = {"credits": amount, "note": note}
        audit.record(audit.STAFF, company=company, kind=kind, label=company.name, detail=detail)


class CreditEntryForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = CreditEntry
        fields: ClassVar[Any] = ["company", "amount", "note"]
        help_texts: ClassVar[Any] = {"amount": "A top-up; negative takes credit away."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "note" in self.fields:
            self.fields["note"].required = True

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount == 0 or abs(amount) > MOST:
            raise forms.ValidationError(f"Give an amount of at most {MOST:,}.")
        return amount


@admin.register(CreditEntry)
class CreditEntryAdmin(ExactSearchMixin, ReadOnlyAdmin):
    """The ledger: entries are added (a top-up, an adjustment), never changed."""

    form = CreditEntryForm
    list_display: ClassVar[Any] = [
        "id",
        "company",
        "kind",
        "amount",
        "note",
        "author",
        "created_at",
    ]
    list_display_links: ClassVar[Any] = ["id"]
    list_select_related: ClassVar[Any] = ["company", "author"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]
    search_help_text = "An entry's id."
    autocomplete_fields: ClassVar[Any] = ["company"]
    add_fieldsets: ClassVar[Any] = [(None, {"fields": ["company", "amount", "note"]})]
    fields: ClassVar[Any] = [
        "company",
        ("kind", "amount"),
        "note",
        ("batch_id", "author"),
        "created_at",
    ]

    def exact(self, term: str) -> Q | None:
        pk = as_id(term)
        return None if pk is None else Q(pk=pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("companies.add_creditentry")

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().add_view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except credits.InsufficientCredits as error:
            messages.error(request, f"Nothing was changed: {error}")
            return HttpResponseRedirect(reverse("admin:companies_creditentry_add"))

    def save_model(self, request: HttpRequest, obj: CreditEntry, form: Any, change: bool) -> None:
        """Only the ledger's own code writes entries: it moves the balance with them."""
        author = request.user
        move(company=obj.company, amount=obj.amount, note=obj.note, author=author)  # type: ignore[arg-type]
        written = CreditEntry.objects.filter(company=obj.company, author_id=author.pk)
        obj.pk = written.latest("pk").pk
