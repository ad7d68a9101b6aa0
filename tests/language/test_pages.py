"""No text of the interface escapes translation: every page is asked for in a language that marks its texts."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.utils.translation import trans_real

from annotation.models import FormVersion, Item, Rater
from annotation.protocols import full_config
from common import said
from common.api import PROBLEM
from corpus.models import Import, Prompt, Response
from projects.models import Aspect, Project
from routing.judges.simulated import COURTESY, Settings
from tests.access.conftest import World, shared_world
from tests.access.matrix import MATRIX
from tests.access.routes import routes
from tests.annotation.test_native_round import LINE
from tests.language.pseudo import Marked, brought, content, escaped, outside, strings, texts
from tests.language.states import addresses

__all__ = ["shared_world"]

GERMAN = {"accept-language": "de"}
PAGES = [route for route in routes() if not route.is_api and route.name in MATRIX]
WRITES = [
    (route, method) for route in routes() if route.is_api for method in MATRIX.get(route.name, {}) if method != "GET"
]
# What is called alike in every language.
SAME = {"Deutsch", "English", "bfloat16", "float32", "likert5", "likert7", "Davidson", "Plackett–Luce", "Rao–Kupper"}
# Whose rows the states add, full of content.
BROUGHT_LATER = (Prompt, Response, Rater, Item, Import, Aspect)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Marked:
    """German is the marking language for the time of one test."""
    catalogue = Marked()
    monkeypatch.setitem(trans_real._translations, "de", catalogue)  # type: ignore[attr-defined]  # no public name
    return catalogue


def asked(world: World) -> Iterator[tuple[str, Any]]:
    """(what was asked, the answer) of every page, for admin, rater and stranger, and in its several states."""
    for route in PAGES:
        for method, people in MATRIX[route.name].items():
            # What a researcher or a reviewer sees, an admin sees as well.
            for person in sorted(people & {"ada", "rosa", "anonymous"}):
                client = world.browser(person, headers=GERMAN)
                with transaction.atomic():
                    answer = getattr(client, method.lower())(route.path(world.here), follow=True)
                    transaction.set_rollback(True)
                yield f"{method} {route} by {person}", answer
    project = Project.objects.get(slug=world.here["slug"])
    for path in addresses(project):
        yield f"GET {path}", world.browser("ada", headers=GERMAN).get(path, follow=True)


def test_what_counts_as_escaped() -> None:
    page = """<p title="Bare">⟦Asked <b>twice</b>⟧ quokka 3 <code>pre</code></p><i translate="no">So</i> <q>Known</q>
        <button data-says="Not asked for" data-key="x">⟦cut</button> left <div class="prose">theirs</div>"""
    found = escaped(texts(page), content({"Known"}))
    assert [text.partition(" (")[0] for text in found] == [
        "title of <p>: Bare",
        "data-says of <button>: Not asked for",
        "<>: left",
    ]


def keys(value: Any) -> Iterator[str]:
    """What forms call their parts, for programs to read."""
    if isinstance(value, list):
        for one in value:
            yield from keys(one)
    elif isinstance(value, dict):
        yield from (str(value[name]) for name in ("key", "name") if name in value)
        for one in value.values():
            yield from keys(one)


def test_no_text_of_a_page_escapes(
    shared_world: World, db: None, marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was stored may be anybody's words: that it is looked for says nothing of the catalogue.
    monkeypatch.setattr(said, "gettext", lambda text: Marked().gettext(text))
    known = brought(apps.get_models()) | {*COURTESY, *(scorer.name for scorer in Settings().pool), *strings(LINE)}
    pages = [
        (what, texts(answer.text))
        for what, answer in asked(shared_world)
        if "text/html" in answer.headers.get("Content-Type", "")
    ]
    known |= brought(BROUGHT_LATER) | {
        key for form in FormVersion.objects.all() for key in keys([full_config(one) for one in form.fields])
    }
    pattern = content(known | {"Helpful", "file"})
    wrong: dict[str, str] = {}
    for what, found in pages:
        for text in escaped(found, pattern):
            wrong.setdefault(text, what)
    assert not wrong, "Not translated:\n" + "\n".join(f"  {text}\n      {what}" for text, what in wrong.items())
    catalogue = trans_real.DjangoTranslation("de")._catalog  # type: ignore[attr-defined]  # no public name
    unknown = sorted(text for text in marked.asked - SAME if text not in catalogue and (text, 0) not in catalogue)
    assert not unknown, "Asked for, but in no catalogue; mark them for `make messages`:\n" + "\n".join(unknown)


def test_no_text_of_an_error_of_the_api_escapes(shared_world: World, db: None, marked: Marked) -> None:
    """Every write is sent an empty body, by one who may and by one who may not; not every one refuses it."""
    pattern = content(brought(apps.get_models()))
    wrong: dict[str, str] = {}
    seen = 0
    for route, method in WRITES:
        for person in ("ada", "eve"):
            with transaction.atomic():
                client = shared_world.api(person)
                answer = getattr(client, method.lower())(route.path(shared_world.here), headers=GERMAN)
                transaction.set_rollback(True)
            if answer.headers.get("Content-Type") == PROBLEM:
                seen += 1
                told = answer.json()
                said_here = [told["title"], told["detail"], *strings(told.get("errors", {}))]
                for text in escaped([(route.name, outside(text)[0]) for text in said_here], pattern):
                    wrong.setdefault(text, f"{method} {route} by {person}")
    assert seen > len(WRITES)
    assert not wrong, "Not translated:\n" + "\n".join(f"  {text}\n      {what}" for text, what in wrong.items())
