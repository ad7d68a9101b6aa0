"""One decision in words: where the item went, why, what the router saw and what came of it."""

from dataclasses import dataclass
from typing import Any

from routing.models import Decision, JudgeCall


@dataclass(frozen=True)
class DecisionView:
    """One decision with what came of it. `features`: (what it is called, what it was)."""

    decision: Decision
    went: str
    by_chance: str
    features: list[tuple[str, Any]]
    others: list[Decision]
    calls: list[tuple[JudgeCall, list[tuple[str, list[Any]]]]]


NAMES = {
    "prompt_words": "Words in the prompt",
    "words": "Words in the responses",
    "alike": "Share of words that both have",
    "log_ratio": "Logarithm of the ratio of their lengths",
    "identical": "The responses are the same text",
    "judge": "Judge",
    "state": "How its call ended",
    "confidence": "Its confidence",
    "verdicts": "What it said, in each order asked",
}


def decision_view(decision: Decision) -> DecisionView:
    features = [(NAMES[key], _shown(decision.features[key])) for key in NAMES if decision.features.get(key) is not None]
    others = decision.item.decisions.exclude(pk=decision.pk).select_related("plan").order_by("ordinal")
    calls = decision.item.judge_calls.select_related("judge").order_by("pk")
    return DecisionView(
        decision,
        _went(decision),
        _by_chance(decision),
        features,
        list(others),
        [(call, _orders(call)) for call in calls],
    )


ORDERS = {
    "field": "Field",
    "first": "Shown first",
    "choice": "Verdict",
    "p_left": "Probability that the left is better",
    "annotator": "Recorded judge",
    "recorded": "Recorded verdict",
    "scorer": "Scorer",
    "gap": "Score gap",
    "flipped": "Flipped at random",
    "left": "Score of the left",
    "right": "Score of the right",
    "cached": "Kept from an earlier asking",
    "raw": "Reply",
}


def _orders(call: JudgeCall) -> list[tuple[str, list[Any]]]:
    """What was said in each order asked, side by side: (what it is, one value an order)."""
    orders = call.answer.get("orders", [])
    kept = [key for key in ORDERS if any(order.get(key) is not None for order in orders)]
    return [(ORDERS[key], [_shown(order.get(key, "")) for order in orders]) for key in kept]


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _went(decision: Decision) -> str:
    if decision.ordinal > 1 and decision.route == Decision.Route.JUDGE:
        return "stayed with the judge"
    return {"human": "went to people", "judge": "went to the judge", "both": "went to both"}[decision.route]


def _by_chance(decision: Decision) -> str:
    if decision.propensity == 1:
        return "No chance was involved."
    return f"Of items like this one, {100 * decision.propensity:.3g} % go this way; the draw decides which."
