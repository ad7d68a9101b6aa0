"""Is everything up? Workers and the beat leave a sign of life in the cache; the readiness check looks for all of them.

The sign is left by a worker's main process once it consumes, never by a task: a worker busy with one training run for
hours is alive.
"""

import time

from celery import current_app
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

INTERVAL = 4.0
# Three missed signs: a worker that restarts within this time is not reported.
LIFETIME = 14.0
PARTS = ("queue:default", "queue:judge", "queue:train", "beat")

_migrated = False


def sign_of_life(*parts: str) -> None:
    """Says that `parts` (of PARTS) are served by the caller. Raises what the cache raises when it is out of reach."""
    cache.set_many({f"alive:{part}": time.time() for part in parts}, timeout=LIFETIME)


def farewell(*parts: str) -> None:
    """Takes the sign back, so that an orderly stop is seen at once."""
    cache.delete_many([f"alive:{part}" for part in parts])


def silent(*parts: str) -> list[str]:
    """Which of `parts` left no sign of life lately."""
    signs = cache.get_many([f"alive:{part}" for part in parts])
    oldest = time.time() - LIFETIME
    return [part for part in parts if signs.get(f"alive:{part}", 0) < oldest]


def missing() -> list[str]:
    """The names of what is not up, in words fit for strangers: no addresses, no versions, no error texts."""
    faults = _database_faults()
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=2)
        faults += silent(*PARTS)
    except Exception:  # whatever a broker's client raises, the answer is the same
        faults.append("broker")
    return faults


def _database_faults() -> list[str]:
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:
            executor = MigrationExecutor(connection)
            # Reading the migrations costs tens of milliseconds, and what is applied stays applied.
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Exception:  # see above
        return ["database"]
    return [] if _migrated else ["migrations"]
