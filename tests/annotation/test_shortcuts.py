"""The keys: one for each action over all forms, and a rater's own, which are refused where they would clash."""

import re

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from annotation import shortcuts
from annotation.models import Habits
from annotation.protocols import PROTOCOLS, protocol
from common.errors import Invalid

DEFAULTS = {key.action: key.key for key in shortcuts.every()}


def test_no_two_actions_share_a_key_whatever_the_form():
    keys = [*shortcuts.PAGE, *shortcuts.QUEUE, *(key for name in PROTOCOLS for key in protocol(name).keys)]
    by_key: dict[str, set[str]] = {}
    for key in keys:
        assert len(key.key) == 1 and not key.key.isdigit() and key.key == key.key.lower(), key
        by_key.setdefault(key.key, set()).add(key.action)
    assert {key: actions for key, actions in by_key.items() if len(actions) > 1} == {}
    assert {key.action for key in keys} == DEFAULTS.keys()


@given(chosen=st.dictionaries(st.sampled_from(sorted(DEFAULTS)), st.text(max_size=2), max_size=4))
def test_what_is_bound_never_clashes(chosen):
    try:
        kept = shortcuts.check(chosen)
    except Invalid as fault:
        assert fault.fields
        return
    bound = DEFAULTS | kept
    assert len(set(bound.values())) == len(bound)
    assert all(not key.isdigit() and (key.strip() or key == " ") for key in bound.values())


@pytest.mark.parametrize(
    ("chosen", "about"),
    [
        ({"skip": "f"}, {"skip"}),
        ({"skip": "7"}, {"skip"}),
        ({"skip": "٧"}, {"skip"}),
        ({"skip": "Enter"}, {"skip"}),
        ({"skip": " "}, {"skip"}),
        ({"skip": ""}, {"skip"}),
        ({"skip": 5}, {"skip"}),
        ({"fly": "y"}, {"fly"}),
        ({"skip": "y", "flag": "Y"}, {"skip", "flag"}),
    ],
)
def test_what_cannot_be_bound_is_said_by_action(chosen, about):
    with pytest.raises(Invalid) as found:
        shortcuts.check(chosen)
    assert found.value.fields.keys() == about


def test_keys_change_places():
    assert shortcuts.check({"skip": "f", "flag": "s", "undo": "u"}) == {"skip": "f", "flag": "s"}
    assert shortcuts.check({"skip": "Ж"}) == {"skip": "ж"}


@pytest.mark.django_db
def test_own_keys_by_page_and_api(browse, api, rosa, rui, open_item, rater):
    """They are drawn on the rater's page and in the help, and are nobody else's."""
    rosas: Client = browse(rosa)
    refused = rosas.post("/shortcuts/", {"skip": "f"})
    assert refused.status_code == 422
    assert "This key is taken" in refused.content.decode() and not Habits.objects.exists()
    assert rosas.post("/shortcuts/", {"skip": "y", "flag": "f"}).status_code == 302
    assert Habits.objects.get().keys == {"skip": "y"}
    open_item()
    page = rosas.get("/projects/bicycles/annotate/", follow=True).content.decode()
    assert re.search(r'Skip\s+<kbd class="key">y</kbd>', page)
    assert '"skip": "y"' in page
    assert browse(rui).get("/projects/bicycles/annotate/", follow=True).content.decode().count(">y</kbd>") == 0
    client = api(rosa, scope="annotate")
    assert client.get("/api/v1/shortcuts/").json()["keys"]["skip"] == "y"
    assert client.put("/api/v1/shortcuts/", {"keys": {"flag": "y", "skip": "y"}}, format="json").status_code == 422
    put = client.put("/api/v1/shortcuts/", {"keys": {"flag": "y"}}, format="json").json()["keys"]
    assert (put["flag"], put["skip"]) == ("y", "s"), "what is not named is as it was made"
    rosas.post("/shortcuts/", {"reset": "1"})
    assert Habits.objects.get().keys == {}
