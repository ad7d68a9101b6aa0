"""What workers do with runs. A worker owns a run while the row carries its token; without it, it may write nothing.

Every write is an UPDATE … WHERE owner = token. One that finds no row raises Fenced: the worker stops its trainer.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from common import claims
from common.words import gettext_noop as _
from training_bridge.models import LIVE, MAX_ATTEMPTS, LogLine, Metric, Run

SILENCE = timedelta(seconds=90)
Hold = claims.Hold[Run]


def claim_run(*, run_id: int) -> Hold | None:
    """Takes a queued run: of all who try at once, one gets it. None where there is nothing to take (a second ring)."""
    waiting = Run.objects.filter(state=Run.State.QUEUED, attempt__lt=MAX_ATTEMPTS)
    begun: dict[str, Any] = {"started_at": timezone.now(), "finished_at": None, "error": "", "phase": "Starting"}
    with transaction.atomic():
        hold = claims.take(waiting, run_id, state=Run.State.STARTING, **begun)
        if hold is None:
            return None
        run = Run.objects.get(pk=run_id)
        step = (run.checkpoint or {}).get("step", 0)
        # What was measured after the checkpoint is measured again; until then the curve ends where the run stands.
        run.metrics.filter(step__gt=step).delete()
        hold.write(step=step)
    return hold


def mark_running(*, hold: Hold) -> None:
    """starting → running; a run that is being cancelled meanwhile stays so."""
    hold.write()
    hold.rows().filter(state=Run.State.STARTING).update(state=Run.State.RUNNING)


def record_progress(
    *, hold: Hold, columns: Mapping[str, Any], metrics: Mapping[int, dict[str, float]], log: list[str]
) -> bool:
    """Writes what the trainer reported since the last time, all of it or nothing. True where somebody asked to cancel.

    `columns`: of step, total_steps, phase, checkpoint; `metrics`: step → values, overwriting a step measured before.
    """
    with transaction.atomic():
        hold.write(**columns)
        run = hold.rows().get()
        Metric.objects.bulk_create(
            [Metric(run=run, step=step, values=values, at=timezone.now()) for step, values in metrics.items()],
            update_conflicts=True, unique_fields=["run", "step"], update_fields=["values", "at"],
        )  # fmt: skip
        LogLine.objects.bulk_create([LogLine(run=run, attempt=run.attempt, text=text) for text in log])
    return run.cancel_requested


def end_run(*, hold: Hold, state: Run.State, error: str = "", **columns: Any) -> None:
    """The end of a run in a named state: succeeded, failed or cancelled."""
    hold.end(state=state, error=error[:8000], finished_at=timezone.now(), **columns)


def requeue_run(*, hold: Hold, reason: str, token_budget: int | None = None) -> Run.State:
    """Gives a run up whose trainer was killed: queued again from its checkpoint, failed after the third attempt.

    One that was being cancelled is cancelled. `token_budget`: of the next attempt, where this one ran out of memory.
    """
    with transaction.atomic():
        run = hold.locked()
        run.token_budget = token_budget or run.token_budget
        return _let_go(run, reason, Run.State.FAILED)


def release_run(*, hold: Hold) -> None:
    """Gives a run back whose worker is being stopped: queued again from its checkpoint, the attempt not counted."""
    with transaction.atomic():
        run = hold.rows().select_for_update().first()
        if run is not None:
            run.attempt -= 1
            _let_go(run, _("Its worker was stopped."), Run.State.LOST)


def requeue_silent_runs() -> int:
    """Runs whose worker has been silent for 90 s: queued again from the checkpoint, lost after the third attempt."""
    cutoff = timezone.now() - SILENCE
    silent = Run.objects.filter(state__in=LIVE, heartbeat_at__lt=cutoff).values_list("pk", flat=True)
    moved = 0
    for run_id in list(silent):
        with transaction.atomic():
            # Looked at again under the lock: its worker may have come back to life meanwhile.
            run = Run.objects.select_for_update().filter(pk=run_id, state__in=LIVE, heartbeat_at__lt=cutoff).first()
            if run is not None:
                _let_go(run, _("Its worker fell silent for more than 90 seconds."), Run.State.LOST)
                moved += 1
    return moved


def _let_go(run: Run, reason: str, end: Run.State) -> Run.State:
    if run.cancel_requested:
        state = Run.State.CANCELLED
    else:
        state = Run.State.QUEUED if run.attempt < MAX_ATTEMPTS else end
    step = (run.checkpoint or {}).get("step", 0)
    said = f"{reason} Queued again, from step {step}." if state == Run.State.QUEUED else reason
    LogLine.objects.create(run=run, attempt=run.attempt, text=said)
    run.state, run.owner, run.phase = state, None, ""
    run.error = reason if state in {Run.State.FAILED, Run.State.LOST} else ""
    run.finished_at = None if state == Run.State.QUEUED else timezone.now()
    run.save(update_fields=["state", "owner", "phase", "error", "finished_at", "attempt", "token_budget"])
    return state
