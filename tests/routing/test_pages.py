"""The desk over HTTP: what an admin changes, what a researcher sees, in the browser and by the API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Project
from routing import tasks
from routing.models import Budget, Decision, Judge, JudgeCall, RoutingPlan
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The bells that were rung, instead of a broker."""
    bells: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks, "ring_project", lambda pk: bells.append(("project", pk)))
    monkeypatch.setattr(tasks, "ring_judge", lambda pk: bells.append(("judge", pk)))
    return bells


def url(name: str, *args: Any) -> str:
    return reverse(f"routing:{name}", args=["bicycles", *args])


def api_url(name: str, *args: Any) -> str:
    return reverse(f"routing-api:{name}", args=["bicycles", *args])


def test_an_admin_makes_a_judge_and_a_plan_and_sees_where_items_went(
    project: Project, ada: User, noor: User, browse: Callable[..., Client], items: Any, settle: Any, rung: Any
) -> None:
    client = browse(ada)
    assert "choose" in client.get(url("desk")).content.decode().lower()
    items(8)
    assert "no routing plan" in client.get(url("desk")).content.decode()
    form = client.get(url("judge_new") + "?kind=simulated")
    assert form.status_code == 200
    sent = {"name": "Rehearsal", "flip": "0.1", "both_orders": "on", "price_per_call": "0.01"}
    sent |= {"courtesy_words": "please, thanks"}
    made = client.post(url("judge_new") + "?kind=simulated", sent)
    assert made.status_code == 302, made.content.decode()
    judge = Judge.objects.get()
    assert judge.config["flip"] == 0.1 and len(judge.config["pool"]) == 4
    facts = client.get(url("judge", judge.pk)).content.decode().split("<dl")[1].split("</dl")[0]
    assert "please, thanks" in facts and "Name: terse, Brevity: 2.0" in facts and "[" not in facts
    wrong = client.post(url("plan") + "?policy=random", {"share": "1.5", "judge": judge.pk})
    assert wrong.status_code == 422 and "This must be at most 1" in wrong.content.decode()
    missing = client.post(url("plan") + "?policy=random", {"share": "0.5"})
    assert missing.status_code == 422 and "Choose a judge" in missing.content.decode()
    assert client.post(url("plan") + "?policy=random", {"share": "0.5", "judge": judge.pk}).status_code == 302
    assert client.post(url("budget"), {"labels_limit": "3", "money_limit": ""}).status_code == 302
    assert rung == [("project", project.pk)] * 2
    settle()
    seen = browse(noor)
    desk = seen.get(url("desk")).content.decode()
    assert "Random share" in desk and "Rehearsal" in desk and "Set limits" not in desk
    decision = Decision.objects.latest("pk")
    page = seen.get(url("decision", decision.pk)).content.decode()
    assert decision.item.external_id in page and decision.reasons[0] in page
    for name in ("judges", "decisions"):
        assert seen.get(url(name)).status_code == 200
    assert seen.get(url("judge", judge.pk) + "?state=answered").status_code == 200
    refused = client.post(url("budget"), {"labels_limit": "0"})
    assert refused.status_code == 422 or Budget.objects.get().labels_allocated == 0
    assert client.post(url("judge_retire", judge.pk), follow=True).status_code == 200
    judge.refresh_from_db()
    assert judge.retired_at is None  # the plan in force names it


def test_a_judges_texts_are_shown_inert(project: Project, ada: User, browse: Callable[..., Client]) -> None:
    bad = "<script>alert(1)</script>"
    judge = factories.JudgeFactory(project=project, name=bad)
    decision = factories.DecisionFactory(
        item=factories.ItemFactory(project=project, external_id=bad), reasons=[bad], features={"judge": bad}
    )
    JudgeCall.objects.create(
        judge=judge,
        item=decision.item,
        decision=decision,
        state="refused",
        error=bad,
        answer={"orders": [{"raw": bad}]},
    )
    client = browse(ada)
    for page in (url("desk"), url("judges"), url("judge", judge.pk), url("decisions"), url("decision", decision.pk)):
        body = client.get(page).content.decode()
        assert bad not in body and "&lt;script&gt;" in body


def test_failed_calls_are_made_again_from_the_page(
    project: Project, ada: User, browse: Callable[..., Client], items: Any, plan: Any, simulated: Judge, rung: Any
) -> None:
    from routing.services.route_new import route_new

    items(2)
    plan("all_ai")
    route_new(project=project)
    JudgeCall.objects.update(state="failed", error="The endpoint answered 500.")
    client = browse(ada)
    assert "Make 2 failed calls again" in client.get(url("judge", simulated.pk)).content.decode()
    client.post(url("judge_again", simulated.pk))
    assert set(JudgeCall.objects.values_list("state", flat=True)) == {"queued"}
    assert ("judge", simulated.pk) in rung


def test_the_api_says_what_is_wrong_field_by_field(project: Project, ada: User, api: Callable[..., APIClient]) -> None:
    client = api(ada)
    judge = {"name": "J", "kind": "simulated", "config": {"flip": 2, "sneed": 1}}
    answer = client.post(api_url("judges"), judge)
    assert answer.status_code == 422 and set(answer.json()["errors"]) == {"flip", "sneed"}
    answer = client.post(api_url("plans"), {"policy": "random", "config": {"share": "half"}, "judge": None})
    assert answer.status_code == 422 and set(answer.json()["errors"]) == {"share"}
    for judge_id in (99, 10**18):
        answer = client.post(api_url("plans"), {"policy": "all_ai", "judge": judge_id})
        assert answer.status_code == 422 and set(answer.json()["errors"]) == {"judge"}
    assert client.put(api_url("budget"), {"labels_limit": -1, "money_limit": None}).status_code == 422
    for query in ("?order=-draw", "?route=nowhere", "?item__project=1"):
        assert client.get(api_url("decisions") + query).status_code in {400, 422}
    assert client.get(api_url("judge_calls") + "?judge=²").status_code == 422
    assert not RoutingPlan.objects.exists() and not Judge.objects.exists()


def test_the_api_offers_what_the_desk_does(
    project: Project, ada: User, noor: User, api: Callable[..., APIClient], items: Any, settle: Any
) -> None:
    items(6)
    client = api(ada)
    judge = client.post(api_url("judges"), {"name": "J", "kind": "simulated", "config": {"flip": 0}}).json()
    plan = client.post(api_url("plans"), {"policy": "all_ai", "judge": judge["id"]})
    assert plan.status_code == 201 and plan.json()["number"] == 1
    budget = client.put(api_url("budget"), {"labels_limit": 5, "money_limit": "12.5"}).json()
    assert (budget["labels_left"], budget["money_left"]) == (5, "12.500000")
    settle()
    reader = api(noor)
    assert reader.get(api_url("decisions") + "?route=judge").json()["count"] == 6
    assert reader.get(api_url("judge_calls") + f"?state=answered&judge={judge['id']}").json()["count"] == 6
    detail = reader.get(api_url("judge", judge["id"])).json()
    assert detail["calls"]["answered"] == 6 and detail["agreement"]["pairs"] == 0
    one = reader.get(api_url("decisions")).json()["results"][0]
    assert reader.get(api_url("decision", one["id"])).json() == one
    assert reader.post(api_url("plans"), {"policy": "all_human"}).status_code == 404
    assert client.post(api_url("judge_retire", judge["id"])).status_code == 409
