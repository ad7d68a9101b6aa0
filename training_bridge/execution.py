"""The parent of one trainer: starts it, writes down what it reports, passes a cancellation on, names its end.

The trainer is a process of its own that knows no database (a crash, a leak or a full GPU memory ends with it), and it
dies with this one. While it works this process only waits, beats and writes.
"""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection

from common.claims import Fenced
from common.errors import DomainError
from common.machine import out_of_memory_kills
from common.words import gettext_noop as _
from training_bridge import launch
from training_bridge.child import OUT_OF_MEMORY
from training_bridge.models import Run
from training_bridge.reports import Reports
from training_bridge.services.ownership import (
    Hold,
    claim_run,
    end_run,
    mark_running,
    record_progress,
    release_run,
    requeue_run,
)
from training_bridge.services.results import complete_run
from training_bridge.workspace import environment, prepare

log = structlog.get_logger()

COMMAND = [sys.executable, "-m", "training_bridge.child"]
TICK_SECONDS = 1.0
TELL_SECONDS = 10.0
GRACE_SECONDS = 30.0
PATIENCE_SECONDS = 60.0
READ_BYTES = 1 << 16
LEAST_TOKENS = 64  # the least token budget that a method takes


@dataclass
class Trainer:
    """One running child: its pipe, what it has reported, when it was asked to stop."""

    process: "subprocess.Popen[bytes]"
    reports: Reports
    asked_at: float | None = None
    killed: bool = False
    kills_before: int = field(default_factory=out_of_memory_kills)
    pipe: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def __post_init__(self) -> None:
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.pipe.register(self.process.stdout, selectors.EVENT_READ)

    def listen(self, seconds: float) -> bool:
        """Takes in what the trainer says for up to `seconds`, or until it is enough for one write.

        False once it has closed its end.
        """
        assert self.process.stdout is not None
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.reports.full:
            if self.pipe.select(left):
                data = os.read(self.process.stdout.fileno(), READ_BYTES)
                if not data:
                    return False
                self.reports.feed(data)
        return True

    def stop(self) -> None:
        """Asks politely first (it keeps a checkpoint of the steps that it has ended), after 30 seconds no more."""
        now = time.monotonic()
        if self.asked_at is None:
            self.asked_at = now
            self._signal(signal.SIGTERM)
        elif now - self.asked_at > GRACE_SECONDS and not self.killed:
            self.killed = True
            self._signal(signal.SIGKILL)

    def end(self) -> None:
        """Makes sure that nothing of it is left: the whole process group goes."""
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.pipe.close()
        if self.process.stdout:
            self.process.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def execute_run(*, run_id: int) -> Run.State | None:
    """Claims one queued run and stays with it to its end. None: nothing to claim, or the hold was lost."""
    hold = claim_run(run_id=run_id)
    if hold is None:
        return None
    try:
        return _attempt(hold)
    except Fenced:
        log.warning("run.fenced", run=run_id)
        return None
    except (SystemExit, KeyboardInterrupt):
        # The worker is being stopped: the run is not to blame, and need not wait until its silence is noticed.
        release_run(hold=hold)
        raise
    except (DomainError, OSError) as fault:
        return _fail(hold, str(fault))
    except Exception as fault:
        _fail(hold, f"{type(fault).__name__}: {fault}")
        raise


def _attempt(hold: Hold) -> Run.State:
    run = Run.objects.select_related("snapshot", "base", "reference", "reward").get(pk=hold.pk)
    folder = prepare(run, hold.beat)
    errors = folder / f"stderr-{run.attempt}.log"
    with errors.open("ab") as stderr:
        process = subprocess.Popen(
            launch.command(COMMAND, folder, run.config), env=environment(run), cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip
    trainer = Trainer(process, Reports(folder))
    try:
        mark_running(hold=hold)
        _accompany(hold, trainer)
    finally:
        trainer.end()
    return _conclude(hold, trainer, errors)


def _accompany(hold: Hold, trainer: Trainer) -> None:
    """Until the trainer has ended: listen for a second, write, look for a cancellation."""
    talking, silent_since, told_at = True, time.monotonic(), 0.0
    while talking:
        talking = trainer.listen(TICK_SECONDS) and trainer.process.poll() is None
        try:
            cancel = record_progress(hold=hold, **trainer.reports.take())
            if time.monotonic() - told_at > TELL_SECONDS:
                told_at = time.monotonic()
                _tell(hold)
        except (OperationalError, InterfaceError):
            # The database is being restarted: the trainer goes on, its words wait. Too long, and the sweep has us.
            if time.monotonic() - silent_since > PATIENCE_SECONDS:
                raise
            connection.close()
            continue
        trainer.reports.forget()
        silent_since = time.monotonic()
        if cancel:
            trainer.stop()
    _drain(hold, trainer)


def _tell(hold: Hold) -> None:
    """A line for whoever watches the terminal."""
    run = hold.rows().only("method", "phase", "step", "total_steps").first()
    if run is not None:
        log.info("run.progress", run=run.pk, method=run.method, doing=run.phase, step=run.step, of=run.total_steps)


def _drain(hold: Hold, trainer: Trainer) -> None:
    """The last words: what lay in the pipe when the trainer ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        trainer.process.wait(timeout=GRACE_SECONDS)
    talking = True
    while talking:
        talking = trainer.listen(0.05) and trainer.reports.full
        record_progress(hold=hold, **trainer.reports.take())
        trainer.reports.forget()


def _conclude(hold: Hold, trainer: Trainer, errors: Path) -> Run.State:
    code, reports = trainer.process.returncode, trainer.reports
    if reports.result is not None and code == 0:
        complete_run(hold=hold, **reports.result)
        # The weights are in their place; what would resume the run is the larger half of its folder.
        shutil.rmtree(reports.folder / "output" / "checkpoints", ignore_errors=True)
        return Run.State.SUCCEEDED
    if trainer.asked_at is not None or (reports.cancelled and code == 0):
        end_run(hold=hold, state=Run.State.CANCELLED, phase="", cancel_requested=False)
        return Run.State.CANCELLED
    if _ran_out_of_memory(trainer, errors):
        return _cut_smaller(hold, reports.largest)
    if code == -signal.SIGKILL:
        return requeue_run(
            hold=hold, reason=_("The trainer was killed from outside (the system does so when memory runs out).")
        )
    return _fail(hold, _why(code, errors))


def _ran_out_of_memory(trainer: Trainer, errors: Path) -> bool:
    """Whether the trainer said so, or the kernel ended it for it, or C++ did, which leaves a word and no exit code."""
    code = trainer.process.returncode
    if code == -signal.SIGKILL:
        return out_of_memory_kills() > trainer.kills_before
    return code == OUT_OF_MEMORY or (code == -signal.SIGABRT and "bad_alloc" in last_lines(errors))


def _cut_smaller(hold: Hold, largest: tuple[int, int] | None) -> Run.State | Any:
    """Once a run goes on by itself, cut to half of what did not fit; after that a person decides.

    `largest`: tokens and items of the largest forward pass, where there was one. What is cut smaller learns the same.
    """
    run = hold.rows().first()
    if run is None:
        return None
    budget = run.token_budget or run.config.get("token_budget")
    if not budget:
        return _fail(hold, _("Out of memory. Lower the batch size or the maximal length, or choose a smaller model."))
    tokens, items = largest or (budget, 2)
    taken = min(tokens, budget)
    half = max(LEAST_TOKENS, taken // 2)
    if items < 2 or half >= taken:
        alone = _(
            "Out of memory with one prompt and its responses, %(tokens)s tokens. Lower the maximal length, switch on "
            "gradient checkpointing or choose a smaller model."
        )
        return _fail(hold, alone % {"tokens": tokens})
    known = {"tokens": taken, "half": half}
    if run.token_budget is None:
        reason = _("Out of memory with %(tokens)s tokens at once. The next attempt takes %(half)s and learns the same.")
        return requeue_run(hold=hold, reason=reason % known, token_budget=half)
    advice = _(
        "Out of memory again, with %(tokens)s tokens at once. Trying again takes %(half)s; else lower the maximal "
        "length, switch on gradient checkpointing or choose a smaller model."
    )
    return _fail(hold, advice % known, token_budget=half)


def _why(code: int, errors: Path) -> str:
    last = last_lines(errors)
    if code == 0:
        return f"{_('The trainer ended without a result.')}\n{last}".strip()
    ended = (
        _("(killed by signal %(code)s)") % {"code": -code} if code < 0 else _("(exit code %(code)s)") % {"code": code}
    )
    return f"{last}\n{ended}".strip()


def last_lines(path: Path, lines: int = 20, most: int = 4000) -> str:
    """The end of a log file as text that any database can hold."""
    with path.open("rb") as handle:
        handle.seek(0, os.SEEK_END)
        handle.seek(max(0, handle.tell() - most))
        tail = handle.read().decode("utf-8", "replace").replace("\x00", "")
    return "\n".join(tail.splitlines()[-lines:])


def _fail(hold: Hold, reason: str, **columns: Any) -> Run.State | Any:
    with contextlib.suppress(Fenced):
        end_run(hold=hold, state=Run.State.FAILED, error=reason, phase="", **columns)
        return Run.State.FAILED
    return None
