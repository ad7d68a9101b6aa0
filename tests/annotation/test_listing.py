"""The list of items: paging through all of its pages, either way, yields exactly what the filters say, in order."""

import random
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.models import Annotation, Flag, Item, Label, Slot
from annotation.selectors import ORDERINGS, Filters, at_work, item_page, listing, progress
from annotation.services import labels, leases, raters, submissions, tallies
from projects.models import Project
from tests.annotation.conftest import A_MUCH_BETTER, TIE
from tests.factories import (
    AnnotationFactory,
    FormVersionFactory,
    ImportFactory,
    ItemFactory,
    ProjectFactory,
    PromptFactory,
    RaterFactory,
)

pytestmark = pytest.mark.django_db
API = "/api/v1/projects/bicycles"

FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(["new", "open", "done", "void"]),
        "search": st.sampled_from(["a", "a-1", "b-", "_", "%", "Ä"]),
        "round": st.sampled_from([1, 2, 9]),
        "priority": st.sampled_from([0, 5, -1]),
        "language": st.sampled_from(["en", "ja"]),
        "tag": st.sampled_from(["topic=law", "topic = code", "topic", "rare", "topic=", "no such=x", "__=x"]),
        "flagged": st.booleans(),
        "labelled": st.booleans(),
        "below": st.sampled_from([0.5, 1.0]),
        "answered": st.sampled_from([0, 2]),
        "source": st.just("first"),
    },
)


@pytest.fixture(scope="module")
def shelf(django_db_setup: Any, django_db_blocker: Any) -> Any:
    """Sixty items of one project, all different, and some of another one."""
    with django_db_blocker.unblock():
        made = ProjectFactory()
        source = ImportFactory(project=made)
        draw = random.Random(7)
        for n in range(60):
            tags = draw.choice([{"topic": "law"}, {"topic": ["law", "code"]}, {"topic": "code"}, {"rare": True}, {}])
            item = ItemFactory(
                project=made,
                prompt=PromptFactory(project=made, language=draw.choice(["en", "ja", ""]), tags=tags),
                external_id=f"{draw.choice(['a', 'b', 'Ä', '_', '%'])}-{n}",
                state=draw.choice(["new", "open", "done", "void"]),
                priority=draw.choice([0, 0, 0, 5, -1]),
                round=draw.choice([1, 2]),
                answered=draw.choice([0, 1, 2]),
                confidence=draw.choice([None, 0.25, 2 / 3, 0.9, 1e-5]),
                source=draw.choice([source, None]),
            )
            if draw.random() < 0.3:
                Flag.objects.create(
                    item=item,
                    rater=RaterFactory(project=made),
                    reason="broken",
                    resolved_at=draw.choice([None, timezone.now()]),
                )
        other = ItemFactory()
        yield made, source
        Flag.objects.filter(item__project=made).delete()
        Item.objects.filter(project__in=[made, other.project]).delete()
        for project in (made, other.project):
            project.delete()


def wanted(item: Item, asked: dict[str, Any]) -> bool:
    """What the filters mean, told anew."""
    tags, flags = item.prompt.tags, [flag.resolved_at is None for flag in item.flags.all()]

    def tagged(tag: str) -> bool:
        key, equals, value = (part.strip() for part in tag.partition("="))
        return (tags.get(key) == value or value in _listed(tags.get(key))) if equals else key in tags

    checks = {
        "state": lambda v: item.state == v,
        "search": item.external_id.startswith,
        "round": lambda v: item.round == v,
        "priority": lambda v: item.priority == v,
        "language": lambda v: item.prompt.language == v,
        "tag": tagged,
        "flagged": lambda v: any(flags) == v,
        "labelled": lambda v: (item.confidence is not None) == v,
        "below": lambda v: item.confidence is not None and item.confidence < v,
        "answered": lambda v: item.answered == v,
        "source": lambda v: item.source_id == v,
    }
    return all(checks[name](value) for name, value in asked.items())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=FILTERS, ordering=st.sampled_from(ORDERINGS), size=st.integers(1, 25), few=st.booleans())
def test_all_pages_are_what_was_filtered(
    shelf: Any, monkeypatch: Any, asked: dict[str, Any], ordering: str, size: int, few: bool
) -> None:
    project, source = shelf
    if "source" in asked:
        asked = asked | {"source": source.pk}
    # Both ways of putting items in order: by themselves, and along an index.
    monkeypatch.setattr(listing, "COUNTED", 10_000 if few else 0)
    column = {"id": "pk"}.get(ordering.lstrip("-"), ordering.lstrip("-"))
    expected = [item for item in Item.objects.filter(project=project) if wanted(item, asked)]
    if column == "confidence":
        expected = [item for item in expected if item.confidence is not None]
    expected.sort(key=lambda item: (getattr(item, column), item.pk), reverse=ordering.startswith("-"))
    ids = [item.pk for item in expected]
    call: dict[str, Any] = {"project": project, "filters": Filters(**asked), "ordering": ordering, "size": size}

    forwards, page = [], item_page(**call)
    assert page.previous_before is None
    pages = [page]
    while page.next_after is not None:
        page = item_page(**call, after=page.next_after)
        pages.append(page)
        assert len(pages) < 100
    forwards = [row.item.pk for page in pages for row in page.rows]
    assert forwards == ids
    if few:
        assert (page.total, page.more) == (len(ids), False)
    backwards = [row.item.pk for row in pages[-1].rows]
    while page.previous_before is not None:
        page = item_page(**call, before=page.previous_before)
        backwards = [row.item.pk for row in page.rows] + backwards
    assert backwards == ids


def test_the_list_by_api(api: Any, ada: Any, project: Project) -> None:
    made = [ItemFactory(project=project, priority=n % 3) for n in range(5)]
    client = api(ada)
    first = client.get(f"{API}/items/?ordering=-priority&limit=2").json()
    assert [row["id"] for row in first["results"]] == [made[2].pk, made[4].pk]
    second = client.get(f"{API}/items/?ordering=-priority&limit=2&after={first['next_after']}").json()
    assert [row["priority"] for row in second["results"]] == [1, 0] and second["total"] == 5
    back = client.get(f"{API}/items/?ordering=-priority&limit=2&before={second['previous_before']}").json()
    assert back["results"] == first["results"]
    for query in ("below=2", "priority=1e3", "round=-1", "labelled=1", "before=1:2", "ordering=priority&after=3"):
        assert client.get(f"{API}/items/?{query}").status_code in {400, 422}, query


def test_progress_is_what_a_count_by_hand_says(project: Project, open_item: Any, rater: Any, other_rater: Any) -> None:
    for _ in range(4):
        open_item(humans=2)
    open_item(humans=0, judges=1)
    void = ItemFactory(project=project, state="void")
    for who, values in ((rater, A_MUCH_BETTER), (other_rater, TIE), (rater, TIE)):
        lease = leases.claim(project=project, rater=who)
        assert lease is not None
        done = submissions.submit(rater=who, token=lease.token, values=values)
    submissions.retract(rater=rater, annotation=done.annotation)
    labels.settle_due()
    AnnotationFactory(item=void, rater=RaterFactory(project=project, kind="recorded_judge", user=None))
    FormVersionFactory(project=project)
    ItemFactory()

    slots = Slot.objects.filter(project=project)
    standing = Annotation.objects.filter(item__project=project, retracted_at=None, revised_by=None)
    found = progress(project=project)
    assert found.live
    for kept in (found, _from_tally(project)):
        assert kept.items == {state: Item.objects.filter(project=project, state=state).count() for state in kept.items}
        for audience, counts in (("human", kept.human_slots), ("judge", kept.judge_slots)):
            assert counts == {state: slots.filter(audience=audience, state=state).count() for state in counts}
        assert (kept.annotations, kept.annotations_of_people) == (standing.count(), 2)
        assert kept.labels == Label.objects.filter(item__project=project).count() > 0
        assert kept.per_day == 2 and kept.waiting == 6
        assert kept.done_by is not None and 2.9 < (kept.done_by - kept.counted_at).total_seconds() / 86400 < 3.1
        assert kept.prompts == project.prompts.count()
    (at,) = at_work(project=project)
    assert (at.pseudonym, at.today) == (rater.pseudonym, 1), "the answer that was taken back counts no more"


def _from_tally(project: Project) -> Any:
    """The same figures as a project too large to be counted in passing has them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallies, "SMALL", 0)
        assert tallies.tally_due() >= 1
        assert tallies.tally_due() == 0, "figures stand for a while"
        found = progress(project=project)
    assert not found.live
    return found


def test_names_are_for_admins(api: Any, ada: Any, rev: Any, rosa: Any, project: Project, open_item: Any) -> None:
    open_item()
    rater = raters.rater_for(project=project, user=rosa)
    leases.claim(project=project, rater=rater)
    (seen,) = api(ada).get(f"{API}/progress/").json()["at_work"]
    assert (seen["name"], seen["rater"], seen["today"]) == ("Rosa", rater.pseudonym, 0)
    (seen,) = api(rev).get(f"{API}/progress/").json()["at_work"]
    assert set(seen) == {"rater", "since", "today"}


def test_an_items_confidence_is_its_least_sure_label(project: Project, open_item: Any, answer: Any, rater: Any) -> None:
    item = open_item()
    done = answer(rater)
    labels.settle_due()
    item.refresh_from_db()
    assert item.confidence == item.labels.get().confidence and item.answered == 1
    submissions.retract(rater=rater, annotation=done.annotation)
    labels.settle_due()
    item.refresh_from_db()
    assert (item.confidence, item.answered) == (None, 0)
