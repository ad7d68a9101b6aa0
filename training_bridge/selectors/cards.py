"""Reads of report cards, handed out only as they were stored: of runs and of models, headlines, samples for people."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from annotation.protocols import full_config
from common.errors import Conflict, DomainError, NotFound
from common.text import natural
from corpus.models import ModelVersion
from projects.models import Project
from training_bridge.figures import title_of
from training_bridge.files import var_path, verified
from training_bridge.models import Run
from training_bridge.report_cards import REPORT, Report, read_report
from training_bridge.selectors.models import FIGURES, Subject, naming, subject_of

SHOWN, LONGEST = 10, 2_000
"""Samples on a page; characters of a text."""
MOST_BYTES = 4 << 20
"""Read of a file of samples, whatever it holds."""
OFFERED, LOOKED_AT = 50, 20


def report_of(run: Run) -> Report | None:
    """The card of a run; None where it measured nothing. Raises as `file_of`."""
    return read_report(file_of(run)) if run.report_sha256 else None


def file_of(run: Run) -> Path:
    """Where the card of a run is stored. Raises NotFound or Conflict where the file is gone or has changed since."""
    return verified(var_path("runs", run.pk, "output", REPORT), run.report_sha256)


def runs_measuring(version: ModelVersion) -> "QuerySet[Run]":
    """Runs with a card that may be of a model, the newest first: the one that made it, and evaluations naming it."""
    runs = Run.objects.filter(naming(version)).exclude(report_sha256="")
    return runs.select_related("snapshot", "reference").order_by("-pk")


@dataclass(frozen=True)
class Headline:
    """The one figure a list of models has room for: a share with its interval, the run that measured it, and whether
    that run left a card."""

    name: str
    value: float
    low: float | None
    high: float | None
    run: int
    has_card: bool


def headlines(versions: Iterable[ModelVersion]) -> dict[int, Headline]:
    """By id of a version, its newest figure; versions that nothing has measured are left out. One query."""
    figures = {version.pk: FIGURES[subject_of(version)] for version in versions}
    ids = list(figures)
    about = Q(produced__in=ids) | Q(method="evaluate") & (Q(reward__in=ids) | Q(base__in=ids))
    has_one = Q(result__has_any_keys=[key for keys in FIGURES.values() for key in keys])
    runs = Run.objects.filter(about, has_one, state=Run.State.SUCCEEDED).order_by("-pk")
    found: dict[int, Headline] = {}
    for run in runs.values("pk", "method", "produced", "base", "reward", "result", "report_sha256"):
        about_them = (run["reward"], run["base"]) if run["method"] == "evaluate" else (run["produced"],)
        for version in about_them:
            keys = figures.get(version, ())
            if version not in found and (key := next((one for one in keys if one in run["result"]), None)):
                low, high = run["result"].get(f"{key}_ci") or (None, None)
                found[version] = Headline(
                    title_of(key), float(run["result"][key]), low, high, run["pk"], bool(run["report_sha256"])
                )
    return found


def stored(run: Run) -> Report:
    """The card of a run. Raises Conflict where there is none, it has changed or is of a kind that this version does not
    read; NotFound where it is gone."""
    return _opened(run)[1]


def stored_file(run: Run) -> Path:
    """Where it is. Raises as `stored`."""
    return _opened(run)[0]


def _opened(run: Run) -> tuple[Path, Report]:
    if not run.report_sha256:
        raise Conflict(_("This run measured nothing."), code="no-card")
    path = file_of(run)
    try:
        return path, read_report(path)
    except ValueError as fault:
        message = _("The card was written by another version of the product, which has to show it.")
        raise Conflict(message, code="card-unreadable") from fault


def runs_with_card(version: ModelVersion) -> list[Run]:
    """The newest runs whose card has a part about this model; what can no longer be read is among them, to be told.

    An evaluation names a reward model also where it only compares policies by it.
    """
    return list(_with_card(version))


def has_card(version: ModelVersion) -> bool:
    """Whether there is one of those."""
    return next(_with_card(version), None) is not None


def _with_card(version: ModelVersion) -> Iterator[Run]:
    return (run for run in runs_measuring(version)[:LOOKED_AT] if _has(run, subject_of(version)))


def _has(run: Run, subject: Subject) -> bool:
    try:
        return getattr(stored(run), subject) is not None
    except DomainError:
        return True


def one_with_card(version: ModelVersion, asked: str) -> Run:
    """The run of that id, however old. Raises NotFound where its card has no part about this model."""
    run = one_of(runs_measuring(version), asked)
    if not _has(run, subject_of(version)):
        raise NotFound
    return run


def one_of(runs: "QuerySet[Run]", asked: str) -> Run:
    """The run of that id. Raises NotFound where it is not among `runs`."""
    key = natural(asked)
    run = None if key is None else runs.filter(pk=key).first()
    if run is None:
        raise NotFound
    return run


def with_cards(project: Project) -> "QuerySet[Run]":
    """The newest runs of a project that have a card."""
    runs = project.runs.exclude(report_sha256="").select_related("produced", "base", "reward", "project")
    return runs.order_by("-pk")


def aspect_names(project: Project) -> dict[str, str]:
    """What aspects are called by their keys, in the newest form that has them; its key where two questions of that form
    call it by different names."""
    found: dict[str, str] = {}
    for fields in project.form_versions.order_by("number").values_list("fields", flat=True):
        aspects = [one for field in fields if field["protocol"] == "rating" for one in full_config(field)["aspects"]]
        names: dict[str, set[str]] = defaultdict(set)
        for aspect in aspects:
            names[aspect["key"]].add(aspect["name"])
        found |= {key: next(iter(called)) if len(called) == 1 else key for key, called in names.items()}
    return found


@dataclass(frozen=True)
class Sample:
    """One prompt with what the policy and its reference said, cut where they are endless. `reference` is None where
    there was none; `win`: 1, 0.5 or 0, None where no reward model compared them."""

    prompt: str
    response: str
    reference: str | None
    win: float | None


def samples_of(run: Run) -> list[Sample]:
    """What an evaluated policy said first to the first prompts, as its run left it for people to read; none where it
    left nothing."""
    name = run.result.get("samples")
    if not isinstance(name, str) or Path(name).name != name:
        return []
    path = var_path("runs", run.pk, "output", name)
    if not path.is_file():
        return []
    with path.open("rb") as handle:
        lines = handle.read(MOST_BYTES).split(b"\n")[:-1]
    return list(islice(_first_samples(lines), SHOWN))


def _first_samples(lines: Iterable[bytes]) -> Iterator[Sample]:
    """What can be read of them: a page does not break over a damaged line."""
    for line in lines:
        with suppress(ValueError, AttributeError, TypeError):
            row = json.loads(line)
            if not row.get("sample"):
                yield _sample(row)


def _sample(row: dict[str, Any]) -> Sample:
    said = "\n\n".join(str(message.get("content") or "") for message in row.get("messages", ()))
    reference = row.get("reference")
    return Sample(
        prompt=_cut(said),
        response=_cut(row.get("response", "")),
        reference=None if reference is None else _cut(reference),
        win=row.get("win"),
    )


def _cut(text: Any) -> str:
    words = str(text)
    return words if len(words) <= LONGEST else f"{words[:LONGEST]} …"
