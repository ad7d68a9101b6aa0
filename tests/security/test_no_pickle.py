"""Nothing of the product unpickles, runs a model maker's code or evaluates text, by no library's door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for part in ("platform", "annotation", "routing", "training_bridge", "config", "demo")
           for path in sorted((ROOT / part).rglob("*.py"))]  # fmt: skip
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
CALLS = {"torch.load", "torch.save", "eval", "exec", "compile", "__import__", "yaml.load", "pandas.read_pickle"}
SWITCHES = {"trust_remote_code", "allow_pickle", "weights_only", "shell"}


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def doors(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            if dotted(node.func) in CALLS:
                yield dotted(node.func)
            for given in node.keywords:
                if given.arg in SWITCHES and not (isinstance(given.value, ast.Constant) and given.value.value is False):
                    yield f"{given.arg}="


def test_there_is_no_door_to_code_in_data() -> None:
    assert len(SOURCES) > 300
    found = {path: names for path in SOURCES if (names := list(doors(ast.parse(path.read_text(encoding="utf-8")))))}
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "numpy.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(path, trust_remote_code=wanted)",
        "eval(text)",
    ],
)
def test_such_a_door_would_be_seen(source: str) -> None:
    assert list(doors(ast.parse(source)))
