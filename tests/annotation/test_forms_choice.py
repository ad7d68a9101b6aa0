"""The forms made of choices: best of n, ranking, rating, thumbs, labels, steps; and the rules that settle them."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.consensus import Vote, rule
from annotation.protocols import Shape, check_config, default_config, protocol
from common.errors import Invalid
from tests.annotation.choices import ABC, ASPECT, KEYS, SLIDER, TONE, Case, cases, junk, shown_otherwise

often = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
every_form = pytest.mark.parametrize("key", KEYS)


def drawn(key: str, data: Any) -> Case:
    return data.draw(cases(key))


@every_form
@often
@given(data=st.data())
def test_stored_shown_and_posted_it_is_the_same(key, data):
    case = drawn(key, data)
    plug, value = case.plug, case.value
    assert case.stored(value) == value, "the normal form is its own"
    assert json.loads(json.dumps(value)) == value
    shown = plug.display_form(value, case.content)
    assert case.stored(shown) == value, "shown and read back"
    for answer in (shown, case.answer):
        parts: dict[str, list[str]] = {}
        for part, text in plug.as_posted(answer, case.config):
            parts.setdefault(part, []).append(text)
        posted = plug.read_posted(parts, case.config)
        assert posted is not None and case.stored(posted) == value, "posted by a browser"
        assert plug.as_posted(posted, case.config) == plug.as_posted(answer, case.config), "a draft fills the form"
    assert plug.read_posted({}, case.config) is None
    assert all(plug.in_words(shown, case.config)) and plug.in_words({}, case.config)


@every_form
@often
@given(data=st.data())
def test_the_order_shown_changes_nothing(key, data):
    case = drawn(key, data)
    order = data.draw(st.permutations(range(len(case.content.responses))))
    other = shown_otherwise(case.content, order)
    turned = case.plug.display_form(case.value, other)
    assert case.plug.normal_form(turned, case.config, other) == case.value


@every_form
@often
@given(data=st.data())
def test_a_record_holds_all_of_it(key, data):
    case = drawn(key, data)
    record = json.loads(json.dumps(case.plug.to_record(case.value, case.names)))
    assert record["kind"] in case.plug.record_kinds
    assert str(sorted(case.names)) not in json.dumps(record), "no id of ours"
    names = {name: pk for pk, name in case.names.items()}
    value = {part: said for part, said in case.value.items() if part != "learn"}
    assert case.plug.from_record(record, names, case.content) == value
    assert case.plug.to_record(value, case.names) == record


@every_form
@often
@given(data=st.data())
def test_the_controls_hold_what_was_answered(key, data):
    """What a browser without scripts would post back from the page is the answer."""
    case = drawn(key, data)
    controls = case.plug.controls(case.config, case.answer, case.content)
    found = sorted(_checked([controls.answer, controls.cards]))
    posted = [(part, text) for part, text in case.plug.as_posted(case.answer, case.config) if part != "rationale"]
    assert found == sorted(posted)
    assert controls.answer.get("text", "") == case.answer.get("rationale", "")


def _checked(drawn: Any, part: str = "") -> list[tuple[str, str]]:
    """(part, value) of the inputs that the drawn groups would post."""
    if isinstance(drawn, dict):
        part = drawn.get("part", part)
        if drawn.get("chosen") is True and drawn.get("value"):
            return [(part, drawn["value"])]
        if "letter" in drawn and "lanes" in drawn:
            return [(drawn["letter"], lane["value"]) for lane in drawn["lanes"] if lane["chosen"]]
        text = drawn.get("number") if drawn.get("slider") else drawn.get("value") if drawn.get("number") else ""
        own = [(part, str(text))] if text != "" and text is not None else []
        if "first" in drawn:
            part = drawn["first"]["part"]
        return own + [one for inner in drawn.values() for one in _checked(inner, part)]
    if isinstance(drawn, list):
        return [one for inner in drawn for one in _checked(inner, part)]
    return []


@every_form
@often
@given(data=st.data())
def test_distance_is_zero_for_the_same_outcome_only(key, data):
    case = drawn(key, data)
    a, b, c = case.values
    between = case.plug.distance
    for one, other in ((a, b), (b, c), (a, a)):
        far = between(one, other)
        assert 0 <= far <= 1 and far == between(other, one)
        assert (far == 0) == (case.plug.outcome(one) == case.plug.outcome(other))
    if key != "thumbs":  # where thumbs may be left out, shares are of different wholes
        assert between(a, c) <= between(a, b) + between(b, c) + 1e-9


@every_form
@often
@given(data=st.data())
def test_a_label_is_a_value_that_can_be_shown(key, data):
    """Whatever the votes are: the label is shown, learnt from and lies between 0 and 1; one voice is heard as it is."""
    case = drawn(key, data)
    settle = rule(case.plug.rule).settle
    says_something = getattr(case.plug, "measures", bool)  # a rating of nothing but "cannot tell" says nothing
    usable = [value for value in case.values if says_something(value)]
    label = settle([Vote(n, value, True) for n, value in enumerate(case.values)], case.plug)
    if not usable:
        assert label is None
        return
    assert 0 <= label.confidence <= 1 and len(label.votes) == len(usable)
    assert json.loads(json.dumps(label.value)) == label.value
    shown = case.plug.display_form(label.value, case.content)
    assert all(case.plug.in_words(shown, case.config))
    parts: dict[str, float] = {}
    for outcome, share in label.soft.items():
        part = outcome.partition("=")[0]
        parts[part] = parts.get(part, 0) + share
        assert case.plug.outcome_in_words(outcome, case.content)
    assert all(total == pytest.approx(1) for total in parts.values())
    for pair in case.plug.preferences(label.value, label.soft):
        assert {pair.chosen_id, pair.rejected_id} <= set(case.content.ids) and pair.chosen_id != pair.rejected_id
        assert 0 <= pair.soft <= 1 and pair.strength >= 0
    alone = settle([Vote(1, usable[0], True), Vote(2, case.values[1], False)], case.plug)
    assert alone.confidence == 1 and case.plug.outcome(alone.value) == case.plug.outcome(usable[0])
    assert settle([Vote(1, {"raw": "?"}, True)], case.plug) is None


@every_form
@often
@given(data=st.data())
def test_anything_else_is_refused_by_name(key, data):
    case = drawn(key, data)
    raw = data.draw(junk | st.dictionaries(st.sampled_from(_parts(case)), junk, max_size=3))
    raw = (case.answer | raw) if isinstance(raw, dict) and data.draw(st.booleans()) else raw
    try:
        value = case.stored(raw)
    except Invalid as fault:
        assert fault.fields or not isinstance(raw, dict)
        assert all(texts and all(texts) for texts in fault.fields.values())
        return
    assert case.stored(value) == value


def _parts(case: Case) -> list[str]:
    return [*case.answer, "A", "item", "message:0", "best", "worst", "tiers", "rejected", "scores", "answers"]


@every_form
@often
@given(data=st.data())
def test_no_record_and_no_post_breaks_it(key, data):
    case = drawn(key, data)
    names = {name: pk for pk, name in case.names.items()}
    record = case.plug.to_record(case.value, case.names)
    spoilt = data.draw(st.sampled_from(sorted(record)))
    value = case.plug.from_record(record | {spoilt: data.draw(junk)}, names, case.content)
    case.plug.outcome(value)
    case.plug.display_form(value, case.content)
    case.plug.preferences(value)
    posted = data.draw(st.dictionaries(st.sampled_from(["A", "A.0", "item", "A.safe", "best"]), st.lists(st.text())))
    case.plug.read_posted(posted, case.config)


@pytest.mark.parametrize(
    ("key", "config", "faulty"),
    [
        ("best_of_n", {"worst": "maybe"}, "worst"),
        ("ranking", {"rounds": "many"}, "rounds"),
        ("rating", {"aspects": []}, "aspects"),
        ("rating", {"aspects": [ASPECT, ASPECT]}, "aspects"),
        ("rating", {"aspects": [ASPECT | {"key": "Not a key"}]}, "aspects.0.key"),
        ("rating", {"min_difference": 0}, "min_difference"),
        ("thumbs", {"target": "world"}, "target"),
        ("thumbs", {"reasons": [{"key": "a", "label": "A"}, {"key": "a", "label": "B"}]}, "reasons"),
        ("labels", {"questions": [TONE, TONE]}, "questions"),
        ("labels", {"questions": [TONE | {"options": []}]}, "questions.0"),
        ("labels", {"questions": [TONE | {"kind": "number"}]}, "questions.0"),
        ("steps", {"steps": "words"}, "steps"),
        ("steps", {"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_config_is_refused_by_name(key, config, faulty):
    with pytest.raises(Invalid) as found:
        check_config(key, config)
    assert list(found.value.fields) == [faulty]


@pytest.mark.parametrize(
    ("key", "config", "answer", "faulty"),
    [
        ("best_of_n", {}, {}, ["best"]),
        ("best_of_n", {}, {"best": "D"}, ["best"]),
        ("best_of_n", {}, {"best": "none"}, ["best"]),
        ("best_of_n", {"worst": "required"}, {"best": "A"}, ["worst"]),
        ("best_of_n", {"worst": "required"}, {"best": "A", "worst": "A"}, ["worst"]),
        ("best_of_n", {}, {"best": "A", "worst": "B"}, ["worst"]),
        ("best_of_n", {}, {"best": "A", "rationale": 3}, ["rationale"]),
        ("best_of_n", {}, {"best": 11, "among": [11, 22]}, ["among"]),
        ("ranking", {}, {"tiers": [["A"], ["B"]]}, ["tiers"]),
        ("ranking", {}, {"tiers": [["A"], ["B"], ["C", "A"]]}, ["tiers"]),
        ("ranking", {"ties": False}, {"tiers": [["A"], ["B", "C"]]}, ["tiers"]),
        ("ranking", {}, {"tiers": [["A"], ["B"]], "rejected": ["C"]}, ["rejected"]),
        ("ranking", {}, {"tiers": "ABC"}, ["tiers"]),
        ("rating", {}, {"scores": {"A": {"overall": 6}}}, ["A.overall", "B.overall", "C.overall"]),
        ("rating", {"target": "item"}, {"scores": {"item": {"overall": 2.5}}}, ["item.overall"]),
        ("rating", {"target": "item"}, {"scores": {"item": {"style": 2, "overall": 2}}}, ["item.style"]),
        ("rating", {"target": "item"}, {"scores": {"A": {"overall": 2}}}, ["A"]),
        ("rating", {"target": "item"} | SLIDER, {}, ["item.style"]),
        ("rating", {"target": "item", "cannot_tell": False}, {"scores": {"item": {"overall": None}}}, ["item.overall"]),
        ("thumbs", {}, {"A": {"value": "up"}, "B": {"value": "sideways"}}, ["B", "C"]),
        ("thumbs", {"every": False}, {}, ["A"]),
        ("thumbs", {"target": "messages"}, {"message:0": {"value": "up"}}, ["message:1"]),
        ("thumbs", {"target": "item"}, {"item": {"value": "up", "reasons": ["nice"]}}, ["item.reasons"]),
        ("labels", {"target": "item"}, {"answers": {"item": {"follows": "yes"}}}, ["item.follows"]),
        ("labels", {"target": "item"}, {"answers": {"item": {}}}, ["item.follows"]),
        ("labels", {"target": "item"}, {}, ["answers"]),
        ("labels", {"target": "item", "questions": [TONE]}, {"answers": {"item": {"tone": None}}}, ["item.tone"]),
        ("labels", {"target": "item", "questions": [TONE]}, {"answers": {"item": {"tone": "hot"}}}, ["item.tone"]),
        ("steps", {}, {"C": {"labels": ["good"]}}, ["A", "C.1"]),
        ("steps", {}, {"A": {"labels": ["good"]}, "C": {"labels": ["good", "fine"]}}, ["C.1"]),
        ("steps", {}, {"A": {"labels": ["good"]}, "B": {"labels": []}, "C": {"labels": ["bad", "bad"]}}, ["B"]),
        ("steps", {"ask": "first_error"}, {"A": {"first_error": 1}, "C": {"first_error": None}}, ["A"]),
    ],
)
def test_a_wrong_value_is_refused_by_name(key, config, answer, faulty):
    with pytest.raises(Invalid) as found:
        protocol(key).normal_form(answer, check_config(key, config), ABC)
    assert sorted(found.value.fields) == faulty


@pytest.mark.parametrize(
    ("key", "config", "shape", "fits"),
    [
        ("best_of_n", {}, Shape(1), False),
        ("best_of_n", {"worst": "required"}, Shape(2), False),
        ("best_of_n", {}, Shape(26), True),
        ("ranking", {}, Shape(9), False),
        ("ranking", {}, Shape(8), True),
        ("rating", {}, Shape(0), False),
        ("rating", {"target": "item"}, Shape(0), True),
        ("thumbs", {"target": "messages"}, Shape(0), True),
        ("labels", {}, Shape(0), False),
        ("steps", {}, Shape(2), False),
        ("steps", {}, Shape(2, steps=True), True),
        ("steps", {"steps": "lines"}, Shape(2), True),
    ],
)
def test_which_items_fit(key, config, shape, fits):
    assert bool(protocol(key).check_item(shape, check_config(key, config))) is not fits


def test_the_names_of_a_form_say_nothing_of_ids():
    for key in KEYS:
        controls = protocol(key).controls(default_config(key), {}, ABC)
        assert not {"11", "22", "33"} & {str(one) for one in _leaves([controls.answer, controls.cards])}


def _leaves(drawn: Any) -> list[Any]:
    if isinstance(drawn, dict):
        return [one for inner in drawn.values() for one in _leaves(inner)]
    return [one for inner in drawn for one in _leaves(inner)] if isinstance(drawn, list) else [drawn]
