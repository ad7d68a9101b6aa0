"""A better text: one of the responses as the rater mends it, or a new one. The service makes a child response of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field

from annotation.protocols import Config, Content, Controls, Preference, Shape, Value, check_keys, check_text, fault
from annotation.protocols.choosing import Unvoted
from annotation.protocols.ontology import Need
from annotation.protocols.wording import apart
from common import text as storable
from common.errors import Invalid
from common.words import gettext_noop

TEXT_LIMIT = 200_000
NOTE_LIMIT = 20_000
SCRATCH, UNCHANGED = "new", "unchanged"


class EditConfig(Config):
    base: Literal["choose", "better"] = Field(
        "choose",
        title=gettext_noop("What is edited"),
        description=gettext_noop(
            "choose: the response that the rater picks; better: at first the one that they prefer, where the "
            "form asks that as well."
        ),
    )
    scratch: bool = Field(True, title=gettext_noop("Allow a text from scratch"))
    unchanged: bool = Field(False, title=gettext_noop("Allow “it is fine as it is”"))
    note: Need = Field("off", title=gettext_noop("Note"), description=gettext_noop("What was changed, and why."))


class Edit(Unvoted):
    key = "edit"
    title = gettext_lazy("A better text")
    asks = gettext_lazy("How should it read?")
    Config = EditConfig
    form_template = "annotation/protocols/edit.html"
    script = "annotation/protocols/edit.js"
    record_kinds = ("refinement",)
    reads_text = True
    on_cards = False
    rule = "each"
    keys = ()

    def in_dock(self, config: Value) -> bool:
        return False

    def check_item(self, shape: Shape, config: Value) -> str:
        return "" if shape.responses or config["scratch"] else _("there is no response to edit")

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        bases = [{"value": one.letter, "words": _("Edit %s") % one.letter} for one in content.displayed]
        if config["scratch"] or not bases:
            bases.append({"value": SCRATCH, "words": _("Write a better one")})
        chosen = _base_posted(answer) or (bases[0]["value"] if len(bases) == 1 else "")
        texts = {one.letter: one.text or "" for one in content.displayed}
        return Controls(
            {
                "bases": [base | {"chosen": base["value"] == chosen} for base in bases],
                "text": answer.get("text", "" if answer else texts.get(chosen, "")),
                "unchanged": answer.get("unchanged") is True,
                "note": answer.get("note", ""),
            }
        )

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        said = {key: parts.get(key, [""])[-1] for key in ("base", "text", "note", UNCHANGED)}
        if not said["base"] and not said["text"].strip() and not said[UNCHANGED]:
            return None
        answer: Value = {"base": None if said["base"] in ("", SCRATCH) else said["base"]}
        if said[UNCHANGED]:
            answer[UNCHANGED] = True
        else:
            answer["text"] = said["text"]
        return answer | ({"note": said["note"]} if said["note"] else {})

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        pairs = [("base", _base_posted(answer)), ("text", answer.get("text") or ""), ("note", answer.get("note") or "")]
        return [(part, text) for part, text in pairs if text] + ([(UNCHANGED, "1")] if answer.get(UNCHANGED) else [])

    def in_words(self, answer: Value, config: Value) -> list[str]:
        if "edits" in answer:
            return [_("Edited: %s") % ", ".join(answer["edits"])]
        if not answer:
            return [_("Nothing written")]
        if answer.get(UNCHANGED):
            lines = [_("%s is fine as it is") % answer.get("base")]
        elif answer.get("base") is None:
            lines = [_("A new text"), str(answer.get("text", ""))]
        else:
            lines = [_("%s, edited") % answer["base"], str(answer.get("text", ""))]
        return lines + ([answer["note"]] if answer.get("note") else [])

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given = check_keys(raw, ("base", "text", "note", UNCHANGED, "response"))
        base = self._base(given, config, content)
        note = check_text(given.get("note"), "note", limit=NOTE_LIMIT, need=config["note"])
        value: Value = {"base": base} | ({"note": _storable(note, "note")} if note else {})
        if given.get(UNCHANGED) not in (None, False):
            return value | self._unchanged(given, config, base)
        text = _storable(check_text(given.get("text"), "text", limit=TEXT_LIMIT, need="required"), "text")
        if base is None:
            same = [one for one in content.responses if _lines(one.text or "") == _lines(text)]
            if same:
                raise fault("text", _("It is the same as %s.") % same[0].letter)
            return value | {"text": text}
        text = _with_ends_of(content.text(base), text)
        if _lines(text) == _lines(content.text(base)):
            raise fault("text", _("Nothing is changed."))
        return value | {"text": text}

    def _base(self, given: Value, config: Value, content: Content) -> int | None:
        base = given.get("base")
        if base is None:
            if "base" not in given or (not config["scratch"] and content.responses):
                raise fault("base", _("Say which response it is made of."))
            return None
        if type(base) is int and base in content.ids:
            return base
        return content.by_letter(base, "base").id

    def _unchanged(self, given: Value, config: Value, base: int | None) -> Value:
        if given[UNCHANGED] is not True or not config["unchanged"]:
            raise fault(UNCHANGED, _("This form asks for a text that is better."))
        if base is None or given.get("text"):
            raise fault(UNCHANGED, _("Either a response is fine as it is, or there is a better text."))
        return {UNCHANGED: True}

    def child_text(self, value: Value) -> tuple[int | None, str] | None:
        """(parent, text) of the response that an answer makes; None where it makes none."""
        return (value["base"], value["text"]) if "text" in value and "response" not in value else None

    def display_form(self, value: Value, content: Content) -> Value:
        if "edits" in value:
            return {"edits": [content.letter(one["base"]) for one in value["edits"]]}
        if "base" not in value:
            return {}
        base = None if value["base"] is None else content.letter(value["base"])
        return {"base": base} | {key: value[key] for key in ("text", "note", UNCHANGED) if key in value}

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        base, new = (names.get(str(record.get(key))) for key in ("base_response_id", "new_response_id"))
        said = {key: record.get(key) for key in ("base_response_id", "new_response_id") if key in record}
        extra = {"instructions": record["instructions"]} if record.get("instructions") is not None else {}
        if new is None or new == base or (base is None and record.get("base_response_id") is not None):
            return {"raw": said} | extra
        text = content.by_id(new).text
        return {"base": base, "response": new} | ({} if text is None else {"text": text}) | extra

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        record: Value = {"kind": "refinement"}
        if "raw" in value:
            record |= value["raw"]
        if "base" in value:
            record["base_response_id"] = None if value["base"] is None else names[value["base"]]
        if "response" in value:
            record["new_response_id"] = names.get(value["response"])
        return record | {key: value[key] for key in ("note", UNCHANGED, "instructions") if key in value}

    # Labels

    def distance(self, left: Value, right: Value) -> float:
        if left.get(UNCHANGED) or right.get(UNCHANGED):
            return float(left.get(UNCHANGED) != right.get(UNCHANGED) or left.get("base") != right.get("base"))
        return apart(left.get("text", ""), right.get("text", ""))

    def gathered(self, values: Sequence[Value]) -> Value:
        """What a label holds: every text that is better than the one it was made of."""
        pairs = ({"base": one["base"], "response": one["response"]} for one in values if self.preferences(one))
        return {"edits": list(pairs)}

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """What was edited is better than what it was made of."""
        made = value.get("edits", [value])
        whole = (one for one in made if one.get("base") is not None and one.get("response") is not None)
        return [Preference(one["response"], one["base"], 1.0, 1.0) for one in whole]


def _base_posted(answer: Value) -> str:
    if "base" not in answer:
        return ""
    return SCRATCH if answer["base"] is None else str(answer["base"])


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _with_ends_of(base: str, text: str) -> str:
    """`text` with the line ends of `base`: a text box knows only LF, and that is no edit of the rater's."""
    only_crlf = "\r\n" in base and "\n" not in base.replace("\r\n", "")
    return text.replace("\n", "\r\n") if only_crlf and "\r" not in text else text


def _storable(text: str, key: str) -> str:
    try:
        storable.check_text(text)
    except ValueError as wrong:
        raise Invalid(str(wrong), fields={key: [str(wrong)]}) from wrong
    return text


PROTOCOL = Edit()
