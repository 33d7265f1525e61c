"""Every URL of the server stands under a rule: a portal view's own, or a line of the list below.

A new URL without either fails here, and so does one whose path names something that nobody here knows
how to make.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from companies.models import Company, Membership, User
from companies.roles import RANKS, Rule, allows
from config.middleware import _MACHINES
from contacts import tagging
from contacts.finding import Filter
from messaging.models import Media, WebhookDelivery
from tests import factories

pytestmark = pytest.mark.django_db

# Who is let in where no rule of the portal says so. Patterns of whole routes, each with its guard.
OPEN = {
    # The start page: the portal's dashboard (a view with a rule) for members, words for the others.
    r"": "anybody",
    r"favicon\.ico": "anybody",
    # What whoever writes a client reads.
    r"api/(schema|docs|postman\.json)/?|docs/webhooks|moving(/<slug:vendor>)?": "anybody",
    # Chooses the language of the pages: a cookie of one's own.
    r"language": "anybody",
    # Whoever has the link of the mail.
    r"invitations/<str:token>|apply/<str:token>": "the token",
    r"apply": "anybody",
    # Signing in and one's own account: allauth asks for what each needs.
    r"accounts/.*": "allauth",
    # Staff: AdminSite and its permissions; the pages beside it are wrapped in admin_view.
    r"admin(/.*)?": "staff",
}


def _urls(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _urls(pattern, route)
        else:
            yield route, pattern


URLS = list(_urls(get_resolver()))
RULED: dict[str, Rule] = {
    route: pattern.callback.rule for route, pattern in URLS if hasattr(pattern.callback, "rule")
}


def _is_machines(route: str) -> bool:
    """Whether the route is led past sessions, to a view that asks for a key or a signature."""
    beginning = "/" + re.match(r"\^?([\w/.-]*)", route)[1]
    return any(_MACHINES.match(path) for path in (beginning, f"{beginning}/"))


@pytest.mark.parametrize("route", [route for route, _ in URLS if route not in RULED])
def test_a_url_without_a_rule_is_a_machines_or_on_the_list(route: str):
    assert _is_machines(route) or any(re.fullmatch(pattern, route) for pattern in OPEN)


def test_no_page_is_led_past_its_session():
    assert not [route for route in RULED if _is_machines(route)]


# --- How to make what a URL names ------------------------------------------------------


def _key(company: Company) -> dict[str, str]:
    return {"public_id": factories.key_row(factories.make_key(company)).public_id}


def _message(company: Company) -> dict[str, str]:
    return {"public_id": factories.make_message(company.channels.get()).public_id}


def _batch(company: Company) -> dict[str, str]:
    return {"public_id": factories.make_batch(company.channels.get()).public_id}


def _inbound_media(company: Company) -> dict[str, str]:
    file = factories.make_media(company, origin=Media.Origin.INBOUND)
    return {"public_id": file.public_id}


def _endpoint(company: Company) -> dict[str, str]:
    return {"public_id": factories.make_endpoint(company).public_id}


def _event(company: Company) -> dict[str, str]:
    endpoint, now = factories.make_endpoint(company), timezone.now()
    event = WebhookDelivery.objects.create(
        endpoint=endpoint,
        sequence=1,
        event="webhook.test",
        occurred_at=now,
        created_at=now,
        due_at=now,
        data="{}",
    )
    return {"public_id": endpoint.public_id, "event_id": event.public_id}


def _member(company: Company) -> dict[str, str]:
    user = factories.make_user(company=company, role="viewer")
    return {"pk": str(user.memberships.get().pk)}


def _invitation(company: Company) -> dict[str, str]:
    return {"pk": str(factories.make_invitation(company).pk)}


def _channel(company: Company) -> dict[str, str]:
    return {"pk": str(company.channels.get().pk)}


def _contact(company: Company) -> dict[str, str]:
    return {"public_id": factories.make_contact(company).public_id}


def _import(company: Company) -> dict[str, str]:
    return {"public_id": factories.make_import(company).public_id}


def _tagging(company: Company) -> dict[str, str]:
    tag, user = factories.make_tag(company), factories.make_user(company=company)
    job = tagging.start(company=company, tag=tag, action="add", wanted=Filter(), by=user)
    return {"public_id": job.public_id}


def _tag(company: Company) -> dict[str, str]:
    return {"pk": str(factories.make_tag(company).pk)}


def _template(company: Company) -> dict[str, str]:
    return {"pk": str(factories.make_template(company).pk)}


# By the route's beginning up to its last parameter: what to put for the parameters.
MAKERS: dict[str, Callable[[Company], dict[str, str]]] = {
    "companies/keys/<str:public_id>": _key,
    "companies/team/<int:pk>": _member,
    "companies/team/invitations/<int:pk>": _invitation,
    "contacts/<str:public_id>": _contact,
    "contacts/imports/<str:public_id>": _import,
    "contacts/taggings/<str:public_id>": _tagging,
    "tags/<int:pk>": _tag,
    "batches/<str:public_id>": _batch,
    "messages/<str:public_id>": _message,
    "channels/<int:pk>": _channel,
    "templates/<int:pk>": _template,
    "conversations/<str:public_id>": _contact,
    "inbound-media/<str:public_id>": _inbound_media,
    "webhooks/<str:public_id>": _endpoint,
    "webhooks/<str:public_id>/events/<str:event_id>": _event,
}
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
WITH_OBJECT = [route for route in RULED if "<" in route]


def _address(route: str, company: Company) -> str:
    """A path of that route which names a thing of the company's."""
    if "<" not in route:
        return f"/{route}"
    start = route[: route.rindex(">") + 1]
    assert start in MAKERS, f"say in MAKERS how to make what {start} names"
    made = MAKERS[start](company)
    return "/" + _PARAMETER.sub(lambda match: made[match[1]], route)


def _ask(client: Client, method: str, address: str) -> Any:
    """With nothing filled in: enough to be refused or not."""
    return client.get(address) if method == "GET" else client.post(address)


def _is_refused(response: Any) -> bool:
    """Whether the answer is the page of company_page's own refusals."""
    return any(template.name == "companies/refused.html" for template in response.templates)


def _need(route: str, method: str) -> Any:
    return RULED[route].read if method == "GET" else RULED[route].change


EACH = pytest.mark.parametrize("route", RULED)
BOTH = pytest.mark.parametrize("method", ["GET", "POST"])


@pytest.fixture
def as_role(acme: Company, channel: Any, browser: Callable[[User], Client]) -> Any:
    return lambda role: browser(factories.make_user(company=acme, role=role))


# --- The refusals ----------------------------------------------------------------------


@EACH
def test_every_page_answers_one_method_at_least(route: str, as_role: Any, acme: Company):
    owner, address = as_role("owner"), _address(route, acme)

    assert {_ask(owner, method, address).status_code for method in ("GET", "POST")} != {405}


@BOTH
@EACH
def test_whoever_is_not_signed_in_is_asked_to(
    client: Client, acme: Company, channel: Any, route: str, method: str
):
    address = _address(route, acme)

    response = _ask(client, method, address)

    assert response.status_code in (302, 405)
    if response.status_code == 302:
        assert response["Location"].startswith("/accounts/login/?next=")


@EACH
def test_a_part_of_a_page_has_it_reloaded_when_the_session_has_ended(
    client: Client, acme: Company, channel: Any, route: str
):
    response = client.get(_address(route, acme), headers={"HX-Request": "true"})

    assert response.status_code == 405 or response["HX-Refresh"] == "true"


@BOTH
@pytest.mark.parametrize("route", WITH_OBJECT)
def test_another_companys_thing_is_not_found(
    stranger: Client, acme: Company, channel: Any, route: str, method: str
):
    response = _ask(stranger, method, _address(route, acme))

    assert response.status_code in (404, 405)


@BOTH
@EACH
def test_a_lower_role_is_told_which_may_and_a_higher_one_is_let_in(
    as_role: Any, acme: Company, route: str, method: str
):
    for role in RANKS:
        response = _ask(as_role(role), method, _address(route, acme))

        if response.status_code == 405:
            continue
        if allows(role, _need(route, method)):
            assert response.status_code < 500, role
            assert not _is_refused(response), role
        else:
            assert response.status_code == 403, role
            assert _is_refused(response), role


@BOTH
@EACH
def test_a_suspended_company_is_looked_at_and_not_changed(
    as_role: Any, acme: Company, route: str, method: str
):
    owner, address = as_role("owner"), _address(route, acme)
    Company.objects.filter(pk=acme.pk).update(status=Company.Status.SUSPENDED)

    response = _ask(owner, method, address)

    if method == "POST" and not RULED[route].even_suspended:
        assert response.status_code == 405 or _is_refused(response)
    else:
        assert response.status_code < 500
        assert not _is_refused(response)


def test_a_company_that_is_not_active_yet_can_send_nothing(as_role: Any, acme: Company):
    owner = as_role("owner")
    Company.objects.filter(pk=acme.pk).update(status=Company.Status.APPLIED)

    for route, rule in RULED.items():
        if rule.change.name == "SEND":
            assert _ask(owner, "POST", _address(route, acme)).status_code in (403, 405), route


def test_somebody_who_left_the_company_is_let_in_no_more(as_role: Any, acme: Company):
    owner = as_role("owner")
    assert owner.get("/companies").status_code == 200

    Membership.objects.filter(company=acme).delete()

    for route in RULED:
        response = owner.get(_address(route, acme))
        assert response.status_code == 405 or response["Location"] == "/", route
