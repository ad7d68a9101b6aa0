"""The adapter of the load harness against the real product, in miniature: two raters, a few labels, nothing lost."""

import asyncio
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.conftest import SHARED
from tests.stack import ROOT, Stack

HARNESS = SHARED / "bench" / "load"

# On PostgreSQL alone, as the benchmark is.
pytestmark = [
    pytest.mark.services,
    pytest.mark.postgres,
    pytest.mark.skipif(not HARNESS.exists(), reason="shared data absent: bench/load"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL (DATABASE_URL)"),
]
PEOPLE = """
from accounts.models import ApiToken, Scope, User
for number in range(3):
    user, _ = User.objects.get_or_create(username=f"loader-{number}", may_create_projects=True)
    print(ApiToken.objects.create(user=user, name="load", scope=Scope.WRITE)[1])
"""


@pytest.fixture
def bench(monkeypatch: Any) -> Any:
    """The harness as a module."""
    monkeypatch.syspath_prepend(str(HARNESS))
    spec = importlib.util.spec_from_file_location("loadbench", HARNESS / "bench.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in ("adapter", "procs", "stats", "product_adapter"):
        sys.modules.pop(name, None)


def test_the_adapter_labels_and_nothing_is_lost(bench: Any, live_stack: Stack, tmp_path: Path) -> None:
    admin, *others = live_stack.shell(PEOPLE).split()
    raters = tmp_path / "raters"
    raters.write_text("\n".join(others))
    path = str(ROOT / "benchmarks" / "load_adapter.py")
    adapter = bench.load_adapter(path, live_stack.url, {"token": admin, "raters": str(raters)})
    out = str(tmp_path / "export")

    async def work() -> tuple[Any, dict[str, Any]]:
        await adapter.open()
        try:
            await adapter.setup(7, 1)
            record, row = await bench.run_load(adapter, 2, 60, 10**9, 0, "", [])
            await adapter.export(out)
            return record, row
        finally:
            await adapter.close()

    # In a thread of its own: beside journeys, Playwright's loop runs in this one.
    with ThreadPoolExecutor(1) as thread:
        record, row = thread.submit(lambda: asyncio.run(work())).result()
    assert (row["labels"], row["errors"], row["ran_dry"]) == (7, {}, 2)
    found = bench.check(adapter, out, record, 1)
    assert (found["stored"], found["lost"], found["over_labelled_tasks"], found["tasks_touched"]) == (7, 0, 0, 7)
    assert {label.choice for label in adapter.read_export(out)} <= {"left", "right"}
