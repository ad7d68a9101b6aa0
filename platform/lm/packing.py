"""Prompt groups as one row of tokens without padding, each prompt read once for all its responses.

The row holds, group after group, the prompt and then its responses. A response sees its prompt and itself and its
positions go on from the prompt's, so every token's state is what it would be in a row of its own. It needs attention
that knows of the packing: it is registered with transformers under `PACKED` and handed on through the models' keyword
arguments; without a packing it is transformers' own SDPA attention.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

PACKED = "prefloop_packed"
CHANGES_ATTENTION = ("softcap", "s_aux", "position_bias", "cache")
"""Keyword arguments of attention functions that this one does not carry out: a model that gives one is padded."""


@dataclass(frozen=True)
class Segment:
    """Tokens `start` to `stop` (exclusive) of the row; they see themselves and those from `prompt` to `prompt_end`."""

    start: int
    stop: int
    prompt: int = 0
    prompt_end: int = 0


@dataclass(frozen=True)
class Packing:
    """`ids` and `positions` [1, N] and the segments that N tokens fall into.

    `rows`: for each response the (start, stop) of its own tokens; `prompts`: likewise of the prompt it follows.
    """

    ids: Tensor
    positions: Tensor
    segments: tuple[Segment, ...]
    rows: tuple[tuple[int, int], ...]
    prompts: tuple[tuple[int, int], ...]

    def inputs(self) -> dict[str, Any]:
        """Keyword arguments for a transformers model whose attention is `PACKED`.

        The mask is one that transformers takes for finished, else it would build one of [N, N] that nobody reads.
        """
        finished = torch.zeros((1, 1, 1, 1), dtype=torch.bool, device=self.ids.device)
        return {
            "input_ids": self.ids,
            "position_ids": self.positions,
            "attention_mask": finished,
            "use_cache": False,
            "packing": self,
        }

    @cached_property
    def keys(self) -> Tensor | None:
        """Which tokens are each segment's keys, one after another; None where these are the row itself."""
        if not any(one.prompt_end for one in self.segments):
            return None
        places = [
            place
            for one in self.segments
            for place in (*range(one.prompt, one.prompt_end), *range(one.start, one.stop))
        ]
        return torch.tensor(places, device=self.ids.device)

    @cached_property
    def query_bounds(self) -> Tensor:
        """Where each segment's queries begin, [S + 1] (int32)."""
        return self._bounds(one.stop - one.start for one in self.segments)

    @cached_property
    def key_bounds(self) -> Tensor:
        """Where each segment's keys begin, [S + 1] (int32)."""
        return self._bounds(one.stop - one.start + one.prompt_end - one.prompt for one in self.segments)

    @cached_property
    def longest(self) -> tuple[int, int]:
        """The most queries and the most keys of a segment."""
        queries = [one.stop - one.start for one in self.segments]
        keys = [own + one.prompt_end - one.prompt for own, one in zip(queries, self.segments, strict=True)]
        return max(queries), max(keys)

    @cached_property
    def masks(self) -> dict[Segment, Tensor]:
        """For each segment with a prompt what its tokens see, [own, prompt + own] (bool)."""
        after = [one for one in self.segments if one.prompt_end]
        before = max((one.prompt_end - one.prompt for one in after), default=0)
        own = max((one.stop - one.start for one in after), default=0)
        seen = torch.ones((own, before + own), dtype=torch.bool, device=self.ids.device).tril(before)
        found = {}
        for one in after:
            length = one.stop - one.start
            found[one] = seen[:length, before - (one.prompt_end - one.prompt) : before + length]
        return found

    def _bounds(self, lengths: Iterable[int]) -> Tensor:
        ends = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
        return ends.to(self.ids.device)


def pack(
    groups: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]],
    device: torch.device | str,
    *,
    share: bool = True,
    first: int = 0,
) -> Packing:
    """Packs (prompt, responses) groups. Without `share` each response brings a copy of its prompt along.

    `first`: the position of a row's first token.
    """
    ids: list[int] = []
    positions: list[int] = []
    segments, rows, prompts = [], [], []

    def add(read: Sequence[int], place: int) -> tuple[int, int]:
        start = len(ids)
        ids.extend(read)
        positions.extend(range(first + place, first + place + len(read)))
        return start, len(ids)

    for prompt, responses in groups:
        if share:
            shared = add(prompt, 0)
            segments += [Segment(*shared)] if prompt else []
        for response in responses:
            if not share:
                shared = add(prompt, 0)
            own = add(response, len(prompt))
            if share:
                segments += [Segment(*own, *(shared if prompt else (0, 0)))] if response else []
            else:
                segments.append(Segment(shared[0], own[1]))
            rows.append(own)
            prompts.append(shared)
    tokens, places = (torch.tensor([numbers], device=device) for numbers in (ids, positions))
    return Packing(tokens, places, tuple(segments), tuple(rows), tuple(prompts))


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    packing: Packing | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention of `query` [1, A, N, H], `key` and `value` [1, B, N, H] for A heads and B of keys; gives [1, N, A, H].

    Raises NotImplementedError where a model asks for what a packed row cannot give.
    """
    if packing is None:
        found: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
        return found
    causal = getattr(module, "is_causal", True)
    window = others.get("sliding_window")
    asked = [name for name in CHANGES_ATTENTION if others.get(name) is not None]
    if asked or dropout or (window and window < packing.longest[1]) or (packing.keys is not None and not causal):
        raise NotImplementedError(f"packed attention without {asked or 'dropout, windows or sight of what follows'}")
    if query.is_cuda and torch.is_autocast_enabled("cuda"):  # which does not know the kernel below
        dtype = torch.get_autocast_dtype("cuda")
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16):
        return _varlen(query, key, value, packing, scaling, causal), None
    return _by_segment(query, key, value, packing, scaling, causal), None


def _by_segment(
    query: Tensor, key: Tensor, value: Tensor, packing: Packing, scaling: float | None, causal: bool
) -> Tensor:
    """Cut by one `split` each: a slice a segment would fill a whole row with noughts for each one's gradient."""
    grouped = query.shape[1] != key.shape[1]
    lengths = [one.stop - one.start for one in packing.segments]
    places = {one.start: place for place, one in enumerate(packing.segments)}
    queries, all_keys, all_values = (torch.split(one, lengths, 2) for one in (query, key, value))
    parts = []
    for place, one in enumerate(packing.segments):
        keys, values, mask = all_keys[place], all_values[place], None
        if one.prompt_end:
            prompt = places[one.prompt]
            keys, values = torch.cat([all_keys[prompt], keys], 2), torch.cat([all_values[prompt], values], 2)
            mask = packing.masks[one]
        parts.append(
            scaled_dot_product_attention(
                queries[place],
                keys,
                values,
                mask,
                is_causal=causal and mask is None,
                scale=scaling,
                enable_gqa=grouped,
            )
        )
    return torch.cat(parts, 2).transpose(1, 2)


def _varlen(query: Tensor, key: Tensor, value: Tensor, packing: Packing, scaling: float | None, causal: bool) -> Tensor:
    """One kernel for all segments; a causal one of fewer queries than keys lines their ends up, as is wanted here."""
    from torch.nn.attention.varlen import varlen_attn

    queries, keys, values = (one[0].transpose(0, 1) for one in (query, key, value))
    if packing.keys is not None:
        keys, values = (one.index_select(0, packing.keys) for one in (keys, values))
    most_queries, most_keys = packing.longest
    found = varlen_attn(
        queries,
        keys,
        values,
        packing.query_bounds,
        packing.key_bounds,
        most_queries,
        most_keys,
        scale=scaling,
        window_size=(-1, 0) if causal else (-1, -1),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(found, Tensor)  # no auxiliary output was asked for
    return found[None]


AttentionInterface.register(PACKED, packed_attention)
AttentionMaskInterface.register(PACKED, sdpa_mask)
