"""A run's report card: taken in only if it can be read, found from run and model, never handed out once changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import Conflict, Invalid, NotFound
from projects.models import Project
from tests import factories
from training_bridge.charts import measures
from training_bridge.models import Run
from training_bridge.report_cards import REPORT, Report, write_report
from training_bridge.report_cards.pairs import Facts, Gathered, Response
from training_bridge.report_cards.rewards import reward_card
from training_bridge.selectors.cards import report_of, runs_measuring
from training_bridge.services import start_run
from training_bridge.services.ownership import claim_run, mark_running
from training_bridge.services.results import complete_run


def report() -> Report:
    pairs, better, worse = Gathered(), Response(1.0, 9), Response(0.0, 4)
    pairs.item("a", [better, worse])
    pairs.pair(better, worse, soft=1.0, strength=1.0, prompt_length=7, facts=Facts(source="people"))
    return Report(reward=reward_card(pairs, 0.95))


def finished(run: Run, var: Path, body: bytes | None = None) -> Run:
    hold = claim_run(run_id=run.pk)
    assert hold is not None
    mark_running(hold=hold)
    folder = var / f"runs/{run.pk}/output"
    folder.mkdir(parents=True)
    path = write_report(folder / REPORT, report())
    if body is not None:
        path.write_bytes(body)
    complete_run(hold=hold, values={"reward_accuracy": 1.0}, model=None, responses=None, report=path)
    run.refresh_from_db()
    return run


def test_a_card_is_read_back_as_it_was_written(start: Callable[..., Run], var: Path) -> None:
    run = finished(start(), var)
    assert report_of(run) == report()
    assert (var / f"runs/{run.pk}/output" / REPORT).stat().st_mode & 0o777 == 0o400
    assert report_of(factories.RunFactory(project=run.project)) is None


def test_a_card_that_has_changed_or_gone_is_not_handed_out(start: Callable[..., Run], var: Path) -> None:
    run = finished(start(), var)
    path = var / f"runs/{run.pk}/output" / REPORT
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"value": 1.0', b'"value": 0.9'))
    with pytest.raises(Conflict):
        report_of(run)
    path.unlink()
    with pytest.raises(NotFound):
        report_of(run)


@pytest.mark.parametrize("body", [b"", b"{", b'{"reward": {"accuracy": 2}}', b"\x80\x04."])
def test_what_is_no_card_is_not_taken_in(start: Callable[..., Run], var: Path, body: bytes) -> None:
    with pytest.raises(Invalid, match="report card"):
        finished(start(), var, body)


def test_cards_of_a_model_are_found_whoever_wrote_them(project: Project) -> None:
    reward = factories.ModelVersionFactory(project=project, kind="reward")
    policy = factories.ModelVersionFactory(project=project, kind="policy")
    made = factories.RunFactory(project=project, produced=reward, report_sha256="a" * 64)
    both = factories.RunFactory(project=project, method="evaluate", base=policy, reward=reward, report_sha256="b" * 64)
    factories.RunFactory(project=project, method="evaluate", reward=reward)
    factories.RunFactory(project=project, method="dpo", base=policy, report_sha256="c" * 64)
    assert list(runs_measuring(reward)) == [both, made]
    assert list(runs_measuring(policy)) == [both]


def test_an_evaluation_needs_something_to_measure(project: Project) -> None:
    with pytest.raises(Invalid, match="a policy, a reward model or both"):
        start_run(project=project, method="evaluate")
    policy = factories.ModelVersionFactory(project=project, kind="policy")
    assert start_run(project=project, method="evaluate", base=policy).state == Run.State.QUEUED


def test_beside_an_accuracy_stands_what_people_reach_and_what_costs_nothing() -> None:
    result = {"reward_accuracy": 0.7, "reward_accuracy_ci": [0.6, 0.8], "longer_wins": 0.6, "human_agreement": 0.8}
    (measure,) = measures(result)
    assert [bar.value for bar in measure.bars] == [0.7, 0.8, 0.6, 0.5]
    (without,) = measures({"reward_accuracy": 0.7})
    assert [bar.value for bar in without.bars] == [0.7, 0.5]
