"""What is drawn and cannot be paid for does not speak for anybody: neither do those that the same draw has spared."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Sum

from annotation.models import Item
from projects.models import Project
from routing.models import Decision
from routing.services import budgets


@pytest.mark.django_db
@pytest.mark.parametrize("policy", ["confidence", "random"])
def test_when_the_budget_is_spent_no_item_has_a_chance_of_people_any_more(
    policy: str, project: Project, items: Callable[[int], list[Item]], plan: Any, settle: Any
) -> None:
    made: Any = {"confidence": {"threshold": 0}, "random": {"share": 0.4}}[policy]
    plan(policy, sampling={"audit_share": 0 if policy == "random" else 0.4}, **made)
    budgets.set_limits(project=project, labels=10, money=None)
    items(60)
    settle()
    words = Decision.objects.filter(asked__gt=0)
    if policy == "random":
        assert not words.exists(), "its draws were cut short"
    else:
        # All that the judge may keep have the chance that was left: the number of the first audit that was not paid.
        (chance,) = words.values_list("asked", flat=True).distinct()
        assert words.count() > 50 and 0 < chance < 0.4
        people = words.filter(purpose="audit")
        assert people.count() == 10 and all((one.draw or 0) < chance == one.propensity for one in people)
    before = words.count()
    items(20)
    settle()
    assert words.count() == before, "nothing can be asked of people any more"
    assert words.aggregate(sum=Sum("human_labels"))["sum"] in {10, None}
