"""What the whole site promises, whatever the page."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from accounts import services
from accounts.models import User
from projects.models import Project

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = "import config.settings as s; print(s.SECRET_KEY, s.DEBUG)"


def started(var: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The settings as a fresh process reads them from `env` alone."""
    full = {"PATH": os.environ["PATH"], "VAR_DIR": str(var), "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"} | env
    return subprocess.run([sys.executable, "-c", ASK], env=full, cwd=ROOT, capture_output=True, text=True, check=False)


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    first, again, second = (started(tmp_path / name).stdout.split() for name in ("a", "a", "b"))
    assert first == again and first[0] != second[0] and first[1] == "False"
    assert (tmp_path / "a").stat().st_mode & 0o077 == 0
    assert (tmp_path / "a" / "secret_key").stat().st_mode & 0o077 == 0
    with pytest.raises(signing.BadSignature):
        signing.loads(signing.dumps("session", key=first[0]), key=second[0])


@pytest.mark.parametrize(
    "env", [{}, {"SECRET_KEY": "short"}, {"SECRET_KEY": "x" * 64}, {"SECRET_KEY": "django-insecure-" + "abcdefgh" * 8}]
)
def test_production_needs_a_key_of_its_own(tmp_path: Path, env: dict[str, str]) -> None:
    refused = started(tmp_path, PRODUCTION="1", **env)
    assert refused.returncode != 0 and "SECRET_KEY" in refused.stderr


def test_production_is_never_in_debug(tmp_path: Path) -> None:
    key = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
    assert started(tmp_path, PRODUCTION="1", SECRET_KEY=key, DEBUG="1").returncode != 0
    assert started(tmp_path, PRODUCTION="1", SECRET_KEY=key).returncode == 0


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost@evil.example", "localhost.evil.example", "localhost:80:80", "a\tb"]
)
def test_a_forged_host_is_refused(db: None, host: str) -> None:
    assert Client(headers={"host": host}).get("/sign-in/").status_code == 400


def test_forwarded_headers_of_strangers_count_for_nothing(db: None, settings: Any) -> None:
    headers = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-forwarded-for": "10.9.8.7"}
    client = Client(headers=headers)
    assert "evil.example" not in client.get("/sign-in/").text
    for _ in range(12):
        headers["x-forwarded-for"] = f"10.0.0.{_}"
        last = Client(headers=headers).post("/sign-in/", {"username": "kim", "password": "wrong"})
    assert last.status_code == 429, "the throttle looks at who really asks"


def test_behind_the_named_proxy_the_last_forwarder_counts(db: None, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for number in range(40):
        headers = {"x-forwarded-for": f"10.0.0.1, 10.1.{number}.7", "x-forwarded-proto": "https"}
        answer = Client(headers=headers).post("/sign-in/", {"username": "kim", "password": "wrong"}, secure=True)
        assert answer.status_code == 422, "each of them is another person"


def test_another_site_gets_no_leave_to_read(ada: User, api: Callable[..., Any]) -> None:
    client = api(ada)
    for method in ("get", "options"):
        response = getattr(client, method)("/api/v1/me/", headers={"origin": "https://evil.example"})
        assert not [name for name in response.headers if name.lower().startswith("access-control")]


XSS = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    "path", [f"/{XSS}", f"/projects/{XSS}/", f"/sign-in/{XSS}/", f"/invitations/{XSS}/", f"/api/v1/{XSS}"]
)
def test_error_pages_say_nothing_back(ada: User, browse: Callable[..., Client], path: str) -> None:
    response = browse(ada).get(path)
    assert response.status_code == 404 and XSS not in response.text


def test_errors_of_the_api_are_no_html(ada: User, api: Callable[..., Any]) -> None:
    for response in (
        api(ada).get("/api/v1/me/", {XSS: "1"}),
        api(ada).post("/api/v1/projects/", {XSS: "1"}),
        api(ada).post("/api/v1/projects/", {"name": "x" * 200}),
    ):
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_token_is_nowhere_to_be_found(
    project: Project, ada: User, browse: Callable[..., Client], caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    """After it was shown once, neither pages nor logs nor tables nor Django's admin have it."""
    caplog.set_level(logging.DEBUG)
    ada.is_staff = ada.is_superuser = True
    ada.save()
    token, secret = services.make_token(user=ada, name="laptop", scope="write", days=1)
    with_token = Client(headers={"authorization": f"Token {secret}"}, raise_request_exception=False)
    for path in ("me/", "tokens/", "projects/", "nothing/", "projects/bicycles/members/?x=1"):
        assert secret not in with_token.get(f"/api/v1/{path}").text
    with_token.post("/api/v1/projects/", "{", content_type="application/json")
    Client(headers={"authorization": f"Token {secret}x"}).get("/api/v1/me/")
    browser = browse(ada)
    admin = "/admin/accounts/"
    pages = ["/account/tokens/", "/projects/bicycles/events/", f"{admin}apitoken/", f"{admin}auditevent/"]
    pages += [f"{admin}apitoken/{token.pk}/change/", f"{admin}user/{ada.pk}/change/"]
    for path in pages:
        response = browser.get(path)
        assert response.status_code == 200, path
        assert secret not in response.text and token.digest not in response.text, path
    assert secret not in caplog.text and secret not in "".join(capfd.readouterr())
