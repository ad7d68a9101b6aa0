"""Who leaves is named nowhere any more; what they judged stays. And nobody is named in what leaves the project."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client

from accounts.models import ApiToken, AuditEvent, User
from annotation.models import Annotation, Draft, Rater
from annotation.services import drafts, flags, items, labels, leases, raters, submissions
from projects.models import Membership, Project, Role, SurveyAnswer
from projects.services import invitations, surveys
from tests import factories
from training_bridge.services import request_snapshot
from training_bridge.services.snapshots import build_snapshot

NAMES = ("quokkaname", "Quokka Display", "quokka@mail.example")
KEY = 987_654_321
PASSWORD = "a fine bicycle pump"


@pytest.fixture
def quokka(project: Project, ada: User) -> User:
    """A rater whose names occur nowhere else: invited by mail, with a survey, an answer, a draft and a flag."""
    _, path = invitations.make_invitation(
        project=project, role="rater", actor=ada, name=NAMES[1], email=NAMES[2], note=f"for {NAMES[1]}"
    )
    user = User(pk=KEY, username=NAMES[0], display_name=NAMES[1], email=NAMES[2])
    user.set_password(PASSWORD)
    user.save()
    invitations.accept(secret=path.split("/")[-2], user=user)
    ApiToken.objects.create(user=user, name="phone")
    surveys.set_survey(project=project, questions=[{"name": "a", "kind": "text", "label": "A?"}], actor=ada)
    surveys.answer(member=project.memberships.get(user=user), number=1, values={"a": "told"})
    item = factories.ItemFactory(project=project, external_id="judged")
    for one in (item, factories.ItemFactory(project=project)):
        items.open_slots(item=one, humans=1, judges=0)
    rater = raters.rater_for(project=project, user=user)
    for last in (False, True):
        lease = leases.claim(project=project, rater=rater)
        assert lease is not None
        flags.raise_flag(rater=rater, token=lease.token, reason="private", note="")
        if last:
            drafts.save(rater=rater, token=lease.token, values={"preference": {"choice": "A"}}, version=0)
        else:
            done = submissions.submit(
                rater=rater, token=lease.token, values={"preference": {"choice": "A", "strength": 2}}
            )
            labels.settle(item=done.annotation.item)
    return user


def all_rows() -> str:
    """Every row of every table, as one text."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            found.append(f"{model._meta.db_table}: {cursor.fetchall()!r}")
    return "\n".join(found)


def test_a_deleted_person_is_named_nowhere(project: Project, quokka: User, rosa: User, browse: Any) -> None:
    pseudonym = Rater.objects.get(user=quokka).pseudonym
    sessions = browse(quokka)
    sessions.get("/")
    client = Client()
    client.post("/sign-in/", {"username": NAMES[0], "password": PASSWORD})
    client.post("/account/tokens/", {"name": "laptop of quokkaname", "scope": "read", "days": "7"})
    Client().post("/sign-in/", {"username": NAMES[0], "password": "wrong"})
    page = client.post("/account/delete/", {"username": NAMES[0], "password": "wrong"})
    assert page.status_code == 422 and User.objects.filter(pk=quokka.pk).exists()
    assert client.post("/account/delete/", {"username": "rosa", "password": PASSWORD}).status_code == 422
    gone = client.post("/account/delete/", {"username": NAMES[0], "password": PASSWORD}, follow=True)
    assert "Your account is deleted." in gone.text
    rows = all_rows()
    assert [name for name in NAMES if name in rows] == []
    assert sessions.get("/").status_code == 302 and not ApiToken.objects.exists() and not Draft.objects.exists()
    [annotation] = Annotation.objects.all()
    assert (annotation.rater.pseudonym, annotation.rater.user) == (pseudonym, None)
    assert SurveyAnswer.objects.get().respondent.member is None, "asked for or not, nothing leads to it"
    event = AuditEvent.objects.get(kind="person-deleted")
    assert event.actor is None and event.subject.startswith("user:deleted-") and event.address is None
    other = raters.rater_for(project=project, user=rosa)
    Membership.objects.update(survey_number=1)
    assert leases.claim(project=project, rater=other) is not None, "what was in their hands is the others' again"


def test_survey_answers_go_where_that_is_asked(project: Project, quokka: User, api: Callable[..., Any]) -> None:
    client, path = api(quokka), "/api/v1/me/deletion/"
    assert client.post(path, {"username": "x"}).status_code == 422
    assert client.post(path, {"username": NAMES[0], "forget_answers": True}).status_code == 204
    assert not SurveyAnswer.objects.exists() and client.get("/api/v1/me/").status_code == 401


def test_the_only_admin_hands_over_first(project: Project, ada: User, noor: User, api: Any, browse: Any) -> None:
    client = browse(ada)
    ada.set_unusable_password()
    ada.save()
    client.force_login(ada)
    page = client.post("/account/delete/", {"username": "ada"})
    assert page.status_code == 422 and "You are the only admin of: Bicycles." in page.text
    refused = api(ada).post("/api/v1/me/deletion/", {"username": "ada"})
    assert refused.status_code == 409 and refused.json()["projects"] == ["Bicycles"]
    with pytest.raises(CommandError, match="Bicycles"):
        call_command("delete_person", "ada", "--yes")
    Membership.objects.filter(user=noor).update(role=Role.ADMIN)
    with pytest.raises(CommandError, match="--yes"):
        call_command("delete_person", "ada")
    call_command("delete_person", "ada", "--yes")
    assert not User.objects.filter(username="ada").exists() and project.memberships.filter(role="admin").count() == 1


def test_nobody_is_named_in_what_leaves(
    project: Project, quokka: User, noor: User, rev: User, api: Any, browse: Any, settings: Any, tmp_path: Path
) -> None:
    """Item stories, lists, exports and snapshots know pseudonyms only; a user's key is not in them either."""
    settings.VAR_DIR = tmp_path
    rater = Rater.objects.get(user=quokka)
    made = request_snapshot(project=project, derivation={"rule": "majority"})
    build_snapshot(snapshot_id=made.pk)
    made.refresh_from_db()
    assert made.state == "ready", made.error
    item = project.items.get(external_id="judged")
    base = "/api/v1/projects/bicycles/"
    paths = [
        "items/",
        f"items/{item.pk}/",
        "annotations/export/",
        "labels/",
        "labels/export/",
        "progress/",
        "agreement/",
    ]
    texts = {
        path: api(noor).get(base + path) for path in [*paths, "snapshots/", f"snapshots/{made.number}/", "guidelines/"]
    }
    told = {path: b"".join(answer) if answer.streaming else answer.content for path, answer in texts.items()}
    for person in (noor, rev):
        for page in ("items/", f"items/{item.pk}/"):
            told[f"{person} {page}"] = browse(person).get(f"/projects/bicycles/{page}").content
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    told |= {path.name: path.read_bytes() for path in files}
    assert len(files) > 1 and {path: answer.status_code for path, answer in texts.items()} == dict.fromkeys(texts, 200)
    for where, text in told.items():
        for name in (*NAMES, str(KEY)):
            assert name.encode() not in text, f"{name} in {where}"
    assert rater.pseudonym.encode() in told["annotations/export/"]
    assert json.loads(told[f"items/{item.pk}/"])
