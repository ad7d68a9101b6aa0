"""From a model version back to the judgments it learned from: version ← run ← snapshot ← labels ← judgments.

Beside these stands what its run began with: the base, or the parts of an expression, each with all that is behind it.
"""

from dataclasses import dataclass
from typing import Literal

from django.urls import reverse
from django.utils.translation import gettext

from common.charts import fixed
from common.words import gettext_noop
from corpus.models import ModelVersion
from training_bridge.models import Run

LONGEST = 50
Kind = Literal["version", "base", "part", "run", "snapshot", "labels", "judgments"]
KINDS: dict[Kind, str] = {
    "version": gettext_noop("model version"),
    "base": gettext_noop("base model"),
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
            parts = ModelVersion.objects.select_related("project").filter(pk__in=run.inputs.get("rewards", {}).values())
            found.extend(_of_version(part, "part") for part in parts.order_by("pk"))
        seen = seen.parent
    return found


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
        used = gettext("%(pairs)s of %(labels)s labels made a pair") % {
            "pairs": fixed(counts.get("pairs", 0)),
            "labels": fixed(counts.get("labels", 0)),
        }
        found.append(
            Ancestor(
                "labels",
                gettext("%(labels)s labels") % {"labels": fixed(counts.get("labels", 0))},
                used,
                snapshot,
            )
        )
        sources = ", ".join(
            gettext("%(pairs)s pairs by %(who)s") % {"pairs": fixed(count), "who": _who(name)}
            for name, count in counts.get("sources", {}).items()
        )
        items = reverse("annotation:items", args=[slug])
        found.append(
            Ancestor(
                "judgments",
                gettext("%(judgments)s judgments") % {"judgments": fixed(counts.get("judgments", 0))},
                sources,
                items,
            )
        )
    return found


def _who(source: str) -> str:
    return {"human": gettext("people"), "judge": gettext("judges"), "both": gettext("both")}[source]
