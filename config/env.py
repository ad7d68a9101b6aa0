"""Every environment variable the product reads, in one place (`.env.example` lists the same, a test compares them)."""

import fcntl
import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


class Env:
    """Reads typed values; raises ValueError naming the variable when a value has the wrong form."""

    def __init__(self, source: "os._Environ[str] | dict[str, str]") -> None:
        self.source = source

    def text(self, name: str, default: str = "") -> str:
        return self.source.get(name, "") or default

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name, "1" if default else "0").lower()
        if value not in {"0", "1", "true", "false", "yes", "no"}:
            raise ValueError(f"{name} must be 0 or 1, not {value!r}")
        return value in {"1", "true", "yes"}

    def number(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not value.lstrip("-").isdigit():
            raise ValueError(f"{name} must be a whole number, not {value!r}")
        return int(value)

    def listing(self, name: str, default: str = "") -> list[str]:
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]


env = Env(os.environ)


def var_dir() -> Path:
    """The folder for everything the product writes (database, files, secrets); made private on first use."""
    folder = Path(env.text("VAR_DIR", str(BASE_DIR / "var"))).resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def secret_file(name: str) -> str:
    """A secret kept in a 0600 file under VAR_DIR, drawn at random the first time it is asked for.

    The file is linked into place whole, so that two processes starting together agree on one secret.
    """
    path = var_dir() / name
    if not path.exists():
        draft = path.with_name(f".{name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def lock_path() -> Path:
    """The file that a running supervisor holds locked."""
    return var_dir() / "supervisor.lock"


def bundled_redis_url() -> str:
    """Where the Redis of a supervisor that runs on this VAR_DIR listens; empty where none runs.

    So `manage.py` in another terminal rings the same doorbells. The lock tells whether that supervisor still lives.
    """
    address = var_dir() / "redis" / "url"
    if not address.exists():
        return ""
    with lock_path().open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return address.read_text().strip()
    return ""
