"""What every question to a judge shares. Judged text is data, and may attack: each text is a JSON string in which
whatever could pass for a control token or hide is escaped, inside a fence drawn anew for each asking; and an answer
that is not exactly of the form asked for counts as none.
"""

import json
import re
import secrets
import unicodedata
from collections.abc import Collection
from typing import Any

from common import text

# Brackets, bars and back-ticks make up the control tokens of every chat format; inside a string JSON can spell them.
_ALIVE = set("<>|[]{}`")
_HIDING = {"Cf", "Cc", "Co", "Cn"}


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
    alive = character in _ALIVE or unicodedata.category(character) in _HIDING
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
