"""An import that waits to be confirmed, as its items would be: what raters would see, and what the form can take."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.content import MessageText, conversation, response_text, shape_of, steps_of
from annotation.models import FormVersion
from annotation.protocols import LETTERS, Shape, protocol
from annotation.selectors.rater import PASSAGE, Sample, Shown
from annotation.services.forms import check_item, current_form
from corpus.importing import staging_path
from corpus.models import Import, Prompt, Response
from corpus.staging import Staging

ROWS = 5
CHARACTERS = 400_000


@dataclass(frozen=True)
class Row:
    """One of the first rows. `fault`: why the form cannot be put to it; `judgments`: how many came with it."""

    external_id: str
    sample: Sample
    fault: str
    judgments: int


@dataclass(frozen=True)
class Taking:
    """What becomes of a kind of judgment; `field` "": no field of the form takes it, and it is kept."""

    kind: str
    count: int
    field: str


@dataclass(frozen=True)
class Fit:
    """Rows of one shape, in words, and why the form cannot be put to them, if it cannot."""

    words: str
    rows: int
    fault: str


@dataclass(frozen=True)
class Preview:
    rows: list[Row]
    judgments: list[Taking]
    fits: list[Fit]
    languages: dict[str, int]

    @property
    def misfits(self) -> int:
        """Rows that would be withdrawn from the start."""
        return sum(fit.rows for fit in self.fits if fit.fault)


def preview(run: Import) -> Preview:
    """Of an import whose lines are checked; empty where its files are gone."""
    form = current_form(project=run.project)
    return Preview(
        rows=list(_rows(run, form)),
        judgments=list(_takings(run, form)),
        fits=[_fit(one, form) for one in run.found.get("shapes", [])],
        languages={language: count for language, count in run.found.get("languages", {}).items() if language},
    )


def _rows(run: Import, form: FormVersion) -> Iterator[Row]:
    if not staging_path(run).is_file():
        return
    with Staging(staging_path(run)) as staging:
        bodies = [row.body for row in staging.after(0, rows=ROWS, characters=CHARACTERS)]
    for body in bodies:
        prompt = Prompt(messages=body["prompt"]["messages"], context=body["prompt"]["context"])
        responses = [Response(messages=one["messages"], meta=one["meta"]) for one in body["responses"]]
        yield Row(
            body["external_id"],
            Sample(
                conversation(prompt.messages),
                [{key: part[key] for key in PASSAGE if key in part} for part in prompt.context],
                tuple(map(_shown, LETTERS, responses)),
                body["prompt"]["language"],
            ),
            "" if body["open"] else check_item(form.fields, shape_of(prompt, responses)),
            len(body["feedback"]),
        )


def _shown(letter: str, response: Response) -> Shown:
    turns: tuple[MessageText, ...] = conversation(response.messages)
    return Shown(letter, response_text(response.messages), steps_of(response), turns)


def _takings(run: Import, form: FormVersion) -> Iterator[Taking]:
    taken: dict[str, str] = {}
    for field in form.fields:
        for kind in protocol(field["protocol"]).record_kinds:
            taken.setdefault(kind, field.get("label") or str(protocol(field["protocol"]).title))
    for kind, count in run.found.get("kinds", {}).items():
        yield Taking(kind, count, taken.get(kind, ""))


def _fit(found: dict[str, Any], form: FormVersion) -> Fit:
    count = found["responses"]
    words = [ngettext("%d response", "%d responses", count) % count]
    words += [_("steps")] if found["steps"] else []
    words += [_("context passages")] if found["context"] else []
    shape = Shape(count, bool(found["steps"]), int(found["context"]))
    return Fit(", ".join(words), found["rows"], check_item(form.fields, shape))
