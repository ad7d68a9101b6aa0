"""Whether a folder holds what it promises: all weights, a tokenizer of theirs, a length to cut to, and says numbers."""

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.modeling_utils import PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.errors import DomainError, Invalid
from common.words import gettext_noop as _
from lm.safety import UnsafeModel

UNLIMITED = 1 << 40
LEAST_LENGTH = 8
"""Tokens of prompt and response, the least that a method can be told."""


@contextmanager
def told_of(source: str) -> Iterator[None]:
    """Whatever transformers stumbles over in a folder is said of the folder, as UnsafeModel.

    Not OSError (there is none) and RuntimeError (memory runs out by it).
    """
    try:
        yield
    except (OSError, RuntimeError, MemoryError, DomainError):
        raise
    except Exception as fault:
        said = _("%(source)s cannot be loaded. %(kind)s: %(fault)s")
        raise UnsafeModel(said % {"source": source, "kind": type(fault).__name__, "fault": fault}) from fault


def check_weights(source: str, model: PreTrainedModel, lacking: Set[str], *, fresh_head: bool) -> None:
    """Raises UnsafeModel where the body, or a head that is not to be drawn, would be random: transformers only warns.

    `lacking`: tensors that the files do not have, or in another shape. A pooler belongs to the head, wherever it is.
    """
    body = "" if model.base_model is model else f"{model.base_model_prefix}."
    drawn = {one for one in lacking if "pooler." in one or not one.startswith(body)} if fresh_head else set()
    if lost := sorted(lacking - drawn):
        said = _(
            "The weights of %(source)s are not those that its configuration tells of: %(count)s tensors are missing or "
            "of another shape, %(name)s among them."
        )
        raise UnsafeModel(said % {"source": source, "count": len(lost), "name": lost[0]})


def check_vocabulary(source: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raises Invalid where there are no words, or some would be looked up past the end of the embedding.

    transformers makes up an empty tokenizer where a folder has none. Tokens that were added to a vocabulary do not
    count: published tokenizers name some that no text has.
    """
    embedding, tokens = model.get_input_embeddings(), tokenizer.vocab_size
    if tokens < 2:
        raise Invalid(_("%(source)s has no tokenizer that knows any words.") % {"source": source})
    if isinstance(embedding, nn.Embedding) and tokens > embedding.num_embeddings:
        raise Invalid(
            _(
                "The tokenizer of %(source)s knows %(tokens)s tokens and its model only %(known)s: "
                "they do not belong together."
            )
            % {"source": source, "tokens": tokens, "known": embedding.num_embeddings}
        )


def read_at_most(source: str, tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens that its model reads, as the tokenizer says. Raises Invalid for what nothing can be cut to."""
    most: Any = tokenizer.model_max_length
    if not isinstance(most, int | float) or not most >= LEAST_LENGTH:
        said = _("The tokenizer of %(source)s says that its model reads %(most)s tokens at most: that is no length.")
        raise Invalid(said % {"source": source, "most": repr(most)})
    return int(min(most, UNLIMITED))


def check_numbers(told: Tensor | NDArray[np.float64] | Sequence[float]) -> None:
    """Raises Invalid where a log-probability of a policy is no number, which only happens to damaged weights."""
    if not torch.as_tensor(told).isfinite().all():
        raise Invalid(_("The policy's log-probabilities are no numbers: its weights are damaged."))
