"""What is wrong with a response and what to keep, in the rater's own words: of each response, or of the whole item."""

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from pydantic import Field, model_validator

from annotation.protocols import (
    Config,
    Content,
    Controls,
    Preference,
    Shape,
    Value,
    check_keys,
    check_text,
    fault,
)
from annotation.protocols.asking import Asked, Task, one_of
from annotation.protocols.choosing import Unvoted
from annotation.protocols.ontology import Need, Term
from annotation.protocols.wording import apart
from common import text as storable
from common.errors import Invalid
from common.words import gettext_noop

TEXT_LIMIT = 20_000
BOXES = ("text", "keep")


class CritiqueConfig(Config):
    of: Literal["item", "responses"] = Field(
        "item", title=gettext_noop("About"), description=gettext_noop("The item as a whole, or each of its responses.")
    )
    text: Need = Field("required", title=gettext_noop("What is wrong"))
    keep: Need = Field("optional", title=gettext_noop("What to keep"))
    min_length: int = Field(
        0,
        ge=0,
        le=2000,
        title=gettext_noop("Least length"),
        description=gettext_noop("Characters of what is wrong; 0: any length."),
    )
    aspects: list[Term] = Field(
        default_factory=list,
        max_length=12,
        title=gettext_noop("Aspects"),
        description=gettext_noop("What it can be about, each with key and name; a rater may tick several."),
    )

    @model_validator(mode="after")
    def _asks_something(self) -> "CritiqueConfig":
        if self.text == "off" and self.keep == "off":
            raise ValueError(_("Ask what is wrong, or what to keep."))
        if len({one.key for one in self.aspects}) < len(self.aspects):
            raise ValueError(_("Two aspects have the same key."))
        return self


class Critique(Unvoted, Asked):
    key = "critique"
    title = gettext_lazy("Critique in words")
    asks = gettext_lazy("What is wrong, and what should stay?")
    Config = CritiqueConfig
    form_template = "annotation/protocols/critique.html"
    script = ""
    record_kinds = ("critique",)
    reads_text = False
    on_cards = True
    rule = None
    keys = ()

    def in_dock(self, config: Value) -> bool:
        return False

    def check_item(self, shape: Shape, config: Value) -> str:
        if config["of"] == "responses" and not shape.responses:
            return _("there is no response to criticise")
        return ""

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        if config["of"] == "item":
            return Controls(self._boxes(config, answer, ""))
        said = _by_letter(answer)
        cards = {
            one.letter: self._boxes(config, said.get(one.letter, {}), f"{one.letter}.") for one in content.displayed
        }
        return Controls({"boxes": [], "aspects": []}, cards)

    def _boxes(self, config: Value, said: Value, prefix: str) -> Value:
        """Text boxes and tick boxes, each with the part that it posts."""
        labels = {"text": _("What is wrong"), "keep": _("What to keep")}
        boxes = [
            {
                "part": prefix + part,
                "label": labels[part],
                "required": config[part] == "required",
                "text": said.get(part, ""),
                "least": config["min_length"] if part == "text" else 0,
            }
            for part in BOXES
            if config[part] != "off"
        ]
        ticked = said.get("aspects") or []
        aspects = [{**one, "part": f"{prefix}aspects", "chosen": one["key"] in ticked} for one in config["aspects"]]
        return {"boxes": boxes, "aspects": aspects}

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        if config["of"] == "item":
            return _read(parts, "")
        letters = sorted({part.partition(".")[0] for part in parts if "." in part})
        found = {letter: said for letter in letters if (said := _read(parts, f"{letter}."))}
        return {"responses": found} if found else None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        if config["of"] == "item":
            return _pairs(answer, "")
        return [pair for letter, said in sorted(_by_letter(answer).items()) for pair in _pairs(said, f"{letter}.")]

    def in_words(self, answer: Value, config: Value) -> list[str]:
        if config["of"] == "item":
            return _lines(answer, config)
        said = sorted(_by_letter(answer).items())
        return [f"{letter}: {line}" for letter, one in said for line in _lines(one, config)]

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given = check_keys(raw, (*BOXES, "aspects", "target", "responses"))
        if config["of"] == "item":
            for key in ("target", "responses"):
                if given.get(key) is not None:
                    raise fault(key, _("This form asks about the item as a whole."))
            return _checked(given, config, "")
        by_name = _named(given)
        found: Value = {}
        for name, said in by_name.items():
            pk = content.by_id(int(name)).id if _is_id(name, content) else content.by_letter(name, str(name)).id
            found[str(pk)] = _checked(check_keys(said, (*BOXES, "aspects")), config, f"{content.letter(pk)}.")
        wanted = "required" in (config["text"], config["keep"])
        for one in content.displayed:
            if wanted and str(one.id) not in found:
                raise fault(one.letter, _("Write something about %s.") % one.letter)
        if not found:
            raise fault("responses", _("Write something."))
        return {"responses": {str(pk): found[str(pk)] for pk in content.ids if str(pk) in found}}

    def display_form(self, value: Value, content: Content) -> Value:
        if "responses" not in value:
            return {} if "raw" in value else dict(value)
        return {"responses": {content.letter(int(pk)): said for pk, said in value["responses"].items()}}

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        several = record.get("of_responses")
        entries = several if isinstance(several, list) else [record]
        read = [_recorded(one, names) for one in entries if isinstance(one, dict)]
        about: Value = {str(pk): said for pk, said in read if said and pk is not None}
        if about:
            return {"responses": about}
        return read[0][1] if read and read[0][1] else {"raw": record.get("text")}

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        """One record holds one text: with several responses criticised, each is an entry of `of_responses`."""
        record: Value = {"kind": "critique"}
        if "raw" in value:
            return record | {"text": value["raw"]}
        if "responses" not in value:
            return record | _record_of(value)
        each = [
            _record_of(said) | {"target": {"response_id": names[int(pk)]}} for pk, said in value["responses"].items()
        ]
        return record | (each[0] if len(each) == 1 else {"of_responses": each})

    # Labels

    def distance(self, left: Value, right: Value) -> float:
        """The mean over what was criticised of how far the words are apart."""
        a, b = left.get("responses", {"": left}), right.get("responses", {"": right})
        keys = [(name, box) for name in a.keys() | b.keys() for box in BOXES]
        texts = [(a.get(name, {}).get(box, ""), b.get(name, {}).get(box, "")) for name, box in keys]
        said = [apart(one, two) for one, two in texts if one or two]
        return sum(said) / len(said) if said else 0.0

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        return []

    # Judges

    def question(self, config: Value, content: Content) -> Task:
        told = {"text": '"what is wrong"', "keep": '"what should stay as it is"'}
        parts = {box: told[box] for box in BOXES if config[box] != "off"}
        if config["aspects"]:
            parts["aspects"] = f"[some of {one_of([one['key'] for one in config['aspects']])}]"
        rules = [f"{box}: may be left out." for box in BOXES if config[box] == "optional"]
        rules += [f"text: at least {config['min_length']} characters."] if config["min_length"] else []
        rules += [f"{one['key']}: {one['name']}" for one in config["aspects"]]
        if config["of"] == "item":
            return Task("You criticise what a model answered.", "What is wrong, and what should stay?", parts, rules)
        each = "{" + ", ".join(f'"{key}": {words}' for key, words in parts.items()) + "}"
        answer = "{" + ", ".join(f'"{one.letter}": {each}' for one in content.displayed) + "}"
        return Task(
            "You criticise each response to a prompt by itself.",
            "What is wrong with each, and what should stay?",
            {"responses": answer},
            rules,
        )


def _is_id(name: object, content: Content) -> bool:
    """Whether a critique is kept under the id of a response, as stored."""
    return isinstance(name, str) and name.isascii() and name.isdigit() and len(name) < 20 and int(name) in content.ids


def _named(given: Value) -> Value:
    """{letter or id: critique}; one critique with its `target` is short for one entry."""
    if given.get("target") is not None:
        if given.get("responses") is not None:
            raise fault("target", _("Give either one critique with its target, or responses."))
        if not isinstance(given["target"], str):
            raise fault("target", _("Must name a response."))
        return {given["target"]: {key: given[key] for key in (*BOXES, "aspects") if key in given}}
    named = given.get("responses")
    if not isinstance(named, dict) or any(given.get(key) is not None for key in (*BOXES, "aspects")):
        raise fault("responses", _("Must be an object of critiques by response."))
    return named


def _by_letter(answer: Value) -> dict[str, Value]:
    if isinstance(answer.get("target"), str):
        return {answer["target"]: answer}
    found = answer.get("responses")
    return {key: said for key, said in found.items() if isinstance(said, dict)} if isinstance(found, dict) else {}


def _read(parts: Mapping[str, list[str]], prefix: str) -> Value | None:
    said: Value = {box: parts[prefix + box][-1] for box in BOXES if parts.get(prefix + box, [""])[-1]}
    ticked = [key for key in parts.get(f"{prefix}aspects", []) if key]
    return said | ({"aspects": ticked} if ticked else {}) or None


def _pairs(said: Value, prefix: str) -> list[tuple[str, str]]:
    texts = [(prefix + box, said[box]) for box in BOXES if said.get(box)]
    return texts + [(f"{prefix}aspects", key) for key in said.get("aspects") or []]


def _lines(said: Value, config: Value) -> list[str]:
    names = {one["key"]: one["name"] for one in config["aspects"]}
    lines = [said["text"]] if said.get("text") else []
    if said.get("keep"):
        lines.append(_("To keep: %s") % said["keep"])
    ticked = [names.get(key, key) for key in said.get("aspects") or []]
    return lines + ([_("About: %s") % ", ".join(ticked)] if ticked else [])


def _recorded(record: Mapping[str, Any], names: Mapping[str, int]) -> tuple[int | None, Value]:
    """(response, critique) of one recorded text; (None, {}) where it says nothing."""
    kept: Value = {key: record[key] for key in BOXES if isinstance(record.get(key), str) and record[key]}
    if not kept:
        return None, {}
    aspects = record.get("aspects", [record["aspect"]] if "aspect" in record else [])
    if isinstance(aspects, list) and aspects and all(isinstance(one, str) for one in aspects):
        kept["aspects"] = aspects
    target = record.get("target")
    named = str(target["response_id"]) if isinstance(target, dict) and "response_id" in target else None
    extra = {key: record[key] for key in ("error_type", "addresses") if record.get(key) is not None}
    if target is not None and named not in names:
        extra["target"] = target
    return names.get(named) if named else None, kept | ({"extra": extra} if extra else {})


def _record_of(said: Value) -> Value:
    extra: Value = said.get("extra", {})
    return {key: kept for key, kept in said.items() if key != "extra"} | extra


def _checked(said: Value, config: Value, prefix: str) -> Value:
    found: Value = {}
    for box in BOXES:
        key = prefix + box
        text = check_text(said.get(box), key, limit=TEXT_LIMIT, need=config[box])
        try:
            storable.check_text(text)
        except ValueError as wrong:
            raise Invalid(str(wrong), fields={key: [str(wrong)]}) from wrong
        if text:
            found[box] = text
    least = config["min_length"]
    if "text" in found and len(found["text"].strip()) < least:
        said_so = ngettext("At least %d character.", "At least %d characters.", least) % least
        raise fault(f"{prefix}text", said_so)
    ticked, known = said.get("aspects") or [], [one["key"] for one in config["aspects"]]
    if not isinstance(ticked, list) or not all(isinstance(one, str) and one in known for one in ticked):
        raise fault(f"{prefix}aspects", _("Must be aspects of this form."))
    if not found:
        raise fault(f"{prefix}text" if config["text"] != "off" else f"{prefix}keep", _("Write something."))
    return found | ({"aspects": [key for key in known if key in ticked]} if ticked else {})


PROTOCOL = Critique()
