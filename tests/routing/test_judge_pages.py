"""A judge is described by a person on a page or over the API; what it said of any form is shown in words."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from annotation.services.forms import set_form
from projects.models import Project
from routing.models import Decision, Judge, JudgeCall
from routing.services.calls import run_batch
from routing.services.route_new import route_new
from tests import factories
from tests.routing.endpoint import judged, serving

pytestmark = pytest.mark.django_db
SETTINGS = {"base_url": "http://gpu1:8000/v1", "model": "m"}


def url(name: str, *args: object) -> str:
    return reverse(f"routing:{name}", args=["bicycles", *args])


@pytest.fixture
def post(ada: User, project: Project, browse: Callable[..., Client], settings: Any) -> Callable[..., Any]:
    """`post(samples=3)`: Ada makes a judge behind an endpoint with these settings; the page that answers."""
    settings.JUDGE_ALLOWED_HOSTS = ["gpu1:8000"]

    def send(**config: Any) -> Any:
        ticked = dict.fromkeys(("guideline", "both_orders", "json_mode", "logprobs"), "on")
        form = {"name": "LLM"} | ticked | SETTINGS | config
        return browse(ada).post(url("judge_new") + "?kind=openai_compatible", form, follow=True)

    return send


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"samples": "3"}, "several samples need a temperature above 0"),
        ({"instructions": "Mind $nothing."}, "“$nothing” is no place of a prompt"),
        ({"template": "principles"}, "Principles belong to the prompt that draws one of them"),
        ({"template": "mine"}, "Select a valid choice"),
        ({"per_minute": "1"}, "5 requests a minute are needed"),
        ({"base_url": "http://evil/v1"}, "JUDGE_ALLOWED_HOSTS"),
    ],
)
def test_settings_that_cannot_work_are_told_on_the_page(post: Any, config: dict[str, str], said: str) -> None:
    page = post(**config)
    assert page.status_code == 422 and said in page.content.decode()
    assert 'value="LLM"' in page.content.decode() and not Judge.objects.exists()


def test_a_constitution_is_a_judge_and_another_one_is_another(post: Any, project: Project, ada: User, api: Any) -> None:
    rows = {"principles-0-name": "care", "principles-0-text": "Prefer what cares, and says so."}
    page = post(template="principles", instructions="Mind $letters.\nAll of them.", **rows).content.decode()
    judge = Judge.objects.get()
    assert "principles, one drawn for each item" in page and "Prefer what cares, and says so." in page
    assert judge.config["instructions"] == "Mind $letters.\nAll of them."
    config = {key: judge.config[key] for key in ("base_url", "model", "template", "instructions", "principles")}
    client: APIClient = api(ada)
    address = reverse("routing-api:judges", args=[project.slug])
    same = client.post(address, {"name": "Twin", "kind": "openai_compatible", "config": config}, format="json")
    assert same.status_code == 409, same.content
    config["principles"] = [*config["principles"], {"name": "truth", "text": "Prefer what is true."}]
    other = client.post(address, {"name": "Other", "kind": "openai_compatible", "config": config}, format="json")
    assert other.status_code == 201, other.content
    assert len(set(Judge.objects.values_list("rater__external_id"))) == 2


def test_what_a_judge_said_of_each_aspect_stands_in_words(
    project: Project, ada: User, browse: Callable[..., Client], plan: Any, post: Any, settings: Any
) -> None:
    aspects = [{"key": "help", "name": "Helpful"}, {"key": "truth", "name": "Truthful"}]
    set_form(project=project, fields=[{"name": "q", "protocol": "rating", "config": {"aspects": aspects}}])
    factories.ItemFactory(project=project, responses=3)
    with serving() as endpoint:
        settings.JUDGE_ALLOWED_HOSTS = [endpoint.url.split("/")[2]]
        post(template="rubric", base_url=endpoint.url)
        judge = Judge.objects.get(name="LLM")
        plan("all_ai", judge=judge)
        route_new(project=project)
        endpoint.reply = lambda body: _scores(body)  # type: ignore[method-assign]
        run_batch(judge=judge)
    call = JudgeCall.objects.get()
    assert call.state == "answered", call.error
    page = browse(ada).get(url("decision", Decision.objects.get().pk)).content.decode()
    for words in ("Shown in the order", "C, B, A", "Response B: Truthful 4 of 5", "Asked about"):
        assert words in page
    assert "&lt;b&gt;" in page and "<b>says" not in page


def _scores(body: dict[str, Any]) -> str:
    key = "truth" if "Truthful" in body["messages"][0]["content"] else "help"
    assert "response_C" in judged(body)
    each = ", ".join(f'"{letter}": {{"{key}": 4}}' for letter in "ABC")
    return f'{{"rationale": "It <b>says</b> more.", "scores": {{{each}}}}}'
