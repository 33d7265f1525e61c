"""Staff work in the portal as one of a company's people, to see what they see.

django-hijack swaps the session's user; here is who may, and what is written about it. The company reads
of it in its audit log, at the start, at the end, and at every line between. A person's own account
(password, address, second step) is out of reach meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from hijack import signals
from hijack.views import AcquireUserView, ReleaseUserView

from companies import audit, decisions
from companies.models import Membership, User
from companies.views import work_in

PERMISSION = "companies.impersonate_member"
_acquire = AcquireUserView.as_view()
stop = ReleaseUserView.as_view(success_url="/admin/")


def may(*, hijacker: User, hijacked: User) -> bool:
    """Whether one may work as another: with the permission, and only as people of companies."""
    return bool(
        hijacker.is_active
        and hijacker.is_staff
        and hijacker.has_perm(PERMISSION)
        and hijacked.is_active
        and not hijacked.is_staff
        and not hijacked.is_superuser
        and hijacked.memberships.exists()
    )


def start(request: HttpRequest, membership: Membership, *, reason: str) -> HttpResponse:
    """Swap the user of a POST's session; a redirect to the portal. PermissionDenied as `may` says."""
    author, company = request.user, membership.company
    assert isinstance(author, User)  # noqa: S101 - the admin lets no one else in
    form: Any = request.POST.copy()
    form["user_pk"] = str(membership.user_id)
    request.POST = form
    response: HttpResponse = _acquire(request)
    if request.user.pk != membership.user_id:
        return response
    work_in(request, company)
    for each in Membership.objects.filter(user=membership.user_id).select_related("company"):
        audit.record(
            request,
            company=each.company,
            kind=audit.Kind.IMPERSONATION_STARTED,
            label=membership.user.email,
            detail={"reason": reason} if each.pk == membership.pk else {},
        )
    decisions.record(
        company,
        company,
        "entered as a member",
        reason=f"{membership.user.email}: {reason}",
        author=author,
        now=timezone.now(),
    )
    return response


@receiver(signals.hijack_ended)
def ended(request: HttpRequest, hijacked: User, **_rest: Any) -> None:
    for membership in Membership.objects.filter(user=hijacked).select_related("company"):
        audit.record(
            audit.STAFF,
            company=membership.company,
            kind=audit.Kind.IMPERSONATION_ENDED,
            label=hijacked.email,
        )


class OwnAccountMiddleware:
    """While staff work as somebody, that person's own account stays closed to them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.path.startswith("/accounts/")
            and request.path != "/accounts/logout/"
            and request.session.get(audit.IMPERSONATION)
        ):
            messages.error(request, _("This is the person’s own account: staff stay out of it."))
            return redirect("home")
        return self.get_response(request)
