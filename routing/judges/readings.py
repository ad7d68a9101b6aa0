"""How readings of one question become one answer, whatever the form.

A question is asked in several orders (as the responses are, and reversed), each in several samples. Every usable reply
is a reading; readings of one order are settled by the consensus rule of the form, and so are the orders among each
other. Confidence in [0, 1] is agreement: that of the readings with what their order says, each weighed by the
probability of its verdict where that is known, times that of the orders with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from annotation.consensus import Vote, rule
from annotation.content import conversation, response_text
from annotation.protocols import LETTERS, Content, Shown, Value, askable, full_config, protocol
from annotation.protocols.asking import lenient
from common.errors import Invalid
from common.words import gettext_noop as _
from routing.judges import Question

CONTRADICTED = _("Asked in both orders, the judge contradicted itself.")

Order = tuple[int, ...]
"""Which response of the item stands at each place shown."""


@dataclass(frozen=True)
class Reading:
    """A usable reply. `value`: its answer in normal form; `p`: the probability of its verdict, where known."""

    value: Value
    p: float | None = None


class Unusable(Exception):
    """What was said makes no answer."""


def orders(question: Question, *, both: bool) -> list[Order]:
    """The orders to ask in: as the responses are and, where they stand side by side in a verdict, reversed."""
    as_is = tuple(range(min(len(question.responses), len(LETTERS))))
    sides = len(as_is) > 1 and protocol(question.protocol).rule is not None
    return [as_is, as_is[::-1]] if both and sides else [as_is]


def config_of(question: Question) -> Value:
    """The form's whole configuration; settings that came later have their defaults."""
    return full_config({"protocol": question.protocol, "config": question.config})


def content_of(question: Question, order: Order) -> Content:
    """What an answer may speak of: the responses in item order, by the letters that they have in `order`."""
    letters = {place: LETTERS[shown] for shown, place in enumerate(order)}
    responses = (
        Shown(pk, letters[place], response_text(list(map(dict, messages))))
        for place, (pk, messages) in enumerate(question.responses)
        if place in letters
    )
    messages = tuple(one.text for one in conversation(map(dict, question.prompt)))
    return Content(tuple(responses), tuple(question.context), messages)


def agreed(question: Question, readings: Sequence[Sequence[Reading | None]]) -> tuple[Value, float | None]:
    """(value in normal form, confidence) of the readings of each order; None stands for one that cannot be used.

    Each order has a reading that can. The confidence is None where a single reading tells nothing of its own. Raises
    Unusable where the readings contradict each other and the form has no place for that.
    """
    plug, config = protocol(question.protocol), config_of(question)
    flat = [one for order in readings for one in order]
    sure = all(one.p is not None for one in flat if one is not None)
    verdicts, within = [], []
    for order in readings:
        usable = [one for one in order if one is not None]
        verdict = settled(question, [one.value for one in usable])
        weights = [one.p if sure and one.p is not None else 1.0 for one in usable]
        support = [p * (1 - plug.distance(verdict, one.value)) for p, one in zip(weights, usable, strict=True)]
        verdicts.append(verdict)
        within.append(sum(support) / len(order))
    apart = [plug.distance(one, other) for one, other in combinations(verdicts, 2)]
    confidence = fmean(within) * (1 - fmean(apart) if apart else 1.0)
    value = settled(question, verdicts)
    if config.get("rationale", "off") != "off":
        nearest = min((one.value for one in flat if one is not None), key=lambda one: plug.distance(value, one))
        why = CONTRADICTED if confidence == 0 and len(verdicts) > 1 else nearest.get("rationale")
        value = value | ({"rationale": why} if why else {})
    try:
        value = plug.normal_form(value, lenient(config), content_of(question, orders(question, both=False)[0]))
    except Invalid as wrong:
        said = _("The judge contradicted itself, and the form has no place for that: %(why)s") % {"why": wrong.detail}
        raise Unusable(said) from wrong
    return value, min(1.0, max(0.0, confidence)) if sure or len(flat) > 1 else None


def settled(question: Question, values: Sequence[Value]) -> Value:
    """One value that stands for several of the same question: by the consensus rule of the form, or, where nothing is
    voted on, the one that is nearest to all others."""
    plug = protocol(question.protocol)
    if len(values) == 1:
        return values[0]
    if plug.rule is None:
        return min(values, key=lambda one: sum(plug.distance(one, other) for other in values))
    found = rule(plug.rule).settle([Vote(0, value, human=False) for value in values], plug)
    if found is None:
        return values[0]
    return askable(question.protocol).as_answer(found.value, values, config_of(question))
