"""What forms of choices teach and how they are settled, what their records say, and the settings as a table."""

from typing import Any

import pytest

from annotation.consensus import Vote, rule
from annotation.protocols import Content, Preference, Shown, check_config, protocol
from common.configs import form_fields
from tests.annotation.choices import ABC, ASPECT, SLIDER, TONE


def pairs(key: str, answer: dict, config: dict | None = None) -> list[tuple[int, int, float, float]]:
    plug = protocol(key)
    value = plug.normal_form(answer, check_config(key, config or {}), ABC)
    return [(one.chosen_id, one.rejected_id, one.strength, one.soft) for one in plug.preferences(value)]


def test_what_training_learns_from_each():
    """A is 22, B is 33, C is 11."""
    assert pairs("best_of_n", {"best": "A"}) == [(22, 11, 1, 1), (22, 33, 1, 1)]
    both = pairs("best_of_n", {"best": "A", "worst": "C"}, {"worst": "optional"})
    assert both == [(22, 33, 1, 1), (22, 11, 1, 1), (33, 11, 1, 1)]
    assert pairs("best_of_n", {"best": "none"}, {"none": True}) == []
    ranked = {"tiers": [["A"], ["B", "C"]]}
    assert pairs("ranking", ranked) == [(22, 11, 1, 1), (11, 33, 0, 0.5), (22, 33, 1, 1)]
    rejected = {"tiers": [["B"]], "rejected": ["A", "C"]}
    assert pairs("ranking", rejected, {"reject": True}) == [(33, 11, 1, 1), (33, 22, 1, 1)]
    scores = {"A": {"overall": 5}, "B": {"overall": 4}, "C": {"overall": None}}
    assert pairs("rating", {"scores": scores}) == [(22, 33, 1, 1)]
    assert pairs("rating", {"scores": scores}, {"min_difference": 2}) == []
    slid = {"A": {"style": 71}, "B": {"style": 40}, "C": {"style": 75}}
    assert pairs("rating", {"scores": slid}, SLIDER) == [(11, 33, 3.5, 1), (22, 33, 3.1, 1)]
    thumbs = {"A": {"value": "up"}, "B": {"value": "down"}, "C": {"value": "neutral"}}
    assert pairs("thumbs", thumbs, {"neutral": True}) == [(22, 33, 1, 1)]
    assert pairs("labels", {"answers": {name: {"follows": True} for name in "ABC"}}) == []


def test_a_rating_learns_from_the_mean_of_aspects_unless_one_is_overall():
    two = {"aspects": [ASPECT, ASPECT | {"key": "truth"}]}
    scores = {"A": {"style": 5, "truth": 2}, "B": {"style": 2, "truth": 3}, "C": {"style": None, "truth": 1}}
    assert pairs("rating", {"scores": scores}, two) == [(22, 11, 1, 1), (33, 11, 2, 1), (22, 33, 1, 1)]
    overall = {"aspects": [ASPECT, ASPECT | {"key": "overall"}]}
    scores = {"A": {"style": 5, "overall": 2}, "B": {"style": 1, "overall": 3}, "C": {"style": 1, "overall": None}}
    assert pairs("rating", {"scores": scores}, overall) == [(33, 22, 1, 1)]


def settled(key: str, answers: list[dict], config: dict | None = None) -> Any:
    plug = protocol(key)
    values = [plug.normal_form(answer, check_config(key, config or {}), ABC) for answer in answers]
    return rule(plug.rule).settle([Vote(n, value, True) for n, value in enumerate(values)], plug)


def test_the_mean_leaves_out_who_cannot_tell():
    said = [{"A": a, "B": 2, "C": c} for a, c in ((5, None), (4, None), (None, None), (3, None))]
    label = settled("rating", [{"scores": {name: {"overall": n} for name, n in one.items()}} for one in said])
    assert label.value["scores"] == {"11": {"overall": None}, "22": {"overall": 4.0}, "33": {"overall": 2.0}}
    assert label.value["counts"] == {"22": {"overall": 3}, "33": {"overall": 4}}
    assert label.value["spreads"]["22"]["overall"] == pytest.approx(0.816497)
    # Of A's three scores two pairs lie one point apart and one pair two, of four: 1 - 4/12; B's agree.
    assert label.confidence == pytest.approx((2 / 3 + 1) / 2)
    assert protocol("rating").preferences(label.value) == [Preference(22, 33, 2.0, 1.0)]


def test_a_ranking_is_settled_pair_by_pair():
    orders = ["ABC", "ABC", "CAB"]
    label = settled("ranking", [{"tiers": [[letter] for letter in order]} for order in orders])
    assert label.value["tiers"] == [[22], [33], [11]]
    assert label.soft["11~22=22"] == pytest.approx(2 / 3) and label.soft["22~33=22"] == 1
    against = settled("ranking", [{"tiers": [["A"], ["B"], ["C"]]}, {"tiers": [["C"], ["B"], ["A"]]}])
    assert against.value["split"] == ["11~22", "11~33", "22~33"] and against.confidence == pytest.approx(4.5 / 6)
    assert protocol("ranking").preferences(against.value, against.soft) == [], "a split vote is not a tie"
    circle = settled("ranking", [{"tiers": [[one] for one in order]} for order in ("ABC", "BCA", "CAB")])
    assert circle.value["tiers"] == [[11, 22, 33]]


def test_each_question_and_each_step_is_settled_by_itself():
    config = {"target": "item", "questions": [{"key": "safe", "label": "Safe?"}, TONE | {"required": False}]}
    said = [{"safe": True, "tone": "warm"}, {"safe": True}, {"safe": False}]
    label = settled("labels", [{"answers": {"item": one}} for one in said], config)
    assert label.value == {"answers": {"item": {"safe": True, "tone": "warm"}}}
    assert label.soft == {
        "item.safe=true": pytest.approx(2 / 3),
        "item.safe=false": pytest.approx(1 / 3),
        'item.tone="warm"': 1,
    }
    steps = [{"A": {"labels": ["good"]}, "C": {"labels": ["good", last]}} for last in ("bad", "good")]
    label = settled("steps", steps)
    assert label.value["11"] == {"labels": ["good", "unknown"]} and label.value["split"] == ["11.1"]
    firsts = [{"A": {"first_error": None}, "C": {"first_error": n}} for n in (1, 1, None)]
    label = settled("steps", firsts, {"ask": "first_error"})
    assert label.value["11"] == {"labels": ["good", "bad"], "first_error": 1}


def test_reasons_of_thumbs_are_kept_where_most_gave_them():
    config = {"target": "item", "reasons": [{"key": "funny", "label": "Funny"}, {"key": "long", "label": "Long"}]}
    said = [{"value": "up", "reasons": ["funny"]}, {"value": "up", "reasons": ["funny", "long"]}, {"value": "down"}]
    label = settled("thumbs", [{"item": one} for one in said], config)
    assert label.value == {"item": {"value": "up", "reasons": ["funny"]}}
    assert protocol("thumbs").in_words({"item": label.value["item"]}, check_config("thumbs", config)) == [
        "Good (Funny)"
    ]


def test_records_of_the_field():
    """Payloads as other tools have them: one target each, a first error without marks, something unranked."""
    names = {"x": 11, "y": 22, "z": 33}
    steps = protocol("steps")
    mistake = {"kind": "steps", "target": {"response_id": "x"}, "first_error": 1}
    assert steps.from_record(mistake, names, ABC) == {"11": {"labels": ["good", "bad"], "first_error": 1}}
    none = steps.from_record(mistake | {"first_error": None}, names, ABC)
    assert none == {"11": {"labels": ["good", "good"], "first_error": None}}
    thumb = {"kind": "thumbs", "target": {"message_index": 1}, "value": "down", "reasons": ["spam"]}
    value = protocol("thumbs").from_record(thumb, names, ABC)
    assert value == {"message:1": {"value": "down", "reasons": ["spam"]}}
    assert protocol("thumbs").to_record(value, {}) == thumb
    rating = {"kind": "rating", "scores": {"fluency": 71.5}, "scales": {"fluency": {"min": 0, "max": 100, "step": 0.5}}}
    assert protocol("rating").from_record(rating, names, ABC)["scores"] == {"item": {"fluency": 71.5}}
    assert "raw" in protocol("rating").from_record({"kind": "rating", "scores": {"fluency": 7}}, names, ABC), "no scale"
    order = {"kind": "ranking", "tiers": [["x"], ["y", "z"]], "rejected": [], "unranked": []}
    assert protocol("ranking").from_record(order, names, ABC) == {"tiers": [[11], [22, 33]], "rejected": []}
    assert protocol("best_of_n").from_record(order, names, ABC)["best"] == 11
    partly = order | {"tiers": [["x"], ["y"]], "unranked": ["z"]}
    assert protocol("ranking").from_record(partly, names, ABC) == {"raw": partly}


def test_steps_are_cut_where_the_form_says():
    content = Content((Shown(1, "A", "First.\r\nStill.\r\n \r\n\r\nSecond.\n"),))
    cards = {}
    for cut in ("paragraphs", "lines"):
        config = check_config("steps", {"steps": cut})
        cards[cut] = [row["text"] for row in protocol("steps").controls(config, {}, content).cards["A"]["rows"]]
    assert cards == {"paragraphs": ["First.\r\nStill.", "Second.\n"], "lines": ["First.", "Still.", "Second."]}
    value = protocol("steps").normal_form(
        {"A": {"labels": ["good", "bad"]}}, check_config("steps", {"steps": "paragraphs"}), content
    )
    assert value == {"1": {"labels": ["good", "bad"], "cut": "paragraphs"}}


def test_a_table_of_questions_comes_back_as_it_was_shown():
    """The form's page shows a list of settings as a table; its empty rows are none, and options are lines."""
    options = [{"key": "warm", "label": "Warm"}, {"key": "row_2", "label": "冷たい"}]
    config = check_config("labels", {"questions": [TONE | {"options": options}, {"key": "safe", "label": "Safe?"}]})
    table = form_fields(protocol("labels").Config)["questions"]
    posted: dict[str, str] = {}
    for number, row in enumerate([*config["questions"], {"kind": "yes_no", "required": True}]):
        for key, column in table.columns.items():
            shown = column.prepare_value(row.get(key))
            if shown not in (None, "", False):
                posted[f"questions-{number}-{key}"] = "on" if shown is True else str(shown)
    assert posted["questions-0-options"] == "warm: Warm\nrow_2: 冷たい"
    read = table.clean(table.widget.value_from_datadict(posted, {}, "questions"))
    assert check_config("labels", {"questions": read}) == config
    posted["questions-0-options"] = "Warm\n冷たい"
    read = table.clean(table.widget.value_from_datadict(posted, {}, "questions"))
    assert read[0]["options"] == options
