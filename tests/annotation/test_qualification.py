"""Who may do real work: items whose answer is known come first."""

import pytest

from annotation.models import Qualification
from annotation.services import qualification
from annotation.services.raters import desk, rater_for
from annotation.services.turns import Barred
from common.errors import Conflict
from projects.models import Membership, Role
from tests.annotation.conftest import TIE, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(watch, gold):
    """Three items to be passed, two thirds of them, in two attempts."""
    for _ in range(4):
        gold(TIE, in_qualification=True)
    watch(qualification_items=3, qualification_bar=0.66, qualification_attempts=2)


def test_qualification_comes_before_real_work(project, rater, entry, open_item):
    real = open_item()
    met = work_off(project, rater, TIE)
    assert len(met) == 4 and met[-1] == real
    assert [one.standing for one in rater.annotations.order_by("pk")] == ["test", "test", "test", "counted"]
    assert Qualification.objects.get().state == "passed"


def test_attempts_are_limited_and_staff_may_let_in(project, rater, other_rater, ada, entry, open_item):
    open_item(humans=2)
    assert len(work_off(project, rater)) == 3
    assert Qualification.objects.get().state == "failed"
    qualification.try_again(rater=rater)
    assert len(work_off(project, rater)) == 3
    with pytest.raises(Conflict):
        qualification.try_again(rater=rater)
    qualification.allow_again(rater=rater, by=ada)
    assert len(work_off(project, rater, TIE)) == 4, "passed at the third, then real work"
    assert qualification.result_of(rater=rater, attempt=3) == (3, 3)
    qualification.waive(rater=other_rater, by=ada)
    assert len(work_off(project, other_rater)) == 1


def test_staff_need_no_qualification(project, ada, entry, open_item):
    item = open_item()
    Membership.objects.filter(user=ada).update(role=Role.ADMIN)
    assert work_off(project, rater_for(project=project, user=ada)) == [item]


def test_standing_says_why_nothing_is_given(project, rater, entry, watch, open_item):
    work_off(project, rater)
    assert desk(project=project, rater=rater).standing.barred == Barred.NOT_QUALIFIED
