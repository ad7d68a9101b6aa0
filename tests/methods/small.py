"""A tiny policy made once, a tiny snapshot, and a run of the real child process, for the tests of methods."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_bridge.methods.interface import Context, ModelFolder

ROOT = Path(__file__).resolve().parents[2]
SHAPE = {"vocabulary": 320, "hidden_size": 32, "layers": 2, "heads": 2, "max_length": 48, "batch_size": 4}
GOOD, BAD = "Thank you for asking. It opens at nine.", "What now?"


def context(output: Path, **given: Any) -> Context:
    """A context that keeps what is reported in `reports`, a list of (kind, value)."""
    output.mkdir(parents=True, exist_ok=True)
    reports: list[tuple[str, Any]] = given.pop("reports", [])
    defaults: dict[str, Any] = {
        "seed": 7,
        "snapshot": None,
        "base": None,
        "reference": None,
        "reward": None,
        "input": {},
        "checkpoint": None,
        "phase": lambda text: reports.append(("phase", text)),
        "total": lambda steps: reports.append(("total", steps)),
        "metrics": lambda step, values: reports.append(("metrics", (step, dict(values)))),
        "saved": lambda path, step, sha256: reports.append(
            ("saved", {"path": str(path), "step": step, "sha256": sha256})
        ),
        "log": lambda text: reports.append(("log", text)),
        "stop_requested": lambda: False,
    }
    return Context(output=output, **(defaults | given))


def write_lines(path: Path, rows: list[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def asked(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"When does shop {number} open?"}]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def snapshot(folder: Path, pairs: int = 24) -> Path:
    """Pairs in which the polite answer won; every sixth is held out."""
    rows = [
        {
            "item_id": n,
            "pair_id": str(n),
            "group": str(n),
            "split": "test" if n % 6 == 0 else "train",
            "prompt": asked(n),
            "chosen": said(GOOD),
            "rejected": said(BAD),
            "chosen_id": 2 * n,
            "rejected_id": 2 * n + 1,
            "strength": 2.0,
            "soft": 1.0 if n % 3 else 0.8,
            "confidence": 1.0,
            "weight": 1.0 + n % 2,
            "source": "human",
            "rule": "majority",
        }
        for n in range(pairs)
    ]
    write_lines(folder / "preferences.jsonl", rows)
    return folder


def text(path: Path, documents: int = 120) -> Path:
    return write_lines(path, [{"messages": [*asked(n), *said(GOOD if n % 2 else BAD)]} for n in range(documents)])


def losses(reports: list[tuple[str, Any]]) -> list[tuple[int, float, float]]:
    return [
        (step, values["loss"], values["grad_norm"])
        for kind, (step, values) in [(kind, value) for kind, value in reports if kind == "metrics"]
    ]


def specification(folder: Path, method: str, config: Mapping[str, Any], **given: Any) -> Path:
    """A run folder with its spec.json."""
    spec = {
        "method": method,
        "config": config,
        "seed": 7,
        "run_id": 1,
        "attempt": 1,
        "snapshot": None,
        "base": None,
        "reference": None,
        "reward": None,
        "input": {},
        "checkpoint": None,
        "threads": 1,
        "output": str(folder / "output"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(json.dumps(spec | given), encoding="utf-8")
    return folder


def child(folder: Path) -> "subprocess.Popen[str]":
    """The real child process on a run folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "training_bridge.child", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
    )


def base(path: str) -> ModelFolder:
    return ModelFolder(path, "policy")


def encoder(folder: Path) -> Path:
    """A tiny BERT that knows the words of the snapshots, with its tokenizer."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir(parents=True)
    said = "thank you for asking.it opens at nine, i think what now?when does shop open user assistant:"
    words = list(dict.fromkeys(re.findall(r"\w+|\W", said)))
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    shape = BertConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(shape).save_pretrained(folder)
    return folder
