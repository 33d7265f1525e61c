"""Structured logs: one line an event, with the request's id, and phone numbers masked.

Both structlog loggers and the standard library's end in the same handler, so the masking
below sees every line that leaves the process.
"""

import re
from typing import Any

import structlog

# 9 to 15 digits in a row, as a phone number has. Longer runs (Graph's ids) are left alone.
_PHONE = re.compile(r"(?<![\dA-Za-z])\+?(\d{3})\d{3,9}(\d{3})(?![\dA-Za-z])")
# With a plus it is one however it is spaced.
_SPACED_PHONE = re.compile(r"\+(\d{3})[\d\s().-]{1,16}(\d{3})(?!\d)")
_SECRET_KEYS = re.compile(r"token|secret|password|authorization|api_key|cookie", re.IGNORECASE)
_API_KEY = re.compile(r"tuma_([A-Za-z0-9]{8})[A-Za-z0-9]{19}")
_META_TOKEN = re.compile(r"EAA[A-Za-z0-9]{8,}")


def mask(text: str) -> str:
    """`text` with phone numbers shortened to `254•••678`, API keys and Graph tokens cut."""
    text = _API_KEY.sub(r"tuma_\1•••", text)
    text = _META_TOKEN.sub("EAA•••", text)
    text = _SPACED_PHONE.sub(r"\1•••\2", text)
    return _PHONE.sub(r"\1•••\2", text)


def _masked(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    for key, value in event.items():
        if key in ("timestamp", "request_id"):
            continue
        if _SECRET_KEYS.search(key):
            event[key] = "•••"
        elif isinstance(value, str):
            event[key] = mask(value)
        elif isinstance(value, (list, tuple, dict)):
            event[key] = mask(repr(value))
    return event


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """A `LOGGING` dict: readable lines for a terminal, JSON lines for a collector."""
    first: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *first,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    _masked,
                    renderer,
                ],
                "foreign_pre_chain": first,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own line for each 4xx repeats the access log.
            "django.request": {"level": "ERROR"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            # It warns that a folder has no host name.
            "kombu": {"level": "ERROR"},
            "amqp": {"level": "WARNING"},
        },
    }
