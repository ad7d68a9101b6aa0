"""A paced stream spends its budget, never more, and on nearly what hindsight would have chosen."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from projects.models import Project
from routing.models import Decision, StreamPrice
from routing.pacing import Pace
from routing.services import budgets


def run(risks: NDArray[np.float64], budget: int, start: float) -> tuple[float, float]:
    """(share of the budget spent, risk bought as a share of the offline top-k's)."""
    pace, left, bought = Pace(start), budget, 0.0
    for risk in risks:
        asked = bool(risk >= pace.bar(left=left, expected=len(risks)) and left > 0)
        pace = pace.after([(float(risk), asked)], left=left, expected=len(risks))
        left, bought = left - asked, bought + float(risk) * asked
    assert left >= 0 and pace.seen == len(risks) and pace.bought == budget - left
    return 1 - left / budget, bought / float(np.sort(risks)[::-1][:budget].sum())


def streams(n: int) -> dict[str, NDArray[np.float64]]:
    random = np.random.default_rng(0)
    rising = np.concatenate([random.beta(2, 5, n // 2), random.beta(5, 2, n // 2)])
    return {
        "skewed": random.beta(2, 5, n),
        "even": random.random(n),
        "narrow": random.beta(20, 80, n),
        "few values": random.choice([0.05, 0.1, 0.5, 0.9], n, p=[0.5, 0.3, 0.15, 0.05]),
        "rising": rising,
        "falling": rising[::-1].copy(),
    }


@pytest.mark.parametrize("name", streams(2))
@pytest.mark.parametrize("share", [0.05, 0.25, 0.6])
@pytest.mark.parametrize("start", [0.05, 0.3, 0.9])
def test_the_budget_lasts_and_is_spent(name: str, share: float, start: float) -> None:
    """Regret: at most 10 % of the offline top-k where risks stay as they are; 30 % where they change half way, which
    no rule can know."""
    spent, got = run(streams(2000)[name], round(2000 * share), start)
    assert spent >= 0.95
    assert got >= (0.7 if name in {"rising", "falling"} else 0.9)


@pytest.mark.django_db
def test_a_stream_is_paced_in_the_flow_and_its_price_is_kept(
    project: Project, items: Any, plan: Any, settle: Any
) -> None:
    items(60)
    in_force = plan("confidence", threshold=0.99)
    budgets.set_limits(project=project, labels=15, money=None, expected_items=60)
    settle()
    second = Decision.objects.filter(ordinal=2)
    people = second.filter(route="human")
    assert second.count() == 60 and 14 <= people.count() <= 15
    price = StreamPrice.objects.get(plan=in_force)
    assert (price.seen, price.bought) == (60, people.count())
    bought = np.mean([one.risk for one in people])
    every = sorted((one.risk for one in second), reverse=True)
    assert bought >= 0.8 * np.mean(every[: people.count()])
    assert any("so that the budget lasts" in " ".join(one.reasons) for one in people)
    items(5)  # more come than were expected: little or nothing is left for them
    settle()
    assert people.count() <= 15 and Decision.objects.filter(ordinal=2).count() == 65
