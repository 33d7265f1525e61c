"""Socnet's one address: the check of a key, and sending."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from companies.keys import Caller
from config.api import Answer
from contacts import services as contacts
from messaging import idempotency
from messaging.dialects import SOCNET
from messaging.dialects.socnet import body_of
from messaging.dialects.views import NotFoundView, SendView
from messaging.services import SendRequest


class SocnetSend(SendView):
    dialect = SOCNET

    def at_once(self, request: HttpRequest, **url: Any) -> Answer | None:
        """Not here: whether a number is known not to be on WhatsApp comes first."""
        return None

    def post(self, request: HttpRequest, caller: Caller, **url: Any) -> Answer:
        data, _ = self.read_object(request)
        if data.keys() == {"api_key"}:
            return Answer(200, {"status": "valid"})
        return super().post(request, caller, **url)

    def accept(
        self,
        request: HttpRequest,
        caller: Caller,
        send: SendRequest,
        key: idempotency.Key | None,
    ) -> Answer:
        """That a number is known not to be on WhatsApp is no failure here, and costs nothing."""
        number, now = str(send.numbers[0]), timezone.now()
        if contacts.is_unreachable(number, company_id=caller.company_id, now=now):
            return Answer(200, {"status": "invalid"})
        return super().accept(request, caller, send, key)

    def read_object(self, request: HttpRequest) -> tuple[dict[str, Any], bytes]:
        return body_of(request)


class SocnetNotFound(NotFoundView):
    dialect = SOCNET
