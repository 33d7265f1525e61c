"""The only code that moves credit. Each movement changes the balance and adds a ledger row, in the
caller's transaction, so the balance is always the ledger's sum.
"""

from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from companies.models import Company, CreditEntry, User
from config import sql
from config.api import ApiError

# So many later movements are added up to know a balance of the past.
LOOKED_BACK = 20_000
_KINDS = CreditEntry.Kind
_COMPANY, _ENTRY = Company._meta.db_table, CreditEntry._meta.db_table


class InsufficientCredits(ApiError):
    code = "insufficient_credits"
    status = 403

    def __init__(self, *, needed: int, balance: int) -> None:
        super().__init__(f"{needed} credits are needed and {balance} are left.")
        self.needed = needed
        self.balance = balance


def charge(*, company_id: int, amount: int, batch_id: int) -> None:
    """Take credit for a batch; raises InsufficientCredits and changes nothing if it isn't there."""
    if amount == 0:
        return
    paid = sql.execute(
        f"""UPDATE {_COMPANY} SET credits = credits - %s
        WHERE id = %s AND credits - %s >= credit_floor""",
        [amount, company_id, amount],
    )
    if not paid:
        company = Company.objects.get(pk=company_id)
        raise InsufficientCredits(needed=amount, balance=company.credits - company.credit_floor)
    _enter(company_id, _KINDS.CHARGE, -amount, batch_id=batch_id)


def refund(*, company_id: int, amount: int, batch_id: int, note: str = "") -> None:
    """Give credit back for messages that finally failed or were never stored."""
    if amount <= 0:
        return
    Company.objects.filter(pk=company_id).update(credits=F("credits") + amount)
    _enter(company_id, _KINDS.REFUND, amount, batch_id=batch_id, note=note)


def take_back(*, company_id: int, amount: int, batch_id: int) -> None:
    """Undo a refund: the message was delivered after all. Never takes the balance below the floor."""
    if amount <= 0:
        return
    company = Company.objects.select_for_update(of=("self",)).get(pk=company_id)
    taken = min(amount, max(0, company.credits - company.credit_floor))
    note = "" if taken == amount else f"{amount - taken} more could not be taken: no credit left"
    Company.objects.filter(pk=company_id).update(
        credits=Greatest(F("credits") - taken, F("credit_floor"))
    )
    _enter(company_id, _KINDS.TAKEN_BACK, -taken, batch_id=batch_id, note=note)


def top_up(*, company: Company, amount: int, author: User | None = None, note: str = "") -> None:
    """Add credit that was paid for; a negative amount is an adjustment, down to the floor."""
    kind = _KINDS.TOP_UP if amount > 0 else _KINDS.ADJUSTMENT
    changed = Company.objects.filter(pk=company.pk, credits__gte=F("credit_floor") - amount).update(
        credits=F("credits") + amount
    )
    if not changed:
        raise InsufficientCredits(needed=-amount, balance=company.credits - company.credit_floor)
    _enter(company.pk, kind, amount, author=author, note=note)


def balance_after(entry: CreditEntry) -> int | None:
    """What was left right after a movement; None where too much has happened since to add it up."""
    [(balance, later)] = sql.fetch(
        f"""SELECT c.credits - COALESCE(sum(e.amount), 0), count(e.amount) FROM {_COMPANY} c
        LEFT JOIN (SELECT amount FROM {_ENTRY} WHERE company_id = %s AND id > %s
                   ORDER BY id DESC LIMIT %s) AS e ON true
        WHERE c.id = %s GROUP BY c.credits""",
        [entry.company_id, entry.pk, LOOKED_BACK + 1, entry.company_id],
    )
    return None if later > LOOKED_BACK else int(balance)


def _enter(
    company_id: int,
    kind: CreditEntry.Kind,
    amount: int,
    *,
    batch_id: int | None = None,
    author: User | None = None,
    note: str = "",
) -> None:
    sql.execute(
        f"""INSERT INTO {_ENTRY} (company_id, kind, amount, batch_id, author_id, note, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        [
            company_id,
            kind.value,
            amount,
            batch_id,
            author.pk if author else None,
            note[:200],
            sql.moment(timezone.now()),
        ],
    )
