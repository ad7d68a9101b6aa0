"""The measurement, on the real pairs: the table of the design, and what people agree among themselves."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from routing.report import Pair, agreement, people_agreement, report

SIDES = {"a": "left", "b": "right", "tie": "tie"}
PUBLISHED = {"0": 72.5, "10": 74.9, "25": 78.4, "50": 83.9, "100": 95.7}


@pytest.fixture(scope="module")
def pandalm(shared_data: Callable[[str], Path]) -> list[Pair]:
    found = []
    with gzip.open(shared_data("routing/pandalm") / "pairs.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            people = {name: SIDES[said] for name, said in row["humans"].items()}
            judges = {name: SIDES.get(said["verdict"] or "") for name, said in row["judges"].items()}
            found.append(Pair(row["id"], people, judges))
    return found


def test_random_reproduces_the_published_row(pandalm: list[Pair]) -> None:
    made = report(pandalm, "gpt-3.5-turbo", second="pandalm-7b", shares=[0, 0.1, 0.25, 0.5, 1], seeds=8)
    assert made["items"] == 999
    assert made["unreadable"] == 25
    for share, value in PUBLISHED.items():
        assert made["policies"]["random"][share] == pytest.approx(value, abs=1)
    # Where two judges contradict each other is worth more than chance, at the same price.
    for share in ("10", "25", "50"):
        assert made["policies"]["confidence"][share] > made["policies"]["random"][share] + 1


def test_people_agree_with_each_other(pandalm: list[Pair]) -> None:
    found = people_agreement(pandalm)
    assert len(found) == 3
    assert all(0.91 <= value <= 0.93 for value in found.values())


def test_one_person_is_left_out_and_the_others_must_agree() -> None:
    pair = Pair("1", {"x": "left", "y": "left", "z": "tie"}, {"j": "left"})
    assert agreement([pair], "j", set()) == 1  # only z left out gives a reference: left
    assert agreement([pair], "j", {0}) == 0  # the label is then z's tie
    assert agreement([Pair("1", {"x": "tie", "y": "tie", "z": "tie"})], "j", set()) == 1  # no verdict counts as a tie
    assert agreement([Pair("1", {"x": "left", "y": "tie", "z": "right"})], "j", set()) is None
