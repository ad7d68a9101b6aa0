"""Judgments in native JSON lines: every kind of feedback, each checked where it stands, kept as it came.

Kinds and their parts: docs/how-to/import.md. Nothing is converted here: responses keep the ids of the file, which the
item remembers. Which field of a project's form takes a judgment is for annotation to say.
"""

from collections.abc import Callable, Collection
from typing import Any

from common.words import gettext_noop as _
from corpus.importers.messages import expect, kind_of, text_of
from corpus.importers.rows import Bad, Json

MAX_FEEDBACK = 10_000
ANNOTATORS = frozenset({"human", "ai", "aggregate", "unknown"})
CHOICES = frozenset({"left", "right", "tie", "both_bad", "unsure"})
THUMBS = frozenset({"up", "down", "neutral"})
STEPS = frozenset({"good", "neutral", "bad", "unknown"})
TEXTS = ("rationale", "verdict_raw", "created_at", "submitted_at", "aspect")
FLAGS = ("is_gold", "is_attention_check", "passed")
INDEXES = ("context_idx", "prompt_message_idx", "message_index")
SPAN_TEXTS = ("quote", "category", "granularity", "subcategory", "severity", "comment", "correction")

Names = Collection[str]
Check = Callable[[Json, Names, str], None]


def id_of(record: Json, *keys: str, at: str = "") -> str:
    """The first id present, as text: a string or a whole number; "" without one."""
    for key in keys:
        value = record.get(key)
        if value is None or value == "":
            continue
        if type(value) is int:
            return str(value)
        return text_of(record, key, at=at, limit=200)
    return ""


def one_of(record: Json, key: str, known: Collection[str], default: str, at: str) -> str:
    value = record.get(key, default)
    if type(value) is not str or value not in known:
        raise Bad(f"{at}/{key}", _("expected one of %(known)s") % {"known": ", ".join(sorted(known))})
    return value


def _number(value: Any, at: str) -> None:
    if type(value) not in (int, float):
        raise Bad(at, _("expected a number, found %(found)s") % {"found": kind_of(value)})


def _index(value: Any, at: str) -> int:
    if type(value) is not int or value < 0:
        raise Bad(at, _("expected a whole number from 0"))
    return value


def _list(record: Json, key: str, at: str) -> list[Any]:
    """The list under `key`, empty where it is absent or null."""
    value = record.get(key)
    return [] if value is None else list(expect(value, list, f"{at}/{key}"))


def _response(value: Any, names: Names, at: str) -> str:
    name = str(value) if type(value) is int else value
    if type(name) is not str or name not in names:
        raise Bad(at, _("not the id of a response of this item"))
    return name


def _target(record: Json, names: Names, at: str) -> None:
    target = record.get("target")
    if target is None:
        return
    expect(target, dict, f"{at}/target")
    if target.get("response_id") is not None:
        _response(target["response_id"], names, f"{at}/target/response_id")
    for key in INDEXES:
        if target.get(key) is not None:
            _index(target[key], f"{at}/target/{key}")


def _comparison(entry: Json, names: Names, at: str) -> None:
    choice = one_of(entry, "choice", CHOICES, "", at)
    left, right = (_response(entry.get(side), names, f"{at}/{side}") for side in ("left", "right"))
    if left == right:
        raise Bad(f"{at}/right", _("a response compared with itself"))
    strength = entry.get("strength")
    if strength is None:
        return
    if type(strength) is not int or not 0 <= strength <= 4:
        raise Bad(f"{at}/strength", _("expected a whole number from 0 to 4"))
    if (strength == 0) != (choice == "tie") and choice in {"left", "right", "tie"}:
        raise Bad(f"{at}/strength", _("strength 0 means a tie, and only that"))


def _ranking(entry: Json, names: Names, at: str) -> None:
    places = [(tier, f"{at}/tiers/{number}") for number, tier in enumerate(_list(entry, "tiers", at))]
    places += [(_list(entry, key, at), f"{at}/{key}") for key in ("unranked", "rejected")]
    seen: set[str] = set()
    for tier, place in places:
        expect(tier, list, place)
        if not tier and "/tiers/" in place:
            raise Bad(place, _("an empty tier"))
        for number, value in enumerate(tier):
            name = _response(value, names, f"{place}/{number}")
            if name in seen:
                raise Bad(f"{place}/{number}", _("this response has a place already"))
            seen.add(name)
    if not seen:
        raise Bad(f"{at}/tiers", _("no response has a place"))


def _rating(entry: Json, names: Names, at: str) -> None:
    scores = expect(entry.get("scores"), dict, f"{at}/scores")
    scales = expect(entry.get("scales", {}), dict, f"{at}/scales")
    for aspect, score in scores.items():
        if score is None:
            continue
        _number(score, f"{at}/scores/{aspect}")
        scale = expect(scales.get(aspect, {}), dict, f"{at}/scales/{aspect}")
        for key in ("min", "max"):
            if key in scale:
                _number(scale[key], f"{at}/scales/{aspect}/{key}")
        if not scale.get("min", score) <= score <= scale.get("max", score):
            raise Bad(f"{at}/scores/{aspect}", _("outside of its scale"))


def _spans(entry: Json, names: Names, at: str) -> None:
    for number, span in enumerate(expect(entry.get("spans"), list, f"{at}/spans")):
        place = f"{at}/spans/{number}"
        expect(span, dict, place)
        _target(span, names, place)
        for key in SPAN_TEXTS:
            text_of(span, key, at=place)
        if span.get("omission") is not None:
            expect(span["omission"], bool, f"{place}/omission")
        segments = _list(span, "segments", place) or ([span] if "start" in span or "end" in span else [])
        for position, segment in enumerate(segments):
            _segment(segment, f"{place}/segments/{position}" if segment is not span else place)
        if not segments and not span.get("omission") and not span.get("quote"):
            raise Bad(place, _("neither segments nor a quote, and no omission"))


def _segment(segment: Any, at: str) -> None:
    expect(segment, dict, at)
    start, end = (_index(segment.get(key), f"{at}/{key}") for key in ("start", "end"))
    if end < start:
        raise Bad(f"{at}/end", _("before its start"))


def _critique(entry: Json, names: Names, at: str) -> None:
    said = [text_of(entry, key, at=at) for key in ("text", "keep")]
    if not any(said) and "text" not in entry:
        raise Bad(f"{at}/text", _("missing"))


def _refinement(entry: Json, names: Names, at: str) -> None:
    for key in ("base_response_id", "new_response_id"):
        if entry.get(key) is not None:
            _response(entry[key], names, f"{at}/{key}")
    text_of(entry, "text", at=at)
    if entry.get("new_response_id") is None and "text" not in entry and entry.get("unchanged") is not True:
        raise Bad(f"{at}/new_response_id", _("neither a new response nor its text, and not said to be unchanged"))


def _thumbs(entry: Json, names: Names, at: str) -> None:
    one_of(entry, "value", THUMBS, "", at)
    for number, reason in enumerate(_list(entry, "reasons", at)):
        expect(reason, str, f"{at}/reasons/{number}")


def _labels(entry: Json, names: Names, at: str) -> None:
    for question, answer in expect(entry.get("labels"), dict, f"{at}/labels").items():
        values = answer if type(answer) is list else [answer]
        for number, value in enumerate(values):
            if type(value) not in (str, bool, int, float):
                raise Bad(f"{at}/labels/{question}/{number}", _("expected a text, a number, true or false"))


def _steps(entry: Json, names: Names, at: str) -> None:
    for number, label in enumerate(expect(entry.get("labels"), list, f"{at}/labels")):
        place = f"{at}/labels/{number}"
        expect(label, dict, place)
        _index(label.get("index"), f"{place}/index")
        one_of(label, "value", STEPS, "", place)
    if entry.get("first_error") is not None:
        _index(entry["first_error"], f"{at}/first_error")


CHECKS: dict[str, Check] = {
    "comparison": _comparison,
    "ranking": _ranking,
    "rating": _rating,
    "spans": _spans,
    "critique": _critique,
    "refinement": _refinement,
    "thumbs": _thumbs,
    "labels": _labels,
    "steps": _steps,
}
# One judgment may speak of several responses; each is then said under such a list (annotation/protocols).
SEVERAL = {"rating": "each", "thumbs": "each", "labels": "each", "steps": "each", "critique": "of_responses"}


def _common(entry: Json, names: Names, at: str) -> Json:
    """What every kind has: who, when, and how it was shown."""
    found = dict(entry)
    found.pop("annotator_id", None)
    found["annotator"] = id_of(entry, "annotator", "annotator_id", at=at) or "unknown"
    found["annotator_kind"] = one_of(entry, "annotator_kind", ANNOTATORS, "unknown", at)
    for key in TEXTS:
        text_of(entry, key, at=at)
    for key in FLAGS:
        if entry.get(key) is not None:
            expect(entry[key], bool, f"{at}/{key}")
    if (duration := entry.get("duration_ms")) is not None:
        expect(duration, int, f"{at}/duration_ms")
    for key in ("confidence", "weight"):
        if entry.get(key) is not None:
            _number(entry[key], f"{at}/{key}")
    for number, name in enumerate(_list(entry, "display_order", at)):
        _response(name, names, f"{at}/display_order/{number}")
    return found


def judgment(entry: Json, names: Names, at: str) -> Json:
    """A judgment of a known kind, checked; as it came but for the annotator, who has a name and a kind from here on.

    `names`: ids of the responses of its record. Raises Bad with the place of what is wrong.
    """
    found = _common(entry, names, at)
    kind = entry["kind"]
    several = SEVERAL.get(kind, "")
    if several and entry.get(several) is not None:
        parts = [(part, f"{at}/{several}/{number}") for number, part in enumerate(_list(entry, several, at))]
    else:
        parts = [(entry, at)]
    scales = {"scales": entry["scales"]} if "scales" in entry else {}
    for part, place in parts:
        expect(part, dict, place)
        _target(part, names, place)
        CHECKS[kind](scales | part, names, place)
    return found


def usable(entry: Json) -> bool:
    """Whether a judgment is finished, stands, and is of a kind that is known; any other is kept as it came."""
    return entry.get("kind") in CHECKS and entry.get("status") in {None, "submitted"} and not entry.get("superseded_by")
