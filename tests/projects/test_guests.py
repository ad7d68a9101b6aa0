"""Invitations by the list, and links that a crowd may use."""

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from common.errors import Conflict, Invalid
from projects.models import Invitation, Membership, OpenLink, Participant, Project
from projects.services import invite_many, open_links
from tests import factories

TABLE = (
    '\ufeffName;E-mail;role;cohort;languages\r\nKim;kim@example.org;;Experts;"en, PT-br"\r\n=SUM(A1);;reviewer;;\r\n'
)
MANY = "/projects/bicycles/invitations/many/"


def test_a_table_becomes_links_only_when_it_was_looked_through(project: Project, ada: User, browse: Any) -> None:
    client = browse(ada)
    page = client.post(MANY, {"file": SimpleUploadedFile("people.csv", TABLE.encode()), "days": 7})
    assert "2 people can be invited. No link is made yet." in page.text and not Invitation.objects.exists()
    made = client.post(MANY, {"table": page.context["table"], "days": 7, "make": "1"})
    rows = list(csv.DictReader(io.StringIO(unquote(made.context["download"].partition(",")[2]))))
    assert [(row["name"], row["email"], row["role"], row["cohort"], row["languages"]) for row in rows] == [
        ("Kim", "kim@example.org", "rater", "experts", "en, pt-BR"),
        ("'=SUM(A1)", "", "reviewer", "", ""),
    ]
    path = rows[0]["link"].removeprefix("http://testserver")
    newcomer = Client()
    assert 'value="Kim"' in newcomer.get(path).text
    newcomer.post(path, {"username": "kim", "display_name": "", "password": "a fine bicycle pump"})
    member = Membership.objects.get(user__username="kim")
    assert (member.cohort, member.languages, member.user.email) == ("experts", ["en", "pt-BR"], "kim@example.org")
    assert member.user.display_name == "Kim"
    assert str(member.user.email) in browse(ada).get(f"/projects/bicycles/members/{member.pk}/").text


FAULTS = {
    "name,role\nKim,queen": (2, "no role"),
    "name,email\nKim,kim": (2, "valid email"),
    "email\na@b.org\n\nA@b.org": (4, "stands in line 2"),
    "email\nrosa@example.org": (2, "A member has"),
    "email\nopen@example.org": (2, "is open already"),
    "name\nKim,more": (2, "more cells"),
    f"name\n{'x' * 81}": (2, "more than 80"),
    "name,languages\nKim,english language": (2, "no language tag"),
    "name,cohort\nKim,a b": (2, "Letters a to z"),
}


@pytest.mark.parametrize("table", FAULTS)
def test_faults_are_told_by_line_and_nothing_is_made(project: Project, ada: User, rosa: User, table: str) -> None:
    User.objects.filter(pk=rosa.pk).update(email="Rosa@example.org")
    known = Invitation.objects.create(
        project=project, role="rater", email="open@example.org", secret_hash="x", expires_at=timezone.now()
    )
    line, words = FAULTS[table]
    [fault] = invite_many.look_through(project=project, text=table).faults
    assert fault.line == line and words in fault.text
    with pytest.raises(Invalid, match="nothing was made"):
        invite_many.invite_all(project=project, text=table, actor=ada)
    assert list(Invitation.objects.all()) == [known]


@pytest.mark.parametrize(
    "table",
    ["", "name,shoe\nKim,44", "name,name\nKim,Kim", "name", "name\n" + "x\n" * 2001, 'name\n"Kim', "name\nK\x00m"],
)
def test_what_is_no_table_is_refused_whole(project: Project, ada: User, api: Any, table: str) -> None:
    answer = api(ada).post("/api/v1/projects/bicycles/invitations/many/", {"table": table, "make": True})
    assert answer.status_code in {400, 422} and not Invitation.objects.exists()


def test_many_by_api(project: Project, ada: User, api: Any) -> None:
    client, path = api(ada), "/api/v1/projects/bicycles/invitations/many/"
    seen = client.post(path, {"table": "name\nKim\nLou"})
    assert seen.status_code == 200 and "link" not in seen.json()["rows"][0] and not Invitation.objects.exists()
    made = client.post(path, {"table": "name\nKim\nLou", "make": True}).json()["rows"]
    assert [row["name"] for row in made] == ["Kim", "Lou"] and len({row["link"] for row in made}) == 2


@pytest.fixture
def crowd(project: Project, ada: User) -> str:
    made = {"capacity": 2, "parameter": "PROLIFIC_PID", "cohort": "crowd"}
    return open_links.make_open_link(project=project, actor=ada, **made)[1]


def test_a_crowd_comes_in_by_one_link(project: Project, ada: User, crowd: str, browse: Any, api: Any) -> None:
    assert "your PROLIFIC_PID is missing" in Client().get(crowd).text
    first, second, late = Client(), Client(), Client()
    assert "Begin" in first.get(f"{crowd}?PROLIFIC_PID=5f1").text and not Participant.objects.exists()
    assert first.post(f"{crowd}?PROLIFIC_PID=5f1").headers["Location"] == "/projects/bicycles/"
    assert first.get("/projects/bicycles/").status_code == 200
    assert first.get(f"{crowd}?PROLIFIC_PID=5f1").headers["Location"] == "/projects/bicycles/"
    assert "You have joined this project already" in Client().get(f"{crowd}?PROLIFIC_PID=5f1").text
    assert Client().post(f"{crowd}?PROLIFIC_PID=5f1").status_code == 409
    second.post(f"{crowd}?PROLIFIC_PID=5f2")
    assert late.post(f"{crowd}?PROLIFIC_PID=5f3").status_code == 409
    assert "are taken" in late.get(f"{crowd}?PROLIFIC_PID=5f3").text
    assert OpenLink.objects.get().used == 2 and Participant.objects.count() == 2
    member = Participant.objects.get(external_id="5f1").member
    assert (member.role, member.cohort) == ("rater", "crowd") and "5f1" not in member.user.username
    listed = api(ada).get("/api/v1/projects/bicycles/members/").json()["results"]
    assert [row["participant"] for row in listed if row["id"] == member.pk] == ["5f1"]
    back = api(ada).post(f"/api/v1/projects/bicycles/members/{member.pk}/way-back/").json()["link"]
    again = Client()
    again.post(back.removeprefix("http://testserver"))
    assert again.get("/projects/bicycles/").status_code == 200


def test_nobody_else_is_given_a_way_back(
    project: Project, ada: User, rosa: User, other_project: Project, api: Any
) -> None:
    _, path = open_links.make_open_link(project=project, actor=ada, capacity=9)
    rosas = project.memberships.get(user=rosa)
    newcomer = open_links.join_as_newcomer(secret=path.split("/")[-2])
    factories.MembershipFactory(project=other_project, user=newcomer.user)
    protected = open_links.join_as_newcomer(secret=path.split("/")[-2])
    protected.user.set_password("a fine bicycle pump")
    protected.user.save()
    for member in (rosas, newcomer, protected):
        assert api(ada).post(f"/api/v1/projects/bicycles/members/{member.pk}/way-back/").status_code == 409


def test_a_link_ends_and_is_taken_back(
    project: Project, ada: User, eve: User, crowd: str, api: Any, browse: Any
) -> None:
    link, secret = OpenLink.objects.get(), crowd.split("/")[-2]
    assert api(eve).post(f"/api/v1/join/{secret}/", {"participant": "x y"}).status_code == 422
    assert api(eve).post(f"/api/v1/join/{secret}/", {"participant": "5f9"}).json() == {
        "project": "bicycles",
        "role": "rater",
    }
    assert api(eve).post(f"/api/v1/join/{secret}/", {"participant": "5f8"}).status_code == 409
    assert OpenLink.objects.get().used == 1, "who is in already takes no second seat"
    assert browse(ada).post(f"/projects/bicycles/open-links/{link.pk}/revoke/").status_code == 302
    assert Client().get(crowd).status_code == 404
    with pytest.raises(Conflict):
        open_links.revoke_open_link(project=project, link_id=link.pk, actor=ada)
    OpenLink.objects.update(revoked_at=None, expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(crowd).status_code == 404


def test_an_admin_says_what_a_member_is_given(project: Project, ada: User, rosa: User, api: Any, browse: Any) -> None:
    member = project.memberships.get(user=rosa)
    page = f"/projects/bicycles/members/{member.pk}/"
    client = browse(ada)
    client.post(page, {"cohort": "Experts", "languages": "EN, zh-hant"})
    member.refresh_from_db()
    assert (member.cohort, member.languages) == ("experts", ["en", "zh-Hant"])
    assert client.post(page, {"cohort": "a b", "languages": ""}).status_code == 422
    client.post(f"{page}pause/", {"paused": "1"})
    assert "paused" in client.get("/projects/bicycles/members/").text
    client.post(f"{page}pause/", {"paused": "0"})
    path = f"/api/v1/projects/bicycles/members/{member.pk}/"
    answer = api(ada).patch(path, {"paused": True, "languages": [], "cohort": ""}).json()
    assert answer["paused_at"] and answer["languages"] == [] and answer["cohort"] == ""
    refused = api(ada).patch(path, {"role": "reviewer", "cohort": "a b"})
    assert refused.status_code == 422 and api(ada).get(path).json()["role"] == "rater", "all or nothing"
    assert api(ada).patch(path, {}).status_code == 422


def test_a_rater_chooses_languages_and_topics(project: Project, rosa: User, api: Any, browse: Any) -> None:
    client, page, path = browse(rosa), "/projects/bicycles/choices/", "/api/v1/projects/bicycles/choices/"
    assert "There is nothing to choose from" in client.get(page).text
    for number, (language, topic) in enumerate([("", ""), ("de", "law"), ("en", "cooking")]):
        project.lanes.create(number=number, language=language, topic=topic)
    assert client.post(page, {"languages": ["de"], "topics": ["law", "cooking"]}).status_code == 302
    assert client.get(page).text.count(" checked") == 3
    assert api(rosa).patch(path, {"topics": ["cooking"]}).json() == {"languages": ["de"], "topics": ["cooking"]}
    assert api(rosa).patch(path, {"languages": ["not a tag"]}).status_code == 422
    assert api(rosa).patch(path, {"topics": ["x" * 61]}).status_code == 422
    assert client.post(page, {"topics": ["gardening"]}).status_code == 422
    assert client.post(page, {}).status_code == 302 and api(rosa).get(path).json() == {"languages": [], "topics": []}
