"""Performance reports: begun by a person, computed by a worker, kept with their day."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from accounts.models import User
from accounts.services import audit
from annotation.models import FormVersion, ItemResponse
from annotation.protocols import Protocol, protocol
from annotation.services.forms import current_form
from common.errors import Conflict
from common.words import gettext_noop as _
from projects.models import Project
from routing import performance
from routing.answers import CHUNK
from routing.models import Judge, PerformanceReport
from routing.services import features, labelled
from routing.services.plans import current_plan
from routing.texts import plain_text

MOST = 20_000
"""The newest so many items."""
DIMENSIONS = 48
STALE = timedelta(minutes=30)
State = PerformanceReport.State


def begin(*, project: Project, by: User | None = None) -> PerformanceReport:
    """Puts down that a report on the plan's judge is wanted. Raises Conflict without a judge, or while one is open."""
    plan = current_plan(project=project)
    if plan is None or plan.judge is None:
        raise Conflict(_("The plan in force has no judge, so there is nothing to learn about."), code="judge-missing")
    try:
        with transaction.atomic():
            made = PerformanceReport.objects.create(
                project=project, judge=plan.judge, form_version=current_form(project=project)
            )
            audit(actor=by, kind="performance.begun", subject=f"project:{project.slug}", judge=plan.judge.name)
    except IntegrityError as fault:
        raise Conflict(_("A report is being computed already."), code="computing") from fault
    return made


def waiting() -> QuerySet[PerformanceReport]:
    return PerformanceReport.objects.filter(state=State.WAITING)


def latest(project: Project) -> PerformanceReport | None:
    return project.performance_reports.select_related("judge").order_by("-pk").first()


def compute(*, report_id: int) -> bool:
    """Computes a report that waits; False where somebody else has it. It ends ready, or failed with why."""
    rows = PerformanceReport.objects.filter(pk=report_id)
    if not rows.filter(state=State.WAITING).update(state=State.COMPUTING, started_at=timezone.now()):
        return False
    report = rows.select_related("judge__project", "form_version").get()
    try:
        ended: dict[str, Any] = {
            "state": State.READY,
            "result": performance.predict(world(report.judge, report.form_version)),
        }
    except ValueError as fault:
        ended = {"state": State.FAILED, "why": str(fault)}
    except Exception as raised:  # whatever goes wrong must end in a named state
        ended = {"state": State.FAILED, "why": f"{type(raised).__name__}: {raised}"[:500]}
    rows.filter(state=State.COMPUTING).update(**ended, finished_at=timezone.now())
    return True


def fail_stale() -> int:
    """Reports whose worker has died end as failed, to be begun again; returns how many."""
    lost = PerformanceReport.objects.filter(state=State.COMPUTING, started_at__lt=timezone.now() - STALE)
    return lost.update(state=State.FAILED, why=_("The worker was lost while it computed."), finished_at=timezone.now())


def world(judge: Judge, form: FormVersion) -> performance.World:
    """What people and the judge have both answered, as pairs. Raises ValueError where the form has no preferences."""
    field = features.asked_field(form)
    plug = protocol(field["protocol"])
    rows = labelled.collect(judge, form, most=MOST)
    people, said, _recorded = labelled.answers(judge, form, most=MOST)
    places = {item: place for place, item in enumerate(rows.items.tolist())}
    responses = _responses([item for item in places if item in said])
    pairs: list[tuple[int, int, int, float, float]] = []
    for item, ordered in responses.items():
        ours = _signed(plug, [said[item].get(field["name"])], ordered)
        theirs = _signed(plug, [one.get(field["name"]) for one in people[item]], ordered)
        pairs += [(places[item], *pair, theirs[pair], ours[pair]) for pair in sorted(ours.keys() & theirs.keys())]
    if not pairs:
        raise ValueError(_("Nothing that people and the judge have both answered is a preference between responses."))
    kept = sorted({place for place, *_rest in pairs})
    renumbered = {place: number for number, place in enumerate(kept)}
    known = _represented({response for _p, left, right, *_rest in pairs for response in (left, right)})
    kinds, names = performance.binned(rows.features[kept], rows.names)
    return performance.World(
        apart=np.array([known[left] - known[right] for _p, left, right, *_rest in pairs]),
        item=np.array([renumbered[place] for place, *_rest in pairs]),
        people=np.array([theirs for *_rest, theirs, _ours in pairs]),
        judge=np.array([ours for *_rest, ours in pairs]),
        kinds=kinds,
        names=names,
        groups=rows.groups[kept],
    )


def _responses(items: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for start in range(0, len(items), CHUNK):
        rows = ItemResponse.objects.filter(item__in=items[start : start + CHUNK]).order_by("item", "ordinal")
        for item, response in rows.values_list("item", "response"):
            found[item].append(response)
    return found


def _signed(plug: Protocol, values: Sequence[Any], ordered: Sequence[int]) -> dict[tuple[int, int], float]:
    """(earlier response, later response) → the mean preference of `values`, 1 for the earlier, -1 for the later."""
    found: dict[tuple[int, int], list[float]] = defaultdict(list)
    for value in values:
        for one in plug.preferences(value) if isinstance(value, dict) else []:
            if {one.chosen_id, one.rejected_id} <= set(ordered):
                sign = 1 if ordered.index(one.chosen_id) < ordered.index(one.rejected_id) else -1
                pair = (one.chosen_id, one.rejected_id)[::sign]
                found[pair[0], pair[1]].append(sign * (2 * one.soft - 1))
    return {pair: float(np.mean(signs)) for pair, signs in found.items()}


def _represented(responses: set[int]) -> Mapping[int, NDArray[np.float64]]:
    """Response → (d,): the leading directions of its words (latent semantic analysis), its length and its layout."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    from corpus.models import Response

    ids = sorted(responses)
    texts: dict[int, str] = {}
    for start in range(0, len(ids), CHUNK):
        chunk = Response.objects.filter(pk__in=ids[start : start + CHUNK]).values_list("pk", "messages")
        texts |= {pk: plain_text(messages) for pk, messages in chunk}
    said = [texts[one] for one in ids]
    layout = np.array([_layout(text) for text in said])
    if any(text.strip() for text in said):
        words = TfidfVectorizer(max_features=20_000, sublinear_tf=True, analyzer=str.split).fit_transform(said)
        d = min(DIMENSIONS, *(size - 1 for size in words.shape))
        if d >= 1:
            layout = np.column_stack([layout, TruncatedSVD(d, random_state=0).fit_transform(words)])
    return dict(zip(ids, layout, strict=True))


def _layout(text: str) -> list[float]:
    words = text.split()
    lines = text.splitlines()
    lists = sum(line.lstrip().startswith(("-", "*", "•", "1", "2", "3")) for line in lines)
    return [
        float(np.log1p(len(words))),
        float(np.log1p(len(lines))),
        float(np.log1p(lists)),
        float("```" in text),
        float(np.log1p(text.count("?"))),
        len({word.lower() for word in words}) / len(words) if words else 0.0,
    ]
