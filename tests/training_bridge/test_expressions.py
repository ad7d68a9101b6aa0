"""Reward models combined by an expression: named, pinned, made by a run into a version like any other."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.errors import DomainError, Invalid
from corpus.models import ModelVersion
from projects.models import Project
from tests import factories
from tests.lm.tiny import assistant, make_causal, make_reward, user
from tests.training_bridge.conftest import settle, state
from training_bridge.execution import execute_run
from training_bridge.model_folders import model_sha256
from training_bridge.models import Snapshot
from training_bridge.selectors.lineage import lineage_of
from training_bridge.services import start_run
from training_bridge.workspace import prepare

Frozen = Callable[..., Snapshot]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = tmp_path_factory.mktemp("tiny")
    return make_reward(room / "reward", make_causal(room / "causal"))


def version(project: Project, name: str, folder: Path | str = "", kind: str = "reward") -> ModelVersion:
    return ModelVersion.objects.create(project=project, name=name, kind=kind, path=str(folder), source="owner/name")


def test_an_expression_becomes_a_version_that_scores_and_knows_its_parts(
    project: Project, frozen: Frozen, tiny: Path
) -> None:
    from lm.loading import load_reward
    from lm.scoring import score

    for _ in range(12):
        settle(project)
    parts = [version(project, name, tiny) for name in ("first", "second")]
    run = start_run(
        project=project, method="reward_expression", snapshot=frozen(),
        config={"expression": ' min(z("first"), "second") - 1', "max_length": 64},
    )  # fmt: skip
    assert run.inputs == {"rewards": {part.name: part.pk for part in parts}}
    assert run.config["expression"] == 'min(z("first"), "second") - 1'
    assert execute_run(run_id=run.pk) == "succeeded", (state(run), run.error)
    run.refresh_from_db()
    made = run.produced
    assert made is not None and made.kind == "reward" and made.config["expression"] == run.config["expression"]
    assert made.sha256 == model_sha256(Path(made.path)) and run.result["parts"] == 2
    [names] = [[one.title for one in lineage_of(made) if one.kind in ("version", "part")]]
    assert names == [made.name, "first", "second"]
    asked = [(user("When does the train leave?"), assistant(text)) for text in ("At nine.", "What now?")]
    own = score(load_reward(str(tiny)), asked)
    mean, deviation = run.result["first: mean"], run.result["first: deviation"]
    expected = [min((value - mean) / deviation, value) - 1 for value in own]
    assert score(load_reward(made.path), asked) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('"nobody" + "policy" + "elsewhere"', "no reward model called nobody, policy, elsewhere"),
        ("1 + 2", "names no reward model"),
        (None, "cannot be read"),
        ('open("first")', "cannot be part of an expression"),
    ],
)
def test_what_the_project_does_not_have_cannot_be_combined(
    project: Project, frozen: Frozen, expression: str | None, why: str
) -> None:
    version(project, "first"), version(project, "policy", kind="policy")
    version(factories.ProjectFactory(), "elsewhere")
    settle(project)
    config = {"expression": expression} if expression else {}
    with pytest.raises(Invalid) as refused:
        start_run(project=project, method="reward_expression", snapshot=frozen(), config=config)
    assert why in str(refused.value.detail) + str(refused.value.fields)


def test_an_expression_is_asked_for_at_its_field(
    project: Project, noor: User, browse: Callable[..., Client], frozen: Frozen
) -> None:
    settle(project)
    path = reverse("training_bridge:run_new", args=[project.slug, "reward_expression"])
    sent = {"snapshot": frozen().pk, "seed": 0, "expression": "", "responses": 9, "max_length": 64}
    wrong = browse(noor).post(path, sent)
    assert wrong.status_code == 422 and list(wrong.context["form"].errors) == ["expression"]
    assert "Expression <span" not in wrong.text, "nothing says that it may be left out"


def test_a_part_whose_weights_are_gone_ends_the_run_with_its_name(project: Project, frozen: Frozen, tiny: Path) -> None:
    settle(project)
    version(project, "gone", "/nowhere")
    run = start_run(
        project=project, method="reward_expression", snapshot=frozen(test_fraction=0), config={"expression": '"gone"'}
    )
    with pytest.raises(DomainError, match="weights of gone"):
        prepare(run)
