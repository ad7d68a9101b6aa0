"""What every question to a judge shares. Judged text is data, and may attack: each text is a JSON string in which
whatever could pass for a control token or hide is escaped, inside a fence drawn anew for each asking; and an answer
that is not exactly of the form asked for counts as none.
"""

import json
import re
import secrets
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from annotation.protocols import Content, Value
from common import text
from common.errors import Invalid

# Brackets, bars and back-ticks make up the control tokens of every chat format; inside a string JSON can spell them.
_ALIVE = set("<>|[]{}`")
_HIDING = {"Cf", "Cc", "Co", "Cn", "Zl", "Zp"}
# Drawn as nothing although they count as letters and marks (Unicode's Default_Ignorable_Code_Point).
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def encode(value: Any) -> str:
    """JSON of `value` (objects, lists, strings, numbers) whose strings hold no control token and nothing invisible."""
    if isinstance(value, str):
        return "".join(map(_spelled, json.dumps(value, ensure_ascii=False)))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{encode(str(key))}: {encode(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(encode, value)) + "]"
    return json.dumps(value, allow_nan=False)


def _spelled(character: str) -> str:
    alive = character in _ALIVE or unicodedata.category(character) in _HIDING or _BLANK.match(character)
    if not alive:
        return character
    return "".join(f"\\u{int.from_bytes(pair, 'big'):04x}" for pair in _halves(character))


def _halves(character: str) -> list[bytes]:
    encoded = character.encode("utf-16-be")
    return [encoded[i : i + 2] for i in range(0, len(encoded), 2)]


def fenced(data: Any) -> tuple[str, str]:
    """The fence, which no author of the data can have known, and `data` as JSON between two lines of it."""
    fence = f"DATA-{secrets.token_hex(12)}"
    return fence, f"{fence}\n{encode(data)}\n{fence}"


def read_object(answer: str, allowed: Collection[str]) -> dict[str, Any] | None:
    """The one JSON object that `answer` is, with no key but `allowed`; a fence of back-ticks around it is forgiven.

    None for anything else: more text, several objects, a key given twice, an unknown key, NaN.
    """
    wrapped = re.fullmatch(r"\s*```(?:json)?\s*(.*?)\s*```\s*", answer, re.DOTALL)
    try:
        found = text.loads(wrapped.group(1) if wrapped else answer)
    except ValueError:
        return None
    return found if isinstance(found, dict) and set(found) <= set(allowed) else None


@dataclass(frozen=True)
class Task:
    """What a form asks of a judge, in English.

    `does`: what the judge is there for, a sentence; `asks`: the question that ends the asking; `answer`: key of the
    JSON object to answer with → what stands there; `rules`: how to fill it in; `verdict`: the keys whose values are the
    verdict, whose probabilities say how sure a judge is.
    """

    does: str
    asks: str
    answer: Mapping[str, str]
    rules: Sequence[str] = ()
    verdict: Collection[str] = ()


class Asked(ABC):
    """A form that judges can be asked by: subclasses say what to ask (`question`); the rest has defaults."""

    @abstractmethod
    def question(self, config: Value, content: Content) -> Task:
        """What to ask of `content`, whose responses go by the letters they are shown under."""

    @abstractmethod
    def normal_form(self, raw: object, config: Value, content: Content) -> Value: ...

    def read_answer(self, text: str, config: Value, content: Content) -> Value | None:
        """A judge's answer in display terms; None where it does not parse or breaks the form's rules in anything.

        A judge is not bound to give a rationale; nothing else is forgiven.
        """
        # A judge knows letters alone: under ids that nobody could guess, an id that it names is a fault.
        hidden = replace(content, responses=tuple(replace(one, id=_HIDDEN + one.id) for one in content.responses))
        found = read_object(text, self.question(config, hidden).answer)
        if found is None:
            return None
        given = {key: value for key, value in found.items() if value is not None}
        if config.get("rationale") == "off":
            given.pop("rationale", None)
        try:
            answer = self.displayed_answer(given, config, hidden)
            self.normal_form(answer, lenient(config), hidden)
        except Invalid:
            return None
        return answer

    def displayed_answer(self, given: Value, config: Value, content: Content) -> Value:
        """What a judge wrote in display terms, where its form of an answer is another. Raises Invalid."""
        return given

    def as_answer(self, label: Value, values: Sequence[Value], config: Value) -> Value:
        """The answer that readings of one question make; `label`: what the form's consensus rule makes of `values`."""
        return {key: one for key, one in label.items() if key != "split"}

    def portions(self, config: Value) -> list[tuple[str, Value]]:
        """(name, configuration) of the parts that may be asked one by one; their answers make the whole (`joined`)."""
        return [("", config)]

    def joined(self, answers: Mapping[str, Value], config: Value) -> Value:
        """The answer in display terms of the answers to all portions, by name."""
        return answers[""]


_HIDDEN = secrets.randbits(62)


def lenient(config: Value) -> Value:
    """`config` with a rationale that may be left out."""
    return config | {"rationale": "optional"} if config.get("rationale") == "required" else config


def one_of(words: Collection[str]) -> str:
    """`"A" | "B"`, as the form of an answer is told."""
    return " | ".join(json.dumps(word, ensure_ascii=False) for word in words)


def rationale(config: Value) -> dict[str, str]:
    """The part of an answer for a rationale, where the form takes one."""
    return {} if config["rationale"] == "off" else {"rationale": '"one or two sentences"'}
