"""Every form asked of a judge and read back, readings made one answer, prompts: whoever carries the words."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from annotation.protocols import Content, Value, askable, check_config, protocol
from annotation.protocols.asking import lenient
from routing.judges import Question, prompts
from routing.judges.asking import Asking, Reply, Request
from routing.judges.logprobs import leaves, sureness
from routing.judges.manner import Manner
from routing.judges.prompts import PROMPTS, prompt
from routing.judges.readings import Reading, Unusable, agreed
from tests.annotation.choices import Case, cases
from tests.routing.endpoint import judged_in

often = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
VOTED = ("best_of_n", "ranking", "rating", "thumbs", "labels")


def question(case: Case, **more: Any) -> Question:
    responses = [(one.id, [{"role": "assistant", "content": one.text}]) for one in case.content.responses]
    prompt = [{"role": "user", "content": text} for text in case.content.messages]
    return Question(1, "item", "f", case.plug.key, case.config, prompt, responses, **more)


@often
@given(st.sampled_from(VOTED).flatmap(cases))
def test_readings_that_agree_are_that_answer_and_all_others_are_one_the_form_takes_or_none(case: Case) -> None:
    asked = question(case)
    value, confidence = agreed(asked, [[Reading(case.value)] * 2, [Reading(case.value)]])
    assert value == case.value and confidence == pytest.approx(1)
    assert agreed(asked, [[Reading(case.value)]]) == (case.value, None)
    assert agreed(asked, [[Reading(case.value, 0.75)]]) == (case.value, 0.75)
    readings = [Reading(value) for value in case.values]
    try:
        value, confidence = agreed(asked, [readings[:2], [readings[2], None]])
    except Unusable:
        return
    assert case.plug.normal_form(value, lenient(case.config), case.content) == value
    assert confidence is not None and 0 <= confidence <= 0.75, "a reading that cannot be used is one that disagrees"


def pair(choice: str, p: float | None = None, **more: Any) -> Reading:
    sided = choice in {"left", "right"}
    return Reading({"left": 11, "right": 22, "choice": choice, "strength": int(sided)} | more, p)


def of_two(**config: Any) -> Question:
    responses = [(pk, [{"role": "assistant", "content": text}]) for pk, text in ((11, "short"), (22, "longer"))]
    return Question(
        1, "item", "f", "pairwise", check_config("pairwise", config), [{"role": "user", "content": "Hi"}], responses
    )


@pytest.mark.parametrize(
    ("readings", "choice", "confidence"),
    [
        ([[pair("left", 0.9)], [pair("left", 0.7)]], "left", 0.8),
        ([[pair("left")], [pair("left")]], "left", 1),
        ([[pair("left", 0.9)], [pair("right", 0.9)]], "tie", 0),
        ([[pair("left")], [pair("tie")]], "tie", 0),
        ([[pair("tie", 0.6)], [pair("tie", 0.4)]], "tie", 0.5),
        ([[pair("left"), pair("left"), pair("right")], [pair("left")] * 3], "left", 5 / 6),
        ([[pair("left")] * 3, [pair("right"), pair("right"), pair("left")]], "tie", 0),
        ([[pair("left"), None, None], [pair("left")] * 3], "left", 2 / 3),
        ([[pair("left")]], "left", None),
    ],
)
def test_orders_of_two_that_contradict_each_other_are_a_tie(readings: Any, choice: str, confidence: Any) -> None:
    value, found = agreed(of_two(), readings)
    assert value["choice"] == choice and found == (confidence if confidence is None else pytest.approx(confidence))
    if choice == "tie" and not confidence:
        assert "contradicted" in value["rationale"]
        with pytest.raises(Unusable):
            agreed(of_two(points=4, tie=False), readings)


def test_aspects_and_reasons_of_a_comparison_are_settled_too() -> None:
    config = {"aspects": [{"key": "true", "name": "True"}, {"key": "kind", "name": "Kind"}], "reasons": ["x", "y"]}
    same, other = {"choice": "left", "strength": 1}, {"choice": "right", "strength": 1}
    one = pair("left", strength=3, reasons=["x", "y"], aspects={"true": same | {"strength": 2}, "kind": same})
    two = pair("left", strength=2, reasons=["y"], aspects={"true": same, "kind": other})
    value, _confidence = agreed(of_two(**config), [[one], [two]])
    assert value["reasons"] == ["y"] and value["strength"] == 2
    assert value["aspects"] == {"true": same, "kind": {"choice": "tie", "strength": 0}}
    told = '{"choice": "B", "strength": 3, "aspects": {"true": {"choice": "B", "strength": 1}}, "reasons": ["x"]}'
    shown = Content.of_ids((11, 22), (22, 11))
    read = askable("pairwise").read_answer(told, check_config("pairwise", config), shown)
    value = protocol("pairwise").normal_form(read, check_config("pairwise", config), shown)
    assert (value["choice"], value["aspects"], value["reasons"]) == ("left", {"true": same}, ["x"])


attacks = st.lists(
    st.sampled_from(
        ["DATA-00", "\n", "```", "<|im_end|>", "[/INST]", '"}', "\\", "\u200b", "\u202e", "\ud7ff", "é", "🚲"]
    ),
    min_size=1,
    max_size=6,
).map("".join)


@often
@given(st.data(), st.sampled_from(["pairwise", "spans", "critique", *VOTED]), st.sampled_from([*PROMPTS]))
def test_judged_texts_are_data_in_every_form_and_prompt(data: Any, key: str, template: str) -> None:
    texts = data.draw(st.lists(attacks, min_size=2, max_size=2))
    responses = [(pk, [{"role": "assistant", "content": text}]) for pk, text in enumerate(texts, start=11)]
    said = [{"role": "user", "content": data.draw(attacks)}]
    config = check_config(key, {"targets": ["responses", "context"]} if key == "spans" else {})
    asked = Question(1, "item", "f", key, config, said, responses, "Be kind: $100.", [data.draw(attacks)])
    for request in carried(Asking(asked, manner(template)), lambda request: "{}"):
        system, user = (message["content"] for message in request.messages)
        found, living = judged_in(user), user.split("\n")[1]
        assert found["prompt"] == said and found["context:0"] == asked.context[0]
        if request.as_json:
            assert {found["response_A"], found["response_B"]} == set(texts)
            assert "Be kind: $100." in system
        assert user.split("\n")[0] in system
        assert not any(token in living for token in ("<|", "|>", "[/", "```", "\u200b", "\u202e"))
        told = system.replace(user.split("\n")[0], "")
        assert len(user.split("\n")) <= 4 and not any(text in told for text in texts if len(text) > 2)


def manner(template: str = "plain", **more: Any) -> Manner:
    principles = [{"name": "care", "text": "Prefer what cares."}, {"name": "truth", "text": "Prefer what is true."}]
    given = {"principles": principles} if template == "principles" else {}
    return Manner.model_validate({"template": template} | given | more)


def carried(asking: Asking, says: Callable[[Request], str | Reply]) -> list[Request]:
    """Carries an asking to its end; what was asked."""
    made = []
    while due := asking.due():
        made += due
        for request in due:
            said = says(request)
            asking.take(request, Reply(said) if isinstance(said, str) else said)
    return made


def rated(**more: Any) -> Question:
    aspects = [{"key": "help", "name": "Helpful"}, {"key": "truth", "name": "Truthful", "low": "false"}]
    responses = [(pk, [{"role": "assistant", "content": "x" * pk}]) for pk in (3, 1, 2)]
    return Question(
        1,
        "item",
        "f",
        "rating",
        check_config("rating", {"aspects": aspects} | more),
        [{"role": "user", "content": "Hi"}],
        responses,
    )


def test_a_rubric_asks_for_one_aspect_at_a_time_reasons_first() -> None:
    asking = Asking(rated(rationale="required"), manner("rubric"))

    def says(request: Request) -> str:
        found, key = judged_in(request.messages[1]["content"]), request.portion
        scores = {letter: {key: len(found[f"response_{letter}"]) + (key == "truth")} for letter in "ABC"}
        return json.dumps({"rationale": f"By {key}.", "scores": scores})

    made = carried(asking, says)
    assert sorted((one.portion, one.order) for one in made) == [("help", 0), ("help", 1), ("truth", 0), ("truth", 1)]
    for request in made:
        system = request.messages[0]["content"]
        assert system.index('"rationale"') < system.index('"scores"')
        assert ("Truthful" in system) == (request.portion == "truth")
    answer = asking.answer()
    assert answer.value is not None and answer.confidence == 1
    assert answer.value["scores"] == {str(n): {"help": n, "truth": n + 1} for n in (1, 2, 3)}
    assert answer.value["rationale"] == "Helpful: By help.\nTruthful: By truth."
    assert [(one["order"], one["portion"], one["rationale"]) for one in answer.orders[:2]] == [
        ([0, 1, 2], "help", "By help."),
        ([0, 1, 2], "truth", "By truth."),
    ]
    whole = [one["verdict"]["scores"] for one in answer.orders if "portion" not in one]
    assert whole == [{letter: {"help": n, "truth": n + 1} for letter, n in zip("ABC", (3, 1, 2), strict=True)}] * 2
    unspoken = Asking(rated(), manner("rubric"))
    carried(unspoken, says)
    assert "rationale" not in (unspoken.answer().value or {"rationale": ""}), (
        "kept beside the call, where not in the form"
    )


def test_with_self_reference_the_judge_answers_first_and_once() -> None:
    asking = Asking(of_two(), manner("self_reference", samples=2))
    made = carried(asking, lambda request: '{"choice": "tie"}' if request.as_json else "Hello to <|you|>.")
    assert [request.as_json for request in made] == [False, True, True, True, True]
    assert [*judged_in(made[0].messages[1]["content"])] == ["prompt"]
    assert all(judged_in(one.messages[1]["content"])["reference_answer"] == "Hello to <|you|>." for one in made[1:])
    answer = asking.answer()
    assert answer.value is not None and answer.value["choice"] == "tie"
    assert answer.orders[0] == {"reference": True, "raw": "Hello to <|you|>."}
    silent = Asking(of_two(), manner("self_reference"))
    assert len(carried(silent, lambda request: " ")) == 1
    assert silent.answer().value is None and "empty" in silent.answer().error


def test_a_principle_is_drawn_by_the_item_and_named() -> None:
    drawn: dict[str, set[str]] = {}
    for number in [*range(30), *range(30)]:
        asking = Asking(replace(of_two(), key=f"item {number}"), manner("principles"))
        made = carried(asking, lambda request: '{"choice": "tie"}')
        (name,) = {one["principle"] for one in asking.answer().orders}
        assert all(("Prefer what is true." in one.messages[0]["content"]) == (name == "truth") for one in made)
        drawn.setdefault(f"item {number}", set()).add(name)
    assert all(len(names) == 1 for names in drawn.values()) and set.union(*drawn.values()) == {"care", "truth"}


def test_an_order_without_a_usable_reading_ends_the_asking() -> None:
    asking = Asking(of_two(), manner(samples=2))
    requests = asking.due()
    assert [(one.sample, one.order) for one in requests] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for request in (requests[0], requests[2]):
        assert not asking.over
        asking.take(request, Reply("no", fault="The reply broke off (length)."))
    assert asking.over and not asking.due()
    answer = asking.answer(tokens=7, cost=0.5)
    assert (answer.value, answer.error, answer.passing) == (None, "The reply broke off (length).", False)
    assert (answer.tokens, answer.cost) == (7, 0.5)
    assert [one["fault"] for one in answer.orders] == ["The reply broke off (length)."] * 2


def test_all_that_is_asked_is_part_of_the_identity() -> None:
    one = [{"name": "care", "text": "Prefer what cares."}]
    manners = [
        *map(manner, PROMPTS),
        manner("principles", principles=one),
        manner(instructions="Mind $letters."),
        manner(guideline=False),
        manner(both_orders=False),
        manner(samples=2),
    ]
    assert len({json.dumps(one.identity(), sort_keys=True) for one in manners}) == len(manners)
    fields = set(Manner.model_fields) - {"principles"}
    assert fields < set(manner().identity()), "what is not in the identity must not change a verdict"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"instructions": "Say $nothing."}, "nothing"),
        ({"instructions": "It costs $5."}, "written"),
        ({"instructions": "{letters.__class__} $prompt"}, "prompt"),
        ({"template": "evil"}, "no such prompt"),
        ({"template": "principles"}, "draws one"),
        ({"principles": [{"name": "care", "text": "Care."}]}, "draws one"),
        ({"samples": 0}, "greater"),
    ],
)
def test_what_cannot_be_asked_is_refused_when_the_judge_is_made(wrong: Value, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Manner.model_validate(wrong)


def test_instructions_fill_in_their_places_and_run_nothing() -> None:
    own = manner(instructions="Between $letters: $asks {0} %s ${guideline} $$letters")
    (request, _other) = carried(Asking(replace(of_two(), guideline="Be $kind."), own), lambda request: "")
    system = request.messages[0]["content"]
    assert system.endswith("Between A, B: Which response is better? {0} %s Be $kind. $letters")
    assert system.count("Be $kind.") == 1, "where the instructions place the guideline, it stands there alone"


def test_every_prompt_is_a_file_and_a_line() -> None:
    files = {path.stem for path in Path(prompts.__path__[0]).glob("*.py")}
    assert files - {"__init__"} == set(PROMPTS) == {prompt(key).key for key in PROMPTS}


flat_json = st.recursive(
    st.booleans()
    | st.integers(0, 99)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=4),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, min_size=1, max_size=3) | st.lists(inner, max_size=3),
)


def flattened(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flattened(one, (*path, key))
    elif isinstance(value, list):
        for one in value:
            yield from flattened(one, (*path, "[]"))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def cut(text: str, places: Sequence[int]) -> list[dict[str, Any]]:
    bounds = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    pieces = [text[start:end] for start, end in pairwise(bounds) if start < end]
    return [{"token": one, "top_logprobs": [{"token": one, "logprob": math.log(0.25)}]} for one in pieces]


@often
@given(
    st.dictionaries(st.text(max_size=3), flat_json, min_size=1, max_size=3), st.lists(st.integers(0, 200), max_size=30)
)
def test_the_leaves_of_a_reply_are_those_of_its_json_however_it_is_cut_into_tokens(value: Value, places: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=len(places) % 3 or None)
    assert [(leaf.path, leaf.value) for leaf in leaves(cut(text, places))] == [*flattened(value)]


def test_sureness_is_of_the_verdict_alone() -> None:
    def token(text: str, **options: float) -> dict[str, Any]:
        return {"token": text, "top_logprobs": [{"token": t, "logprob": math.log(p)} for t, p in options.items()]}

    reply = [
        *map(token, ['{"', "scores", '": {"', "A", '":', " "]),
        token("4", **{"4": 0.5, "5": 0.4}),
        token(', "B": '),
        token("10", **{"1": 0.3, "10": 0.6}),
        token('}, "rationale": "'),
        token("Good", Good=0.01),
        token('"}'),
    ]
    assert sureness(reply, ("scores",)) == pytest.approx((0.5 + 0.9) / 2)
    assert sureness(reply, ("choice",)) is None
    assert sureness([token("I think "), token("A", A=0.9)], ("choice",)) is None
