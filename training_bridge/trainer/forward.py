"""The forward pass: what a model makes of prompt groups, apart from what any loss does with it.

A `Reading` is a model with one way to read it. It reads groups as one packed row, each prompt once for all its
responses, where the model's attention allows that, else packed without sharing, else padded: which of them holds is
found by asking it (`Reading.choose`), as no model says so of itself.
"""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import product, repeat
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lm.batching import by_budget, pad
from lm.foretelling import target_logps
from lm.likelihood import response_rows, token_logps
from lm.packing import PACKED, Packing, pack
from lm.scoring import head_outputs, token_outputs
from training_bridge.trainer.groups import PromptGroup

Form = Literal["shared", "packed", "padded"]
FORMS: tuple[Form, ...] = ("shared", "packed", "padded")
IN_WORDS = {
    "shared": "Each prompt is read once for all its responses.",
    "packed": "Responses are packed without padding, each with its prompt.",
    "padded": "Responses are padded to a common length: this model's attention, or texts with gaps, cannot be packed.",
}


class Network(nn.Module):
    """What is trained and saved, `model`, and what it makes of groups: one row for each response, in order.

    `pad_id`: any token where the attention mask tells padding apart.
    """

    def __init__(self, model: nn.Module, *, pad_id: int) -> None:
        super().__init__()
        self.model = model
        self.pad_id = pad_id
        self.train(model.training)

    @property
    def core(self) -> Any:
        """The model beneath an adapter, where there is one."""
        adapted: Any = self.model
        return adapted.get_base_model() if hasattr(adapted, "get_base_model") else adapted

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @abstractmethod
    def forward(self, groups: Sequence[PromptGroup]) -> Tensor:
        """[R, …] for the R responses of all groups, in float32 or finer."""

    def batches(self, groups: Sequence[Sequence[PromptGroup]], budget: int) -> list[list[int]]:
        """Indices of `groups` (each with those beside it) in batches of at most `budget` tokens, longest first."""
        widths = [longest(each) for each in groups]
        most = max((sum(len(one.responses) for one in each) for each in groups), default=1)
        return list(by_budget(widths, budget, rows_each=most))


class Reading(Network):
    """A transformers model (or an adapted one) and one reading of it."""

    def __init__(self, model: nn.Module, *, pad_id: int) -> None:
        super().__init__(model, pad_id=pad_id)
        self.form: Form = "padded"
        self.first_position = 0  # some encoders count from after their padding's token

    def forward(self, groups: Sequence[PromptGroup]) -> Tensor:
        if self.form == "padded":
            return self.padded(groups)
        rows = [(one.prompt, one.responses) for one in groups]
        packing = pack(rows, self.device, share=self.form == "shared", first=self.first_position)
        return self.packed(packing, self.core.base_model(**packing.inputs()).last_hidden_state[0], groups)

    @abstractmethod
    def packed(self, packing: Packing, hidden: Tensor, groups: Sequence[PromptGroup]) -> Tensor:
        """The reading of the row's hidden states [N, H]."""

    @abstractmethod
    def padded(self, groups: Sequence[PromptGroup]) -> Tensor:
        """The reading of padded rows, by the model's own forward pass."""

    def batches(self, groups: Sequence[Sequence[PromptGroup]], budget: int) -> list[list[int]]:
        if self.form == "padded":
            return super().batches(groups, budget)
        return by_sum([sum(map(self._cost, each)) for each in groups], budget)

    def _cost(self, group: PromptGroup) -> int:
        prompt, own = len(group.prompt), sum(map(len, group.responses))
        return own + prompt * (1 if self.form == "shared" else len(group.responses))

    def choose(self, most: int) -> Form:
        """Takes the first form that gives what padding gives on a sample and that each layer's attention has heard of.

        `most`: tokens of the longest row that will come. What was chosen is returned and kept in `form`.
        """
        self.form, was_training, before = "padded", self.training, self.core.config._attn_implementation
        groups = _sample(self.core.config.get_text_config().vocab_size, self.pad_id)
        self.eval()
        with torch.no_grad():
            wanted = self(groups)
            if _sees_all(self.core.config, most) and _takes_packed_attention(self.core):
                tried = product(FORMS[:2], (0, self.pad_id + 1))
                self.form = next((form for form, first in tried if self._agrees(form, first, groups, wanted)), "padded")
        if self.form == "padded":
            self.core.set_attn_implementation(before)
        self.train(was_training)
        return self.form

    def _agrees(self, form: Form, first: int, groups: Sequence[PromptGroup], wanted: Tensor) -> bool:
        self.form, self.first_position, seen = form, first, list[bool]()
        handles = [
            one.register_forward_pre_hook(lambda _one, _given, named: seen.append("packing" in named), with_kwargs=True)
            for one in self.core.base_model.modules()
            if hasattr(one, "is_causal")
        ]
        try:
            found = self(groups)
        except (NotImplementedError, TypeError, ValueError, AttributeError, RuntimeError):
            return False  # whatever this model stumbles over: there is a form that it takes
        finally:
            for handle in handles:
                handle.remove()
        halved = next(self.model.parameters()).dtype in (torch.float16, torch.bfloat16)
        tolerance = 5e-2 if halved else 1e-3
        close = found.shape == wanted.shape and torch.allclose(found, wanted, rtol=tolerance, atol=tolerance)
        return sum(seen) == self.core.config.get_text_config().num_hidden_layers and close


class TokenLogps(Reading):
    """Of a causal model: the log-probability of each learnt token of each response, [R, T], nought beyond its last."""

    def packed(self, packing: Packing, hidden: Tensor, groups: Sequence[PromptGroup]) -> Tensor:
        if getattr(self.core.config.get_text_config(), "final_logit_softcapping", None):
            raise NotImplementedError("logits are bent after the head, which does not show while they are small")
        before, targets, counts = _predicted(packing, groups)
        logps = target_logps(self.core.get_output_embeddings(), hidden[before], targets)
        return pad_sequence(list(torch.split(logps, counts)), batch_first=True)

    def padded(self, groups: Sequence[PromptGroup]) -> Tensor:
        prompts = [group.prompt for group in groups for _ in group.responses]
        responses = [response for group in groups for response in group.responses]
        ids, mask, wanted = response_rows(prompts, responses, self.pad_id, self.device)
        mask = mask & _seen(groups, mask)
        wanted = wanted & _learnt(groups, wanted)
        wanted[:, 0] = False  # nothing foretells it
        logps = token_logps(self.model, ids, mask, wanted)
        return pad_sequence([row[own] for row, own in zip(logps, wanted, strict=True)], batch_first=True)


class ResponseLogps(TokenLogps):
    """Of a causal model: the log-probability of each response, summed over its learnt tokens, [R]."""

    def packed(self, packing: Packing, hidden: Tensor, groups: Sequence[PromptGroup]) -> Tensor:
        return super().packed(packing, hidden, groups).sum(1)

    def padded(self, groups: Sequence[PromptGroup]) -> Tensor:
        return super().padded(groups).sum(1)


class PooledOutputs(Reading):
    """Of a model with heads for a whole conversation: what these say, [R, heads]."""

    def packed(self, packing: Packing, hidden: Tensor, groups: Sequence[PromptGroup]) -> Tensor:
        core = self.core
        if hasattr(core, "score"):  # decoders read the last token
            ends = [stop if stop > start else end for (start, stop), (_, end) in _both(packing)]
            last = torch.tensor(ends, device=hidden.device) - 1
            outputs: Tensor = core.score(hidden[last])
        else:  # encoders the first
            first = hidden[torch.tensor([start for start, _ in packing.prompts], device=hidden.device)][:, None]
            pooler = getattr(core.base_model, "pooler", None)
            outputs = core.classifier(first if pooler is None else pooler(first))
        return exact(outputs)

    def padded(self, groups: Sequence[PromptGroup]) -> Tensor:
        return head_outputs(self.model, *pad(_rows(groups), self.pad_id, self.device))


class TokenOutputs(Reading):
    """Of a token classifier: what its head says of each response's tokens, from its first, [R, T, classes].

    Nought beyond a response's end.
    """

    def packed(self, packing: Packing, hidden: Tensor, groups: Sequence[PromptGroup]) -> Tensor:
        core = self.core
        head = core.score if hasattr(core, "score") else core.classifier
        places = torch.cat([torch.arange(start, stop) for start, stop in packing.rows]).to(hidden.device)
        outputs: Tensor = head(hidden[places])
        lengths = [stop - start for start, stop in packing.rows]
        return pad_sequence(list(torch.split(exact(outputs), lengths)), batch_first=True)

    def padded(self, groups: Sequence[PromptGroup]) -> Tensor:
        outputs = token_outputs(self.model, *pad(_rows(groups), self.pad_id, self.device))
        starts = [len(group.prompt) for group in groups for _ in group.responses]
        ends = [len(row) for row in _rows(groups)]
        own = [row[start:end] for row, start, end in zip(outputs, starts, ends, strict=True)]
        return pad_sequence(own, batch_first=True)


def exact(values: Tensor) -> Tensor:
    """In float32, or as they are where they are finer: a sum of half-precision numbers is off by more than a margin."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def by_sum(sizes: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches whose sizes add up to at most `budget`, where one alone does not exceed it; longest first."""
    batches: list[list[int]] = []
    room = 0
    for index in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        if not batches or sizes[index] > room:
            batches.append([])
            room = budget
        batches[-1].append(index)
        room -= sizes[index]
    return batches


def _predicted(packing: Packing, groups: Sequence[PromptGroup]) -> tuple[Tensor, Tensor, list[int]]:
    """For each learnt token the place whose state foretells it [T] and the token [T]; how many each response has.

    A response's first token is foretold by the prompt's last; without a prompt by nothing.
    """
    before: list[int] = []
    wanted: list[int] = []
    counts = []
    learnt = [one for group in groups for one in (group.learnt or repeat(None, len(group.responses)))]
    for ((start, stop), (prompt, end)), kept in zip(_both(packing), learnt, strict=True):
        places = [place for place in range(start, stop) if kept is None or kept[place - start]]
        if prompt == end and places[:1] == [start]:
            places = places[1:]
        before += [end - 1 if place == start else place - 1 for place in places]
        wanted += places
        counts.append(len(places))
    device = packing.ids.device
    return torch.tensor(before, device=device), packing.ids[0, torch.tensor(wanted, device=device)], counts


def _both(packing: Packing) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return list(zip(packing.rows, packing.prompts, strict=True))


def _rows(groups: Sequence[PromptGroup]) -> list[list[int]]:
    return [[*group.prompt, *response] for group in groups for response in group.responses]


def longest(groups: Sequence[PromptGroup]) -> int:
    """Tokens of the longest prompt with one of its responses."""
    return max(len(one.prompt) + max(map(len, one.responses)) for group in groups for one in group.whole())


def _seen(groups: Sequence[PromptGroup], mask: Tensor) -> Tensor:
    """[R, T], false where a group hides a token from all others."""
    seen = torch.ones(mask.shape, dtype=torch.bool)
    row = 0
    for group in groups:
        if group.hidden is not None:
            seen[row, : len(group.hidden)] = ~torch.tensor(group.hidden)
        row += len(group.responses)
    return seen.to(mask.device)


def _learnt(groups: Sequence[PromptGroup], wanted: Tensor) -> Tensor:
    """[R, T], false where a group says that a token of a response is not learnt."""
    learnt = torch.ones(wanted.shape, dtype=torch.bool)
    row = 0
    for group in groups:
        for place in range(len(group.responses)):
            if group.learnt is not None:
                start, kept = len(group.prompt), group.learnt[place]
                learnt[row, start : start + len(kept)] = torch.tensor(kept)
            row += 1
    return learnt.to(wanted.device)


def _sample(vocabulary: int, pad_id: int) -> list[PromptGroup]:
    """Two groups of unlike lengths, drawn without touching the run's random numbers."""
    drawn = torch.Generator().manual_seed(1)
    known = [one for one in torch.randint(vocabulary, (64,), generator=drawn).tolist() if one != pad_id]
    return [
        PromptGroup(known[:7], [known[7:12], known[12:20]], 1.0),
        PromptGroup(known[20:23], [known[23:30], known[30:33], known[33:37]], 1.0),
    ]


def _sees_all(config: Any, longest: int) -> bool:
    """Whether every layer's attention reaches over the longest row."""
    text = config.get_text_config()
    window = getattr(text, "sliding_window", None)
    return not window or longest <= window


def _takes_packed_attention(core: Any) -> bool:
    try:
        core.set_attn_implementation(PACKED)
    except (ValueError, KeyError, NotImplementedError):
        return False
    return bool(core.config._attn_implementation == PACKED)
