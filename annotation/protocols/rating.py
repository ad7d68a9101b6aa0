"""How good each response (or the whole item) is, on one or several aspects: Likert, stars, or a slider from 0 to 100.

"Cannot tell" is an answer: the score is null, which is missing, not zero. The scale is stored beside the scores.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field, field_validator

from annotation.protocols import (
    Config,
    Content,
    Controls,
    Key,
    Preference,
    Shape,
    Value,
    asking,
    check_keys,
    check_text,
    rated,
)
from annotation.protocols.asking import Asked, Task
from annotation.protocols.choosing import (
    RATIONALE_LIMIT,
    UNKNOWN,
    Faults,
    Need,
    as_record,
    canonical,
    check_targets,
    each_record,
    needed,
    ordered,
    record_target,
    said_of,
    shown_name,
    target_of,
    targets,
    whole,
)
from annotation.protocols.rated import FINEST, SCALES, RatedAspect
from common.words import gettext_noop

OVERALL = "overall"


class RatingConfig(Config):
    target: Literal["responses", "item"] = Field("responses", title=gettext_noop("What is rated"))
    aspects: list[RatedAspect] = Field(
        default_factory=lambda: [
            RatedAspect(key=OVERALL, name=gettext_noop("Overall"), low=gettext_noop("bad"), high=gettext_noop("good"))
        ],
        min_length=1,
        max_length=12,
        title=gettext_noop("Aspects"),
        description=gettext_noop(
            "Each has a key, a name and a scale: likert5, likert7, stars, or slider (0 to 100, hide_number hides the "
            "number); low and high name its ends."
        ),
    )
    cannot_tell: bool = Field(
        True,
        title=gettext_noop("Allow “cannot tell”"),
        description=gettext_noop("It is an answer: the score is missing, not zero."),
    )
    min_difference: float = Field(
        1.0,
        gt=0,
        le=FINEST,
        title=gettext_noop("Difference that makes a pair"),
        description=gettext_noop(
            "In points of the scale (a slider counts tens): responses rated so far apart become a pair to learn from."
        ),
    )
    rationale: Need = Field(
        "off", title=gettext_noop("Rationale"), description=gettext_noop("A few words of the rater on why.")
    )

    @field_validator("aspects")
    @classmethod
    def aspects_differ(cls, aspects: list[RatedAspect]) -> list[RatedAspect]:
        if len({aspect.key for aspect in aspects}) < len(aspects):
            raise ValueError(_("Two aspects have the same key."))
        return aspects


class Rating(Asked):
    key = "rating"
    title = gettext_lazy("Rating")
    asks = gettext_lazy("How good is it?")
    Config = RatingConfig
    form_template = "annotation/protocols/rating.html"
    script = "annotation/protocols/rating.js"
    record_kinds = ("rating",)
    reads_text = False
    on_cards = True
    rule = "mean"
    outcomes: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()

    def in_dock(self, config: Value) -> bool:
        in_bar = config["target"] == "responses" or len(config["aspects"]) == 1
        return in_bar and config["rationale"] == "off"

    def check_item(self, shape: Shape, config: Value) -> str:
        if config["target"] == "responses" and not shape.responses:
            return _("there is no response to rate")
        return ""

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        scores = answer.get("scores") or {}
        drawn = {
            name: {
                "groups": [rated.drawn(aspect, name, scores.get(name) or {}, config) for aspect in config["aspects"]]
            }
            for name in targets(config["target"], content)
        }
        whole_item = drawn.pop("item", {"groups": []})
        more = {"rationale": config["rationale"], "text": answer.get("rationale", "")}
        return Controls(whole_item | more, drawn)

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        answer: Value = {}
        for part, posted in parts.items():
            texts = [text for text in posted if text]
            if not texts:
                continue
            if part == "rationale":
                answer["rationale"] = texts[-1]
                continue
            name, _dot, aspect = part.partition(".")
            answer.setdefault("scores", {}).setdefault(name, {})[aspect] = rated.read(texts)
        return answer or None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        pairs = [
            (f"{name}.{aspect}", UNKNOWN if score is None else str(score))
            for name, scores in (answer.get("scores") or {}).items()
            for aspect, score in scores.items()
        ]
        return pairs + ([("rationale", answer["rationale"])] if answer.get("rationale") else [])

    def in_words(self, answer: Value, config: Value) -> list[str]:
        scores, lines = answer.get("scores") or {}, []
        for name in ordered(scores):
            said = [
                rated.words(aspect, scores[name][aspect["key"]])
                for aspect in config["aspects"]
                if aspect["key"] in scores[name]
            ]
            lines.append(said_of(name, ", ".join(said)))
        lines = lines or [_("Nothing rated")]
        return lines + ([answer["rationale"]] if answer.get("rationale") else [])

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given = check_keys(raw, ("scores", "rationale", "scales", "learn"))
        found, faults = given.get("scores"), Faults()
        if not isinstance(found, dict):
            found = {}
            if given.get("scores") is not None:
                faults.add("scores", _("Must be an object."))
        said = check_targets(found, config["target"], content)
        scores: dict[str, Value] = {}
        for name in targets(config["target"], content):
            stored = name if name == "item" else str(content.by_letter(name, name).id)
            scores[stored] = self._scores(said.get(stored, (name, {}))[1], name, config, faults)
        faults.check()
        value: Value = {
            "scores": scores,
            "scales": {aspect["key"]: SCALES[aspect["scale"]] for aspect in config["aspects"]},
            "learn": self._learn(config),
        }
        text = check_text(given.get("rationale"), "rationale", limit=RATIONALE_LIMIT, need=config["rationale"])
        return value | ({"rationale": text} if text else {})

    def _learn(self, config: Value) -> Value:
        """What a pair is made of, as the order of aspects and the bar are not in the scores themselves."""
        keys = [aspect["key"] for aspect in config["aspects"]]
        by = OVERALL if OVERALL in keys else keys[0] if len(keys) == 1 else ""
        return {"by": by, "min_difference": config["min_difference"]}

    def _scores(self, said: object, name: str, config: Value, faults: Faults) -> Value:
        """{aspect: score or None} of one target."""
        if not isinstance(said, dict):
            faults.add(name, _("Must be an object."))
            return {}
        for key in said.keys() - {aspect["key"] for aspect in config["aspects"]}:
            faults.add(f"{name}.{key}", _("This form has no such aspect."))
        scores: Value = {}
        for aspect in config["aspects"]:
            key, scale = aspect["key"], SCALES[aspect["scale"]]
            score = said.get(key)
            if key not in said or (score is None and not config["cannot_tell"]):
                faults.add(f"{name}.{key}", needed(said_of(name, aspect["name"])))
            elif score is not None and not (whole(score) and scale["min"] <= score <= scale["max"]):
                bounds = {"low": scale["min"], "high": scale["max"]}
                faults.add(f"{name}.{key}", _("Must be a whole number from %(low)d to %(high)d.") % bounds)
            scores[key] = score
        return scores

    def display_form(self, value: Value, content: Content) -> Value:
        if "raw" in value:
            return {}
        scores = {shown_name(name, content): dict(found) for name, found in value["scores"].items()}
        return {"scores": scores} | ({"rationale": value["rationale"]} if value.get("rationale") else {})

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        scores: dict[str, Value] = {}
        scales: Value = {}
        for one in each_record(record):
            target, found = target_of(one, names), one.get("scores")
            usable = isinstance(found, dict) and all(rated.is_number(score) for score in found.values())
            scale = one.get("scales", record.get("scales"))
            if (
                target is None
                or target in scores
                or not usable
                or not isinstance(found, dict)
                or not rated.scales_hold(scale, found)
            ):
                return {"raw": dict(record)}
            scores[target] = dict(found)
            scales |= scale
        text = record.get("rationale")
        return {"scores": scores, "scales": scales} | ({"rationale": text} if isinstance(text, str) and text else {})

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        if "raw" in value:
            return dict(value["raw"])
        parts = [record_target(name, names) | {"scores": dict(found)} for name, found in value["scores"].items()]
        kept = {"rationale": value["rationale"]} if value.get("rationale") else {}
        return as_record("rating", parts) | {"scales": dict(value["scales"])} | kept

    # Labels

    def measures(self, value: Value) -> dict[tuple[str, str], float]:
        """The scores that were given, by (target, aspect), from 0 to 1 of their scale. "Cannot tell" is left out."""
        found = {}
        for name, scores in (value.get("scores") or {}).items():
            for key, score in scores.items():
                scale = value["scales"][key]
                if score is not None:
                    found[name, key] = (score - scale["min"]) / ((scale["max"] - scale["min"]) or 1)
        return found

    def averaged(self, means: Mapping[tuple[str, str], float], values: Sequence[Value]) -> Value:
        """The value of mean scores; `means`: from 0 to 1 of the scale."""
        scales: Value = {}
        for value in values:
            scales |= value["scales"]
        cells = {(name, key) for value in values for name, scores in value["scores"].items() for key in scores}
        scores: dict[str, Value] = {}
        for name, key in sorted(cells):
            scale, mean = scales[key], means.get((name, key))
            width = scale["max"] - scale["min"]
            scores.setdefault(name, {})[key] = None if mean is None else rated.plain(scale["min"] + mean * width)
        learn = next(({"learn": value["learn"]} for value in values if "learn" in value), {})
        return {"scores": scores, "scales": scales} | learn

    def outcome(self, value: Value) -> str | None:
        return canonical(value["scores"]) if value.get("scores") else None

    def outcome_in_words(self, outcome: str, content: Content) -> str:
        return outcome

    def merged(self, outcome: str, values: Sequence[Value]) -> Value:
        return {key: one for key, one in values[0].items() if key != "rationale"}

    def split(self, values: Sequence[Value]) -> Value:
        cells = [self.measures(value) for value in values]
        means = {cell: fmean(one[cell] for one in cells if cell in one) for cell in {c for one in cells for c in one}}
        return self.averaged(means, values)

    def distance(self, left: Value, right: Value) -> float:
        """The mean over scores of how far they are apart on their scale; a score against "cannot tell" counts 1."""
        ours, theirs = self.measures(left), self.measures(right)
        cells = _cells(left) | _cells(right)
        if not cells:
            return 0.0
        total = 0.0
        for cell in cells:
            a, b = ours.get(cell), theirs.get(cell)
            same_kind = (cell in _cells(left)) == (cell in _cells(right))
            total += abs(a - b) if a is not None and b is not None else float(a is not b or not same_kind)
        return total / len(cells)

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """Pairs of responses whose scores lie far enough apart, by the overall aspect where there is one, else by the
        mean over all aspects that both have a score for. Strength is the difference in steps of the scale."""
        learn = value.get("learn") or {}
        bar, by = learn.get("min_difference", 1.0), learn.get("by", OVERALL)
        scores = {int(name): found for name, found in (value.get("scores") or {}).items() if name.isdigit()}
        found = []
        for a, b in combinations(sorted(scores), 2):
            keys = [key for key in scores[a] if scores[a][key] is not None and scores[b].get(key) is not None]
            keys = [by] if by in keys else [] if by in scores[a] else keys
            if not keys:
                continue
            apart = fmean((scores[a][key] - scores[b][key]) / rated.step(value["scales"][key]) for key in keys)
            better, worse = (a, b) if apart > 0 else (b, a)
            if abs(apart) >= bar:
                found.append(Preference(better, worse, round(abs(apart), 6), 1.0))
        return found

    # Judges

    def question(self, config: Value, content: Content) -> Task:
        names, told = targets(config["target"], content), "null" if config["cannot_tell"] else ""
        scores = ", ".join(f'"{aspect["key"]}": n' for aspect in config["aspects"])
        rules = [rated.told(aspect) for aspect in config["aspects"]]
        rules += [f"{told} where you cannot tell."] if told else []
        return Task(
            "You rate how good "
            + ("the conversation is." if config["target"] == "item" else "each response to the prompt is."),
            "How good is it?" if config["target"] == "item" else "How good is each response?",
            {"scores": "{" + ", ".join(f'"{name}": {{{scores}}}' for name in names) + "}"} | asking.rationale(config),
            rules,
            ("scores",),
        )

    def as_answer(self, label: Value, values: Sequence[Value], config: Value) -> Value:
        """The means, rounded to points of the scale."""
        scores = {
            name: {key: None if score is None else round(score) for key, score in found.items()}
            for name, found in label["scores"].items()
        }
        return {key: label[key] for key in ("scales", "learn") if key in label} | {"scores": scores}

    def portions(self, config: Value) -> list[tuple[str, Value]]:
        """Each aspect by itself."""
        return [(aspect["key"], config | {"aspects": [aspect]}) for aspect in config["aspects"]]

    def joined(self, answers: Mapping[str, Value], config: Value) -> Value:
        scores: dict[str, Value] = {}
        for answer in answers.values():
            for name, found in answer["scores"].items():
                scores.setdefault(name, {}).update(found)
        names = {aspect["key"]: aspect["name"] for aspect in config["aspects"]}
        said = [f"{names[key]}: {one['rationale']}" for key, one in answers.items() if one.get("rationale")]
        return {"scores": scores} | ({"rationale": "\n".join(said)} if said else {})


def _cells(value: Value) -> set[tuple[str, str]]:
    return {(name, key) for name, scores in (value.get("scores") or {}).items() for key in scores}


PROTOCOL = Rating()
