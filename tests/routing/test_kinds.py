"""Judges of several kinds: what they make of each form, how ensembles and juries agree, and a language model."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from annotation.protocols import Content, check_config, protocol
from common.errors import Invalid
from lm.answer import answers, continued
from lm.chat import encode
from lm.loading import load_causal
from projects.models import Project
from routing.calibration import calibrated
from routing.judges import Answer, Question, child, local_lm
from routing.judges.asking import Asking
from routing.judges.jury import Member, Vote, verdict
from routing.judges.jury import Settings as JurySettings
from routing.judges.reward_model import Settings, combined
from routing.models import Judge, JudgeCall
from routing.services.judges import create_judge
from tests import factories
from tests.lm.tiny import make_causal
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


def votes(question: Question, **given: tuple[float, str | None]) -> list[Vote]:
    """`votes(question, ann=(2.0, "left"))`: what members of such weights say; None: no usable answer."""
    found = []
    for name, (weight, told) in given.items():
        value = None if told is None else {"left": 11, "right": 12, "choice": told, "strength": int(told != "tie")}
        member = Member(judge=name, weight=weight)
        found.append(
            Vote(member, Answer(0, "preference", value, 0.9, error="" if value else "no", cost=0.25, tokens=7))
        )
    return found


def test_a_jury_follows_its_rule() -> None:
    pair = asked("pairwise", "a", "b")
    members = [{"judge": name} for name in "abc"]

    def rule(rule: str, given: list[Vote], quorum: int = 2) -> Answer:
        return verdict(pair, given, JurySettings.model_validate({"members": members, "rule": rule, "quorum": quorum}))

    split = votes(pair, a=(1, "left"), b=(1, "left"), c=(1, "right"))
    won = rule("majority", split)
    assert choice(won) == "left" and won.confidence is None  # nobody knows yet what two of three are worth
    assert (won.cost, won.tokens) == (0.75, 21)
    assert [(one["member"], one["choice"], one["support"]) for one in won.orders] == [
        ("a", "left", 0.666667),
        ("b", "left", 0.666667),
        ("c", "right", 0.666667),
    ]
    assert choice(rule("unanimous", split)) is None
    assert choice(rule("majority", votes(pair, a=(1, "left"), b=(1, "left"), c=(3, "right")))) == "right"
    three = votes(pair, a=(4, "left"), b=(3, "right"), c=(3, "tie"))
    assert choice(rule("plurality", three)) == "left" and choice(rule("majority", three)) is None
    stalemate = rule("plurality", votes(pair, a=(1, "left"), b=(1, "right")))
    assert stalemate.value is None and "against each other" in stalemate.error
    failed = votes(pair, a=(1, "left"), b=(1, None), c=(1, "left"))
    assert (
        choice(rule("unanimous", failed)) == "left"
        and failed[1].answer.error == rule("majority", failed).orders[1]["fault"]
    )
    short = rule("majority", failed, quorum=3)
    assert short.value is None and "2 of 3" in short.error and short.cost == 0.75 and not short.passing
    # A ranking that contradicts the others least, not one that a member happened to repeat.
    ranking = asked("ranking", "a", "b", "c")
    orders = {"a": [[11], [12], [13]], "b": [[12], [11], [13]], "c": [[11], [13], [12]]}
    given = [
        Vote(Member(judge=name), Answer(0, "preference", {"tiers": tiers, "rejected": []}))
        for name, tiers in orders.items()
    ]
    settled = verdict(ranking, given, JurySettings.model_validate({"members": members}))
    assert settled.value is not None and settled.value["tiers"] == orders["a"]
    assert settled.orders[1]["verdict"]["tiers"] == [["B"], ["A"], ["C"]]


def test_six_judges_that_err_together_are_as_sure_as_people_agree_with_them(
    project: Project, plan: Any, settle: Any
) -> None:
    """Independent, six unanimous members that are right of 70 in 100 would be sure by .99."""
    names = [f"Twin {number}" for number in range(6)]
    for number, name in enumerate(names):
        create_judge(
            project=project, name=name, kind="simulated", config={"flip": 0, "seed": 1, "temperature": 1 + number}
        )
    config = {"members": [{"judge": name} for name in names]}
    jury = create_judge(project=project, name="Jury", kind="jury", config=config)
    items = factories.ItemFactory.create_batch(40, project=project)
    plan("all_ai", judge=jury)
    settle()
    said = {call.item_id: call for call in JudgeCall.objects.filter(judge=jury)}
    assert {call.state for call in said.values()} == {"answered"} and said[items[0].pk].confidence is None
    rater = factories.RaterFactory(project=project)
    for number, item in enumerate(items):
        verdict = jury.rater.annotations.get(item=item).values["preference"]["choice"]
        other = "right" if verdict == "left" else "left"
        factories.AnnotationFactory(item=item, rater=rater, choice=verdict if number % 10 < 7 else other)
    factories.ItemFactory(project=project)
    settle()
    (last,) = JudgeCall.objects.filter(judge=jury).exclude(item__in=items)
    assert last.confidence == pytest.approx(0.7, abs=0.01)
    assert len(last.answer["orders"]) == 6
    # A member that may not serve any more has no vote; with too few left, people are asked.
    Judge.objects.filter(name__in=names[:5]).update(
        suspended_at=timezone.now(), suspended_why="It can be talked into it."
    )
    factories.ItemFactory(project=project)
    settle()
    refused = JudgeCall.objects.filter(judge=jury).latest("pk")
    assert refused.state == "refused" and "1 of 6" in refused.error
    assert refused.item.decisions.latest("ordinal").route == "human"
    for wrong in ({"judge": "Nobody"}, {"judge": "Jury"}, {"judge": names[0]}):
        with pytest.raises(Invalid):
            create_judge(project=project, name="J", kind="jury", config={"members": [{"judge": names[5]}, wrong]})


def test_a_learnt_confidence_is_monotone_and_shrunk() -> None:
    seen = [(1.0, float(number % 10 < 9), 1.0) for number in range(100)] + [(0.6, 1.0, 1.0), (0.8, 0.0, 1.0)]
    sure = [calibrated(share, seen) for share in (0.5, 0.6, 0.7, 0.8, 1.0)]
    assert None not in sure and sure == sorted(sure, key=float) and 0.85 < float(sure[-1] or 0) < 0.92
    assert 0.3 < float(sure[0] or 0) < 0.9 and calibrated(1.0, seen[:10]) is None


def test_a_replay_repeats_what_was_recorded_in_any_form() -> None:
    ranking = asked("ranking", "a", "b", "c")
    told = {"tiers": [[12], [11], [13]], "rejected": []}
    other = {"tiers": [[12, 11], [13]], "rejected": []}
    recorded = [{"gpt": told, "too": told}, {"gpt": told, "too": other}, {"gpt": {"raw": {"tiers": "?"}}}]
    first, second, third = said(
        "replay", [replace(ranking, recorded=one) for one in recorded], annotator="gpt", second="too"
    )
    assert stands(ranking, first) == stands(ranking, second) == told
    assert (first.confidence, second.confidence, third.value) == (1.0, 0.5, None)
    assert second.orders[0]["verdict"]["tiers"] == [["B"], ["A"], ["C"]]


@pytest.fixture(scope="module")
def models_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a language model of a few thousand random weights that reads long texts, and one that is unsafe."""
    root = tmp_path_factory.mktemp("models")
    folder = make_causal(root / "tiny")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 8192}))
    shutil.copytree(folder, root / "pickled")
    (root / "pickled" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    return root


def test_the_likelihood_of_a_choice_is_the_models_own(models_root: Path) -> None:
    loaded = load_causal(str(models_root / "tiny"))
    messages = [{"role": "user", "content": "When does the train leave?"}]
    found = continued(loaded, messages, '{"choice": ', ['"A"', '"tie"'])
    prompt = encode(loaded.tokenizer, messages, [], 10**6).prompt
    for option, logp in zip(('"A"', '"tie"'), found, strict=True):
        row, slow = list(prompt), 0.0
        for token in loaded.tokenizer('{"choice": ' + option, add_special_tokens=False)["input_ids"]:
            with torch.no_grad():
                logits = loaded.model(torch.tensor([row])).logits[0, -1]
            slow, row = slow + float(logits.log_softmax(-1)[token]), [*row, token]
        assert logp == pytest.approx(slow, abs=1e-4)
    how = {"max_tokens": 8, "temperature": 0}
    (wrote,) = answers(loaded, how, [{"id": "x", "messages": messages}])
    for token, likely in wrote["likely"]:
        assert token == likely[0][0] and likely[0][1] == max(logp for _, logp in likely) <= 0  # it takes the likeliest
    pair = asked("pairwise", "Go left.", "Go right.")
    asking = Asking(pair, local_lm.Settings(model="tiny", both_orders=False))
    (request,) = asking.due()
    asking.take(request, local_lm.read(wrote)[0])
    assert asking.answer().value is None and asking.records[0]["raw"] == wrote["text"] and asking.records[0]["fault"]
    assert wrote["tokens"] == len(wrote["likely"]) and "".join(token for token, _ in wrote["likely"]) == wrote["text"]
    (long,) = answers(loaded, how | {"max_tokens": 9000}, [{"id": "x", "messages": messages}])
    assert "too many" in long["error"]


def test_a_language_model_of_ours_judges_by_its_probabilities_or_in_writing(
    models_root: Path, project: Project, settings: Any
) -> None:
    settings.MODEL_FOLDERS = [models_root]
    pair, best = asked("pairwise", "Go left.", "Go right."), asked("best_of_n", "a", "b", "c", number=1, worst="off")
    told, chosen = said("local_lm", [pair, best], project.pk, model="tiny")
    assert stands(pair, told)["choice"] in {"left", "right", "tie", "both_bad"} and 0 <= (told.confidence or 0) <= 1
    assert [order["first"] for order in told.orders] == ["left", "right"]
    assert all(0 < order["p"] < 1 and 0 < order["p_left"] < 1 for order in told.orders)
    picks = [json.loads(order["raw"])["best"] for order in chosen.orders]
    assert {*picks} <= {"A", "B", "C"}
    # The second order is the first reversed: the same response twice is an answer, anything else a contradiction.
    same = picks in (["A", "C"], ["B", "B"], ["C", "A"])
    assert (chosen.value is not None) == same and (same or "contradicted itself" in chosen.error)
    made = create_judge(project=project, name="Own", kind="local_lm", config={"model": "tiny"})
    assert made.config["probabilities"] is True
    version = factories.ModelVersionFactory(project=project, name="v1", path=str(models_root / "tiny"), sha256="c" * 64)
    create_judge(project=project, name="Of a run", kind="local_lm", config={"model": version.name})
    for wrong in ("pickled", "absent", "../models/tiny", "/etc"):
        with pytest.raises(Invalid) as caught:
            create_judge(project=project, name="No", kind="local_lm", config={"model": wrong})
        assert "model" in caught.value.fields


def test_a_jury_is_made_on_the_page(browse: Any, ada: User, project: Project) -> None:
    for name in "abc":
        create_judge(project=project, name=name, kind="simulated", config={"seed": ord(name)})
    address = f"{reverse('routing:judge_new', args=[project.slug])}?kind=jury"
    assert 'name="members-5-judge"' in browse(ada).get(address).content.decode()
    members = {f"members-{row}-judge": name for row, name in enumerate("abc")}
    members |= {f"members-{row}-weight": "1.5" for row in range(3)}
    browse(ada).post(address, {"name": "Three", "price_per_call": "0", "rule": "unanimous", "quorum": "3"} | members)
    jury = Judge.objects.get(kind="jury")
    assert [(one["judge"], one["weight"]) for one in jury.config["members"]] == [("a", 1.5), ("b", 1.5), ("c", 1.5)]
