"""Who may do what among the staff: three roles, kept as Django's groups; a superuser may all.

The table is the rule. It is written into the groups after each migration, so a change by hand does not
last: for an exception, staff make a group of another name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission

OURS = ("companies", "contacts", "templates_app", "messaging")

OPERATIONS, REVIEWER, SUPPORT = "Operations", "Reviewer", "Support"

# Beside looking at everything, which each of them may.
MAY: dict[str, tuple[str, ...]] = {
    # Runs the service: companies, channels, money, and what the machinery needs.
    OPERATIONS: (
        "companies.add_channel",
        "companies.add_company",
        "companies.add_creditentry",
        "companies.add_invitation",
        "companies.change_apikey",
        "companies.change_channel",
        "companies.change_company",
        "companies.decide_channel",
        "companies.decide_company",
        "companies.impersonate_member",
        "companies.pause_channel",
        "companies.pause_company",
        "messaging.change_webhookendpoint",
        "messaging.change_webhookevent",
    ),
    # Works off the queues.
    REVIEWER: (
        "companies.decide_channel",
        "companies.decide_company",
        "templates_app.change_template",
        "templates_app.decide_template",
    ),
    # Looks things up for those who ask.
    SUPPORT: (),
}


def write_groups(**_: Any) -> None:
    """Make the groups as the table says; for the signal after the last app's migrations."""
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.filter(
            content_type__app_label__in=OURS
        ).select_related("content_type")
    }
    views = [name for name in known if name.partition(".")[2].startswith("view_")]
    for role, more in MAY.items():
        group, _is_new = Group.objects.get_or_create(name=role)
        _set(group, [known[name] for name in (*views, *more) if name in known])


def _set(group: Group, permissions: Iterable[Permission]) -> None:
    if set(group.permissions.values_list("pk", flat=True)) != {each.pk for each in permissions}:
        group.permissions.set(permissions)
