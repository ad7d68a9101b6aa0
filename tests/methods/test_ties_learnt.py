"""How readily people tie is learnt in a run, whatever the rate of the body, and told as its formula has it."""

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.methods import small
from training_bridge.methods.reward_model import METHOD, RewardModelConfig
from training_bridge.trainer import extent
from training_bridge.trainer.forward import Network
from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.judged import Relation
from training_bridge.trainer.rewarding import Rewarding
from training_bridge.trainer.trainer import fit

STRENGTHS = [0.9, 0.1, -1.0]
KNOWN = {"rao_kupper": math.log(2.2), "davidson": 1.2}


class Known(Network):
    """Gives each response, which is one token, the strength of its name."""

    def __init__(self) -> None:
        super().__init__(nn.Embedding.from_pretrained(torch.tensor(STRENGTHS)[:, None], freeze=False), pad_id=0)

    def forward(self, groups: Sequence[PromptGroup]) -> Tensor:
        said: Tensor = self.model(torch.tensor([row[0] for group in groups for row in group.responses]))
        return said


def chances(ties: str, lead: float) -> list[float]:
    """P(first wins), P(tie), P(second wins)."""
    if ties == "davidson":
        parts = [math.exp(lead / 2), KNOWN[ties], math.exp(-lead / 2)]
        return [one / sum(parts) for one in parts]
    first, second = (1 / (1 + math.exp(KNOWN[ties] - one)) for one in (lead, -lead))
    return [first, 1 - first - second, second]


def groups(ties: str) -> list[PromptGroup]:
    """Every outcome of every pair, as often as it is to be expected."""
    return [
        PromptGroup([0], [[a], [b]], weight, [Relation(0, 1, soft, weight, 0.0, tie)])
        for a, b in combinations(range(len(STRENGTHS)), 2)
        for (soft, tie), weight in zip(
            [(1.0, 0.0), (0.5, 1.0), (0.0, 0.0)], chances(ties, STRENGTHS[a] - STRENGTHS[b]), strict=True
        )
    ]


@pytest.mark.parametrize("ties", ["rao_kupper", "davidson"])
def test_a_short_run_comes_near_what_is_known(ties: str, tmp_path: Path) -> None:
    items, network = groups(ties), Known()
    config = RewardModelConfig(ties=ties, learning_rate=1e-5, weight_decay=0.5, batch_size=9, checkpoint_every=1000)
    config = config.model_copy(update={"epochs": 300})  # of one step each
    network.register_parameter(extent.NAME, nn.Parameter(torch.tensor(METHOD.extent(items, config))))
    before = METHOD.told_extent(getattr(network, extent.NAME).detach(), config)
    fit(small.context(tmp_path), config, network, items, Rewarding(METHOD, config, network))
    after = METHOD.told_extent(getattr(network, extent.NAME).detach(), config)
    assert before == pytest.approx({"rao_kupper": math.log(1.5), "davidson": 0.5}[ties], abs=1e-3)
    assert after == pytest.approx(KNOWN[ties], abs=0.05)
    assert network.model.weight[:, 0].tolist() == pytest.approx(STRENGTHS, abs=5e-3)
