"""Whether a snapshot teaches what a method learns from; if not, what is missing and which form collects it."""

from django.utils.translation import gettext as _

from annotation.protocols import protocol
from common.words import gettext_noop
from training_bridge.methods.interface import Lesson, Method
from training_bridge.models import Snapshot

NAMES: dict[Lesson, str] = {
    "pairs": gettext_noop("pairs of responses"),
    "thumbs": gettext_noop("thumbs"),
    "scores": gettext_noop("scores by aspect"),
    "marked": gettext_noop("responses read for faults"),
    "texts": gettext_noop("texts that people wrote or mended"),
    "rationales": gettext_noop("reasons for a preference"),
}
COLLECTED_BY: dict[Lesson, tuple[str, ...]] = {
    "pairs": ("pairwise", "ranking", "best_of_n"),
    "thumbs": ("thumbs",),
    "scores": ("rating",),
    "marked": ("spans",),
    "texts": ("edit",),
    "rationales": ("pairwise",),
}
"""The forms of feedback that are made for it; others may give it too."""
ASKING: dict[Lesson, str] = {"rationales": gettext_noop("“%(form)s” that asks for a rationale")}
"""What the form must ask for beside, where it can be set up without."""


def taught(snapshot: Snapshot) -> dict[Lesson, int]:
    """How much of each kind the training split holds. Snapshots from before there was anything but pairs say less."""
    counts = snapshot.counts
    pairs: dict[Lesson, int] = {"pairs": counts.get("train", 0)}
    more: dict[Lesson, int] = counts.get("lessons", {})
    return pairs | more


def beside_pairs(snapshot: Snapshot) -> list[tuple[str, int, int]]:
    """What a snapshot teaches beside pairs: in words, how much to train on and how much is held out."""
    held_out = snapshot.counts.get("held_out_lessons", {})
    found = snapshot.counts.get("lessons", {})
    kinds = [kind for kind in NAMES if kind in found or kind in held_out]
    return [(_(NAMES[kind]), found.get(kind, 0), held_out.get(kind, 0)) for kind in kinds]


def needed(method: Method) -> str:
    """What a snapshot must teach, e.g. "thumbs or pairs of responses"; empty for a method that reads none."""
    return _(" or ").join(_(NAMES[kind]) for kind in method.needs.any_of)


def lacking(method: Method, snapshot: Snapshot) -> str:
    """What the snapshot lacks for the method, in words; empty where it has enough."""
    needs, held = method.needs, taught(snapshot)
    count = sum(held.get(kind, 0) for kind in needs.any_of)
    if not needs.any_of or count >= needs.at_least:
        return ""
    forms = [
        (_(ASKING[kind]) if kind in ASKING else _("“%(form)s”")) % {"form": protocol(key).title}
        for kind in needs.any_of
        for key in COLLECTED_BY[kind]
    ]
    said = _(
        "Snapshot %(number)s has %(count)s of these to train on: %(kinds)s. %(title)s needs at least %(least)s."
    ) % {
        "number": snapshot.number,
        "count": count,
        "kinds": needed(method),
        "title": _(method.title),
        "least": needs.at_least,
    }
    collected = _("They are collected by: %(forms)s.") % {"forms": ", ".join(forms)}
    return f"{said} {collected}"
