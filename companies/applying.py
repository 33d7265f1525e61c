"""How a company comes in: it applies, proves its address, and waits for the staff's decision.

Until the address is proven nothing is stored: what was filled in travels in the link of the mail,
signed. An application gives no rights, so whoever can read mail may make one.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core import signing
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from companies import audit, limits
from companies.models import Company, Membership, User
from companies.team import new_account

log = structlog.get_logger("tuma.applying")

GOOD_FOR = timedelta(days=3)
MAILS_AN_HOUR = 5
_SALT = "companies.application"


class NotPossible(Exception):
    """Why an application can't be taken, in words for the person who tried."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """What a company says of itself."""

    company: str
    country: str
    time_zone: str
    email: str


def ask_to_confirm(application: Application, *, caller: str) -> None:
    """Mail the link that makes it an application. `caller` is the address of the browser.

    Raises NotPossible after too many, and where the mail can't be sent. Who has an account already
    gets the same mail, so that nobody learns here who has one.
    """
    for whom in (application.email, caller):
        digest = hashlib.sha256(whom.encode()).hexdigest()[:32]
        window = limits.Window(key=f"apply:{digest}", limit=MAILS_AN_HOUR, seconds=3600)
        if not limits.hit(window).allowed:
            raise NotPossible(_("Too many applications within an hour; try again later."))
    token = signing.dumps(asdict(application), salt=_SALT, compress=True)
    url = f"{settings.PUBLIC_URL.rstrip('/')}{reverse('application', args=[token])}"
    company = " ".join(application.company.split())
    text = _(
        "Somebody, you we hope, wants to use Tuma for %(company)s.\n\n"
        "Confirm that this address is yours, within three days:\n\n    %(url)s\n\n"
        "If it wasn’t you, do nothing: then there is no application.\n"
    ) % {"company": company, "url": url}
    try:
        send_mail(
            _("Your application for %(company)s") % {"company": company},
            text,
            None,
            [application.email],
        )
    except (OSError, SMTPException) as error:
        log.warning("application_not_mailed", error=str(error))
        raise NotPossible(_("The mail could not be sent; try again later.")) from error


def read(token: str) -> Application | None:
    """What a link stands for; None for one that is too old or not ours."""
    try:
        return Application(**signing.loads(token, salt=_SALT, max_age=GOOD_FOR))
    except signing.BadSignature:
        return None


@transaction.atomic
def apply(application: Application, *, user: User) -> Company:
    """Make the company, with the person as its owner; clicked twice, it is the one of the first time."""
    User.objects.select_for_update().get(pk=user.pk)
    known = Company.objects.filter(memberships__user=user, name=application.company).first()
    if known:
        return known
    company = Company.objects.create(
        name=application.company,
        country=application.country,
        time_zone=application.time_zone,
        status=Company.Status.APPLIED,
    )
    Membership.objects.create(user=user, company=company, role=Membership.Role.OWNER)
    audit.record(user, company=company, kind=audit.Kind.COMPANY_APPLIED, label=company.name)
    return company


@transaction.atomic
def apply_with_new_account(application: Application, *, name: str, password: str) -> User:
    """Make the account too; the link in the mail has proven the address."""
    try:
        user = new_account(application.email, name=name, password=password)
    except IntegrityError:
        raise NotPossible(_("This address has an account by now; sign in to go on.")) from None
    apply(application, user=user)
    return user
