"""What can be told to companies' endpoints: kinds of events, and news on its way to becoming one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from messaging.models import Status

OF_STATUS = {
    Status.SENT: "message.sent",
    Status.DELIVERED: "message.delivered",
    Status.READ: "message.read",
    Status.FAILED: "message.failed",
}
RECEIVED = "message.received"
TEMPLATE, CHANNEL = "template.updated", "channel.updated"
# What an endpoint may choose from.
EVENTS = (*OF_STATUS.values(), RECEIVED, TEMPLATE, CHANNEL)
TEST = "webhook.test"


class MessageNews(NamedTuple):
    """A message got somewhere, or failed. The rest of it is looked up if anybody wants to know."""

    message_id: int
    batch_id: int
    status: int
    at: datetime
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a company's endpoints may want to be told."""

    company_id: int
    kind: str
    at: datetime
    data: dict[str, Any]
    message_id: int | None = None


News = MessageNews | Event
