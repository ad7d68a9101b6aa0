"""Chat messages as texts to read, and all that an answer to an item may speak of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.protocols import LETTERS, Content, Shape, Shown
from corpus.models import Prompt, Response

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


def steps_of(response: Response) -> tuple[str, ...]:
    """The steps that a response came with, as texts; none where it came whole."""
    recorded = response.meta.get("steps") or ()
    return tuple(str(step.get("text", "")) if isinstance(step, dict) else str(step) for step in recorded)


def content_of(prompt: Prompt, responses: Sequence[Response], shown: Sequence[int]) -> Content:
    """`responses` in item order; `shown`: their ids as displayed."""
    # More responses than letters: such an item is withdrawn from the start, nobody speaks of the rest.
    places = {pk: place for place, pk in enumerate(shown[: len(LETTERS)])}
    found = (
        Shown(one.pk, LETTERS[places[one.pk]], response_text(one.messages), steps_of(one))
        for one in responses
        if one.pk in places
    )
    passages = tuple(str(passage.get("text", "")) for passage in prompt.context)
    return Content(tuple(found), passages, tuple(message.text for message in conversation(prompt.messages)))


def shape_of(prompt: Prompt, responses: Sequence[Response]) -> Shape:
    return Shape(len(responses), any(map(steps_of, responses)), len(prompt.context))
