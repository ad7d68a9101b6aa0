"""The Bradley–Terry reward model: objective and run."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from common.words import gettext_noop as _
from lm.batching import pad
from lm.loading import Loaded, load_reward_base, save
from lm.scoring import rewards
from training_bridge.methods.evaluating import reward_accuracy
from training_bridge.methods.groups import groups_of
from training_bridge.methods.interface import Context, ModelFolder, Refused, Result
from training_bridge.methods.losses.pairs import bradley_terry
from training_bridge.methods.objectives import OnPreferences, PromptGroup
from training_bridge.methods.preferences import read_snapshot
from training_bridge.methods.reward_model import RewardModelConfig
from training_bridge.methods.trainer import fit


class BradleyTerry(OnPreferences):
    """Rewards of whole conversations, compared pair by pair."""

    def __init__(self, loaded: Loaded, config: RewardModelConfig) -> None:
        pad_id = loaded.model.config.pad_token_id
        super().__init__(token_budget=config.token_budget, pad_id=pad_id, device=loaded.device)
        self.config = config

    def loss(self, model: nn.Module, items: Sequence[PromptGroup]) -> tuple[Tensor, dict[str, float]]:
        rows = [[*group.prompt, *response] for group in items for response in group.responses]
        scores = rewards(model, *pad(rows, self.pad_id, self.device))
        pairs = self.pairs(items)
        chosen, rejected = scores[pairs.better], scores[pairs.worse]
        margin = self.config.margin_per_strength * pairs.strength
        losses = bradley_terry(chosen, rejected, soft=pairs.soft, margin=margin, centering=self.config.centering)
        return (pairs.weight * losses).sum(), pairs.measures(chosen, rejected)


def train_reward_model(context: Context, config: RewardModelConfig) -> Result:
    """Trains a head and its backbone; the result's figures include accuracy on the held-out split, if there is one."""
    if context.snapshot is None or context.base is None:
        raise Refused(_("A reward model needs a snapshot and a base model."))
    context.phase(_("Loading the base model"))
    torch.manual_seed(context.seed)
    loaded = load_reward_base(context.base.path)
    train, test = read_snapshot(context.snapshot, "train"), read_snapshot(context.snapshot, "test")
    groups = groups_of(loaded.tokenizer, train, config)
    context.phase(_("Training on %(groups)s prompts") % {"groups": len(groups)})
    last = fit(context, config, loaded.model, groups, BradleyTerry(loaded, config))
    folder = context.output / "model"
    save(loaded, folder)
    values: dict[str, object] = {"train_loss": last.get("loss"), "train_groups": len(groups)}
    if test:
        context.phase(_("Measuring accuracy on held-out prompts"))
        values |= reward_accuracy(loaded, test, max_length=config.max_length, token_budget=config.token_budget)
    return Result(values, ModelFolder(str(folder), "reward", {"method": "reward_model"}))
