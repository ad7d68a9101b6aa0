"""A form filled in from one score a response. Pure.

Scores order responses; how good one is in itself they say only where it is known which scores stand for the ends of a
scale. What scores cannot tell (aspects, reasons, whether all are bad) they are not made to tell: people are asked.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from annotation.protocols.rated import SCALES
from common.words import gettext_noop as _
from routing.judges import Answer, Question, refusal
from routing.judges.pairwise import Said, answer


@dataclass(frozen=True)
class Scored:
    """The scores of a question's responses, in item order. `total`: what they are ordered by; `members`: by each model
    that scored them. Scores no further apart than `margin` are alike; `temperature` turns a gap into a probability.

    `low`, `high`: the scores that stand for the lowest and the highest point of a scale; None: not known.
    """

    total: Sequence[float]
    members: Sequence[Sequence[float]]
    margin: float = 0.0
    temperature: float = 1.0
    low: float | None = None
    high: float | None = None

    def alike(self, a: float, b: float) -> bool:
        return a == b or abs(a - b) < self.margin

    def over(self, better: int, worse: int) -> float:
        """P(one response is better than another): the mean over the members of Bradley and Terry's (1952) probability,
        so that members who contradict each other make it small."""
        gaps = [(one[better] - one[worse]) / self.temperature for one in self.members]
        return sum(1 / (1 + math.exp(-max(-700.0, min(700.0, gap)))) for gap in gaps) / len(gaps)

    def best(self, place: int) -> float:
        """P(a response is the best of all): the mean over the members of Luce's (1959) choice probability."""
        shares = []
        for one in self.members:
            top = max(one)
            weights = [math.exp(max(-700.0, (score - top) / self.temperature)) for score in one]
            shares.append(weights[place] / sum(weights))
        return sum(shares) / len(shares)

    def points(self) -> tuple[list[float], list[list[float]]] | None:
        """Where each response stands on a scale, from 0 to 1: by the total, and by each member. None: not known."""
        if self.low is None or self.high is None:
            return None
        low, width = self.low, self.high - self.low
        total, *members = [
            [min(1.0, max(0.0, (score - low) / width)) for score in one] for one in (self.total, *self.members)
        ]
        return total, members


class Untold(Exception):
    """Scores cannot tell what the form asks."""


NO_SCALE = _("A score says which response is better, not how good it is: the ends of the scale are not set.")


def from_scores(question: Question, scored: Scored, *, rationale: str, **rest: Any) -> Answer:
    """The answer that scores make to a question of any form of FORMS. `rest`: orders, tokens, cost."""
    if question.protocol == "pairwise":
        return answer(question, _compared(scored, rationale), **rest)
    try:
        value, confidence = FORMS[question.protocol](question, scored)
    except Untold as fault:
        return refusal(question, str(fault), **rest)
    if question.config.get("rationale", "off") != "off":
        value["rationale"] = rationale
    return Answer(question.call_id, question.field, value, confidence, tuple(rest.pop("orders", ())), **rest)


def _compared(scored: Scored, rationale: str) -> Said:
    left, right = scored.total
    choice = "tie" if scored.alike(left, right) else "left" if left > right else "right"
    confidence = scored.over(0, 1) if left >= right else scored.over(1, 0)
    return Said(choice, rationale=rationale, confidence=confidence)


def _best(question: Question, scored: Scored) -> tuple[dict[str, Any], float]:
    ids = [pk for pk, _messages in question.responses]
    order = sorted(range(len(ids)), key=lambda place: -scored.total[place])
    if scored.alike(scored.total[order[0]], scored.total[order[1]]):
        raise Untold(_("Two responses have the best score."))
    value: dict[str, Any] = {"best": ids[order[0]]}
    if question.config.get("worst", "off") != "off" and len(ids) > 2:
        if not scored.alike(scored.total[order[-1]], scored.total[order[-2]]):
            value["worst"] = ids[order[-1]]
        elif question.config["worst"] == "required":
            raise Untold(_("Two responses have the worst score."))
    return value, scored.best(order[0])


def _ranked(question: Question, scored: Scored) -> tuple[dict[str, Any], float | None]:
    """Tiers: who is alike with the best of a tier belongs to it. The confidence is that of the least sure border."""
    order = sorted(range(len(question.responses)), key=lambda place: -scored.total[place])
    tiers: list[list[int]] = []
    for place in order:
        if tiers and scored.alike(scored.total[tiers[-1][0]], scored.total[place]):
            tiers[-1].append(place)
        else:
            tiers.append([place])
    if len(tiers) < len(order) and not question.config.get("ties", True):
        raise Untold(_("Some responses have the same score, and the form takes no ties."))
    borders = [scored.over(one[-1], other[0]) for one, other in pairwise(tiers)]
    ids = [pk for pk, _messages in question.responses]
    return {"tiers": [[ids[place] for place in sorted(tier)] for tier in tiers], "rejected": []}, min(
        borders, default=None
    )


def _read_points(
    question: Question, scored: Scored, read: Callable[[float], Any]
) -> tuple[dict[int, Any], float | None]:
    """({response: what its point on the scale reads}, share of the members' points that read the same).

    Of a single model nothing is known but its point: the confidence is None.
    """
    if question.config.get("target", "responses") != "responses":
        raise Untold(_("Scores speak of responses, and the form asks about something else."))
    points = scored.points()
    if points is None:
        raise Untold(NO_SCALE)
    total, members = [read(point) for point in points[0]], [[read(point) for point in one] for one in points[1]]
    same = [one == other for member in members for one, other in zip(member, total, strict=True)]
    ids = [pk for pk, _messages in question.responses]
    return dict(zip(ids, total, strict=True)), sum(same) / len(same) if len(members) > 1 else None


def _rated(question: Question, scored: Scored) -> tuple[dict[str, Any], float | None]:
    aspects = question.config["aspects"]
    if len(aspects) != 1:
        raise Untold(_("There is one score, and the form asks about several aspects."))
    (aspect,) = aspects
    low, high = SCALES[aspect["scale"]]["min"], SCALES[aspect["scale"]]["max"]
    found, confidence = _read_points(question, scored, lambda point: low + round(point * (high - low)))
    return {"scores": {str(pk): {aspect["key"]: rating} for pk, rating in found.items()}}, confidence


def _thumbs(question: Question, scored: Scored) -> tuple[dict[str, Any], float | None]:
    """Up in the upper half of the scale."""
    found, confidence = _read_points(question, scored, lambda point: "up" if point >= 0.5 else "down")
    return {str(pk): {"value": thumb, "reasons": []} for pk, thumb in found.items()}, confidence


FORMS: dict[str, Callable[[Question, Scored], tuple[dict[str, Any], float | None]]] = {
    "best_of_n": _best,
    "ranking": _ranked,
    "rating": _rated,
    "thumbs": _thumbs,
}
ANSWERED = frozenset({"pairwise", *FORMS})
