"""How far a policy has moved from its reference, while it trains."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training_bridge.methods.interface import Refused
from training_bridge.trainer.groups import PromptGroup, mismatched

MOST = 16
EVERY = 5


@dataclass
class Drift:
    """The mean of log pi / ref over responses to other prompts, in nats a response, every EVERY steps.

    Below 0 the policy finds less likely what it is not taught, above 0 more. KTO's baseline is the same cut off at 0
    (Ethayarajh et al. 2024, arXiv 2402.01306 §4.1). No response is the policy's own, so it is no KL; report cards
    sample for that.
    `known` [R]: log-probabilities of the responses of `groups` under the reference.
    """

    groups: Sequence[PromptGroup]
    known: Tensor
    value: float | None = None

    @torch.no_grad()
    def look(self, model: nn.Module, pieces: Sequence[Sequence[PromptGroup]], step: int) -> None:
        """Once before each step, with `groups` in pieces and the number of steps before; `value` is None in between."""
        self.value = None
        if step % EVERY == 0:
            read = torch.cat([model(piece) for piece in pieces])
            self.value = float((read - self.known.to(read)).mean())


def foreign(groups: Sequence[PromptGroup], *, most: int, seed: int) -> list[PromptGroup]:
    """At most MOST prompts from all over `groups`, each with a response to another one, of `most` tokens together.

    None where all prompts are the same.
    """
    some = groups[:: max(1, len(groups) // MOST)][:MOST]
    try:
        made = [one.beside[0] for one in mismatched(some, seed, most)]
    except Refused:
        return []
    return [one for one in made if one.prompt]
