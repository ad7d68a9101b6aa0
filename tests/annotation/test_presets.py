"""Every preset makes a project whose raters can begin: its form holds, its page shows, its guideline has places."""

from typing import Any

import pytest

from accounts.models import User
from annotation.presets import PRESETS, offered, preset, unfilled
from annotation.protocols import PROTOCOLS, Shape
from annotation.services import items
from annotation.services.forms import check_fields, check_item, current_form
from common.errors import Invalid
from projects.models import Project
from projects.services.projects import change_settings
from tests import factories

PATH = "/api/v1/presets/"


def test_each_is_offered_and_none_whose_protocol_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.key for one in offered()] == list(PRESETS)
    monkeypatch.delitem(PROTOCOLS, "spans")
    assert {"errors", "whole"}.isdisjoint(one.key for one in offered()) and len(offered()) == len(PRESETS) - 2
    with pytest.raises(Invalid):
        preset("errors")


@pytest.mark.parametrize("key", PRESETS)
def test_a_project_of_each_can_be_worked_in(ada: User, key: str, api: Any, browse: Any) -> None:
    made = api(ada).post(PATH, {"preset": key, "name": f"A {key}"})
    assert made.status_code == 201 and made.json()["state"] == "paused"
    project = Project.objects.get(slug=made.json()["slug"])
    assert project.overlap == PRESETS[key].overlap and project.routing_plans.get().policy == "all_human"
    fields = current_form(project=project).fields
    assert check_fields(fields) == fields and check_item(fields, Shape(2, steps=True, passages=0)) == ""
    asked = {one["key"] for field in fields for one in field["config"].get("aspects", [])}
    assert set(project.aspects.values_list("key", flat=True)) == asked
    guideline = project.guidelines.get()
    assert unfilled(guideline.text) >= 2 and "[!GOOD]" in guideline.text and "[!BAD]" in guideline.text
    change_settings(project=project, actor=ada, state="active")
    items.open_slots(item=factories.ItemFactory(project=project), humans=1, judges=0)
    page = browse(ada).get(f"/projects/{project.slug}/annotate/", follow=True)
    assert page.status_code == 200 and all(f'data-field="{field["name"]}"' in page.text for field in fields)
    assert "‹" in browse(ada).get(f"/projects/{project.slug}/guideline/").text


def test_the_page_offers_them_and_leads_on(ada: User, browse: Any, api: Any) -> None:
    client = browse(ada)
    page = client.get("/projects/new/").text
    assert all(f'value="{key}"' in page and str(one.title) in page for key, one in PRESETS.items())
    assert client.post("/projects/new/", {"preset": "gone", "name": "A"}).status_code == 422
    assert client.post("/projects/new/", {"preset": "compare", "name": ""}).status_code == 422
    overview = client.post("/projects/new/", {"preset": "compare", "name": "Bread"}, follow=True)
    points = {point.text: point for point in overview.context["points"]}
    missing = [text for text, point in points.items() if not point.done]
    assert missing == [
        "The guideline has 3 places to fill in.",
        "There is nothing to judge yet.",
        "You are alone here.",
        "The project is not started.",
    ]
    for point in points.values():
        assert point.posts or client.get(point.href).status_code == 200, point.text
    project = Project.objects.get(slug="bread")
    client.post("/projects/bread/guideline/new/", {"text": "Prefer what helps."})
    factories.ItemFactory(project=project)
    factories.MembershipFactory(project=project)
    assert [point.text for point in client.get("/projects/bread/").context["points"] if not point.done] == [
        "The project is not started."
    ]
    assert client.post("/projects/bread/start/").status_code == 302
    overview = client.get("/projects/bread/")
    assert overview.context["points"] == [] and "Before raters begin" not in overview.text


def test_presets_by_api(ada: User, rosa: User, api: Any) -> None:
    rows = api(rosa).get(PATH).json()["results"]
    assert [row["key"] for row in rows] == list(PRESETS) and rows[0]["form_fields"][0]["protocol"] == "pairwise"
    assert api(rosa).post(PATH, {"preset": "compare", "name": "A"}).status_code == 404
    assert api(ada).post(PATH, {"preset": "gone", "name": "A"}).json()["errors"] == {
        "preset": ["There is no such preset."]
    }
    assert not Project.objects.exists()
