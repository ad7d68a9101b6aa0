"""Rationales as texts that a policy answers: asked why the first of two responses is the better one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.words import gettext_noop as _
from lm.chat import encode, text_of
from training_bridge.methods.interface import Refused
from training_bridge.trainer.groups import PromptGroup, pair_groups
from training_bridge.trainer.judged import Judged, Messages, Rationale
from training_bridge.trainer.measured import Likelihoods, lengths_of

if TYPE_CHECKING:
    from training_bridge.methods.rationale_dpo import RationaleDPOConfig

WHY = "Why is the first response better than the second?\n\nFirst: {better}\n\nSecond: {worse}"
"""x and both responses stand in front of the rationale, so its likelihood is that of the reasons alone."""


def with_rationales(
    tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: "RationaleDPOConfig"
) -> list[PromptGroup]:
    """The pairs, each group with its rationales beside it in the order of its relations; empty where one has none.

    Raises Refused where none has any.
    """
    made = []
    for item in judged:
        said = {(one.better, one.worse): one for one in item.rationales if one.text.strip()}
        try:
            (group,) = pair_groups(tokenizer, [item], config)
        except Refused:
            continue  # an item without a pair to learn from
        beside = []
        for relation in group.relations:
            why = said.get((relation.better, relation.worse))
            tokens = encode(tokenizer, _asked(item, why), [_said(why.text)], config.max_length) if why else None
            beside.append(PromptGroup(tokens.prompt, tokens.responses, 0.0) if tokens else NOTHING)
        made.append(replace(group, beside=tuple(beside)))
    if not any(one is not NOTHING for group in made for one in group.beside):
        raise Refused(_("No pair of the snapshot's training split has a rationale."))
    return made


NOTHING = PromptGroup([0], [[0]], 0.0, learnt=[[False]])
"""Stands where a pair has no rationale: one token that is not learnt, of log-probability nought."""


def of_pairs(seen: Likelihoods, reduce: str) -> Tensor:
    """The log-probability of each pair's rationale, [P]; 0 where it has none."""
    if reduce == "sum":
        return seen.beside
    counts = [count for group in seen.groups for one in group.beside for count in lengths_of(one)]
    return seen.beside / torch.tensor(counts, device=seen.device)


def _asked(item: Judged, why: Rationale) -> list[dict[str, str]]:
    better, worse = (_text(item.responses[place]) for place in (why.better, why.worse))
    turns = [{"role": str(one["role"]), "content": text_of(one)} for one in item.prompt]
    return [*turns, {"role": "user", "content": WHY.format(better=better, worse=worse)}]


def _text(messages: Messages) -> str:
    return "\n\n".join(text_of(message) for message in messages)


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]
