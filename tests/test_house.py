"""What no linter can hold: the rules of docs/architecture.md, read from the code itself."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import get_template
from typing_extensions import get_protocol_members

from common.health import PARTS
from common.plugs import load
from config.beat import gather
from config.celery import QUEUES, app
from config.supervisor import processes

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("config", "platform", "annotation", "routing", "training_bridge", "demo")
# Module, name of the family's dict, module and name of its interface, name of the plug in its file.
FAMILIES = [
    ("annotation.protocols", "PROTOCOLS", "annotation.protocols:Protocol", "PROTOCOL"),
    ("annotation.consensus", "RULES", "annotation.consensus:Rule", "RULE"),
    ("routing.policies", "POLICIES", "routing.policies:Policy", "POLICY"),
    ("routing.judges", "JUDGES", "routing.judges:Judge", "JUDGE"),
    ("training_bridge.methods", "METHODS", "training_bridge.methods.interface:Method", "METHOD"),
    ("training_bridge.derivations", "DERIVATIONS", "training_bridge.derivations:Derivation", "DERIVATION"),
    ("training_bridge.exporters", "EXPORTERS", "training_bridge.exporters:Exporter", "EXPORTER"),
    ("corpus.importers", "IMPORTERS", "corpus.importers:Importer", "IMPORTER"),
]


def sources() -> Iterator[Path]:
    """Every Python file of the product, migrations apart."""
    for floor in FLOORS:
        yield from (path for path in sorted((ROOT / floor).rglob("*.py")) if "migrations" not in path.parts)


def family(module: str, name: str) -> Mapping[str, str]:
    found: Mapping[str, str] = getattr(importlib.import_module(module), name)
    assert found, f"{module}.{name} is empty"
    return found


def test_platform_never_becomes_a_package() -> None:
    """With an __init__.py it would shadow the standard library's `platform`, and uuid could not be imported."""
    assert not (ROOT / "platform" / "__init__.py").exists()
    import platform

    assert Path(platform.__file__).parent == Path(ast.__file__).parent


def test_a_web_process_never_loads_torch() -> None:
    """All that a web process may ever import: every address, every plug of every family."""
    code = f"""
import sys, importlib, django
sys.path.insert(1, "platform")
django.setup()
from django.urls import get_resolver
from common.plugs import load
assert get_resolver().reverse_dict
for module, name in {[(module, name) for module, name, *_ in FAMILIES]!r}:
    family = getattr(importlib.import_module(module), name)
    for key in family:
        load(family, key, "plug")
heavy = [name for name in ("torch", "transformers", "accelerate") if name in sys.modules]
sys.exit(f"loaded: {{heavy}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("module", "name", "interface", "plug_name"), FAMILIES)
def test_every_plug_loads_and_has_what_its_interface_says(
    module: str, name: str, interface: str, plug_name: str
) -> None:
    protocol = load({"it": interface}, "it", "interface")
    for key in family(module, name):
        plug: Any = load(family(module, name), key, "plug")
        assert plug.key == key
        for member in sorted(get_protocol_members(protocol)):
            assert hasattr(plug, member), f"{module}: {key} has no {member}"
            wanted, given = inspect.getattr_static(protocol, member, None), getattr(plug, member)
            if inspect.isfunction(wanted):
                names = list(inspect.signature(wanted).parameters)[1:]
                assert list(inspect.signature(given).parameters) == names, f"{module}: {key}.{member}"


@pytest.mark.parametrize(("module", "name", "interface", "plug_name"), FAMILIES)
def test_every_plug_file_is_in_its_family(module: str, name: str, interface: str, plug_name: str) -> None:
    """A file that nobody listed is dead code that looks alive."""
    package = Path(importlib.import_module(module).__path__[0])
    files = {path.stem for path in package.glob("*.py") if re.search(rf"^{plug_name}\b", path.read_text(), re.M)}
    assert files == {path.partition(":")[0].rpartition(".")[2] for path in family(module, name).values()}


def test_every_protocol_has_its_template() -> None:
    for key in family("annotation.protocols", "PROTOCOLS"):
        get_template(load(family("annotation.protocols", "PROTOCOLS"), key, "protocol").form_template)


@cache
def variables_read() -> set[str]:
    """Names of the variables read through config/env.py anywhere."""
    found = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "env"
                and node.func.attr in {"text", "flag", "number", "listing"}
            ):
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno} computes a variable's name"
                found.add(node.args[0].value)
    return found


def test_the_example_environment_lists_exactly_what_is_read() -> None:
    listed = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    assert len(listed) == len(set(listed))
    only_compose = {"POSTGRES_PASSWORD", "REDIS_PASSWORD"}
    assert set(listed) - only_compose == variables_read()


def test_the_environment_is_read_in_one_place() -> None:
    """The trainer's child knows no Django and no config; OMP_… is the machine's word to any program."""
    allowed = {"DJANGO_SETTINGS_MODULE", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"}
    for path in sources():
        names = re.findall(r'(?:environ(?:\.get\(|\[|\.setdefault\()|getenv\()"([A-Z_]+)"', path.read_text())
        assert set(names) <= allowed, path


def test_every_task_has_a_queue_that_is_served() -> None:
    app.loader.import_default_modules()
    tasks = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    assert tasks
    assert {name: task.queue for name, task in tasks.items() if getattr(task, "queue", None) not in QUEUES} == {}
    lines = [" ".join(process.command) for process in processes({})]
    served = [queue for line in lines for names in re.findall(r"--queues (\S+)", line) for queue in names.split(",")]
    assert sorted(served) == sorted(QUEUES)
    assert set(PARTS) == {f"queue:{queue}" for queue in QUEUES} | {"beat"}


def test_the_beat_rings_only_tasks_that_exist_and_rings_get_stale() -> None:
    schedule = gather()
    assert {name.partition(":")[0] for name in schedule} == {"corpus", "annotation", "routing", "training_bridge"}
    for name, entry in schedule.items():
        assert entry["task"] in app.tasks, name
        assert 0 < entry["options"]["expires"] <= entry["schedule"], name


def test_there_is_one_beat() -> None:
    assert sum("beat" in process.command for process in processes({})) == 1


def test_there_are_no_signals() -> None:
    """Nothing happens behind a save: who wants an effect calls the service that has it."""
    pattern = re.compile(r"@receiver\b|\b(?:(?:pre|post)_(?:save|delete|init|migrate)|m2m_changed)\.connect|Signal\(")
    assert [path for path in sources() if pattern.search(path.read_text())] == []


def test_modules_stay_readable() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in [*sources(), *(ROOT / "tests").rglob("*.py")]
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_the_lock_files_are_anybodys() -> None:
    """No address of a registry, and no build of torch: which one is the machine's choice."""
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text()
        assert not re.search(r"://|--(?:extra-)?index-url|--find-links|^(?:nvidia|cuda|triton)|\+cpu|\+cu", text, re.M)
        assert ("torch==2.13.0\n" in text.replace(" ", "")) == (path.name != "requirements.lock")
    pins = {path.name: set(path.read_text().split("\n")) for path in ROOT.glob("requirements*.lock")}
    assert pins["requirements.lock"] < pins["requirements-train.lock"] < pins["requirements-dev.lock"]
