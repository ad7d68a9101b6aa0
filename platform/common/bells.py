"""Doorbells: a message that carries an id and says only that there is something to do (docs/architecture.md)."""

from typing import Any

from django.db import transaction


def ring(task: Any, *arguments: Any) -> None:
    """Sends a Celery task's message once the transaction is through.

    A broker that is away undoes nothing and fails no request: the task's sweep rings again.
    """
    transaction.on_commit(lambda: task.delay(*arguments), robust=True)
