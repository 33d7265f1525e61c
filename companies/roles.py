"""Who may do what in a company: four roles, each with all that the ones below it may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from companies.models import Company, Membership

Role = Membership.Role

# From the one who may least to the one who may all.
RANKS = (Role.VIEWER, Role.OPERATOR, Role.DEVELOPER, Role.OWNER)


class Need(Enum):
    """What a page or an action asks of a member."""

    READ = "read"  # look at anything that is not listed below
    SEND = "send"  # send, and what one sends with: contacts, conversations, templates
    INTEGRATE = "integrate"  # join programs and numbers: keys, webhooks, channels
    ADMINISTER = "administer"  # the company itself: team, billing, settings, audit log


# The one table of rights.
LOWEST = {
    Need.READ: Role.VIEWER,
    Need.SEND: Role.OPERATOR,
    Need.INTEGRATE: Role.DEVELOPER,
    Need.ADMINISTER: Role.OWNER,
}


def allows(role: str, need: Need) -> bool:
    return RANKS.index(Role(role)) >= RANKS.index(LOWEST[need])


def allowed_roles(need: Need) -> list[Role]:
    """The roles that fulfil a need, the lowest first."""
    return [role for role in RANKS if allows(role, need)]


@dataclass(frozen=True)
class Rule:
    """What a URL of the portal asks: `read` to look (GET), `change` for all else (POST).

    Nothing changes in a suspended company, save where `even_suspended` says that a POST changes
    nothing of the company's.
    """

    read: Need
    change: Need
    even_suspended: bool = False


def is_frozen(company: Company, need: Need) -> bool:
    """Whether the company's status forbids a change: a suspended one changes nothing, and one that
    is not active yet sends nothing.
    """
    if company.status == Company.Status.SUSPENDED:
        return True
    return company.status != Company.Status.ACTIVE and need is Need.SEND


@dataclass(frozen=True)
class May:
    """What a member may change now; pages ask it (`{% if may.send %}`) before they offer an action.

    What nobody may do, because the company is suspended, is not offered either.
    """

    membership: Membership

    def change(self, need: Need) -> bool:
        member = self.membership
        return allows(member.role, need) and not is_frozen(member.company, need)

    @property
    def send(self) -> bool:
        return self.change(Need.SEND)

    @property
    def integrate(self) -> bool:
        return self.change(Need.INTEGRATE)

    @property
    def administer(self) -> bool:
        return self.change(Need.ADMINISTER)
