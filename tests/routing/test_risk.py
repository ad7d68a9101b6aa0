"""The risk of items: what is learnt from, when it is refused, and what a decision is told."""

import itertools
import random
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import Annotation, FormVersion, Item, ItemResponse, Slot
from common.errors import Conflict
from corpus.models import Prompt, Response
from projects.models import Project
from routing import features, tasks
from routing.models import Certificate, Decision, ItemFeatures, Judge, JudgeCall, PerformanceReport, RiskModel
from routing.policies import Foreseen
from routing.services import embeddings, labelled, risk
from routing.services import features as stored
from tests import factories

pytestmark = pytest.mark.django_db
Labels = Callable[..., list[Item]]


@pytest.fixture
def label(project: Project, form: FormVersion, plan: Callable[..., Any], simulated: Judge) -> Labels:
    """`label(160, hint=True)`: so many items that a person and the judge have answered. With a hint the judge is wrong
    where its two orders contradict each other; else it is wrong by chance."""
    made = plan("random", share=0.5)
    rosa = factories.RaterFactory(project=project)
    numbers = itertools.count()

    def make(number: int, *, hint: bool = True, purpose: str = "pilot", seed: int = 0) -> list[Item]:
        chance = random.Random(seed)
        names = [f"{next(numbers)}" for _ in range(number)]
        asked = [{"role": "user", "content": "Why?"}]
        prompts = Prompt.objects.bulk_create(
            Prompt(project=project, external_id=name, group=name, messages=asked) for name in names
        )
        texts = [
            Response(prompt=prompt, external_id=f"{prompt.external_id}{side}", messages=asked)
            for prompt in prompts
            for side in "ab"
        ]
        responses = iter(Response.objects.bulk_create(texts))
        items = Item.objects.bulk_create(
            Item(project=project, external_id=prompt.external_id, prompt=prompt, state="open") for prompt in prompts
        )
        ends = [(next(responses), next(responses)) for _ in items]
        ItemResponse.objects.bulk_create(
            ItemResponse(item=item, response=one, ordinal=place)
            for item, pair in zip(items, ends, strict=True)
            for place, one in enumerate(pair)
        )
        words = Decision.objects.bulk_create(
            Decision(item=item, plan=made, route="both", purpose=purpose, propensity=0.5, asked=0.5, human_labels=1)
            for item in items
        )
        calls, said = [], []
        for item, (left, right), word in zip(items, ends, words, strict=True):
            unsure = chance.random() < 0.4
            wrong = chance.random() < ((0.8 if unsure else 0.05) if hint else 0.3)
            orders = [{"first": "left", "choice": "left"}, {"first": "right", "choice": "right" if unsure else "left"}]
            calls.append(
                JudgeCall(
                    judge=simulated,
                    item=item,
                    decision=word,
                    state="answered",
                    confidence=0.5,
                    answer={"orders": orders},
                )
            )
            for rater, choice in ((simulated.rater, "left"), (rosa, "right" if wrong else "left")):
                value = {"left": left.pk, "right": right.pk, "choice": choice, "strength": 1}
                audience = "human" if rater is rosa else "judge"
                slot = Slot(
                    project=project,
                    item=item,
                    ordinal=len(said) % 2,
                    audience=audience,
                    state="done",
                    rater=rater,
                    token=uuid.uuid4(),
                    form_version=form,
                    display_order=[left.pk, right.pk],
                )
                said.append(
                    (
                        slot,
                        Annotation(
                            item=item, rater=rater, standing="counted", values={"preference": value}, form_version=form
                        ),
                    )
                )
        JudgeCall.objects.bulk_create(calls)
        Slot.objects.bulk_create(slot for slot, _ in said)
        for slot, annotation in said:
            annotation.slot = slot
        Annotation.objects.bulk_create(annotation for _, annotation in said)
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
    with CaptureQueriesContext(connection) as many:
        assert risk.risks(plan, told) == seen
    with CaptureQueriesContext(connection) as few:
        risk.risks(plan, told[:2])
    assert len(few) == len(many) <= 7, "the same few queries for any number of items"
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
    levels = {"alpha": 0.1, "delta": 0.1, "share": 0.05, "threshold": 0.8, "bound": 0.93}
    counts = {"number": 1, "sample": 50, "kept": 40, "agreed": 40}
    Certificate.objects.create(
        project=project, judge=simulated, form_version=form, risk_model=model, **levels, **counts
    )
    assert not risk.due(project), "a new model would end the promise made with this one"


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
    Annotation.objects.filter(rater__kind="judge").update(values={"preference": {"choice": "unsure"}})
    unusable = fitted(project)
    assert (unusable.state, unusable.items) == ("refused", 0) and not risk.due(project), "not again and again"


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


def test_page_and_api_say_what_is_learnt_and_have_it_learn_again(
    project: Project, label: Labels, browse: Any, api: Any, ada: Any, noor: Any
) -> None:
    page, again = f"/projects/{project.slug}/routing/learning/", f"/projects/{project.slug}/routing/learning/again/"
    assert b"0 items have answers of both people and the judge" in browse(noor).get(page).content
    label(200)
    assert browse(ada).post(again).status_code == 302 and browse(noor).post(again).status_code == 404
    assert api(ada).post(f"/api/v1/projects/{project.slug}/routing/risk-models/").status_code == 409
    tasks.fit_risk_model(RiskModel.objects.get().pk)
    shown = browse(noor).get(page).content.decode()
    assert "Risk model 1 of “Simulated” is in force" in shown and "contradicts itself" in shown
    told = api(noor).get(f"/api/v1/projects/{project.slug}/routing/learning/").json()
    assert told["model"]["number"] == 1 and told["doubly"] == 200 and told["worth"] is None
    assert told["model"]["weights"][0]["feature"] == "order_matters"
    assert browse(ada).post(page + "performance/").status_code == 302
    assert api(ada).post(f"/api/v1/projects/{project.slug}/routing/performance/").status_code == 409
    tasks.report_performance(PerformanceReport.objects.get().pk)
    (report,) = api(noor).get(f"/api/v1/projects/{project.slug}/routing/performance/").json()["results"]
    assert (report["state"], report["why"], report["result"]["items"]) == ("ready", "", 200)
    assert "No mix is known to do better than the judge alone." in browse(noor).get(page).content.decode()


def test_an_encoder_says_how_alike_texts_are_and_its_failure_is_seen(
    project: Project, settings: Any, tmp_path: Any, browse: Any, noor: Any, plan: Callable[..., Any]
) -> None:
    from transformers import AutoModel

    from lm.embed import answers
    from lm.loading import load
    from tests.methods.small import encoder

    plan("random", share=0.5)
    item = factories.ItemFactory(project=project)
    tasks.store_features(project.pk)
    assert embeddings.progress(project) is None and not embeddings.missing(project).exists(), "none is set up"
    settings.ENCODER = str(tmp_path / "absent")
    tasks.store_features(project.pk)
    page = browse(noor).get(f"/projects/{project.slug}/routing/learning/").content.decode()
    assert "The encoder failed: the encoder cannot be loaded" in page
    settings.ENCODER = str(encoder(tmp_path / "encoder"))
    tasks.store_features(project.pk)
    assert embeddings.progress(project) == 1 and not embeddings.fault(project)
    told = embeddings.cosines([item.pk], embeddings.encoder())[item.pk]
    texts = ["now", "when does the shop open?", "when does the shop open?", "thank you"]
    (said,) = answers(load(settings.ENCODER, AutoModel), [{"id": 1, "texts": texts}])
    assert said["cosines"][3] == pytest.approx(1, abs=1e-4) and len(told) == 3 and all(-1 <= one <= 1 for one in told)
    row = dict(zip(features.MEANING, features.meaning_row(said["cosines"], 2), strict=True))
    assert row["meaning_alike"] == pytest.approx(sum(said["cosines"][3:]) / 3)
    assert row["towards_prompt"] == pytest.approx(said["cosines"][2] - sum(said["cosines"][:2]) / 2)
