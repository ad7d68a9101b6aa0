"""Is what comes in now still what promises were made on? The risk and the texts of new items against the sample's."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from annotation.models import Item
from common.words import gettext_noop as _
from routing import features
from routing.models import Alarm, Certificate, Decision, ItemFeatures, Reading, RoutingPlan, Terms
from routing.promises import drift
from routing.services.alarms import raise_alarm
from routing.services.certificates import Ground, begun, in_force

LEAST = 100
"""Items on either side: with fewer only an upheaval could be told from chance."""
LATEST = 2000
"""The newest so many items are what comes in now."""
CONFIDENCE = "confidence"
WORDS = {
    CONFIDENCE: _("confidence in the judge"),
    "prompt_length": _("length of the prompt"),
    "shorter_length": _("length of the shorter response"),
    "longer_length": _("length of the longer response"),
    "uneven": _("difference of lengths"),
    "alike": _("words that the responses share"),
    "from_prompt": _("words taken from the prompt"),
    "identical": _("identical responses"),
}
Floats = NDArray[np.float64]


def _confidence(certificates: list[Certificate]) -> tuple[Floats, Floats] | None:
    """1 - risk of the sample that the certificates were made of, and of what was routed since."""
    before = [one for row in certificates for one in row.details.get("confidence", [])]
    first = min(certificates, key=lambda row: row.created_at)
    later = Decision.objects.filter(
        plan__judge=first.judge_id, risk__isnull=False, risk_model=first.risk_model_id, created_at__gt=first.created_at
    )
    now = [1 - risk for risk in later.order_by("-pk").values_list("risk", flat=True)[:LATEST] if risk is not None]
    return (np.array(before), np.array(now)) if min(len(before), len(now)) >= LEAST else None


def _texts(plan: RoutingPlan, ground: Ground) -> tuple[Floats, Floats] | None:
    """The features of the texts (n, f), of the calibration sample and of the newest items."""
    drawn = Decision.objects.filter(
        plan__judge=ground.judge, purpose=Decision.Purpose.CALIBRATION, created_at__gte=begun(ground)
    )
    sample = list(drawn.order_by("-pk").values_list("item", flat=True)[:LATEST])
    if len(sample) < LEAST:
        return None
    later = Item.objects.filter(project=plan.project_id, pk__gt=max(sample)).exclude(state=Item.State.NEW)
    newest = list(later.order_by("-pk").values_list("pk", flat=True)[:LATEST])
    before, now = _stored(sample), _stored(newest)
    return (before, now) if min(len(before), len(now)) >= LEAST else None


def _stored(ids: list[int]) -> Floats:
    rows = ItemFeatures.objects.filter(item__in=ids, version=features.VERSION).values_list("values", flat=True)
    return np.array([features.unpacked(bytes(one))[: len(features.TEXTS)] for one in rows], dtype=float)


def drifts(*, plan: RoutingPlan, ground: Ground, terms: Terms) -> Iterator[tuple[str, drift.Drift]]:
    """(what has been compared, how far it has moved)."""
    held = list(in_force(ground, terms))
    if held and (sure := _confidence(held)) is not None:
        yield CONFIDENCE, drift.drift(*sure)
    if (texts := _texts(plan, ground)) is not None:
        for name, before, now in zip(features.TEXTS, texts[0].T, texts[1].T, strict=True):
            known, fresh = before[~np.isnan(before)], now[~np.isnan(now)]
            if min(len(known), len(fresh)) >= LEAST:
                yield name, drift.drift(known, fresh)


def read_drift(*, plan: RoutingPlan, ground: Ground, terms: Terms) -> dict[str, drift.Drift]:
    """Stores what has moved, and raises an alarm for each that has moved too far to be chance."""
    found = dict(drifts(plan=plan, ground=ground, terms=terms))
    Reading.objects.filter(judge=ground.judge, kind=Reading.Kind.DRIFT).exclude(subject__in=found).delete()
    since = begun(ground).isoformat(timespec="seconds")
    for name, one in found.items():
        Reading.objects.update_or_create(
            judge=ground.judge,
            kind=Reading.Kind.DRIFT,
            subject=name,
            defaults={
                "project": plan.project,
                "value": one.index,
                "labelled": one.n,
                "items": one.n + one.m,
                "limit": drift.MOVED,
                "details": {"p": one.p, "moved": one.moved},
            },
        )
        if one.moved:
            said = _(
                "The last %(m)s items differ from the %(n)s of the calibration sample in “%(feature)s”: the stability "
                "index is %(index)s, above %(limit)s is a change. Promises were made of such as the sample."
            ) % {
                "m": one.m,
                "n": one.n,
                "feature": WORDS.get(name, name),
                "index": f"{one.index:.2f}",
                "limit": f"{drift.MOVED:g}",
            }
            raise_alarm(
                project=plan.project,
                kind=Alarm.Kind.DRIFT,
                subject=name,
                said=said,
                about=f"{ground.judge.pk}, {since}, {name}",
                judge=ground.judge.pk,
            )
    return found
