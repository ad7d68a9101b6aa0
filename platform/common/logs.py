"""Logs as JSON (for machines) or plain lines (for a terminal), from structlog and the standard library alike."""

import logging
from typing import Any

import structlog

Processor = Any

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def _not_a_health_check(record: logging.LogRecord) -> bool:
    """A readiness check that says "not ready" is an answer, not an error of the server."""
    request = getattr(record, "request", None)
    return request is None or not request.path.startswith("/healthz/")


def logging_config(*, json: bool, level: str) -> dict[str, Any]:
    """Django's LOGGING. Everything goes to standard error: where it is kept is the supervisor's business."""
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        # The default, rich tracebacks, prints local variables: secrets among them.
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
            }
        },
        "filters": {"health": {"()": "django.utils.log.CallbackFilter", "callback": _not_a_health_check}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Addresses of 4xx answers are not logged: some carry a secret (a sign-in link, an invitation).
            "django.request": {"level": "ERROR", "filters": ["health"]},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django.server": {"level": "WARNING"},
            "gunicorn.error": {"level": "WARNING"},
            # One line for every message received and every task done says nothing when sweeps ring every few seconds.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            # At INFO these two print every request, a judge's address among them.
            "httpx": {"level": "WARNING"},
            "openai": {"level": "WARNING"},
        },
    }


def configure_structlog() -> None:
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
