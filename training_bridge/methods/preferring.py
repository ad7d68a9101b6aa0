"""Direct preference optimisation: objective, reference and run."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from common.words import gettext_noop
from lm.batching import by_budget
from lm.likelihood import response_rows, sum_logps
from lm.loading import Loaded, load_causal, save
from training_bridge.methods.checkpoints import without_dropout
from training_bridge.methods.dpo import DPOConfig
from training_bridge.methods.groups import groups_of
from training_bridge.methods.interface import Cancelled, Context, ModelFolder, Refused, Result
from training_bridge.methods.losses.policies import dpo
from training_bridge.methods.objectives import OnPreferences, PromptGroup
from training_bridge.methods.preferences import read_snapshot
from training_bridge.methods.trainer import fit


class DirectPreference(OnPreferences):
    """Log-ratios of responses to the frozen reference, compared pair by pair."""

    def __init__(self, loaded: Loaded, config: DPOConfig) -> None:
        super().__init__(token_budget=config.token_budget, pad_id=pad_id_of(loaded), device=loaded.device)
        self.config = config

    def logps(self, model: nn.Module, items: Sequence[PromptGroup]) -> Tensor:
        """Log-probability of every response of the piece, summed over its tokens, [R]."""
        prompts = [group.prompt for group in items for _ in group.responses]
        responses = [response for group in items for response in group.responses]
        return sum_logps(model, *response_rows(prompts, responses, self.pad_id, self.device))

    def loss(self, model: nn.Module, items: Sequence[PromptGroup]) -> tuple[Tensor, dict[str, float]]:
        known = [value for group in items for value in group.reference or []]
        ratios = self.logps(model, items) - torch.tensor(known, device=self.device)
        pairs = self.pairs(items)
        chosen, rejected = ratios[pairs.better], ratios[pairs.worse]
        beta = self.config.beta
        losses = dpo(chosen, rejected, beta=beta, soft=pairs.soft, label_smoothing=self.config.label_smoothing)
        return (pairs.weight * losses).sum(), pairs.measures(beta * chosen, beta * rejected)


def pad_id_of(loaded: Loaded) -> int:
    """Any token will do where the attention mask tells padding apart."""
    found = loaded.tokenizer.pad_token_id
    return found if found is not None else (loaded.tokenizer.eos_token_id or 0)


def train_dpo(context: Context, config: DPOConfig) -> Result:
    """Tunes the base. The reference is the base as it was, unless another policy version is given."""
    if context.snapshot is None or context.base is None:
        raise Refused(gettext_noop("DPO needs a snapshot and a base policy."))
    context.phase(gettext_noop("Loading the reference"))
    reference = context.reference or context.base
    loaded = load_causal(reference.path)
    groups = groups_of(loaded.tokenizer, read_snapshot(context.snapshot, "train"), config)
    context.phase(gettext_noop("Log-probabilities of %(groups)s prompts under the reference") % {"groups": len(groups)})
    groups = with_reference(context, config, loaded, groups, reference.path)
    if reference.path != context.base.path:
        loaded = _same_tokens(loaded, load_causal(context.base.path))
    context.phase(gettext_noop("Training on %(groups)s prompts") % {"groups": len(groups)})
    last = fit(context, config, loaded.model, groups, DirectPreference(loaded, config))
    folder = context.output / "model"
    save(loaded, folder)
    values = {"train_loss": last.get("loss"), "train_accuracy": last.get("accuracy"), "train_groups": len(groups)}
    return Result(values, ModelFolder(str(folder), "policy", {"method": "dpo", "beta": config.beta}))


def _same_tokens(reference: Loaded, base: Loaded) -> Loaded:
    if reference.tokenizer.get_vocab() != base.tokenizer.get_vocab():
        raise Refused(
            gettext_noop("Base and reference have different tokenizers, so their log-probabilities cannot be compared.")
        )
    return base


def with_reference(
    context: Context, config: DPOConfig, loaded: Loaded, groups: Sequence[PromptGroup], source: str
) -> list[PromptGroup]:
    """The groups with the reference's log-probabilities: from this run's file where it has one for the same tokens."""
    token_ids = json.dumps([[source, config.precision], [[group.prompt, group.responses] for group in groups]])
    cached = context.output / f"reference-{hashlib.sha256(token_ids.encode()).hexdigest()[:16]}.json"
    if cached.is_file():
        values = json.loads(cached.read_text(encoding="utf-8"))
    else:
        values = reference_logps(context, config, loaded, groups)
        aside = cached.with_suffix(".partial")
        aside.write_text(json.dumps(values), encoding="utf-8")
        aside.rename(cached)
    return [replace(group, reference=known) for group, known in zip(groups, values, strict=True)]


@torch.no_grad()
def reference_logps(
    context: Context, config: DPOConfig, loaded: Loaded, groups: Sequence[PromptGroup]
) -> list[list[float]]:
    """Log-probability of each response of each group, in the precision that training will use."""
    without_dropout(loaded.model)
    objective = DirectPreference(loaded, config)
    known: dict[int, list[float]] = {}
    lengths = [objective.tokens([group]) for group in groups]
    for batch in by_budget(lengths, config.token_budget):
        if context.stop_requested():
            raise Cancelled
        with torch.autocast(loaded.device.type, dtype=torch.bfloat16, enabled=config.precision == "bfloat16"):
            values = objective.logps(loaded.model, [groups[i] for i in batch]).tolist()
        for index in batch:
            count = len(groups[index].responses)
            known[index], values = values[:count], values[count:]
    return [known[index] for index in range(len(groups))]
