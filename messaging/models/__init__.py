"""The models of messaging, by job; what the states mean stands in states.py."""

from messaging.models.receiving import InboundMessage, WebhookEvent
from messaging.models.sending import (
    Batch,
    ChannelState,
    IdempotencyRecord,
    Message,
    StatusEvent,
    StatusProof,
    UnusedInput,
)
from messaging.models.states import COUNTED, Lane, Status, StatusCounts
from messaging.models.usage import DailyFailure, DailyUsage, Metric

__all__ = [
    "COUNTED",
    "Batch",
    "ChannelState",
    "DailyFailure",
    "DailyUsage",
    "IdempotencyRecord",
    "InboundMessage",
    "Lane",
    "Message",
    "Metric",
    "Status",
    "StatusCounts",
    "StatusEvent",
    "StatusProof",
    "UnusedInput",
    "WebhookEvent",
]
