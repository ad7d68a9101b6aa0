"""A project's settings and guideline, over the API and in the browser, and what its overview tells whom."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import AuditEvent, User
from config.loop import short
from projects.models import Project
from projects.services.guidelines import add_guideline
from projects.services.projects import create_project
from tests import factories


class TestSlugs(TestCase):
    @settings(deadline=None, max_examples=40)
    @given(
        st.lists(
            st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=120
            ).filter(str.strip),
            min_size=1,
            max_size=4,
        )
    )
    def test_any_names_get_addresses_of_their_own(self, names: list[str]) -> None:
        actor = factories.UserFactory(username="maker", may_create_projects=True)
        made = [create_project(actor=actor, name=name) for name in [*names, *names, "new"]]
        slugs = [project.slug for project in made]
        assert len(set(slugs)) == len(slugs) and "new" not in slugs
        for project in made:
            project.full_clean()


def test_settings_are_all_or_nothing(project: Project, ada: User, api: Callable[..., Any]) -> None:
    client, path = api(ada), "/api/v1/projects/bicycles/"
    assert client.patch(path, {"overlap": 3, "price_per_label": "0.5"}).json()["overlap"] == 3
    for wrong in [
        {"overlap": 0}, {"overlap": 51}, {"overlap": "many"}, {"overlap": True, "name": ""}, {"state": "gone"},
        {"name": "x" * 121}, {"lease_seconds_min": 5}, {"lease_seconds_min": 4000}, {"lease_seconds_max": 100},
        {"price_per_label": -1}, {"price_per_label": 1e300}, {"slug": "mine"}, {"created_by": 1}, {},
        {"name": "ok", "overlap": 0},
    ]:  # fmt: skip
        response = client.patch(path, wrong)
        assert response.status_code == 422 and response.headers["Content-Type"] == "application/problem+json", wrong
        assert response.json()["errors"]
    project.refresh_from_db()
    assert (project.name, project.overlap, project.slug) == ("Bicycles", 3, "bicycles")
    assert AuditEvent.objects.get(kind="project-changed").detail["changes"]["overlap"] == ["1", "3"]


def test_a_refused_name_is_not_shown_as_if_it_were_kept(project: Project, ada: User, browse: Any) -> None:
    sent = {"name": "", "state": "active", "overlap": "1", "lease_seconds_min": "900", "lease_seconds_max": "800"}
    response = browse(ada).post("/projects/bicycles/settings/", sent | {"price_per_label": "1"})
    assert response.status_code == 422 and "<title>Settings · Bicycles" in response.text
    assert set(response.context["form"].errors) == {"name", "lease_seconds_max"}


def test_the_guideline_is_a_row_of_versions(project: Project, ada: User, rosa: User, browse: Any) -> None:
    client = browse(ada)
    for text in ["# One\r\n\r\ntext", "# One\r\n\r\ntext", "# Two"]:
        client.post("/projects/bicycles/guideline/new/", {"text": text})
    assert list(project.guidelines.values_list("number", "text"))[:2] == [(3, "# Two"), (2, "# One\n\ntext")]
    rater = browse(rosa)
    assert ">Two</h3>" in rater.get("/projects/bicycles/guideline/").text
    assert ">One</h3>" in rater.get("/projects/bicycles/guideline/2/").text
    assert client.post("/projects/bicycles/guideline/new/", {"text": "  "}).status_code == 422
    assert client.post("/projects/bicycles/guideline/new/", {"text": "x" * 100_001}).status_code == 422


def test_guidelines_of_two_projects_count_apart(project: Project, other_project: Project, eve: User) -> None:
    assert add_guideline(project=other_project, text="other", actor=eve).number == 2
    assert project.guidelines.count() == 1


def test_who_may_make_projects(rosa: User, ada: User, api: Callable[..., Any]) -> None:
    assert api(rosa).post("/api/v1/projects/", {"name": "Mine"}).status_code == 404
    made = api(ada).post("/api/v1/projects/", {"name": "Mine", "overlap": 2})
    assert made.status_code == 201 and made.json()["role"] == "admin" and made.json()["slug"] == "mine"
    assert [row["slug"] for row in api(ada).get("/api/v1/projects/").json()["results"]] == ["mine"]
    assert api(rosa).get("/api/v1/projects/").json()["results"] == []


def test_the_overview_counts_and_says_what_is_next(project: Project, ada: User, rosa: User, browse: Any) -> None:
    project.guidelines.all().delete()
    items = factories.ItemFactory.create_batch(3, project=project, state="open")
    for item in items:
        factories.SlotFactory(item=item)
    page = browse(ada).get("/projects/bicycles/")
    counts = {station.key: station.count for station in page.context["stations"]}
    assert counts["items"] == 3 and counts["labels"] == 0
    assert "Raters have no guideline yet." in page.text
    rater = browse(rosa).get("/projects/bicycles/")
    assert rater.context["progress"].waiting == 3 and "stations" not in rater.context
    assert "3 items wait for you" in browse(rosa).get("/").text
    project.state = Project.State.PAUSED
    project.save()
    assert browse(rosa).get("/projects/bicycles/").context["progress"].waiting == 0


def test_what_a_rater_has_had_does_not_wait_for_them(project: Project, rosa: User, rui: User, browse: Any) -> None:
    item = factories.ItemFactory(project=project, state="open")
    factories.SlotFactory.create_batch(2, item=item)
    rater = factories.RaterFactory(project=project, user=rosa)
    item.skips.create(rater=rater, reason="unclear")
    assert browse(rosa).get("/projects/bicycles/").context["progress"].waiting == 0
    assert browse(rui).get("/projects/bicycles/").context["progress"].waiting == 1


def test_an_empty_home_says_what_to_do(eve: User, rosa: User, browse: Callable[..., Client]) -> None:
    assert "Make the first one" in browse(eve).get("/").text
    assert "Ask an admin" in browse(rosa).get("/").text


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (9949, "9.9k"), (9951, "10k"), (34_400, "34k"), (5_600_000, "5.6M")],
)
def test_short_numbers(number: int, words: str) -> None:
    assert short(number) == words
