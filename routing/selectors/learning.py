"""What the router has learnt about its judge, as people and the API read it."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.services.forms import current_form
from common.charts import Series, fixed
from common.said import said
from projects.models import Project
from routing.models import Judge, PerformanceReport, RiskModel
from routing.policies.selection import feature_in_words
from routing.services import embeddings, features, labelled, risk
from routing.services.plans import current_plan
from routing.services.risk import Worth

WEIGHTIEST, LEAST_SHOWN = 10, 0.005


@dataclass(frozen=True)
class Weight:
    """`weight`: what one standard deviation more of a feature adds to the logit of the risk."""

    feature: str
    words: str
    weight: float


@dataclass(frozen=True)
class Learning:
    """`doubly`: items that people and the judge have answered, of `needed`; `model`: the one in force; `weights`: its
    weightiest features; `worth`: whether human labels pay; `stored` of `items`: whose features are kept; `similar`:
    whose similarities in meaning are, None without an encoder; `fault`: why the encoder failed last.
    """

    judge: Judge | None
    doubly: int
    needed: int
    model: RiskModel | None
    weights: list[Weight]
    worth: Worth | None
    stored: int
    items: int
    similar: int | None
    fault: str


def learning(project: Project) -> Learning:
    plan = current_plan(project=project)
    judge = plan.judge if plan else None
    kept = (*features.progress(project), embeddings.progress(project), embeddings.fault(project))
    if judge is None:
        return Learning(None, 0, risk.LEAST, None, [], None, *kept)
    form = current_form(project=project)
    model = risk.in_force(judge, form)
    doubly = labelled.count(judge, form)
    weights = weights_of(model) if model else []
    return Learning(judge, doubly, risk.LEAST, model, weights, risk.worth(judge, form), *kept)


def weights_of(model: RiskModel) -> list[Weight]:
    """The weightiest features of a fitted model."""
    fitted = model.parameters.get("judge")
    if not fitted:
        return []
    pairs = zip(fitted["names"], fitted["weights"], strict=True)
    found = [Weight(name, feature_in_words(name), fitted["slope"] * weight) for name, weight in pairs]
    found = [one for one in found if abs(one.weight) >= LEAST_SHOWN]
    return sorted(found, key=lambda one: -abs(one.weight))[:WEIGHTIEST]


@dataclass(frozen=True)
class Mixes:
    """A performance report in words. `rows`: (share of people in %, best mix, random mix), qualities in %; `better`:
    whether the best mix is known to be better than the judge alone; `kinds`: (kind, gain, items), the ends of the list:
    where people's labels add most and where least."""

    judge: str
    people: str
    best_share: int
    better: bool
    rows: list[tuple[int, str, str]]
    curves: list[Series]
    kinds: list[tuple[str, float, int]]


ENDS = 5


def mixes(report: PerformanceReport) -> Mixes | None:
    """None until it is ready."""
    found = report.result
    if report.state != PerformanceReport.State.READY:
        return None
    best, chance = found["quality"]["best"], found["quality"]["random"]
    shares = sorted(best, key=float)
    gains = found["gains"]
    shown = gains if len(gains) <= 2 * ENDS else [*gains[:ENDS], *gains[-ENDS:]]
    return Mixes(
        _interval(found["quality"]["judge"]),
        _interval(found["quality"]["people"]),
        round(100 * found["best_share"]),
        found["lift"]["low"] > 0,
        [(round(100 * float(share)), _interval(best[share]), _interval(chance[share])) for share in shares],
        [
            Series(name, [(100 * float(share), 100 * row[share]["mean"]) for share in shares])
            for name, row in ((_("Best mix"), best), (_("Random mix"), chance))
        ],
        [(kind_in_words(one["kind"]), one["gain"], one["items"]) for one in shown],
    )


def _interval(spread: dict[str, float]) -> str:
    mean, low, high = (fixed(100 * spread[key], 1) for key in ("mean", "low", "high"))
    return f"{mean} % ({low}–{high})"


def kind_in_words(kind: str) -> str:
    """ "alike:3/3" → "how many words the responses share: high"."""
    name, _colon, place = kind.rpartition(":")
    at, _slash, of = place.partition("/")
    words: Any = said(feature_in_words(name))
    if at == "1":
        return _("%(what)s: low") % {"what": words}
    return (_("%(what)s: high") if at == of else _("%(what)s: middling")) % {"what": words}
