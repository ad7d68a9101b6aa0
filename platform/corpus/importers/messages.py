"""Chat messages and other typed values of imported records, checked. Everything raises Bad with the place."""

from typing import Any

from common.words import gettext_noop as _
from corpus.importers.rows import Bad, Json

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
# Names that older files use for the same roles.
OLD_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant"}
MAX_MESSAGES = 2000
NAMES = {
    dict: _("an object"),
    list: _("a list"),
    str: _("a string"),
    int: _("a whole number"),
    float: _("a number"),
    bool: _("true or false"),
}


def kind_of(value: Any) -> str:
    return "null" if value is None else NAMES[type(value)]


def expect(value: Any, kind: type, pointer: str) -> Any:
    """`value` itself where it is of that JSON type."""
    if type(value) is not kind:
        raise Bad(pointer, _("expected %(kind)s, found %(value)s") % {"kind": NAMES[kind], "value": kind_of(value)})
    return value


def text_of(record: Json, key: str, *, at: str = "", limit: int | None = None) -> str:
    """The string under `key`, "" where it is absent or null."""
    value = record.get(key)
    if value is None:
        return ""
    expect(value, str, f"{at}/{key}")
    if limit is not None and len(value) > limit:
        raise Bad(f"{at}/{key}", _("longer than %(limit)s characters") % {"limit": limit})
    return str(value)


def object_of(record: Json, key: str, *, at: str = "") -> Json:
    value = record.get(key)
    return {} if value is None else expect(value, dict, f"{at}/{key}")


def _content(message: Json, pointer: str) -> None:
    content = message.get("content")
    if content is None:
        if not message.get("tool_calls"):
            raise Bad(f"{pointer}/content", _("a message without content"))
    elif type(content) is list:
        for number, part in enumerate(content):
            expect(part, dict, f"{pointer}/content/{number}")
            expect(part.get("type"), str, f"{pointer}/content/{number}/type")
    else:
        expect(content, str, f"{pointer}/content")


def messages(value: Any, pointer: str, *, text_role: str = "") -> list[Json]:
    """A list of at least one chat message; where `text_role` is given, a plain string is one message of that role."""
    if text_role and type(value) is str:
        return [{"role": text_role, "content": value}]
    found = expect(value, list, pointer)
    if not found:
        raise Bad(pointer, _("an empty list of messages"))
    if len(found) > MAX_MESSAGES:
        raise Bad(pointer, _("more than %(max_messages)s messages") % {"max_messages": MAX_MESSAGES})
    checked = []
    for number, message in enumerate(found):
        at = f"{pointer}/{number}"
        expect(message, dict, at)
        role = OLD_ROLES.get(expect(message.get("role"), str, f"{at}/role"), message["role"])
        if role not in ROLES:
            raise Bad(f"{at}/role", _("no such role; there are: %(roles)s") % {"roles": ", ".join(sorted(ROLES))})
        _content(message, at)
        checked.append({**message, "role": role})
    return checked


def shared_turns(first: list[Json], second: list[Json]) -> int:
    """How many messages at the beginning are the prompt of both: the common ones, but each side keeps at least one."""
    shared = 0
    for one, other in zip(first[:-1], second[:-1], strict=False):
        if one != other:
            break
        shared += 1
    return shared


def preference(first: int = 0, second: int = 1) -> Json:
    """The one judgment of a chosen/rejected pair: nobody is known to have made it, nor which side was shown left."""
    return {
        "annotator": "unknown",
        "annotator_kind": "unknown",
        "kind": "comparison",
        "left": first,
        "right": second,
        "choice": "left",
    }
