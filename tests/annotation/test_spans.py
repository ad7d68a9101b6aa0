"""Marks in texts: offsets that mean the same everywhere; answers stored whole or refused; records kept."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from annotation.protocols import Content, Shape, Shown, anchors, check_config, default_config
from annotation.protocols.spans import PROTOCOL as P
from common.errors import Invalid

# formats.md, section 2: e and a combining accent, skin tone, letters beyond the basic plane.
VECTOR = "\U0001f44d\U0001f3fd Caf\u00e9 e\u0301 \u65e5\u672c \U0001d499 end"
CRLF = "One line.\r\nTwo \U0001f6b2 lines.\r\n\r\nThe end."
ARABIC = "أصلح إطار الدراجة"
PASSAGE = "Wheels turn. Tyres hold air."
NAMES = {"v": 11, "c": 22, "a": 33}
CONTENT = Content(
    (Shown(11, "B", VECTOR), Shown(22, "C", CRLF), Shown(33, "A", ARABIC)), (PASSAGE, ""), ("How do I mend a tyre?",)
)
CONFIG = check_config(
    "spans",
    {
        "categories": [
            {"key": "wrong", "name": "Wrong", "letter": "W", "color": 1},
            {"key": "dull", "name": "Dull", "letter": "D", "subcategories": [{"key": "flat", "name": "Flat"}]},
            {"key": "whole", "name": "All of it", "letter": "A", "granularity": "response"},
        ],
        "correction": "optional",
        "evidence": True,
        "targets": ["responses", "context", "messages"],
    },
)
TEXTS = {"A": ARABIC, "B": VECTOR, "C": CRLF}


def span(letter, start, end, **more):
    place = {"segments": [{"start": start, "end": end}], "quote": TEXTS[letter][start:end]}
    return {"target": {"response": letter}, "category": "wrong", "severity": "minor"} | place | more


def stored(*spans, **more):
    return P.normal_form({"spans": list(spans)} | more, CONFIG, CONTENT)


def refused(*spans, **more):
    with pytest.raises(Invalid) as wrong:
        stored(*spans, **more)
    return set(wrong.value.fields)


def utf16(text, position):
    """How many UTF-16 units the first `position` code points take."""
    return len(text[:position].encode("utf-16-le")) // 2


def test_the_vector_in_three_ways_of_counting():
    at = VECTOR.index("end")
    assert (len(VECTOR), utf16(VECTOR, 19), len(VECTOR.encode())) == (19, 22, 34)
    assert (at, utf16(VECTOR, at), len(VECTOR[:at].encode())) == (16, 19, 31)
    assert anchors.from_utf16(VECTOR, 1) is None, "half a character"
    assert anchors.from_utf16(VECTOR, 23) is None, "beyond the text"


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.data())
def test_utf16_units_and_code_points_are_inverse(text, data):
    at = data.draw(st.integers(0, len(text)))
    units = utf16(text, at)
    assert anchors.from_utf16(text, units) == at


points = st.tuples(st.integers(0, 18), st.integers(0, 18)).map(sorted)
targets = st.sampled_from([{"response": "A"}, {"response": "C"}, {"context": 0}, {"message": 0}, {"context": 7}, 1])
segments = st.lists(points.map(lambda p: {"start": p[0], "end": p[1]}), min_size=1, max_size=2)
severities = st.sampled_from(["minor", "major", "huge", None])
more = {
    "subcategory": st.sampled_from(["flat", None]),
    "comment": st.sampled_from(["why", "", 5, "\x00", "\ud800"]),
    "omission": st.sampled_from([True, False, "yes"]),
    "response": st.sampled_from(["A", "Z"]),
}


@st.composite
def attempts(draw):
    """Spans that often quote what is there."""
    needed = {"target": targets, "segments": segments, "severity": severities}
    made = draw(st.fixed_dictionaries(needed, optional=more))
    made["category"] = draw(st.sampled_from(["wrong", "wrong", "dull", "whole", "none", 3]))
    texts = {"A": ARABIC, "C": CRLF, 0: PASSAGE}
    named = next(iter(made["target"].values())) if isinstance(made["target"], dict) else None
    whole = [(one["start"], one["end"]) for one in made["segments"]]
    made["quote"] = anchors.quoted(texts.get(named, ""), whole) if draw(st.integers(0, 3)) else "x"
    return made


answers = st.fixed_dictionaries({}, optional={"spans": st.lists(attempts(), max_size=3), "none": st.booleans()})


@given(answers | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4))
@example({"spans": [span("C", 15, 16)]})
def test_whatever_is_posted_is_stored_whole_or_refused(raw):
    try:
        value = P.normal_form(raw, CONFIG, CONTENT)
    except Invalid as wrong:
        assert wrong.fields or "object" in wrong.detail
        return
    assert bool(value["spans"]) != bool(value.get("none")), "empty is not the same as unseen"
    assert value == P.normal_form(value, CONFIG, CONTENT), "the normal form is its own"
    shown = P.display_form(value, CONTENT)
    assert value == P.normal_form(shown, CONFIG, CONTENT), "shown and read back it is the same"
    posted = {}
    for part, text in P.as_posted(shown, CONFIG):
        posted.setdefault(part, []).append(text)
    assert P.normal_form(P.read_posted(posted, CONFIG), CONFIG, CONTENT) == value
    assert len(P.in_words(shown, CONFIG)) == (1 + len(value["spans"]) if value["spans"] else 1)
    record = json.loads(json.dumps(P.to_record(value, {pk: name for name, pk in NAMES.items()})))
    again = P.from_record(record, NAMES, CONTENT)
    bare = [{key: kept for key, kept in one.items() if key != "anchored_by"} for one in again["spans"]]
    assert bare == value["spans"] and again.get("none") == value.get("none")
    assert {one.get("anchored_by", "exact") for one in again["spans"]} <= {"exact"}
    assert P.distance(value, value) == 0


def test_neither_marks_nor_none_is_no_answer():
    assert refused() == {"spans"}
    assert refused(span("B", 16, 19), none=True) == {"none"}
    assert stored(none=True)["none"] is True
    assert P.read_posted({"spans": ["[]"]}, CONFIG) is None
    assert P.read_posted({"spans": ["{"]}, CONFIG) == {"spans": "{"} and refused_raw({"spans": "{"}) == {"spans"}


def refused_raw(raw):
    with pytest.raises(Invalid) as wrong:
        P.normal_form(raw, CONFIG, CONTENT)
    return set(wrong.value.fields)


def test_offsets_must_select_what_they_quote():
    value = stored(span("B", 16, 19), span("C", 8, 13), span("A", 5, 9))
    assert [one["quote"] for one in value["spans"]] == ["end", ".\r\nTw", "إطار"]
    assert value["sha256"]["response:22"] == anchors.sha256(CRLF)
    assert refused(span("B", 16, 19, quote="nd")) == {"spans.0.quote"}
    assert refused(span("C", 8, 13, quote=".\nTwo")) == {"spans.0.quote"}, "line ends are not mended"
    # As a browser counts: refused, and told why.
    assert refused(span("B", 19, 22, quote="end")) == {"spans.0.segments"}
    in_utf16 = [{"start": 16, "end": 17}, {"start": 18, "end": 19}]
    assert refused(span("B", 16, 19, segments=in_utf16, quote="𝒙 … end")) == {"spans.0.quote"}
    for bad in (
        [],
        [{"start": 3, "end": 1}],
        [{"start": 0, "end": 99}],
        [{"start": 5, "end": 9}, {"start": 0, "end": 1}],
    ):
        assert refused(span("B", 16, 19, segments=bad)) == {"spans.0.segments"}
    assert refused_raw({"spans": [], "none": True, "sha256": {"response:11": "0"}}) == {"sha256"}


def test_overlaps_nesting_points_and_stretches_apart_can_be_said():
    apart = span("C", 0, 3, segments=[{"start": 0, "end": 3}, {"start": 11, "end": 14}], quote="One … Two")
    point = span("C", 4, 4)
    value = stored(span("C", 0, 9), span("C", 4, 8), apart, point)
    assert [one["quote"] for one in value["spans"]] == ["One line.", "line", "One … Two", ""]
    assert refused(span("C", 0, 9, category="whole")) == {"spans.0.segments"}
    assert stored(span("C", 0, len(CRLF), category="whole"))["spans"][0]["granularity"] == "response"


def test_what_is_missing_has_no_place_of_its_own():
    missing = {"omission": True, "category": "wrong", "severity": "major", "comment": "No price."}
    value = stored(missing, missing | {"target": {"context": 0}, "response": "A"})
    assert value["spans"][1] == missing | {"target": {"context": 0}, "response": 33}
    assert refused(missing | {"target": {"response": "A"}}) == {"spans.0.target"}
    assert refused(missing | {"quote": "x"}) == {"spans.0.target"}
    rows = {"missing.1.category": ["wrong"], "missing.1.severity": ["major"], "missing.1.comment": ["No price."]}
    rows |= {"missing.1.context": ["0"], "missing.1.response": ["A"], "missing.2.category": [""]}
    assert P.normal_form(P.read_posted(rows, CONFIG), CONFIG, CONTENT)["spans"] == value["spans"][1:]


def test_the_ontology_is_held():
    assert refused(span("B", 16, 19, category="rude")) == {"spans.0.category"}
    assert refused(span("B", 16, 19, severity=None)) == {"spans.0.severity"}
    assert refused(span("B", 16, 19, category="dull")) == {"spans.0.subcategory"}
    assert stored(span("B", 16, 19, category="dull", subcategory="flat"))
    there = {"context": 0, "start": 13, "end": 28, "quote": "Tyres hold air."}
    assert stored(span("B", 16, 19, evidence=[there]))["sha256"]["context:0"] == anchors.sha256(PASSAGE)
    assert refused(span("B", 16, 19, evidence=[there | {"end": 27}])) == {"spans.0.evidence"}
    narrow = default_config("spans")
    with pytest.raises(Invalid):
        P.normal_form({"spans": [span("B", 16, 19, evidence=[there])]}, narrow, CONTENT)
    for key, wrong in (
        ("categories", [{"key": "a", "name": "A", "letter": "A"}, {"key": "b", "name": "B", "letter": "A"}]),
        ("categories", []),
        ("severities", []),
        ("targets", ["footnotes"]),
    ):
        with pytest.raises(Invalid):
            check_config("spans", {key: wrong})
    assert P.check_item(Shape(0), narrow) and not P.check_item(Shape(1), narrow)


def recorded(start, end, quote=None, name="v", **more):
    said = {"target": {"response_id": name}, "segments": [{"start": start, "end": end}], "category": "wrong"}
    record = {"spans": [said | ({} if quote is None else {"quote": quote}) | more]}
    return P.from_record(record, NAMES, CONTENT)["spans"][0]


@pytest.mark.parametrize(
    ("start", "end", "quote", "name", "rule", "found"),
    [
        (16, 19, "end", "v", "exact", (16, 19)),
        (19, 22, "end", "v", "utf16", (16, 19)),
        (16, 18, "end", "v", "inclusive_end", (16, 19)),
        (2, 5, "end", "v", "search", (16, 19)),
        (0, 1, "line. Two", "c", "loose_search", (4, 14)),
        (16, 19, None, "v", "offsets", (16, 19)),
    ],
)
def test_recorded_offsets_are_read_by_the_first_rule_that_fits(start, end, quote, name, rule, found):
    one = recorded(start, end, quote, name)
    assert one["anchored_by"] == rule and "unanchored" not in one
    assert one["segments"] == [{"start": found[0], "end": found[1]}]


@pytest.mark.parametrize(
    ("start", "end", "quote", "name"),
    [(0, 1, "nowhere", "v"), (0, 1, "line", "c"), (3, 99, None, "v"), (0, 1, "end", "unknown"), (0, 1, "", "v")],
)
def test_what_cannot_be_placed_is_kept_as_it_came(start, end, quote, name):
    one = recorded(start, end, quote, name, id="s7", link_group=3, comment="why")
    assert one["unanchored"] is True and one["segments"] == [{"start": start, "end": end}]
    assert one["extra"] == {"id": "s7", "link_group": 3} and one["comment"] == "why"
    value = {"spans": [one], "sha256": {}}
    again = P.from_record(P.to_record(value, {pk: name for name, pk in NAMES.items()}), NAMES, CONTENT)
    assert again["spans"][0]["segments"] == one["segments"]
    assert P.distance(value, {"spans": [], "none": True}) == 0, "it marks no character"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
record_keys = ("segments", "start", "end", "quote", "category", "evidence", "response_id", "comment")
placed = st.fixed_dictionaries({}, optional={"response_id": st.just("v"), "context_idx": json_values})
record_parts = dict.fromkeys(record_keys, json_values) | {"target": json_values | placed}


@given(json_values | st.lists(json_values | st.fixed_dictionaries({}, optional=record_parts), max_size=3))
def test_any_record_is_kept_and_given_back(raw):
    value = P.from_record({"spans": raw}, NAMES, CONTENT)
    json.dumps(P.to_record(value, {pk: name for name, pk in NAMES.items()}))
    P.in_words(P.display_form(value, CONTENT), CONFIG)
    assert P.outcome(value) is None and P.preferences(value) == []


def test_distance_counts_characters_with_their_type():
    one, half = stored(span("C", 0, 8)), stored(span("C", 4, 8))
    other = stored(span("C", 0, 8, category="dull", subcategory="flat"))
    none = stored(none=True)
    assert P.distance(one, half) == pytest.approx(1 - 2 * 4 / 12)
    assert P.distance(one, other) == P.distance(one, none) == 1
    assert P.distance(none, none) == 0
    missing = {"omission": True, "category": "wrong", "severity": "major"}
    assert P.distance(stored(missing), stored(missing | {"comment": "x"})) == 0
