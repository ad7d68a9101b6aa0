"""Chat messages as texts to read."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

EXCERPT = 120


@dataclass(frozen=True)
class MessageText:
    role: str
    text: str


def text_of(message: dict[str, Any]) -> str:
    """The text of one message: its content, or the text parts of it, whole and as stored."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def conversation(messages: Iterable[dict[str, Any]]) -> tuple[MessageText, ...]:
    return tuple(MessageText(str(message.get("role", "")), text_of(message)) for message in messages)


def excerpt(messages: Iterable[dict[str, Any]]) -> str:
    """The beginning of what was said last, on one line of at most EXCERPT characters."""
    texts = conversation(messages)
    text = " ".join(texts[-1].text.split()) if texts else ""
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def response_text(messages: list[dict[str, Any]]) -> str:
    """A response as one text; the roles stand before its messages where there are several."""
    if len(messages) == 1:
        return text_of(messages[0])
    return "\n\n".join(f"{message.get('role', '')}: {text_of(message)}" for message in messages)
