"""Texts that raters wrote become responses: children of those they were made of, in the transaction of their answer."""

import uuid
from collections.abc import Sequence
from typing import Any

from annotation.models import Rater
from annotation.protocols import Value, protocol
from corpus.models import Response

# Of the external ids: the same key of the same rater makes the same id, and the constraint refuses a second child.
KEYS = uuid.UUID("0d4f3c1e-5d0a-4c58-9a52-64b1a2c3f7d9")
CHILD = "response"


def with_children(
    fields: Sequence[Value], values: Value, *, prompt_id: int, rater: Rater, key: uuid.UUID
) -> dict[str, Any]:
    """`values` (normal forms) with the id of the response made of each text in them. `key`: of the answer."""
    made = {}
    for field in fields:
        value = values.get(field["name"])
        child = _child_text(field["protocol"], value)
        if child is not None:
            parent_id, text = child
            name = uuid.uuid5(KEYS, f"{rater.pk}/{key}/{field['name']}")
            response = Response.objects.create(
                prompt_id=prompt_id,
                parent_id=parent_id,
                external_id=f"edit-{name}",
                messages=[{"role": "assistant", "content": text}],
                author_kind=Response.Author.HUMAN,
            )
            made[field["name"]] = values[field["name"]] | {CHILD: response.pk}
    return values | made


def without_children(fields: Sequence[Value], values: Value) -> Value:
    """Stored values as they were before `with_children`: two answers with the same text say the same."""
    makers = {field["name"] for field in fields if hasattr(protocol(field["protocol"]), "child_text")}
    return {
        name: {key: part for key, part in value.items() if key != CHILD} if name in makers else value
        for name, value in values.items()
    }


def _child_text(key: str, value: Value | None) -> tuple[int | None, str] | None:
    plug = protocol(key)
    found: tuple[int | None, str] | None = None
    if value is not None and hasattr(plug, "child_text"):
        found = plug.child_text(value)
    return found
