"""A run from start to named end: what is asked for, what is made, and why it failed where it did."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from annotation.models import Item
from common.errors import Conflict, Invalid
from common.text import check_text
from corpus.models import Candidate, ModelVersion, Response
from projects.models import Project
from tests import factories
from tests.training_bridge.conftest import attempts, settle, state
from tests.training_bridge.methods import SAFETENSORS
from training_bridge.execution import execute_run
from training_bridge.files import canonical_json
from training_bridge.models import Run, Snapshot
from training_bridge.reports import Reports
from training_bridge.services import cancel_run, register_model, retry_run, start_run
from training_bridge.services.ownership import (
    Hold,
    claim_run,
)
from training_bridge.services.results import complete_run
from training_bridge.services.runs import next_round
from training_bridge.workspace import environment

Start = Callable[..., Run]


def test_a_run_makes_a_model_version_with_its_lineage(project: Project, start: Start, var: Path) -> None:
    run = start(steps=3, seed=7)
    assert execute_run(run_id=run.pk) == "succeeded" == state(run)
    assert (run.step, run.total_steps, run.attempt, run.owner, run.checkpoint) == (3, 3, 1, None, None)
    assert not list((var / f"runs/{run.pk}/output").glob("checkpoints/*"))
    assert [(metric.step, metric.values["loss"]) for metric in run.metrics.all()] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    made = run.produced
    assert (
        made is not None and made.kind == "policy" and made.config == {"method": "scripted", "run": run.pk, "steps": 1}
    )
    weights = Path(made.path) / "model.safetensors"
    assert weights.is_relative_to(var / "models") and weights.stat().st_mode & 0o222 == 0
    listed = subprocess.run(["sha256sum", "config.json", weights.name], cwd=weights.parent, capture_output=True).stdout
    assert made.sha256 == hashlib.sha256(listed).hexdigest()
    assert execute_run(run_id=run.pk) is None, "a second ring found something to do"


def test_the_trainer_sees_no_secret(start: Start, monkeypatch: pytest.MonkeyPatch, var: Path) -> None:
    for name in ("DATABASE_URL", "SECRET_KEY", "REDIS_URL", "OPENAI_API_KEY", "JUDGE_KEY", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "canary")
    assert "canary" not in str(environment(start()))
    allowed = {"PATH", "HOME", "PYTHONPATH", "PYTHONUNBUFFERED", "HF_HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"}
    extra = set(environment(start())) - allowed
    assert all(name.startswith(("HF_", "CUDA_", "NVIDIA_", "LD_", "PYTORCH_")) or "THREADS" in name for name in extra)


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("refuse", "Nothing to learn from."),
        ("crash", "the wheels came off"),
        ("memory", "Out of memory"),
        ("silence", "without a result"),
    ],
)
def test_every_failure_says_why_and_can_be_continued(start: Start, var: Path, deed: str, reason: str) -> None:
    run = start(steps=3, at=2, deed=deed, once=True)
    assert execute_run(run_id=run.pk) == "failed" == state(run)
    assert reason in run.error and run.owner is None and run.finished_at
    retry_run(run=run)
    assert (state(run), run.attempt) == ("queued", 0)
    assert execute_run(run_id=run.pk) == "succeeded"
    assert attempts(var, run) == [1, 2], "it did not go on from the checkpoint of step 1"
    assert list(run.metrics.values_list("step", flat=True)) == [1, 2, 3]


def test_a_killed_trainer_is_tried_again_and_ends_after_three_attempts(start: Start, var: Path) -> None:
    once = start(steps=3, at=2, deed="die", once=True)
    assert execute_run(run_id=once.pk) == "queued"
    assert execute_run(run_id=once.pk) == "succeeded" and attempts(var, once) == [1, 2]
    always = start(steps=3, at=2, deed="die")
    assert [execute_run(run_id=always.pk) for _ in range(4)] == ["queued", "queued", "failed", None]
    assert "killed from outside" in Run.objects.get(pk=always.pk).error


def test_chatter_does_not_break_the_protocol(start: Start, var: Path) -> None:
    run = start(steps=2, at=1, deed="chatter")
    assert execute_run(run_id=run.pk) == "succeeded"
    assert b"warning: something" in (var / f"runs/{run.pk}/stderr-1.log").read_bytes()


@given(st.lists(st.binary(max_size=80), max_size=30), st.integers(1, 50))
def test_whatever_comes_through_the_pipe_is_a_report_or_a_log_line(lines: list[bytes], size: int) -> None:
    reports = Reports(Path("/run"))
    good = b'{"type":"metrics","step":7,"values":{"loss":0.5,"broken":NaN,"null":null}}'
    outside = b'{"type":"checkpoint","path":"../../etc","step":1,"sha256":"x"}'
    data = b"\n".join([*lines, good, outside]) + b"\n"
    for start in range(0, len(data), size):
        reports.feed(data[start : start + size])
    taken = reports.take()
    assert taken["metrics"][7] == {"loss": 0.5} and taken["columns"]["step"] == 7
    assert "checkpoint" not in taken["columns"]
    for line in taken["log"]:
        check_text(line)


@pytest.mark.parametrize("extra", ["pytorch_model.bin", "modeling.py", "optimizer.pt"])
def test_a_model_that_could_run_code_is_not_registered(start: Start, var: Path, extra: str) -> None:
    run = start(model=extra)
    assert execute_run(run_id=run.pk) == "failed" == state(run)
    assert extra in run.error and run.produced is None
    assert not ModelVersion.objects.exists() and not list((var / "models").glob("*/*"))


def test_starting_the_same_twice_is_one_run(start: Start, project: Project) -> None:
    assert start().pk == start().pk != start(seed=1).pk
    first = start()
    cancel_run(run=first)
    assert state(first) == "cancelled" and start().pk != first.pk
    with pytest.raises(Conflict):
        retry_run(run=first)


def test_wrong_configurations_and_missing_needs_are_named(project: Project) -> None:
    def fields(**given: Any) -> dict[str, list[str]]:
        with pytest.raises(Invalid) as fault:
            start_run(project=project, **given)
        return fault.value.fields

    assert set(fields(method="reward_model", config={"epochs": -1, "output_dir": "../x"})) == {"epochs", "output_dir"}
    assert fields(method="dpo")["snapshot"] == ["DPO needs a snapshot."]
    assert "base" in fields(method="respond")
    reward = factories.ModelVersionFactory(project=project, kind="reward")
    assert "base" in fields(method="respond", base=reward)
    foreign = factories.ModelVersionFactory()
    assert "no such model" in fields(method="respond", base=foreign)["base"][0]
    snapshot = factories.SnapshotFactory(project=project)
    assert (
        "not ready"
        in fields(method="dpo", snapshot=snapshot, base=factories.ModelVersionFactory(project=project))["snapshot"][0]
    )
    Snapshot.objects.filter(pk=snapshot.pk).update(
        state="ready", manifest_sha256="x", path="x", counts={"train": 1, "test": 9}
    )
    snapshot.refresh_from_db()
    assert (
        "has 1 of these to train on: pairs of responses"
        in fields(method="reward_model", snapshot=snapshot)["snapshot"][0]
    )
    with pytest.raises(Invalid):
        start_run(project=project, method="../../etc")
    with pytest.raises(Invalid):
        start_run(project=project, method="pretrain", inputs={"text": "../../etc/passwd"})


def respond_run(project: Project, **inputs: Any) -> tuple[Run, Hold]:
    base = factories.ModelVersionFactory(project=project)
    run = start_run(project=project, method="respond", base=base, inputs=inputs)
    hold = claim_run(run_id=run.pk)
    assert hold is not None
    return run, hold


@pytest.mark.parametrize(("pairs", "items"), [("all", 3), ("adjacent", 2)])
def test_responses_become_candidates_once(project: Project, var: Path, pairs: str, items: int) -> None:
    prompts = factories.PromptFactory.create_batch(3, project=project, open=True)
    settle(project, "L", round=4)
    run, hold = respond_run(project, pairs=pairs)
    assert run.inputs["round"] == 5
    texts = {prompts[0]: ["a", "b", "c"], prompts[1]: ["same", "same", "other"], prompts[2]: ["", "x", "y"]}
    lines = [
        {"prompt_id": str(prompt.pk), "sample": k, "messages": [{"role": "assistant", "content": text}]}
        for prompt, samples in texts.items()
        for k, text in enumerate(samples)
    ]
    path = var / "responses.jsonl"
    path.write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))
    complete_run(hold=hold, values={"prompts": 3}, model=None, responses=path)
    assert state(run) == "succeeded" and run.result["responses"] == 9
    made = Candidate.objects.filter(prompt=prompts[0])
    assert made.count() == items and all(one.meta["round"] == 5 and len(one.response_ids) == 2 for one in made)
    assert not any(
        len({str(Response.objects.get(pk=key).messages) for key in one.response_ids}) < 2
        for one in Candidate.objects.all()
    )
    assert set(Response.objects.filter(prompt__in=prompts).values_list("model_version", flat=True)) == {run.base_id}
    before = (Response.objects.count(), Candidate.objects.count())
    Run.objects.filter(pk=run.pk).update(state="running", owner=hold.token, heartbeat_at=timezone.now())
    complete_run(hold=hold, values={}, model=None, responses=path)
    assert (Response.objects.count(), Candidate.objects.count()) == before
    assert next_round(project) == 6
    assert not Item.objects.filter(candidate__in=Candidate.objects.all()).exists(), "items are annotation's to make"


@pytest.mark.parametrize(
    "source",
    [
        *("../x", "a/../b", "/etc", "~/x", "org/..", "..", "a/b/c", "./x", "org/"),
        *("", "http://x/y", "org/na me", "x\x00/y", "0" * 300),
    ],
)
def test_model_sources_elsewhere_are_refused(project: Project, var: Path, source: str) -> None:
    with pytest.raises(Invalid) as fault:
        register_model(project=project, name="m", kind="policy", source=source)
    assert "source" in fault.value.fields


def test_folders_are_taken_only_from_allowed_places(project: Project, var: Path, tmp_path_factory: Any) -> None:
    def folder(root: Path, name: str, **files: str) -> Path:
        made = root / name
        made.mkdir(parents=True)
        (made / "config.json").write_text(files.pop("config", "{}"))
        (made / "model.safetensors").write_bytes(SAFETENSORS)
        for extra, text in files.items():
            (made / extra.replace("__", ".")).write_text(text)
        return made

    good = folder(var / "models", "good")
    by_name = register_model(project=project, name="a", kind="policy", source="good")
    by_path = register_model(project=project, name="b", kind="reference", source=str(good))
    assert by_name.path == by_path.path == str(good)
    outside = folder(tmp_path_factory.mktemp("elsewhere"), "other")
    (var / "models/link").symlink_to(outside)
    folder(var / "models", "pickled", pytorch_model__bin="x")
    folder(var / "models", "code", config='{"auto_map": {"AutoModel": "x.Y"}}')
    own = folder(var / "models", f"{project.pk}/dpo-1")
    theirs = folder(var / "models", f"{project.pk + 1}/dpo-1")
    (var / "models/shortcut").symlink_to(theirs)
    for source in (str(outside), "link", "pickled", "code", str(theirs), "shortcut", f"./{project.pk + 1}/dpo-1"):
        with pytest.raises(Invalid) as fault:
            register_model(project=project, name="c", kind="policy", source=source)
        assert "source" in fault.value.fields
    assert register_model(project=project, name="own", kind="policy", source=str(own)).path == str(own)
    assert register_model(project=project, name="hub", kind="policy", source="Qwen/Qwen2.5-0.5B").path == ""
    with pytest.raises(Invalid):
        register_model(project=project, name="hub", kind="policy", source="Qwen/Qwen2.5-0.5B")
