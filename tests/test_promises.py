"""docs/promises.md names tests that exist, and the rater's stylesheets stay small."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / "promises.md").read_text())
MOST_BYTES = 30_000


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_is_held_by_tests_that_exist() -> None:
    assert len(NAMED) > 40
    assert [f"{path}::{name}" for path, name in NAMED if name not in names_in(path)] == []
    rows = [line for line in (ROOT / "docs" / "promises.md").read_text().splitlines() if line.startswith("| ")]
    unheld = [row for row in rows if "`tests/" not in row and not row.endswith("held by |")]
    assert unheld == []


@pytest.mark.parametrize("sheet", ["static/css/prefloop.css", "static/annotation/annotation.css"])
def test_a_stylesheet_is_small(sheet: str) -> None:
    assert (ROOT / sheet).stat().st_size < MOST_BYTES
