"""Held-out pairs by their log-probabilities under a policy and under its reference, one after the other."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from common.words import gettext_noop as _
from lm.chat import encode
from lm.intact import check_numbers
from lm.loading import Loaded
from training_bridge.evaluation.held_out import HeldOut, HeldOutItem
from training_bridge.evaluation.measuring import length
from training_bridge.evaluation.watching import AT_ONCE, Watch, pieces
from training_bridge.methods.interface import Context
from training_bridge.report_cards.policies import Weighed
from training_bridge.trainer.forward import ResponseLogps
from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.tuning import pad_id_of

TOKENS = 8192


@dataclass
class Columns:
    """Of each pair, first the response that its soft label favours: log-probabilities, tokens, characters."""

    logps: "array[float]" = field(default_factory=lambda: array("d"))
    tokens: "array[float]" = field(default_factory=lambda: array("d"))
    characters: "array[float]" = field(default_factory=lambda: array("d"))
    soft: "array[float]" = field(default_factory=lambda: array("d"))
    groups: "array[int]" = field(default_factory=lambda: array("l"))


def weigh(context: Context, policy: Loaded, snapshot: Path, max_length: int) -> Columns:
    """All held-out pairs under one policy. Raises Cancelled."""
    network = ResponseLogps(policy.model, pad_id=pad_id_of(policy))
    network.choose(max_length)
    columns, names = Columns(), dict[str, int]()
    watch = Watch(context, _("Held-out pairs weighed so far: %(count)s"))
    for items in pieces(HeldOut(snapshot), AT_ONCE):
        watch.at(len(columns.soft))
        groups = [_tokens(policy, item, max_length) for item in items]
        for item, group, logps in zip(items, groups, _logps(network, groups), strict=True):
            _add(columns, names.setdefault(item.group, len(names)), item, group, logps)
    return columns


def together(policy: Columns, reference: Columns | None) -> Weighed:
    """`reference` must have read the same pairs with the same tokens."""
    logps = [_two(one.logps) for one in (policy, *([reference] if reference else []))]
    return Weighed(
        policy=logps[0],
        reference=logps[1] if reference else None,
        tokens=_two(policy.tokens),
        characters=_two(policy.characters),
        soft=np.array(policy.soft),
        groups=np.array(policy.groups, dtype=np.int64),
    )


def _two(values: "array[float]") -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64).reshape(-1, 2)


def _tokens(policy: Loaded, item: HeldOutItem, max_length: int) -> PromptGroup:
    encoded = encode(policy.tokenizer, item.prompt, item.responses, max_length)
    return PromptGroup(encoded.prompt, encoded.responses, 1.0)


@torch.inference_mode()
def _logps(network: ResponseLogps, groups: Sequence[PromptGroup]) -> list[list[float]]:
    """Of each response of each group. Raises Invalid where one is no number."""
    found: list[list[float]] = [[] for _group in groups]
    for batch in network.batches([[group] for group in groups], TOKENS):
        values = network([groups[index] for index in batch]).tolist()
        for index in batch:
            count = len(groups[index].responses)
            found[index], values = values[:count], values[count:]
            check_numbers(found[index])
    return found


def _add(columns: Columns, code: int, item: HeldOutItem, group: PromptGroup, logps: Sequence[float]) -> None:
    for relation, _facts in item.pairs:
        both = (relation.better, relation.worse) if relation.soft >= 0.5 else (relation.worse, relation.better)
        columns.logps.extend(logps[place] for place in both)
        columns.tokens.extend(max(1, len(group.responses[place])) for place in both)  # those of none weigh 0
        columns.characters.extend(length(item.responses[place]) for place in both)
        columns.soft.append(max(relation.soft, 1 - relation.soft))
        columns.groups.append(code)
