"""Graph's errors: the table of codes, and the JSON in which each family of them is told.

Validators and handlers raise Refused; the pure checkers turn it into a returned GraphError.
"""

import json
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Final

HELP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """One row of codes.json."""

    code: int
    title: str
    status: int
    arrives: str  # sync | async | both
    subcode: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphError:
    """What Graph answers instead of a result. Messaging errors have details, others do not."""

    code: int
    message: str
    status: int = 400
    details: str | None = None
    subcode: int | None = None
    kind: str = "OAuthException"
    transient: bool | None = None
    user_title: str | None = None
    user_message: str | None = None

    def body(self, trace: str) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.kind, "code": self.code}
        if self.details is not None:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        optional = {
            "error_subcode": self.subcode,
            "is_transient": self.transient,
            "error_user_title": self.user_title,
            "error_user_msg": self.user_message,
        }
        error.update({key: value for key, value in optional.items() if value is not None})
        error["fbtrace_id"] = trace
        return {"error": error}


class Refused(Exception):
    """Carries a GraphError from where it is found to where it is answered."""

    def __init__(self, error: GraphError) -> None:
        super().__init__(error.message)
        self.error = error


def _load() -> dict[tuple[int, int | None], Code]:
    text = resources.files(__package__).joinpath("codes.json").read_text(encoding="utf-8")
    rows = [Code(**row) for row in json.loads(text)]
    return {(row.code, row.subcode): row for row in rows}


CODES: Final = _load()

# Where the wire does not say "(#code) title".
_PHRASES: Final = {
    (0, None): "We could not authenticate the app user.",
    (1, None): "An unknown error occurred",
    (2, None): "Service temporarily unavailable",
    (4, None): "(#4) Application request limit reached",
    (17, None): "(#17) User request limit reached",
    (104, None): "An access token is required to request this resource.",
    (190, None): "Error validating access token: The session is invalid because the user "
    "logged out.",
    (190, 460): "Error validating access token: The session has been invalidated because the user "
    "changed their password or Facebook has changed the session for security reasons.",
    (190, 463): "Error validating access token: Session has expired.",
    (80007, None): "(#80007) There have been too many calls to this WhatsApp Business account. "
    "Wait a bit and try again.",
}

_DETAILS: Final = {
    130429: "Cloud API message throughput has been reached.",
    130472: "Failed to send message because this user's phone number is part of an experiment",
    131026: "Message Undeliverable.",
    131030: "Recipient phone number not in allowed list: Add recipient phone number to recipient "
    "list and try again.",
    131031: "Business Account has been locked.",
    131042: "Message failed to send because there were one or more errors related to your payment "
    "method.",
    131047: "Message failed to send because more than 24 hours have passed since the customer last "
    "replied to this number.",
    131048: "Message failed to send because there are restrictions on how many messages can be "
    "sent from this phone number.",
    131049: "In order to maintain a healthy ecosystem engagement, the message failed to be "
    "delivered.",
    131056: "Message failed to send because there were too many messages sent from this phone "
    "number to the same phone number in a short period of time.",
    133010: "The phone number is not registered on the WhatsApp Business Platform.",
}


def known(code: int, subcode: int | None = None) -> Code | None:
    return CODES.get((code, subcode)) or CODES.get((code, None))


def of(code: int, details: str | None = None, *, subcode: int | None = None) -> GraphError:
    """The error of a code as the messaging API would answer it."""
    row = known(code, subcode) or Code(code=code, title="Unknown error", status=400, arrives="sync")
    message = _PHRASES.get((code, subcode), _PHRASES.get((code, None)))
    has_details = code >= 100000 or details is not None
    return GraphError(
        code=code,
        subcode=subcode,
        status=row.status,
        message=message or f"(#{code}) {row.title}",
        details=details or (_DETAILS.get(code, row.title) if has_details else None),
        transient=True if code in (1, 2) else None,
    )


def refuse(code: int, details: str) -> Refused:
    return Refused(of(code, details))


def param(sentence: str) -> Refused:
    """Code 100 about one parameter of a request."""
    return Refused(GraphError(code=100, message=f"(#100) {sentence}"))


def missing(name: str) -> Refused:
    return param(f"The parameter {name} is required.")


def unknown_object(node: str, method: str) -> Refused:
    return Refused(
        GraphError(
            code=100,
            subcode=33,
            kind="GraphMethodException",
            message=f"Unsupported {method.lower()} request. Object with ID '{node}' does not "
            "exist, cannot be loaded due to missing permissions, or does not support this operation. "
            "Please read the Graph API documentation at "
            "https://developers.facebook.com/docs/graph-api",
        )
    )


def unknown_path(path: str) -> Refused:
    return Refused(GraphError(code=2500, message=f"Unknown path components: {path}"))


def bad_token(message: str, *, subcode: int | None = None) -> Refused:
    return Refused(GraphError(code=190, status=401, message=message, subcode=subcode))


def management(subcode: int | None, title: str | None, sentence: str) -> Refused:
    """The envelope of template management: code 100, a subcode and two sentences for people."""
    return Refused(
        GraphError(
            code=100,
            subcode=subcode,
            message="Invalid parameter",
            transient=False,
            user_title=title,
            user_message=sentence,
        )
    )


def in_webhook(code: int, details: str | None = None) -> dict[str, Any]:
    """The same error as an element of statuses[].errors."""
    row = known(code)
    title = row.title if row else "Unknown error"
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details or _DETAILS.get(code, title)},
        "href": HELP,
    }


def with_status(error: GraphError, status: int) -> GraphError:
    """The error under another HTTP status (0: its own): Meta's documents and servers differ."""
    return replace(error, status=status) if status else error
