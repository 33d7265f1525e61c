"""Staff screens of people: users, their memberships and rights."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from companies import audit
from companies.models import Invitation, Membership, Notice, User
from config.admin import ReadOnlyAdmin, StaffAdmin

admin.site.unregister(EmailAddress)
admin.site.unregister(Group)
admin.site.unregister(Authenticator)
admin.site.unregister(UserSession)


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


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Second steps of signing in. Staff delete one for a person who has lost phone and codes."""

    list_display: ClassVar[Any] = ["user", "type", "created_at", "last_used_at"]
    list_select_related: ClassVar[Any] = ["user"]
    search_fields: ClassVar[Any] = ["user__email__iexact"]
    exclude: ClassVar[Any] = ["data"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super(StaffAdmin, self).has_delete_permission(request, obj)  # type: ignore[no-any-return]

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """The recovery codes go with the app; the person's companies take note."""
        Authenticator.objects.filter(user=obj.user).delete()
        for membership in Membership.objects.filter(user=obj.user).select_related("company"):
            audit.record(
                "Tuma’s staff",
                company=membership.company,
                kind=audit.Kind.TWO_FACTOR_OFF,
                label=obj.user.email,
            )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        for authenticator in queryset.select_related("user"):
            self.delete_model(request, authenticator)


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["user", "ip", "user_agent", "created_at"]
    list_select_related: ClassVar[Any] = ["user"]
    search_fields: ClassVar[Any] = ["user__email__iexact"]


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


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = [
        "email",
        "company",
        "role",
        "sent_at",
        "accepted_at",
        "revoked_at",
    ]
    list_select_related: ClassVar[Any] = ["company"]
    search_fields: ClassVar[Any] = ["email__iexact"]
    exclude: ClassVar[Any] = ["token_hash"]


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display: ClassVar[Any] = ["title", "company", "level", "mail_due", "created_at"]
    list_select_related: ClassVar[Any] = ["company"]
    list_filter: ClassVar[Any] = [("company", AutocompleteSelectFilter)]
