"""The models of messaging, by job; what the states mean stands in states.py."""

from messaging.models.media import Media, MediaOnGraph
from messaging.models.reach import DailyReach
from messaging.models.receiving import InboundMessage, WebhookEvent
from messaging.models.sending import (
    Batch,
    ChannelState,
    FilledIn,
    IdempotencyRecord,
    Message,
    StatusEvent,
    StatusProof,
    UnusedInput,
)
from messaging.models.states import COUNTED, Lane, Status, StatusCounts
from messaging.models.usage import DailyFailure, DailyUsage, Metric
from messaging.models.webhooks import DeliveryAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "COUNTED",
    "Batch",
    "ChannelState",
    "DailyFailure",
    "DailyReach",
    "DailyUsage",
    "DeliveryAttempt",
    "FilledIn",
    "IdempotencyRecord",
    "InboundMessage",
    "Lane",
    "Media",
    "MediaOnGraph",
    "Message",
    "Metric",
    "Status",
    "StatusCounts",
    "StatusEvent",
    "StatusProof",
    "UnusedInput",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
]
