"""What a budget would buy in a project: its doubly labelled items, ranked as its policies would rank them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.services.forms import current_form
from common.configs import checked
from projects.models import Project
from routing.forecast import LEAST, Forecast, forecast
from routing.models import RiskModel, RoutingPlan
from routing.policies import policy
from routing.services import labelled
from routing.services.labelled import Labelled
from routing.services.plans import current_plan, takes_share
from routing.services.tallies import figures

MOST = 2000
"""The newest so many items make a curve: more would not be seen in it."""
MOST_NOW = 500
"""Of items that no model was fitted on yet, so many are read while somebody waits."""


@dataclass(frozen=True)
class Outlook:
    """`curve`: None where too few items are doubly labelled (`items` of LEAST); `by_risk`: whether a risk model ranks,
    else the judge's confidence. `share`: what the plan in force sends to people; None where it is not a share.
    `labels`, `money`: of people and judge, if people answered all that was routed; `calls`: money of the judge alone.
    """

    curve: Forecast | None
    items: int
    by_risk: bool
    share: float | None
    labels: int
    money: Decimal
    calls: Decimal


def outlook(project: Project) -> Outlook | None:
    """None where the plan in force has no judge: there is nothing to choose between."""
    plan = current_plan(project=project)
    if plan is None or plan.judge is None:
        return None
    sample, by_risk = _sample(plan)
    counted = figures(project)
    labels = counted.ledger.saved.all_human_labels if counted else 0
    routed = sum(counted.routes.values()) if counted else 0
    return Outlook(
        curve=_curve(sample),
        items=len(sample["risk"]),
        by_risk=by_risk,
        share=_share(plan),
        labels=labels,
        money=labels * project.price_per_label,
        calls=routed * plan.judge.price_per_call,
    )


def sample_of(rows: Labelled, risk: NDArray[np.float64]) -> dict[str, Any]:
    """What a curve is made of, to be kept with a fitted model. `risk`: (n,) out of fold, of `rows`."""
    counts = (rows.asked > 0) & ~np.isnan(rows.disagreed)
    kept = np.flatnonzero(counts)[-MOST:]
    among = rows.people[~np.isnan(rows.people)]
    return {
        "risk": [round(float(one), 5) for one in risk[kept]],
        "disagreed": [round(float(one), 5) for one in rows.disagreed[kept]],
        "asked": [float(one) for one in rows.asked[kept]],
        "group": [int(one) for one in np.unique(rows.groups[kept], return_inverse=True)[1]],
        "ceiling": 1 - float(among.mean()) if len(among) >= LEAST else None,
    }


def _sample(plan: RoutingPlan) -> tuple[dict[str, Any], bool]:
    """(sample, whether a risk model ranks it)."""
    assert plan.judge is not None
    form = current_form(project=plan.project)
    fitted = RiskModel.objects.filter(judge=plan.judge, form_version=form, parameters__has_key="sample")
    last = fitted.order_by("-number").first()
    if last is not None:
        return last.parameters["sample"], last.state == RiskModel.State.READY
    if labelled.count(plan.judge, form) > MOST_NOW:  # a model is about to be fitted, and brings its sample
        return {"risk": []}, False
    rows = labelled.collect(plan.judge, form, most=MOST_NOW)
    return sample_of(rows, rows.doubt), False


def _curve(sample: dict[str, Any]) -> Forecast | None:
    if len(sample["risk"]) < LEAST:
        return None
    return forecast(
        sample["risk"], sample["disagreed"], sample["asked"], np.array(sample["group"]), ceiling=sample["ceiling"]
    )


def _share(plan: RoutingPlan) -> float | None:
    plug = policy(plan.policy)
    config = checked(plug.Config, plan.config).model_dump()
    return float(config["share"]) if takes_share(plug) and config["mode"] == "batch" else None
