"""Training heads alone: a frozen body says the same of a response at every step, so each response is read once.

What is kept of a response is what goes into the last layer: H numbers, or H for each of its tokens where the head
speaks of tokens. The result is that of training the whole model with a body that does not move. Or it is the mean state
of a chosen layer over the response, each of its H numbers put on one scale; the scale ends up in the head's weights,
which begin at nought: by chance they would say something of every response that a few pairs do not unsay.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b

import torch
from torch import Tensor, nn

from lm.batching import by_budget, pad
from lm.loading import Loaded
from lm.scoring import features, mean_states, output_layer, token_features
from training_bridge.trainer.forward import Network
from training_bridge.trainer.groups import PromptGroup

Key = tuple[int, bytes]
Read = Callable[[nn.Module, Tensor, Tensor, Tensor], Iterable[Tensor]]
"""Of rows of tokens, their mask and where their responses begin: one tensor for each row."""


class Head(Network):
    """The last layer of a model, over what its body made of some groups' responses. Only the layer is a parameter."""

    def __init__(
        self,
        loaded: Loaded,
        groups: Sequence[PromptGroup],
        *,
        token_budget: int,
        by_token: bool = False,
        layer: int = 0,
    ) -> None:
        super().__init__(output_layer(loaded.model), pad_id=loaded.model.config.pad_token_id)
        read = _by_token if by_token else partial(_of_layer, layer=layer) if layer else _pooled
        self._read = _read(loaded, groups, token_budget, read)
        self.layer = layer
        self._scale: Tensor | None = None
        if layer:
            spread = torch.stack(list(self._read.values())).std(0, correction=0)
            self._scale = 1 / spread.clamp(min=1e-6)
            self._read = {key: states * self._scale for key, states in self._read.items()}
            for weights in self.model.parameters():
                nn.init.zeros_(weights)

    def settle(self) -> None:
        """Puts the scale into the weights: from here on they are those of a head over the states as they are."""
        if self._scale is not None:
            assert isinstance(self.model, nn.Linear)
            with torch.no_grad():
                self.model.weight.mul_(self._scale)
            self._read, self._scale = {}, None

    def forward(self, groups: Sequence[PromptGroup]) -> Tensor:
        """[R, heads], or [R, T, classes] from each response's first token on, in float32."""
        found = [self._read[key] for key, _ids in _rows(groups)]
        stacked = nn.utils.rnn.pad_sequence(found, batch_first=True) if found[0].ndim == 2 else torch.stack(found)
        said: Tensor = self.model(stacked)
        return said.float()


@torch.no_grad()
def _read(loaded: Loaded, groups: Sequence[PromptGroup], budget: int, read: Read) -> dict[Key, Tensor]:
    """Key of a response → what is `read` of it. The same response to the same prompt is read once."""
    rows = dict(_rows(groups))
    keys, ids = list(rows), list(rows.values())
    found: dict[Key, Tensor] = {}
    for batch in by_budget([len(one) for one in ids], budget):
        padded = pad([ids[index] for index in batch], loaded.model.config.pad_token_id, loaded.device)
        starts = torch.tensor([keys[index][0] for index in batch], device=loaded.device)
        found |= zip((keys[index] for index in batch), read(loaded.model, *padded, starts), strict=True)
    return found


def _pooled(model: nn.Module, ids: Tensor, mask: Tensor, starts: Tensor) -> Iterable[Tensor]:
    return features(model, ids, mask)


def _of_layer(model: nn.Module, ids: Tensor, mask: Tensor, starts: Tensor, *, layer: int) -> Iterable[Tensor]:
    return mean_states(model, ids, mask, starts, layer)


def _by_token(model: nn.Module, ids: Tensor, mask: Tensor, starts: Tensor) -> Iterable[Tensor]:
    ends = mask.sum(1).tolist()
    states = token_features(model, ids, mask)
    return [own[start:end].clone() for own, start, end in zip(states, starts.tolist(), ends, strict=True)]


def _rows(groups: Sequence[PromptGroup]) -> Iterator[tuple[Key, list[int]]]:
    for group in groups:
        for response in group.responses:
            ids = [*group.prompt, *response]
            yield (len(group.prompt), blake2b(array("q", ids).tobytes(), digest_size=16).digest()), ids
