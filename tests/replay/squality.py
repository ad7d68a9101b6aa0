"""SQuALITY: three summaries of a story, rated from 0 to 100 and ranked on three aspects by three reviewers each."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tests.replay.cases import Case, Facts, Json, Judgment, Source, entry_of, letter_of, opened, text_by_id

ASPECTS = ("correctness", "selection", "overall")
FORM = [
    {
        "name": "ratings",
        "protocol": "rating",
        "config": {
            "aspects": [{"key": one, "name": one.title(), "scale": "slider"} for one in ASPECTS],
            "cannot_tell": True,
        },
    },
    *({"name": one, "protocol": "ranking", "label": one.title(), "config": {"ties": True}} for one in ASPECTS),
]


def _questions(folder: Path) -> Iterator[tuple[str, str, Json]]:
    """(item, question, systems)."""
    asked: dict[tuple[str, str], str] = {}
    with opened(folder / "dev" / "passages.v1-3.txt.jsonl.gz") as handle:
        for record in map(json.loads, handle):
            for question in record["questions"]:
                key = str(record["metadata"]["passage_id"]), str(question["question_number"])
                asked[key] = question["question_text"]
    with opened(folder / "dev" / "all-responses.jsonl.gz") as handle:
        for record in map(json.loads, handle):
            for number, systems in record["questions"].items():
                passage = str(record["passage-id"])
                question = asked.get((passage, number)) or asked.get((passage, str(int(number) + 1))) or "Summarise."
                yield f"squality-{passage}-{number}", question, systems


def _reviewers(systems: Json) -> dict[str, dict[str, Json]]:
    """Worker → system → review."""
    found: dict[str, dict[str, Json]] = {}
    for system, one in systems.items():
        for review in one["reviews"]:
            found.setdefault(review["worker_id"], {})[system] = review
    return found


def _judgment(worker: str, reviews: dict[str, Json], systems: Json) -> Judgment:
    def answer(assignment: Json) -> Json:
        letters = {system: letter_of(assignment, one["response"]) for system, one in systems.items()}
        scores = {
            letters[system]: {one: review.get(f"{one}-rating") for one in ASPECTS} for system, review in reviews.items()
        }
        values: Json = {"ratings": {"scores": scores}}
        for aspect in ASPECTS:
            ranks = sorted({review[f"{aspect}-rank"] for review in reviews.values()})
            values[aspect] = {
                "tiers": [
                    sorted(letters[system] for system, review in reviews.items() if review[f"{aspect}-rank"] == rank)
                    for rank in ranks
                ]
            }
        return values

    return Judgment(worker, answer)


def cases(folder: Path) -> Iterator[Case]:
    for name, question, systems in _questions(folder):
        responses = [{"id": system, "text": one["response"], "model": system} for system, one in systems.items()]
        line = {"external_id": name, "prompt": question, "responses": responses}
        judgments = (_judgment(worker, reviews, systems) for worker, reviews in _reviewers(systems).items())
        yield Case(line, tuple(judgments))


def facts(folder: Path, wanted: Collection[str] | None = None) -> dict[tuple[str, str], Facts]:
    """By worker: the scores of every text, and which texts stood at or above which."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    with opened(folder / "dev" / "all-responses.jsonl.gz") as handle:
        for record in map(json.loads, handle):
            for number, systems in record["questions"].items():
                for one in systems.values():
                    for review in one["reviews"]:
                        key = f"squality-{record['passage-id']}-{number}", review["worker_id"]
                        said = {k: v for k, v in review.items() if k.endswith(("-rating", "-rank"))}
                        found.setdefault(key, {})[one["response"]] = said
    return {key: {"scores": _scores(by_text), "above": _above(by_text)} for key, by_text in found.items()}


def _scores(by_text: dict[str, Json]) -> list[Any]:
    return sorted((text, *(said.get(f"{one}-rating") for one in ASPECTS)) for text, said in by_text.items())


def _above(by_text: dict[str, Json]) -> list[Any]:
    return sorted(
        (aspect, better, worse, said[f"{aspect}-rank"] < by_text[worse][f"{aspect}-rank"])
        for aspect in ASPECTS
        for better, said in by_text.items()
        for worse in by_text
    )


def told(line: Json, entries: list[Json]) -> Facts:
    texts = text_by_id(line)
    rating = entry_of(entries, "ratings")
    assert rating is not None
    scores = sorted(
        (texts[one["target"]["response_id"]], *(one["scores"][aspect] for aspect in ASPECTS)) for one in rating["each"]
    )
    above = []
    for aspect in ASPECTS:
        ranking = entry_of(entries, aspect)
        assert ranking is not None
        places = {texts[name]: rank for rank, tier in enumerate(ranking["tiers"]) for name in tier}
        above += [(aspect, one, other, places[one] < places[other]) for one in places for other in places]
    return {"scores": scores, "above": sorted(above)}


SOURCES = [Source("squality_human_eval: ratings, rankings", "squality_human_eval", FORM, cases, facts, told)]
