"""Doorbells of the router and of the judges; the beat rings again for what was lost."""

import time
from contextlib import suppress

from celery import shared_task
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from annotation.models import Item
from common import bells
from common.errors import Conflict
from projects.models import Project
from routing.models import Card, Judge, JudgeCall, ProbeRun, RiskModel, RoutingPlan
from routing.services import (
    calls,
    cards,
    embeddings,
    escalations,
    features,
    performance,
    probes,
    promises,
    risk,
    tallies,
)
from routing.services.follow_up import follow_up
from routing.services.route_new import route_new

# Seconds that one message keeps a worker: others wait for it too.
TURN = 60

# Seconds between rings for what waits; a ring that nobody answers before the next is worth nothing.
RING_SECONDS = 15

# New items routed between two looks at the clock.
A_GO = 5000

BEAT = {
    "judges-sweep": {"task": "routing.tasks.sweep_judges", "schedule": RING_SECONDS},
    "planted-cases": {"task": "routing.tasks.plant_cases", "schedule": 300},
    "routing-sweep": {"task": "routing.tasks.sweep", "schedule": 5},
    "routing-learning": {"task": "routing.tasks.learn", "schedule": 60},
    "routing-tallies": {"task": "routing.tasks.count_due", "schedule": 30},
    "promises-sweep": {"task": "routing.tasks.sweep_promises", "schedule": 20},
}


def ring_project(project_id: int) -> None:
    """New items, a new plan or more budget: the router has something to do."""
    bells.ring(route_project, project_id)


def ring_judge(judge_id: int) -> None:
    """A judge has calls to make."""
    bells.ring(run_judge_calls, judge_id)


def ring_card(card_id: int) -> None:
    """A judge's card is to be computed."""
    bells.ring(compute_card, card_id)


def ring_probes(run_id: int) -> None:
    """Planted cases are to be put to a judge."""
    bells.ring(put_planted_cases, run_id)


def ring_escalation(escalation_id: int) -> None:
    """What a judge has kept is to be sent to people."""
    bells.ring(escalate, escalation_id)


def ring_fitting(risk_model_id: int) -> None:
    """A risk model is to be fitted."""
    bells.ring(fit_risk_model, risk_model_id)


def ring_promises(project_id: int) -> None:
    """Somebody wants to know how a project's promises keep."""
    bells.ring(check_promises, project_id)


@shared_task(queue="default")
def check_promises(project_id: int) -> None:
    """Brings a project's promises up to date: certificates, audits, the gate, drift, figures."""
    promises.check(project_id=project_id)


@shared_task(queue="default")
def sweep_promises() -> None:
    """Rings for projects whose answers have not been looked at yet, and for work whose worker died."""
    promises.fail_lost()
    for project_id in promises.due():
        check_promises.delay(project_id)


@shared_task(queue="default")
def route_project(project_id: int) -> None:
    """Routes what is new, reads what judges have said, and rings for the judges that have something to do.

    What is left after its turn is rung for again, so that other projects have theirs in between.
    """
    project = Project.objects.get(pk=project_id)
    ends = time.monotonic() + TURN
    while (routed := route_new(project=project, limit=A_GO)) and time.monotonic() < ends:
        pass
    follow_up(project=project)
    if routed:
        route_project.delay(project_id)
    for judge_id in idle_judges().filter(project=project).values_list("pk", flat=True):
        run_judge_calls.delay(judge_id)


@shared_task(queue="judge")
def run_judge_calls(judge_id: int) -> None:
    """Asks one judge what waits for it, a batch at a time; what is left after its turn is rung for again."""
    judge = Judge.objects.select_related("project", "rater").get(pk=judge_id)
    ends = time.monotonic() + TURN
    asked = 0
    while time.monotonic() < ends and (batch := calls.run_batch(judge=judge)):
        asked += batch
    if asked:
        route_project.delay(judge.project_id)


@shared_task(queue="default")
def count_due() -> None:
    """Counts what the desk shows of large projects."""
    tallies.count_due()


@shared_task(queue="default")
def sweep() -> None:
    """Requeues calls whose worker died; rings for projects and judges with something to do."""
    calls.requeue_stale()
    new = Item.objects.filter(project=OuterRef("pk"), state=Item.State.NEW)
    due = JudgeCall.objects.filter(judge__project=OuterRef("pk"), follow_up_due=True)
    plan = RoutingPlan.objects.filter(project=OuterRef("pk"))
    busy = Project.objects.filter(Exists(plan) & (Exists(new) | Exists(due)), state=Project.State.ACTIVE)
    for project_id in busy.values_list("pk", flat=True):
        route_project.delay(project_id)
    for judge_id in idle_judges().values_list("pk", flat=True):
        run_judge_calls.delay(judge_id)
    for escalation_id in escalations.running().values_list("pk", flat=True):
        escalate.delay(escalation_id)


@shared_task(queue="default")
def escalate(escalation_id: int) -> None:
    """Goes on sending to people what a judge has kept, for one turn; the beat rings for what is left."""
    ends = time.monotonic() + TURN
    while time.monotonic() < ends and escalations.carry_on(escalation_id=escalation_id):
        pass


def idle_judges() -> QuerySet[Judge]:
    """Judges with calls that may be made now and none being made: a ring while a worker asks would only pile up."""
    soon = Q(not_before=None) | Q(not_before__lte=timezone.now())
    queued = JudgeCall.objects.filter(soon, judge=OuterRef("pk"), state=JudgeCall.State.QUEUED)
    running = JudgeCall.objects.filter(judge=OuterRef("pk"), state=JudgeCall.State.RUNNING)
    return Judge.objects.filter(Exists(queued) & ~Exists(running), project__state=Project.State.ACTIVE)


@shared_task(queue="default")
def learn() -> None:
    """Begins risk models where much has been labelled since the last; rings for those and for features to be stored."""
    risk.fail_stale()
    plans = RoutingPlan.objects.filter(project=OuterRef("pk"), judge__isnull=False)
    for project in Project.objects.filter(Exists(plans), state=Project.State.ACTIVE):
        if risk.due(project):
            with suppress(Conflict):  # somebody has just begun one
                risk.begin(project=project)
        if features.wanting(project) or embeddings.missing(project).exists():
            store_features.delay(project.pk)
    for risk_model_id in risk.waiting().values_list("pk", flat=True):
        fit_risk_model.delay(risk_model_id)
    performance.fail_stale()
    for report_id in performance.waiting().values_list("pk", flat=True):
        report_performance.delay(report_id)


def ring_performance(report_id: int) -> None:
    """A performance report is to be computed."""
    bells.ring(report_performance, report_id)


@shared_task(queue="default")
def report_performance(report_id: int) -> None:
    """Computes one performance report; ringing twice computes once."""
    performance.compute(report_id=report_id)


@shared_task(queue="default")
def fit_risk_model(risk_model_id: int) -> None:
    """Fits one risk model that was put down; ringing twice fits once. What was promised by the one before ends with it:
    certificates are made anew at once."""
    if risk.fit(risk_model_id=risk_model_id):
        check_promises.delay(RiskModel.objects.values_list("project", flat=True).get(pk=risk_model_id))


@shared_task(queue="default")
def store_features(project_id: int) -> None:
    """Stores the features of a project's items, for one turn; the beat rings for what is left."""
    project = Project.objects.get(pk=project_id)
    ends = time.monotonic() + TURN
    while time.monotonic() < ends and features.store(project=project, limit=features.CHUNK):
        pass
    while time.monotonic() < ends and embeddings.store(project=project):
        pass


@shared_task(queue="default")
def compute_card(card_id: int) -> None:
    """Computes one card that waits; ringing twice computes it once."""
    cards.compute_card(card_id=card_id)


@shared_task(queue="judge")
def put_planted_cases(run_id: int) -> None:
    """Puts one run of planted cases to its judge; ringing twice asks once."""
    probes.run_probes(run_id=run_id)


@shared_task(queue="default", expires=RING_SECONDS)
def sweep_judges() -> None:
    """Takes back what dead workers held of cards and planted cases, and rings for all that waits."""
    cards.requeue_silent_cards()
    probes.requeue_silent_probes()
    for card_id in Card.objects.filter(state=Card.State.QUEUED).values_list("pk", flat=True):
        compute_card.apply_async((card_id,), expires=RING_SECONDS)
    for run_id in ProbeRun.objects.filter(state=ProbeRun.State.QUEUED).values_list("pk", flat=True):
        put_planted_cases.apply_async((run_id,), expires=RING_SECONDS)


@shared_task(queue="default")
def plant_cases() -> None:
    """Asks for planted cases where a judge is new or a week has passed; the sweep rings for them."""
    probes.request_due()
