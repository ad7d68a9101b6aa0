"""The annotation API over HTTP: a rater's day, bad input, blinding, and how many queries it costs."""

import json
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent
from annotation.models import Annotation, Item, Slot
from annotation.services import items, labels, raters
from corpus.models import Candidate
from tests.annotation.conftest import A_MUCH_BETTER, B_MUCH_BETTER, TIE
from tests.factories import ItemFactory, RaterFactory

pytestmark = pytest.mark.django_db
API = "/api/v1/projects/bicycles"
# Beginning and ending transactions are not questions to the database.
CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@pytest.fixture
def ask(api, rosa):
    """`ask(method, path, body)` as rosa."""
    client = api(rosa, scope="annotate")

    def send(method, path, body=None, status=None):
        response = getattr(client, method)(f"{API}{path}", body, format="json")
        assert status is None or response.status_code == status, response.content
        return response.json() if response.content else None

    return send


def test_a_raters_day(ask, open_item, project):
    [open_item() for _ in range(3)]
    first = ask("post", "/next/", status=200)
    assert [shown["letter"] for shown in first["responses"]] == ["A", "B"]
    assert (first["guideline_number"], first["form"][0]["protocol"], first["draft_version"]) == (1, "pairwise", 0)
    token = first["token"]
    assert ask("put", f"/leases/{token}/draft/", {"values": TIE, "version": 0}, status=200) == {"version": 1}
    assert ask("post", "/next/", status=200)["draft_values"] == TIE
    assert ask("post", f"/leases/{token}/renew/", status=200)["leased_until"] > first["leased_until"]
    ask("post", f"/leases/{token}/flag/", {"reason": "private"}, status=204)
    done = ask("post", "/annotations/", {"token": token, "values": A_MUCH_BETTER, "active_ms": 900}, status=201)
    again = ask("post", "/annotations/", {"token": token, "values": A_MUCH_BETTER, "active_ms": 900}, status=200)
    assert (done["standing"], again["replayed"], again["id"]) == ("counted", True, done["id"])
    conflict = ask("post", "/annotations/", {"token": token, "values": B_MUCH_BETTER}, status=409)
    assert (conflict["type"], conflict["saved"]) == ("urn:prefloop:already-answered", A_MUCH_BETTER)
    back = ask("post", f"/annotations/{done['id']}/retract/", status=200)
    done = ask("post", "/annotations/", {"token": back["token"], "values": TIE}, status=201)
    body = {"values": B_MUCH_BETTER, "idempotency_key": str(uuid.uuid4())}
    new = ask("post", f"/annotations/{done['id']}/revise/", body, status=201)
    assert ask("get", "/annotations/mine/", status=200)[0]["id"] == new["id"]
    assert ask("get", f"/annotations/{done['id']}/", status=200)["values"] == B_MUCH_BETTER
    ask("post", f"/leases/{ask('post', '/next/')['token']}/skip/", {"reason": "other"}, status=204)
    ask("post", f"/leases/{ask('post', '/next/')['token']}/release/", status=204)
    project.state = "paused"
    project.save()
    ask("post", "/next/", status=204)


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({}, "preference"),
        ({"preference": None}, "preference"),
        ({"preference": "A"}, "preference"),
        ({"preference": {}}, "preference.choice"),
        ({"preference": {"choice": "C"}}, "preference.choice"),
        ({"preference": {"choice": ["A"]}}, "preference.choice"),
        ({"preference": {"choice": "left", "strength": 1}}, "preference.left"),
        ({"preference": {"choice": "A"}}, "preference.strength"),
        ({"preference": {"choice": "A", "strength": 4}}, "preference.strength"),
        ({"preference": {"choice": "A", "strength": 0}}, "preference.strength"),
        ({"preference": {"choice": "A", "strength": True}}, "preference.strength"),
        ({"preference": {"choice": "A", "strength": "2"}}, "preference.strength"),
        ({"preference": {"choice": "A", "strength": 1.5}}, "preference.strength"),
        ({"preference": {"choice": "tie", "strength": 1}}, "preference.strength"),
        ({"preference": {"scale": 8}}, "preference.scale"),
        ({"preference": {"scale": 4, "choice": "A"}}, "preference.scale"),
        ({"preference": {"choice": "tie", "rationale": 3}}, "preference.rationale"),
        ({"preference": {"choice": "tie", "rationale": "x" * 20_001}}, "preference.rationale"),
        ({"preference": {"choice": "tie", "aspect": 3}}, "preference.aspect"),
        ({"preference": {"choice": "tie"}, "other": 1}, "other"),
        ([], "values"),
        ("tie", "values"),
    ],
)
def test_a_wrong_answer_is_told_where_it_is_wrong(ask, open_item, values, where):
    open_item()
    token = ask("post", "/next/")["token"]
    errors = ask("post", "/annotations/", {"token": token, "values": values}, status=422)["errors"]
    assert list(errors) == [where]
    assert not Annotation.objects.exists()
    assert Slot.objects.get().state == "leased"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"null", 422),
        (b"[]", 422),
        (b"{", 400),
        (b'{"token": NaN}', 400),
        (b'{"token": 1e999}', 400),
        (b'{"token": "\\ud800"}', 400),
        (b'{"token": "a\\u0000"}', 400),
        (b'{"token": 1, "token": 2}', 400),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"token": ' + b"9" * 10_000 + b"}", 400),
        (b'{"token": {"a": 1}, "values": {}}', 422),
        (b'{"token": "%s", "values": {}, "rater": 1}' % str(uuid.uuid4()).encode(), 422),
        (b'{"token": "%s", "values": {}, "active_ms": -1}' % str(uuid.uuid4()).encode(), 422),
        (b'{"token": "%s", "values": {}, "hint_visible": []}' % str(uuid.uuid4()).encode(), 422),
        (b'{"token": "%s", "values": {"preference": {}}}' % str(uuid.uuid4()).encode(), 404),
        ("\ufeff{}".encode("utf-16"), 400),
    ],
)
@pytest.mark.parametrize("path", ["/annotations/", "/items/"])
def test_bad_bodies_are_never_a_server_error(api, ada, rater, path, body, status):
    client = api(ada)
    raters.rater_for(project=rater.project, user=ada)
    response = client.post(f"{API}{path}", data=body, content_type="application/json")
    assert response.status_code == status if path == "/annotations/" else 400 <= response.status_code < 500
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        *("state=nope", "ordering=rater__user__password", "after=-1", "after=١", "after=" + "9" * 40),
        *("prompt__messages__startswith=a", "limit=x", "limit=1e3"),
    ],
)
def test_the_item_list_knows_its_parameters(api, ada, project, query):
    assert api(ada).get(f"{API}/items/?{query}").status_code in {400, 422}


def test_flags_are_dealt_with_and_an_item_is_withdrawn(api, ada, rev, ask, open_item, project):
    items_made = [open_item(), open_item()]
    token = ask("post", "/next/", status=200)["token"]
    for reason in ("private", "broken"):
        ask("post", f"/leases/{token}/flag/", {"reason": reason, "note": "line 2"}, status=204)
    flagged = Slot.objects.get(token=token).item
    (plain,) = [item for item in items_made if item != flagged]
    client = api(rev)

    def listed(flagged):
        rows = client.get(f"{API}/items/?flagged={flagged}").json()["results"]
        return [(row["id"], row["open_flags"]) for row in rows]

    assert (listed("true"), listed("false")) == ([(flagged.pk, 2)], [(plain.pk, 0)])
    assert client.get(f"{API}/items/?flagged=1").status_code == 422
    at = f"{API}/items/{flagged.pk}"
    first = client.get(f"{at}/").json()["flags"][0]
    assert (first["reason"], first["note"], first["resolved_at"]) == ("private", "line 2", None)
    for _ in range(2):
        assert client.post(f"{at}/flags/{first['id']}/resolve/").status_code == 204
    assert client.post(f"{API}/items/{plain.pk}/flags/{first['id']}/resolve/").status_code == 404
    assert listed("true") == [(flagged.pk, 1)]
    dealt_with = client.get(f"{at}/").json()["flags"][0]["resolved_at"]
    for reason in ("An address", "Another reason"):
        done = api(ada).post(f"{at}/withdraw/", {"reason": reason}, format="json")
        assert (done.status_code, done.json()["state"]) == (200, "void")
    story = client.get(f"{at}/").json()
    assert (story["meta"]["void_reason"], listed("true")) == ("An address", [])
    assert story["flags"][0]["resolved_at"] == dealt_with, "the first time stays"
    assert not Slot.objects.filter(item=flagged).exclude(state="void").exists()
    assert list(AuditEvent.objects.order_by("pk").values_list("kind", "actor", "subject", "detail")) == [
        ("flag.resolved", rev.pk, "project:bicycles", {"item": flagged.pk, "flag": first["id"]}),
        ("item.withdrawn", ada.pk, "project:bicycles", {"item": flagged.pk, "reason": "An address"}),
    ]


def test_items_by_key_lose_and_repeat_nothing(api, ada, project):
    made = [ItemFactory(project=project, external_id=f"x{n}").pk for n in range(7)]
    ItemFactory(project=project, external_id="y")
    for ordering, expected in (("id", made), ("-id", made[::-1])):
        seen, after = [], ""
        while after is not None:
            page = api(ada).get(f"{API}/items/?search=x&limit=3&ordering={ordering}{after}").json()
            seen += [row["id"] for row in page["results"]]
            after = page["next_after"] and f"&after={page['next_after']}"
        assert seen == expected


def test_an_item_is_made_once(api, ada, project):
    body = {
        "external_id": "flat-1",
        "prompt": [{"role": "user", "content": " How do I fix a flat?\r\n"}],
        "responses": [{"text": "Patch it.", "model": "m1"}, {"text": "Walk. 👍🏽"}],
        "priority": 3,
    }
    first, again = (api(ada).post(f"{API}/items/", body, format="json") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    story = api(ada).get(f"{API}/items/{first.json()['id']}/").json()
    assert story["messages"] == [{"role": "user", "text": " How do I fix a flat?\r\n"}], "stored exactly as it came"
    assert [response["text"] for response in story["responses"]] == ["Patch it.", "Walk. 👍🏽"]
    assert Item.objects.get().priority == 3 and Candidate.objects.get().taken_at is not None
    other = body | {"responses": [{"text": "Patch it."}, {"text": "Fly."}]}
    assert api(ada).post(f"{API}/items/", other, format="json").status_code == 409
    assert Item.objects.count() == 1


def test_the_form_is_versioned_and_checked(api, ada, project):
    client = api(ada)
    even = [{"name": "better", "protocol": "pairwise", "config": {"points": 4, "tie": False}}]
    assert client.put(f"{API}/form/", {"form": even}, format="json").json()["number"] == 2
    assert client.put(f"{API}/form/", {"form": even}, format="json").json()["number"] == 2
    wrong = client.put(f"{API}/form/", {"form": [even[0] | {"config": {"points": 10}}]}, format="json")
    assert (wrong.status_code, list(wrong.json()["errors"])) == (422, ["0.points"])
    assert client.get(f"{API}/form/").json()["form"][0]["config"]["points"] == 4


def test_the_desk_sees_it_all_and_exports_it(api, noor, ask, open_item, project):
    [open_item() for _ in range(2)]
    for values in (A_MUCH_BETTER, TIE):
        ask("post", "/annotations/", {"token": ask("post", "/next/")["token"], "values": values}, status=201)
    labels.settle_due()
    client = api(noor)
    listed = client.get(f"{API}/labels/?field=preference").json()
    assert sorted(label["value"]["choice"] == "tie" for label in listed) == [False, True]
    exported = [json.loads(line) for line in client.get(f"{API}/labels/export/").getvalue().splitlines()]
    assert exported == listed
    rows = [json.loads(line) for line in client.get(f"{API}/annotations/export/").getvalue().splitlines()]
    assert [row["rater"] for row in rows] == [raters.known_rater(project=project, user=row_user(rows)).pseudonym] * 2
    assert client.get(f"{API}/progress/").json()["items"] == {"new": 0, "open": 0, "done": 2, "void": 0}
    assert client.get(f"{API}/agreement/").json()[0]["items"] == 0


def row_user(rows):
    return Annotation.objects.get(pk=rows[0]["id"]).rater.user


def test_what_a_rater_gets_tells_nothing_of_others(ask, open_item, project, rater):
    """Two raters of one item, shown in both orders, get texts and letters: no id, no model, no count of answers."""
    item = open_item(humans=2)
    answers = {
        json.dumps(sorted(ask("post", "/next/", status=200))),
    }
    body = json.dumps(ask("post", "/next/"))
    for response in item.prompt.responses.all():
        assert response.model_name not in body and response.external_id not in body
    assert item.external_id not in body and item.prompt.external_id not in body
    assert answers == {
        json.dumps(
            sorted(
                [
                    *("token", "idempotency_key", "leased_until", "messages", "context", "language", "responses"),
                    *("form_number", "form", "guideline_number", "draft_values", "draft_version"),
                ]
            )
        )
    }
    assert set(ask("post", "/next/")["responses"][0]) == {"letter", "text", "steps", "messages"}


def queries(captured):
    return [query["sql"] for query in captured if not query["sql"].startswith(CONTROL)]


def test_next_costs_six_queries_and_submit_ten_sign_in_included(ask, open_item, project):
    for _ in range(3):
        open_item(humans=2)
    ask("post", "/annotations/", {"token": ask("post", "/next/")["token"], "values": TIE}, status=201)
    with CaptureQueriesContext(connection) as of_next:
        token = ask("post", "/next/", status=200)["token"]
    with CaptureQueriesContext(connection) as of_reload:
        ask("post", "/next/", status=200)
    with CaptureQueriesContext(connection) as of_submit:
        ask("post", "/annotations/", {"token": token, "values": TIE}, status=201)
    for captured, most in ((of_next, 6), (of_reload, 6), (of_submit, 10)):
        sent = queries(captured)
        assert len(sent) <= most, "\n".join(sent)
        assert not any("COUNT(" in sql or "RANDOM" in sql.upper() for sql in sent if "random_key" not in sql)


def test_a_judge_answers_through_the_same_door(project, open_item):
    from annotation.services import leases, submissions

    item = open_item(humans=0, judges=1)
    judge = raters.judge_rater(project=project, identity_hash="a" * 64, name="gpt")
    assert raters.judge_rater(project=project, identity_hash="a" * 64, name="gpt") == judge
    person = RaterFactory(project=project)
    assert leases.claim(project=project, rater=person) is None, "people are not given what was opened for judges"
    lease = leases.claim_slot(slot=item.slots.get(), rater=judge)
    first, second = items_order(item)
    value = {"left": second, "right": first, "choice": "left", "strength": 2}
    done = submissions.submit(rater=judge, token=lease.token, values={"preference": value})
    assert done.annotation.values["preference"] == {"left": first, "right": second, "choice": "right", "strength": 2}
    label = labels.settle(item=item)[0]
    assert (label.judge_count, label.human_count) == (1, 0)


def items_order(item):
    return list(item.item_responses.values_list("response_id", flat=True))


def test_void_slots_takes_back_what_a_judge_could_not_answer(project, open_item):
    from annotation.services import leases

    item = open_item(humans=0, judges=1)
    judge = raters.judge_rater(project=project, identity_hash="b" * 64, name="gpt")
    leases.claim_slot(slot=item.slots.get(), rater=judge)
    assert items.void_slots(slots=item.slots.all()) == 1
    item.refresh_from_db()
    assert item.state == "done"
    items.open_slots(item=item, humans=1, judges=0)
    assert sorted(item.slots.values_list("state", "audience")) == [("open", "human"), ("void", "judge")]
