"""What other applications keep of people. They know of contacts; contacts know nothing of them.

Each says how to tell that it refers to a contact, and forgets a person when asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contacts.models import Contact


class StillBusy(Exception):  # noqa: N818 - an answer to a person; its text says why
    """The person can't be forgotten yet."""


@dataclass(frozen=True, kw_only=True)
class Keeper:
    # Whether any row refers to the contact `c`: a condition in SQL.
    refers: str
    # Takes away all that tells who these contacts (one person's) are; may raise StillBusy. Runs in
    # the transaction of the erasure.
    forget: Callable[[Sequence[Contact]], None]


_keepers: list[Keeper] = []


def register(keeper: Keeper) -> None:
    """To be called when an application is ready."""
    if keeper not in _keepers:
        _keepers.append(keeper)


def all_keepers() -> list[Keeper]:
    return list(_keepers)
