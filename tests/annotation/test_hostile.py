"""What a hostile or a broken client sends: the page opens, the answer is a plain refusal, nothing takes for ever."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from annotation.models import Annotation, FormVersion, Rater
from annotation.protocols import PROTOCOLS, anchors
from annotation.services import forms as form_service
from annotation.services import leases
from projects.models import Project

Claim = Callable[[Rater], leases.Lease]

EVERY_FORM = [
    {"name": key, "protocol": key, "required": False, "config": {"steps": "lines"} if key == "steps" else {}}
    for key in PROTOCOLS
]
"""All that there is, on one page."""
ODD = [None, True, 7, -1.5, "", "A", "²", [], {}, [None], ["A", "A"], [[1]], [{"A": 1}], {"A": 1}, {"A": []}, {"A": {}}]
PARTS = [
    "",
    "A",
    "A.0",
    "A.overall",
    "item.follows",
    "message:0",
    "state",
    "tiers",
    "text",
    "base",
    "rationale",
    "aspects",
]
TEXTS = [
    "x",
    "\x00",
    "²",
    "9" * 5000,
    "1e999",
    "nan",
    "[" * 5000,
    "null",
    "[1]",
    '[{"segments": 1}]',
    "\u202e",
]


@pytest.fixture
def every_form(project: Project) -> FormVersion:
    return form_service.set_form(project=project, fields=EVERY_FORM)


def odd_answers(seed: int) -> dict[str, Any]:
    """One odd thing for every form, in the places where each looks."""
    chance = random.Random(seed)
    places = ("aspects", "answers", "scores", "tiers", "rejected", "reasons", "spans", "responses", "text", "A", "B")
    return {key: {place: chance.choice(ODD) for place in places} for key in PROTOCOLS}


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_kept_as_a_draft_the_item_opens(
    api: Callable[[User], APIClient],
    browse: Callable[[User], Client],
    rosa: User,
    rater: Rater,
    open_item: Any,
    every_form: FormVersion,
    claim: Claim,
    seed: int,
) -> None:
    """A draft is never checked: it is unfinished, and may be of a form that was changed meanwhile."""
    open_item()
    token = claim(rater).token
    address = reverse("annotation-api:draft", args=["bicycles", token])
    saved = api(rosa).put(address, {"values": odd_answers(seed), "version": 0}, format="json")
    assert saved.status_code == 200, saved.content
    assert browse(rosa).get(reverse("annotation:assignment", args=["bicycles", token])).status_code == 200
    stale = browse(rosa).post(reverse("annotation:draft", args=["bicycles", token]), {"version": "9" * 5000})
    assert stale.status_code == 409


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_posted_is_refused_in_words(
    browse: Callable[[User], Client],
    rosa: User,
    rater: Rater,
    open_item: Any,
    every_form: FormVersion,
    claim: Claim,
    seed: int,
) -> None:
    open_item()
    token, chance = claim(rater).token, random.Random(seed)
    posted = {
        f"answer.{key}" + (f".{part}" if part else ""): chance.choices(TEXTS, k=2)
        for key in PROTOCOLS
        for part in chance.sample(PARTS, 4)
    }
    client = browse(rosa)
    for name in ("draft", "submit"):
        address = reverse(f"annotation:{name}", args=["bicycles", token])
        assert client.post(address, posted | {"version": "0", "active_ms": "9" * 30}).status_code in (200, 400, 422)
    assert client.get(reverse("annotation:assignment", args=["bicycles", token])).status_code == 200
    assert not Annotation.objects.exists()


@pytest.mark.parametrize("do", ["up:" + "9" * 5000, "remove:²", "down:-1", "add:pairwise", "gone:0", "up"])
def test_the_builder_takes_no_place_that_is_none(
    browse: Callable[[User], Client], ada: User, project: Project, do: str
) -> None:
    posted = {"count": "9" * 5000, "do": do, "0-protocol": "pairwise", "0-name": "²"}
    for count in (posted["count"], "1"):
        answer = browse(ada).post(reverse("annotation:form", args=["bicycles"]), posted | {"count": count})
        assert answer.status_code in (200, 422)


def test_a_quote_of_repeated_words_is_searched_for_in_no_time() -> None:
    """Models repeat themselves for pages; a pattern that allows any white space would take a minute for each quote."""
    text, before = "the  the\n" * 20_000, time.process_time()
    assert anchors.anchored(text, ((0, 5),), "the " * 2000 + "end") is None
    assert anchors.anchored(text + " the\t\tend.", ((0, 5),), "the the end").segments == ((179_996, 180_009),)
    assert time.process_time() - before < 10


@pytest.mark.parametrize("name", ["submit", "skip", "flag"])
def test_a_text_that_no_database_holds_is_refused_in_words(
    browse: Callable[[User], Client], rosa: User, rater: Rater, open_item: Any, claim: Claim, name: str
) -> None:
    open_item()
    address = reverse(f"annotation:{name}", args=["bicycles", claim(rater).token])
    posted = {
        "answer.preference": "scale:1",
        "answer.preference.rationale": "a\x00",
        "reason": "other",
        "note": "a\x00",
    }
    answer = browse(rosa).post(address, posted)
    assert answer.status_code == 422 and "NUL" in answer.content.decode()
    assert not Annotation.objects.exists()


def test_own_answers_of_a_project_that_cannot_be_are_none(browse: Callable[[User], Client], rosa: User) -> None:
    assert browse(rosa).get("/answers/", {"project": "a\x00b", "q": "\x00"}).status_code == 200
