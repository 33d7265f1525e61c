"""Staff screens of people: users, their memberships and rights."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from companies.models import Membership, User
from config.admin import ReadOnlyAdmin, StaffAdmin

admin.site.unregister(EmailAddress)
admin.site.unregister(Group)


class MembershipInline(TabularInline):  # type: ignore[misc]
    model = Membership
    extra = 0
    hide_title = True
    fields: ClassVar[Any] = ["user", "company", "role"]

    autocomplete_fields: ClassVar[Any] = ["user", "company"]


class TumaUserCreationForm(UserCreationForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields: ClassVar[Any] = ["email", "name"]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class TumaUserChangeForm(UserChangeForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields: ClassVar[Any] = "__all__"  # noqa: DJ007  # UserAdmin.fieldsets picks them

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class UserAdmin(BaseUserAdmin, StaffAdmin):  # type: ignore[misc, type-arg]
    form = TumaUserChangeForm
    add_form = TumaUserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields: ClassVar[Any] = ["email", "name"]
    ordering: ClassVar[Any] = ["-pk"]
    readonly_fields: ClassVar[Any] = ["last_login", "date_joined"]
    inlines: ClassVar[Any] = [MembershipInline]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": [("email", "name"), "password", "is_active"]}),
        ("Staff", {"fields": [("is_staff", "is_superuser"), "groups", "user_permissions"]}),
        ("Times", {"fields": [("last_login", "date_joined")]}),
    ]
    add_fieldsets: Any = (
        (None, {"fields": ["email", "name", "usable_password", "password1", "password2"]}),
    )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A changed address must not leave the old one good for signing in."""
        super().save_model(request, obj, form, change)
        if change:
            EmailAddress.objects.filter(user=obj).exclude(email__iexact=obj.email).delete()


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, StaffAdmin):  # type: ignore[misc]
    ordering: ClassVar[Any] = ["name"]


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    """Kept by the sign-in; a person's address is changed on the user."""

    list_display: ClassVar[Any] = ["email", "user", "primary", "verified"]
    list_select_related: ClassVar[Any] = ["user"]
    search_fields: ClassVar[Any] = ["email__iexact"]


@admin.register(Membership)
class MembershipAdmin(StaffAdmin):
    list_display: ClassVar[Any] = ["user", "company", "role", "created_at"]
    list_select_related: ClassVar[Any] = ["user", "company"]
    list_filter: ClassVar[Any] = ["role", ("company", AutocompleteSelectFilter)]
    search_fields: ClassVar[Any] = ["user__email__iexact"]
    autocomplete_fields: ClassVar[Any] = ["user", "company"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing hangs on a membership, and people leave."""
        return super(StaffAdmin, self).has_delete_permission(request, obj)  # type: ignore[no-any-return]
