"""Critique and edit: words that raters write, stored exactly, each against the response that it speaks of."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.protocols import Content, Preference, Shape, Shown, check_config
from annotation.protocols.critique import PROTOCOL as CRITIQUE
from annotation.protocols.edit import PROTOCOL as EDIT
from common.errors import Invalid

CRLF = "One line.\r\nTwo lines."
CONTENT = Content((Shown(11, "B", "Clean the hole."), Shown(22, "A", CRLF)))
NAMES = {"x": 11, "y": 22}
EXTERNAL = {11: "x", 22: "y", 33: "z"}
LOOSE = {"unchanged": True, "note": "optional"}
texts = st.none() | st.text(max_size=12) | st.integers()


def edited(raw, **config):
    return EDIT.normal_form(raw, check_config("edit", config), CONTENT)


def criticised(raw, **config):
    return CRITIQUE.normal_form(raw, check_config("critique", config), CONTENT)


def faults(make, raw, **config):
    with pytest.raises(Invalid) as wrong:
        make(raw, **config)
    return set(wrong.value.fields)


def posted(plug, answer, config):
    parts = {}
    for part, text in plug.as_posted(answer, config):
        parts.setdefault(part, []).append(text)
    return plug.read_posted(parts, config)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "base": st.sampled_from(["A", "B", "C", None, 11, 5]),
            "text": texts | st.sampled_from([CRLF, "Clean the hole.", "\x00", "\ud800"]),
            "note": texts,
            "unchanged": st.booleans(),
        },
    )
)
def test_an_edit_is_stored_whole_or_refused(raw):
    config = check_config("edit", LOOSE)
    try:
        value = EDIT.normal_form(raw, config, CONTENT)
    except Invalid as wrong:
        assert wrong.fields
        return
    assert EDIT.normal_form(value, config, CONTENT) == value
    shown = EDIT.display_form(value, CONTENT)
    assert EDIT.normal_form(shown, config, CONTENT) == value
    assert EDIT.normal_form(posted(EDIT, shown, config), config, CONTENT) == value
    assert EDIT.in_words(shown, config)
    assert (EDIT.child_text(value) is None) == (value.get("unchanged") is True)


def test_an_edit_changes_something():
    assert edited({"base": "B", "text": "Clean the hole, then patch it."})["base"] == 11
    assert faults(edited, {"base": "B", "text": "Clean the hole."}) == {"text"}
    assert faults(edited, {"base": None, "text": "Clean the hole."}) == {"text"}
    assert faults(edited, {"base": "B", "unchanged": True}) == {"unchanged"}
    assert edited({"base": "B", "unchanged": True}, unchanged=True) == {"base": 11, "unchanged": True}
    assert faults(edited, {"base": "B", "text": "  "}) == {"text"}
    assert faults(edited, {"text": "New"}) == {"base"}
    assert faults(edited, {"base": None, "text": "New"}, scratch=False) == {"base"}
    assert faults(edited, {"base": "B", "text": "New"}, note="required") == {"note"}
    assert EDIT.check_item(Shape(0), check_config("edit", {"scratch": False}))


def test_a_text_box_changes_no_line_end():
    assert faults(edited, {"base": "A", "text": "One line.\nTwo lines."}) == {"text"}, "that is no edit of the rater's"
    assert edited({"base": "A", "text": "One line.\nThree."})["text"] == "One line.\r\nThree."
    assert edited({"base": "B", "text": "Clean.\nPatch."})["text"] == "Clean.\nPatch."


def test_what_was_edited_is_better_than_what_it_was_made_of():
    value = edited({"base": "B", "text": "Patch it."}) | {"response": 33}
    assert EDIT.preferences(value) == [Preference(33, 11, 1.0, 1.0)]
    assert EDIT.preferences({"base": None, "text": "New", "response": 33}) == []
    record = EDIT.to_record(value, EXTERNAL)
    assert record == {"kind": "refinement", "base_response_id": "x", "new_response_id": "z"}
    there = Content((*CONTENT.responses, Shown(33, "C", "Patch it.")))
    assert EDIT.from_record(record, NAMES | {"z": 33}, there) == value
    kept = EDIT.from_record(record, NAMES, CONTENT)
    assert kept == {"raw": {"base_response_id": "x", "new_response_id": "z"}} and EDIT.preferences(kept) == []
    assert EDIT.to_record(kept, EXTERNAL) == record
    assert EDIT.distance(value, value) == 0 < EDIT.distance(value, value | {"text": "Patch the tyre."}) < 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["A", "B", "11"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["A", "11", "text", "z"]), inner),
    max_leaves=6,
)
critiques = dict.fromkeys(("text", "keep", "aspects", "target", "responses"), json_values)


@given(json_values | st.fixed_dictionaries({}, optional=critiques), st.sampled_from(["item", "responses"]))
def test_a_critique_is_stored_whole_or_refused(raw, of):
    config = check_config("critique", {"of": of, "text": "optional", "aspects": [{"key": "tone", "name": "Tone"}]})
    try:
        value = CRITIQUE.normal_form(raw, config, CONTENT)
    except Invalid as wrong:
        assert wrong.fields or "object" in wrong.detail
        return
    assert CRITIQUE.normal_form(value, config, CONTENT) == value
    shown = CRITIQUE.display_form(value, CONTENT)
    assert CRITIQUE.normal_form(shown, config, CONTENT) == value
    assert CRITIQUE.normal_form(posted(CRITIQUE, shown, config), config, CONTENT) == value
    record = json.loads(json.dumps(CRITIQUE.to_record(value, EXTERNAL)))
    assert CRITIQUE.from_record(record, NAMES, CONTENT) == value
    assert CRITIQUE.distance(value, value) == 0 and CRITIQUE.in_words(shown, config)


def test_a_critique_of_each_response():
    each = {"responses": {"A": {"text": "Too short."}, "B": {"text": "Wrong.", "keep": "The tone."}}}
    value = criticised(each, of="responses")
    assert value["responses"] == {"11": {"text": "Wrong.", "keep": "The tone."}, "22": {"text": "Too short."}}
    assert faults(criticised, {"responses": {"A": {"text": "x"}}}, of="responses") == {"B"}
    assert faults(criticised, {"text": "x", "target": "A"}) == {"target"}
    short = criticised({"text": "x", "target": "A"}, of="responses", text="optional")
    assert short == {"responses": {"22": {"text": "x"}}}


def test_a_critique_is_long_enough_and_says_something():
    assert faults(criticised, {"text": "short"}, min_length=20) == {"text"}
    assert faults(criticised, {"keep": "All."}) == {"text"}
    assert faults(criticised, {"aspects": ["tone"]}, text="optional") == {"aspects"}
    assert criticised({"text": " Kept as it is. \r\n"})["text"] == " Kept as it is. \r\n"
    for wrong in ({"text": "off", "keep": "off"}, {"aspects": [{"key": "a", "name": "x"}] * 2}):
        with pytest.raises(Invalid):
            check_config("critique", wrong)


@given(
    st.dictionaries(st.sampled_from(["text", "keep", "aspect", "target", "of_responses", "error_type"]), json_values)
)
def test_any_recorded_critique_is_kept(record):
    value = CRITIQUE.from_record(record, NAMES, CONTENT)
    json.dumps(CRITIQUE.to_record(value, EXTERNAL))
    assert CRITIQUE.outcome(value) is None
