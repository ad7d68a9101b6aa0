"""A run's folder: what the trainer is told (spec.json), what it reads, where it writes."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from common.errors import DomainError
from common.words import gettext_noop as _
from corpus.models import ModelVersion, Prompt, Response
from training_bridge.derivations.pairs import plain_messages
from training_bridge.files import canonical_json, var_path, verified, write_synced
from training_bridge.model_folders import is_unchanged
from training_bridge.models import Run, Snapshot
from training_bridge.services.runs import load_method
from training_bridge.snapshots import MANIFEST

# All that a trainer may see of this process's environment: nothing in it opens the database or a judge's account.
PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "HF_HOME", "HF_ENDPOINT", "HF_HUB_OFFLINE",
    "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "NVIDIA_VISIBLE_DEVICES", "PYTORCH_CUDA_ALLOC_CONF",
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
)  # fmt: skip


def folder_of(run: Run) -> Path:
    return var_path("runs", run.pk)


def environment(run: Run) -> dict[str, str]:
    """The trainer's whole environment."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    roots = [settings.BASE_DIR, settings.BASE_DIR / "platform"]
    own = {
        "HOME": str(folder_of(run)), "PYTHONPATH": os.pathsep.join(str(root) for root in roots),
        "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    return {"HF_HOME": str(var_path("huggingface"))} | passed | own


def prepare(run: Run, alive: Callable[[], None] = lambda: None) -> Path:
    """Makes the run's folder ready for one attempt and returns it. Raises DomainError where what it needs has changed.

    The lists it reads are written once, so that a later attempt reads the same prompts. `alive` is called while files
    are hashed.
    """
    folder = folder_of(run)
    output = folder / "output"
    output.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Of an attempt that was killed when all but the last words were said: read-only by then, and made again.
    shutil.rmtree(output / "model", ignore_errors=True)
    spec = {
        "method": run.method, "config": _config(run), "seed": run.seed, "run_id": run.pk, "attempt": run.attempt,
        "snapshot": _snapshot(run.snapshot), "base": _model(run.base, alive),
        "reference": _model(run.reference, alive), "reward": _model(run.reward, alive),
        "input": _inputs(run, folder, alive), "output": str(output),
        "checkpoint": _checkpoint(run, folder),
    }  # fmt: skip
    write_synced(folder / "spec.json", canonical_json(spec))
    return folder


def _config(run: Run) -> dict[str, Any]:
    """As it was asked for, but for what memory allows: how a step is cut changes nothing that is learnt."""
    return {**run.config, **({"token_budget": run.token_budget} if run.token_budget else {})}


def _snapshot(snapshot: Snapshot | None) -> dict[str, str] | None:
    """Its folder, every file of which is what it was when it was frozen."""
    if snapshot is None:
        return None
    folder = var_path(snapshot.path)
    manifest = json.loads(verified(folder / MANIFEST, snapshot.manifest_sha256).read_bytes())
    for name, file in manifest["files"].items():
        verified(folder / name, file["sha256"])
    return {"path": str(folder)}


def _model(version: ModelVersion | None, alive: Callable[[], None]) -> dict[str, Any] | None:
    if version is None:
        return None
    return {"path": _folder(version, alive), "kind": version.kind, "name": version.name}


def _folder(version: ModelVersion, alive: Callable[[], None]) -> str:
    """Where the weights are: a folder, with those that were hashed when it was made or registered, or a hub id."""
    if version.path and not Path(version.path).is_dir():
        raise DomainError(_("The weights of %(name)s are no longer on disk.") % {"name": version.name})
    if version.path and version.sha256 and not is_unchanged(Path(version.path), version.sha256, alive):
        raise DomainError(
            _("The weights, configuration or tokenizer of %(name)s have changed since they were hashed.")
            % {"name": version.name}
        )
    return version.path or version.source


def _checkpoint(run: Run, folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint, or None where it is gone: the run then begins anew."""
    if not run.checkpoint or not (folder / run.checkpoint["path"]).exists():
        return None
    return {**run.checkpoint, "path": str(folder / run.checkpoint["path"])}


def _inputs(run: Run, folder: Path, alive: Callable[[], None]) -> dict[str, Any]:
    wanted = load_method(run.method).needs.input
    found: dict[str, Any] = {}
    if named := run.inputs.get("rewards"):
        versions = ModelVersion.objects.filter(project=run.project_id).in_bulk(named.values())
        found["rewards"] = {name: _folder(versions[pk], alive) for name, pk in named.items()}
    # An evaluation without held-out prompts of a snapshot asks the open ones.
    if "prompts" in wanted or "prompts" in run.inputs or (run.method == "evaluate" and run.snapshot is None):
        found["prompts"] = _input(run, folder, "prompts", _open_prompts)
    if "text" in wanted:
        found["text"] = _input(run, folder, "text", _conversations)
    return found


def _input(run: Run, folder: Path, kind: str, rows: Callable[[Run], Iterator[dict[str, Any]]]) -> str:
    """The file that was pinned at the start, unchanged; else one written now, once."""
    if kind in run.inputs:
        return str(verified(var_path(run.inputs[kind]), run.inputs["sha256"]))
    return str(_write_once(folder / f"{kind}.jsonl", rows(run)))


def _write_once(path: Path, rows: Iterator[dict[str, Any]]) -> Path:
    if not path.exists():
        draft = path.with_name(f".{path.name}.draft")
        with draft.open("wb") as handle:
            handle.writelines(canonical_json(row) + b"\n" for row in rows)
        draft.replace(path)
    return path


def _open_prompts(run: Run) -> Iterator[dict[str, Any]]:
    prompts = Prompt.objects.filter(project=run.project_id, open=True).order_by("pk")
    for prompt in prompts.iterator(chunk_size=500):
        messages = plain_messages(prompt.messages)
        if messages:
            yield {"id": prompt.pk, "group": prompt.group, "messages": messages}


def _conversations(run: Run) -> Iterator[dict[str, Any]]:
    responses = Response.objects.filter(prompt__project=run.project_id).select_related("prompt").order_by("pk")
    for response in responses.iterator(chunk_size=500):
        messages = plain_messages([*response.prompt.messages, *response.messages])
        if messages:
            yield {"messages": messages}
