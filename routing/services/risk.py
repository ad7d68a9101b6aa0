"""How likely a judge is to disagree with people on an item: learnt from the items that both have judged.

Fitting needs scikit-learn and happens in workers; a risk is numpy, in a few queries for any number of items.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from accounts.models import User
from accounts.services import audit
from annotation.models import FormVersion, Item
from annotation.services.forms import current_form
from common.errors import Conflict
from common.words import gettext_noop as _
from projects.models import Project
from routing import curves, disagreement, features, history
from routing.disagreement import Fitted
from routing.history import History
from routing.models import Certificate, Judge, RiskModel, RoutingPlan
from routing.policies import Foreseen
from routing.services import embeddings, forecasts, labelled
from routing.services import features as stored
from routing.services.labelled import Labelled
from routing.services.plans import current_plan

LEAST = 150
"""Doubly labelled items from which a risk model is fitted at all."""
LEAST_PEOPLE = 100
"""Items with two people or more from which P(two people disagree) is known."""
GROWTH = 1.2
"""It is fitted again when the doubly labelled items have grown so much."""
BINS = 10
REASONS_KEPT = 5
STALE = timedelta(minutes=15)


# What a decision needs


def in_force(judge: Judge, form: FormVersion) -> RiskModel | None:
    """The newest model of a judge and a form that may route."""
    ready = RiskModel.objects.filter(judge=judge, form_version=form, state=RiskModel.State.READY)
    return ready.filter(features_version=features.VERSION).order_by("-number").first()


def model_of(plan: RoutingPlan) -> RiskModel | None:
    """The model by which a plan ranks its items; None without a judge or before one was fitted."""
    return in_force(plan.judge, current_form(project=plan.project)) if plan.judge else None


def risks(plan: RoutingPlan, items: Sequence[Item], model: RiskModel | None = None) -> list[Foreseen]:
    """What the model in force (or `model`) says of each item, whose texts are at hand; in order."""
    model = model or model_of(plan)
    if model is None or not items:
        return [Foreseen()] * len(items)
    fitted = _fitted(model.pk)
    rows = matrix(model.judge, model.form_version, items, fitted)
    risk = fitted.judge.risk(rows)
    people = fitted.people.risk(rows[:, :-1]).tolist() if fitted.people else [None] * len(items)
    parts = fitted.judge.parts(rows)
    heavy = np.argsort(-np.abs(parts), axis=1)[:, :REASONS_KEPT]
    names = fitted.judge.names
    return [
        Foreseen(
            float(risk[i]),
            people[i],
            tuple((names[j], float(parts[i, j])) for j in heavy[i] if abs(parts[i, j]) >= 0.005),
            fitted.like(float(risk[i])),
        )
        for i in range(len(items))
    ]


def matrix(judge: Judge, form: FormVersion, items: Sequence[Item], fitted: "_Ready") -> NDArray[np.float64]:
    """(n, f): features.NAMES, then one column a tag, then the history."""
    ids = [item.pk for item in items]
    said = stored.signals_of(judge, form, ids)
    rows = stored.matrix(ids, stored.text_rows(items), said, embeddings.cosines(ids, fitted.encoder))
    slices = [features.slices(stored.tags_of(item)) for item in items]
    models = [[row.response.model_name for row in item.item_responses.all()] for item in items]
    cells = [history.cells(own, names) for own, names in zip(slices, models, strict=True)]
    return np.column_stack([rows, stored.tag_matrix(slices, fitted.tags), fitted.history.column(cells)])


@dataclass(frozen=True)
class _Ready:
    judge: Fitted
    people: Fitted | None
    tags: tuple[str, ...]
    history: History
    encoder: str
    bins: tuple[tuple[float, int, int], ...]

    def like(self, risk: float) -> tuple[int, int] | None:
        """(items, agreed) of the past items whose risk was about the same."""
        return next(((n, agreed) for top, n, agreed in self.bins if risk <= top), None)


@lru_cache(maxsize=32)
def _fitted(model_id: int) -> _Ready:
    """A model that is ready never changes."""
    found = RiskModel.objects.values_list("parameters", flat=True).get(pk=model_id)
    people = found.get("people")
    return _Ready(
        Fitted.from_json(found["judge"]),
        Fitted.from_json(people) if people else None,
        tuple(found.get("tags", ())),
        History(**found["history"]),
        found["encoder"],
        tuple((float(top), int(n), int(agreed)) for top, n, agreed in found.get("like", ())),
    )


@dataclass(frozen=True)
class Worth:
    """What human labels are worth beside the judge's on the `items` that several people and the judge have answered.

    `gain`: how much likelier a single person's label is to be right; `most`: what it is at most, with 90 % confidence,
    where the judge is in doubt or where it is not; it pays unless that is less than `price`.
    """

    items: int
    gain: float
    most: float
    price: float = curves.WORTH

    @property
    def pays(self) -> bool:
        return self.most >= self.price


def worth(judge: Judge, form: FormVersion) -> Worth | None:
    """Whether human labels are worth buying here; None before enough items have several people's answers."""
    rows = labelled.collect(judge, form, most=curves.LOOKS[-1])
    known = ~np.isnan(rows.people) & ~np.isnan(rows.disagreed)
    if known.sum() < curves.LOOKS[0]:
        return None
    gain = (rows.disagreed - rows.people)[known]
    return Worth(len(gain), float(gain.mean()), curves.most_gained(gain, rows.doubt[known]))


# Fitting


def due(project: Project) -> bool:
    """Whether the judge of the plan in force is to be fitted: enough is doubly labelled, and much more than last.

    Never while a certificate is in force that speaks of the last model: a new one would end it, so a person begins it.
    """
    plan = current_plan(project=project)
    if plan is None or plan.judge is None or project.state != Project.State.ACTIVE:
        return False
    form = current_form(project=project)
    last = RiskModel.objects.filter(judge=plan.judge, form_version=form).order_by("-number").first()
    if last is not None and last.state == RiskModel.State.FITTING:
        return False
    if Certificate.objects.filter(risk_model__judge=plan.judge, ended_at=None, threshold__isnull=False).exists():
        return False
    count = labelled.count(plan.judge, form)
    if last is None or last.features_version != features.VERSION:
        return count >= LEAST
    # What was counted then, not what of it could be used: else unusable answers alone would have it fitted for ever.
    before: int = last.parameters.get("counted", last.items)
    return count >= max(LEAST, GROWTH * before)


def begin(*, project: Project, judge: Judge | None = None, by: User | None = None) -> RiskModel:
    """Puts down that a model of `judge` (None: the plan's) is to be fitted. Raises Conflict while one is being fitted,
    or where there is no judge."""
    plan = current_plan(project=project)
    judge = judge or (plan.judge if plan else None)
    if judge is None:
        raise Conflict(_("The plan in force has no judge, so there is nothing to learn about."), code="judge-missing")
    form = current_form(project=project)
    last = RiskModel.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    try:
        with transaction.atomic():
            made = RiskModel.objects.create(
                project=project,
                judge=judge,
                form_version=form,
                number=last + 1,
                features_version=features.VERSION,
                items=labelled.count(judge, form),
            )
            audit(actor=by, kind="risk.begun", subject=f"project:{project.slug}", judge=judge.name, number=made.number)
    except IntegrityError as fault:
        raise Conflict(_("A risk model is being fitted already."), code="fitting") from fault
    return made


def fit(*, risk_model_id: int) -> bool:
    """Fits a model that was put down; False where somebody else has it. It ends ready, refused or failed, with why."""
    rows = RiskModel.objects.filter(pk=risk_model_id, state=RiskModel.State.FITTING)
    if not rows.filter(started_at=None).update(started_at=timezone.now()):
        return False
    model = RiskModel.objects.select_related("judge", "form_version", "project").get(pk=risk_model_id)
    try:
        ended = _learnt(labelled.collect(model.judge, model.form_version))
        ended["parameters"] = {"counted": model.items} | ended.get("parameters", {})
    except Exception as raised:  # whatever goes wrong must end in a named state
        ended = {"state": RiskModel.State.FAILED, "why": f"{type(raised).__name__}: {raised}"[:500]}
    rows.update(**ended, finished_at=timezone.now())
    return True


def _learnt(rows: Labelled) -> dict[str, Any]:
    """The columns of a fitted model."""
    known = ~np.isnan(rows.disagreed)
    n = int(known.sum())
    if n < LEAST:
        why = _("%(n)s items have answers of both people and the judge; %(least)s are needed.") % {
            "n": n,
            "least": LEAST,
        }
        return {"state": RiskModel.State.REFUSED, "why": why, "items": n}
    told, groups, wrong = rows.features[known], rows.groups[known], rows.disagreed[known]
    if not 0 < wrong.mean() < 1:
        why = _("The judge and people agree always or never: there is nothing to learn.")
        return {"state": RiskModel.State.REFUSED, "why": why, "items": n}
    cells = [cells for cells, inside in zip(rows.cells, known.tolist(), strict=True) if inside]
    names = (*rows.names, history.NAME)
    fitted = disagreement.fit(told, wrong, groups, names=names, measured=rows.drawn[known], cells=cells)
    risk = disagreement.cross_fitted_risk(told, wrong, groups, cells=cells)
    everyone = np.full(len(known), np.nan)
    everyone[known] = risk
    ended: dict[str, Any] = {
        "state": RiskModel.State.READY,
        "items": n,
        "auc": fitted.auc,
        "auc_low": fitted.auc_low,
        "auc_high": fitted.auc_high,
        "parameters": {
            "judge": fitted.as_json(),
            "people": _people(rows),
            "tags": list(rows.tags),
            "encoder": embeddings.encoder(),
            "history": asdict(History.of(cells, wrong)),
            "like": _bins(risk, wrong),
            "sample": forecasts.sample_of(rows, everyone),
        },
    }
    if fitted.auc_low <= 0.5:
        ended |= {"state": RiskModel.State.REFUSED, "why": _no_better(fitted, int(rows.drawn[known].sum()))}
        ended["parameters"]["sample"] = forecasts.sample_of(rows, rows.doubt)
    return ended


def _no_better(fitted: Fitted, drawn: int) -> str:
    return _(
        "On the %(drawn)s items drawn at random it ranks no better than chance: "
        "AUC %(auc)s, between %(low)s and %(high)s."
    ) % {
        "drawn": drawn,
        "auc": f"{fitted.auc:.2f}",
        "low": f"{fitted.auc_low:.2f}",
        "high": f"{fitted.auc_high:.2f}",
    }


def _people(rows: Labelled) -> dict[str, Any] | None:
    """P(two people disagree): by features, or the same for all where they nearly always or never do."""
    known = ~np.isnan(rows.people)
    among = rows.people[known]
    if len(among) < LEAST_PEOPLE:
        return None
    if not 0 < among.mean() < 1:
        return disagreement.constant(float(among.mean()), names=rows.names, n=len(among)).as_json()
    return disagreement.fit(rows.features[known], among, rows.groups[known], names=rows.names).as_json()


def _bins(risk: NDArray[np.float64], wrong: NDArray[np.float64]) -> list[list[float]]:
    """[highest risk, items, agreed] of tenths of the items by their risk, each by a model that had not seen it."""
    order = np.argsort(risk, kind="stable")
    found = []
    for part in np.array_split(order, BINS):
        found.append([float(risk[part[-1]]), len(part), round(float((1 - wrong[part]).sum()))])
    found[-1][0] = 1.0
    return found


def waiting() -> QuerySet[RiskModel]:
    """Models that no worker has taken up yet."""
    return RiskModel.objects.filter(state=RiskModel.State.FITTING, started_at=None)


def fail_stale() -> int:
    """Fittings whose worker has died end as failed, to be begun again; returns how many."""
    lost = RiskModel.objects.filter(state=RiskModel.State.FITTING, started_at__lt=timezone.now() - STALE)
    return lost.update(
        state=RiskModel.State.FAILED, why=_("The worker was lost while it fitted."), finished_at=timezone.now()
    )
