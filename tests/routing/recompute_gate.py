"""The gate, reckoned again from the export alone, as `recompute` does the rest: nothing of the product is imported."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import false_discovery_control, ttest_1samp

from tests.routing.recompute import Row, choice, judge


class Gate(NamedTuple):
    """The alternative annotator test (Calderon et al. 2025): the share of people that the judge can stand for, how
    often it is at least as close to the others as they are, of how many people, on how many items."""

    winning_rate: float
    advantage: float
    people: int
    items: int


def gate(rows: Sequence[Row], *, epsilon: float, level: float = 0.05) -> Gate | None:
    """None with fewer than three people of fifty items each."""
    items = []
    for row in rows:
        said = {one["rater"]: choice(one) for one in row["answers"] if one["kind"] != "judge"}
        if len(said) >= 3 and (machine := judge(row)) and not any(_chosen(word) for word in row["decisions"]):
            items.append((machine, said))
    p_values, closeness = [], []
    for person in {name for _, said in items for name in said}:
        lost, close = [], []
        for machine, said in items:
            if person not in said:
                continue
            others = [one for name, one in said.items() if name != person]
            by_judge, by_person = (sum(one == other for other in others) for one in (machine, said[person]))
            lost.append(float(by_person >= by_judge) - float(by_judge >= by_person))
            close.append(by_judge >= by_person)
        if len(lost) >= 50:
            p_values.append(float(ttest_1samp(lost, epsilon, alternative="less").pvalue))
            closeness.append(np.mean(close))
    if len(p_values) < 3:
        return None
    wins = false_discovery_control(p_values, method="by") <= level
    return Gate(float(wins.mean()), float(np.mean(closeness)), len(p_values), len(items))


def _chosen(word: Row) -> bool:
    """Asked people because of what the item is like."""
    by_rank = word["purpose"] == "plan" and word["threshold"] is not None
    return word["route"] != "judge" and (by_rank or word["purpose"] == "escalation")
