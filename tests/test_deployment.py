"""docker-compose.yml, the images and the production settings, checked without an engine."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.celery import QUEUES
from tests.test_house import ROOT, variables_read

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def command(service: dict[str, Any]) -> str:
    return " ".join(service["command"])


def test_every_queue_is_served_once_and_the_beat_runs_once() -> None:
    served = [queue for service in OURS.values() for queue in re.findall(r"--queues (\S+)", command(service))]
    assert sorted(",".join(served).split(",")) == sorted(QUEUES)
    beats = [service for service in OURS.values() if " beat " in command(service)]
    assert len(beats) == 1 and beats[0]["deploy"]["replicas"] == 1


def test_the_roles_are_all_there() -> None:
    assert set(SERVICES) == {"migrate", "web", "worker-main", "worker-train", "beat", "postgres", "redis"}
    for name, service in SERVICES.items():
        assert name == "migrate" or "healthcheck" in service, f"{name} has no health check"
        assert set(service.get("volumes", [])) <= {f"{volume}:{path}" for volume, path in MOUNTS}, name


MOUNTS = [("data", "/data"), ("postgres", "/var/lib/postgresql/data"), ("redis", "/data")]


def test_every_variable_is_one_the_product_reads() -> None:
    for name, service in OURS.items():
        assert set(service["environment"]) <= variables_read(), name
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text())) <= listed


def test_no_secret_has_a_default_and_none_is_written_down() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    uses = re.findall(r"(?<!\$)\$\{?([A-Z_]*(?:PASSWORD|SECRET|KEY)[A-Z_]*)([^}]*)\}", text)
    assert uses
    for name, rest in uses:
        assert rest.startswith(":?"), f"{name} may be missing"
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY|AUTH", name):
                assert str(value).startswith("${"), name


def test_only_the_web_is_published_and_only_here() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["web"] and all(port.startswith("127.0.0.1:") for port in published["web"])


def test_our_containers_are_confined() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)
    final = {match[1]: stage for stage in stages if (match := re.match(r"\S+ AS (\S+)", stage))}
    for name, service in OURS.items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert re.search(r"^USER [1-9]\d*:", final[service["build"]["target"]], re.M), f"{name} runs as root"


def test_the_web_image_has_no_torch_and_what_it_copies_exists() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    web, worker = re.findall(r"^COPY (\S+\.lock)", dockerfile, re.M)
    assert (web, worker) == ("requirements.lock", "requirements-train.lock")
    for line in re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.M):
        assert (ROOT / line).exists(), line


def check(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in variables_read()}
    code = [sys.executable, "-W", "error::UserWarning", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    settings = clean | {"VAR_DIR": str(tmp_path)} | environment
    return subprocess.run(code, cwd=ROOT, env=settings, capture_output=True, text=True)


def test_production_settings_have_no_warnings(tmp_path: Path) -> None:
    done = check(
        tmp_path,
        PRODUCTION="1",
        SECRET_KEY=secrets.token_urlsafe(50),
        ALLOWED_HOSTS="prefloop.example",
        DATABASE_URL="postgres://prefloop:secret@127.0.0.1:1/prefloop",
        REDIS_URL="redis://:secret@127.0.0.1:1/0",
    )
    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("", {}),
        ("short", {}),
        ("django-insecure-" + "x1y2z3" * 10, {}),
        ("change-me-" + "x1y2z3" * 10, {}),
        ("a" * 60, {}),
        # The key is long and varied enough; DEBUG is the fault.
        ("".join(map(chr, range(48, 120))), {"DEBUG": "1"}),
    ],
)
def test_production_refuses_to_start_unsafe(tmp_path: Path, key: str, more: dict[str, str]) -> None:
    done = check(tmp_path, PRODUCTION="1", SECRET_KEY=key, ALLOWED_HOSTS="prefloop.example", **more)
    assert done.returncode != 0 and "ImproperlyConfigured" in done.stderr


def test_a_variable_of_the_wrong_form_is_named(tmp_path: Path) -> None:
    done = check(tmp_path, IMPORT_MAX_MB="many")
    assert done.returncode != 0 and "IMPORT_MAX_MB must be a whole number, not 'many'" in done.stderr
