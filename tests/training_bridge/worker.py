"""One worker in a process of its own: `python -m tests.training_bridge.worker <run id> <VAR_DIR> <database>`."""

import sys
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from training_bridge import execution  # noqa: E402
from training_bridge.methods import METHODS  # noqa: E402

if __name__ == "__main__":
    connections["default"].settings_dict["NAME"] = sys.argv[3]
    settings.VAR_DIR = Path(sys.argv[2])
    METHODS["scripted"] = "tests.training_bridge.methods:METHOD"
    execution.TICK_SECONDS = 0.1
    execution.COMMAND = [sys.executable, "-m", "tests.training_bridge.child"]
    execution.execute_run(run_id=int(sys.argv[1]))
