"""People, their project, clients of the API, and the real product to talk to. People have one role each, everywhere."""

import gc
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client, TransactionTestCase
from django.utils import translation
from rest_framework.test import APIClient

from accounts.models import ApiToken, Scope, User
from annotation.models import FormVersion
from common.machine import free_port
from projects.models import Guideline, Project, Role
from tests import factories, migrated
from tests.browser import browser, open_page
from tests.stack import Stack, running_stack

__all__ = ["browser", "open_page"]

# Other libraries as oracles: each in an environment of its own, as none is needed by the product or its suite.
ORACLES = {
    "methods/test_against_trl.py": "trl",
    "benchmarks/test_train_against_trl.py": "trl",
    "training_bridge/test_against_crowdkit.py": "crowdkit",
}
collect_ignore = [path for path, package in ORACLES.items() if find_spec(package) is None]

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Each test begins, and leaves, in the language of the settings: a request leaves its own behind in its thread."""
    translation.deactivate()
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Where the suite has made a migrated PostgreSQL database, the tests' own is a copy of it."""
    connection.settings_dict["TEST"]["TEMPLATE"] = os.environ.get(migrated.POSTGRES)


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """The same with SQLite: the file is there before Django asks for one."""
    test: dict[str, Any] = connection.settings_dict["TEST"]
    return (connection.vendor == "sqlite" and migrated.copy_sqlite(Path(test["NAME"]))) or django_db_keepdb


@pytest.fixture
def ada(db: None) -> User:
    """Admin of `project`; she may create projects."""
    return factories.UserFactory(username="ada", may_create_projects=True)


@pytest.fixture
def noor(db: None) -> User:
    """Researcher."""
    return factories.UserFactory(username="noor")


@pytest.fixture
def rev(db: None) -> User:
    """Reviewer."""
    return factories.UserFactory(username="rev")


@pytest.fixture
def rosa(db: None) -> User:
    """Rater."""
    return factories.UserFactory(username="rosa")


@pytest.fixture
def rui(db: None) -> User:
    """The other rater."""
    return factories.UserFactory(username="rui")


@pytest.fixture
def eve(db: None) -> User:
    """Signed in, member of nothing here; admin of `other_project`."""
    return factories.UserFactory(username="eve", may_create_projects=True)


@pytest.fixture
def project(ada: User, noor: User, rev: User, rosa: User, rui: User) -> Project:
    """A project with one person of each role, a pairwise form and a guideline."""
    made = factories.ProjectFactory(name="Bicycles", slug="bicycles", created_by=ada)
    roles = [(ada, Role.ADMIN), (noor, Role.RESEARCHER), (rev, Role.REVIEWER), (rosa, Role.RATER), (rui, Role.RATER)]
    for user, role in roles:
        factories.MembershipFactory(project=made, user=user, role=role)
    factories.FormVersionFactory(project=made)
    factories.GuidelineFactory(project=made, created_by=ada)
    return made


@pytest.fixture
def other_project(eve: User) -> Project:
    """eve's own: nobody of `project` has any business there, nor she in theirs."""
    made = factories.ProjectFactory(name="Elsewhere", slug="elsewhere", created_by=eve)
    factories.MembershipFactory(project=made, user=eve, role=Role.ADMIN)
    factories.FormVersionFactory(project=made)
    factories.GuidelineFactory(project=made, created_by=eve)
    return made


@pytest.fixture
def form(project: Project) -> FormVersion:
    """The pairwise form of `project`."""
    return project.form_versions.get()


@pytest.fixture
def guideline(project: Project) -> Guideline:
    return project.guidelines.get()


@pytest.fixture
def api(db: None) -> Callable[..., APIClient]:
    """`api(user, scope=Scope.WRITE)`: a client of the API with a fresh token of that person; `api(None)`: without."""

    def client(user: User | None, scope: str = Scope.WRITE) -> APIClient:
        made = APIClient()
        if user is not None:
            _, secret = ApiToken.objects.create(user=user, name="test", scope=scope)
            made.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
        return made

    return client


@pytest.fixture
def browse(db: None) -> Callable[..., Client]:
    """`browse(user)`: a browser's session of that person, CSRF unchecked; `browse(None)`: not signed in."""

    def client(user: User | None) -> Client:
        made = Client()
        if user is not None:
            made.force_login(user)
        return made

    return client


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """`shared_data("pandalm")`: a folder or file of real data beside the checkout; skips where it is absent."""

    def find(name: str) -> Path:
        found = SHARED / "data" / name
        if not found.exists():
            pytest.skip(f"shared data absent: {name}")
        return found

    return find


@pytest.fixture(scope="session")
def live_stack() -> Iterator[Stack]:
    """The real product on an empty database of its own: supervisor, Redis, web, workers, beat. Shared by the session.

    A test that kills or stops parts of it makes its own with `tests.stack.running_stack()`. Judges may ask the one host
    in its JUDGE_ALLOWED_HOSTS, where a test can serve.
    """
    with running_stack(JUDGE_ALLOWED_HOSTS=f"127.0.0.1:{free_port()}") as stack:
        yield stack


@pytest.fixture(scope="session")
def demo_stack() -> Iterator[Stack]:
    """The same as a newcomer sees it after `make run`: with the demo project and its people."""
    with running_stack(demo=True) as stack:
        yield stack


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what meets a database with `database`: only that is worth asking on a second one."""
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        case = getattr(item, "cls", None)
        asks = {"db", "transactional_db", "live_stack", "demo_stack"} & set(fixtures)
        if asks or item.get_closest_marker("django_db") or (case and issubclass(case, TransactionTestCase)):
            item.add_marker("database")


def pytest_collection_finish() -> None:
    """Looking over the modules of Django and torch again and again for garbage took an eighth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


# In CI everything is there, so a test that skips has found something missing; only these may.
MAY_SKIP = ("gpu", "GPU", "shared data absent")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI=1 a skip fails the run."""
    if not os.environ.get("CI"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [report for report in reporter.stats.get("skipped", []) if report.when] if reporter else []
    wrong = [
        f"{report.nodeid}: {report.longrepr}"
        for report in skipped
        if not any(w in str(report.longrepr) for w in MAY_SKIP)
    ]
    if wrong:
        reporter.write_line("\nSkipped, which CI does not allow:\n" + "\n".join(wrong), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
