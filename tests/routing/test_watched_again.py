"""What goes wrong a second time is seen a second time."""

from decimal import Decimal
from typing import Any

import pytest

from annotation.models import Item
from projects.models import Project
from routing.judges.logprobs import sureness
from routing.models import Alarm, Judge, ProbeRun
from routing.services import budgets, promises
from routing.services.certificates import thresholds
from routing.services.certifying import certify
from routing.services.route_new import route_new
from tests.routing.test_certificates import audit, calibration
from tests.routing.worlds import make


@pytest.mark.django_db
def test_audits_end_a_second_certificate_although_nobody_has_closed_the_first_alarm(
    plan: Any, simulated: Judge, project: Project
) -> None:
    in_force = plan("certified", sampling={"calibration": 60})
    for _ in range(2):
        make(in_force, simulated, calibration())
        certify(plan=in_force)
        assert thresholds(in_force)
        make(in_force, simulated, audit(40, 60))
        promises.ask(project=project)
        promises.check(project_id=project.pk)
        assert thresholds(in_force) == {}
    assert Alarm.objects.filter(closed_at=None).count() == 1 and Alarm.objects.count() == 2


@pytest.mark.django_db
def test_what_is_set_aside_for_planted_cases_is_not_counted_away(project: Project, simulated: Judge) -> None:
    """Somebody counts the budget again while a worker asks planted cases."""
    budgets.set_limits(project=project, labels=None, money=Decimal(10))
    budgets.allocate(project_id=project.pk, labels=0, money=Decimal(8))
    ProbeRun.objects.create(
        judge=simulated, limit=0.1, state="running", attempt=1, owner="0" * 32, heartbeat_at=simulated.created_at
    )
    budgets.reconcile(project=project)
    assert budgets.budget_of(project=project).money_allocated == 8
    ProbeRun.objects.update(state="failed", owner=None, error="lost")
    budgets.reconcile(project=project)
    assert budgets.budget_of(project=project).money_allocated == 0


@pytest.mark.django_db
def test_no_period_is_waited_for_that_could_not_pay_for_one_item(project: Project, items: Any, plan: Any) -> None:
    items(3)
    Project.objects.filter(pk=project.pk).update(overlap=3)
    project.refresh_from_db()
    plan("all_human")
    budgets.set_limits(project=project, labels=None, money=None, period="day", period_labels=2)
    assert route_new(project=project) == 3
    assert not Item.objects.filter(state="new").exists(), "the judge has them, as where the budget is spent for good"


def test_an_endpoint_may_say_any_number() -> None:
    def said(logprob: Any) -> Any:
        return [{"token": '{"choice": "'}, {"token": "A", "top_logprobs": [{"token": "A", "logprob": logprob}]}]

    numbers = [10**400, -(10**400), float("inf"), float("-inf"), float("nan")]
    assert [sureness(said(one), ["choice"]) for one in numbers] == [1.0, 0.0, 1.0, 0.0, None]
