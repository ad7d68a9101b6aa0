"""Tuning a policy: the reference's log-probabilities once, then the method's loss, step by step."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from common.words import gettext_noop
from lm.batching import by_budget
from lm.loading import Loaded, load_causal, save
from training_bridge.methods.checkpoints import without_dropout
from training_bridge.methods.forward import likelihoods
from training_bridge.methods.groups import PromptGroup, in_words
from training_bridge.methods.interface import Cancelled, Context, ModelFolder, Refused, Result
from training_bridge.methods.judged import read_snapshot
from training_bridge.methods.losses.policies import kto_baseline
from training_bridge.methods.measured import Likelihoods, Outcome
from training_bridge.methods.objectives import OnGroups
from training_bridge.methods.settings import FromJudgments
from training_bridge.methods.trainer import fit
from training_bridge.methods.tuned import Tuned

SHARED = set(FromJudgments.model_fields) - {"learning_rate"}  # of a run, and of no interest beside the version it made


class Tuning(OnGroups):
    """A method's loss on the log-probabilities of a piece."""

    def __init__(self, method: Tuned, config: Any, loaded: Loaded) -> None:
        super().__init__(token_budget=config.token_budget, pad_id=pad_id_of(loaded), device=loaded.device)
        self.method, self.config = method, config
        self.baseline = torch.zeros((), device=loaded.device)

    def logps(self, model: nn.Module, groups: Sequence[PromptGroup]) -> Tensor:
        """Log-probability of every response, [R]."""
        if not groups:
            return torch.zeros(0, device=self.device)
        return likelihoods(model, groups, self.pad_id, self.device)

    @torch.no_grad()
    def begin(self, model: nn.Module, items: Sequence[PromptGroup]) -> None:
        """Where the groups bring responses to other prompts, what the step's loss is measured from (KTO's z)."""
        if not self.method.reads_baseline:
            return
        ratios = []
        for piece in self.pieces([one for group in items for one in group.beside]):
            known = torch.tensor([value for one in piece for value in one.reference or ()], device=self.device)
            ratios.append(self.logps(model, piece) - known)
        self.baseline = kto_baseline(torch.cat(ratios))

    def loss(self, model: nn.Module, items: Sequence[PromptGroup]) -> Outcome:
        logps = self.logps(model, items)
        aside = [] if self.method.reads_baseline else [one for group in items for one in group.beside]
        beside = self.logps(model, aside)
        return self.method.loss(Likelihoods(items, self.device, logps, beside, self.baseline), self.config)


def pad_id_of(loaded: Loaded) -> int:
    """Any token will do where the attention mask tells padding apart."""
    found = loaded.tokenizer.pad_token_id
    return found if found is not None else (loaded.tokenizer.eos_token_id or 0)


def tune(context: Context, config: Any, method: Tuned) -> Result:
    """Tunes the base. The reference is the base as it was, unless another policy version is given."""
    if context.snapshot is None or context.base is None:
        raise Refused(gettext_noop("This method needs a snapshot and a base policy."))
    reference = (context.reference or context.base) if method.reads_reference else context.base
    context.phase(gettext_noop("Loading the reference") if method.reads_reference else gettext_noop("Loading the base"))
    loaded = load_causal(reference.path)
    judged = read_snapshot(context.snapshot, "train")
    groups = method.groups(loaded.tokenizer, judged, config, context.seed)
    context.log(in_words(groups))
    if method.reads_reference:
        count = {"groups": len(groups)}
        context.phase(gettext_noop("Log-probabilities of %(groups)s prompts under the reference") % count)
        groups = with_reference(context, config, Tuning(method, config, loaded), loaded, groups, reference.path)
    if reference.path != context.base.path:
        loaded = _same_tokens(loaded, load_causal(context.base.path))
    context.phase(gettext_noop("Training on %(groups)s prompts") % {"groups": len(groups)})
    without_dropout(loaded.model)
    last = fit(context, config, loaded.model, groups, Tuning(method, config, loaded))
    folder = context.output / "model"
    method.leave(loaded.tokenizer, config)
    save(loaded, folder)
    values = {"train_loss": last.get("loss"), "train_accuracy": last.get("accuracy"), "train_groups": len(groups)}
    made = {name: value for name, value in config.model_dump(mode="json").items() if name not in SHARED}
    known = {name: value for name, value in values.items() if value is not None}
    return Result(known, ModelFolder(str(folder), "policy", {"method": method.key} | made))


def _same_tokens(reference: Loaded, base: Loaded) -> Loaded:
    if reference.tokenizer.get_vocab() != base.tokenizer.get_vocab():
        raise Refused(
            gettext_noop("Base and reference have different tokenizers, so their log-probabilities cannot be compared.")
        )
    return base


def with_reference(
    context: Context, config: Any, objective: Tuning, loaded: Loaded, groups: Sequence[PromptGroup], source: str
) -> list[PromptGroup]:
    """The groups with the reference's log-probabilities: from this run's file where it has one for the same tokens."""
    needed = objective.method.reads_baseline
    each = [one for group in groups for one in (group.whole() if needed else (group,))]
    said = [[one.prompt, one.responses, one.learnt] for one in each]
    token_ids = json.dumps([[source, config.precision], said])
    cached = context.output / f"reference-{hashlib.sha256(token_ids.encode()).hexdigest()[:16]}.json"
    if cached.is_file():
        values = json.loads(cached.read_text(encoding="utf-8"))
    else:
        values = reference_logps(context, config, objective, loaded, each)
        aside = cached.with_suffix(".partial")
        aside.write_text(json.dumps(values), encoding="utf-8")
        aside.rename(cached)
    known = iter([replace(one, reference=value) for one, value in zip(each, values, strict=True)])
    if not needed:
        return list(known)
    return [replace(next(known), beside=tuple(next(known) for _ in group.beside)) for group in groups]


@torch.no_grad()
def reference_logps(
    context: Context, config: Any, objective: Tuning, loaded: Loaded, groups: Sequence[PromptGroup]
) -> list[list[float]]:
    """Log-probability of each response of each group, in the precision that training will use."""
    without_dropout(loaded.model)
    alone = [replace(group, beside=()) for group in groups]
    known: dict[int, list[float]] = {}
    for batch in by_budget([objective.tokens([group]) for group in alone], config.token_budget):
        if context.stop_requested():
            raise Cancelled
        with torch.autocast(loaded.device.type, dtype=torch.bfloat16, enabled=config.precision == "bfloat16"):
            values = objective.logps(loaded.model, [alone[i] for i in batch]).tolist()
        for index in batch:
            count = len(groups[index].responses)
            known[index], values = values[:count], values[count:]
    return [known[index] for index in range(len(groups))]
