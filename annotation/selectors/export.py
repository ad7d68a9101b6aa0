"""A project as native JSON lines: each item with its responses and every judgment on it, as an import reads them.

What the lines leave out: drafts, answers that were taken back, and who people are (raters go by pseudonym, recorded
annotators too). docs/how-to/export.md says what else is not the same when a line comes back.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from annotation.content import text_of
from annotation.models import Annotation, Gold, Item, Rater, with_responses
from annotation.protocols import PROTOCOLS, protocol
from corpus.importers.rows import digest
from corpus.models import Response
from projects.models import Project

Json = dict[str, Any]

CHUNK = 200
"""Items read at once: memory does not grow with the project."""
INNER = {"raw", "licence", "tags", "flags", "use_recorded", "source", "response_ids", "edit_ids", "kept_feedback"}
"""Keys of an item's `meta` that are said elsewhere in its line, or only of use in here."""
KINDS = {
    Rater.Kind.PERSON: "human",
    Rater.Kind.JUDGE: "ai",
    Rater.Kind.RECORDED_PERSON: "human",
    Rater.Kind.RECORDED_JUDGE: "ai",
}


def native_lines(*, project: Project) -> Iterator[Json]:
    """One object an item, by id. Never more than CHUNK of them are held."""
    after = 0
    while True:
        rows = Item.objects.filter(project=project, pk__gt=after).select_related("prompt", "candidate").order_by("pk")
        items = list(rows.prefetch_related(with_responses())[:CHUNK])
        if not items:
            return
        judged, edits = _annotations(items), _edits(items)
        for item in items:
            responses = [row.response for row in item.item_responses.all()]
            yield _line(item, responses, edits[item.prompt_id], judged[item.pk])
        after = items[-1].pk


def _annotations(items: Sequence[Item]) -> dict[int, list[Annotation]]:
    found: dict[int, list[Annotation]] = defaultdict(list)
    # A known answer that came with an import is told as it came.
    rows = Annotation.objects.filter(item__in=items, retracted_at=None).exclude(golds__source=Gold.Source.IMPORT)
    rows = rows.prefetch_related("golds")
    for one in rows.select_related("rater", "form_version", "guideline", "revised_by").order_by("pk"):
        found[one.item_id].append(one)
    return found


def _edits(items: Sequence[Item]) -> dict[int, list[Response]]:
    """By prompt: texts that people made, of a response or from nothing. They are no responses of an item."""
    found: dict[int, list[Response]] = defaultdict(list)
    rows = Response.objects.filter(prompt__in=[item.prompt_id for item in items], item_responses=None)
    for one in rows.filter(Q(parent__isnull=False) | Q(author_kind=Response.Author.HUMAN)).order_by("pk"):
        found[one.prompt_id].append(one)
    return found


def _line(item: Item, responses: Sequence[Response], edits: Sequence[Response], judged: Iterable[Annotation]) -> Json:
    names = _names(item, responses, edits)
    feedback = [entry for one in judged for entry in _feedback(one, names)]
    made = {str(entry["new_response_id"]) for entry in feedback if entry.get("new_response_id") is not None}
    kept = _kept(item)
    made |= {str(entry["new_response_id"]) for entry in kept if entry.get("new_response_id") is not None}
    raw = item.meta.get("raw", {})
    native = dict(raw.get("native", {}))
    others = native.pop("feedback", [])
    line: Json = {
        "schema_version": 1,
        "external_id": item.external_id,
        "group": "" if item.prompt.group == digest(item.prompt.messages) else item.prompt.group,
        "lang": item.prompt.language,
        "licence": item.meta.get("licence", ""),
        "tags": item.prompt.tags,
        "prompt": item.prompt.messages,
        "context": item.prompt.context,
        "responses": [
            *(_response(one, names) for one in responses),
            *(_response(one, names, edited=True) for one in edits if names[one.pk] in made),
        ],
        "feedback": [*feedback, *kept, *others],
        "meta": {key: value for key, value in item.meta.items() if key not in INNER}
        | ({"raw": foreign} if (foreign := {key: value for key, value in raw.items() if key != "native"}) else {}),
    }
    return (
        {key: value for key, value in line.items() if value not in ("", {}, [])}
        | native
        | {key: line[key] for key in ("prompt", "responses", "feedback")}
    )


def _names(item: Item, responses: Sequence[Response], edits: Sequence[Response]) -> dict[int, str]:
    """Id → what a response is called in the line: its name in the file it came with, else its place."""
    given = item.meta.get("response_ids") or [str(place) for place in range(len(responses))]
    names = {response.pk: name for response, name in zip(responses, given, strict=False)}
    came = {external: name for name, external in item.meta.get("edit_ids", {}).items()}
    return names | {edit.pk: came.get(edit.external_id, f"edit-{edit.pk}") for edit in edits}


def _response(response: Response, names: dict[int, str], *, edited: bool = False) -> Json:
    meta = {key: value for key, value in response.meta.items() if key not in ("id", "raw")}
    [first, *more] = response.messages
    plain = not more and first == {"role": "assistant", "content": first.get("content")}
    body = {"text": text_of(first)} if plain and isinstance(first["content"], str) else {"messages": response.messages}
    found: Json = {"id": names[response.pk]} | body | meta | response.meta.get("raw", {}).get("native", {})
    if response.author_kind != Response.Author.UNKNOWN:
        found["author_kind"] = response.author_kind
    if response.model_name:
        found["model"] = response.model_name
    if response.sampling:
        found["sampling"] = response.sampling
    if edited:
        found["parent_response_id"] = names.get(response.parent_id or 0)
    return found


def _kept(item: Item) -> list[Json]:
    """Judgments that came with an import and that no field of the form took, as they came."""
    if item.candidate is None:
        return []
    feedback = item.candidate.feedback
    return [feedback[place] for place in item.meta.get("kept_feedback", ()) if place < len(feedback)]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _known(annotation: Annotation) -> Json:
    """What makes a gold item of an answer, as an import reads it; nothing of most answers."""
    gold = next((one for one in annotation.golds.all() if one.retired_at is None), None)
    if gold is None:
        return {}
    mark = "is_attention_check" if gold.kind == Gold.Kind.CHECK else "is_gold"
    return {mark: True, "tolerance": gold.tolerance, "explanation": gold.explanation or None,
            "in_qualification": gold.in_qualification or None}  # fmt: skip


def _feedback(annotation: Annotation, names: dict[int, str]) -> Iterator[Json]:
    """An annotation as judgments: one for each field that it answers."""
    form, guideline = annotation.form_version, annotation.guideline
    later = getattr(annotation, "revised_by", None)
    said: Json = {
        "annotation_id": annotation.pk,
        "annotator": annotation.rater.pseudonym,
        "annotator_kind": KINDS[Rater.Kind(annotation.rater.kind)],
        "status": "submitted",
        "standing": annotation.standing,
        "created_at": None if "undated" in annotation.meta else _moment(annotation.submitted_at),
        "duration_ms": annotation.active_ms,
        "display_order": [names[pk] for pk in annotation.display_order or ()] or None,
        "hint_visible": annotation.hint_visible or None,
        "form_version": form.number if form else None,
        "guideline_version": guideline.number if guideline else None,
        "superseded_by": later.pk if later else None,
    }
    said |= _known(annotation)
    kept = {key: value for key, value in annotation.meta.items() if key not in ("undated", "record")}
    kept |= annotation.meta.get("record", {})
    protocols = {field["name"]: field["protocol"] for field in form.fields} if form else {}
    # In the order of the form: a database keeps none within an object.
    for name in sorted(annotation.values, key=lambda one: [*protocols, one].index(one)):
        key, value = protocols.get(name), annotation.values[name]
        payload = protocol(key).to_record(value, names) if key in PROTOCOLS else {"value": value}
        entry = {key: one for key, one in said.items() if one is not None} | {"field": name} | payload
        yield entry | kept if annotation.standing == Annotation.Standing.RECORDED else entry
