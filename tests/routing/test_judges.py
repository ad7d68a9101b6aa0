"""Judges that need no endpoint: what they say, how sure they are, and that they say it again."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import Conflict, Invalid
from projects.models import Project
from routing.judges import JUDGES, Answer, Question, child, judge
from routing.judges.pairwise import Said, merge
from routing.models import Judge
from routing.services.judges import create_judge, retire_judge
from tests import factories

FORM = {"points": 7, "tie": True, "both_bad": True, "rationale": "optional"}


def question(number: int = 0, left: str = "Thanks, go left.", right: str = "Go on. " * 40, **extra: Any) -> Question:
    return Question(
        number,
        f"item-{number}",
        "preference",
        "pairwise",
        FORM | extra.pop("config", {}),
        [{"role": "user", "content": "Which way to go?"}],
        [(1, [{"role": "assistant", "content": left}]), (2, [{"role": "assistant", "content": right}])],
        **extra,
    )


def said(kind: str, questions: list[Question], project_id: int = 1, **config: Any) -> list[Answer]:
    plug = judge(kind)
    return list(plug.ask(questions, plug.Config.model_validate(config), project_id))


def choice(answer: Answer) -> str | None:
    return answer.value and answer.value["choice"]


@pytest.mark.parametrize("kind", JUDGES)
def test_every_judge_satisfies_the_interface(kind: str) -> None:
    plug = judge(kind)
    assert plug.key == kind and plug.title and plug.description.endswith(".")
    assert plug.batch > 0 and plug.protocols and isinstance(plug.reads_recorded, bool)
    assert plug.Config.model_config["extra"] == "forbid"


def test_a_simulated_judge_repeats_itself_and_flips_a_quarter() -> None:
    many = [question(number) for number in range(1000)]
    steady = said("simulated", many, flip=0, seed=3)
    flipping = said("simulated", many, seed=3)
    assert said("simulated", many, seed=3) == flipping
    assert Counter(map(choice, steady))["left"] >= 990  # brief and courteous: whoever is drawn, but for the noise
    assert 200 <= sum(choice(answer) == "right" for answer in flipping) <= 300
    assert {order["scorer"] for answer in steady for order in answer.orders} == {"terse", "warm", "literal", "hasty"}
    # A flip is chance, not doubt: the confidence does not know of it.
    assert [answer.confidence for answer in flipping] == [answer.confidence for answer in steady]


def test_a_biased_scorer_contradicts_itself_only_when_asked_in_both_orders() -> None:
    biased = {"pool": [{"name": "biased", "brevity": 0.1, "position_bias": 5}], "flip": 0}
    both = said("simulated", [question(number) for number in range(20)], **biased)
    assert {(choice(answer), answer.confidence) for answer in both} == {("tie", 0.0)}
    one = said("simulated", [question(number) for number in range(20)], both_orders=False, **biased)
    assert set(map(choice, one)) == {"left", "right"}


def test_orders_merge() -> None:
    assert merge([Said("left", 0.9), Said("left", 0.7)]) == Said("left", None, 1, "", pytest.approx(0.8))
    assert merge([Said("right", 0.2), Said("right", 0.4)]).confidence == pytest.approx(0.7)
    contradiction = merge([Said("left", 0.9), Said("right", 0.1)])
    assert (contradiction.choice, contradiction.confidence) == ("tie", 0.0)
    assert merge([Said("tie", None, 0), Said("tie", None, 0)]).confidence is None


def values(said: dict[str, str]) -> dict[str, dict[str, Any]]:
    """{annotator: value} of {annotator: choice}."""
    return {name: {"left": 1, "right": 2, "choice": choice, "strength": 1} for name, choice in said.items()}


def test_replay_says_what_was_recorded_and_nothing_else() -> None:
    recorded = [{"gpt": "left", "other": "left"}, {"gpt": "tie", "other": "left"}, {"gpt": "unsure"}, {"other": "left"}]
    asked = [question(number, recorded=values(one)) for number, one in enumerate(recorded)]
    found = said("replay", asked, annotator="gpt", second="other")
    assert [(choice(answer), answer.confidence) for answer in found] == [
        ("left", 1.0),
        ("tie", 0.5),
        (None, None),
        (None, None),
    ]
    assert not any(answer.passing for answer in found)
    assert choice(said("replay", asked, annotator="gpt", unparsable_as_tie=True)[2]) == "tie"
    no_ties = [question(1, recorded=values({"gpt": "tie"}), config={"points": 4, "tie": False})]
    assert choice(said("replay", no_ties, annotator="gpt")[0]) is None


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Project) -> Callable[[str], None]:
    """`scorer(program)`: the child process that the reward model's judge talks to runs `program` instead of torch."""
    factories.ModelVersionFactory(project=project, name="rm-1", kind="reward", path=str(tmp_path), sha256="a" * 64)
    run = child.subprocess.run

    def set_to(program: str) -> None:
        monkeypatch.setattr(
            child.subprocess, "run", lambda arguments, **rest: run([sys.executable, "-c", program], **rest)
        )

    return set_to


LENGTHS = """
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"id": row["id"], "score": len(row["messages"][-1]["content"]) / 10}))
"""


def test_a_reward_model_prefers_the_higher_score(scorer: Any, project: Project) -> None:
    scorer(LENGTHS)
    asked = [question(1, "short", "a good deal longer"), question(2, "same", "same")]
    first, second = said("reward_model", asked, project.pk, model_version="rm-1")
    assert choice(first) == "right" and first.confidence == pytest.approx(1 / (1 + 2.718281828 ** (-1.3)), abs=1e-6)
    assert choice(second) == "tie" and second.confidence == pytest.approx(0.5)
    assert json.loads(json.dumps(first.orders)) == [{"model": "rm-1", "left": 0.5, "right": 1.8}]


@pytest.mark.parametrize(
    ("program", "passing"),
    [
        ("raise SystemExit('no such model')", True),
        ("print('not json')", True),
        ('print(\'{"id": "0.0", "score": NaN}\')', False),
        ("pass", False),
    ],
)
def test_a_reward_model_that_fails_gives_no_answer(scorer: Any, project: Project, program: str, passing: bool) -> None:
    scorer(program)
    (answer,) = said("reward_model", [question()], project.pk, model_version="rm-1")
    assert answer.value is None and answer.error and answer.passing == passing


def test_a_judge_is_made_once_and_checked(project: Project, other_project: Project, settings: Any) -> None:
    made = create_judge(project=project, name="S", kind="simulated", config={"seed": 1})
    assert made.config["flip"] == 0.25 and made.rater.kind == "judge" and made.rater.external_id
    with pytest.raises(Conflict):
        create_judge(project=project, name="T", kind="simulated", config={"seed": 1})
    with pytest.raises(Invalid):
        create_judge(project=project, name="S", kind="simulated", config={"seed": 2})
    create_judge(project=other_project, name="S", kind="simulated", config={"seed": 1})
    faults = {
        ("simulated", "flip"): {"flip": 0.9},
        ("simulated", "pool.0.brevity"): {"pool": [{"name": "x", "brevity": "very"}]},
        ("reward_model", "model_version"): {"model_version": "absent"},
        ("openai_compatible", "base_url"): {"base_url": "http://169.254.169.254/v1", "model": "m"},
        ("openai_compatible", "api_key_env"): {"base_url": "http://x/v1", "model": "m", "api_key_env": "SECRET_KEY"},
        ("openai_compatible", "config"): {"base_url": "http://x/v1", "model": "m", "timeout": 120, "retries": 5},
    }
    for (kind, field), config in faults.items():
        with pytest.raises(Invalid) as caught:
            create_judge(project=project, name="New", kind=kind, config=config)
        assert field in caught.value.fields, caught.value.fields
    assert Judge.objects.count() == 2
    assert retire_judge(judge=made).retired_at is not None
