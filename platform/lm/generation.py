"""Sampling responses: batched, yet what a prompt gets depends on its own seed and not on its neighbours."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from common.errors import Invalid
from common.words import gettext_noop as _
from lm.chat import Message, encode, shortened
from lm.intact import check_numbers
from lm.loading import Loaded, places_of


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; temperature 0 takes the likeliest. `top`: of each token so many likely ones are told."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 256
    max_prompt_tokens: int = 1024
    batch_size: int = 64
    top: int = 0


@dataclass(frozen=True)
class Wanted:
    """One response wanted. `key` names the prompt and the sample: with the seed, it decides every draw."""

    key: str
    messages: Sequence[Message]


@dataclass(frozen=True)
class Generated:
    """A sampled response. `finished`: it ended by itself and was not cut. `ids`: what was drawn, its end included.

    `likely`: per token (how it reads, [(how another could have read, log-probability before temperature)]).
    """

    key: str
    text: str
    tokens: int
    finished: bool
    ids: Sequence[int] = ()
    likely: Sequence[tuple[str, Sequence[tuple[str, float]]]] = ()


def generate(loaded: Loaded, wanted: Sequence[Wanted], sampling: Sampling, *, seed: int) -> Iterator[Generated]:
    """Samples a response for each of `wanted`, in batches of like length; not in the order given.

    Raises Invalid where the model has no place for so long a response, knows no end, or foretells what is no number.
    """
    places = places_of(loaded.model)
    if sampling.max_new_tokens >= places:
        raise Invalid(
            _("The policy has places for %(places)s tokens in all, so a response can have at most %(most)s new tokens.")
            % {"places": places, "most": places - 1}
        )
    prompts = [prompt_ids(loaded, one.messages, sampling) for one in wanted]
    order = sorted(range(len(wanted)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), sampling.batch_size):
        batch = order[start : start + sampling.batch_size]
        keys = [wanted[i].key for i in batch]
        yield from _sample(loaded, keys, [prompts[i] for i in batch], sampling, seed)


def prompt_ids(loaded: Loaded, messages: Sequence[Message], sampling: Sampling) -> list[int]:
    """What is sampled after: the prompt's last tokens, where it is too long or the model has no place for an answer."""
    budget = min(sampling.max_prompt_tokens, places_of(loaded.model) - sampling.max_new_tokens)
    return shortened(loaded.tokenizer, encode(loaded.tokenizer, messages, [], None).prompt, budget)


@torch.inference_mode()
def _sample(
    loaded: Loaded, keys: list[str], prompts: list[list[int]], sampling: Sampling, seed: int
) -> Iterator[Generated]:
    ends = _end_ids(loaded)
    filler = ends[0]  # which token is no matter: it is masked before a prompt, and cut off after a response
    ids, mask = _pad_left(prompts, filler)
    draws = torch.stack([_draws(seed, key, sampling.max_new_tokens) for key in keys]).to(loaded.device)
    config = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        max_new_tokens=sampling.max_new_tokens, do_sample=False, eos_token_id=ends, pad_token_id=filler
    )
    told = _Told(sampling.top)
    output = loaded.model.generate(  # type: ignore[operator]  # a mixin that mypy does not see
        input_ids=ids.to(loaded.device),
        attention_mask=mask.to(loaded.device),
        generation_config=config,
        logits_processor=LogitsProcessorList([told, *_processors(sampling, draws, ids.shape[1])]),
    )
    for place, (key, row) in enumerate(zip(keys, output[:, ids.shape[1] :].tolist(), strict=True)):
        stop = next((at for at, token in enumerate(row) if token in ends), None)
        tokens = row if stop is None else row[:stop]
        text = str(loaded.tokenizer.decode(tokens, skip_special_tokens=True))
        drawn = row if stop is None else row[: stop + 1]
        yield Generated(key, text, len(tokens), stop is not None, drawn, told.read(loaded, place, tokens))


class _Told(LogitsProcessor):
    """Keeps the likeliest tokens of every step, as the model has them, and changes nothing.

    Raises Invalid where they are no numbers: whatever was drawn of those would look like a response.
    """

    def __init__(self, top: int) -> None:
        self.top, self.steps = top, list[tuple[Tensor, Tensor]]()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        check_numbers(scores.amax(-1))
        if self.top:
            best = scores.float().log_softmax(-1).topk(min(self.top, scores.shape[-1]), dim=-1)
            self.steps.append((best.values.cpu(), best.indices.cpu()))
        return scores

    def read(
        self, loaded: Loaded, place: int, tokens: Sequence[int]
    ) -> Sequence[tuple[str, Sequence[tuple[str, float]]]]:
        """Of row `place` of the batch, for each of its tokens."""
        decode = loaded.tokenizer.decode
        return [
            (
                str(decode([token])),
                [
                    (str(decode([other])), logp)
                    for logp, other in zip(values[place].tolist(), ids[place].tolist(), strict=True)
                ],
            )
            for token, (values, ids) in zip(tokens, self.steps, strict=False)
        ]


class _Draw(LogitsProcessor):
    """Inverse-transform sampling with one given uniform number a row and step; leaves only the drawn token possible."""

    def __init__(self, draws: Tensor, prompt_width: int) -> None:
        self.draws, self.prompt_width = draws, prompt_width

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        uniform = self.draws[:, input_ids.shape[1] - self.prompt_width, None]
        cumulative = scores.float().softmax(-1).double().cumsum(-1)
        drawn = (cumulative <= uniform * cumulative[:, -1:]).sum(-1, keepdim=True).clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(-1, drawn, 0.0)


def _processors(sampling: Sampling, draws: Tensor, prompt_width: int) -> LogitsProcessorList:
    if sampling.temperature == 0:
        return LogitsProcessorList()
    steps: list[LogitsProcessor] = [TemperatureLogitsWarper(sampling.temperature)]
    if sampling.top_p < 1:
        steps.append(TopPLogitsWarper(sampling.top_p))
    return LogitsProcessorList([*steps, _Draw(draws, prompt_width)])


def _draws(seed: int, key: str, count: int) -> Tensor:
    digest = hashlib.sha256(f"{seed}\n{key}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
    return torch.rand(count, generator=generator, dtype=torch.float64)


def _pad_left(rows: list[list[int]], filler: int) -> tuple[Tensor, Tensor]:
    width = max(len(row) for row in rows)
    ids = torch.tensor([[filler] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return ids, mask


def _end_ids(loaded: Loaded) -> list[int]:
    own = loaded.model.generation_config.eos_token_id if loaded.model.generation_config else None
    found = {*(own if isinstance(own, list) else [own]), loaded.tokenizer.eos_token_id} - {None}
    if not found:
        raise Invalid(_("The policy's tokenizer has no end token, so a response could never end."))
    return sorted(found)
