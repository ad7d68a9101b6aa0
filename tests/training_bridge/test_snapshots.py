"""Labels frozen into files: counted, split by group, same rows same bytes, never handed out when changed."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from annotation.models import Annotation
from annotation.protocols import default_config
from annotation.services import labels
from common.errors import Conflict, Invalid
from corpus.models import Response
from projects.models import Project
from tests import factories
from tests.training_bridge.conftest import settle
from training_bridge import selectors
from training_bridge import snapshots as files
from training_bridge.derivations.pairs import pair_of, pairs_of, split_of
from training_bridge.models import Snapshot
from training_bridge.services import request_snapshot, retry_snapshot
from training_bridge.services import snapshots as services

Frozen = Callable[..., Snapshot]


def rows(var: Path, snapshot: Snapshot) -> list[dict[str, Any]]:
    return pq.read_table(var / snapshot.path / files.PREFERENCES).to_pylist()


def test_every_label_is_a_pair_or_counted_with_its_reason(project: Project, frozen: Frozen, var: Path) -> None:
    settle(project, "LLR")
    settle(project, "RR")
    for votes in ("TT", "BB", "LR", "ll"):
        settle(project, votes)
    settle(project, "LLLRR", confidence=0.6)
    empty, equal = settle(project, "L"), settle(project, "R")
    Response.objects.filter(pk=empty.value["right"]).update(messages=[{"role": "assistant", "content": " \n"}])
    same = Response.objects.get(pk=equal.value["left"]).messages
    Response.objects.filter(pk=equal.value["right"]).update(messages=same)
    image = settle(project, "L")
    image.item.prompt.messages = [{"role": "user", "content": [{"type": "image", "url": "x"}]}]
    image.item.prompt.save()
    withdrawn = settle(project, "LL", state="void")

    made = frozen(sources="human", min_confidence=0.65)

    assert made.state == "ready"
    counts = made.counts
    assert counts["dropped"] == {
        "tie": 1, "both_bad": 1, "split_vote": 1, "other_source": 1, "low_confidence": 1,
        "empty_response": 1, "equal_responses": 1, "not_text": 1,
    }  # fmt: skip
    assert counts["labels"] == counts["pairs"] + sum(counts["dropped"].values()) == 10
    assert counts["pairs"] == counts["train"] + counts["test"] == 2 and counts["judgments"] == 5
    found = rows(var, made)
    assert [round(row["soft"], 3) for row in found] == [0.667, 1.0]
    assert withdrawn.item_id not in {row["item_id"] for row in found}


def test_the_chosen_response_is_the_one_people_preferred(project: Project, frozen: Frozen, var: Path) -> None:
    label = settle(project, "RRL")
    made = frozen(test_fraction=0)
    (row,) = rows(var, made)
    assert (row["chosen_id"], row["rejected_id"]) == (label.value["right"], label.value["left"])
    assert row["chosen"] == Response.objects.get(pk=label.value["right"]).messages
    assert row["prompt"] == label.item.prompt.messages and row["source"] == "human" and row["split"] == "train"
    lines = (var / made.path / files.PREFERENCES_JSONL).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [row]
    (origin,) = [json.loads(line) for line in (var / made.path / files.PROVENANCE).read_text().splitlines()]
    assert origin["annotation_ids"] == label.annotation_ids
    pseudonyms = Annotation.objects.filter(pk__in=label.annotation_ids).values_list("rater__pseudonym", flat=True)
    assert origin["raters"] == sorted(pseudonyms)


def test_the_same_labels_give_the_same_bytes(project: Project, frozen: Frozen, var: Path) -> None:
    for _ in range(5):
        settle(project, "LLR")
    first, second = frozen(), frozen()
    settle(project, "L")
    third = frozen()
    assert first.manifest_sha256 == second.manifest_sha256 != third.manifest_sha256
    for name in (files.PREFERENCES, files.PREFERENCES_JSONL, files.PROVENANCE, files.MANIFEST):
        path = var / first.path / name
        assert path.read_bytes() == (var / second.path / name).read_bytes()
        assert path.stat().st_mode & 0o777 == 0o400


def test_batches_and_row_groups_do_not_show(
    project: Project, frozen: Frozen, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(7):
        settle(project, "LLR")
    whole = frozen()
    monkeypatch.setattr(files, "BATCH", 2)
    assert frozen().manifest_sha256 == whole.manifest_sha256


def test_ties_are_kept_on_request_and_rounds_are_chosen(project: Project, frozen: Frozen, var: Path) -> None:
    tied = settle(project, "TT", round=1)
    settle(project, "LL", round=2)
    settle(project, "LLT", round=2)
    assert [(row["soft"], row["tie"]) for row in rows(var, frozen(ties="keep"))] == [
        (0.5, 1.0), (1.0, 0.0), (pytest.approx(5 / 6, abs=1e-6), pytest.approx(1 / 3, abs=1e-6)),
    ]  # fmt: skip
    assert [row["tie"] for row in rows(var, frozen(ties="drop"))] == [0.0, 0.0]
    assert {row["item_id"] for row in rows(var, frozen(ties="keep", rounds=[1]))} == {tied.item_id}


@given(
    counts=st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(sum),
    ties=st.sampled_from(["drop", "keep"]),
)
def test_a_pair_never_contradicts_the_votes(counts: list[int], ties: Any) -> None:
    names = ["left", "right", "tie", "both_bad"]
    soft = {name: count / sum(counts) for name, count in zip(names, counts, strict=True)}
    most = [name for name in names if soft[name] == max(soft.values())]
    value = {"choice": most[0] if len(most) == 1 else "split", "left": 1, "right": 2, "strength": 1}
    made = pair_of(value, soft, ties)
    if isinstance(made, str):
        assert value["choice"] == "both_bad" or (ties == "drop" and value["choice"] in {"tie", "split"})
    else:
        winner, loser = ("left", "right") if made.chosen_id == 1 else ("right", "left")
        assert soft[winner] >= soft[loser] and 0.5 <= made.soft <= 1
        assert {made.chosen_id, made.rejected_id} == {1, 2}
        assert made.tie == (round(soft["tie"], 6) if ties == "keep" else 0) <= 2 * (1 - made.soft) + 1e-5


@given(groups=st.lists(st.text(max_size=20), max_size=60), seed=st.integers(0, 2**31 - 1), share=st.floats(0, 0.99))
def test_a_split_depends_on_the_group_alone(groups: list[str], seed: int, share: float) -> None:
    sides = {group: split_of(group, seed=seed, test_fraction=share) for group in groups}
    assert all(split_of(group, seed=seed, test_fraction=share) == sides[group] for group in reversed(groups))
    if share == 0:
        assert "test" not in sides.values()


def test_no_group_lies_on_both_sides(project: Project, frozen: Frozen, var: Path) -> None:
    for number in range(30):
        group = factories.PromptFactory(project=project, group=f"g{number % 12}")
        settle(project, "LL", prompt=group)
    made = frozen(test_fraction=0.4)
    sides: dict[str, set[str]] = {}
    for row in rows(var, made):
        sides.setdefault(row["group"], set()).add(row["split"])
    assert all(len(found) == 1 for found in sides.values())
    assert made.counts["train"] > 0 < made.counts["test"]


def test_nothing_to_freeze_is_a_failure_that_says_so(project: Project, frozen: Frozen, var: Path) -> None:
    empty = frozen()
    assert (empty.state, empty.manifest_sha256) == ("failed", "") and "no label" in empty.error
    settle(project, "TT")
    ties = frozen()
    assert ties.state == "failed" and "None of the 1 labels" in ties.error and "tie" in ties.error
    assert not list(var.glob("snapshots/*/*"))
    settle(project, "LL")
    retry_snapshot(snapshot=empty)
    services.build_snapshot(snapshot_id=empty.pk)
    empty.refresh_from_db()
    assert empty.state == "ready"
    with pytest.raises(Conflict):
        retry_snapshot(snapshot=empty)


def test_wrong_derivations_are_refused_by_field(project: Project) -> None:
    with pytest.raises(Invalid) as fault:
        request_snapshot(project=project, derivation={"ties": "maybe", "min_confidence": 2, "colour": "red"})
    assert set(fault.value.fields) == {"ties", "min_confidence", "colour"}
    with pytest.raises(Invalid, match="consensus rule"):
        request_snapshot(project=project, derivation={"rule": "os:system"})
    with pytest.raises(Invalid) as fault:
        request_snapshot(project=project, derivation={"rounds": [1, -1, 10**30]})
    assert set(fault.value.fields) == {"rounds.1", "rounds.2"}


def test_a_round_that_no_database_holds_is_refused_at_its_field(
    project: Project, noor: User, browse: Callable[..., Client]
) -> None:
    page = reverse("training_bridge:snapshot_new", args=[project.slug])
    sent = {"ties": "drop", "min_confidence": "0", "sources": "both", "test_fraction": "0.2", "split_seed": "0"}
    sent |= {"rule": "majority", "soft_labels": "vote_share", "weights": "confidence"}
    answer = browse(noor).post(page, sent | {"rounds": f"1, {10**30}"})
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {"rounds"}


def test_a_second_ring_and_a_stale_builder_change_nothing(
    project: Project, frozen: Frozen, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(project, "LL")
    ready = frozen()
    assert services.build_snapshot(snapshot_id=ready.pk) is False

    stale = request_snapshot(project=project, derivation={})
    real = files.build

    def replaced_meanwhile(**given: Any) -> Any:
        manifest = real(**given)
        monkeypatch.setattr(services, "build", real)
        Snapshot.objects.filter(pk=stale.pk).update(state="queued", owner=None)
        services.build_snapshot(snapshot_id=stale.pk)
        inode["of"] = (var / f"snapshots/{project.pk}/{stale.number}").stat().st_ino
        return manifest

    inode: dict[str, int] = {}
    monkeypatch.setattr(services, "build", replaced_meanwhile)
    services.build_snapshot(snapshot_id=stale.pk)
    stale.refresh_from_db()
    assert (stale.state, stale.attempt) == ("ready", 2)
    assert (var / stale.path).stat().st_ino == inode["of"], "the stale builder replaced the files"


def test_a_full_disk_is_a_named_failure(project: Project, frozen: Frozen, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(project, "LL")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(services, "build", full)
    made = frozen()
    assert made.state == "failed" and "No space left" in made.error


@pytest.mark.parametrize("exporter", ["native", "trl_preference"])
def test_downloads_are_whole_and_never_altered(
    project: Project, noor: User, browse: Callable[..., Client], api: Callable[..., APIClient], frozen: Frozen,
    var: Path, exporter: str,
) -> None:  # fmt: skip
    settle(project, "LLR")
    settle(project, "TT")
    made = frozen(ties="keep", test_fraction=0)
    for plug in selectors.exporters():
        if plug.key != exporter:
            continue
        for name in plug.files:
            path = [project.slug, made.number, exporter, name]
            page = browse(noor).get(reverse("training_bridge:snapshot_file", args=path))
            body = b"".join(page.streaming_content)  # type: ignore[attr-defined]
            other = api(noor).get(reverse("training_bridge-api:snapshot_file", args=path))
            assert body == b"".join(other.streaming_content) and bool(body) == (
                name not in {"test.jsonl", files.LESSONS, files.STRENGTHS}
            )
            assert (
                page.headers["Content-Disposition"].startswith("attachment")
                and page.headers["X-Content-Type-Options"] == "nosniff"
            )
            if exporter == "native":
                assert body == (var / made.path / name).read_bytes()
    changed = var / made.path / files.PREFERENCES
    changed.chmod(0o600)
    changed.write_bytes(changed.read_bytes()[:-1] + b"X")
    name = files.PREFERENCES if exporter == "native" else "train.jsonl"
    path = [project.slug, made.number, exporter, name]
    assert browse(noor).get(reverse("training_bridge:snapshot_file", args=path)).status_code == 409


def test_trl_rows_are_explicit_conversational_preferences(project: Project, frozen: Frozen) -> None:
    label = settle(project, "LL")
    settle(project, "TT")
    made = frozen(ties="keep", test_fraction=0)
    (line,) = b"".join(selectors.export(made, "trl_preference", "train.jsonl")).splitlines()
    row = json.loads(line)
    assert list(row) == ["prompt", "chosen", "rejected"] and row["prompt"] == label.item.prompt.messages
    assert all({"role", "content"} == set(message) for part in row.values() for message in part)
    report = json.loads(b"".join(selectors.export(made, "trl_preference", "EXPORT_REPORT.json")))
    assert report["counts"] == {"in": 2, "train": 1, "test": 0} and report["dropped"] == {"tie": 1}


@pytest.mark.parametrize("name", ["../manifest.json", "..%2fmanifest.json", "%2e%2e/x", "x\x00", "/etc/passwd", "con"])
def test_only_named_files_are_served(
    project: Project, noor: User, browse: Callable[..., Client], frozen: Frozen, name: str
) -> None:
    settle(project, "LL")
    made = frozen()
    start = reverse("training_bridge:snapshot", args=[project.slug, made.number])
    assert browse(noor).get(f"{start}files/native/{name}").status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_numbers_are_unique_when_many_ask_at_once(project: Project) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer: nothing to race")
    made: list[int] = []

    def ask() -> None:
        made.append(request_snapshot(project=project, derivation={}).number)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(1, 9))


def test_a_ranking_teaches_every_pair_of_different_ranks() -> None:
    value = {"tiers": [[1], [2, 3], [4]], "rejected": [5]}
    strict = pairs_of("ranking", value, {}, "drop")
    assert isinstance(strict, list)
    assert {(one.chosen_id, one.rejected_id) for one in strict} == {
        *[(1, 2), (1, 3), (1, 4), (1, 5), (2, 4), (2, 5), (3, 4), (3, 5), (4, 5)]
    }
    kept = pairs_of("ranking", value, {}, "keep")
    assert isinstance(kept, list)
    (tie,) = [one for one in kept if one.strength == 0]
    assert {tie.chosen_id, tie.rejected_id} == {2, 3} and tie.soft == 0.5
    assert pairs_of("ranking", {"tiers": [[1, 2]], "rejected": []}, {}, "drop") == "tie"
    assert pairs_of("labels", {"answers": {}}, {}, "keep") == "no_preference"


def test_a_snapshot_of_rankings_holds_their_pairs(project: Project, frozen: Frozen, var: Path) -> None:
    asked = {"name": "order", "protocol": "ranking", "config": default_config("ranking"), "required": True}
    form = factories.FormVersionFactory(project=project, fields=[asked])
    item = factories.ItemFactory(project=project, responses=3, state="done", meta={"use_recorded": True})
    first, second, third = item.item_responses.values_list("response_id", flat=True)
    value = {"tiers": [[second], [first], [third]], "rejected": []}
    factories.AnnotationFactory(item=item, values={"order": value}, form_version=form)
    labels.settle(item=item)
    made = frozen(field="order", rule="majority_each", test_fraction=0)
    pairs = {(row["chosen_id"], row["rejected_id"]): row["strength"] for row in rows(var, made)}
    assert pairs == {(second, first): 1.0, (first, third): 1.0, (second, third): 2.0}
    assert (made.counts["labels"], made.counts["pairs"], made.counts["judgments"]) == (1, 3, 1)
    assert made.counts["labels_used"] == {"train": 1, "test": 0} and made.counts["dropped_pairs"] == {}


def test_labels_and_pairs_are_counted_apart(
    project: Project, noor: User, browse: Callable[..., Client], frozen: Frozen
) -> None:
    asked = {"name": "order", "protocol": "ranking", "config": default_config("ranking"), "required": True}
    form = factories.FormVersionFactory(project=project, fields=[asked])

    def rank(*words: str) -> None:
        item = factories.ItemFactory(project=project, responses=3, state="done", meta={"use_recorded": True})
        ids = list(item.item_responses.values_list("response_id", flat=True))
        for pk, text in zip(ids, words, strict=True):
            Response.objects.filter(pk=pk).update(messages=[{"role": "assistant", "content": text}])
        value = {"tiers": [[pk] for pk in ids], "rejected": []}
        factories.AnnotationFactory(item=item, values={"order": value}, form_version=form)
        labels.settle(item=item)

    rank("a", "b", "c")
    rank("a", "b", "b")
    rank("", "", "")
    made = frozen(field="order", rule="majority_each", test_fraction=0)
    counts = made.counts
    assert (counts["labels"], counts["pairs"], counts["judgments"]) == (3, 5, 2)
    assert counts["labels_used"] == {"train": 2, "test": 0} and counts["dropped"] == {"empty_response": 1}
    assert counts["dropped_pairs"] == {"equal_responses": 1}
    path = reverse("training_bridge:snapshot", args=[project.slug, made.number])
    page = browse(noor).get(path)
    assert [round(bar.value, 3) for bar in page.context["bars"]] == [0.667, 0, 0.333]
    assert "Pairs left out of these labels: The two responses are the same text" in page.text
    before = {name: counts[name] for name in counts if name not in ("labels_used", "dropped_pairs")}
    Snapshot.objects.filter(pk=made.pk).update(counts=before)
    page = browse(noor).get(path)
    assert page.context["bars"] == [] and "Labels trained on" not in page.text and "<td>Training pairs" in page.text
    Snapshot.objects.filter(pk=made.pk).update(counts=before | {"pairs": 2, "train": 1, "test": 1})
    assert [round(bar.value, 3) for bar in browse(noor).get(path).context["bars"]] == [0.333, 0.333, 0.333]
