"""The protocol `pairwise`, the rule `majority`, and agreement: pure functions against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus import RULES, Vote, rule
from annotation.protocols import PROTOCOLS, Content, Preference, check_config, default_config, protocol
from annotation.protocols.scales import scale
from annotation.quality import MISSING, cohen_kappa, krippendorff_alpha, pooled_agreement, raw_agreement
from common.errors import Invalid

P = protocol("pairwise")
IDS = (11, 22)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
near_misses = st.fixed_dictionaries(
    {},
    optional={
        "choice": st.sampled_from(["A", "B", "tie", "both_bad", "left", "right", "C", ""]) | json_values,
        "strength": st.integers(-1, 6) | json_values,
        "scale": st.none() | st.integers(-1, 11),
        "rationale": st.text() | json_values,
        "left": st.sampled_from([11, 22, 33, "11"]),
        "right": st.sampled_from([11, 22, 33, True]),
    },
)


@st.composite
def configs(draw):
    points = draw(st.integers(3, 9))
    tie = True if points % 2 else draw(st.booleans())
    rationale = draw(st.sampled_from(["off", "optional", "required"]))
    return check_config(
        "pairwise", {"points": points, "tie": tie, "both_bad": draw(st.booleans()), "rationale": rationale}
    )


def test_every_protocol_and_rule_loads_and_says_who_it_is():
    for key in PROTOCOLS:
        assert protocol(key).key == key and check_config(key, default_config(key))
    for key in RULES:
        assert rule(key).key == key
    with pytest.raises(Invalid):
        protocol("nope")


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"points": 2}, "points"),
        ({"points": 10}, "points"),
        ({"points": "7"}, "points"),
        ({"points": True}, "points"),
        ({"points": 7, "tie": False}, "tie"),
        ({"tie": 1}, "tie"),
        ({"rationale": "maybe"}, "rationale"),
        ({"colour": 1}, "colour"),
        ([], "config"),
    ],
)
def test_a_wrong_config_is_refused_by_name(config, key):
    with pytest.raises(Invalid) as found:
        check_config("pairwise", config)
    assert list(found.value.fields) == [key]


@given(configs())
def test_the_scale_is_symmetric_and_its_digits_mean_what_they_say(config):
    points = scale(config["points"])
    assert [point.digit for point in points] == list(range(1, config["points"] + 1))
    swap = {"A": "B", "B": "A", "tie": "tie"}
    assert [(p.choice, p.strength) for p in points] == [(swap[p.choice], p.strength) for p in reversed(points)]
    assert len({point.words(config["points"]) for point in points}) == len(points)
    extra = {"rationale": "because"} if config["rationale"] == "required" else {}
    for point in points:
        by_digit = P.normal_form({"scale": point.digit} | extra, config, Content.of_ids(IDS, IDS))
        named = {"choice": point.choice, "strength": point.strength}
        assert by_digit == P.normal_form(named | extra, config, Content.of_ids(IDS, IDS))


@given(near_misses | json_values, configs(), st.booleans())
def test_whatever_is_posted_is_stored_whole_or_refused(raw, config, swapped):
    shown = IDS[::-1] if swapped else IDS
    try:
        value = P.normal_form(raw, config, Content.of_ids(IDS, shown))
    except Invalid as fault:
        assert fault.fields or not isinstance(raw, dict)
        return
    assert (value["left"], value["right"]) == IDS and value["choice"] in P.outcomes
    assert (value["strength"] == 0) == (value["choice"] in {"tie", "both_bad"})
    assert 0 <= value["strength"] <= config["points"] // 2
    assert value == P.normal_form(value, config, Content.of_ids(IDS, shown)), "the normal form is its own"
    again = P.normal_form(P.display_form(value, Content.of_ids(IDS, shown)), config, Content.of_ids(IDS, shown))
    assert again == value, "shown and read back it is the same"


def test_the_order_shown_does_not_change_what_was_chosen():
    config = default_config("pairwise")
    straight = P.normal_form({"choice": "A", "strength": 2}, config, Content.of_ids(IDS, IDS))
    crossed = P.normal_form({"choice": "B", "strength": 2}, config, Content.of_ids(IDS, IDS[::-1]))
    by_ids = {"left": 22, "right": 11, "choice": "right", "strength": 2}
    assert straight == crossed == P.normal_form(by_ids, config, Content.of_ids(IDS, IDS))
    assert straight == {"left": 11, "right": 22, "choice": "left", "strength": 2}


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ({"left": "x", "right": "y", "choice": "left", "strength": 3}, ("left", 3)),
        ({"left": "y", "right": "x", "choice": "left"}, ("right", 1)),
        ({"left": "y", "right": "x", "choice": "tie", "strength": 2}, ("tie", 0)),
    ],
)
def test_records_come_into_item_order(said, value):
    found = P.from_record(said, {"x": 11, "y": 22}, Content.of_ids(IDS, IDS))
    assert (found["left"], found["right"], found["choice"], found["strength"]) == (*IDS, *value)


@given(st.dictionaries(st.sampled_from(["left", "right", "choice", "strength", "verdict_raw"]), json_values))
def test_a_record_that_cannot_be_used_is_kept_and_never_votes(said):
    value = P.from_record(said, {"x": 11, "y": 22}, Content.of_ids(IDS, IDS))
    assert value["choice"] == "unsure" and P.outcome(value) is None and P.preferences(value) == []
    assert value["raw"] == said.get("verdict_raw", said.get("choice"))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"choice": "A", "strength": 2}', {"choice": "A", "strength": 2}),
        ('```json\n{"choice": "B"}\n```', {"choice": "B", "strength": 1}),
        ('{"choice": "tie", "strength": 0}', {"choice": "tie", "strength": 0}),
        ('{"choice": "A", "strength": 9}', None),
        ('{"choice": "A", "strength": 2, "and": 1}', None),
        ('{"choice": "left", "strength": 2}', None),
        ('I say {"choice": "A"}', None),
        ('{"choice": "A"} {"choice": "B"}', None),
        ('{"choice": "A", "choice": "B"}', None),
        ("A", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_a_judges_answer_is_exactly_of_the_form_or_none(text, answer):
    assert P.read_answer(text, default_config("pairwise"), Content.of_ids(IDS, IDS)) == answer


def test_preferences_of_values_and_of_labels():
    left = {"left": 11, "right": 22, "choice": "left", "strength": 2}
    assert P.preferences(left) == [Preference(11, 22, 2.0, 1.0)]
    soft = {"left": 0.6, "right": 0.2, "tie": 0.2, "both_bad": 0.0}
    assert P.preferences(left, soft) == [Preference(11, 22, 2.0, pytest.approx(0.7))]
    assert P.preferences(left | {"choice": "right"}) == [Preference(22, 11, 2.0, 1.0)]
    assert P.preferences(left | {"choice": "tie", "strength": 0}) == [Preference(11, 22, 0.0, 0.5)]
    for nothing in ("both_bad", "split", "unsure"):
        assert P.preferences(left | {"choice": nothing, "strength": 0}) == []


def votes(choices):
    return [
        Vote(n, {"left": 11, "right": 22, "choice": choice, "strength": int(choice in {"left", "right"})}, True)
        for n, choice in enumerate(choices)
    ]


@given(st.lists(st.sampled_from([*P.outcomes, "unsure"]), max_size=9))
def test_majority_is_the_outcome_with_most_votes_or_a_split(choices):
    settled = rule("majority").settle(votes(choices), P)
    cast = [choice for choice in choices if choice != "unsure"]
    if not cast:
        assert settled is None
        return
    counts = {outcome: cast.count(outcome) for outcome in P.outcomes}
    most = max(counts.values())
    best = [outcome for outcome in P.outcomes if counts[outcome] == most]
    assert settled.value["choice"] == (best[0] if len(best) == 1 else "split")
    assert settled.confidence == pytest.approx(most / len(cast))
    assert sum(settled.soft.values()) == pytest.approx(1)
    assert len(settled.votes) == len(cast)


def test_a_split_vote_is_not_a_tie():
    split = rule("majority").settle(votes(["left", "right"]), P)
    tie = rule("majority").settle(votes(["tie", "tie", "left"]), P)
    assert (split.value["choice"], split.confidence) == ("split", 0.5)
    assert (tie.value["choice"], tie.value["strength"]) == ("tie", 0)


def test_strength_is_the_mean_of_those_who_chose_it():
    cast = [
        Vote(n, {"left": 11, "right": 22, "choice": choice, "strength": strength}, True)
        for n, (choice, strength) in enumerate([("left", 1), ("left", 2), ("right", 3)])
    ]
    assert rule("majority").settle(cast, P).value == {"left": 11, "right": 22, "choice": "left", "strength": 1.5}


def test_agreement_against_published_figures():
    # Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C (four observers, twelve units).
    table = """
        1 2 3 3 2 1 4 1 2 . . .
        1 2 3 3 2 2 4 1 2 5 . 3
        . 3 3 3 2 3 4 2 2 5 1 .
        1 2 3 3 2 4 4 1 2 5 1 .
    """
    rows = [[MISSING if c == "." else int(c) for c in line.split()] for line in table.strip().splitlines()]
    assert krippendorff_alpha(np.array(rows)) == pytest.approx(0.743, abs=0.0005)
    # Cohen 1960 by hand: 20 both yes, 5 and 10 apart, 15 both no.
    a = np.array([1] * 20 + [1] * 5 + [0] * 10 + [0] * 15)
    b = np.array([1] * 20 + [0] * 5 + [1] * 10 + [0] * 15)
    assert raw_agreement(a, b) == pytest.approx(0.7)
    assert cohen_kappa(a, b) == pytest.approx(0.4)


@given(st.lists(st.lists(st.integers(-1, 3), min_size=6, max_size=6), min_size=2, max_size=5))
def test_agreement_by_the_long_way_round(rows):
    """Alpha and pooled agreement from their definitions over all pairs of ratings, one by one."""
    ratings = np.array(rows)
    units = [[code for code in column if code != MISSING] for column in ratings.T]
    units = [unit for unit in units if len(unit) > 1]
    pairs = [(a, b, 1 / (len(u) - 1)) for u in units for i, a in enumerate(u) for j, b in enumerate(u) if i != j]
    flat = [code for unit in units for code in unit]
    if not pairs:
        assert krippendorff_alpha(ratings) is None and pooled_agreement(ratings) is None
        return
    observed = sum(weight for a, b, weight in pairs if a != b) / len(flat)
    apart = sum(a != b for i, a in enumerate(flat) for j, b in enumerate(flat) if i != j)
    expected = apart / (len(flat) * (len(flat) - 1))
    alpha = krippendorff_alpha(ratings)
    assert alpha is None if expected == 0 else alpha == pytest.approx(1 - observed / expected)
    assert pooled_agreement(ratings) == pytest.approx(sum(a == b for a, b, _ in pairs) / len(pairs))


def test_a_judge_settles_only_what_no_person_judged():
    judged = [Vote(n, {"left": 11, "right": 22, "choice": "left", "strength": 1}, False) for n in (7, 8, 9)]
    person = Vote(1, {"left": 11, "right": 22, "choice": "right", "strength": 2}, True)
    unsure = Vote(2, {"choice": "unsure"}, True)
    settled = rule("majority").settle([*judged, person], P)
    assert (settled.value["choice"], settled.confidence, settled.votes) == ("right", 1.0, (person,))
    assert rule("majority").settle([*judged, unsure], P).value["choice"] == "left"
