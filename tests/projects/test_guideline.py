"""A guideline's examples, and what changed between two versions, word by word."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from annotation.services import items, leases, raters, submissions
from projects.changes import Change, Part, changes, paragraphs, words
from projects.models import Project
from projects.templatetags.guideline import html_of
from tests import factories

TEXT = st.text("ab '.\n\u4e2d\u0301é", max_size=60)


@settings(deadline=None, max_examples=150)
@given(TEXT, TEXT)
def test_the_parts_give_both_texts_back(old: str, new: str) -> None:
    parts = words(old, new)
    assert "".join(part.text for part in parts if part.kind != "new") == old
    assert "".join(part.text for part in parts if part.kind != "gone") == new
    found = [part for change in changes(old, new) for part in change.parts]
    assert bool(found) == (paragraphs(old) != paragraphs(new))


def test_only_the_words_that_changed_are_named() -> None:
    old = "# Aim\n\nPrefer the answer that helps most.\n\nBe kind."
    new = "# Aim\n\nPrefer the answer that is right.\n\nBe kind."
    assert changes(old, old.replace("\n", "\r\n") + "  \n") == ()
    parts = (
        Part("same", "Prefer the answer that "),
        Part("gone", "helps most"),
        Part("new", "is right"),
        Part("same", "."),
    )
    assert changes(old, new) == (Change(parts),)
    assert changes("One thing here.", "Something else.\n\nAnd more of it.") == (
        Change((Part("gone", "One thing here."),)),
        Change((Part("new", "Something else."),)),
        Change((Part("new", "And more of it."),)),
    )


def test_a_paragraph_without_end_costs_little() -> None:
    old = " ".join(f"w{n}" for n in range(20_000))
    assert {part.kind for change in changes(old, old + " end") for part in change.parts} == {"gone", "new"}


def test_examples_are_named_by_a_word() -> None:
    shown = html_of(
        "Intro\n\n> [!GOOD] Says *it*\n> Pump **it**.\n>\n> - one\n\n> [!bad]\n> It depends.\n\n> A plain quote."
    )
    assert '<div class="example good"><p class="example-head"><strong>Good example</strong> <span>Says *it*' in shown
    assert "Pump <strong>it</strong>." in shown and "one</li>" in shown
    assert '<div class="example bad"><p class="example-head"><strong>Bad example</strong></p>' in shown
    assert "<blockquote" in shown and "A plain quote.</p>" in shown and "[!" not in shown


@pytest.mark.parametrize(
    "evil",
    [
        "> [!GOOD] <script>x()</script>\n> <img src=x onerror=y()>",
        '> [!BAD] a" onmouseover="x()\n> [x](javascript:alert(1)) <div hx-get="/">',
        "> [!GOOD]\n> ```\n> </div></div><script>\n> ```",
    ],
)
def test_an_example_is_no_hole_in_the_fence(evil: str) -> None:
    shown = html_of(evil)
    assert not any(sign in shown for sign in ("<script", "<img", 'onmouseover="', 'href="javascript', "<div hx"))
    assert shown.count("<div") == shown.count("</div>") == 1


def test_a_rater_sees_what_changed(project: Project, ada: User, rosa: User, api: Any, browse: Any) -> None:
    factories.GuidelineFactory(project=project, text="Prefer the answer that is right.")
    factories.GuidelineFactory(project=project, text="Prefer the answer that is right and kind.")
    page = browse(rosa).get("/projects/bicycles/guideline/").text
    assert "What changed since version 2" in page and "</span> and kind<span" in page
    page = browse(rosa).get("/projects/bicycles/guideline/?since=1").text
    assert "What changed since version 1" in page and '<details id="changes" open>' in page
    assert "What changed" not in browse(rosa).get("/projects/bicycles/guideline/1/").text
    client, path = api(rosa), "/api/v1/projects/bicycles/guidelines/3/changes/"
    answer = client.get(path).json()
    assert answer["since"] == 2 and {"kind": "new", "text": " and kind"} in answer["changes"][0]["parts"]
    assert client.get(f"{path}?since=1").json()["since"] == 1
    assert client.get("/api/v1/projects/bicycles/guidelines/1/changes/").json() == {
        "since": None, "number": 1, "changes": [],
    }  # fmt: skip
    assert client.get(f"{path}?since=9").status_code == 404 and client.get(f"{path}?since=x").status_code == 422


def test_the_drawer_says_what_changed_since_the_last_answer(project: Project, rosa: User, browse: Any) -> None:
    for _ in range(3):
        items.open_slots(item=factories.ItemFactory(project=project), humans=1, judges=0)
    rater = raters.rater_for(project=project, user=rosa)
    lease = leases.claim(project=project, rater=rater)
    assert lease is not None
    submissions.submit(rater=rater, token=lease.token, values={"preference": {"choice": "tie"}})
    factories.GuidelineFactory(project=project, text="Prefer the answer that helps most.\n\n> [!GOOD] Says it\n> Pump.")
    page = browse(rosa).get("/projects/bicycles/annotate/", follow=True).text
    assert "What changed" in page and "[!GOOD] Says it" in page.partition("data-guideline-text")[0]
    assert '<div class="example good">' in page
    second = leases.claim(project=project, rater=rater)
    assert second is not None
    submissions.submit(rater=rater, token=second.token, values={"preference": {"choice": "tie"}})
    assert "What changed" not in browse(rosa).get("/projects/bicycles/annotate/", follow=True).text
