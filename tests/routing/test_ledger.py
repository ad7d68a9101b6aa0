"""The ledger says what every label cost, whatever it was for and whatever became of it."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from annotation.models import Slot
from annotation.services import leases, submissions
from annotation.services.items import void_slots
from annotation.services.raters import rater_for
from projects.models import Project
from routing.ledger import COMMITTED, KINDS, RELEASED, RESERVED, STATES, ledger
from routing.models import Decision, Judge
from routing.services import tallies
from routing.services.calls import run_batch
from routing.services.route_new import route_new

pytestmark = pytest.mark.django_db


def answer(project: Project, user: User) -> None:
    rater = rater_for(project=project, user=user)
    lease = leases.claim(project=project, rater=rater)
    assert lease is not None
    values = {"preference": {"choice": "A", "strength": 3}}
    submissions.submit(rater=rater, token=lease.token, values=values, active_ms=20_000)


def test_every_label_stands_in_one_line_at_the_price_of_its_day(
    project: Project, items: Any, plan: Any, simulated: Judge, rosa: User, django_assert_num_queries: Any
) -> None:
    Judge.objects.filter(pk=simulated.pk).update(price_per_call=Decimal("0.01"))
    items(6)
    plan("all_human")
    route_new(project=project)
    Project.objects.filter(pk=project.pk).update(price_per_label=Decimal("0.50"))
    project.refresh_from_db()
    items(4)
    route_new(project=project)
    Decision.objects.filter(pk=Decision.objects.latest("pk").pk).update(purpose="audit")
    items(5)
    simulated.refresh_from_db()
    plan("all_ai", judge=simulated)
    route_new(project=project)
    first = Slot.objects.filter(project=project, audience="human").order_by("pk")
    void_slots(slots=first[:1])
    answer(project, rosa)
    run_batch(judge=simulated)
    with django_assert_num_queries(5):
        found = ledger(project)
    assert [(line.kind, line.state) for line in found.lines] == [(kind, state) for kind in KINDS for state in STATES]
    lines = {(line.kind, line.state): line for line in found.lines}
    assert lines["plan", RELEASED].money == Decimal("0.30")
    people = [line for line in found.lines if line.kind != "judge"]
    assert sum(line.labels for line in people) == 10
    assert sum(line.money for line in people) == 6 * Decimal("0.30") + 4 * Decimal("0.50")
    assert sum(line.labels for line in people if line.state == COMMITTED) == 1
    assert sum(line.seconds for line in people) == 20
    assert lines["audit", RESERVED].labels + lines["audit", COMMITTED].labels == 1
    judge = lines["judge", COMMITTED]
    assert (judge.labels, judge.money) == (5, Decimal("0.05"))
    live = found.total(RESERVED).money + found.total(COMMITTED).money
    assert found.saved.all_human_labels == 15 and found.saved.labels == 15 - 9
    assert found.saved.money == 15 * Decimal("0.50") - live
    assert found.saved.seconds == pytest.approx(6 * 20)


def test_all_people_would_be_asked_as_often_as_the_project_asks_them(project: Project, items: Any, plan: Any) -> None:
    made = items(30)
    project.overlap, project.quality = 2, {"share": 0.5, "share_overlap": 5}
    project.save()
    made[0].overlap = 7
    made[0].save()
    plan("all_human")
    route_new(project=project)
    asked = Slot.objects.filter(project=project, audience="human").count()
    assert ledger(project).saved.all_human_labels == asked > 60
    assert ledger(project).saved.labels == 0


def test_a_large_projects_figures_are_counted_in_the_background_and_are_the_same(
    project: Project, items: Any, plan: Any, settle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan("random", share=0.5)
    items(12)
    settle()
    now = tallies.figures(project)
    assert now is not None and sum(now.routes.values()) == 12
    monkeypatch.setattr("annotation.services.tallies.SMALL", 5)
    assert tallies.figures(project) is None
    assert tallies.count_due() == 1 and tallies.count_due() == 0
    kept = tallies.figures(project)
    assert kept is not None and kept.counted_at >= now.counted_at
    assert (kept.routes, kept.calls, kept.bands, kept.ledger) == (now.routes, now.calls, now.bands, now.ledger)
