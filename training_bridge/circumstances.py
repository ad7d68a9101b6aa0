"""Under what circumstances each pair was judged, as rows of a snapshot, one for each row of its pairs, in their order:

    {"pair_id", "split", "source", "language", "topic", "cohort", "tags": [[name, value]],
     "authors": [of the chosen response, of the rejected one],
     "votes": [people for the chosen one, for the rejected one, for neither]}

What a report card tells pairs apart by. "" is unknown, and the value of a tag that is only set. Nothing in it says who
a rater is: votes are counts, and the cohort is the one that the item was for.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.models import Annotation, ItemResponse, Label, Lane, Rater
from annotation.protocols import Value, protocol
from annotation.services.forms import default_fields
from annotation.services.labels import counting
from annotation.services.lanes import topic_of
from annotation.standings import current

PEOPLE = (Rater.Kind.PERSON, Rater.Kind.RECORDED_PERSON)
RECORDED = (Rater.Kind.RECORDED_PERSON, Rater.Kind.RECORDED_JUDGE)
MOST_TAGS, LONGEST_TAG = 20, 80

Said = Sequence[tuple[str, Value]]
"""What people said of one item: the protocol they were asked by, and each one's value."""


@dataclass(frozen=True)
class Circumstances:
    """Of the pairs of one batch of labels."""

    field: str
    said: Mapping[int, Said]
    authors: Mapping[int, str]
    cohorts: Mapping[int, str]

    def row(self, label: Label, pair: Mapping[str, Any], judged: Sequence[Annotation]) -> dict[str, Any]:
        """Of one `pair` (a row of the snapshot's pairs); `judged`: the annotations that its label rests on."""
        prompt, ids = label.item.prompt, (pair["chosen_id"], pair["rejected_id"])
        return {
            "pair_id": pair["pair_id"],
            "split": pair["split"],
            "source": _source({one.rater.kind for one in judged}),
            "language": prompt.language,
            "topic": topic_of(prompt.tags),
            "cohort": self.cohorts.get(label.item.lane, ""),
            "tags": [list(tag) for tag in flat(prompt.tags)][:MOST_TAGS],
            "authors": [self.authors.get(pk, "") for pk in ids],
            "votes": list(votes_for(self.said.get(label.item_id, ()), *ids)),
        }


def circumstances(project_id: int, field: str, labels: Sequence[Label]) -> Circumstances:
    """Reads what the rows of these labels need."""
    items = [label.item_id for label in labels]
    shown = ItemResponse.objects.filter(item__in=items).exclude(response__model_name="")
    lanes = Lane.objects.filter(project=project_id).exclude(cohort="")
    return Circumstances(
        field,
        _said(field, items),
        dict(shown.values_list("response_id", "response__model_name")),
        dict(lanes.values_list("number", "cohort")),
    )


def _said(field: str, items: Sequence[int]) -> Mapping[int, Said]:
    """People's own words on the items: not a reviewer's, who has read the others'."""
    found: dict[int, list[tuple[str, Value]]] = defaultdict(list)
    rows = current().filter(counting(), item__in=items, rater__kind__in=PEOPLE)
    rows = rows.exclude(standing=Annotation.Standing.ADJUDICATED)
    for item, fields, values in rows.order_by("pk").values_list("item_id", "form_version__fields", "values"):
        asked = next((one["protocol"] for one in fields or default_fields() if one["name"] == field), None)
        if asked is not None and field in values:
            found[item].append((str(asked), values[field]))
    return found


def votes_for(said: Said, chosen: int, rejected: int) -> tuple[int, int, int]:
    """How many prefer the chosen response, the rejected one, and neither; whoever did not compare them has no vote."""
    counts = [0, 0, 0]
    for key, value in said:
        vote = _vote(key, value, {chosen: 0, rejected: 1})
        if vote is not None:
            counts[vote] += 1
    return counts[0], counts[1], counts[2]


def _vote(key: str, value: Value, sides: Mapping[int, int]) -> int | None:
    if value.get("choice") == "both_bad":
        return 2 if {value.get("left"), value.get("right")} == sides.keys() else None
    for one in protocol(key).preferences(value):
        if {one.chosen_id, one.rejected_id} == sides.keys():
            return 2 if one.strength == 0 else sides[one.chosen_id]
    return None


def _source(kinds: set[str]) -> str:
    if kinds and kinds <= {*RECORDED}:
        return "import"
    people, judges = bool(kinds & {*PEOPLE}), bool(kinds - {*PEOPLE})
    return "both" if people and judges else "people" if people else "judges"


def flat(tags: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, value) of every tag by name, "" where it is only set; without what is neither word nor number."""
    for name in sorted(tags):
        values = tags[name] if isinstance(tags[name], list) else [tags[name]]
        for value in values:
            if value is True:
                yield name[:LONGEST_TAG], ""
            elif isinstance(value, str | int | float) and value is not False and str(value).strip():
                yield name[:LONGEST_TAG], str(value).strip()[:LONGEST_TAG]
