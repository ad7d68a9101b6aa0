"""Which of two responses is better, and by how much: a signed scale of 3 to 9 points, ties, aspects, reasons.

A tie, "both bad" and "cannot tell" have strength 0. Each aspect is a comparison of its own on the same scale.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field, ValidationInfo, field_validator

from annotation.protocols import (
    LETTERS,
    Config,
    Content,
    Controls,
    Preference,
    Shape,
    Value,
    asking,
    check_keys,
    check_text,
    check_whole,
    fault,
)
from annotation.protocols.asking import Asked, Task, one_of
from annotation.protocols.scales import APART, bar, picked, read_radio, said, scale, words_apart
from common.errors import Invalid
from common.words import gettext_noop

RATIONALE_LIMIT = 20_000
SIDES = ("left", "right")
NAME = r"^[a-z][a-z0-9_]{0,39}$"


class Aspect(Config):
    """One line of the rubric, compared on the same scale."""

    key: str = Field(pattern=NAME)
    name: str = Field(min_length=1, max_length=80)
    description: str = Field("", max_length=500)


class PairwiseConfig(Config):
    points: int = Field(
        7,
        ge=3,
        le=9,
        title=gettext_noop("Points of the scale"),
        description=gettext_noop(
            "From “A is much better” to “B is much better”. An odd scale has “about the same” in its middle."
        ),
    )
    tie: bool = Field(True, title=gettext_noop("Allow “about the same”"))
    both_bad: bool = Field(True, title=gettext_noop("Allow “both are bad”"))
    unsure: bool = Field(False, title=gettext_noop("Allow “I cannot tell”"))
    aspects: list[Aspect] = Field(
        default_factory=list,
        max_length=12,
        title=gettext_noop("Aspects"),
        description=gettext_noop("Each is compared on a bar of its own."),
    )
    reasons: list[str] = Field(
        default_factory=list,
        max_length=20,
        title=gettext_noop("Reasons"),
        description=gettext_noop("Short reasons to tick, with commas between."),
    )
    rationale: Literal["off", "optional", "required"] = Field(
        "optional", title=gettext_noop("Rationale"), description=gettext_noop("A few words of the rater on why.")
    )

    @field_validator("tie")
    @classmethod
    def middle_is_a_tie(cls, tie: bool, info: ValidationInfo) -> bool:
        if not tie and info.data.get("points", 0) % 2:
            raise ValueError(_("The middle of an odd scale is a tie: allow ties, or take an even number of points."))
        return tie

    @field_validator("aspects")
    @classmethod
    def aspects_differ(cls, aspects: list[Aspect]) -> list[Aspect]:
        if len({aspect.key for aspect in aspects}) < len(aspects):
            raise ValueError(_("Two aspects have the same key."))
        return aspects

    @field_validator("reasons")
    @classmethod
    def reasons_differ(cls, reasons: list[str]) -> list[str]:
        if len(set(reasons)) < len(reasons) or not all(0 < len(one.strip()) <= 80 for one in reasons):
            raise ValueError(_("Give each reason once, in 1 to 80 characters."))
        return reasons


def levels(config: Value) -> int:
    """How many strengths a preference can have."""
    return int(config["points"]) // 2


class Pairwise(Asked):
    key = "pairwise"
    title = gettext_lazy("Comparison of two responses")
    asks = gettext_lazy("Which response is better?")
    Config = PairwiseConfig
    form_template = "annotation/protocols/pairwise.html"
    script = ""
    record_kinds = ("comparison",)
    reads_text = False
    on_cards = False
    rule = "majority"
    outcomes = ("left", "right", "tie", "both_bad")
    keys = ()

    def in_dock(self, config: Value) -> bool:
        return not config["aspects"]

    def check_item(self, shape: Shape, config: Value) -> str:
        if shape.responses == 2:
            return ""
        return _("a comparison needs two responses, and there are %d") % shape.responses

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        aspects = answer.get("aspects") or {}
        on_aspects = self._on_aspects(config)
        rows = [aspect | {"bar": bar(on_aspects, aspects.get(aspect["key"]) or {})} for aspect in config["aspects"]]
        chosen = answer.get("reasons") or []
        reasons = [{"text": text, "chosen": text in chosen} for text in config["reasons"]]
        return Controls(
            {"bar": bar(config, answer), "aspects": rows, "reasons": reasons, "text": answer.get("rationale", "")}
        )

    def _on_aspects(self, config: Value) -> Value:
        """How an aspect is compared: on the same scale, but that both are bad is said once, of the responses."""
        return config | {"both_bad": False}

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        answer: Value = {}
        aspects: Value = {}
        for part, texts in parts.items():
            if part == "":
                answer |= read_radio(texts[-1])
            elif part.startswith("aspects."):
                aspects[part.removeprefix("aspects.")] = read_radio(texts[-1])
            elif part == "reasons":
                answer["reasons"] = list(texts)
            elif texts[-1]:
                answer[part] = texts[-1]
        return answer | ({"aspects": aspects} if aspects else {}) or None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        pairs = [("", picked(config, answer)), ("rationale", answer.get("rationale") or "")]
        pairs += [(f"aspects.{key}", picked(config, one)) for key, one in (answer.get("aspects") or {}).items()]
        return [(part, text) for part, text in pairs if text] + [
            ("reasons", one) for one in answer.get("reasons") or []
        ]

    def in_words(self, answer: Value, config: Value) -> list[str]:
        names = {aspect["key"]: aspect["name"] for aspect in config["aspects"]}
        lines = [said(answer, config) or _("Nothing chosen")]
        lines += [
            f"{names.get(key, key)}: {words}"
            for key, one in (answer.get("aspects") or {}).items()
            if (words := said(one, config))
        ]
        if answer.get("reasons"):
            lines.append(", ".join(answer["reasons"]))
        return lines + ([answer["rationale"]] if answer.get("rationale") else [])

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        parts = ("choice", "strength", "scale", "rationale", "reasons", "aspects", "left", "right")
        given = check_keys(raw, parts)
        left, right = content.ids
        value: Value = {"left": left, "right": right} | self._compared(given, config, content)
        rationale = check_text(given.get("rationale"), "rationale", limit=RATIONALE_LIMIT, need=config["rationale"])
        found: Value = {"rationale": rationale, "reasons": self._reasons(given.get("reasons"), config)}
        found["aspects"] = self._aspects(given.get("aspects"), config, content)
        return value | {key: one for key, one in found.items() if one}

    def _compared(self, given: Value, config: Value, content: Content) -> Value:
        """{choice, strength} in item order."""
        given = self._from_scale(given, config)
        choice = self._choice(given, config, content)
        return {"choice": choice, "strength": self._strength(given, config, choice)}

    def _from_scale(self, given: Value, config: Value) -> Value:
        """Replaces a digit of the scale by the choice and strength that it stands for."""
        if given.get("scale") is None:
            return given
        if given.get("choice") is not None or given.get("strength") is not None:
            raise fault("scale", _("Give either a point of the scale or a choice, not both."))
        point = scale(config["points"])[check_whole(given["scale"], "scale", 1, config["points"]) - 1]
        return given | {"choice": point.choice, "strength": point.strength}

    def _choice(self, given: Value, config: Value, content: Content) -> str:
        choice, ends = given.get("choice"), [given.get("left"), given.get("right")]
        if choice is None or choice == "":
            raise fault("choice", _("Choose one."))
        if choice in APART:
            if not config[choice]:
                raise fault("choice", _("This form does not allow that choice."))
            return str(choice)
        if choice in ("A", "B"):
            if any(end is not None for end in ends):
                raise fault("choice", _("A and B name responses as shown; left and right go with ids."))
            chosen = content.by_letter(choice, "choice").id
        elif choice in SIDES:
            # Only together with the ids: "left" alone would mean the screen to one caller and the item to another.
            if ends not in ([*content.ids], [*content.ids][::-1]):
                raise fault("left", _("left and right must be the two responses of this item."))
            chosen = given[choice]
        else:
            raise fault("choice", _("Must be A, B, tie or both_bad."))
        return SIDES[content.ids.index(chosen)]

    def _strength(self, given: Value, config: Value, choice: str) -> int:
        strength, most = given.get("strength"), levels(config)
        if choice not in SIDES:
            return check_whole(0 if strength is None else strength, "strength", 0, 0)
        if strength is None and (most == 1 or given["choice"] in SIDES):
            return 1
        if strength is None:
            raise fault("strength", _("Say how much better it is."))
        return check_whole(strength, "strength", 1, most)

    def _reasons(self, raw: object, config: Value) -> list[str]:
        if raw is None:
            return []
        if not isinstance(raw, list) or not all(one in config["reasons"] for one in raw):
            raise fault("reasons", _("Must be reasons of this form."))
        return [one for one in config["reasons"] if one in raw]

    def _aspects(self, raw: object, config: Value, content: Content) -> Value:
        """Each aspect that was compared; one that was left out is missing, not a tie."""
        if raw is None:
            return {}
        known = [aspect["key"] for aspect in config["aspects"]]
        if not isinstance(raw, dict) or not set(raw) <= set(known):
            raise fault("aspects", _("Must be aspects of this form."))
        ends = dict(zip(SIDES, content.ids, strict=True))
        found: Value = {}
        for key in (one for one in known if raw.get(one) is not None):
            try:
                given = check_keys(raw[key], ("choice", "strength", "scale"))
                given |= ends if given.get("choice") in SIDES else {}
                found[key] = self._compared(given, self._on_aspects(config), content)
            except Invalid as wrong:
                texts = next(iter(wrong.fields.values()), [wrong.detail])
                raise Invalid(wrong.detail, fields={f"aspects.{key}": texts}) from wrong
        return found

    def display_form(self, value: Value, content: Content) -> Value:
        shown = self._displayed(value, value, content)
        aspects = {key: self._displayed(one, value, content) for key, one in value.get("aspects", {}).items()}
        kept = {key: value[key] for key in ("rationale", "reasons", "raw") if key in value}
        return shown | kept | ({"aspects": aspects} if aspects else {})

    def _displayed(self, compared: Value, ends: Value, content: Content) -> Value:
        choice = compared["choice"]
        letter = content.letter(ends[choice]) if choice in SIDES else choice
        return {"choice": letter} | ({"strength": compared["strength"]} if "strength" in compared else {})

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        choice, ids = record.get("choice"), list(names.values())
        left, right = names.get(str(record.get("left"))), names.get(str(record.get("right")))
        if choice not in (*self.outcomes, "unsure") or len(ids) != 2 or {left, right} != set(ids):
            return {"choice": "unsure", "raw": record.get("verdict_raw", choice)}
        if choice in SIDES and left != ids[0]:
            choice = SIDES[1 - SIDES.index(choice)]
        strength = record.get("strength")
        if isinstance(strength, bool) or not isinstance(strength, int) or strength < 1:
            strength = 1
        value: Value = {"left": ids[0], "right": ids[1], "choice": choice}
        value["strength"] = strength if choice in SIDES else 0
        if choice == "unsure" and "verdict_raw" in record:
            value["raw"] = record["verdict_raw"]
        rationale = record.get("rationale")
        return value | ({"rationale": rationale} if isinstance(rationale, str) and rationale else {})

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        record: Value = {"kind": "comparison", "choice": value["choice"]}
        record |= {side: names[value[side]] for side in SIDES if side in value}
        kept = ("strength", "rationale", "reasons", "aspects")
        record |= {key: value[key] for key in kept if key in value}
        return record | ({"verdict_raw": value["raw"]} if "raw" in value else {})

    # Labels

    def outcome(self, value: Value) -> str | None:
        return value["choice"] if value.get("choice") in self.outcomes else None

    def outcome_in_words(self, outcome: str, content: Content) -> str:
        if outcome in SIDES:
            return _("%(letter)s is better") % {"letter": LETTERS[SIDES.index(outcome)]}
        return words_apart(outcome)

    def merged(self, outcome: str, values: Sequence[Value]) -> Value:
        ends = {side: values[0][side] for side in SIDES}
        return ends | {"choice": outcome, "strength": fmean(value["strength"] for value in values)}

    def split(self, values: Sequence[Value]) -> Value:
        return {side: values[0][side] for side in SIDES} | {"choice": "split", "strength": 0.0}

    def distance(self, left: Value, right: Value) -> float:
        return float(left.get("choice") != right.get("choice"))

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """One pair for a preference or a tie; none for "both bad", a split vote, or a verdict that cannot be used."""
        choice = value.get("choice")
        if choice not in (*SIDES, "tie"):
            return []
        chosen = "right" if choice == "right" else "left"
        rejected = "left" if choice == "right" else "right"
        shares = soft or {choice: 1.0}
        undecided = shares.get("tie", 0.0) + shares.get("both_bad", 0.0)
        better = 0.5 if choice == "tie" else shares.get(chosen, 0.0) + undecided / 2
        return [Preference(value[chosen], value[rejected], float(value["strength"]), better)]

    # Judges

    def question(self, config: Value, content: Content) -> Task:
        letters = [one.letter for one in content.displayed]
        words = [*letters, *(word for word in ("tie", "both_bad") if config[word])]
        answer = {"choice": one_of(words), "strength": "n"}
        rules = [f"strength: a whole number from 1 (slightly better) to {levels(config)} (much better); 0 for a tie."]
        if config["aspects"]:
            row = f'{{"choice": {one_of([one for one in words if one != "both_bad"])}, "strength": n}}'
            answer["aspects"] = "{" + ", ".join(f'"{one["key"]}": {row}' for one in config["aspects"]) + "}"
            rules += [f"{one['key']}: {one['name']}. {one['description']}".strip() for one in config["aspects"]]
        if config["reasons"]:
            answer["reasons"] = f"[some of {one_of(config['reasons'])}]"
        return Task(
            "You compare two responses to the same prompt and say which is better.",
            "Which response is better?",
            answer | asking.rationale(config),
            rules,
            ("choice",),
        )

    def displayed_answer(self, given: Value, config: Value, content: Content) -> Value:
        if given.get("choice") == "unsure":
            raise fault("choice", _("This form does not allow that choice."))
        if not isinstance(given.get("choice"), str):
            return given
        return {"strength": 1 if given["choice"] in LETTERS else 0} | given

    def as_answer(self, label: Value, values: Sequence[Value], config: Value) -> Value:
        """Readings that stand against each other show a bias for a position, not a preference: a tie."""
        found = self._as_one([label, *(one for one in values if one["choice"] == label["choice"])])
        found |= {side: label[side] for side in SIDES}
        half = len(values) / 2
        found["reasons"] = [one for one in config["reasons"] if sum(one in v.get("reasons", ()) for v in values) > half]
        found["aspects"] = {}
        for key in (aspect["key"] for aspect in config["aspects"]):
            rows = [value["aspects"][key] for value in values if key in value.get("aspects", {})]
            if rows and (config["tie"] or len({row["choice"] for row in rows}) == 1):
                found["aspects"][key] = self._as_one(rows)
        return {key: one for key, one in found.items() if one not in ([], {})}

    def _as_one(self, rows: Sequence[Value]) -> Value:
        """{choice, strength}: the smallest strength where all agree, else a tie."""
        choices = {row["choice"] for row in rows}
        choice = choices.pop() if len(choices) == 1 else "tie"
        if choice not in SIDES:
            return {"choice": "tie" if choice == "split" else choice, "strength": 0}
        return {"choice": choice, "strength": max(1, int(min(row["strength"] for row in rows)))}


PROTOCOL = Pairwise()
