"""What policies say when asked the same prompts with the same random numbers, and how likely each finds it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from common.words import gettext_noop as _
from lm.generation import Generated, Sampling, Wanted, generate, prompt_ids
from lm.intact import check_numbers
from lm.loading import Loaded
from training_bridge.evaluation.watching import Watch
from training_bridge.methods.evaluate import EvaluateConfig
from training_bridge.methods.interface import Context
from training_bridge.report_cards.policies import Sample
from training_bridge.trainer.files import read_prompts
from training_bridge.trainer.forward import TokenLogps, longest
from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.judged import Messages, lines_of, pair_rows
from training_bridge.trainer.tuning import pad_id_of

Floats = NDArray[np.float64]
TOKENS = 8192


@dataclass(frozen=True)
class Asked:
    """A prompt that policies are asked."""

    id: str
    messages: Messages


def prompts_of(context: Context, most: int) -> list[Asked]:
    """The given file's prompts, else those of the held-out split, each once; the first `most`."""
    if "prompts" in context.input:
        return [Asked(one.id, one.messages) for one in read_prompts(context.input["prompts"])][:most]
    if context.snapshot is None:
        return []
    seen: set[str] = set()
    found = (Asked(str(row["item_id"]), row["prompt"]) for row in _held_out(context.snapshot) if _new(row, seen))
    return list(islice(found, most))


def _held_out(snapshot: Path) -> Iterator[Any]:
    for rows in (pair_rows(snapshot), lines_of(snapshot / "lessons.jsonl")):
        yield from (row for row in rows if row["split"] == "test")


def _new(row: Any, seen: set[str]) -> bool:
    name = repr(row["prompt"])
    known = name in seen
    seen.add(name)
    return not known


def sampling_of(config: EvaluateConfig) -> Sampling:
    return Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        max_new_tokens=config.max_new_tokens,
        max_prompt_tokens=config.max_length,
        batch_size=config.batch_size,
    )


def answers(context: Context, config: EvaluateConfig, policy: Loaded, asked: Sequence[Asked]) -> list[Generated]:
    """`config.samples` responses to each prompt, one prompt after the other. Raises Cancelled.

    Every policy draws the same numbers for a sample of a prompt, so that what differs is the policy.
    """
    wanted = [Wanted(_key(one, sample), one.messages) for one in asked for sample in range(config.samples)]
    found: dict[str, Generated] = {}
    watch = Watch(context, _("Responses so far: %(count)s"))
    for generated in generate(policy, wanted, sampling_of(config), seed=context.seed):
        found[generated.key] = generated
        watch.at(len(found))
    return [found[one.key] for one in wanted]


def _key(asked: Asked, sample: int) -> str:
    return f"{asked.id}\n{sample}" if sample else asked.id


def as_samples(said: Sequence[Generated], each: int) -> list[Sample]:
    return [Sample(place // each, one.text, one.tokens, one.finished) for place, one in enumerate(said)]


@torch.inference_mode()
def likelihoods(
    context: Context,
    config: EvaluateConfig,
    policy: Loaded,
    asked: Sequence[Asked],
    said: Sequence[Generated],
) -> list[Floats]:
    """Log-probability under the policy of each token of what was said, `config.samples` to each prompt: [S] of [T].

    At temperature 1, whatever was sampled at. Raises Cancelled, and Invalid where one is no number.
    """
    sampling, each = sampling_of(config), config.samples
    groups = [
        PromptGroup(
            prompt_ids(policy, one.messages, sampling),
            [list(sample.ids) for sample in said[place * each : (place + 1) * each]],
            1.0,
        )
        for place, one in enumerate(asked)
    ]
    network = TokenLogps(policy.model, pad_id=pad_id_of(policy))
    network.choose(longest(groups))
    found: list[list[Floats]] = [[] for _group in groups]
    watch = Watch(context, _("Prompts whose responses are weighed so far: %(count)s"))
    for batch in network.batches([[group] for group in groups], TOKENS):
        watch.at(sum(map(bool, found)))
        rows = iter(network([groups[index] for index in batch]).double().cpu().numpy())
        for index in batch:
            found[index] = [next(rows)[: len(ids)] for ids in groups[index].responses]
            check_numbers(np.concatenate(found[index]))
    return [one for group in found for one in group]
