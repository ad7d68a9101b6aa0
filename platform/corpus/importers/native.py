"""Prefloop's own JSON lines: one item a line, with its responses and every judgment on it. Loses nothing.

Fields: docs/how-to/import.md. What the product has no place for is kept, under `meta.raw.native`.
"""

from collections.abc import Collection, Iterator, Sequence

from common.words import gettext_noop as _
from corpus.importers.documents import Document
from corpus.importers.feedback import MAX_FEEDBACK, id_of, judgment, one_of, usable
from corpus.importers.messages import expect, kind_of, messages, object_of, text_of
from corpus.importers.records import each
from corpus.importers.rows import Answer, Bad, Edit, Fault, Json, Options, Row

FIELDS = frozenset(
    {
        "schema_version",
        "id",
        "external_id",
        "group",
        "lang",
        "prompt",
        "context",
        "responses",
        "feedback",
        "meta",
        "tags",
    }
    | {"licence", "source"}
)
MAX_RESPONSES = 64
AUTHORS = frozenset({"model", "human", "unknown"})
RESPONSE_META = ("id", "provider", "system_prompt", "finish_reason", "steps")


def _answer(record: Json, at: str) -> Answer:
    body = record.get("messages")
    if body is None:
        body = expect(record.get("text"), str, f"{at}/text")
    known = {"messages", "text", "author_kind", "model", "sampling", "parent_response_id", *RESPONSE_META}
    meta = {key: record[key] for key in RESPONSE_META if record.get(key) is not None}
    for number, step in enumerate(expect(meta.get("steps", []), list, f"{at}/steps")):
        if type(step) is not str:
            expect(expect(step, dict, f"{at}/steps/{number}").get("text"), str, f"{at}/steps/{number}/text")
    extra = {key: value for key, value in record.items() if key not in known}
    return Answer(
        messages(body, f"{at}/messages", text_role="assistant"),
        one_of(record, "author_kind", AUTHORS, "unknown", at),
        text_of(record, "model", at=at, limit=200),
        object_of(record, "sampling", at=at),
        meta | ({"raw": {"native": extra}} if extra else {}),
    )


def _responses(record: Json) -> dict[str, Json]:
    """The records of responses by their ids. A response without an id is called by its position."""
    given = record.get("responses")
    found = [] if given is None else expect(given, list, "/responses")
    if len(found) > MAX_RESPONSES:
        raise Bad("/responses", _("more than %(max_responses)s responses") % {"max_responses": MAX_RESPONSES})
    named: dict[str, Json] = {}
    for number, response in enumerate(found):
        at = f"/responses/{number}"
        name = id_of(expect(response, dict, at), "id", at=at) or str(number)
        if name in named:
            raise Bad(f"{at}/id", _("two responses of one item have the same id"))
        named[name] = response
    return named


def _feedback(record: Json, names: Collection[str]) -> tuple[list[Json], list[Json]]:
    """(judgments that a form could take, everything else)."""
    given = record.get("feedback")
    entries = [] if given is None else expect(given, list, "/feedback")
    if len(entries) > MAX_FEEDBACK:
        raise Bad("/feedback", _("more than %(max_feedback)s judgments on one item") % {"max_feedback": MAX_FEEDBACK})
    taken, others = [], []
    for number, entry in enumerate(entries):
        at = f"/feedback/{number}"
        if usable(expect(entry, dict, at)):
            taken.append(judgment(entry, names, at))
        else:
            others.append(entry)
    return taken, others


def _edits(responses: dict[str, Json], feedback: Sequence[Json]) -> list[Edit]:
    """Texts that judgments made of responses: they are nobody's to judge here, but kept as children of those.

    A refinement that says its text itself is given a response for it, and names it from then on.
    """
    edits: dict[str, Edit] = {}
    places = {name: number for number, name in enumerate(responses)}
    for number, entry in enumerate(one for one in feedback if one["kind"] == "refinement"):
        base = entry.get("base_response_id")
        parent = "" if base is None else str(base)
        name = "" if entry.get("new_response_id") is None else str(entry["new_response_id"])
        if name and "parent_response_id" in responses[name]:
            edits[name] = Edit(name, parent, _answer(responses[name], f"/responses/{places[name]}"))
        elif not name and entry.get("text") is not None:
            name = f"edit-{number}"
            while name in responses:
                name += "-"
            message = {"role": "assistant", "content": entry["text"]}
            edits[name] = Edit(name, parent, Answer([message], "human"))
            entry["new_response_id"] = name
    return list(edits.values())


def _tags(record: Json) -> Json:
    tags = record.get("tags")
    if type(tags) is list:
        return {expect(tag, str, f"/tags/{number}"): True for number, tag in enumerate(tags)}
    return object_of(record, "tags")


def _context(record: Json) -> list[Json]:
    given = record.get("context")
    found: list[Json] = [] if given is None else expect(given, list, "/context")
    for number, passage in enumerate(found):
        expect(passage, dict, f"/context/{number}")
        expect(passage.get("text"), str, f"/context/{number}/text")
        for position, sentence in enumerate(expect(passage.get("sentences", []), list, f"/context/{number}/sentences")):
            expect(sentence, str, f"/context/{number}/sentences/{position}")
    return found


def row_of(record: Json, file: str, line: int, options: Options) -> Row:
    """One record of this format, which others write their own in. Raises Bad."""
    if "prompt" not in record:
        raise Bad("/prompt", _("missing"))
    if record.get("schema_version") not in {None, 1}:
        raise Bad(
            "/schema_version",
            _("expected 1, found %(schema_version)s") % {"schema_version": kind_of(record["schema_version"])},
        )
    responses = _responses(record)
    feedback, others = _feedback(record, responses)
    edits = _edits(responses, feedback)
    judged = {name: one for name, one in responses.items() if name not in {edit.name for edit in edits}}
    raw = {key: value for key, value in record.items() if key not in FIELDS}
    if others:
        raw["feedback"] = others
    if source := object_of(record, "source"):
        raw["source"] = source
    places = {name: number for number, name in enumerate(responses)}
    return Row(
        file,
        line,
        messages(record["prompt"], "/prompt", text_role="user"),
        [_answer(one, f"/responses/{places[name]}") for name, one in judged.items()],
        feedback,
        names=list(judged),
        edits=edits,
        external_id=id_of(record, "external_id", "id"),
        context=_context(record),
        group=text_of(record, "group"),
        language=text_of(record, "lang", limit=35),
        licence=text_of(record, "licence", limit=200) or text_of(source, "licence", at="/source", limit=200),
        tags=_tags(record),
        meta=object_of(record, "meta"),
        raw=raw,
        warnings=_warnings(len(judged), len(others), options),
    )


def _warnings(responses: int, others: int, options: Options) -> list[str]:
    found = []
    if responses < 2 and not options.open_prompts:
        found.append(_("fewer than two responses: nothing to compare (or import it as an open prompt)"))
    if others:
        found.append(
            _("%(count)s judgments that are unfinished, superseded or of an unknown kind (kept as they are)")
            % {"count": others}
        )
    return found


class Native:
    key = "native"
    title = _("Prefloop JSON lines")
    description = _(
        "One item a line: a prompt, its responses and, if there are any, judgments on them. "
        "Also the way to bring in prompts alone, which the next policy version answers."
    )
    example = (
        '{"external_id": "flat-1", "prompt": "How do I fix a flat?", "responses": [{"id": "a", "text": "Find the hole, '
        'then patch it."}, {"id": "b", "text": "Walk."}]}\n'
        '{"external_id": "used-1", "lang": "en", "prompt": [{"role": "user", "content": "Are used bicycles good?"}], '
        '"responses": [{"id": "a", "text": "Often: look at the frame first.", "model": "small-1"}, {"id": "b", "text": '
        '"No idea.", "model": "small-2"}], "feedback": [{"kind": "comparison", "annotator": "p1", "annotator_kind": '
        '"human", "left": "a", "right": "b", "choice": "left", "strength": 2}]}'
    )
    use_recorded: bool | None = None

    def rows(self, documents: Sequence[Document], options: Options) -> Iterator[Row | Fault]:
        return each(documents, lambda record, file, line: row_of(record, file, line, options))


IMPORTER = Native()
