"""A call ends in a named state, whoever dies; what a judge says goes through the common door, or people are asked."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from annotation.models import Annotation, Item, Slot
from annotation.services.items import withdraw_item
from projects.models import Project
from routing.judges import Answer, Question
from routing.judges.simulated import Simulated
from routing.models import Budget, Decision, Judge, JudgeCall
from routing.services import budgets, calls
from routing.services.follow_up import follow_up
from routing.services.judges import ask_again, create_judge
from routing.services.route_new import route_new

Items = Callable[[int], list[Item]]
pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(project: Project, items: Items, plan: Any) -> list[JudgeCall]:
    """Three items routed to the simulated judge."""
    items(3)
    plan("all_ai")
    route_new(project=project)
    return list(JudgeCall.objects.order_by("pk"))


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`says(error=…)`: the simulated judge answers everything with that; `says(raises=…)`: it raises."""

    def set_to(raises: Exception | None = None, **answer: Any) -> None:
        def ask(self: Any, questions: Sequence[Question], config: Any, project_id: int) -> Iterator[Answer]:
            for question in questions:
                if raises:
                    raise raises
                yield Answer(question.call_id, question.field, None, **answer)

        monkeypatch.setattr(Simulated, "ask", ask)

    return set_to


def states() -> set[str]:
    return set(JudgeCall.objects.values_list("state", flat=True))


def test_a_judges_answer_is_an_annotation_like_a_persons(asked: list[JudgeCall], simulated: Judge) -> None:
    assert calls.run_batch(judge=simulated) == 3
    for annotation in Annotation.objects.all():
        assert annotation.standing == "counted" and annotation.rater == simulated.rater
        assert annotation.form_version is not None and annotation.display_order
    assert Annotation.objects.count() == 3
    assert states() == {"answered"}
    assert set(Item.objects.values_list("state", flat=True)) == {"done"}
    assert set(Slot.objects.values_list("state", flat=True)) == {"done"}
    assert not JudgeCall.objects.filter(follow_up_due=True).exists()
    assert calls.run_batch(judge=simulated) == 0


def test_a_second_worker_finds_nothing_and_a_stale_one_changes_nothing(
    asked: list[JudgeCall], simulated: Judge
) -> None:
    owner, claimed = calls.claim(judge=simulated, limit=10)
    assert len(claimed) == 3
    assert calls.claim(judge=simulated, limit=10)[1] == []
    JudgeCall.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=calls.STALE_SECONDS + 1))
    assert calls.requeue_stale() == 3
    JudgeCall.objects.update(not_before=None)
    assert calls.run_batch(judge=simulated) == 3
    left, right = claimed[0].item.item_responses.values_list("response_id", flat=True)
    late = Answer(claimed[0].pk, "preference", {"left": left, "right": right, "choice": "tie", "strength": 0})
    assert calls.finish(call=claimed[0], owner=owner, answers=[late]) is False
    assert calls.again(call=claimed[0], owner=uuid.uuid4(), error="late") is False
    assert Annotation.objects.count() == 3
    assert states() == {"answered"}


def test_what_the_judge_cannot_say_goes_to_people(
    project: Project, asked: list[JudgeCall], simulated: Judge, says: Any
) -> None:
    says(error="It rhymed")
    calls.run_batch(judge=simulated)
    assert states() == {"refused"}
    assert follow_up(project=project) == 3
    assert follow_up(project=project) == 0
    second = Decision.objects.filter(ordinal=2)
    assert {found.route for found in second} == {"human"}
    assert "It rhymed" in second[0].reasons[-1]
    assert Slot.objects.filter(audience="judge", state="void").count() == 3
    assert Slot.objects.filter(audience="human", state="open").count() == 3
    assert set(Item.objects.values_list("state", flat=True)) == {"open"}


def test_escalation_waits_for_budget(project: Project, asked: list[JudgeCall], simulated: Judge, says: Any) -> None:
    budgets.set_limits(project=project, labels=2, money=None)
    says(error="It rhymed")
    calls.run_batch(judge=simulated)
    assert follow_up(project=project) == 2
    assert JudgeCall.objects.filter(follow_up_due=True).count() == 1
    budgets.set_limits(project=project, labels=3, money=None)
    assert follow_up(project=project) == 1
    assert Budget.objects.get(project=project).labels_allocated == 3


@pytest.mark.parametrize("how", [{"error": "busy", "passing": True}, {"raises": RuntimeError("boom")}])
def test_what_fails_is_tried_three_times_then_people_are_asked(
    project: Project, asked: list[JudgeCall], simulated: Judge, says: Any, how: dict[str, Any]
) -> None:
    says(**how)
    for attempt in range(1, 4):
        assert calls.run_batch(judge=simulated) == 3
        found = JudgeCall.objects.first()
        assert found is not None and found.attempt == attempt
        if attempt < 3:
            assert found.state == "queued" and found.not_before is not None
            assert calls.run_batch(judge=simulated) == 0  # backing off
            JudgeCall.objects.update(not_before=None)
    assert states() == {"failed"}
    assert follow_up(project=project) == 3


def test_failed_calls_can_be_made_again_beside_the_people(
    project: Project, asked: list[JudgeCall], simulated: Judge, says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(raises=RuntimeError("boom"))
    for _ in range(3):
        calls.run_batch(judge=simulated)
        JudgeCall.objects.update(not_before=None)
    follow_up(project=project)
    monkeypatch.undo()
    assert ask_again(judge=simulated) == 3
    assert calls.run_batch(judge=simulated) == 3
    assert states() == {"answered"}
    assert follow_up(project=project) == 0
    assert Slot.objects.filter(audience="human").count() == 3


def test_a_withdrawn_item_ends_its_call(project: Project, asked: list[JudgeCall], simulated: Judge) -> None:
    withdraw_item(item=asked[0].item)
    calls.run_batch(judge=simulated)
    follow_up(project=project)
    call = JudgeCall.objects.get(pk=asked[0].pk)
    assert call.state in {"refused", "failed"} and not call.follow_up_due
    assert not Slot.objects.filter(item=call.item, audience="human").exists()
    assert Annotation.objects.count() == 2


def test_a_call_that_costs_more_or_less_than_expected_is_settled(
    project: Project, items: Items, plan: Any, says: Any
) -> None:
    judge = create_judge(
        project=project, name="Dear", kind="simulated", config={"seed": 9}, price_per_call=Decimal("0.5")
    )
    items(3)
    plan("all_ai", judge=judge)
    budgets.set_limits(project=project, labels=None, money=Decimal("1.6"))
    route_new(project=project)
    assert Budget.objects.get(project=project).money_allocated == Decimal("1.5")
    says(error="no", cost=0.4, tokens=10)
    calls.run_batch(judge=judge)
    assert Budget.objects.get(project=project).money_allocated == Decimal("1.2")
    assert JudgeCall.objects.filter(cost=Decimal("0.4"), tokens=10).count() == 3
    JudgeCall.objects.update(state="queued", cost=0, attempt=0, follow_up_due=False)
    says(error="no", cost=0.9)
    calls.run_batch(judge=judge)  # 0.4 more each: there is room for one
    assert Budget.objects.get(project=project).money_allocated == Decimal("1.6")


def test_people_are_asked_where_the_judge_is_unsure(project: Project, items: Items, plan: Any, settle: Any) -> None:
    items(60)
    plan("confidence", mode="batch", share=0.2, batch_items=10, sampling={"audit_share": 0.1})
    settle()
    second = Decision.objects.filter(ordinal=2)
    assert second.count() == 60
    people, audits = second.filter(route="human", purpose="plan"), second.filter(purpose="audit")
    assert people.count() == 12 and 0 < audits.count() < 16  # of the 48 others a tenth, and five standard deviations
    assert Annotation.objects.filter(item__in=people.values("item")).count() == 12  # the judge's stand beside
    assert {one.route for one in audits} == {"human"}
    kept = second.filter(route="judge")
    assert min(found.risk for found in people) >= max(found.risk for found in [*kept, *audits])
    assert all(found.features["confidence"] is not None for found in kept)
    assert set(Item.objects.filter(decisions__in=kept).values_list("state", flat=True)) == {"done"}


def test_a_small_batch_waits_until_it_is_old(project: Project, items: Items, plan: Any, settle: Any) -> None:
    items(5)
    plan("confidence", mode="batch", batch_items=20)
    settle()
    assert JudgeCall.objects.filter(follow_up_due=True).count() == 5
    JudgeCall.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    assert follow_up(project=project) == 5


def test_a_stream_under_a_spent_budget_keeps_the_judges_answer(
    project: Project, items: Items, plan: Any, settle: Any
) -> None:
    items(20)
    plan("confidence", threshold=1.0)
    budgets.set_limits(project=project, labels=3, money=None)
    settle()
    second = Decision.objects.filter(ordinal=2)
    assert second.filter(route="human").count() == 3
    kept = second.filter(route="judge")
    assert kept.count() == 17 and all("budget" in " ".join(found.reasons) for found in kept)
    assert not JudgeCall.objects.filter(follow_up_due=True).exists()
