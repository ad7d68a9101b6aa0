"""A model's card says what it was made of, by name, and nothing in it can be taken for more than text."""

import json
from pathlib import Path
from typing import Any

from tests.methods import small
from training_bridge.methods.dpo import METHOD as DPO
from training_bridge.methods.interface import ModelFolder, Result
from training_bridge.model_cards import leave_card


def card(room: Path, **given: Any) -> tuple[str, dict[str, Any]]:
    folder = room / "model"
    (folder / "adapter").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    snapshot = small.snapshot(room / "17")
    (snapshot / "manifest.json").write_text("{}")
    base = {"path": str(room), "kind": "policy", "name": "Qwen\n---\n[click](evil)"}
    spec = {"seed": 3, "base": base, "snapshot": {"path": str(snapshot)}, "reference": None} | given
    values = {"train_loss": 0.51234567, "reward_accuracy_ci": [0.5, 0.75], "slices": {"a": 1}}
    result = Result(values, ModelFolder(str(folder), "policy"))
    leave_card(spec, DPO, DPO.Config(beta=0.25, trains="adapter"), result)
    return (folder / "README.md").read_text(), json.loads((folder / "training.json").read_text())


def test_a_card_tells_what_a_model_was_made_of_and_every_setting(tmp_path: Path) -> None:
    text, resolved = card(tmp_path)
    assert "| beta | 0.25 |" in text and "| trains | adapter |" in text and "Seed 3." in text
    assert "| train_loss | 0.512346 |" in text and "0.5 to 0.75" in text
    assert "AutoModelForCausalLM" in text and "`adapter`" in text and "slices" not in text
    assert resolved["config"]["beta"] == 0.25 and resolved["config"]["adapter_rank"] == 16
    assert resolved["snapshot"].startswith("17, sha256 44136fa355b3678a")
    assert str(tmp_path) not in text + json.dumps(resolved), "no path of this machine"


def test_a_name_stays_a_name(tmp_path: Path) -> None:
    text, _ = card(tmp_path)
    _, head, body = text.split("---\n", 2)
    assert json.loads(head.splitlines()[2].partition(": ")[2]) == "Qwen\n---\n[click](evil)"
    assert "# Qwen --- \\[click\\](evil)" in body and "\n---\n" not in body


def test_what_makes_no_model_leaves_no_card(tmp_path: Path) -> None:
    leave_card({"seed": 1}, DPO, DPO.Config(), Result({}))
    assert not list(tmp_path.iterdir())
