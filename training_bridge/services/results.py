"""What a run made becomes rows: a model version with its lineage, or responses that people will judge next."""

from collections.abc import Iterator, Mapping
from itertools import combinations, groupby, islice, pairwise
from pathlib import Path
from typing import Any

from django.db import transaction

from common.errors import Invalid
from common.text import check_tree
from common.words import gettext_noop
from corpus.models import Candidate, ModelVersion, Prompt, Response
from lm.safety import check_model_folder
from training_bridge.files import make_read_only, put_in_place, read_lines, sha256_of, var_path
from training_bridge.model_folders import model_sha256
from training_bridge.models import Run
from training_bridge.report_cards import read_report
from training_bridge.services.ownership import Hold, end_run

BATCH = 200


def complete_run(
    *,
    hold: Hold,
    values: dict[str, Any],
    model: Mapping[str, Any] | None,
    responses: Path | None,
    report: Path | None = None,
) -> None:
    """Ends a run as succeeded, with what it made, in one transaction: either all of it stands or the run goes on.

    `model`: {"path", "kind", "config"}, a folder that is checked, hashed, frozen and moved under VAR_DIR/models;
    `responses`: a JSONL file of {"prompt_id", "sample", "messages", "sampling"?, "finished"?};
    `report`: its report card, which is checked, hashed and frozen where it lies.
    Raises Invalid where the model folder is not one that may be loaded or the card cannot be read; Fenced where the run
    is somebody else's now.
    """
    digest = ""
    if model is not None:
        check_model_folder(Path(model["path"]))
        digest = model_sha256(Path(model["path"]), alive=hold.beat)
    report_sha256 = _frozen(report) if report is not None else ""
    with transaction.atomic():
        run = hold.locked()
        if model is not None:
            run.produced = _register(run, model, digest)
        if responses is not None:
            values = values | _store_responses(run, responses)
        end_run(
            hold=hold,
            state=Run.State.SUCCEEDED,
            result=values,
            report_sha256=report_sha256,
            produced=run.produced,
            checkpoint=None,
            phase="",
            cancel_requested=False,
        )


def _frozen(report: Path) -> str:
    """The hash of a report card that can be read."""
    try:
        read_report(report)
    except (OSError, ValueError) as fault:
        raise Invalid(gettext_noop("The report card cannot be read: %(fault)s") % {"fault": fault}) from fault
    report.chmod(0o400)
    return sha256_of(report)


def _register(run: Run, model: Mapping[str, Any], digest: str) -> ModelVersion:
    kind = model["kind"]
    if kind not in ModelVersion.Kind.values:
        raise Invalid(gettext_noop("The method made a model of the unknown kind %(kind)s.") % {"kind": repr(kind)})
    name = f"{run.method.replace('_', '-')}-{run.pk}"
    final = var_path("models", run.project_id, name)
    make_read_only(Path(model["path"]))
    put_in_place(Path(model["path"]), final)
    return ModelVersion.objects.create(
        project=run.project, name=name, kind=kind, path=str(final), sha256=digest, parent=run.base,
        config={"method": run.method, "run": run.pk} | dict(model.get("config") or {}),
    )  # fmt: skip


def _store_responses(run: Run, path: Path) -> dict[str, Any]:
    """Responses and, for every pair of them worth comparing, a candidate. Their ids come from the run: twice is once.

    Nobody can compare a response with itself, and an empty one teaches nothing: such pairs are counted, not made.
    """
    counts = {"responses": 0, "items": 0, "skipped_equal": 0, "skipped_empty": 0}
    lines = groupby(read_lines(path), key=lambda line: int(line["prompt_id"]))
    while batch := [(prompt_id, list(group)) for prompt_id, group in islice(lines, BATCH)]:
        prompts = Prompt.objects.filter(project=run.project_id).in_bulk([prompt_id for prompt_id, _ in batch])
        made = [_response(run, prompts[key], line) for key, samples in batch if key in prompts for line in samples]
        Response.objects.bulk_create(made, ignore_conflicts=True)
        ids = [response.external_id for response in made]
        stored = Response.objects.filter(prompt__in=prompts, external_id__in=ids).order_by("prompt_id", "pk")
        counts["responses"] += len(made)
        candidates: list[Candidate] = []
        for _, group in groupby(stored, key=lambda response: response.prompt_id):
            candidates += _candidates(run, list(group), counts)
        Candidate.objects.bulk_create(candidates, ignore_conflicts=True)
        counts["items"] += len(candidates)
    return counts


def _response(run: Run, prompt: Prompt, line: Mapping[str, Any]) -> Response:
    messages = line["messages"]
    try:
        check_tree(messages)
    except ValueError as fault:
        raise Invalid(gettext_noop("A response cannot be stored: %(fault)s.") % {"fault": fault}) from fault
    return Response(
        prompt=prompt, external_id=f"run-{run.pk}:{line['sample']}", messages=messages,
        author_kind=Response.Author.MODEL,
        model_name=run.base.name if run.base else run.method, model_version=run.base,
        sampling=line.get("sampling") or {}, meta={"run": run.pk, "finished": line.get("finished")},
    )  # fmt: skip


def _candidates(run: Run, responses: list[Response], counts: dict[str, int]) -> Iterator[Candidate]:
    chosen = pairwise(responses) if run.inputs.get("pairs") == "adjacent" else combinations(responses, 2)
    for left, right in chosen:
        if not _text(left) or not _text(right):
            counts["skipped_empty"] += 1
        elif _text(left) == _text(right):
            counts["skipped_equal"] += 1
        else:
            number = f"{left.external_id.partition(':')[2]}-{right.external_id.partition(':')[2]}"
            yield Candidate(
                project_id=run.project_id, external_id=f"run-{run.pk}:{left.prompt_id}:{number}",
                prompt_id=left.prompt_id,
                response_ids=[left.pk, right.pk], meta={"round": run.inputs.get("round", 1), "run": run.pk},
            )  # fmt: skip


def _text(response: Response) -> str:
    return "\n".join(str(message.get("content") or "") for message in response.messages).strip()
