"""The beat's schedule, gathered from the apps when the beat starts (`celery -A config beat -S config.beat.Beat`)."""

import logging
from importlib import import_module
from typing import Any

from celery.beat import Scheduler

from common.health import INTERVAL, farewell, sign_of_life

# Each may define BEAT: {name: {"task": dotted name, "schedule": seconds}}.
SOURCES = ("corpus.tasks", "annotation.tasks", "routing.tasks", "training_bridge.tasks")

log = logging.getLogger(__name__)


def gather() -> dict[str, dict[str, Any]]:
    """Every entry of every app, keyed "<app>: <name>". A ring nobody heard before the next one is due is dropped."""
    schedule = {}
    for source in SOURCES:
        for name, entry in import_module(source).BEAT.items():
            options = {"expires": entry["schedule"]} | entry.get("options", {})
            schedule[f"{source.partition('.')[0]}: {name}"] = entry | {"options": options}
    return schedule


class Beat(Scheduler):  # type: ignore[misc]  # celery's stubs leave it untyped
    """Keeps its schedule in memory: every entry is a sweep that may as well run a moment after a restart."""

    max_interval = INTERVAL

    def setup_schedule(self) -> None:
        self.install_default_entries(self.data)
        self.update_from_dict(gather())

    def tick(self, *args: Any, **kwargs: Any) -> float:
        try:
            sign_of_life("beat")
        except Exception:  # a cache out of reach must not stop the beat; the readiness check reports it
            log.warning("could not leave a sign of life")
        delay: float = super().tick(*args, **kwargs)
        return delay

    def close(self) -> None:
        try:
            farewell("beat")
        except Exception:  # see above
            log.warning("could not take back the sign of life")
        super().close()
