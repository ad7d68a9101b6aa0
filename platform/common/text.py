"""Text and JSON that can be trusted to be storable: checked once, at the door."""

import json
import math
from typing import Any

from common.words import gettext_noop

MAX_DEPTH = 64
ID_DIGITS = 18
"""More are beyond what a column of ids holds."""
MAX_NUMBER_DIGITS = 400


def natural(text: str, digits: int = ID_DIGITS) -> int | None:
    """The number that `text` is, 0 too, written in at most so many digits 0 to 9; None for whatever else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def check_text(text: str) -> None:
    """Raises ValueError where no database could hold `text`: a NUL or a lone surrogate in it."""
    if "\x00" in text:
        raise ValueError(gettext_noop("the text has a NUL character at position %(chr)s") % {"chr": text.index(chr(0))})
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as fault:
        raise ValueError(
            gettext_noop("the text has half a character (a lone surrogate) at position %(start)s")
            % {"start": fault.start}
        ) from fault


def check_tree(value: Any) -> None:
    """Raises ValueError where a decoded JSON value cannot be stored: NaN, infinity, NUL, lone surrogate, too deep."""
    pending = [(value, 0)]
    while pending:
        node, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueError(gettext_noop("nested deeper than %(max_depth)s levels") % {"max_depth": MAX_DEPTH})
        if isinstance(node, str):
            check_text(node)
        elif isinstance(node, float) and not math.isfinite(node):
            raise ValueError(gettext_noop("NaN and infinity are not numbers of JSON"))
        elif isinstance(node, dict):
            for key, child in node.items():
                check_text(key)
                pending.append((child, depth + 1))
        elif isinstance(node, list):
            pending.extend((child, depth + 1) for child in node)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(gettext_noop("the key %(twice)s stands twice in one object") % {"twice": repr(twice[:80])})
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_NUMBER_DIGITS:
        raise ValueError(gettext_noop("a number of %(digits)s digits") % {"digits": len(digits)})
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueError(gettext_noop("a whole number beyond 64 bits"))
    return number


def _no_constant(name: str) -> float:
    raise ValueError(gettext_noop("%(name)s is not a number of JSON") % {"name": name})


def loads(data: str | bytes) -> Any:
    """Decodes JSON strictly. `data`: UTF-8 bytes (a byte-order mark is accepted) or text.

    Raises ValueError with a reason a person can act on: wrong encoding or syntax, duplicate keys, NaN, infinity,
    numbers beyond 64 bits, NUL, lone surrogates, deeper than 64 levels.
    """
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            raise ValueError(gettext_noop("not UTF-8 text (byte %(start)s)") % {"start": fault.start}) from fault
    data = data.removeprefix("\ufeff")
    try:
        value = json.loads(data, object_pairs_hook=_unique, parse_int=_whole, parse_constant=_no_constant)
    except RecursionError as fault:
        raise ValueError(gettext_noop("nested deeper than %(max_depth)s levels") % {"max_depth": MAX_DEPTH}) from fault
    except json.JSONDecodeError as fault:
        raise ValueError(
            gettext_noop("not JSON: %(msg)s at character %(pos)s") % {"msg": fault.msg, "pos": fault.pos + 1}
        ) from fault
    check_tree(value)
    return value
