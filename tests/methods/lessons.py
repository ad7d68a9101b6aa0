"""A snapshot that teaches everything: rankings of three, ties, thumbs, scores, marks, mended texts and reasons."""

import json
from pathlib import Path
from typing import Any

from tests.methods import small

MIDDLE = "It opens at nine, I think."


def snapshot(folder: Path, items: int = 18) -> Path:
    """Every third item's two best are tied, every sixth is held out. GOOD is liked, BAD is not, MIDDLE is between."""
    small.write_lines(folder / "preferences.jsonl", [row for n in range(items) for row in _pairs(n)])
    small.write_lines(folder / "lessons.jsonl", [_lessons(n) for n in range(items)])
    return folder


def _shared(n: int) -> dict[str, Any]:
    return {"item_id": n, "group": str(n), "split": "test" if n % 6 == 0 else "train", "prompt": small.asked(n)}


def _pairs(n: int) -> list[dict[str, Any]]:
    texts = [small.GOOD, MIDDLE, small.BAD]
    tied = n % 3 == 1
    pairs = [(0, 1, 0.5 if tied else 0.9, 0.0 if tied else 1.0), (0, 2, 1.0, 2.0), (1, 2, 0.8, 1.0)]
    return [
        _shared(n)
        | {
            "pair_id": f"{n}-{a}-{b}", "chosen": small.said(texts[a]), "rejected": small.said(texts[b]),
            "chosen_id": 3 * n + a, "rejected_id": 3 * n + b, "strength": strength, "soft": soft,
            "confidence": 1.0, "weight": 1.0 + n % 2, "source": "human", "rule": "majority",
        }
        for a, b, soft, strength in pairs
    ]  # fmt: skip


def _lessons(n: int) -> dict[str, Any]:
    texts = {3 * n: small.GOOD, 3 * n + 1: MIDDLE, 3 * n + 2: small.BAD}
    scores = {"polite": (1.0, 0.4, 0.0), "right": (0.9, 0.6, None)}
    return _shared(n) | {
        "responses": [{"id": pk, "messages": small.said(text)} for pk, text in texts.items()],
        "thumbs": [
            {"response_id": 3 * n, "soft": 1.0, "weight": 1.0},
            {"response_id": 3 * n + 2, "soft": 0.1, "weight": 2.0},
        ],
        "scores": [
            {"response_id": 3 * n + place, "aspect": aspect, "value": value, "weight": 1.0}
            for aspect, values in scores.items()
            for place, value in enumerate(values)
            if value is not None
        ],
        "marked": list(texts),
        "spans": [
            {"response_id": 3 * n + 1, "start": 17, "end": 25, "category": "hedging"},
            {"response_id": 3 * n + 2, "start": 0, "end": 9, "category": "rude"},
        ],
        "texts": [{"response_id": 3 * n, "weight": 1.0}],
        "rationales": [{"chosen_id": 3 * n, "rejected_id": 3 * n + 2, "text": "It says thank you."}] if n % 2 else [],
    }  # fmt: skip


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
