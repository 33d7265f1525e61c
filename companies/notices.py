"""Telling a company's people what they should know: on a page of theirs, and by mail.

A notice is stored with what it tells of, in one transaction. The mails go out from the worker, soon
after: a mail server that is away never fails the action, and what it missed stays due.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from companies.models import Company, Membership, Notice, User

log = structlog.get_logger("tuma.notices")

OWNERS_AND_DEVELOPERS = (Membership.Role.OWNER, Membership.Role.DEVELOPER)
# A mail about something so old would only puzzle.
MAILED_FOR = timedelta(days=2)
MAILS_AT_ONCE = 100
# The bell says 9+ beyond.
MAX_UNREAD = 10


def notify(
    company: Company,
    *,
    title: str,
    text: str,
    link: str = "",
    level: str = Notice.Level.INFO,
    roles: Iterable[str] = OWNERS_AND_DEVELOPERS,
) -> Notice:
    """Tell a company. All of its people see the notice; those of `roles` are mailed too.

    `link` is a path on this site; `text` is plain, its line breaks are kept.
    """
    if link and not link.startswith("/"):
        raise ValueError(f"{link!r} is not a path on this site")
    mail_to = list(roles)
    return Notice.objects.create(
        company=company,
        level=level,
        title=title[:200],
        text=text,
        link=link,
        mail_to=mail_to,
        mail_due=bool(mail_to),
    )


# --- Reading --------------------------------------------------------------------------


def unread(membership: Membership) -> int:
    """How many a person has not seen, of those since joining; at most MAX_UNREAD."""
    new = Notice.objects.filter(
        company=membership.company_id,
        pk__gt=membership.notices_seen,
        created_at__gte=membership.created_at,
    )
    return new.order_by("-pk")[:MAX_UNREAD].count()


def mark_seen(membership: Membership, *, up_to: int) -> None:
    """The person has seen the notices to this id; never moves back."""
    mine = Membership.objects.filter(pk=membership.pk, notices_seen__lt=up_to)
    mine.update(notices_seen=up_to)


# --- Mailing, in the worker -----------------------------------------------------------


def _due(*, now: datetime) -> QuerySet[Notice]:
    return Notice.objects.filter(mail_due=True, created_at__gt=now - MAILED_FOR).order_by("pk")


def is_mail_due(*, now: datetime) -> bool:
    return _due(now=now).exists()


def mail_due(*, now: datetime) -> None:
    """Mail what is due, the oldest first. Raises what the mail server's absence raises (OSError,
    SMTPException); then that notice and the rest stay due.
    """
    for notice in _due(now=now).select_related("company")[:MAILS_AT_ONCE]:
        mine = Notice.objects.filter(pk=notice.pk, mail_due=True)
        if not mine.update(mail_due=False):
            continue  # another worker has it
        try:
            _mail(notice)
        except Exception:
            Notice.objects.filter(pk=notice.pk).update(mail_due=True)
            raise


def _mail(notice: Notice) -> None:
    """One mail to each. Who can't be reached is logged, and keeps nobody from the others."""
    people = User.objects.filter(
        memberships__company=notice.company_id,
        memberships__role__in=notice.mail_to,
        is_active=True,
    )
    addresses = list(people.order_by("pk").values_list("email", flat=True))
    company = " ".join(notice.company.name.split())
    body = _body(notice, company)
    connection = get_connection()
    connection.open()
    refused = 0
    for address in addresses:
        mail = EmailMessage(f"{notice.title} ({company})", body, None, [address])
        mail.connection = connection
        try:
            mail.send()
        except Exception:
            refused += 1
            log.exception("notice_not_mailed", notice=notice.pk)
    connection.close()
    log.info("notice_mailed", notice=notice.pk, people=len(addresses), refused=refused)


def _body(notice: Notice, company: str) -> str:
    url = f"{settings.PUBLIC_URL.rstrip('/')}{notice.link or '/companies/notices'}"
    why = _("You get this because you look after %(company)s at Tuma.") % {"company": company}
    return f"{notice.text}\n\n    {url}\n\n{why}\n"


def mail_person(address: str, *, subject: str, text: str) -> None:
    """Mail one person after the transaction, about what concerns nobody else; failing is logged."""
    mail = EmailMessage(subject, text, None, [address])
    transaction.on_commit(mail.send, robust=True)


# --- Low balance ----------------------------------------------------------------------


def tell_low_balances() -> None:
    """One notice for each company whose credit fell below its mark; again only after it was above."""
    is_low = Q(credits__lt=F("low_balance_at"))
    is_fine = Q(credits__gte=F("low_balance_at")) | Q(low_balance_at=None)
    changed = Q(is_low, low_balance_told=False) | Q(is_fine, low_balance_told=True)
    for company in Company.objects.filter(changed).order_by("pk"):
        _tell_low_balance(company)


@transaction.atomic
def _tell_low_balance(company: Company) -> None:
    mine = Company.objects.filter(pk=company.pk, low_balance_told=company.low_balance_told)
    if not mine.update(low_balance_told=not company.low_balance_told) or company.low_balance_told:
        return
    notify(
        company,
        level=Notice.Level.WARNING,
        title=_("Your credit is running low"),
        text=_(
            "%(credits)s credits are left, fewer than the %(mark)s at which you wanted to be told. "
            "Without credit nothing is sent; Tuma’s staff top it up."
        )
        % {"credits": f"{company.credits:,}", "mark": f"{company.low_balance_at:,}"},
        link="/",
    )
