"""The risk of items: what is learnt from, when it is refused, and what a decision is told."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import Annotation, FormVersion, Item, Rater
from annotation.services.items import open_slots
from common.errors import Conflict
from projects.models import Project
from routing import features, tasks
from routing.models import Decision, ItemFeatures, Judge, JudgeCall, RiskModel
from routing.policies import Foreseen
from routing.services import features as stored
from routing.services import labelled, risk
from tests import factories

pytestmark = pytest.mark.django_db
Labels = Callable[..., list[Item]]


def answered(item: Item, rater: Rater, choice: str, form: FormVersion) -> None:
    left, right = item.item_responses.values_list("response", flat=True)
    value = {"left": left, "right": right, "choice": choice, "strength": int(choice != "tie")}
    slots = open_slots(item=item, humans=int(rater.is_human), judges=int(not rater.is_human))
    Annotation.objects.create(
        item=item, rater=rater, slot=slots[0], standing="counted", values={"preference": value}, form_version=form
    )


@pytest.fixture
def label(project: Project, form: FormVersion, plan: Callable[..., Any], simulated: Judge) -> Labels:
    """`label(160, hint=True)`: so many items that a person and the judge have answered. With a hint the judge is wrong
    where its two orders contradict each other; else it is wrong by chance."""
    made = plan("random", share=0.5)
    rosa = factories.RaterFactory(project=project)

    def make(number: int, *, hint: bool = True, purpose: str = "pilot", seed: int = 0) -> list[Item]:
        chance = random.Random(seed)
        items = factories.ItemFactory.create_batch(number, project=project, state="open")
        for item in items:
            unsure = chance.random() < 0.4
            wrong = chance.random() < ((0.8 if unsure else 0.05) if hint else 0.3)
            word = Decision.objects.create(
                item=item, plan=made, route="both", purpose=purpose, propensity=0.5, asked=0.5, human_labels=1
            )
            orders = [{"first": "left", "choice": "left"}, {"first": "right", "choice": "right" if unsure else "left"}]
            JudgeCall.objects.create(
                judge=simulated, item=item, decision=word, state="answered", confidence=0.5, answer={"orders": orders}
            )
            answered(item, simulated.rater, "left", form)
            answered(item, rosa, "right" if wrong else "left", form)
        return items

    return make


def fitted(project: Project) -> RiskModel:
    begun = risk.begin(project=project)
    assert risk.fit(risk_model_id=begun.pk) and not risk.fit(risk_model_id=begun.pk), (
        "whoever comes second does nothing"
    )
    begun.refresh_from_db()
    return begun


def test_a_model_is_learnt_and_foresees(project: Project, label: Labels, simulated: Judge, form: FormVersion) -> None:
    assert not risk.due(project)
    items = label(200)
    assert risk.due(project)
    model = fitted(project)
    assert (model.state, model.items, model.why) == ("ready", 200, "")
    assert model.auc_low > 0.5 and not risk.due(project)
    plan = project.routing_plans.get()
    told = list(stored.with_texts(Item.objects.filter(pk__in=[item.pk for item in items]).order_by("pk")))
    seen = risk.risks(plan, told)
    unsure = [len({one["choice"] for one in item.judge_calls.get().answer["orders"]}) > 1 for item in items]
    pairs = list(zip(seen, unsure, strict=True))
    assert min(one.risk for one, doubt in pairs if doubt) > max(one.risk for one, doubt in pairs if not doubt)
    first = seen[unsure.index(True)]
    assert first.why[0][0] == "order_matters" and first.why[0][1] > 0 and first.people_risk is None
    count, agreed = first.like
    assert 0 <= agreed < count / 2 <= 20
    fresh = stored.with_texts(Item.objects.filter(pk=factories.ItemFactory(project=project).pk))
    (bare,) = risk.risks(plan, list(fresh))
    assert 0 < bare.risk < 1, "before the judge is asked the texts alone speak"
    label(40, seed=1)
    assert risk.due(project), "a fifth more"


def test_nothing_is_foreseen_without_a_model_of_this_judge_and_form(
    project: Project, label: Labels, plan: Callable[..., Any], form: FormVersion
) -> None:
    items = label(160)
    fitted(project)
    factories.FormVersionFactory(project=project, number=form.number + 1)
    assert risk.risks(plan("random", share=0.5), items[:2]) == [Foreseen(), Foreseen()]


def test_what_cannot_be_learnt_is_refused_and_says_why(project: Project, label: Labels) -> None:
    label(100, hint=False)
    few = fitted(project)
    assert few.state == "refused" and "150 are needed" in few.why
    label(100, hint=False, seed=1)
    chance = fitted(project)
    assert chance.state == "refused" and "no better than chance" in chance.why and chance.auc_low <= 0.5
    assert risk.model_of(project.routing_plans.get()) is None


def test_the_beat_begins_fits_and_stores(project: Project, label: Labels) -> None:
    label(160)
    tasks.learn()
    (model,) = RiskModel.objects.all()
    assert model.state == "fitting"
    tasks.fit_risk_model(model.pk)
    tasks.store_features(project.pk)
    model.refresh_from_db()
    assert model.state == "ready" and stored.progress(project) == (160, 160) and not stored.wanting(project)
    tasks.learn()
    assert RiskModel.objects.count() == 1, "nothing new to learn from"
    lost = risk.begin(project=project)
    RiskModel.objects.filter(pk=lost.pk).update(started_at=timezone.now() - 2 * risk.STALE)
    with pytest.raises(Conflict):
        risk.begin(project=project)
    tasks.learn()
    lost.refresh_from_db()
    assert (lost.state, lost.why) == ("failed", "The worker was lost while it fitted.")


def test_a_fault_is_seen_and_can_be_begun_again(project: Project, label: Labels, monkeypatch: Any) -> None:
    label(10)
    with monkeypatch.context() as patched:
        patched.setattr(labelled, "collect", lambda *_: 1 / 0)
        assert (fitted(project).state, fitted(project).why) == ("failed", "ZeroDivisionError: division by zero")
    assert fitted(project).state == "refused"


def test_calibration_is_never_learnt_from_and_chances_are_known(
    project: Project, label: Labels, simulated: Judge, form: FormVersion, django_assert_max_num_queries: Any
) -> None:
    label(5, purpose="calibration")
    pilot = label(12)
    chosen = label(3, purpose="plan", seed=2)
    Decision.objects.filter(item__in=chosen).update(route="human", propensity=1, asked=1)
    with django_assert_max_num_queries(14):
        found = labelled.collect(simulated, form)
    assert list(found.items) == [item.pk for item in pilot + chosen] and labelled.count(simulated, form) == 15
    assert found.asked.tolist() == [0.5] * 12 + [1.0] * 3 and found.drawn.tolist() == [True] * 12 + [False] * 3
    assert set(found.disagreed.tolist()) <= {0.0, 1.0} and np.isnan(found.people).all()
    assert found.features.shape == (15, len(features.NAMES))


def test_features_are_stored_once_and_read_as_they_would_be_made(project: Project) -> None:
    items = factories.ItemFactory.create_batch(5, project=project)
    made = stored.text_rows(items)
    assert stored.store(project=project, limit=3) == 3 and stored.store(project=project) == 2
    assert stored.store(project=project) == 0
    with CaptureQueriesContext(
        connection,
    ) as asked:
        again = stored.text_rows([item.pk for item in items])
    assert len(asked) == 1 and all(again[pk] == pytest.approx(row, rel=1e-6) for pk, row in made.items())
    ItemFeatures.objects.update(version=features.VERSION - 1)
    assert stored.store(project=project) == 5, "another meaning is another version"
