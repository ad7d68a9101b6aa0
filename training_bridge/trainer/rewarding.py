"""Training a reward model: the backbone with its heads, the method's loss, and accuracy on held-out prompts."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from common.words import gettext_noop as _
from lm.loading import Loaded, best_device, give_padding, load_reward_base, load_tokenizer, save
from training_bridge.evaluation.measuring import reported
from training_bridge.methods.interface import Context, ModelFolder, Refused, Result
from training_bridge.methods.rewarded import Rewarded
from training_bridge.trainer import extent
from training_bridge.trainer.adapted import finished, put_beside, weights_of
from training_bridge.trainer.checkpoints import without_dropout
from training_bridge.trainer.forward import IN_WORDS, Network, PooledOutputs, Reading, TokenOutputs, longest
from training_bridge.trainer.frozen import Head
from training_bridge.trainer.groups import PromptGroup, counted, in_words, training_on
from training_bridge.trainer.judged import derivation_of, read_snapshot
from training_bridge.trainer.measured import Outcome, Rewards
from training_bridge.trainer.objectives import OnGroups
from training_bridge.trainer.trainer import fit


class Rewarding(OnGroups):
    """A method's loss on what the heads say of a piece."""

    def __init__(self, method: Rewarded, config: Any, network: Network) -> None:
        super().__init__(network, token_budget=config.token_budget)
        self.method, self.config = method, config

    def loss(self, model: nn.Module, items: Sequence[PromptGroup]) -> Outcome:
        seen = Rewards(items, self.device, model(items), getattr(self.network, extent.NAME, None))
        return self.method.loss(seen, self.config)


def train_reward(context: Context, config: Any, method: Rewarded) -> Result:
    """Trains heads and, unless they alone are asked for, the backbone.

    The report card is taken on the held-out split, if there is one.
    """
    if context.snapshot is None or context.base is None:
        raise Refused(_("A reward model needs a snapshot and a base model."))
    context.phase(_("Loading the base model"))
    tokenizer = load_tokenizer(context.base.path)
    give_padding(tokenizer)
    judged = read_snapshot(context.snapshot, "train")
    groups = method.groups(tokenizer, judged, config, context.seed)
    if words := in_words(groups, derivation_of(context.snapshot)):
        context.log(words)
    torch.manual_seed(context.seed)
    shape: dict[str, Any] = {"heads": method.heads(groups, config), "by_token": method.by_token}
    loaded = load_reward_base(context.base.path, **shape, dtype=weights_of(config))
    without_dropout(loaded.model)
    adapter = put_beside(config, loaded, context.seed)
    network = _network(context, config, loaded, groups, method.by_token)
    start = method.extent(groups, config)
    if start is not None:
        network.register_parameter(extent.NAME, nn.Parameter(torch.tensor(start, device=loaded.device)))
    objective = Rewarding(method, config, network)
    context.phase(training_on(groups, method.learns))
    last = fit(context, config, network, groups, objective)
    values: dict[str, Any] = {"train_loss": last.get("loss"), **counted(groups, method.learns)}
    if start is not None:
        values["tie_extent"] = method.told_extent(getattr(network, extent.NAME).detach(), config)
        delattr(network, extent.NAME)
    reading = method.reading(groups, config, lambda: _all_outputs(objective, network, groups))
    if isinstance(network, Head):
        network.settle()
        reading = {**(reading or {}), "layer": network.layer} if network.layer else reading
    folder, base = context.output / "model", context.base.path
    loaded = finished(config, loaded, adapter, folder, base, lambda: load_reward_base(base, **shape, device="cpu"))
    loaded.model.config.reward = reading
    save(loaded, folder)
    loaded.model.to(best_device())  # type: ignore[arg-type]  # mypy takes the decorated method for a function
    context.phase(_("Measuring accuracy on held-out prompts"))
    tokens = method.token_shares(loaded, groups, context.snapshot, config)
    figures, report = reported(context, loaded, context.snapshot, max_length=config.max_length, tokens=tokens)
    return Result(values | figures, ModelFolder(str(folder), "reward", {"method": method.key}), report=report)


def _network(context: Context, config: Any, loaded: Loaded, groups: Sequence[PromptGroup], by_token: bool) -> Network:
    if config.trains == "head":
        layer = _layer_of(config, loaded)
        responses = sum(len(group.responses) for group in groups)
        context.phase(_("Reading %(responses)s responses with their prompts") % {"responses": responses})
        return Head(loaded, groups, token_budget=config.token_budget, by_token=by_token, layer=layer)
    network = network_of(loaded, groups, by_token=by_token)
    context.log(IN_WORDS[network.form])
    return network


def _layer_of(config: Any, loaded: Loaded) -> int:
    """The layer that a head alone reads, 0 for what the model itself reads. Raises Refused where there is none."""
    layer, most = int(getattr(config, "layer", 0)), loaded.model.config.get_text_config().num_hidden_layers
    if layer > most:
        raise Refused(_("The base model has %(layers)s layers: choose one of them.") % {"layers": most})
    return layer


def network_of(loaded: Loaded, groups: Sequence[PromptGroup], *, by_token: bool) -> Reading:
    """The model, reading groups in the best form that it takes."""
    kind = TokenOutputs if by_token else PooledOutputs
    network = kind(loaded.model, pad_id=loaded.model.config.pad_token_id)
    network.choose(longest(groups))
    return network


@torch.no_grad()
def _all_outputs(objective: Rewarding, model: nn.Module, groups: Sequence[PromptGroup]) -> Tensor:
    return torch.cat([model(piece) for piece in objective.pieces(groups)])
