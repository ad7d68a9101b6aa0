"""From a model version back to the judgments it learned from: version ← run ← snapshot ← labels ← judgments.

Beside these stands what its run was given: reference and reward model, the parts of an expression, and the base with
all that is behind it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from common.charts import fixed
from common.words import gettext_noop
from corpus.models import ModelVersion
from training_bridge.models import Run

LONGEST = 50
Kind = Literal["version", "base", "reference", "reward", "part", "run", "snapshot", "labels", "judgments"]
KINDS: dict[Kind, str] = {
    "version": gettext_noop("model version"),
    "base": gettext_noop("base model"),
    "reference": gettext_noop("reference policy"),
    "reward": gettext_noop("reward model"),
    "part": gettext_noop("part"),
    "run": gettext_noop("run"),
    "snapshot": gettext_noop("snapshot"),
    "labels": gettext_noop("labels"),
    "judgments": gettext_noop("judgments"),
}


@dataclass(frozen=True)
class Ancestor:
    """One stage of a lineage. `url` is empty where there is no page."""

    kind: Kind
    title: str
    detail: str
    url: str

    @property
    def called(self) -> str:
        """Its kind, in the reader's language."""
        return gettext(KINDS[self.kind])

    @property
    def is_model(self) -> bool:
        return self.kind not in ("run", "snapshot", "labels", "judgments")


def lineage_of(version: ModelVersion) -> list[Ancestor]:
    """The version, and all that stands behind it, newest first; at most 50 versions back. One query each, and one."""
    slug, chain = version.project.slug, list(_chain(version))
    made = [run for one in chain if (run := getattr(one, "made_by", None))]
    parts = ModelVersion.objects.in_bulk({part for run in made for part in _parts(run)})
    found: list[Ancestor] = []
    for one in chain:
        found.append(_of_version(one, "version" if one == version else "base", slug))
        if run := getattr(one, "made_by", None):
            found.extend(_of_run(run, slug))
            found.extend(_of_version(given, kind, slug) for kind, given in _given(run, parts))
    return found


def _chain(version: ModelVersion) -> Iterator[ModelVersion]:
    """The version and its ancestors, each with the run that made it and what that was given."""
    versions = ModelVersion.objects.select_related("made_by__snapshot", "made_by__reference", "made_by__reward")
    pk: int | None = version.pk
    for _ in range(LONGEST):
        if pk is None:
            return
        one = versions.get(pk=pk)
        yield one
        pk = one.parent_id


def _parts(run: Run) -> list[int]:
    """Ids of the models that an expression is made of."""
    return sorted(run.inputs.get("rewards", {}).values())


def _given(run: Run, parts: Mapping[int, ModelVersion]) -> Iterator[tuple[Kind, ModelVersion]]:
    """The models beside its base that a run read."""
    wanted: list[tuple[Kind, ModelVersion | None]] = [("reference", run.reference), ("reward", run.reward)]
    wanted += [("part", parts.get(part)) for part in _parts(run)]
    return ((kind, one) for kind, one in wanted if one is not None and one.pk != run.base_id)


def _of_version(version: ModelVersion, kind: Kind, slug: str) -> Ancestor:
    origin = (
        gettext("from %(source)s") % {"source": version.source} if version.source else f"sha256 {version.sha256[:12]}"
    )
    url = reverse("training_bridge:model", args=[slug, version.pk])
    return Ancestor(kind, version.name, f"{version.get_kind_display()}, {origin}", url)


def _of_run(run: Run, slug: str) -> list[Ancestor]:
    url = reverse("training_bridge:run", args=[slug, run.pk])
    found = [
        Ancestor(
            "run",
            gettext("Run %(number)s") % {"number": run.pk},
            gettext("%(method)s, seed %(seed)s") % {"method": run.method, "seed": run.seed},
            url,
        )
    ]
    if run.snapshot is not None:
        counts, number = run.snapshot.counts, run.snapshot.number
        snapshot = reverse("training_bridge:snapshot", args=[slug, number])
        found.append(
            Ancestor(
                "snapshot",
                gettext("Snapshot %(number)s") % {"number": number},
                f"sha256 {run.snapshot.manifest_sha256[:12]}",
                snapshot,
            )
        )
        labels, judgments = counts.get("labels", 0), counts.get("judgments", 0)
        pairs = counts.get("pairs", 0)
        made = ngettext("%(pairs)s pair", "%(pairs)s pairs", pairs)
        found.append(
            Ancestor(
                "labels",
                ngettext("%(labels)s label", "%(labels)s labels", labels) % {"labels": fixed(labels)},
                made % {"pairs": fixed(pairs)},
                snapshot,
            )
        )
        sources = ", ".join(
            ngettext("%(pairs)s pair by %(who)s", "%(pairs)s pairs by %(who)s", count)
            % {"pairs": fixed(count), "who": _who(name)}
            for name, count in counts.get("sources", {}).items()
        )
        items = reverse("annotation:items", args=[slug])
        found.append(
            Ancestor(
                "judgments",
                ngettext("%(judgments)s judgment", "%(judgments)s judgments", judgments)
                % {"judgments": fixed(judgments)},
                sources,
                items,
            )
        )
    return found


def _who(source: str) -> str:
    return {"human": gettext("people"), "judge": gettext("judges"), "both": gettext("both")}[source]
