"""The forward pass: what a model makes of prompt groups, apart from what any loss does with it.

All take the groups of one piece and give one row for each response, in order.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lm.batching import pad
from lm.likelihood import response_rows, sum_logps
from lm.scoring import head_outputs, token_outputs
from training_bridge.methods.groups import PromptGroup


def likelihoods(model: nn.Module, groups: Sequence[PromptGroup], pad_id: int, device: torch.device) -> Tensor:
    """Log-probability of each response under a causal model, summed over its learnt tokens, [R]."""
    prompts = [group.prompt for group in groups for _ in group.responses]
    responses = [response for group in groups for response in group.responses]
    ids, mask, wanted = response_rows(prompts, responses, pad_id, device)
    return sum_logps(model, ids, mask, wanted & _learnt(groups, wanted))


def pooled(model: nn.Module, groups: Sequence[PromptGroup], pad_id: int, device: torch.device) -> Tensor:
    """What the heads of a reward model say of each whole conversation, [R, heads]."""
    return head_outputs(model, *pad(_rows(groups), pad_id, device))


def by_token(model: nn.Module, groups: Sequence[PromptGroup], pad_id: int, device: torch.device) -> Tensor:
    """What the head of a token classifier says of each response's tokens, from its first, [R, T, classes]."""
    outputs = token_outputs(model, *pad(_rows(groups), pad_id, device))
    starts = [len(group.prompt) for group in groups for _ in group.responses]
    longest = max(len(response) for group in groups for response in group.responses)
    places = torch.tensor(starts, device=device)[:, None] + torch.arange(longest, device=device)
    places = places.clamp(max=outputs.shape[1] - 1)
    return outputs.gather(1, places[:, :, None].expand(-1, -1, outputs.shape[2]))


def _rows(groups: Sequence[PromptGroup]) -> list[list[int]]:
    return [[*group.prompt, *response] for group in groups for response in group.responses]


def _learnt(groups: Sequence[PromptGroup], wanted: Tensor) -> Tensor:
    """[R, T], false where a group says that a token of a response is not learnt."""
    learnt = torch.ones(wanted.shape, dtype=torch.bool)
    row = 0
    for group in groups:
        for place in range(len(group.responses)):
            if group.learnt is not None:
                start, kept = len(group.prompt), group.learnt[place]
                learnt[row, start : start + len(kept)] = torch.tensor(kept)
            row += 1
    return learnt.to(wanted.device)
