"""What a dialect is: a translator between one vendor's HTTP and our SendRequest. It never sends,
never decides, and reads the database only through the core's own lookups.

To add one: a subclass in its own file, its paths in messaging/urls.py, its recorded examples in
tests/dialects/.
"""

from typing import Any, ClassVar

from django.http import HttpRequest

from companies.keys import Caller
from config.api import Answer, ApiError
from messaging.models import Batch
from messaging.services import SendRequest


class Unauthenticated(ApiError):
    """No key, or none that we know: the dialect says which, in its vendor's words."""

    code = "invalid_api_key"
    status = 401


class Dialect:
    """One vendor's contract."""

    slug: ClassVar[str]
    # Separate counters: a dialect with its own documented limit doesn't use up another's.
    rate_scope: ClassVar[str] = "api"

    def key(self, request: HttpRequest) -> str:
        """The whole API key that the request carries; raises Unauthenticated where there is none."""
        raise NotImplementedError

    def send_request(
        self, data: dict[str, Any], *, caller: Caller, url: dict[str, Any]
    ) -> SendRequest:
        """The vendor's JSON as a SendRequest; raises ApiError for what is wrong with it."""
        raise NotImplementedError

    def accepted(self, batch: Batch) -> Answer:
        """The vendor's answer to a send that was accepted."""
        raise NotImplementedError

    def error(self, error: ApiError) -> Answer:
        """An error in the vendor's shape, words and status."""
        raise NotImplementedError


def bearer_token(request: HttpRequest) -> str:
    """The token of an `Authorization: Bearer …` header; "" for anything else."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token and " " not in token else ""
