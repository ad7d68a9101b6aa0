"""Making certificates of a calibration sample: items drawn at random that people and the judge have both answered."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from annotation.models import Item
from common.words import gettext_noop as _
from projects.models import Project
from routing import answers
from routing.features import slices
from routing.models import Certificate, Decision, JudgeCall, RoutingPlan, Terms
from routing.promises import thresholds
from routing.sampling import Sampling
from routing.services.certificates import SLICES, Ground, begun, end, ground_of, in_force, terms_of
from routing.services.features import tags_of, with_texts
from routing.services.risk import risks

LEAST = 30
"""Calibration items that a slice needs for a promise of its own: with fewer hardly any could be made."""
GROWTH = 1.25
"""What was refused is tried again when its sample has grown so much."""
LONGEST = 200
"""Of a slice's name; what has a longer one is not told apart."""
KEPT = 1000
"""Confidences of the sample that a certificate keeps, to tell later whether items have changed."""
CHUNK = 1000


@dataclass(frozen=True)
class Row:
    """One calibration item. `confidence`: 1 - risk, or the judge's own."""

    item_id: int
    confidence: float
    agrees: bool
    tag: str


@dataclass(frozen=True)
class Sample:
    """`drawn`: items in all, those too that were withdrawn or that the judge had no usable answer to; `waiting`: those
    that people or the judge have not answered yet."""

    rows: Sequence[Row]
    drawn: int
    waiting: int


def sample(plan: RoutingPlan, ground: Ground, tag: str = "") -> Sample:
    """The calibration items of the plan's judge on this ground; `tag`: the key that cuts them into slices."""
    drawn = Decision.objects.filter(
        item__project=plan.project_id,
        plan__judge=ground.judge,
        purpose=Decision.Purpose.CALIBRATION,
        created_at__gte=begun(ground),
    )
    live = drawn.exclude(item__state=Item.State.VOID)
    states: dict[int, str] = dict(live.order_by("item").values_list("item", "item__state"))
    ids = list(states)
    people = answers.of_people(ids, **ground.of_answers())
    judged = answers.of_judge(ground.judge, ids, **ground.of_answers())
    unusable = set(
        JudgeCall.objects.filter(
            judge=ground.judge,
            item__in=drawn.values("item"),
            state__in=[JudgeCall.State.REFUSED, JudgeCall.State.FAILED],
        ).values_list("item", flat=True)
    )
    both = {pk for pk in ids if pk in people and pk in judged and pk not in unusable}
    compared = answers.Comparison(ground.form_version)
    rows = []
    for item, confidence in _sure(plan, ground, sorted(both)):
        human = answers.one_of(item, people[item.pk])
        agrees = compared.agrees(judged[item.pk].values, human.values)
        if agrees is not None:
            rows.append(Row(item.pk, confidence, agrees, tag_of(item, tag)))
    waiting = [pk for pk in ids if pk not in both and pk not in unusable and states[pk] != Item.State.DONE]
    return Sample(rows, drawn.count(), len(waiting))


def _sure(plan: RoutingPlan, ground: Ground, ids: Sequence[int]) -> Iterator[tuple[Item, float]]:
    """Each item with the confidence that a policy would see. Without any it would never be kept: it is left out."""
    for start in range(0, len(ids), CHUNK):
        found = with_texts(Item.objects.filter(pk__in=ids[start : start + CHUNK]).order_by("pk"))
        items = list(found)
        calls = JudgeCall.objects.filter(judge=ground.judge, item__in=items, state=JudgeCall.State.ANSWERED)
        own = dict(calls.values_list("item", "confidence"))
        for item, foreseen in zip(items, risks(plan, items, ground.risk_model), strict=True):
            sure = own.get(item.pk) if foreseen.risk is None else 1 - foreseen.risk
            if sure is not None:
                yield item, sure


def tag_of(item: Item, key: str) -> str:
    """The slice that an item is in by the tag `key`, as policies call it; "" without a key or such a tag."""
    found = tags_of(item) if key else {}
    (name,) = slices({key: found[key]}) if key in found else [""]
    return name if len(name) <= LONGEST else ""


def wanted(plan: RoutingPlan, ground: Ground, terms: Terms) -> bool:
    """Whether certificates are to be made without being asked for: the sample is complete and there are none of this
    ground, or only refusals and the sample has grown much since. Each making spends a part of delta."""
    size = Sampling.model_validate(plan.sampling).calibration if plan.sampling else 0
    held = list(in_force(ground, terms))
    keyed = all(row.details.get("key") == terms.tag for row in held)
    if size == 0 or (held and keyed and any(row.threshold is not None for row in held)):
        return False
    found = sample(plan, ground)
    if found.waiting or found.drawn < size:
        return False
    return not (held and keyed) or len(found.rows) >= GROWTH * sum(row.sample for row in held)


@transaction.atomic
def certify(*, plan: RoutingPlan, by: User | None = None) -> list[Certificate]:
    """Tests what may be promised of the plan's judge and puts the answer in force, a refusal too.

    A project's certificate number k is given delta / (k (k + 1)), so that all it ever makes, of whatever judge and
    slice, are wrong with probability delta at most (union bound). Those of the judge that were in force end.
    """
    assert plan.judge is not None
    Project.objects.select_for_update(of=("self",), no_key=True).get(pk=plan.project_id)
    ground, terms = ground_of(plan.judge), terms_of(plan.project)
    found = sample(plan, ground, terms.tag)
    cut = _slices(found.rows)
    own = Certificate.objects.filter(project=plan.project)
    end(own.filter(judge=plan.judge), _("It was made anew."))
    last = own.aggregate(last=Max("number"))["last"] or 0
    until = timezone.now() + timedelta(days=terms.days) if terms.days else None
    made = []
    for number, (tag, rows) in enumerate(cut.items(), start=last + 1):
        share = terms.delta / (number * (number + 1))
        sure, right = [row.confidence for row in rows], [row.agrees for row in rows]
        result = thresholds.certify(sure, right, alpha=terms.alpha, delta=share)
        details = {
            "tested": result.tested,
            "waiting": found.waiting,
            "confidence": _kept(sure),
            "key": terms.tag,
            SLICES: [one for one in cut if one],
        }
        made.append(
            Certificate(
                project=plan.project,
                judge=plan.judge,
                form_version=ground.form_version,
                guideline=ground.guideline,
                risk_model=ground.risk_model,
                tag=tag,
                number=number,
                alpha=terms.alpha,
                delta=terms.delta,
                share=share,
                threshold=result.threshold,
                sample=result.n,
                kept=result.kept,
                agreed=result.agreed,
                bound=result.bound,
                details=details,
                until=until,
            )
        )
    Certificate.objects.bulk_create(made)
    for one in made:
        audit(
            actor=by,
            kind="certificate.made",
            subject=f"project:{plan.project.slug}",
            number=one.number,
            tag=one.tag,
            threshold=one.threshold,
        )
    return made


def _slices(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Slices that are large enough by their tag, and the rest as ""; the largest first: it gets the most of delta."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.tag].append(row)
    large = {tag: found[tag] for tag in sorted(found) if tag and len(found[tag]) >= LEAST}
    rest = [row for row in rows if row.tag not in large]
    parts = large | ({"": rest} if rest or not large else {})
    return {tag: parts[tag] for tag in sorted(parts, key=lambda tag: (-len(parts[tag]), tag))}


def _kept(values: Sequence[float]) -> list[float]:
    """The sorted values, or as many quantiles of them as are kept."""
    if len(values) <= KEPT:
        return sorted(values)
    return [float(one) for one in np.quantile(values, np.linspace(0, 1, KEPT))]
