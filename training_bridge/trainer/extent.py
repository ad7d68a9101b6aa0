"""The number that a reward model with ties learns beside its weights: how readily people call one."""

from torch import nn
from torch.optim import Optimizer

NAME = "learnt_extent"
RATE = 1e-2
"""Adam moves a number by about its rate a step, and this one has about 1 to go: in a few hundred steps it is there. At
the rate of a body, 1e-5 or so, it would end where it began."""


def learnt_apart(model: nn.Module, optimizer: Optimizer) -> Optimizer:
    """`optimizer` with the number of `model`, where it has one, in a group of its own: another rate, and no decay."""
    extent = getattr(model, NAME, None)
    if extent is not None:
        for group in optimizer.param_groups:
            group["params"] = [one for one in group["params"] if one is not extent]
        optimizer.add_param_group({"params": [extent], "lr": RATE, "weight_decay": 0.0})
    return optimizer
