"""What is drawn at random whatever the policy says: samples are filled once, audits are due by the week, and every
probability that is written down is the one that the draws had.
"""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.models import Item, Slot
from projects.models import Project
from routing import words
from routing.models import Decision, Judge, JudgeCall
from routing.policies import BOTH, HUMAN, JUDGE, Verdict
from routing.sampling import Sampling
from routing.services import budgets
from routing.services.follow_up import follow_up
from routing.services.judges import create_judge
from routing.services.route_new import route_new
from routing.waiting import waiting
from routing.words import Chances, Draws, drawn_aside, settled

shares = st.sampled_from([0.0, 0.05, 0.3, 1.0])
chances = st.builds(Chances, pilot=shares, calibration=shares, audit=shares, hidden=shares, second=shares)


@settings(deadline=None, max_examples=25)
@given(chances=chances, asks=st.sampled_from([0.0, 0.25, 1.0]), judged=st.booleans())
def test_probabilities_are_those_of_the_draws(chances: Chances, asks: float, judged: bool) -> None:
    """Over many items each kind of word is as frequent as its propensity says, and so is that people are asked."""
    if judged:  # a second word: nothing is set aside any more
        chances = Chances(audit=chances.audit, second=chances.second)
    n = 2000
    draws = [Draws(f"p/1/1/{i}") for i in range(n)]
    policy = random.Random(0)
    spoken = []
    for one, aside in zip(draws, drawn_aside(draws, chances), strict=True):
        to_people = policy.random() < asks
        verdict = Verdict(HUMAN, asks, ("It.",)) if to_people else Verdict(JUDGE, 1 - asks, ("It.",))
        spoken.append(aside or settled(verdict, one, chances, judged=judged))
    kinds = Counter((one.route, one.purpose, round(one.propensity, 12)) for one in spoken)
    assert len(kinds) == len({kind[:2] for kind in kinds}), "one kind of word has one probability"
    for (route, purpose, propensity), count in kinds.items():
        assert count / n == pytest.approx(propensity, abs=5 * (propensity * (1 - propensity) / n) ** 0.5 + 1 / n)
        assert route != BOTH or not judged
        assert purpose == "plan" or route != JUDGE
    rest = [one for one in spoken if one.purpose not in words.SET_ASIDE]
    if rest:
        (people,) = {one.people for one in rest}
        assert people == pytest.approx(asks + (1 - asks) * chances.audit)
        share = sum(one.asks_people for one in rest) / len(rest)
        assert share == pytest.approx(people, abs=5 * (people * (1 - people) / len(rest)) ** 0.5 + 1e-9)
    asked = [one for one in spoken if one.asks_people]
    if len(asked) > 100:
        assert sum(one.more for one in asked) / len(asked) == pytest.approx(chances.second, abs=0.15)


def test_kinds_of_draws_do_not_hang_on_each_other() -> None:
    numbers = [[Draws(f"p/1/1/{i}").of(kind) for kind in ("plan", "audit", "pilot", "hidden")] for i in range(4000)]
    for one in range(4):
        for other in range(one):
            both = sum(row[one] < 0.5 and row[other] < 0.5 for row in numbers) / len(numbers)
            assert both == pytest.approx(0.25, abs=0.035)


def test_weekly_audits_are_caught_up_with_what_is_expected() -> None:
    due = Sampling(audit_share=0.05, audits_a_week=30)
    assert words.audit_chance(due, audited=0, expected=1000) == 0.05
    assert words.audit_chance(due, audited=10, expected=100) == pytest.approx(0.2)
    assert words.audit_chance(due, audited=29, expected=0) == 1
    assert words.audit_chance(due, audited=30, expected=1) == 0.05


def of(purpose: str) -> Any:
    return Decision.objects.filter(purpose=purpose)


@pytest.mark.django_db
def test_a_pilot_and_a_calibration_are_drawn_once_for_a_judge_and_both_answer_unseen(
    project: Project, items: Any, plan: Any, simulated: Judge
) -> None:
    items(40)
    drawn = {"pilot": 6, "calibration": 4}
    plan("random", share=0.5, sampling=drawn)
    route_new(project=project)
    aside = of("pilot") | of("calibration")
    assert (of("pilot").count(), of("calibration").count()) == (6, 4)
    assert {(one.route, one.asked) for one in aside} == {(BOTH, 1.0)}
    assert of("pilot").first().propensity == pytest.approx(6 / 40)
    for one in aside:
        assert set(one.item.slots.values_list("audience", flat=True)) == {"human", "judge"}
        assert one.judge_calls.count() == 1 and one.purchases.count() == 1
    plan("random", share=0.4, sampling=drawn)
    items(40)
    route_new(project=project)
    assert aside.all().count() == 10, "a new version of the plan does not buy another"
    other = create_judge(project=project, name="Other", kind="simulated", config={"seed": 3})
    plan("random", judge=other, share=0.4, sampling=drawn)
    items(20)
    route_new(project=project)
    assert aside.all().count() == 20, "another judge is another sample"


@pytest.mark.django_db
def test_items_set_aside_are_answered_by_both_and_need_no_second_word(
    project: Project, items: Any, plan: Any, settle: Any
) -> None:
    items(10)
    plan("confidence", threshold=0, sampling={"pilot": 4})
    settle()
    assert of("pilot").count() == 4 and JudgeCall.objects.filter(state="answered").count() == 10
    assert Decision.objects.filter(ordinal=2).count() == 6
    assert set(Item.objects.filter(decisions__purpose="pilot").values_list("state", flat=True)) == {"open"}


@pytest.mark.django_db
def test_audits_are_of_what_the_judge_would_keep_and_carry_its_answer(
    project: Project, items: Any, plan: Any, simulated: Judge
) -> None:
    items(60)
    plan("all_ai", sampling={"audit_share": 0.2, "audits_a_week": 30})
    route_new(project=project)
    audits = of("audit")
    assert 15 <= audits.count() <= 45 and {one.route for one in audits} == {BOTH}, "30 are missing, and 60 came"
    assert {one.propensity for one in audits} == {one.asked for one in audits} == {0.5}
    assert {(one.route, one.propensity, one.asked) for one in of("plan")} == {(JUDGE, 0.5, 0.5)}
    assert JudgeCall.objects.count() == 60
    assert all("was one of them" in one.reasons[-1] for one in audits)


@pytest.mark.django_db
def test_some_of_what_goes_to_people_the_judge_answers_unseen_and_some_a_second_person(
    project: Project, items: Any, plan: Any
) -> None:
    items(80)
    plan("all_human", sampling={"hidden_share": 0.25, "second_share": 0.5})
    route_new(project=project)
    hidden = Decision.objects.filter(route=BOTH)
    assert 7 <= hidden.count() <= 34 and {one.asked for one in Decision.objects.all()} == {1.0}
    assert {one.propensity for one in hidden} == {0.25} and JudgeCall.objects.count() == hidden.count()
    second = Decision.objects.filter(human_labels=2)
    assert 20 <= second.count() <= 60
    assert Slot.objects.filter(audience="human").count() == 80 + second.count()
    assert all("One person more is asked" in " ".join(one.reasons) for one in second)


@pytest.mark.django_db
def test_a_judge_that_is_suspended_gets_nothing_new_and_the_desk_says_so(
    project: Project, items: Any, plan: Any, simulated: Judge
) -> None:
    items(40)
    in_force = plan("random", share=0.5, sampling={"pilot": 5, "hidden_share": 1})
    Judge.objects.filter(pk=simulated.pk).update(
        suspended_at="2026-01-01T00:00Z", suspended_why="It can be talked over"
    )
    in_force.refresh_from_db()
    people = route_new(project=project)
    assert 0 < people < 40 and set(Decision.objects.values_list("route", flat=True)) == {HUMAN}
    assert route_new(project=project) == 0 and not JudgeCall.objects.exists()
    found = waiting(project, in_force)
    assert [one.count for one in found] == [40 - people] and "is suspended" in found[0].why
    Judge.objects.filter(pk=simulated.pk).update(suspended_at=None, suspended_why="")
    assert route_new(project=project) == 40 - people


@pytest.mark.django_db
def test_in_a_batch_audits_are_paid_first_and_the_riskiest_fill_what_is_left(
    project: Project, items: Any, plan: Any, settle: Any
) -> None:
    items(40)
    plan("confidence", mode="batch", share=0.5, batch_items=10, sampling={"audit_share": 0.3})
    budgets.set_limits(project=project, labels=15, money=None)
    settle()
    assert follow_up(project=project) == 0
    second = Decision.objects.filter(ordinal=2)
    people = second.filter(route=HUMAN)
    audits = people.filter(purpose="audit")
    assert second.count() == 40 and people.count() == 15, "exactly what the budget allows"
    assert audits.count() == second.exclude(draw=None).filter(purpose="audit").count() > 0
    ranked = people.filter(purpose="plan")
    spent = [one for one in second.filter(route=JUDGE) if "budget" in one.reasons[-1]]
    assert len(spent) == 15 - ranked.count(), "the top 15 of the batch, less those that audits have displaced"
    assert min(one.risk for one in ranked) >= max(one.risk for one in [*spent, *second.filter(route=JUDGE)])
    assert {one.asked for one in spent} == {0.0}
