"""Staged rows into tables. Everything is found again by its external id, so writing a row twice adds nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corpus.importers.rows import Json
from corpus.models import Candidate, Import, Prompt, Response
from corpus.staging import Staged


@dataclass(frozen=True)
class Written:
    """What one batch came to: rows that are new, rows the project had, rows it had with other content."""

    new: int
    known: int
    conflicting: list[Staged]


def compared(project_id: int, rows: Sequence[Staged]) -> tuple[set[str], set[str]]:
    """(external ids the project has with the same content, external ids it has with other content)."""
    wanted = {row.external_id: row for row in rows if not row.body["open"]}
    known: set[str] = set()
    conflicting: set[str] = set()
    found = Candidate.objects.filter(project_id=project_id, external_id__in=list(wanted))
    for external_id, sha256 in found.values_list("external_id", "content_sha256"):
        (known if wanted[external_id].sha256 == sha256 else conflicting).add(external_id)
    asked = {row.body["prompt"]["external_id"]: row for row in rows if row.body["open"]}
    prompts = Prompt.objects.filter(project_id=project_id, external_id__in=list(asked))
    for external_id, messages, context in prompts.values_list("external_id", "messages", "context"):
        row = asked[external_id]
        same = row.body["prompt"]["messages"] == messages and row.body["prompt"]["context"] == context
        (known if same else conflicting).add(row.external_id)
    return known, conflicting


def write_rows(run: Import, rows: Sequence[Staged]) -> Written:
    """Writes a batch; the caller holds the transaction and the project's lock."""
    known, conflicting = compared(run.project_id, rows)
    fresh = [row for row in rows if row.external_id not in known | conflicting]
    prompts = _prompts(run, fresh)
    responses = _responses(prompts, fresh)
    Candidate.objects.bulk_create(
        (
            Candidate(
                project_id=run.project_id,
                external_id=row.external_id,
                prompt_id=(prompt := prompts[row.body["prompt"]["external_id"]]),
                response_ids=[responses[prompt, response["external_id"]] for response in row.body["responses"]],
                feedback=row.body["feedback"],
                meta=row.body["meta"],
                content_sha256=row.sha256,
                source=run,
            )
            for row in fresh
            if not row.body["open"]
        ),
        ignore_conflicts=True,
    )
    _open(run, [row for row in rows if row.body["open"] and row.external_id not in conflicting])
    return Written(len(fresh), len(known), [row for row in rows if row.external_id in conflicting])


def _prompts(run: Import, rows: Sequence[Staged]) -> dict[str, int]:
    """External id → primary key of every prompt the rows name. The first row to bring a prompt gives its columns."""
    made: dict[str, Prompt] = {}
    for row in rows:
        prompt = row.body["prompt"]
        made.setdefault(
            prompt["external_id"],
            Prompt(
                project_id=run.project_id,
                external_id=prompt["external_id"],
                group=prompt["group"],
                messages=prompt["messages"],
                context=prompt["context"],
                language=prompt["language"],
                tags=prompt["tags"],
                meta=row.body["meta"] if row.body["open"] else {},
                source=run,
            ),
        )
    Prompt.objects.bulk_create(made.values(), ignore_conflicts=True)
    found = Prompt.objects.filter(project_id=run.project_id, external_id__in=list(made))
    return dict(found.values_list("external_id", "pk"))


def _responses(prompts: dict[str, int], rows: Sequence[Staged]) -> dict[tuple[int, str], int]:
    """(prompt, external id) → primary key of every response of the rows; edits of them come after them."""
    asked = [(prompts[row.body["prompt"]["external_id"]], row.body) for row in rows]
    found = _made((prompt, response) for prompt, body in asked for response in body["responses"])
    edits = [(prompt, edit) for prompt, body in asked for edit in body.get("edits", ())]
    made = _made((prompt, edit | {"parent_id": found.get((prompt, edit["parent"]))}) for prompt, edit in edits)
    return found | made


def _made(responses: Iterable[tuple[int, Json]]) -> dict[tuple[int, str], int]:
    made: dict[tuple[int, str], Response] = {}
    for prompt, columns in responses:
        columns = {key: value for key, value in columns.items() if key != "parent"}
        made.setdefault((prompt, columns["external_id"]), Response(prompt_id=prompt, **columns))
    Response.objects.bulk_create(made.values(), ignore_conflicts=True)
    found = Response.objects.filter(
        prompt_id__in={prompt for prompt, _ in made}, external_id__in={name for _, name in made}
    )
    return {(prompt, name): pk for prompt, name, pk in found.values_list("prompt_id", "external_id", "pk")}


def _open(run: Import, rows: Sequence[Staged]) -> None:
    """Prompts imported to be answered are opened, those the project had too: that is what was asked for."""
    wanted = {row.body["prompt"]["external_id"] for row in rows}
    Prompt.objects.filter(project_id=run.project_id, external_id__in=wanted, open=False).update(open=True)
