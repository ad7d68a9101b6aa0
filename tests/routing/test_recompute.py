"""The export tells enough to reckon every figure again: two small projects, reckoned by tests/routing/recompute.py."""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from annotation.models import Item
from annotation.services import labels, leases, submissions
from annotation.services.items import withdraw_item
from annotation.services.raters import rater_for
from projects.models import Project
from routing.export import routed_lines
from routing.ledger import ledger
from routing.models import Certificate, Judge, JudgeCall, Reading, RoutingPlan
from routing.services import features, promises
from routing.services.budgets import budget_of, reconcile, set_limits
from tests.routing import recompute, recompute_gate, worlds

pytestmark = pytest.mark.django_db

LABELS = 130


def exported(project: Project) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(one)) for one in routed_lines(project=project)]


def answer_all(project: Project, people: list[User]) -> None:
    """Each person answers what there is for them, mostly as the judge did."""
    for user in people:
        rater = rater_for(project=project, user=user)
        while lease := leases.claim(project=project, rater=rater):
            draw = random.Random(f"{user.username}/{lease.item.external_id}")
            said = lease.item.annotations.filter(rater__kind="judge").first()
            same = said is not None and draw.random() < 0.995
            choice = said.values["preference"]["choice"] if same else draw.choice(["left", "right", "tie"])
            pair = [row.response_id for row in lease.item.item_responses.order_by("ordinal")]
            value = {"left": pair[0], "right": pair[1], "choice": choice, "strength": int(choice != "tie")}
            submissions.submit(rater=rater, token=lease.token, values={"preference": value}, active_ms=9_000)


def test_a_small_project_is_reckoned_again(
    project: Project,
    items: Callable[[int], list[Item]],
    simulated: Judge,
    plan: Callable[..., RoutingPlan],
    settle: Callable[[], None],
    rosa: User,
    rui: User,
) -> None:
    made = items(240)
    Judge.objects.filter(pk=simulated.pk).update(price_per_call=Decimal("0.013"))
    simulated.refresh_from_db()
    set_limits(project=project, labels=LABELS, money=Decimal("60"))
    drawn = {"pilot": 12, "calibration": 60, "audit_share": 0.3, "second_share": 0.2, "hidden_share": 0.1}
    plan("certified", judge=simulated, sampling=drawn)
    settle()
    first = Item.objects.filter(project=project, state="open").order_by("pk").first()
    assert first is not None
    withdraw_item(item=first, by=project.created_by)
    for _turn in range(3):
        answer_all(project, [rosa, rui])
        promises.check(project_id=project.pk)
        settle()
    labels.settle_due()
    promises.ask(project=project)
    assert promises.check(project_id=project.pk)
    assert reconcile(project=project) > 0
    rows = exported(project)

    assert recompute.wrong_draws(rows, project.slug) == [] == recompute.wrong_labels(rows)
    mine = recompute.ledger(rows)
    assert {(one.kind, one.state): (one.labels, one.money) for one in ledger(project).lines} == {
        (one.kind, one.state): mine.get((one.kind, one.state), (0, 0)) for one in ledger(project).lines
    }
    assert any(state == "released" and kind != "judge" for kind, state in mine)
    taken = recompute.most_taken(rows)
    budget = budget_of(project=project)
    assert taken == (budget.labels_allocated, budget.money_allocated) and taken[0] <= LABELS
    certificate = Certificate.objects.get()
    found = recompute.certificate(rows, alpha=certificate.alpha, delta=certificate.share)
    assert tuple(found) == pytest.approx(tuple(getattr(certificate, name) for name in found._fields))
    assert recompute.wrongly_kept(rows, threshold=found.threshold, limit=LABELS) == []
    assert len(made) == len(rows) and JudgeCall.objects.filter(state="answered").count() >= len(made) - 1
    audit = Reading.objects.get(kind="audit", subject="")
    watched = recompute.audits(rows, delta=audit.details["delta"])
    assert watched.n > 10 and (audit.labelled, audit.details["disagree"]) == (watched.n, watched.disagree)
    assert (audit.low, audit.high) == pytest.approx((watched.low, watched.high), abs=1e-6)
    figures = {f"{one.kind} {one.subject}": one for one in Reading.objects.filter(kind__in=["share", "win"])}
    columns = recompute.columns(rows, "preference")
    assert {one for one in columns if one.startswith("share")} == {one for one in figures if one.startswith("share")}
    for name, read in figures.items():
        wanted = recompute.figure(columns[name])
        assert tuple(getattr(read, one) for one in wanted._fields) == pytest.approx(tuple(wanted)), name


def test_a_heap_is_read_on_any_database(
    project: Project, simulated: Judge, plan: Callable[..., RoutingPlan], settle: Callable[[], None]
) -> None:
    """SQLite refuses a query of a thousand conditions, and a heap of five hundred pairs has as many responses."""
    made = worlds.make(plan("certified"), simulated, [worlds.Done()] * 600)
    JudgeCall.objects.update(follow_up_due=True)
    settle()
    assert features.store(project=project) == len(made)
    rows = exported(project)
    assert {len(row["responses"]) for row in rows} == {2}
    assert {len(row["decisions"]) for row in rows} == {2} and len(rows) == len(made)


def test_the_gate_is_reckoned_again(project: Project, simulated: Judge, plan: Callable[..., RoutingPlan]) -> None:
    made = plan("certified")
    draw = random.Random(3)
    done = []
    for _ in range(70):
        truth = draw.choice(["left", "right"])
        said = [truth if draw.random() < 0.85 else "tie" for _ in range(4)]
        done.append(worlds.Done(judge=said[0], people=said[1:], purpose="pilot", route="both"))
    worlds.make(made, simulated, done)
    promises.check(project_id=project.pk)
    read = Reading.objects.get(kind="gate")
    found = recompute_gate.gate(exported(project), epsilon=read.details["epsilon"])
    assert found is not None and found.people == 3 and found.items == 70
    assert (read.value, read.details["advantage"], read.details["people"], read.items) == pytest.approx(tuple(found))
