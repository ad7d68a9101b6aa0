"""The rubric: its lines keep an order, stay while a form asks about them, and are taken over into it."""

from typing import Any

import pytest

from accounts.models import User
from annotation.services import aspects, forms
from common.errors import Conflict, Invalid
from projects.models import Project

PATH = "/api/v1/projects/bicycles/aspects/"


@pytest.fixture
def rubric(project: Project, ada: User) -> list[int]:
    """Helpfulness, honesty, harmlessness."""
    names = ("Helpfulness", "Honesty", "Harmlessness")
    return [aspects.add_aspect(project=project, actor=ada, name=name).pk for name in names]


def keys(project: Project) -> list[str]:
    return list(project.aspects.values_list("key", flat=True))


def test_lines_are_added_moved_and_removed(
    project: Project, ada: User, rubric: list[int], api: Any, browse: Any
) -> None:
    client, page = api(ada), browse(ada)
    made = client.post(PATH, {"name": "To the point!"})
    assert made.status_code == 201 and made.json()["key"] == "to_the_point"
    assert client.patch(f"{PATH}{made.json()['id']}/", {"ordinal": 0, "description": "Short."}).json()["ordinal"] == 0
    assert keys(project) == ["to_the_point", "helpfulness", "honesty", "harmlessness"]
    page.post(f"/projects/bicycles/aspects/{rubric[0]}/move/", {"down": "1"})
    page.post(f"/projects/bicycles/aspects/{rubric[2]}/move/")
    assert keys(project) == ["to_the_point", "honesty", "harmlessness", "helpfulness"]
    page.post(f"/projects/bicycles/aspects/{rubric[1]}/", {"name": "Truth", "description": "Says what is so."})
    assert "Truth" in page.get("/projects/bicycles/aspects/").text and keys(project)[1] == "honesty"
    assert client.delete(f"{PATH}{rubric[1]}/").status_code == 204
    assert [row["ordinal"] for row in client.get(PATH).json()["results"]] == sorted(
        project.aspects.values_list("ordinal", flat=True)
    )


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "Helpfulness"}, {"name": "!"}, {"name": "A", "key": "a-b"}, {}]
)
def test_a_line_that_cannot_be(project: Project, ada: User, rubric: list[int], api: Any, wrong: dict[str, str]) -> None:
    assert api(ada).post(PATH, wrong).status_code == 422 and len(keys(project)) == 3


def test_what_a_form_asks_about_cannot_vanish(project: Project, ada: User, rubric: list[int], browse: Any) -> None:
    with pytest.raises(Conflict, match="preference"):
        asked = [{"key": "honesty", "name": "Honesty"}, {"key": "wit", "name": "Wit"}]
        field = {"name": "preference", "protocol": "pairwise", "config": {"aspects": asked}}
        forms.set_form(project=project, fields=[field])
        aspects.remove_aspect(project=project, aspect_id=rubric[1], actor=ada)
    page = browse(ada)
    said = page.post(f"/projects/bicycles/aspects/{rubric[1]}/remove/", follow=True).text
    assert "Take it out of the form first" in said and "asked about in preference" in said
    assert "not in the rubric: wit" in said and keys(project)[1] == "honesty"


def test_a_form_takes_the_rubric_over_and_keeps_its_scales(
    project: Project, ada: User, rubric: list[int], api: Any
) -> None:
    rated = {"aspects": [{"key": "honesty", "name": "Old name", "scale": "stars"}]}
    fields = [
        {"name": "which", "protocol": "pairwise", "config": {}},
        {"name": "scores", "protocol": "rating", "config": rated},
        {"name": "thumb", "protocol": "thumbs", "config": {}},
    ]
    before = forms.set_form(project=project, fields=fields).number
    aspects.change_aspect(project=project, aspect_id=rubric[1], actor=ada, description="Says what is so.")
    assert api(ada).post(f"{PATH}into-form/").json() == {"number": before + 1}
    which, scores, thumb = forms.current_form(project=project).fields
    assert [one["key"] for one in which["config"]["aspects"]] == keys(project)
    assert which["config"]["aspects"][1]["description"] == "Says what is so."
    assert {one["key"]: one["scale"] for one in scores["config"]["aspects"]}["honesty"] == "stars"
    assert scores["config"]["aspects"][1]["name"] == "Honesty" and "aspects" not in thumb["config"]
    assert aspects.bring_into_form(project=project, actor=ada).number == before + 1, "the same again changes nothing"
    forms.set_form(project=project, fields=fields[2:])
    assert api(ada).post(f"{PATH}into-form/").status_code == 409


def test_a_rubric_ends(project: Project, ada: User) -> None:
    for number in range(aspects.MOST):
        aspects.add_aspect(project=project, actor=ada, name=f"Aspect {number}")
    with pytest.raises(Invalid):
        aspects.add_aspect(project=project, actor=ada, name="One more")
