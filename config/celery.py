"""The Celery application: every task belongs to one queue; the beat schedule rings again for what was lost."""

import logging
import os
import warnings
from typing import Any

from celery import Celery, bootsteps, signals
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # the stubs lack it

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

QUEUES = ("default", "judge", "train")

# Celery warns whoever runs it as root because a pickled message could then do anything; ours are JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("prefloop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

log = logging.getLogger(__name__)


class Alive(bootsteps.StartStopStep):
    """A worker's sign of life for the queues it consumes (common.health), from the moment it consumes them."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        self.timer: Any = None
        super().__init__(consumer, **options)

    def start(self, consumer: Any) -> None:
        from common.health import INTERVAL

        self.sign(consumer)
        self.timer = consumer.timer.call_repeatedly(INTERVAL, self.sign, (consumer,), priority=10)

    def stop(self, consumer: Any) -> None:
        from common.health import farewell

        if self.timer is None:
            return
        self.timer.cancel()
        self.timer = None
        try:
            farewell(*self.parts(consumer))
        except Exception:  # the broker may be what is going down
            log.warning("could not take back the sign of life")

    shutdown = stop

    def sign(self, consumer: Any) -> None:
        from common.health import sign_of_life

        try:
            sign_of_life(*self.parts(consumer))
        except Exception:  # a cache out of reach must not stop the worker; the readiness check reports it
            log.warning("could not leave a sign of life")

    @staticmethod
    def parts(consumer: Any) -> list[str]:
        return [f"queue:{name}" for name in consumer.app.amqp.queues.consume_from]


app.steps["consumer"].add(Alive)


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Django has configured logging; with a receiver here Celery leaves it alone."""


@signals.worker_process_init.connect
def die_with_worker(**_: Any) -> None:
    """A pool process outlives kill -9 of its worker otherwise, and finishes work that somebody else has taken over."""
    from common.machine import die_with_parent

    die_with_parent()
