"""A project that drains, is past its deadline or rests, and a rater who is paused: who is given what, and told why."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from annotation.models import Item
from annotation.services import items, leases, raters
from projects.models import Membership, Project
from tests import factories


@pytest.fixture
def out(project: Project) -> Item:
    """An item that wants an answer of two people."""
    made = factories.ItemFactory(project=project)
    items.open_slots(item=made, humans=2, judges=0)
    return made


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": Project.State.DRAINING}, "No new items are given out any more."),
        ({"deadline_at": timezone.now() - timedelta(seconds=1)}, "The deadline has passed."),
    ],
)
def test_what_is_in_hand_may_be_finished(
    project: Project, rosa: User, rui: User, out: Item, api: Any, browse: Any, change: dict[str, Any], words: str
) -> None:
    begun = api(rosa).post("/api/v1/projects/bicycles/next/").json()["token"]
    Project.objects.update(**change)
    assert api(rosa).post("/api/v1/projects/bicycles/next/").json()["token"] == begun
    assert api(rui).post("/api/v1/projects/bicycles/next/").status_code == 204
    assert words in browse(rui).get("/projects/bicycles/annotate/").text
    assert browse(rui).get("/projects/bicycles/").context["progress"].waiting == 0
    sent = {"token": begun, "values": {"preference": {"choice": "tie"}}}
    assert api(rosa).post("/api/v1/projects/bicycles/annotations/", sent).status_code == 201


def test_a_deadline_to_come_stops_nobody(project: Project, rosa: User, out: Item) -> None:
    project.deadline_at = timezone.now() + timedelta(minutes=1)
    assert leases.claim(project=project, rater=raters.rater_for(project=project, user=rosa)) is not None


def test_a_paused_rater_is_told_so_and_gets_nothing(
    project: Project, rosa: User, rui: User, out: Item, api: Any, browse: Any
) -> None:
    token = api(rosa).post("/api/v1/projects/bicycles/next/").json()["token"]
    Membership.objects.filter(user=rosa).update(paused_at=timezone.now())
    refused = api(rosa).post("/api/v1/projects/bicycles/next/")
    assert refused.status_code == 409 and refused.json()["type"] == "urn:prefloop:rater-paused"
    for path in ("annotate/", f"annotate/{token}/"):
        assert "Your work here is paused" in browse(rosa).get(f"/projects/bicycles/{path}").text
    assert browse(rosa).get("/projects/bicycles/").context["progress"].waiting == 0
    assert api(rui).post("/api/v1/projects/bicycles/next/").status_code == 200


def test_drain_and_deadline_are_settings(project: Project, ada: User, api: Any, browse: Any) -> None:
    client, path = api(ada), "/api/v1/projects/bicycles/"
    answer = client.patch(path, {"state": "draining", "deadline_at": "2031-05-01T12:00:00Z"}).json()
    assert (answer["state"], answer["deadline_at"]) == ("draining", "2031-05-01T12:00:00Z")
    assert client.patch(path, {"deadline_at": "soon"}).status_code == 422
    assert 'value="2031-05-01T12:00"' in browse(ada).get("/projects/bicycles/settings/").text
    assert client.patch(path, {"deadline_at": None}).json()["deadline_at"] is None
