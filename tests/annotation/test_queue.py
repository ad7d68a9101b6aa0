"""A person's queue over their projects, and what they are told of their own work."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from annotation.models import Annotation, Habits, Item, Label, Rater, Slot
from annotation.selectors import queue as queues
from annotation.selectors import statistics
from annotation.services import drafts, items, leases, raters, submissions
from annotation.standings import current
from projects.models import Membership
from tests.annotation.conftest import A_MUCH_BETTER
from tests.factories import FormVersionFactory, ItemFactory, MembershipFactory, ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(rosa):
    """`queue()`: rosa's, as (project, items waiting, whether there are more, why nothing is given)."""

    def look():
        rows = queues.queue(user=rosa, members=list(rosa.memberships.select_related("project")))
        return [(row.member.project.slug, row.waiting.items, row.waiting.more, row.stopped) for row in rows]

    return look


@pytest.fixture
def elsewhere(rosa):
    """`elsewhere("apples", items=2)`: another project that rosa rates in."""

    def make(slug, waiting=1, **fields):
        made = ProjectFactory(slug=slug, name=slug.title(), **fields)
        FormVersionFactory(project=made)
        MembershipFactory(project=made, user=rosa, role="rater")
        for _ in range(waiting):
            items.open_slots(item=ItemFactory(project=made), humans=1, judges=0)
        return made

    return make


def test_the_most_urgent_comes_first(queue, elsewhere, open_item, rater, claim):
    now = timezone.now()
    elsewhere("plums", deadline_at=now + timedelta(days=9))
    elsewhere("apples")
    elsewhere("cherries", deadline_at=now + timedelta(days=1), waiting=2)
    elsewhere("dates", deadline_at=now - timedelta(days=1))
    elsewhere("elder", state="paused")
    [open_item() for _ in range(2)]
    assert queue() == [
        ("cherries", 2, False, ""),
        ("plums", 1, False, ""),
        ("apples", 1, False, ""),
        ("bicycles", 2, False, ""),
        ("dates", 0, False, "deadline"),
        ("elder", 0, False, "resting"),
    ]
    claim(rater)
    assert queue()[0] == ("bicycles", 1, False, ""), "what is begun comes before everything"


def test_it_says_what_is_in_hand_and_why_nothing_is_given(queue, rosa, project, open_item, rater, claim):
    [open_item() for _ in range(2)]
    lease = claim(rater)
    leases.claim(project=project, rater=rater, after=lease.token)
    drafts.save(rater=rater, token=lease.token, values=A_MUCH_BETTER, version=0)
    (row,) = queues.queue(user=rosa, members=[rosa.memberships.get()])
    assert row.in_hand == queues.InHand(str(lease.token), row.in_hand.leased_until, True)
    assert row.waiting.items == 0, "what is held ready is on its way already"
    project.state = "draining"
    project.save()
    assert queue() == [("bicycles", 0, False, "")], "what is begun may be finished"
    submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert queue() == [("bicycles", 0, False, "draining")]
    Membership.objects.filter(user=rosa).update(paused_at=timezone.now())
    assert queue() == [("bicycles", 0, False, "paused")]


def test_a_limit_is_said(queue, project, rater, open_item, answer):
    project.quality = {"cap_day": 1}
    project.save()
    [open_item() for _ in range(2)]
    answer(rater)
    assert queue() == [("bicycles", 0, False, "cap-day")]


def test_topics_and_languages_decide_what_waits(queue, rosa, project, open_item):
    from annotation.services.lanes import Wanted, number_of

    history = number_of(project=project, wanted=Wanted(topic="history"))
    for lane in (history, history, number_of(project=project, wanted=Wanted(topic="law"))):
        item = open_item()
        Item.objects.filter(pk=item.pk).update(lane=lane)
        Slot.objects.filter(item=item).update(lane=lane)
    assert queue() == [("bicycles", 3, False, "")]
    Membership.objects.filter(user=rosa).update(topics=["history"])
    assert queue() == [("bicycles", 2, False, "")]


def test_counts_are_bounded(queue, monkeypatch, open_item, django_assert_max_num_queries):
    """However long the queue: what has been dealt with at its head does not hide what comes behind."""
    monkeypatch.setattr(queues, "WINDOW", 3)
    made = [open_item(humans=2) for _ in range(5)]
    with django_assert_max_num_queries(12):
        assert queue()[0][2] is True
    rosa = User.objects.get(username="rosa")
    rater = raters.rater_for(project=made[0].project, user=rosa)
    head = Slot.objects.order_by("-priority", "random_key")[:3]
    for item in {slot.item for slot in head}:
        lease = leases.lease_slot(
            project=item.project,
            slot_id=item.slots.filter(state="open").last().pk,
            at=raters.desk(project=item.project, rater=rater),
        )
        submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    monkeypatch.setattr(queues, "WINDOW", 1)
    assert queue()[0][1:3] == (1, True)


def test_the_home_page_leads_on_and_the_api_says_the_same(browse, api, rosa, elsewhere, open_item):
    elsewhere("cherries", deadline_at=timezone.now() + timedelta(days=1), waiting=2)
    open_item()
    page = browse(rosa).get("/").content.decode()
    assert page.index("/projects/cherries/annotate/") < page.index("/projects/bicycles/annotate/")
    assert 'id="go-on" href="/projects/cherries/annotate/"' in page and "/projects/cherries/choices/" in page
    found = api(rosa, scope="annotate").get("/api/v1/queue/").json()
    assert [(row["project"], row["waiting"], row["stopped"]) for row in found["results"]] == [
        ("cherries", 2, ""),
        ("bicycles", 1, ""),
    ]


def test_statistics_count_items_and_active_time(rosa, rater, project, open_item, claim, elsewhere, api, browse):
    now = timezone.now()
    rosa.last_login = now - timedelta(minutes=5)
    rosa.save()
    ages = [timedelta(0), timedelta(0), timedelta(days=1), timedelta(days=2), timedelta(days=12)]
    for number, age in enumerate(ages):
        open_item()
        done = submissions.submit(
            rater=rater, token=claim(rater).token, values=A_MUCH_BETTER, active_ms=1000 * (number + 1)
        )
        Annotation.objects.filter(pk=done.annotation.pk).update(submitted_at=now - age)
    elsewhere("plums")
    found = statistics.of_person(user=rosa, members=list(rosa.memberships.select_related("project")))
    assert found.session == statistics.Span(2, 1.5) == found.today
    assert found.week.items == sum(age.days <= now.weekday() for age in ages)
    assert (found.days, found.in_a_row) == (4, 3)
    (told,) = found.projects
    assert (told.member.project, told.agreement) == (project, None)
    client = api(rosa)
    assert client.get("/api/v1/statistics/").json()["today"] == {"items": 2, "seconds": 1.5}
    page = browse(rosa).get("/statistics/").content.decode()
    assert "4 of the last 30 days" in page and "3 of them in a row" in page
    browse(rosa).post("/statistics/telling/", {"hints_breaks": "on"})
    assert "of the last 30 days" not in browse(rosa).get("/statistics/").content.decode()
    put = client.put("/api/v1/statistics/telling/", {"shows_days": True, "hints_breaks": False}, format="json")
    assert put.json() == {"shows_days": True, "hints_breaks": False} and Habits.objects.get().shows_days


def test_agreement_is_told_where_the_project_allows_and_not_of_a_few(rosa, rater, project, open_item, answer):
    for number in range(statistics.LEAST):
        item = open_item(humans=1)
        done = answer(rater)
        value = dict(done.annotation.values["preference"])
        if number < 5:
            value["choice"] = "tie"
        rows = Label(item=item, field="preference", rule="majority", value=value, confidence=1, human_count=2)
        rows.save()
    member = rosa.memberships.select_related("project").get()

    def told():
        return statistics.of_person(user=rosa, members=[member]).projects[0].agreement

    assert told() == pytest.approx(15 / 20)
    Label.objects.filter(item__in=[item]).update(human_count=1)
    assert told() is None, "nineteen"
    Label.objects.update(human_count=2)
    member.project.raters_see_statistics = False
    assert told() is None
    assert Rater.objects.count() == 1


def test_answers_are_found_over_all_projects_and_undone(rosa, rater, project, open_item, claim, elsewhere, browse, api):
    other = elsewhere("plums")
    open_item()
    answer = {"preference": {"choice": "A", "strength": 3, "rationale": "Names the VALVE"}}
    submissions.submit(rater=rater, token=claim(rater).token, values=answer)
    theirs = raters.rater_for(project=other, user=rosa)
    lease = leases.claim(project=other, rater=theirs)
    assert lease is not None
    submissions.submit(rater=theirs, token=lease.token, values=A_MUCH_BETTER)
    client = api(rosa, scope="annotate")

    def found(**query):
        return [row["project"] for row in client.get("/api/v1/answers/", query).json()]

    assert found() == ["plums", "bicycles"]
    assert found(q="valve") == ["bicycles"] == found(project="bicycles")
    assert found(q="valve", project="plums") == []
    assert len(client.get("/api/v1/projects/bicycles/annotations/mine/", {"q": "valve"}).json()) == 1
    assert client.get("/api/v1/projects/bicycles/annotations/mine/", {"q": "nothing"}).json() == []
    rosas = browse(rosa)
    page = rosas.get("/answers/", {"q": "valve"}).content.decode()
    assert "Names the VALVE" in page and "Plums</td>" not in page
    last = current().get(rater=theirs)
    undo = f"/projects/plums/answers/{last.pk}/undo/"
    assert undo in rosas.get("/answers/").content.decode()
    assert rosas.post(undo).status_code == 302
    assert found() == ["bicycles"]
    Membership.objects.filter(user=rosa, project=project).delete()
    assert found() == [], "who has left sees nothing of it"
