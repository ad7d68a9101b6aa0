"""From a model version back to the judgments it learned from: version ← run ← snapshot ← labels ← judgments."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext

from common.charts import fixed
from corpus.models import ModelVersion
from training_bridge.models import Run

LONGEST = 50


@dataclass(frozen=True)
class Ancestor:
    """One stage of a lineage. `kind` is a word of the glossary; `url` is empty where there is no page."""

    kind: str
    title: str
    detail: str
    url: str


def lineage_of(version: ModelVersion) -> list[Ancestor]:
    """The version, and all that stands behind it, newest first; at most 50 versions back."""
    found: list[Ancestor] = []
    seen: ModelVersion | None = version
    for _ in range(LONGEST):
        if seen is None:
            break
        found.append(_of_version(seen))
        run = Run.objects.select_related("snapshot", "project").filter(produced=seen).first()
        if run is not None:
            found.extend(_of_run(run))
        seen = seen.parent
    return found


def _of_version(version: ModelVersion) -> Ancestor:
    origin = (
        gettext("from %(source)s") % {"source": version.source} if version.source else f"sha256 {version.sha256[:12]}"
    )
    url = reverse("training_bridge:model", args=[version.project.slug, version.pk])
    return Ancestor(gettext("model version"), version.name, f"{version.get_kind_display()}, {origin}", url)


def _of_run(run: Run) -> list[Ancestor]:
    slug = run.project.slug
    url = reverse("training_bridge:run", args=[slug, run.pk])
    found = [
        Ancestor(
            gettext("run"),
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
                gettext("snapshot"),
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
                gettext("labels"),
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
                gettext("judgments"),
                gettext("%(judgments)s judgments") % {"judgments": fixed(counts.get("judgments", 0))},
                sources,
                items,
            )
        )
    return found


def _who(source: str) -> str:
    return {"human": gettext("people"), "judge": gettext("judges"), "both": gettext("both")}[source]
