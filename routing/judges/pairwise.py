"""What judges of two responses share: verdicts in the item's own order, and how two askings become one answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.words import gettext_noop as _
from routing.judges import Answer, Question, refusal


@dataclass(frozen=True)
class Said:
    """A verdict in the item's own order.

    `p_left`: P(left is better), where known; `strength`: 0 only for ties and both bad; `confidence`: for a judge that
    knows it otherwise than by `p_left`.
    """

    choice: str
    p_left: float | None = None
    strength: int = 1
    rationale: str = ""
    confidence: float | None = None


def merge(said: Sequence[Said]) -> Said:
    """One verdict from the orders asked.

    Orders that agree: their choice, the smallest strength, and as confidence the mean probability of the choice. Orders
    that disagree show a bias for a position, not a preference: a tie, with the confidence 0.
    """
    choices = {one.choice for one in said}
    if len(choices) > 1:
        return Said("tie", rationale=_("Asked in both orders, the judge contradicted itself."), confidence=0.0)
    choice = choices.pop()
    known = [one.p_left for one in said if one.p_left is not None]
    confidence = said[0].confidence
    if choice in {"left", "right"} and known:
        mean = sum(known) / len(known)
        confidence = mean if choice == "left" else 1 - mean
    return Said(choice, None, min(one.strength for one in said), said[0].rationale, confidence)


def answer(question: Question, said: Said, *, orders: Sequence[dict[str, Any]] = (), **rest: Any) -> Answer:
    """The Answer for a verdict. What the question's form has no place for is not usable: people are asked."""
    config = question.config
    if (said.choice == "tie" and not config.get("tie", True)) or (
        said.choice == "both_bad" and not config.get("both_bad")
    ):
        called = _("a tie") if said.choice == "tie" else _("both bad")
        return refusal(
            question,
            _("The judge said %(called)s, which the form does not take.") % {"called": called},
            orders=orders,
            **rest,
        )
    value: dict[str, Any] = {
        "left": question.responses[0][0],
        "right": question.responses[1][0],
        "choice": said.choice,
        "strength": max(1, said.strength) if said.choice in {"left", "right"} else 0,
    }
    if said.rationale and config.get("rationale", "off") != "off":
        value["rationale"] = said.rationale
    return Answer(question.call_id, question.field, value, said.confidence, tuple(orders), **rest)
