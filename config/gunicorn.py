"""How the web server runs: `gunicorn --config config/gunicorn.py config.wsgi`."""

from pathlib import Path

from common.logs import configure_structlog, logging_config
from common.machine import die_with_parent
from config.env import env

bind = f"{env.text('HOST', '127.0.0.1')}:{env.number('PORT', 8000)}"
workers = env.number("WEB_WORKERS", 2)
worker_class = "gthread"
threads = env.number("WEB_THREADS", 4)
# A thread that streams a download for minutes is no reason to end its process; this bounds a process that hangs.
timeout = 60
graceful_timeout = 8
keepalive = 5
max_requests = 20000
max_requests_jitter = 2000
# The request line of a sign-in link carries a secret, so there is no access log; a proxy in front keeps its own.
accesslog = None
configure_structlog()
logconfig_dict = logging_config(json=env.flag("LOG_JSON", env.flag("PRODUCTION")), level=env.text("LOG_LEVEL", "INFO"))
# A second door into the process that nobody asked for.
control_socket_disable = True
# Heartbeat files on disk may block for seconds where the disk is busy.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  the server's own random names in it


def post_fork(server: object, worker: object) -> None:
    die_with_parent()
