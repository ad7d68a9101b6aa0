"""From a model version back to the judgments it learned from: version ← run ← snapshot ← labels ← judgments.

Beside these stands what its run was given: reference and reward model, the parts of an expression, and the base with
all that is behind it.
"""

from collections.abc import Iterator
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
    """The version, and all that stands behind it, newest first; at most 50 versions back."""
    found: list[Ancestor] = []
    seen: ModelVersion | None = version
    for _ in range(LONGEST):
        if seen is None:
            break
        found.append(_of_version(seen, "version" if seen == version else "base"))
        run = Run.objects.select_related("snapshot", "project").filter(produced=seen).first()
        if run is not None:
            found.extend(_of_run(run))
            found.extend(_of_version(given, kind) for kind, given in _given(run))
        seen = seen.parent
    return found


def _given(run: Run) -> Iterator[tuple[Kind, ModelVersion]]:
    """The models beside its base that a run read."""
    parts = run.inputs.get("rewards", {}).values()
    wanted: list[tuple[Kind, int | None]] = [("reference", run.reference_id), ("reward", run.reward_id)]
    wanted += [("part", part) for part in sorted(parts)]
    models = ModelVersion.objects.select_related("project").in_bulk({pk for _kind, pk in wanted} - {run.base_id, None})
    return ((kind, models[pk]) for kind, pk in wanted if pk in models)


def _of_version(version: ModelVersion, kind: Kind) -> Ancestor:
    origin = (
        gettext("from %(source)s") % {"source": version.source} if version.source else f"sha256 {version.sha256[:12]}"
    )
    url = reverse("training_bridge:model", args=[version.project.slug, version.pk])
    return Ancestor(kind, version.name, f"{version.get_kind_display()}, {origin}", url)


def _of_run(run: Run) -> list[Ancestor]:
    slug = run.project.slug
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
