"""Doorbells of the annotation floor. The rows are the queue: a task looks for what waits; two rings do no harm."""

from celery import shared_task

from annotation.services import items, labels, pace, refit, scoring, tallies

BEAT = {
    "annotation-take-candidates": {"task": "annotation.tasks.take_candidates", "schedule": 10},
    "annotation-refit-items": {"task": "annotation.tasks.refit_items", "schedule": 60},
    "annotation-settle-due": {"task": "annotation.tasks.settle_due", "schedule": 5},
    "annotation-score-due": {"task": "annotation.tasks.score_due", "schedule": 5},
    "annotation-tally-due": {"task": "annotation.tasks.tally_due", "schedule": 30},
    "annotation-measure-pace": {"task": "annotation.tasks.measure_pace", "schedule": 60},
}
ROUNDS = 10
"""Of one ringing: a long queue is worked off by many short tasks, so that others have their turn."""


@shared_task(queue="default")
def take_candidates(project_id: int | None = None) -> None:
    """Makes items of waiting candidates; rings again while there are more."""
    for _ in range(ROUNDS):
        if not items.take_candidates(project_id=project_id):
            return
    take_candidates.delay(project_id)


@shared_task(queue="default")
def refit_items() -> None:
    """Brings items back that a newer form can be put to; rings again while there are more."""
    for _ in range(ROUNDS):
        if not refit.refit():
            return
    refit_items.delay()


@shared_task(queue="default")
def settle_due() -> None:
    """Makes the labels of items whose judgments have changed; rings again while there are more."""
    if labels.settle_due(limit=labels.BATCH * ROUNDS) == labels.BATCH * ROUNDS:
        settle_due.delay()


@shared_task(queue="default")
def score_due() -> None:
    """Scores answers to tests, and pauses who is under the bar; rings again while there are more."""
    if scoring.score_due(limit=scoring.BATCH * ROUNDS) == scoring.BATCH * ROUNDS:
        score_due.delay()


@shared_task(queue="default")
def measure_pace() -> None:
    pace.measure_all()


@shared_task(queue="default")
def tally_due() -> None:
    """Counts the figures of large projects anew."""
    tallies.tally_due()
