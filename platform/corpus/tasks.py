"""Doorbells of the corpus: an import that waits, and the sweep that rings again for what was lost."""

from typing import Any

from celery import shared_task

from common import bells
from corpus import selectors, services

RING_SECONDS = 15
BEAT: dict[str, dict[str, Any]] = {
    "corpus-ring-imports": {"task": "corpus.tasks.ring_imports", "schedule": RING_SECONDS},
    "corpus-discard-files": {"task": "corpus.tasks.discard_files", "schedule": 6 * 3600},
}


@shared_task(queue="default")
def run_import(import_id: int) -> None:
    services.run_import(import_id=import_id)


def ring(import_id: int) -> None:
    bells.ring(run_import, import_id)


@shared_task(queue="default")
def ring_imports() -> None:
    for import_id in selectors.due_imports():
        # The next sweep rings again: an unheard bell need not stay in the queue.
        run_import.apply_async((import_id,), expires=RING_SECONDS)


@shared_task(queue="default")
def discard_files() -> None:
    services.discard_old(before=selectors.old_enough())
