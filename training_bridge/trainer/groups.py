"""Judged items as groups of token ids, ready for an objective. One builder for each kind of lesson.

A group weighs what its lessons weigh, in the unit that the objective is a mean over: pairs, responses, lists or tokens.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.words import gettext_noop as _
from lm.chat import encode
from training_bridge.methods.interface import Refused, Unit
from training_bridge.methods.settings import FromJudgments, Weighed
from training_bridge.trainer.judged import Judged, Relation, Thumb


@dataclass(frozen=True)
class PromptGroup:
    """A prompt, its K responses (token ids, the end token among them) and what is known of them.

    `relations` and `thumbs` speak of places in `responses`. `learnt` [K][T]: which tokens of each response are learnt,
    all where it is None. `hidden` [tokens of the prompt and its only response]: what no other token sees. `classes`
    [K][T]: the kind of each token as a place in `kinds`, below 0 where nobody said. `members`: what the group weighs
    for each member of an ensemble. `beside`: groups of other prompts that this one's loss reads as well. `reference`
    [K]: the log-probability of each response's learnt tokens under the reference.
    """

    prompt: list[int]
    responses: list[list[int]]
    weight: float
    relations: Sequence[Relation] = ()
    thumbs: Sequence[Thumb] = ()
    learnt: list[list[bool]] | None = None
    hidden: list[bool] | None = None
    classes: list[list[int]] | None = None
    kinds: tuple[str, ...] = ()
    members: Sequence[float] = ()
    beside: tuple["PromptGroup", ...] = field(default=())
    reference: list[float] | None = None

    def whole(self) -> tuple["PromptGroup", ...]:
        """Itself and what stands beside it."""
        return (self, *self.beside)


def most_read(tokenizer: PreTrainedTokenizerBase, config: Weighed) -> int:
    """Tokens of prompt and response together, the most that `encode` leaves: what is asked for and the model can."""
    return min(config.max_length, tokenizer.model_max_length)


def pair_groups(tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: Weighed) -> list[PromptGroup]:
    """Groups with relations; they weigh the sum of these. Raises Refused where nothing is left to learn from.

    Relations whose two responses are the same tokens (or became so by cutting) have gradient zero and are left out;
    so are those that weigh nothing.
    """
    groups = []
    for item in judged:
        tokens = encode(tokenizer, item.prompt, item.responses, config.max_length)
        relations = [
            _as_configured(relation, config)
            for relation in item.relations
            if tokens.responses[relation.better] != tokens.responses[relation.worse]
        ]
        relations = [relation for relation in relations if relation.weight > 0]
        if relations:
            weight = sum(relation.weight for relation in relations)
            groups.append(PromptGroup(tokens.prompt, tokens.responses, weight, relations))
    return _some(groups, _("The snapshot's training split holds no pair of two different responses."), judged, config)


def _as_configured(relation: Relation, config: Weighed) -> Relation:
    weight = relation.weight if config.use_weights else 1.0
    if _softly(config):
        return replace(relation, weight=weight)
    soft = hard(relation.soft)
    return replace(relation, weight=weight, soft=soft, tie=float(soft == 0.5 and relation.tie > 0))


def _softly(config: Weighed) -> bool:
    return isinstance(config, FromJudgments) and config.use_soft_labels


def hard(soft: float) -> float:
    """The side that most are on; where they are even it stays so, and is neither's."""
    return soft if soft == 0.5 else float(soft > 0.5)


TRAINING_ON = {
    "pairs": _("Training on %(pairs)s pairs of responses to %(prompts)s prompts"),
    "lists": _("Training on %(lists)s ordered lists of responses to %(prompts)s prompts"),
    "thumbs": _("Training on %(responses)s responses, wanted or not, to %(prompts)s prompts"),
    "texts": _("Training on %(texts)s texts that answer %(prompts)s prompts"),
    "marked": _("Training on %(responses)s responses read for faults, to %(prompts)s prompts"),
}


def training_on(groups: Sequence[PromptGroup], learns: Unit) -> str:
    """What is trained on, in words."""
    prompts, units = counted(groups, learns).values()
    name = "responses" if learns in ("thumbs", "marked") else learns
    return TRAINING_ON[learns] % {"prompts": prompts, name: units}


def counted(groups: Sequence[PromptGroup], learns: Unit) -> dict[str, int]:
    """How many different prompts are trained on, and how much of what is learnt from.

    Groups of one prompt (it was judged in several items) are one prompt.
    """
    units = {
        "pairs": sum(len(group.relations) for group in groups),
        "lists": len(groups),
        "thumbs": sum(len(group.thumbs) for group in groups),
        "texts": len(groups),
        "marked": sum(any(kind >= 0 for kind in row) for group in groups for row in group.classes or ()),
    }
    return {"train_prompts": len({tuple(group.prompt) for group in groups}), f"train_{learns}": units[learns]}


def in_words(groups: Sequence[PromptGroup], derived: Mapping[str, Any]) -> str:
    """What of soft labels and weights is trained on, for the log of the run; empty where there are no pairs. `derived`:
    how they came about (`judged.derivation_of`)."""
    relations = [relation for group in groups for relation in group.relations]
    if not relations:
        return ""
    soft = sum(relation.soft not in (0.0, 0.5, 1.0) for relation in relations)
    ties = sum(relation.soft == 0.5 for relation in relations)
    low, high = (pick(relation.weight for relation in relations) for pick in (min, max))
    weights = f"all weights are {low:.3g}" if low == high else f"weights run from {low:.3g} to {high:.3g}"
    by = " by {soft_labels}, version {version}".format_map(derived) if soft and "soft_labels" in derived else ""
    return f"{len(relations)} pairs: {soft} with a soft label{by}, {ties} undecided; {weights}."


def list_groups(tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: Weighed) -> list[PromptGroup]:
    """Groups whose responses are ordered by their relations; each weighs the mean of these, so a long list is one list.

    Responses that nobody compared are left out, and lists in which all stand level.
    """
    groups = []
    for group in pair_groups(tokenizer, judged, config):
        compared = sorted({place for relation in group.relations for place in (relation.better, relation.worse)})
        places = {old: new for new, old in enumerate(compared)}
        relations = [
            replace(relation, better=places[relation.better], worse=places[relation.worse])
            for relation in group.relations
        ]
        if len(set(standings(relations, len(compared)))) > 1:
            responses = [group.responses[old] for old in compared]
            weight = group.weight / len(relations)
            groups.append(replace(group, responses=responses, relations=relations, weight=weight))
    return _some(
        groups,
        _("The snapshot's training split holds no list in which one response is better than another."),
        judged,
        config,
    )


def standings(relations: Sequence[Relation], count: int) -> list[float]:
    """For each of `count` responses the mean over its relations of P(it is the better one), Borda's count from 0 to 1.

    Of a ranking's pairs it gives the ranking back, ties among them or left out.
    """
    won, met = [0.0] * count, [0] * count
    for relation in relations:
        won[relation.better] += relation.soft
        won[relation.worse] += 1 - relation.soft
        met[relation.better] += 1
        met[relation.worse] += 1
    return [round(w / m, 9) if m else 0.5 for w, m in zip(won, met, strict=True)]


def tiers_of(relations: Sequence[Relation], count: int) -> list[list[int]]:
    """The places of `count` responses as tiers, best first, by their `standings` under the winners alone."""
    stand = standings([replace(one, soft=hard(one.soft)) for one in relations], count)
    return [[place for place in range(count) if stand[place] == level] for level in sorted(set(stand), reverse=True)]


def thumb_groups(tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: Weighed) -> list[PromptGroup]:
    """Groups with thumbs; they weigh the sum of these. Where an item has none, its pairs stand for them: the chosen
    response is wanted, the rejected one is not (as Ethayarajh et al. 2024 do)."""
    groups = []
    for item in judged:
        tokens = encode(tokenizer, item.prompt, item.responses, config.max_length)
        thumbs = []
        for thumb in item.thumbs or _thumbs_of(item.relations, tokens.responses):
            soft = thumb.soft if _softly(config) else hard(thumb.soft)
            weight = thumb.weight if config.use_weights else 1.0
            if weight > 0 and tokens.responses[thumb.response]:
                thumbs.append(Thumb(thumb.response, soft, weight))
        if thumbs:
            weight = sum(thumb.weight for thumb in thumbs)
            groups.append(PromptGroup(tokens.prompt, tokens.responses, weight, thumbs=thumbs))
    return _some(groups, _("The snapshot's training split holds neither thumbs nor pairs."), judged, config)


def _thumbs_of(relations: Sequence[Relation], responses: Sequence[list[int]]) -> Iterator[Thumb]:
    """Not of two responses that are the same tokens: it would be wanted and not wanted at once."""
    for relation in relations:
        if relation.soft != 0.5 and responses[relation.better] != responses[relation.worse]:
            yield Thumb(relation.better, relation.soft, relation.weight)
            yield Thumb(relation.worse, 1 - relation.soft, relation.weight)


def text_groups(
    tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: Weighed, learn_from: str
) -> list[PromptGroup]:
    """One group for each text to learn; it weighs its tokens, so the loss is a mean per token.

    `learn_from`: "texts" that people wrote or mended, the "preferred" responses of each item, or "both".
    """
    groups = []
    for item in judged:
        wanted = _preferred(item.relations, config) if learn_from != "texts" else {}
        if learn_from != "preferred":
            wanted |= {text.response: text.weight for text in item.texts}
        tokens = encode(tokenizer, item.prompt, item.responses, config.max_length)
        for place, given in wanted.items():
            weight, ids = given if config.use_weights else 1.0, tokens.responses[place]
            if weight > 0 and ids:
                thumb = Thumb(0, 1.0, weight)
                groups.append(PromptGroup(tokens.prompt, [ids], weight * len(ids), thumbs=[thumb]))
    return _some(groups, _("The snapshot's training split holds no text to learn."), judged, config)


def _preferred(relations: Sequence[Relation], config: Weighed) -> dict[int, float]:
    """The responses that win a pair and lose none, each with the mean weight of those it wins.

    In the order of the pairs; the second best of a ranking is not among them. A pair that weighs nothing says nothing.
    """
    won: dict[int, list[float]] = {}
    lost = set()
    for relation in relations:
        if relation.soft != 0.5 and (relation.weight > 0 or not config.use_weights):
            pair = (relation.better, relation.worse)
            best, other = pair if relation.soft > 0.5 else pair[::-1]
            won.setdefault(best, []).append(relation.weight)
            lost.add(other)
    return {place: fmean(weights) for place, weights in won.items() if place not in lost}


def best_first(group: PromptGroup) -> PromptGroup:
    """The same list in the order of its standings; those that stand level keep theirs."""
    stand = standings(group.relations, len(group.responses))
    order = sorted(range(len(stand)), key=lambda place: -stand[place])
    places = {old: new for new, old in enumerate(order)}
    relations = [replace(one, better=places[one.better], worse=places[one.worse]) for one in group.relations]
    return replace(group, responses=[group.responses[old] for old in order], relations=relations)


def mismatched(groups: Sequence[PromptGroup], seed: int, most: int) -> list[PromptGroup]:
    """The groups, each with a judged response to another prompt beside it, drawn from the seed.

    Such a response loses its end where it would have more than `most` tokens with its new prompt.
    Raises Refused where all have the same prompt: no response would be mismatched.
    """
    order = list(range(len(groups)))
    drawn = random.Random(seed)  # noqa: S311 - no secret
    drawn.shuffle(order)
    made = list(groups)
    for place, index in enumerate(order):
        others = (order[(place + step) % len(order)] for step in range(1, len(order)))
        own = groups[index].prompt
        other = next((groups[one] for one in others if groups[one].prompt != own), None)
        if other is None:
            raise Refused(_("All prompts are the same: this method compares each with a response to another one."))
        judged = [thumb.response for thumb in other.thumbs] or [0]
        response = other.responses[drawn.choice(judged)][: max(1, most - len(own))]
        made[index] = replace(groups[index], beside=(PromptGroup(own, [response], 0.0),))
    return made


def _some(groups: list[PromptGroup], complaint: str, judged: Sequence[Judged], config: Weighed) -> list[PromptGroup]:
    if groups:
        return groups
    weights = [one.weight for item in judged for kind in (item.relations, item.thumbs, item.texts) for one in kind]
    if config.use_weights and weights and not any(weights):
        raise Refused(_("All that the snapshot's training split holds weighs nothing: train without weights."))
    raise Refused(complaint)
