"""The doorbells. A message carries an id; the row is claimed by compare-and-set, so a second ring is harmless."""

from celery import shared_task

from training_bridge.execution import execute_run
from training_bridge.models import Hashing, Run, Snapshot
from training_bridge.services import hashing
from training_bridge.services import snapshots as snapshot_services
from training_bridge.services.ownership import requeue_silent_runs

RING_SECONDS = 15
RUNS_AT_ONCE = 4
"""Runs that are rung for again each time. Workers may be busy for hours, and nobody takes back what was rung: for each
of many that wait, rings would pile up by thousands. Whose turn it is comes first."""


# Acknowledged at once and never limited in time: a run lasts hours, longer than a broker waits before it sends a
# message again, and the row (not the message) remembers that it is to be done.
@shared_task(queue="train", acks_late=False, reject_on_worker_lost=False)
def run(run_id: int) -> None:
    if execute_run(run_id=run_id) == Run.State.QUEUED:
        run.delay(run_id)


@shared_task(queue="default")
def build_snapshot(snapshot_id: int) -> None:
    snapshot_services.build_snapshot(snapshot_id=snapshot_id)


@shared_task(queue="default")
def hash_model(version_id: int) -> None:
    hashing.hash_model(version_id=version_id)


@shared_task(queue="default", expires=RING_SECONDS)
def sweep() -> None:
    """Takes back what dead workers held, and rings again for all that waits: whose message was lost, or never sent."""
    requeue_silent_runs()
    snapshot_services.requeue_silent_snapshots()
    hashing.requeue_silent_hashings()
    # A ring that nobody answers before the next one comes is worth nothing.
    for run_id in Run.objects.filter(state=Run.State.QUEUED).order_by("pk").values_list("pk", flat=True)[:RUNS_AT_ONCE]:
        run.apply_async((run_id,), expires=RING_SECONDS)
    for snapshot_id in Snapshot.objects.filter(state=Snapshot.State.QUEUED).values_list("pk", flat=True):
        build_snapshot.apply_async((snapshot_id,), expires=RING_SECONDS)
    for version_id in Hashing.objects.filter(state=Hashing.State.QUEUED).values_list("pk", flat=True):
        hash_model.apply_async((version_id,), expires=RING_SECONDS)


BEAT = {"training_bridge.sweep": {"task": "training_bridge.tasks.sweep", "schedule": RING_SECONDS}}
