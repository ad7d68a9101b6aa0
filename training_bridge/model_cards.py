"""A model's card: what it was made of and how, in its own folder, for whoever has nothing but the folder."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_bridge.methods.interface import Config, Method, Result

CARD, RESOLVED = "README.md", "training.json"
ROLES = ("base", "reference", "reward")
USES = {
    "policy": 'AutoModelForCausalLM.from_pretrained("<this folder>")',
    "reward": 'AutoModelForSequenceClassification.from_pretrained("<this folder>")',
    "spans": 'AutoModelForTokenClassification.from_pretrained("<this folder>")',
}


def leave_card(spec: Mapping[str, Any], method: Method, config: Config, result: Result) -> None:
    """Writes README.md and, with every setting as it was resolved, training.json into the folder of what was made."""
    if result.model is None:
        return
    folder = Path(result.model.path)
    made_of = _made_of(spec)
    resolved = {"method": method.key, "config": config.model_dump(mode="json"), "seed": spec["seed"], **made_of}
    (folder / RESOLVED).write_text(_json(resolved, indent=1) + "\n", encoding="utf-8")
    how = _how_it_is_read(folder, result.model.kind)
    head = {"library_name": "transformers", "tags": ["prefloop", method.key]}
    if "base" in made_of:
        head["base_model"] = made_of["base"]
    front = "\n".join(f"{key}: {_json(value)}" for key, value in head.items())
    facts = [f"* {role}: {_plain(name)}" for role, name in made_of.items()]
    settings = [f"| {name} | {_plain(value)} |" for name, value in resolved["config"].items()]
    figures = [f"| {name} | {_plain(value)} |" for name, value in result.values.items() if _is_figure(value)]
    parts = [
        f"---\n{front}\n---",
        f"# {_plain(made_of.get('base', method.key))}, {method.title}",
        method.description,
        "\n".join(facts),
        how,
        "## Figures\n\nOf the training split where they begin with “train”, else of prompts that were held out.\n\n"
        + _table("figure", figures),
        f"## Settings\n\nSeed {spec['seed']}. The same settings, data and seed give the same weights on a CPU.\n\n"
        + _table("setting", settings),
    ]
    (folder / CARD).write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _made_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """The models and the snapshot by name, never by a path of this machine."""
    found = {}
    for role in ROLES:
        given = spec.get(role)
        if given:
            path = Path(given["path"])
            found[role] = str(given.get("name") or (path.name if path.is_dir() else given["path"]))
    manifest = Path(spec["snapshot"]["path"]) / "manifest.json" if spec.get("snapshot") else None
    if manifest is not None and manifest.is_file():
        found["snapshot"] = f"{manifest.parent.name}, sha256 {hashlib.sha256(manifest.read_bytes()).hexdigest()}"
    return found


def _how_it_is_read(folder: Path, kind: str) -> str:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    reading = config.get("reward") or {}
    use = USES["spans"] if reading.get("kind") == "spans" else USES.get(kind, "")
    if reading.get("kind") == "expression":
        use = ""
    lines = [f"```python\nfrom transformers import {use.partition('.')[0]}\nmodel = {use}\n```" if use else ""]
    if reading:
        lines.append(
            "What its heads say becomes one number by `reward` in `config.json`; `python -m lm.score` does so."
        )
    if (folder / "adapter").is_dir():
        lines.append("The adapter by itself, which is merged into these weights, is in `adapter`.")
    return "\n\n".join(line for line in lines if line)


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float | str) or (
        isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, int | float) for one in value)
    )


def _table(first: str, rows: list[str]) -> str:
    return "\n".join([f"| {first} | |", "|---|---|", *rows]) if rows else ""


def _plain(value: Any) -> str:
    """One line of Markdown that says just this."""
    if isinstance(value, float):
        value = f"{value:.6g}"
    elif isinstance(value, list | tuple):
        value = " to ".join(_plain(one) for one in value)
    line = " ".join(str(value).split())
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in line)


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
