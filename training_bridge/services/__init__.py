"""Writes of the training bridge. Keyword-only, each owns its transaction, raises a DomainError; none knows Celery."""

from training_bridge.services.hashing import retry_hashing
from training_bridge.services.models import register_model
from training_bridge.services.runs import cancel_run, retry_run, start_run
from training_bridge.services.snapshots import request_snapshot, retry_snapshot

__all__ = [
    "cancel_run",
    "register_model",
    "request_snapshot",
    "retry_hashing",
    "retry_run",
    "retry_snapshot",
    "start_run",
]
