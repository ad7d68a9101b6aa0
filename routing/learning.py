"""What the router has learnt about its judge, as people and the API read it."""

from dataclasses import dataclass

from annotation.services.forms import current_form
from projects.models import Project
from routing.models import Judge, RiskModel
from routing.policies.selection import feature_in_words
from routing.services import features, labelled, risk
from routing.services.plans import current_plan
from routing.services.risk import Worth

WEIGHTIEST = 10


@dataclass(frozen=True)
class Weight:
    """`weight`: what one standard deviation more of a feature adds to the logit of the risk."""

    feature: str
    words: str
    weight: float


@dataclass(frozen=True)
class Learning:
    """`doubly`: items that people and the judge have answered, of `needed`; `model`: the one in force; `weights`: its
    weightiest features; `worth`: whether human labels pay; `stored` of `items`: whose features are kept."""

    judge: Judge | None
    doubly: int
    needed: int
    model: RiskModel | None
    weights: list[Weight]
    worth: Worth | None
    stored: int
    items: int


def learning(project: Project) -> Learning:
    plan = current_plan(project=project)
    judge = plan.judge if plan else None
    stored, items = features.progress(project)
    if judge is None:
        return Learning(None, 0, risk.LEAST, None, [], None, stored, items)
    form = current_form(project=project)
    model = risk.in_force(judge, form)
    doubly = labelled.count(judge, form)
    weights = weights_of(model) if model else []
    return Learning(judge, doubly, risk.LEAST, model, weights, risk.worth(judge, form), stored, items)


def weights_of(model: RiskModel) -> list[Weight]:
    """The weightiest features of a fitted model."""
    fitted = model.parameters.get("judge")
    if not fitted:
        return []
    pairs = zip(fitted["names"], fitted["weights"], strict=True)
    found = [Weight(name, feature_in_words(name), fitted["slope"] * weight) for name, weight in pairs if weight]
    return sorted(found, key=lambda one: -abs(one.weight))[:WEIGHTIEST]
