"""Judges of several kinds: what they make of each form, how ensembles and juries agree, and a language model."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotation.protocols import Content, check_config, protocol
from projects.models import Project
from routing.judges import Answer, Question, child
from routing.judges.reward_model import Settings, combined
from tests import factories
from tests.routing.test_judges import choice, said

FORMS: dict[str, dict[str, Any]] = {
    "pairwise": {"points": 7},
    "best_of_n": {"worst": "required", "rationale": "off"},
    "ranking": {"ties": True},
    "rating": {"aspects": [{"key": "overall", "name": "Overall", "scale": "likert5"}]},
    "thumbs": {},
}


def asked(form: str, *texts: str, number: int = 0, **config: Any) -> Question:
    """A question of any form about so many responses, whose ids are 11, 12, …"""
    return Question(
        number,
        f"item-{number}",
        "preference",
        form,
        check_config(form, FORMS[form] | config),
        [{"role": "user", "content": "Which way to go?"}],
        [(11 + place, [{"role": "assistant", "content": text}]) for place, text in enumerate(texts)],
    )


def stands(question: Question, answer: Answer) -> dict[str, Any]:
    """The answer's value, as the form itself takes it in."""
    ids = [pk for pk, _ in question.responses]
    assert answer.value is not None, answer.error
    return protocol(question.protocol).normal_form(answer.value, dict(question.config), Content.of_ids(ids, ids))


LENGTHS = """
import json, sys
by = {"short": 1.0, "plain": 1.0, "other": %s}[sys.argv[-1].rpartition("-")[2]]
for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"id": row["id"], "score": by * len(row["messages"][-1]["content"])}))
"""


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Project) -> Callable[[float], None]:
    """`models(-1)`: two reward models, "plain" and "other": by length, and by so many times the length."""
    run = child.subprocess.run

    def make(other: float) -> None:
        for name in ("plain", "other"):
            path = str(tmp_path / f"m-{name}")
            factories.ModelVersionFactory(project=project, name=name, kind="reward", path=path)
        program = LENGTHS % other
        monkeypatch.setattr(
            child.subprocess,
            "run",
            lambda arguments, **rest: run([sys.executable, "-c", program, arguments[-1]], **rest),
        )

    return make


TEXTS = ("aaaa", "a", "aaaaaaa", "aaaa")


def test_a_reward_model_fills_in_every_form_that_scores_can_tell(models: Any, project: Project) -> None:
    models(1)
    best, rank, rating, thumbs = (asked(form, *TEXTS) for form in ("best_of_n", "ranking", "rating", "thumbs"))
    config: dict[str, Any] = {"model_version": "plain", "low": 0, "high": 8, "temperature": 2}
    answers = said("reward_model", [best, rank, rating, thumbs], project.pk, **config)
    assert stands(best, answers[0]) == {"best": 13, "none": False, "among": [11, 12, 13, 14], "worst": 12}
    assert answers[0].confidence == pytest.approx(1 / (1 + 2 * 2.718281828**-1.5 + 2.718281828**-3))
    assert stands(rank, answers[1]) == {"tiers": [[13], [11, 14], [12]], "rejected": []}
    assert answers[1].confidence == pytest.approx(1 / (1 + 2.718281828**-1.5))  # of the least sure border
    scores = stands(rating, answers[2])["scores"]
    assert scores == {"11": {"overall": 3}, "12": {"overall": 1}, "13": {"overall": 5}, "14": {"overall": 3}}
    assert [one["value"] for one in stands(thumbs, answers[3]).values()] == ["up", "down", "up", "up"]
    assert [answers[2].confidence, answers[3].confidence] == [None, None]
    # What scores cannot tell goes to people, with the reason.
    two = [{"key": key, "name": key, "scale": "stars"} for key in ("help", "truth")]
    untold = [
        asked("rating", *TEXTS, aspects=two),
        asked("ranking", *TEXTS, ties=False),
        asked("best_of_n", "aa", "aa"),
        asked("thumbs", *TEXTS, target="item"),
    ]
    refused = said("reward_model", untold, project.pk, **config)
    refused += said("reward_model", [rating], project.pk, model_version="plain")
    assert [answer.value for answer in refused] == [None] * 5 and not any(answer.passing for answer in refused)
    assert len({answer.error for answer in refused}) == 5


def test_models_that_contradict_each_other_make_an_ensemble_unsure(models: Any, project: Project) -> None:
    models(-0.5)
    pair = asked("pairwise", "aaaa", "aaaaaaaa")
    alone = said("reward_model", [pair], project.pk, model_version="plain")[0]
    both = said("reward_model", [pair], project.pk, model_version="plain", others=["other"])[0]
    assert choice(alone) == choice(both) == "right"
    assert alone.confidence is not None and both.confidence is not None
    assert both.confidence == pytest.approx((alone.confidence + 1 - 1 / (1 + 2.718281828**-2)) / 2)
    assert both.confidence < 0.6 < alone.confidence
    assert [one["model"] for one in both.orders] == ["plain", "other"]
    worst = said("reward_model", [pair], project.pk, model_version="plain", others=["other"], combine="worst")[0]
    assert choice(worst) == "left"
    settings = Settings(model_version="plain", others=["other"], combine="cautious", penalty=2)
    assert combined([1.0, 3.0], settings) == pytest.approx(2 - 2 * 1)


def test_a_simulated_judge_takes_every_form_and_repeats_itself() -> None:
    texts = ("Thanks, go left.", "Go on. " * 40, "No.")
    questions = [asked(form, *(texts[:2] if form == "pairwise" else texts), number=3) for form in FORMS]
    answers = said("simulated", questions, flip=0)
    assert answers == said("simulated", questions, flip=0)
    for question, answer in zip(questions, answers, strict=True):
        assert stands(question, answer)
    many = [asked("ranking", *texts, number=number) for number in range(20)]
    turned = 0
    for straight, flipping in zip(said("simulated", many, flip=0), said("simulated", many, flip=0.5), strict=True):
        assert straight.value is not None and flipping.value is not None
        flipped = flipping.orders[0]["flipped"]
        assert flipping.value["tiers"] == straight.value["tiers"][:: -1 if flipped else 1]
        turned += flipped
    assert 0 < turned < 20
