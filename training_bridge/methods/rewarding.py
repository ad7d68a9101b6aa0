"""Training a reward model: the backbone with its heads, the method's loss, and accuracy on held-out prompts."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from common.words import gettext_noop as _
from lm.loading import Loaded, load_reward_base, save
from training_bridge.methods.checkpoints import without_dropout
from training_bridge.methods.evaluating import reward_accuracy
from training_bridge.methods.forward import by_token, pooled
from training_bridge.methods.groups import PromptGroup, in_words
from training_bridge.methods.interface import Context, ModelFolder, Refused, Result
from training_bridge.methods.judged import Judged, read_snapshot
from training_bridge.methods.measured import Outcome, Rewards
from training_bridge.methods.objectives import OnGroups
from training_bridge.methods.rewarded import Rewarded
from training_bridge.methods.trainer import fit

EXTENT = "learnt_extent"


class Rewarding(OnGroups):
    """A method's loss on what the heads say of a piece."""

    def __init__(self, method: Rewarded, config: Any, loaded: Loaded) -> None:
        pad_id = loaded.model.config.pad_token_id
        super().__init__(token_budget=config.token_budget, pad_id=pad_id, device=loaded.device)
        self.method, self.config = method, config

    def outputs(self, model: nn.Module, groups: Sequence[PromptGroup]) -> Tensor:
        """Of each response, [R, heads], or of each of its tokens, [R, T, classes]."""
        return (by_token if self.method.by_token else pooled)(model, groups, self.pad_id, self.device)

    def loss(self, model: nn.Module, items: Sequence[PromptGroup]) -> Outcome:
        seen = Rewards(items, self.device, self.outputs(model, items), getattr(model, EXTENT, None))
        return self.method.loss(seen, self.config)


def train_reward(context: Context, config: Any, method: Rewarded) -> Result:
    """Trains heads and backbone; the figures include accuracy on the held-out split, if there is one."""
    if context.snapshot is None or context.base is None:
        raise Refused(_("A reward model needs a snapshot and a base model."))
    context.phase(_("Loading the base model"))
    torch.manual_seed(context.seed)
    tokenizer = load_reward_base(context.base.path).tokenizer
    judged = read_snapshot(context.snapshot, "train")
    groups = method.groups(tokenizer, judged, config, context.seed)
    context.log(in_words(groups))
    torch.manual_seed(context.seed)
    loaded = load_reward_base(context.base.path, heads=method.heads(groups, config), by_token=method.by_token)
    without_dropout(loaded.model)
    start = method.extent(groups, config)
    if start is not None:
        loaded.model.register_parameter(EXTENT, nn.Parameter(torch.tensor(start, device=loaded.device)))
    objective = Rewarding(method, config, loaded)
    context.phase(_("Training on %(groups)s prompts") % {"groups": len(groups)})
    last = fit(context, config, loaded.model, groups, objective)
    values: dict[str, Any] = {"train_loss": last.get("loss"), "train_groups": len(groups)}
    if start is not None:
        values["tie_extent"] = getattr(loaded.model, EXTENT).detach().item()
        delattr(loaded.model, EXTENT)
    loaded.model.config.reward = method.reading(groups, config, lambda: _all_outputs(objective, loaded.model, groups))
    folder = context.output / "model"
    save(loaded, folder)
    context.phase(_("Measuring accuracy on held-out prompts"))
    values |= method.measure(loaded, groups, read_snapshot(context.snapshot, "test"), config)
    return Result(values, ModelFolder(str(folder), "reward", {"method": method.key}))


def accuracy_of_pairs(loaded: Loaded, test: Sequence[Judged], config: Any) -> dict[str, Any]:
    """Accuracy beside its baseline on the held-out pairs; nothing where there is none."""
    paired = [item for item in test if item.relations]
    return reward_accuracy(loaded, paired, max_length=config.max_length) if paired else {}


@torch.no_grad()
def _all_outputs(objective: Rewarding, model: nn.Module, groups: Sequence[PromptGroup]) -> Tensor:
    return torch.cat([objective.outputs(model, piece) for piece in objective.pieces(groups)])
