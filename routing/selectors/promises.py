"""Reads of what a project is promised, for the page and the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from annotation.models import Slot
from common.charts import Bar, Series
from common.errors import NotFound
from projects.models import Project
from routing.models import Alarm, Certificate, Decision, Judge, PromiseCheck, Purchase, Reading, Terms
from routing.sampling import Sampling
from routing.services.certificates import begun, ground_of, in_force, terms_of
from routing.services.plans import current_plan

HISTORY = 20


@dataclass(frozen=True)
class Sampled:
    """Items of a random sample: drawn, of them waiting for people, and how many are wanted."""

    drawn: int
    waiting: int
    wanted: int


@dataclass(frozen=True)
class PromisesView:
    """What the page shows. `judge`: None where the plan in force has none, and nothing is promised."""

    judge: Judge | None
    terms: Terms
    check: PromiseCheck | None
    held: Sequence[Certificate]
    history: Sequence[Certificate]
    alarms: Sequence[Alarm]
    calibration: Sampled
    audits_waiting: int
    readings: Mapping[str, Sequence[Reading]]

    @property
    def audits(self) -> Sequence[Reading]:
        return self.readings[Reading.Kind.AUDIT]

    @property
    def gate(self) -> Reading | None:
        return next(iter(self.readings[Reading.Kind.GATE]), None)

    @property
    def drift(self) -> Sequence[Reading]:
        return self.readings[Reading.Kind.DRIFT]

    @property
    def shares(self) -> Sequence[Reading]:
        return self.readings[Reading.Kind.SHARE]

    @property
    def wins(self) -> Sequence[Reading]:
        return self.readings[Reading.Kind.WIN]


def promises(project: Project) -> PromisesView:
    plan, terms = current_plan(project=project), terms_of(project)
    judge = plan.judge if plan else None
    readings: dict[str, list[Reading]] = {kind: [] for kind in Reading.Kind.values}
    held: list[Certificate] = []
    sampled, waiting = Sampled(0, 0, 0), 0
    if plan is not None and judge is not None:
        ground = ground_of(judge)
        held = list(in_force(ground, terms).select_related("judge", "risk_model").order_by("tag"))
        for row in Reading.objects.filter(judge=judge).order_by("subject"):
            readings[row.kind].append(row)
        wanted = Sampling.model_validate(plan.sampling).calibration
        drawn = Decision.objects.filter(
            plan__judge=judge, purpose=Decision.Purpose.CALIBRATION, created_at__gte=begun(ground)
        )
        sampled = Sampled(drawn.count(), _open(project, Decision.Purpose.CALIBRATION), wanted)
        waiting = _open(project, Decision.Purpose.AUDIT)
    return PromisesView(
        judge=judge,
        terms=terms,
        check=PromiseCheck.objects.filter(project=project).first(),
        held=held,
        history=list(certificates(project)[:HISTORY]),
        alarms=list(alarms(project).filter(closed_at=None)),
        calibration=sampled,
        audits_waiting=waiting,
        readings=readings,
    )


def _open(project: Project, purpose: str) -> int:
    """Items that people have not answered yet, of those that were drawn for a purpose."""
    bought = Purchase.objects.filter(slot__project=project, decision__purpose=purpose)
    open_ones = bought.filter(slot__state__in=[Slot.State.OPEN, Slot.State.LEASED])
    return open_ones.values("slot__item").distinct().count()


def certificates(project: Project) -> QuerySet[Certificate]:
    """Newest first."""
    rows = Certificate.objects.filter(project=project).select_related(
        "judge", "risk_model", "form_version", "guideline"
    )
    return rows.order_by("-number")


def alarms(project: Project) -> QuerySet[Alarm]:
    """Newest first."""
    return Alarm.objects.filter(project=project).select_related("project", "closed_by").order_by("-pk")


def alarm_of(project: Project, alarm_id: int) -> Alarm:
    found = alarms(project).filter(pk=alarm_id).first()
    if found is None:
        raise NotFound
    return found


def readings(project: Project, kind: str | None = None) -> QuerySet[Reading]:
    """What was read of the project's promises and figures, of every judge that was in force."""
    rows = Reading.objects.filter(project=project).select_related("judge").order_by("judge", "kind", "subject")
    return rows.filter(kind=kind) if kind else rows


def course(reading: Reading, names: tuple[str, str, str, str]) -> list[Series]:
    """The audits as they came in: bounds, what was seen, and what is allowed; `names` of these four lines."""
    rows = reading.details.get("course", [])
    if len(rows) < 2:
        return []
    upper = Series(names[0], [(n, high) for n, _k, _low, high in rows])
    seen = Series(names[1], [(n, k / n) for n, k, _low, _high in rows])
    lower = Series(names[2], [(n, low) for n, _k, low, _high in rows])
    allowed = Series(names[3], [(n, reading.limit or 0.0) for n, *_ in rows])
    return [upper, seen, lower, allowed]


def bars(rows: Sequence[Reading], names: Mapping[str, str]) -> list[Bar]:
    """Figures with their intervals as bars; `names`: subject → what it is called."""
    return [
        Bar(names.get(row.subject, row.subject), row.value, low=row.low, high=row.high, kind="bar-good")
        for row in rows
        if row.value is not None
    ]
