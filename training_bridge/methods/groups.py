"""Judged items as groups of token ids, ready for an objective."""

from collections.abc import Sequence
from dataclasses import replace

from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.words import gettext_noop as _
from lm.chat import encode
from training_bridge.methods.interface import Refused
from training_bridge.methods.objectives import PromptGroup
from training_bridge.methods.preferences import Judged
from training_bridge.methods.settings import FromPreferences


def groups_of(
    tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: FromPreferences
) -> list[PromptGroup]:
    """One group an item. Raises Refused where nothing is left to learn from.

    Relations whose two responses are the same tokens (or became so by cutting) have gradient zero and are left out;
    so are those that weigh nothing.
    """
    groups = []
    for item in judged:
        tokens = encode(tokenizer, item.prompt, item.responses, config.max_length)
        relations = [
            replace(
                relation,
                weight=relation.weight if config.use_weights else 1.0,
                soft=relation.soft if config.use_soft_labels or relation.soft == 0.5 else float(relation.soft > 0.5),
            )
            for relation in item.relations
            if tokens.responses[relation.better] != tokens.responses[relation.worse]
        ]
        relations = [relation for relation in relations if relation.weight > 0]
        if relations:
            groups.append(PromptGroup(tokens.prompt, tokens.responses, relations))
    if not groups:
        raise Refused(_("The snapshot's training split holds no pair of two different responses."))
    return groups
