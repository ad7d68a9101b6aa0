"""No text for people stands bare in the code: what an error, a notice or a form says is given to gettext."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.said import FEWEST_WORDS, GAP, OWN_WORD
from tests.test_house import ROOT, sources

# Whose texts reach people → which of their arguments is one.
ERRORS = {
    "Invalid", "Conflict", "NotFound", "Forbidden", "BadRequest", "TooLarge", "DomainError", "NotThisWay", "Unsafe",
    "UnsafeModel", "Unreadable", "Refused", "ParseError", "PermissionDenied", "AuthenticationFailed",
}  # fmt: skip
NOTICES = {"success", "error", "warning", "info"}
SAID = {"label", "help_text", "empty_label"}


def bare(node: ast.expr | None) -> bool:
    """Whether an argument is a text in quotes with a letter in it."""
    if isinstance(node, ast.IfExp):
        return bare(node.body) or bare(node.orelse)
    if isinstance(node, ast.List | ast.Tuple):
        return any(bare(one) for one in node.elts)
    if isinstance(node, ast.JoinedStr):
        return any(bare(part) for part in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and any(map(str.isalpha, node.value))


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def texts(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that people may come to read."""
    name = name_of(call)
    if name in ERRORS:
        yield from call.args[:1]
        for keyword in call.keywords:
            if keyword.arg == "fields" and isinstance(keyword.value, ast.Dict):
                yield from keyword.value.values
    if name in NOTICES and getattr(getattr(call.func, "value", None), "id", "") == "messages":
        yield from call.args[1:2]
    if name.endswith("Field") and getattr(getattr(call.func, "value", None), "id", "") == "forms":
        yield from (keyword.value for keyword in call.keywords if keyword.arg in SAID)
    if name == "ValidationError":
        yield from call.args[:1]


def test_what_counts_as_bare() -> None:
    calls = ["Invalid('x y')", "Invalid(_('x'), fields={'a': ['b c']})", "messages.error(r, f'{a} b')", "Invalid(said)"]
    found = [[bare(text) for text in texts(ast.parse(code, mode="eval").body)] for code in calls]  # type: ignore[arg-type]
    assert found == [[True], [False, True], [True], [False]]


@pytest.mark.parametrize("floor", ["config", "platform", "annotation", "routing", "training_bridge"])
def test_no_text_for_people_stands_bare(floor: str) -> None:
    wrong = []
    for path in (path for path in sources() if path.relative_to(ROOT).parts[0] == floor):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and any(bare(text) for text in texts(node)) and not exempt(path, node):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:120]}")
    assert not wrong, "Wrap these texts in gettext:\n" + "\n".join(wrong)


def exempt(path: Path, call: ast.Call) -> bool:
    """Operators are spoken to in English."""
    return "management" in path.parts or path.name == "admin.py" or "demo" in path.parts


def test_a_stored_text_with_gaps_is_known_by_its_own_words() -> None:
    """Else whoever reads it later cannot have it translated (ADR 10)."""
    wrong = []
    for path in sources():
        tree = ast.parse(path.read_text())
        marks = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "common.words"
            for alias in node.names
        }
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args and name_of(node) in marks)
        for text in (call.args[0] for call in calls):
            words = text.value if isinstance(text, ast.Constant) else ""
            if GAP.search(words) and len(OWN_WORD.findall(GAP.sub(" ", words))) < FEWEST_WORDS:
                wrong.append(f"{path.relative_to(ROOT)}: {words}")
    assert not wrong, "Say these with more words of their own:\n" + "\n".join(wrong)
