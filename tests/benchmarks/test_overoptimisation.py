"""What the benchmark of over-optimisation says of curves that are known."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.overoptimisation import Plan, correlation, drawing, figures, labelled, proxies, table
from demo.world import prompts, quality

PLAN = Plan(pairs=60, samples=8, prompts=3, seeds=2, members=2)


def curves(gold: list[float], proxy: list[float]) -> dict[str, np.ndarray]:
    """The same for every seed and prompt."""
    return {name: np.tile(np.array(one), (2, 3, 1)) for name, one in (("gold", gold), ("proxy", proxy))}


def test_a_fall_and_a_gain_are_said_with_their_intervals() -> None:
    found = {"single": curves([1, 2, 3, 2], [0, 1, 2, 3])}
    names = ("mean", "worst", "cautious", "heads_mean")
    found |= {name: curves([1, 2, 3.25, 2.5], [0, 1, 1.5, 2]) for name in names}
    said = figures(PLAN, found, {"models": [0.5, 0.7], "heads": [0.9, 0.9]})
    assert said["single"]["peak_n"] == 4 and said["single"]["peak_less_end_interval"] == (1.0, 1.0)
    assert said["worst"]["gain_interval"] == (0.5, 0.5) and said["worst"]["proxy_end"] == 2.0
    assert said["worst"]["gain"] == {1: [0.0, 0.0, 0.0], 4: [0.25, 0.25, 0.25]} and "gain" not in said["single"]
    assert said["correlation"] == {"models": 0.6, "heads": 0.9}
    assert "| one model | 1.00 | 2.00 | 3.00 | 2.00 |" in table(PLAN, found)
    assert "| 2 heads: mean | 1.00 |" in table(PLAN, found), "as many as the plan has"
    picture = ElementTree.fromstring(drawing(PLAN, found))
    lines = [one for one in picture.iter() if one.tag.endswith("polyline")]
    assert len(lines) == 8 and json.dumps(said)


def test_a_quarter_of_the_labels_is_turned_round(tmp_path: Path) -> None:
    asked = prompts("train")[:300]
    answers = [["Thank you for asking! The book is upstairs.", "What now?"] for _ in asked]
    shares = {}
    for flips in (0.0, 0.25):
        folder = labelled(Plan(pairs=200, flips=flips), tmp_path / str(flips), asked, answers, 1)
        rows = [json.loads(line) for line in (folder / "preferences.jsonl").read_text().splitlines()]
        texts = [[row[side][0]["content"] for side in ("prompt", "chosen", "rejected")] for row in rows]
        shares[flips] = np.mean([quality(prompt, one) < quality(prompt, other) for prompt, one, other in texts])
    assert shares[0.0] < 0.1 and 0.15 < shares[0.25] - shares[0.0] < 0.35


def test_the_correlation_of_members_is_the_mean_over_their_pairs() -> None:
    scores = np.array([[1.0, 2.0], [3.0, 4.0]])  # of two responses to each of two prompts
    assert correlation(np.stack([scores, 2 * scores, -scores], -1)) == pytest.approx((1 - 1 - 1) / 3)


def test_members_are_read_in_each_way() -> None:
    alone, heads = np.array([[[1.0, 3.0]]]), np.array([[[0.0, 4.0]]])
    found = proxies(alone, heads)
    assert [one.item() for one in found["single"]] == [1.0, 3.0]
    assert {name: one[0].item() for name, one in found.items() if name != "single"} == {
        "mean": 2.0, "worst": 1.0, "cautious": 1.5, "heads_mean": 2.0, "heads_worst": 0.0, "heads_cautious": 0.0,
    }  # fmt: skip
