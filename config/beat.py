"""The beat's schedule, gathered from the apps when the beat starts (`celery -A config beat -S config.beat.Beat`)."""

import logging
from importlib import import_module
from typing import Any

from celery.beat import Scheduler
from django.apps import apps
from django.utils.module_loading import module_has_submodule

from common.health import INTERVAL, farewell, sign_of_life

log = logging.getLogger(__name__)


def gather() -> dict[str, dict[str, Any]]:
    """Every entry of every app's `tasks.BEAT` ({name: {"task": dotted name, "schedule": seconds}}) as "<app>: <name>".

    A ring that nobody heard before the next one is due is dropped.
    """
    schedule = {}
    for found in apps.get_app_configs():
        if not module_has_submodule(found.module, "tasks"):
            continue
        for name, entry in getattr(import_module(f"{found.name}.tasks"), "BEAT", {}).items():
            options = {"expires": entry["schedule"]} | entry.get("options", {})
            schedule[f"{found.label}: {name}"] = entry | {"options": options}
    return schedule


class Beat(Scheduler):
    """Keeps its schedule in memory: every entry is a sweep that may as well run a moment after a restart."""

    max_interval = int(INTERVAL)

    def setup_schedule(self) -> None:
        self.install_default_entries(self.schedule)
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
