"""Report cards as people read them: what was measured, what was not and why, two beside each other."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from corpus.models import ModelVersion
from projects.models import Project
from tests import factories
from tests.training_bridge import cards
from training_bridge.card_pages.panels import REASONS
from training_bridge.files import sha256_of, var_path
from training_bridge.models import Run
from training_bridge.report_cards import Report, RewardCard
from training_bridge.report_cards.policies import empty_divergence
from training_bridge.selectors import cards as reads
from training_bridge.selectors.cards import LONGEST, SHOWN, headlines
from training_bridge.views import cards as card_views


@pytest.fixture(scope="module")
def of_reward() -> RewardCard:
    return cards.of_reward(40, members=3)


@pytest.fixture
def trained(project: Project, of_reward: RewardCard) -> Run:
    """A reward model's training that left its card."""
    version = factories.ModelVersionFactory(project=project, kind="reward", name="reward-1")
    run = factories.RunFactory(project=project, produced=version)
    return cards.give(run, Report(reward=of_reward), reward_accuracy=0.731, reward_accuracy_ci=[0.66, 0.79])


@pytest.fixture
def evaluated(project: Project, trained: Run) -> Run:
    """An evaluation of a policy by that reward model."""
    reference = factories.ModelVersionFactory(project=project, name="before")
    policy = factories.ModelVersionFactory(project=project, name="after", parent=reference)
    run = factories.RunFactory(
        project=project, method="evaluate", base=policy, reference=reference, reward=trained.produced
    )
    return cards.give(run, Report(policy=cards.of_policy()), win_rate=0.72, samples="samples.jsonl")


def page(project: Project, name: str, key: Any, query: str = "") -> str:
    return f"{reverse(f'training_bridge:{name}', args=[project.slug, key])}{query}"


def test_a_reward_models_page_draws_every_part_with_its_table(
    project: Project, noor: User, browse: Callable[..., Client], trained: Run
) -> None:
    answer = browse(noor).get(page(project, "model_report", trained.produced_id))
    text = answer.content.decode()
    [(_, _, panels)] = answer.context["parts"]
    titles = [panel.title for panel, _ in panels]
    assert titles[:2] == ["Held-out accuracy", "Beside people"] and len(set(titles)) == len(titles)
    assert {"By language", "By who judged", "By the strength of the preference", "By tag: task"} <= set(titles)
    assert text.count("As a table") == text.count("<figure") == len(panels)
    assert "a topic with a very long name indeed &lt;b&gt;" in text and "style=" not in text
    assert "Not measured" not in text and "people and judges" in text and "Member 3" in text


def test_what_was_not_measured_says_why_and_leads_to_the_run_that_would(
    project: Project, noor: User, browse: Callable[..., Client], evaluated: Run
) -> None:
    bare = cards.of_policy(
        preference=None, likelihood=None, policy=None, reference=None, win_rate=None, best_of=(),
        divergence=empty_divergence("no_reference"),
    )  # fmt: skip
    run = factories.RunFactory(project=project, method="evaluate", base=evaluated.base, reference=evaluated.reference)
    cards.give(run, Report(policy=bare))
    text = browse(noor).get(page(project, "run_report", run.pk)).content.decode()
    form = f"{reverse('training_bridge:run_new', args=[project.slug, 'evaluate'])}?base={evaluated.base_id}&amp;"
    assert text.count("Not measured.") == 5 and text.count(form) == 6 and "<figure" not in text
    for key in ("no_pairs", "no_reference", "no_samples"):
        assert REASONS[key] in text


def test_samples_are_shown_as_text_and_no_more_than_a_page_holds(
    project: Project, noor: User, browse: Callable[..., Client], evaluated: Run
) -> None:
    row = {"messages": [{"role": "user", "content": "<script>alert(1)</script>"}], "response": "y" * 9999, "win": 1.0}
    lines = [json.dumps(row | {"sample": at % 2} | ({"reference": ""} if at else {})) for at in range(100)]
    path = var_path("runs", evaluated.pk, "output", "samples.jsonl")
    path.write_text("\n".join(['{"messages": 7}', "[]", "{", *lines]) + "\n")
    answer = browse(noor).get(page(project, "run_report", evaluated.pk))
    text = answer.content.decode()
    assert len(answer.context["samples"]) == SHOWN and "<script>alert" not in text and "&lt;script&gt;" in text
    assert text.count("Its reference") == text.count("nothing</span>") == SHOWN - 1
    assert "y" * LONGEST in text and "y" * (LONGEST + 1) not in text
    Run.objects.filter(pk=evaluated.pk).update(result={"samples": "../../../secret"})
    assert browse(noor).get(page(project, "run_report", evaluated.pk)).context["samples"] == []


def test_two_cards_stand_beside_each_other_part_by_part(
    project: Project, noor: User, browse: Callable[..., Client], trained: Run, evaluated: Run
) -> None:
    again = factories.RunFactory(project=project, method="evaluate", reward=trained.produced)
    cards.give(again, Report(reward=cards.of_reward(20, doubled=False)))
    answer = browse(noor).get(page(project, "run_report", trained.pk, f"?beside={again.pk}"))
    [(_, heads, pairs)] = answer.context["parts"]
    assert heads == [(trained, "reward-1"), (again, "reward-1")]
    assert all(first is None or second is None or first.title == second.title for first, second in pairs)
    assert "did not measure this: Where the members of the ensemble disagree" in answer.content.decode()
    answer = browse(noor).get(page(project, "model_report", trained.produced_id, f"?run={trained.pk}"))
    assert answer.context["measured"] == trained and answer.context["runs"] == [again, trained]


def test_each_card_stands_under_the_name_of_what_it_is_of(
    project: Project, noor: User, browse: Callable[..., Client], trained: Run, evaluated: Run, of_reward: RewardCard
) -> None:
    both = factories.RunFactory(project=project, method="evaluate", base=evaluated.base, reward=trained.produced)
    cards.give(both, Report(reward=of_reward, policy=cards.of_policy()))
    answer = browse(noor).get(page(project, "run_report", both.pk, f"?beside={trained.pk}"))
    heads = {title: heads for title, heads, _ in answer.context["parts"]}
    assert heads == {
        "Reward model: reward-1": [(both, "reward-1"), (trained, "reward-1")],
        "Policy: after": [(both, "after"), (trained, "")],
    }


def test_a_models_page_shows_what_was_measured_of_it_and_not_of_the_other_model(
    project: Project, noor: User, browse: Callable[..., Client], trained: Run, evaluated: Run, of_reward: RewardCard
) -> None:
    both = factories.RunFactory(project=project, method="evaluate", base=evaluated.base, reward=trained.produced)
    shares = {"reward_accuracy": 0.7, "win_rate": 0.6, "implicit_accuracy": 0.8}
    cards.give(both, Report(reward=of_reward, policy=cards.of_policy()), **shares)
    tuned = factories.RunFactory(project=project, method="evaluate", base=evaluated.base, reward=trained.produced)
    cards.give(tuned, Report(policy=cards.of_policy()), implicit_accuracy=0.8)

    def shown(version: ModelVersion) -> list[tuple[int, list[str]]]:
        found = browse(noor).get(page(project, "model", version.pk)).context["measured"]
        return [(run.pk, [measure.title for measure in measures]) for run, measures in found]

    assert shown(trained.produced) == [(both.pk, ["Reward accuracy"]), (trained.pk, ["Reward accuracy"])]
    assert shown(evaluated.base) == [
        (tuned.pk, ["Implicit accuracy"]), (both.pk, ["Win rate", "Implicit accuracy"]), (evaluated.pk, ["Win rate"])
    ]  # fmt: skip
    whole = browse(noor).get(page(project, "run", both.pk)).context["measures"]
    assert [one.title for one in whole] == ["Reward accuracy", "Win rate", "Implicit accuracy"]


def test_a_model_that_no_run_measured_has_no_card_to_lead_to(
    project: Project, noor: User, browse: Callable[..., Client], evaluated: Run
) -> None:
    judge = factories.ModelVersionFactory(project=project, kind="reward")
    run = factories.RunFactory(project=project, method="evaluate", base=evaluated.base, reward=judge)
    cards.give(run, Report(policy=cards.of_policy()), win_rate=0.6)
    for version, card in ((judge, False), (evaluated.base, True)):
        answer = browse(noor).get(page(project, "model", version.pk))
        assert answer.context["has_card"] is card


def test_an_address_of_an_old_card_goes_on_leading_to_it(
    project: Project, noor: User, browse: Callable[..., Client], api: Callable[..., APIClient], trained: Run,
    of_reward: RewardCard, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(card_views, "OFFERED", 1)
    monkeypatch.setattr(reads, "LOOKED_AT", 1)
    version = trained.produced
    later = [factories.RunFactory(project=project, method="evaluate", reward=version) for _ in range(3)]
    for run in later:
        cards.give(run, Report(reward=of_reward))
    shown = browse(noor).get(page(project, "run_report", later[-1].pk, f"?beside={trained.pk}"))
    assert shown.status_code == 200 and f'value="{trained.pk}" selected' in shown.text
    query = f"?run={trained.pk}"
    assert browse(noor).get(page(project, "model_report", version.pk, query)).status_code == 200
    address = reverse("training_bridge-api:model_report", args=[project.slug, version.pk])
    assert api(noor).get(address + query).json()["run"] == trained.pk
    assert api(noor).get(f"{address}?run={factories.RunFactory(project=project).pk}").status_code == 404


def test_nothing_measured_says_so_and_what_has_changed_is_not_shown(
    project: Project, other_project: Project, noor: User, browse: Callable[..., Client], trained: Run
) -> None:
    client, fresh = browse(noor), factories.ModelVersionFactory(project=project)
    text = client.get(page(project, "model_report", fresh.pk)).content.decode()
    assert "Nothing has measured this model yet" in text and f"evaluate/?base={fresh.pk}" in text
    assert "measured nothing" in client.get(page(project, "run_report", factories.RunFactory(project=project).pk)).text
    foreign = factories.RunFactory(project=other_project)
    for query in (f"?beside={foreign.pk}", "?beside=x", "?beside=" + "9" * 40):
        assert client.get(page(project, "run_report", trained.pk, query)).status_code == 404
    path = var_path("runs", trained.pk, "output", "report.json")
    path.chmod(0o600)
    path.write_text(path.read_text().replace("0.9", "0.99"))
    text = client.get(page(project, "run_report", trained.pk)).content.decode()
    assert "its SHA-256 has changed" in text and "<figure" not in text
    assert client.get(page(project, "run_report_file", trained.pk)).status_code == 409
    path.write_text('{"reward": {"kind": "of another time"}}')
    Run.objects.filter(pk=trained.pk).update(report_sha256=sha256_of(path))
    assert "another version" in client.get(page(project, "model_report", trained.produced_id)).content.decode()


def test_the_file_and_the_api_have_the_card_as_it_was_stored(
    project: Project, noor: User, browse: Callable[..., Client], api: Callable[..., APIClient], trained: Run,
    of_reward: RewardCard,
) -> None:  # fmt: skip
    file = browse(noor).get(page(project, "run_report_file", trained.pk))
    assert file.headers["Content-Disposition"] == f'attachment; filename="report-{trained.pk}.json"'
    assert Report.model_validate_json(file.content).reward == of_reward
    assert hashlib.sha256(file.content).hexdigest() == trained.report_sha256
    client = api(noor)
    by_run = client.get(reverse("training_bridge-api:run_report", args=[project.slug, trained.pk])).json()
    path = reverse("training_bridge-api:model_report", args=[project.slug, trained.produced_id])
    assert client.get(path).json() == by_run and by_run["sha256"] == trained.report_sha256
    assert RewardCard.model_validate(by_run["reward"]) == of_reward and by_run["policy"] is None
    assert client.get(path, {"run": trained.pk}).json() == by_run
    assert client.get(path, {"run": trained.pk + 100}).status_code == 404
    fresh = factories.ModelVersionFactory(project=project)
    answer = client.get(reverse("training_bridge-api:model_report", args=[project.slug, fresh.pk]))
    assert answer.status_code == 409 and answer.json()["type"].endswith("no-card")


def test_a_card_is_hashed_once_for_each_download(
    project: Project, noor: User, browse: Callable[..., Client], trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(reads, "verified", lambda path, sha256: seen.append(sha256) or path)
    browse(noor).get(page(project, "run_report_file", trained.pk))
    assert seen == [trained.report_sha256]


def test_the_list_of_models_has_the_newest_figure_of_each_in_one_query(
    project: Project, noor: User, browse: Callable[..., Client], trained: Run, evaluated: Run,
    django_assert_num_queries: Any, django_assert_max_num_queries: Any,
) -> None:  # fmt: skip
    versions = list(project.model_versions.all())
    with django_assert_num_queries(1):
        found = headlines(versions)
    assert {versions_name(key): one.value for key, one in found.items()} == {"reward-1": 0.731, "after": 0.72}
    client, path = browse(noor), reverse("training_bridge:models", args=[project.slug])
    assert "73.1%" in client.get(path).content.decode()
    with django_assert_max_num_queries(12):
        client.get(path)
    with django_assert_max_num_queries(16):
        client.get(page(project, "model_report", trained.produced_id))


def versions_name(key: int) -> str:
    return ModelVersion.objects.get(pk=key).name


def test_a_silent_worker_is_told_of_before_it_is_given_up(
    project: Project, noor: User, browse: Callable[..., Client]
) -> None:
    run = factories.RunFactory(
        project=project, state="running", owner="00000000-0000-0000-0000-000000000001", heartbeat_at=timezone.now()
    )
    client, path = browse(noor), page(project, "run_live", run.pk)
    assert "No sign of life" not in client.get(path).content.decode()
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=40))
    text = client.get(path).content.decode()
    assert "No sign of life from its worker for 40 s." in text and "After 90 seconds" in text


def test_the_choice_of_methods_says_what_each_one_lacks(
    project: Project, noor: User, browse: Callable[..., Client], django_assert_max_num_queries: Any
) -> None:
    client, path = browse(noor), reverse("training_bridge:run_choose", args=[project.slug])

    def lacking() -> dict[str, list[str]]:
        kinds = client.get(path).context["kinds"]
        return {method.key: lacks for _, methods in kinds for method, _, lacks in methods}

    found = lacking()
    assert found["dpo"] == [
        "There is no snapshot yet: freeze some labels first.",
        "There is no base model yet: register one, or make a tiny one.",
    ]
    assert found["respond"] == [
        found["dpo"][1],
        "No prompt of this project is open: import prompts that want responses.",
    ]
    factories.SnapshotFactory(
        project=project, number=1, state="ready", path="x", manifest_sha256="a" * 64, counts={"train": 50}
    )
    factories.ModelVersionFactory(project=project)
    found = lacking()
    assert found["dpo"] == [] and "They are collected by" in found["reward_spans"][0]
    with django_assert_max_num_queries(14):
        client.get(path)


def test_aspects_are_called_as_the_form_calls_them(project: Project, noor: User, browse: Callable[..., Client]) -> None:
    def form(number: int, *aspects: tuple[str, str]) -> None:
        fields = [
            {"name": f"q{at}", "protocol": "rating", "config": {"aspects": [{"key": key, "name": name}]}}
            for at, (key, name) in enumerate(aspects)
        ]
        factories.FormVersionFactory(project=project, number=number, fields=fields)

    form(7, ("help_1", "Helpful"), ("both", "One thing"))
    form(8, ("help_1", "How helpful"), ("both", "One thing"), ("both", "Another"))
    found = {"value": 0.5, "low": 0.4, "high": 0.6, "of": 9}
    card = cards.of_reward(0).model_dump() | {"aspects": {"help_1": found, "both": found, "gone": found}}
    version = factories.ModelVersionFactory(project=project, kind="reward")
    run = factories.RunFactory(project=project, produced=version)
    cards.give(run, Report(reward=RewardCard.model_validate(card)))
    [(_, _, panels)] = browse(noor).get(page(project, "run_report", run.pk)).context["parts"]
    [scores] = [panel for panel, _beside in panels if panel.title == "Beside scores"]
    assert [dot.name for dot in scores.dots] == ["How helpful", "both", "gone"]
