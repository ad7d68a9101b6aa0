"""Tuning a policy: the reference's log-probabilities once, then the method's loss, step by step."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.words import gettext_noop
from lm.loading import Loaded, load_causal, load_tokenizer, save
from training_bridge.methods.interface import Cancelled, Context, ModelFolder, Refused, Result
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned
from training_bridge.trainer import ranks
from training_bridge.trainer.adapted import finished, put_beside, weights_of
from training_bridge.trainer.checkpoints import without_dropout
from training_bridge.trainer.drift import Drift, foreign
from training_bridge.trainer.forward import IN_WORDS, ResponseLogps, longest
from training_bridge.trainer.groups import PromptGroup, counted, in_words, most_read, training_on
from training_bridge.trainer.judged import derivation_of, read_snapshot
from training_bridge.trainer.losses.policies import kto_baseline
from training_bridge.trainer.measured import Likelihoods, Outcome
from training_bridge.trainer.objectives import OnGroups
from training_bridge.trainer.trainer import fit

SHARED = set(ForPolicies.model_fields) - {"learning_rate", "trains"}
"""Settings of a run that are of no interest beside the version it made."""


class Tuning(OnGroups):
    """A method's loss on the log-probabilities of a piece."""

    def __init__(self, method: Tuned, config: Any, network: ResponseLogps, drift: Drift | None = None) -> None:
        super().__init__(network, token_budget=config.token_budget)
        self.method, self.config, self.drift = method, config, drift
        self.baseline = torch.zeros((), device=self.device)

    @torch.no_grad()
    def begin(self, model: nn.Module, items: Sequence[PromptGroup], step: int) -> None:
        """Where the groups bring responses to other prompts, what the step's loss is measured from (KTO's z)."""
        if self.drift is not None:
            self.drift.look(model, list(self.pieces(self.drift.groups)), step)
        if not self.method.reads_baseline:
            return
        ratios = []
        for piece in self.pieces([one for group in items for one in group.beside]):
            known = torch.tensor([value for one in piece for value in one.reference or ()], device=self.device)
            ratios.append(model(piece) - known)
        self.baseline = kto_baseline(torch.cat(ratios))

    def loss(self, model: nn.Module, items: Sequence[PromptGroup]) -> Outcome:
        aside = [] if self.method.reads_baseline else [one for group in items for one in group.beside]
        read: Tensor = model([*items, *aside])
        counts = [sum(len(one.responses) for one in groups) for groups in (items, aside)]
        logps, beside = torch.split(read, counts)
        loss, sums = self.method.loss(Likelihoods(items, self.device, logps, beside, self.baseline), self.config)
        if self.drift is not None and self.drift.value is not None:
            sums = sums | {"log_ratio": self.drift.value * self.weight(items)}
        return loss, sums


def network_of(loaded: Loaded, groups: Sequence[PromptGroup]) -> ResponseLogps:
    """The model without dropout, reading groups in the best form that it takes; those with gaps are padded."""
    without_dropout(loaded.model)
    network = ResponseLogps(loaded.model, pad_id=pad_id_of(loaded))
    if all(one.hidden is None for one in groups):
        network.choose(longest(groups))
    return network


def pad_id_of(loaded: Loaded) -> int:
    """Any token will do where the attention mask tells padding apart."""
    found = loaded.tokenizer.pad_token_id
    return found if found is not None else (loaded.tokenizer.eos_token_id or 0)


def tune(context: Context, config: Any, method: Tuned) -> Result:
    """Tunes the base. The reference is the base as it was, unless another policy version is given."""
    if context.snapshot is None or context.base is None:
        raise Refused(gettext_noop("This method needs a snapshot and a base policy."))
    reference = (context.reference or context.base) if method.reads_reference else context.base
    is_base = reference.path == context.base.path
    context.phase(gettext_noop("Loading the reference") if method.reads_reference else gettext_noop("Loading the base"))
    weights = weights_of(config)
    loaded = load_causal(reference.path, dtype=weights)
    tokenizer = loaded.tokenizer if is_base else _for_both(context.base.path, loaded.tokenizer)
    judged = read_snapshot(context.snapshot, "train")
    groups, most = method.groups(tokenizer, judged, config, context.seed), most_read(tokenizer, config)
    if words := in_words(groups, derivation_of(context.snapshot)):
        context.log(words)
    if method.reads_reference:
        read = [one for group in groups for one in (group.whole() if method.reads_baseline else (group,))]
        count = {"responses": sum(len(one.responses) for one in read)}
        context.phase(gettext_noop("Log-probabilities of %(responses)s responses under the reference") % count)
        network = network_of(loaded, groups)
        groups = with_reference(context, config, method, network, groups, reference.path)
        drift = drift_of(context, config, method, network, groups, most)
    if not is_base:
        loaded = load_causal(context.base.path, dtype=weights)
    adapter = put_beside(config, loaded, context.seed)
    context.phase(training_on(groups, method.learns))
    network = network_of(loaded, groups)
    context.log(IN_WORDS[network.form])
    if not method.reads_reference:
        drift = drift_of(context, config, method, network, groups, most)
    last = fit(context, config, network, groups, Tuning(method, config, network, drift))
    folder = context.output / "model"
    base = context.base.path
    loaded = finished(config, loaded, adapter, folder, base, lambda: load_causal(base, device="cpu"))
    method.leave(loaded.tokenizer, config)
    save(loaded, folder)
    values = {"train_loss": last.get("loss"), "train_accuracy": last.get("accuracy")} | counted(groups, method.learns)
    made = {name: value for name, value in config.model_dump(mode="json").items() if name not in SHARED}
    known = {name: value for name, value in values.items() if value is not None}
    return Result(known, ModelFolder(str(folder), "policy", {"method": method.key} | made))


def drift_of(
    context: Context, config: Any, method: Tuned, network: ResponseLogps, groups: Sequence[PromptGroup], most: int
) -> Drift | None:
    """What tells how far the policy moves from what `network` is now; None where the loss itself tells (KTO).

    `most`: tokens that are read at most.
    """
    probe = [] if method.reads_baseline else foreign(groups, most=most, seed=context.seed)
    if not probe:
        return None
    known = [value for one in reference_logps(context, config, network, probe) for value in one]
    return Drift(probe, torch.tensor(known, dtype=torch.float64, device=network.device))


def _for_both(base: str, reference: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The base's tokenizer, as the policy is asked in the base's words; cut to what both models read.

    Template and end token may be others than the reference's. Raises Refused where their tokens are not the same.
    """
    tokenizer = load_tokenizer(base)
    if reference.get_vocab() != tokenizer.get_vocab():
        raise Refused(
            gettext_noop("Base and reference have different tokenizers, so their log-probabilities cannot be compared.")
        )
    tokenizer.model_max_length = min(tokenizer.model_max_length, reference.model_max_length)
    return tokenizer


def with_reference(
    context: Context, config: Any, method: Tuned, network: ResponseLogps, groups: Sequence[PromptGroup], source: str
) -> list[PromptGroup]:
    """The groups with the reference's log-probabilities: from this run's file where it has one for the same tokens."""
    needed = method.reads_baseline
    each = [one for group in groups for one in (group.whole() if needed else (group,))]
    said = [[one.prompt, one.responses, one.learnt] for one in each]
    token_ids = json.dumps([[source, config.precision, weights_of(config)], said])
    cached = context.output / f"reference-{hashlib.sha256(token_ids.encode()).hexdigest()[:16]}.json"
    values = _kept(cached, each)
    if values is None:
        values = reference_logps(context, config, network, each)
        if ranks.is_first():
            aside = cached.with_suffix(".partial")
            aside.write_text(json.dumps(values), encoding="utf-8")
            aside.rename(cached)
    known = iter([replace(one, reference=value) for one, value in zip(each, values, strict=True)])
    if not needed:
        return list(known)
    return [replace(next(known), beside=tuple(next(known) for _ in group.beside)) for group in groups]


def _kept(file: Path, groups: Sequence[PromptGroup]) -> list[list[float]] | None:
    """What an earlier attempt left; None where there is nothing, or a machine that lost its power left half of it."""
    try:
        values: list[list[float]] = json.loads(file.read_text(encoding="utf-8"))
        whole = [len(one) for one in values] == [len(group.responses) for group in groups]
    except (OSError, ValueError, TypeError):
        return None
    return values if whole else None


@torch.no_grad()
def reference_logps(
    context: Context, config: Any, network: ResponseLogps, groups: Sequence[PromptGroup]
) -> list[list[float]]:
    """Log-probability of each response of each group, in the precision that training will use.

    Several processes share out the batches.
    """
    starts = list(accumulate((len(group.responses) for group in groups), initial=0))
    known = torch.zeros(starts[-1], dtype=torch.float64)
    for batch in network.batches([[group] for group in groups], config.token_budget)[ranks.place() :: ranks.count()]:
        if context.stop_requested():
            raise Cancelled
        read = [groups[index] for index in batch]
        context.reading(sum(len(one.prompt) + sum(map(len, one.responses)) for one in read), len(batch))
        with torch.autocast(network.device.type, dtype=torch.bfloat16, enabled=config.precision == "bfloat16"):
            values = network(read).double().cpu()
        for index in batch:
            count = len(groups[index].responses)
            known[starts[index] : starts[index + 1]], values = values[:count], values[count:]
    whole = ranks.summed(known).tolist()
    return [whole[start:end] for start, end in pairwise(starts)]
