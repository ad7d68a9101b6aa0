"""Chat messages as texts, for judges that score and for features. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any


def plain_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of chat messages, one after the other; of typed parts, the text ones."""
    texts = []
    for message in messages:
        content = message.get("content") or ""
        parts = (
            [content]
            if isinstance(content, str)
            else [part.get("text", "") for part in content if isinstance(part, Mapping)]
        )
        texts.append("\n".join(part for part in parts if part))
    return "\n\n".join(texts)
