"""Chains of Hindsight: both answers of a pair in one text, each after words that say what it is."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.words import gettext_noop as _
from training_bridge.methods.interface import Refused
from training_bridge.trainer.groups import PromptGroup, most_read, pair_groups
from training_bridge.trainer.judged import Judged, Relation

if TYPE_CHECKING:
    from training_bridge.methods.chain_of_hindsight import ChainOfHindsightConfig


def chains(
    tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: "ChainOfHindsightConfig", seed: int
) -> list[PromptGroup]:
    """One group a pair; it weighs its learnt tokens. Undecided pairs are left out: nothing is good or bad in them."""
    words = [tokenizer(f"{text} ", add_special_tokens=False)["input_ids"] for text in (config.good, config.bad)]
    drawn = random.Random(seed)  # noqa: S311 - no secret
    made = []
    for group in pair_groups(tokenizer, judged, config):
        for relation in group.relations:
            if relation.soft == 0.5:
                continue
            answers = list(zip(words, _ranked(group, relation), strict=True))
            if config.order == "bad_first" or (config.order == "both" and drawn.random() < 0.5):
                answers.reverse()
            ids = [token for announced, answer in answers for token in (*announced, *answer)]
            learnt = [kept for said, answer in answers for kept in (*[False] * len(said), *[True] * len(answer))]
            room = most_read(tokenizer, config) - len(group.prompt)
            ids, learnt = ids[:room], learnt[:room]
            if any(learnt):
                hidden = _forgotten(len(group.prompt) + len(ids), config.forgotten, drawn) if config.forgotten else None
                weight = relation.weight * sum(learnt)
                made.append(PromptGroup(group.prompt, [ids], weight, learnt=[learnt], hidden=hidden))
    if not made:
        raise Refused(_("The snapshot's training split holds no pair in which one response is better."))
    return made


def _forgotten(length: int, most: float, drawn: random.Random) -> list[bool]:
    """Which of so many tokens are hidden from all later ones: a share drawn from 0 to `most`, the first never."""
    share = drawn.uniform(0, most)
    return [place > 0 and drawn.random() < share for place in range(length)]


def _ranked(group: PromptGroup, relation: Relation) -> tuple[list[int], list[int]]:
    """The better response, then the worse one."""
    first, second = group.responses[relation.better], group.responses[relation.worse]
    return (first, second) if relation.soft > 0.5 else (second, first)


def asked_with(tokenizer: PreTrainedTokenizerBase, words: str) -> None:
    """Makes the chat template end what asks for an answer with `words`. A tokenizer without one is left as it is."""
    template = tokenizer.chat_template
    if isinstance(template, str):
        quoted = words.replace("\\", "\\\\").replace("'", "\\'")
        tokenizer.chat_template = template + "{% if add_generation_prompt %}{{ '" + quoted + "' }}{% endif %}"
