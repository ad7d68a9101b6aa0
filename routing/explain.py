"""One decision in words: where the item went, why, what the router saw and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.protocols import LETTERS, full_config, protocol
from annotation.services.forms import current_form
from common.charts import number
from common.said import said
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
    "verdicts": _("Its verdicts, one by one"),
}


def decision_view(decision: Decision) -> DecisionView:
    known = {key: _shown(decision.features.get(key)) for key in NAMES}
    features = [(str(NAMES[key]), shown) for key, shown in known.items() if shown not in (None, "")]
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
    "order": _("Shown in the order"),
    "sample": _("Sample"),
    "portion": _("Asked about"),
    "principle": _("By the principle"),
    "reference": _("An answer of its own, to compare with"),
    "choice": _("Verdict"),
    "verdict": _("It said"),
    "p": _("Probability of the verdict"),
    "fault": _("Why it does not count"),
    "p_left": _("Probability that the left is better"),
    "member": _("Member of the jury"),
    "weight": _("Weight"),
    "support": _("Share of the votes"),
    "model": _("Reward model"),
    "scores": _("Scores"),
    "annotator": _("Recorded judge"),
    "recorded": _("Recorded verdict"),
    "scorer": _("Scorer"),
    "gap": _("Score gap"),
    "flipped": _("Flipped at random"),
    "left": _("Score of the left"),
    "right": _("Score of the right"),
    "cached": _("Kept from an earlier asking"),
    "estimated": _("Tokens estimated, as nobody counted them"),
    "raw": _("Reply"),
}


def _orders(call: JudgeCall) -> list[tuple[str, list[Any]]]:
    """What was said in each order asked, side by side: (what it is, one value an order)."""
    records = call.answer.get("orders", [])
    # What a comparison says stands in words of its own; other forms put theirs in words.
    worded = any("verdict" in one and "choice" not in one for one in records)
    fields = {one["name"]: one for one in current_form(project=call.item.project).fields} if worded else {}
    orders = [_told(record, fields.get(record.get("field"))) for record in records]
    kept = [key for key in ORDERS if any(order.get(key) is not None for order in orders)]
    return [(str(ORDERS[key]), [_shown(order.get(key, "")) for order in orders]) for key in kept]


def _told(record: Mapping[str, Any], field: Mapping[str, Any] | None) -> dict[str, Any]:
    """One record of a judge's in words; `field`: of the form in force, None where it is no longer there."""
    told = dict(record)
    if "first" in told:
        told.pop("order", None)
    elif isinstance(told.get("order"), list):
        told["order"] = [LETTERS[place] for place in told["order"]]
    if told.get("sample") is not None:
        told["sample"] += 1
    if "fault" in told:
        told["fault"] = said(str(told["fault"]))
    verdict = told.pop("verdict", None)
    if verdict is not None and "choice" not in told and field is not None:
        told["verdict"] = "; ".join(protocol(field["protocol"]).in_words(verdict, full_config(field)))
    return told


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, float):
        return number(value, 4)
    if isinstance(value, list):
        return ", ".join(str(_shown(one)) for one in value if one is not None)
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
