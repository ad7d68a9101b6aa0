"""Every form as a judge is asked by it: what it may say back, in whatever order the responses are shown."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.protocols import Content, Shown, Value, askable, check_config, protocol
from annotation.protocols.asking import lenient
from tests.annotation.choices import Case, cases, junk, shown_otherwise

often = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
VOTED = ("best_of_n", "ranking", "rating", "thumbs", "labels")
any_case = st.sampled_from(VOTED).flatmap(cases)


def read(case: Case, answer: Value, content: Content) -> Value | None:
    """What a judge's `answer` to a case comes to, in normal form."""
    plug = askable(case.plug.key)
    known = {key: one for key, one in answer.items() if one or key in plug.question(case.config, content).answer}
    told = plug.read_answer(json.dumps(known), case.config, content)
    return None if told is None else case.plug.normal_form(told, lenient(case.config), content)


@often
@given(any_case, st.data())
def test_what_a_judge_says_is_what_a_person_would_have_said_in_whatever_order(case: Case, data: Any) -> None:
    assert read(case, case.answer, case.content) == case.value
    turned = shown_otherwise(case.content, data.draw(st.permutations(range(len(case.content.responses)))))
    assert read(case, case.plug.display_form(case.value, turned), turned) == case.value


@often
@given(any_case, junk, st.data())
def test_what_is_not_of_the_form_is_none_and_never_an_error(case: Case, said: object, data: Any) -> None:
    plug, broken = askable(case.plug.key), dict(case.answer)
    broken[data.draw(st.sampled_from([*broken, "also"]))] = said
    for text in (json.dumps(said), str(said), json.dumps(broken), f"Sure: {json.dumps(case.answer)}"):
        told = plug.read_answer(text, case.config, case.content)
        if told is not None:  # then the door takes it
            case.plug.normal_form(told, lenient(case.config), case.content)
    assert plug.read_answer(f"Sure: {json.dumps(case.answer)}", case.config, case.content) is None
    assert plug.read_answer(json.dumps(case.answer | {"also": 1}), case.config, case.content) is None


@often
@given(st.sampled_from(["best_of_n", "ranking"]).flatmap(cases))
def test_a_judge_that_names_ids_is_not_heard(case: Case) -> None:
    assert read(case, {key: one for key, one in case.value.items() if key in case.answer}, case.content) is None


TEXT = "Two 🚲🚲 wheels.\r\nTwo wheels, he said: two\u200b wheels. (e\u0301)"
SPANS = {"targets": ["responses", "context", "messages"], "evidence": True, "severity": "optional"}
THERE = Content((Shown(7, "B", "ab"), Shown(8, "A", TEXT)), ("Three wheels.",), ("How many?",))


@pytest.mark.parametrize(
    ("span", "segments"),
    [
        ({"quote": "wheels, he"}, (20, 30)),
        ({"quote": "🚲 wheels"}, (5, 13)),
        ({"quote": "Two", "occurrence": 2}, (16, 19)),
        ({"quote": "🚲", "occurrence": 2}, (5, 6)),
        ({"quote": "e\u0301"}, (51, 53)),
        ({"quote": "ten wheels"}, None),  # it does not stand there
        ({"quote": "Two"}, None),  # nobody knows which
        ({"quote": "Two", "occurrence": 3}, None),
        ({"quote": "Two", "occurrence": True}, None),
        ({"quote": "two wheels"}, None),  # without what hides in it
        ({"quote": ""}, None),
        ({"quote": "ab"}, None),  # of another text
        ({"quote": "Two wheels, he", "segments": [{"start": 0, "end": 14}]}, None),  # it cannot count
        ({"quote": "wheels, he", "in": "C"}, None),
        ({"quote": "wheels, he", "severity": "grave"}, None),
        ({"quote": "wheels, he", "evidence": [{"in": "context:0", "quote": "Four"}]}, None),
    ],
)
def test_marks_are_quotes_that_stand_in_the_text_once(span: Value, segments: Any) -> None:
    config = check_config("spans", SPANS)
    said = {"spans": [{"in": "A", "category": "incorrect"} | span]}
    told = askable("spans").read_answer(json.dumps(said), config, THERE)
    if segments is None:
        assert told is None
        return
    assert told is not None
    (found,) = protocol("spans").normal_form(told, config, THERE)["spans"]
    assert found["target"] == {"response": 8} and found["segments"] == [{"start": segments[0], "end": segments[1]}]
    assert TEXT[slice(*segments)] == found["quote"]


def test_marks_in_other_texts_what_is_missing_and_nothing_at_all() -> None:
    config, plug = check_config("spans", SPANS), askable("spans")
    said = [
        {
            "in": "context:0",
            "quote": "Three",
            "category": "unclear",
            "evidence": [{"in": "context:0", "quote": "Three"}],
        },
        {"in": "message:0", "quote": "many", "category": "unclear", "comment": "Which?"},
        {"omission": True, "response": "B", "category": "incorrect", "comment": "The number."},
    ]
    told = plug.read_answer(json.dumps({"spans": said}), config, THERE)
    assert told is not None
    context, message, missing = protocol("spans").normal_form(told, config, THERE)["spans"]
    assert context["evidence"] == [{"context": 0, "start": 0, "end": 5, "quote": "Three"}]
    assert message["target"] == {"message": 0} and message["comment"] == "Which?"
    assert missing["omission"] is True and missing["response"] == 7
    assert plug.read_answer('{"none": true}', config, THERE) == {"none": True}
    assert plug.read_answer('{"spans": []}', config, THERE) is None, "that nothing was marked is no answer"


def test_critiques_are_of_the_item_or_of_each_response() -> None:
    aspects = [{"key": "tone", "name": "Tone"}]
    whole, each = (check_config("critique", {"of": of, "aspects": aspects}) for of in ("item", "responses"))
    plug, said = askable("critique"), {"text": "It is rude.", "aspects": ["tone"]}
    assert plug.read_answer(json.dumps(said), whole, THERE) == said
    assert plug.read_answer(json.dumps({"responses": {"A": said, "B": said}}), each, THERE) is not None
    for wrong in ({"responses": {"A": said}}, {"responses": {"A": said, "C": said}}, said, {"target": "A"} | said):
        assert plug.read_answer(json.dumps(wrong), each, THERE) is None
