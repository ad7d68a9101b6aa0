"""BIG-Bench Mistake: which step of a chain of thought is the first wrong one."""

from collections.abc import Collection, Iterator
from pathlib import Path

from tests.replay.cases import Case, Facts, Json, Judgment, Source, entry_of, letter_of, records

WHO = "consensus"
FORM = [{"name": "mistake", "protocol": "steps", "config": {"steps": "recorded", "ask": "first_error"}}]


def _judgment(record: Json, text: str) -> Judgment:
    def answer(assignment: Json) -> Json:
        return {"mistake": {letter_of(assignment, text): {"first_error": record["mistake_index"]}}}

    return Judgment(WHO, answer)


def cases(folder: Path) -> Iterator[Case]:
    for name, number, record in records(folder, "*.jsonl.gz"):
        text = "\n".join(record["steps"])
        response = {"id": "chain", "text": text, "steps": [{"text": step} for step in record["steps"]]}
        meta = {"answer": record["answer"], "target": record["target"]}
        line = {"external_id": f"mistake-{name}-{number}", "prompt": record["input"], "responses": [response]}
        yield Case(line | {"meta": meta}, (_judgment(record, text),))


def facts(folder: Path, wanted: Collection[str] | None = None) -> dict[tuple[str, str], Facts]:
    """Every step before the first wrong one is right; nothing is known of those after it."""
    found = {}
    for name, number, record in records(folder, "*.jsonl.gz"):
        first, steps = record["mistake_index"], record["steps"]
        labels = [
            "good" if first is None or place < first else "bad" if place == first else "unknown"
            for place in range(len(steps))
        ]
        said = {"steps": steps, "first": first, "labels": labels, "answer": record["answer"]}
        found[f"mistake-{name}-{number}", WHO] = said
    return found


def told(line: Json, entries: list[Json]) -> Facts:
    said = entry_of(entries, "mistake")
    assert said is not None
    labels = {one["index"]: one["value"] for one in said["labels"]}
    steps = [step["text"] for step in line["responses"][0]["steps"]]
    return {
        "steps": steps,
        "first": said["first_error"],
        "labels": [labels.get(place, "unknown") for place in range(len(steps))],
        "answer": line["meta"]["answer"],
    }


SOURCES = [Source("bigbench_mistake_steps: first wrong step", "bigbench_mistake_steps", FORM, cases, facts, told)]
