"""Autokonnect's resources: sending, and our addition, the batch that a send made."""

from typing import Any, ClassVar

from django.http import HttpRequest

from companies import audit
from companies.audit import Kind
from companies.keys import Caller
from companies.models import ApiKey, Scope
from config import public_ids
from config.api import Answer, ApiError
from messaging import batch_control, reports
from messaging.dialects import AUTOKONNECT
from messaging.dialects.views import DialectView, NotFoundView, SendView
from messaging.models import Batch


class AutokonnectSend(SendView):
    dialect = AUTOKONNECT

    def resolve(self, caller: Caller, **url: Any) -> dict[str, Any]:
        return {"channel": AUTOKONNECT.channel(url["channel_id"], caller)}


class BatchView(DialectView):
    dialect = AUTOKONNECT

    def get(self, request: HttpRequest, caller: Caller, *, batch_id: str) -> Answer:
        return Answer(200, reports.batch(find_batch(batch_id, caller.company_id)))


class BatchMessagesView(DialectView):
    """The batch's messages, oldest first, in pages of up to 1,000."""

    dialect = AUTOKONNECT

    def get(self, request: HttpRequest, caller: Caller, *, batch_id: str) -> Answer:
        batch = find_batch(batch_id, caller.company_id)
        return Answer(200, reports.messages(batch, **page_of(request)))


class BatchUnusedView(DialectView):
    """The batch's inputs that were not used, in pages of up to 1,000."""

    dialect = AUTOKONNECT

    def get(self, request: HttpRequest, caller: Caller, *, batch_id: str) -> Answer:
        batch = find_batch(batch_id, caller.company_id)
        return Answer(200, reports.unused(batch, **page_of(request)))


class BatchChangeView(DialectView):
    """POST without a body; the answer is the batch as it is then."""

    dialect = AUTOKONNECT
    scopes: ClassVar = {**DialectView.scopes, "post": Scope.SEND}
    kind: ClassVar[Kind]

    def change(self, batch: Batch, by: str) -> Batch:
        raise NotImplementedError

    def post(self, request: HttpRequest, caller: Caller, *, batch_id: str) -> Answer:
        batch = find_batch(batch_id, caller.company_id)
        assert caller.key_id is not None  # noqa: S101 - a program calls, with its key
        by = f"API key {ApiKey.objects.get(pk=caller.key_id)}"
        changed = self.change(batch, by)
        audit.record(by, company=batch.company, kind=self.kind, label=batch.public_id)
        return Answer(200, reports.batch(changed))


class BatchPauseView(BatchChangeView):
    kind = Kind.BATCH_PAUSED

    def change(self, batch: Batch, by: str) -> Batch:
        return batch_control.pause(batch.pk)


class BatchResumeView(BatchChangeView):
    kind = Kind.BATCH_RESUMED

    def change(self, batch: Batch, by: str) -> Batch:
        return batch_control.resume(batch.pk)


class BatchCancelView(BatchChangeView):
    kind = Kind.BATCH_CANCELLED

    def change(self, batch: Batch, by: str) -> Batch:
        return batch_control.cancel(batch.pk, by=by)


class ApiNotFound(NotFoundView):
    dialect = AUTOKONNECT


def find_batch(batch_id: str, company_id: int) -> Batch:
    pk = public_ids.decode("batch", batch_id)
    batch = Batch.objects.filter(pk=pk, company_id=company_id).first() if pk else None
    if batch is None:
        raise ApiError("There is no such batch", code="batch_not_found", status=404)
    return batch


def page_of(request: HttpRequest) -> dict[str, int]:
    """`?limit=` (1 to 1,000, default 100) and `?after=` (the `next` of the page before)."""
    numbers = {}
    for name, default, most in (("limit", 100, 1000), ("after", 0, 1 << 62)):
        text = request.GET.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) <= most):
            raise ApiError(f"{name} must be a number up to {most}", code=f"invalid_{name}")
        numbers[name] = int(text)
    if not numbers["limit"]:
        raise ApiError("limit must be at least 1", code="invalid_limit")
    return numbers
