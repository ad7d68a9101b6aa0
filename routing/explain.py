"""One decision in words: where the item went, why, what the router saw and what came of it."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.charts import number
from routing.models import Decision, JudgeCall
from routing.policies import POLICIES, policy


@dataclass(frozen=True)
class DecisionView:
    """One decision with what came of it. `features`: (what it is called, what it was)."""

    decision: Decision
    policy: str
    went: str
    by_chance: str
    features: list[tuple[str, Any]]
    others: list[Decision]
    calls: list[tuple[JudgeCall, list[tuple[str, list[Any]]]]]


NAMES = {
    "prompt_words": _("Words in the prompt"),
    "words": _("Words in the responses"),
    "alike": _("Share of words that both have"),
    "log_ratio": _("Logarithm of the ratio of their lengths"),
    "identical": _("The responses are the same text"),
    "judge": _("Judge"),
    "state": _("How its call ended"),
    "confidence": _("Its confidence"),
    "verdicts": _("What it said, in each order asked"),
}


def decision_view(decision: Decision) -> DecisionView:
    features = [
        (str(NAMES[key]), _shown(decision.features[key])) for key in NAMES if decision.features.get(key) is not None
    ]
    others = decision.item.decisions.exclude(pk=decision.pk).select_related("plan").order_by("ordinal")
    calls = decision.item.judge_calls.select_related("judge").order_by("pk")
    return DecisionView(
        decision,
        _policy(decision),
        _went(decision),
        _by_chance(decision),
        features,
        list(others),
        [(call, _orders(call)) for call in calls],
    )


# What judges and rows call things, in words.
VALUES = {
    "left": _("left"),
    "right": _("right"),
    "tie": _("tie"),
    "both_bad": _("both bad"),
    **dict(JudgeCall.State.choices),
}
ORDERS = {
    "field": _("Field"),
    "first": _("Shown first"),
    "choice": _("Verdict"),
    "p_left": _("Probability that the left is better"),
    "annotator": _("Recorded judge"),
    "recorded": _("Recorded verdict"),
    "scorer": _("Scorer"),
    "gap": _("Score gap"),
    "flipped": _("Flipped at random"),
    "left": _("Score of the left"),
    "right": _("Score of the right"),
    "cached": _("Kept from an earlier asking"),
    "raw": _("Reply"),
}


def _orders(call: JudgeCall) -> list[tuple[str, list[Any]]]:
    """What was said in each order asked, side by side: (what it is, one value an order)."""
    orders = call.answer.get("orders", [])
    kept = [key for key in ORDERS if any(order.get(key) is not None for order in orders)]
    return [(str(ORDERS[key]), [_shown(order.get(key, "")) for order in orders]) for key in kept]


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, float):
        return number(value, 4)
    if isinstance(value, list):
        return ", ".join(str(_shown(one)) for one in value)
    return VALUES.get(value, value) if isinstance(value, str) else value


def _policy(decision: Decision) -> str:
    """What people call the policy that decided; its key where it is no longer there, empty without a plan."""
    key = decision.plan.policy if decision.plan else ""
    return gettext(policy(key).title) if key in POLICIES else key


def _went(decision: Decision) -> str:
    if decision.ordinal > 1 and decision.route == Decision.Route.JUDGE:
        return gettext("stayed with the judge")
    went = {
        "human": gettext("went to people"),
        "judge": gettext("went to the judge"),
        "both": gettext("went to both"),
    }
    return went[decision.route]


def _by_chance(decision: Decision) -> str:
    if decision.propensity == 1:
        return gettext("No chance was involved.")
    return gettext("Of items like this one, %(propensity)s %% go this way; the draw decides which.") % {
        "propensity": number(100 * decision.propensity)
    }
