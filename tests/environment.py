"""Loaded before the settings (`-p tests.environment`): a test run never touches the developer's own VAR_DIR.

Names of databases are unique to the run, so that two runs on one machine do not meet.
"""

import atexit
import os
import secrets
import shutil
import tempfile

UNIQUE = f"{os.getpid()}_{secrets.token_hex(3)}"

if "VAR_DIR" not in os.environ:
    folder = tempfile.mkdtemp(prefix="prefloop-test-")
    os.environ["VAR_DIR"] = folder
    owner = os.getpid()
    # A forked child leaves through the same door, but the folder is not its to remove.
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(folder, ignore_errors=True))
os.environ.setdefault("TEST_DATABASE_NAME", f"test_prefloop_{UNIQUE}")

# What a developer's shell says must not decide what a test sees; DATABASE_URL chooses the database on purpose.
for name in (
    "REDIS_URL",
    "PRODUCTION",
    "DEBUG",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "PORT",
    "JUDGE_ALLOWED_HOSTS",
    "MODEL_FOLDERS",
    "ENCODER",
):
    os.environ.pop(name, None)
os.environ["HF_HUB_OFFLINE"] = "1"
# Parts of the suite share the cores: threads that wait for one another across processes burn the time of both.
os.environ.setdefault("OMP_NUM_THREADS", "1")
