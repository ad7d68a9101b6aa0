"""Completion codes: earned once, shown to whom they belong, looked up by the admin who pays."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from annotation.services import items, leases, raters, submissions
from annotation.services.completion import part_of
from projects.models import Completion, Membership, Project
from tests import factories

PATH = "/api/v1/projects/bicycles/completion/"
TIE = {"preference": {"choice": "tie"}}


def put_out(project: Project, number: int) -> None:
    for _ in range(number):
        items.open_slots(item=factories.ItemFactory(project=project), humans=1, judges=0)


def answer(project: Project, user: User) -> None:
    rater = raters.rater_for(project=project, user=user)
    lease = leases.claim(project=project, rater=rater)
    assert lease is not None
    submissions.submit(rater=rater, token=lease.token, values=TIE)


def test_a_target_reached_is_said_once_and_work_goes_on(
    project: Project, ada: User, rosa: User, api: Any, browse: Any
) -> None:
    put_out(project, 3)
    plan = {"kind": "rater", "target": 2, "url": "https://crowd.example/done?cc={code}"}
    assert api(ada).put(PATH, plan).json() == plan | {"code": ""}
    answer(project, rosa)
    client = browse(rosa)
    assert "1 of 2 answers until" in client.get("/projects/bicycles/").text
    assert api(rosa).get(f"{PATH}mine/").json() == {"answered": 1, "target": 2, "code": "", "url": ""}
    answer(project, rosa)
    page = client.get("/projects/bicycles/annotate/").text
    code = Membership.objects.get(user=rosa).completion_code
    assert len(code) == 10 and f">{code}</code>" in page
    assert f'href="https://crowd.example/done?cc={code}"' in page
    assert client.get("/projects/bicycles/annotate/").status_code == 302, "one more item waits, and is given"
    assert code in client.get("/projects/bicycles/").text
    assert api(rosa).get(f"{PATH}mine/").json()["code"] == code
    [row] = api(ada).get(f"{PATH}raters/?code={code[:5].lower()} {code[5:]}").json()["results"]
    assert (row["username"], row["answered"], row["completion_code"]) == ("rosa", 2, code)
    assert api(ada).get(f"{PATH}raters/?code=WRONG").json()["results"] == []
    assert "Nobody here was shown this code" in browse(ada).get("/projects/bicycles/completion/?code=WRONG").text
    assert "rosa" in browse(ada).get(f"/projects/bicycles/completion/?code={code}").text.lower()


def test_without_a_target_it_is_earned_when_nothing_is_left(
    project: Project, ada: User, rosa: User, browse: Any
) -> None:
    sent = {"kind": "project", "code": "C1A2", "target": "", "url": ""}
    assert browse(ada).post("/projects/bicycles/completion/", sent).status_code == 302
    client = browse(rosa)
    assert "C1A2" not in client.get("/projects/bicycles/annotate/").text, "nobody is paid for nothing"
    put_out(project, 2)
    answer(project, rosa)
    assert "C1A2" not in client.get("/projects/bicycles/").text
    answer(project, rosa)
    assert ">C1A2</code>" in client.get("/projects/bicycles/annotate/").text
    browse(ada).post("/projects/bicycles/completion/remove/")
    assert "C1A2" not in client.get("/projects/bicycles/").text


def test_a_paused_rater_earns_nothing_by_waiting(
    project: Project, ada: User, rosa: User, browse: Any, api: Any
) -> None:
    api(ada).put(PATH, {"kind": "rater"})
    put_out(project, 1)
    answer(project, rosa)
    member = project.memberships.get(user=rosa)
    api(ada).patch(f"/api/v1/projects/bicycles/members/{member.pk}/", {"paused": True})
    browse(rosa).get("/projects/bicycles/annotate/")
    member.refresh_from_db()
    assert member.completed_at is None


def test_the_code_stands_once_it_is_earned(project: Project, rosa: User) -> None:
    Completion.objects.create(project=project, kind="rater", target=1)
    put_out(project, 1)
    answer(project, rosa)
    rater = raters.rater_for(project=project, user=rosa)
    first, second = (project.memberships.get(user=rosa) for _ in range(2))
    codes = [part_of(member=member, rater=rater) for member in (first, second)]
    assert codes[0] and codes[1] and codes[0].done == codes[1].done and codes[0].done is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "project"}, {"kind": "x"}, {"kind": "rater", "target": 0}, {"kind": "rater", "url": "http://a.example"},
        {"kind": "rater", "url": "javascript:alert(1)"}, {"kind": "rater", "more": 1}, {},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(project: Project, ada: User, api: Any, wrong: dict[str, Any]) -> None:
    assert api(ada).put(PATH, wrong).status_code == 422
    assert not Completion.objects.exists() and api(ada).get(f"{PATH}mine/").json()["code"] == ""


def test_the_database_holds_it_too(project: Project) -> None:
    for wrong in ({"kind": "project"}, {"url": "http://x.example"}, {"target": 0}, {"kind": "rater", "code": "x"}):
        with pytest.raises((IntegrityError, ValidationError)), transaction.atomic():
            Completion.objects.create(project=project, **wrong)
