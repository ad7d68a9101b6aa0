"""Aspects in closed form, their debt to length, and the gate."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from common.words import gettext_noop as _
from lm.batching import by_budget, pad
from lm.chat import encode
from lm.heads import Gate, without_verbosity
from lm.loading import Loaded, load_reward_base, save
from lm.scoring import features, output_layer
from training_bridge.evaluation.measuring import reported
from training_bridge.methods.interface import Context, ModelFolder, Refused, Result
from training_bridge.methods.reward_aspects import RewardAspectsConfig
from training_bridge.trainer.checkpoints import without_dropout
from training_bridge.trainer.groups import hard
from training_bridge.trainer.judged import Judged, Relation, read_snapshot
from training_bridge.trainer.losses.heads import ridge
from training_bridge.trainer.losses.pairs import bradley_terry
from training_bridge.trainer.trainer import fit

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
ALPHAS = [10.0**power for power in range(-4, 5)]
SHARES = np.linspace(0, 0.95, 24)
UNRELATED = 0.03  # a rank correlation with length that is as good as none


@dataclass(frozen=True)
class Scored:
    """An item's features: of its prompt [H] and of its K responses [K, H]."""

    item: Judged
    prompt: Tensor
    responses: Tensor


@dataclass(frozen=True)
class GatePair:
    """What the gate learns from: a prompt's features [H] and the aspects of two responses [A]."""

    prompt: Tensor
    chosen: Tensor
    rejected: Tensor
    relation: Relation


class GateObjective:
    """Bradley–Terry on gated rewards of frozen aspects."""

    def begin(self, model: nn.Module, items: Sequence[GatePair], step: int) -> None:
        """Every pair is judged for itself."""

    def pieces(self, items: Sequence[GatePair]) -> Iterator[list[GatePair]]:
        yield list(items)

    def weight(self, items: Sequence[GatePair]) -> float:
        return sum(item.relation.weight for item in items)

    def tokens(self, items: Sequence[GatePair]) -> int:
        return len(items)

    def loss(self, model: nn.Module, items: Sequence[GatePair]) -> tuple[Tensor, dict[str, float]]:
        prompts = torch.stack([item.prompt for item in items])
        chosen, rejected = (
            model(prompts, torch.stack([getattr(item, which) for item in items])) for which in ("chosen", "rejected")
        )
        soft, weight = (
            torch.tensor([getattr(item.relation, name) for item in items], device=prompts.device)
            for name in ("soft", "weight")
        )
        lead = (chosen - rejected).detach()
        right = (lead > 0).float() + 0.5 * (lead == 0).float()
        measures = {"accuracy": float((weight * right).sum()), "margin": float((weight * lead).sum())}
        return (weight * bradley_terry(chosen, rejected, soft=soft)).sum(), measures


def train_aspects(context: Context, config: RewardAspectsConfig) -> Result:
    """Features once, then every aspect by ridge regression, then the gate on the snapshot's pairs."""
    if context.snapshot is None or context.base is None:
        raise Refused(_("A reward model needs a snapshot and a base model."))
    judged = read_snapshot(context.snapshot, "train")
    names = sorted({score.aspect for item in judged for score in item.scores})
    if not names:
        raise Refused(_("The snapshot's training split holds no scores."))
    if config.verbosity and config.verbosity not in names:
        raise Refused(
            _("No aspect is called %(name)s; the snapshot has %(names)s.")
            % {"name": repr(config.verbosity), "names": ", ".join(names)}
        )
    if names == [config.verbosity]:
        raise Refused(
            _("The only aspect that people scored is %(name)s, the aspect of length: no reward would be left.")
            % {"name": repr(config.verbosity)}
        )
    context.phase(_("Loading the base model"))
    torch.manual_seed(context.seed)
    loaded = load_reward_base(context.base.path, heads=len(names))
    without_dropout(loaded.model)
    responses = sum(len(item.responses) for item in judged)
    context.phase(_("Reading %(responses)s responses with their prompts") % {"responses": responses})
    scored = list(_scored(loaded, judged, config))
    heads, values = solve(scored, names, config, context.seed)
    layer = output_layer(loaded.model)
    with torch.no_grad():
        layer.weight.copy_(heads)
        if layer.bias is not None:
            layer.bias.zero_()
    verbosity = names.index(config.verbosity) if config.verbosity else None
    outputs = torch.cat([one.responses for one in scored]) @ heads.T
    shares = shares_of(outputs, verbosity)
    reading = {"kind": "aspects", "names": names, "shares": shares, "verbosity": verbosity, "gate": None}
    gate, figures = _gate(context, config, scored, heads, torch.tensor(shares, device=heads.device), verbosity)
    loaded.model.config.reward = reading | {"gate": _shape(gate, config)}
    loaded = replace(loaded, gate=gate)
    folder = context.output / "model"
    save(loaded, folder)
    context.phase(_("Measuring accuracy on held-out prompts"))
    measured, report = reported(context, loaded, context.snapshot, max_length=config.max_length)
    made = ModelFolder(str(folder), "reward", {"method": "reward_aspects", "aspects": names})
    return Result(values | figures | measured, made, report=report)


@torch.no_grad()
def _scored(loaded: Loaded, judged: Sequence[Judged], config: RewardAspectsConfig) -> Iterator[Scored]:
    """Features of all prompts and responses, each once, in the order of the items."""
    rows, counts = list[list[int]](), []
    for item in judged:
        tokens = encode(loaded.tokenizer, item.prompt, item.responses, config.max_length)
        rows += [tokens.prompt, *([*tokens.prompt, *response] for response in tokens.responses)]
        counts.append(1 + len(tokens.responses))
    found: dict[int, Tensor] = {}
    for batch in by_budget([len(row) for row in rows], config.token_budget):
        padded = pad([rows[index] for index in batch], loaded.model.config.pad_token_id, loaded.device)
        found |= dict(zip(batch, features(loaded.model, *padded), strict=True))
    start = 0
    for item, count in zip(judged, counts, strict=True):
        own = torch.stack([found[index] for index in range(start, start + count)])
        yield Scored(item, own[0], own[1:])
        start += count


def solve(
    scored: Sequence[Scored], names: Sequence[str], config: RewardAspectsConfig, seed: int
) -> tuple[Tensor, dict[str, float]]:
    """The heads [A, H], and how far they are off on the fifth of the prompts that chose alpha, beside a constant.

    Whatever was asked of one prompt lies on one side.
    """
    prompts = [json.dumps([dict(message) for message in one.item.prompt], sort_keys=True) for one in scored]
    known = list(dict.fromkeys(prompts))
    order = np.random.default_rng(seed).permutation(len(known))
    held_out = {known[index] for index in order[: len(known) // 5]}
    heads, off, constant = [], [], []
    for name in names:
        rows = [
            (
                prompt in held_out,
                one.responses[score.response],
                score.value,
                score.weight if config.use_weights else 1.0,
            )
            for prompt, one in zip(prompts, scored, strict=True)
            for score in one.item.scores
            if score.aspect == name
        ]
        inside = torch.tensor([not out for out, *_rest in rows])
        matrix = torch.stack([row[1] for row in rows]).double().cpu()
        targets, weights = (torch.tensor([row[place] for row in rows], dtype=torch.float64) for place in (2, 3))
        alpha = 1.0
        if 0 < int(inside.sum()) < len(rows):
            alpha, error = _alpha(matrix, targets, weights, inside)
            off.append(error)
            constant.append(float((targets[~inside] - targets[inside].mean()).square().mean()))
        heads.append(ridge(matrix, targets, alpha, weights))
    found = torch.stack(heads).to(scored[0].responses)
    errors = {"aspect_error": off, "constant_error": constant}
    return found, {name: float(np.mean(values)) for name, values in errors.items() if values}


def _alpha(matrix: Tensor, targets: Tensor, weights: Tensor, inside: Tensor) -> tuple[float, float]:
    """The alpha with the least squared error on the rows not `inside`, and that error."""
    errors = {}
    for alpha in ALPHAS:
        head = ridge(matrix[inside], targets[inside], alpha, weights[inside])
        errors[alpha] = float((matrix[~inside] @ head - targets[~inside]).square().mean())
    best = min(errors, key=lambda alpha: errors[alpha])
    return best, errors[best]


def shares_of(outputs: Tensor, verbosity: int | None) -> list[float]:
    """How much of length each aspect loses: the first of SHARES that leaves no rank correlation with it; else all."""
    count = outputs.shape[1]
    if verbosity is None:
        return [0.0] * count
    values = outputs.double().cpu().numpy()
    length = values[:, verbosity]
    return [1.0 if aspect == verbosity else _share(values[:, aspect], length) for aspect in range(count)]


def _share(values: Numbers, length: Numbers) -> float:
    for share in SHARES:
        if _correlation(values - share * length, length) <= UNRELATED:
            return float(share)
    return 1.0


def _correlation(one: Numbers, other: Numbers) -> float:
    """Spearman's rank correlation; 0 where one of them is the same everywhere, as nothing then goes with the other."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


def _gate(
    context: Context,
    config: RewardAspectsConfig,
    scored: Sequence[Scored],
    heads: Tensor,
    shares: Tensor,
    verbosity: int | None,
) -> tuple[Gate | None, dict[str, float]]:
    pairs = []
    for one in scored:
        aspects = one.responses @ heads.T
        aspects = aspects if verbosity is None else without_verbosity(aspects, shares, verbosity)
        for relation in one.item.relations:
            weight = relation.weight if config.use_weights else 1.0
            soft = relation.soft if config.use_soft_labels else hard(relation.soft)
            if weight > 0:
                known = replace(relation, weight=weight, soft=soft)
                pairs.append(GatePair(one.prompt, aspects[relation.better], aspects[relation.worse], known))
    if not pairs:
        context.log("The snapshot has no pairs for a gate: the reward is the mean of the aspects.")
        context.total(1)
        return None, {}
    context.phase(_("Training the gate on %(pairs)s pairs") % {"pairs": len(pairs)})
    torch.manual_seed(context.seed)
    gate = Gate(
        heads.shape[1], heads.shape[0], width=config.gate_width, depth=config.gate_depth, dropout=config.gate_dropout
    ).to(heads.device)
    last = fit(context, config, gate, pairs, GateObjective())
    return gate, {"train_loss": last["loss"], "train_accuracy": last["accuracy"], "train_pairs": len(pairs)}


def _shape(gate: Gate | None, config: RewardAspectsConfig) -> dict[str, float] | None:
    if gate is None:
        return None
    first, last = gate.layers[0], gate.layers[-1]
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    shape = {"inputs": first.in_features, "aspects": last.out_features}
    return shape | {"width": config.gate_width, "depth": config.gate_depth, "dropout": config.gate_dropout}
