"""People at their browsers."""

from collections.abc import Callable

import pytest
from django.test import Client

from companies.models import Channel, Company, User
from tests import factories


@pytest.fixture
def browser() -> Callable[[User], Client]:
    """A browser in which that user is signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def owner(acme: Company, channel: Channel, browser: Callable[[User], Client]) -> Client:
    return browser(factories.make_user("owner@acme.example", company=acme))


@pytest.fixture
def viewer(acme: Company, channel: Channel, browser: Callable[[User], Client]) -> Client:
    return browser(factories.make_user("viewer@acme.example", company=acme, role="viewer"))


@pytest.fixture
def stranger(rival: Company, browser: Callable[[User], Client]) -> Client:
    return browser(factories.make_user("owner@rival.example", company=rival))


@pytest.fixture
def staff_user(db: None) -> User:
    return User.objects.create_superuser("staff@tuma.example", "secret-pass-1")


@pytest.fixture
def staff(staff_user: User, browser: Callable[[User], Client]) -> Client:
    return browser(staff_user)
