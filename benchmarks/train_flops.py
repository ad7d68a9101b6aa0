"""How much arithmetic a step needs, and how fast this machine does nothing but that: its own matrix products.

Counted is what the model's definition asks for: the products of layers and attention with what each token may see, a
prompt once for all its responses, the language-model head where a response's token is foretold, and twice as much for
the gradients. What is padded, or computed a second time to save memory, is not counted: it is cost and no use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.train_setting import SHAPES
from benchmarks.train_turns import Turns
from training_bridge.trainer.groups import PromptGroup

PASSES = 3  # the forward product, and one each for the gradients of its input and of its weights
FROZEN = 2  # weights that learn nothing want no gradient


@dataclass(frozen=True)
class Product:
    """`rows` by `inputs` times `inputs` by `outputs`, so many `times` in a step."""

    rows: int
    inputs: int
    outputs: int
    times: int
    passes: int = PASSES

    @property
    def flops(self) -> int:
        return 2 * self.rows * self.inputs * self.outputs * self.times * self.passes


@dataclass(frozen=True)
class Work:
    """What one step needs: the products of its layers, and FLOPs of attention."""

    products: tuple[Product, ...]
    attention: int

    @property
    def flops(self) -> int:
        return self.attention + sum(one.flops for one in self.products)


def work_of(shape: str, task: str, groups: Sequence[PromptGroup], *, frozen: bool = False) -> Work:
    """A step over these groups, each prompt read once. `frozen`: an adapter learns, itself not counted."""
    config: Any = SHAPES[shape]
    prompts = [len(group.prompt) for group in groups]
    own = [sum(map(len, group.responses)) for group in groups]
    tokens, foretold = sum(prompts) + sum(own), sum(own)
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    hidden, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    heads, key_heads = config.num_attention_heads * size, config.num_key_value_heads * size
    products = [
        Product(tokens, hidden, heads, layers),
        Product(tokens, hidden, key_heads, 2 * layers),
        Product(tokens, heads, hidden, layers),
        Product(tokens, hidden, inner, 2 * layers),
        Product(tokens, inner, hidden, layers),
    ]
    if task == "dpo":
        products.append(Product(foretold, hidden, config.vocab_size, 1))
    seen = sum(
        length * (length + 1) // 2
        + sum(len(answer) * length + len(answer) * (len(answer) + 1) // 2 for answer in group.responses)
        for length, group in zip(prompts, groups, strict=True)
    )
    if frozen:
        products = [replace(one, passes=FROZEN) for one in products]
    return Work(tuple(products), 2 * 2 * seen * heads * layers * PASSES)


def work(spec: Mapping[str, Any]) -> None:
    """In place of a step: the products of the step's shapes, forward and for both gradients, and nothing else.

    Rows are cut as a step cuts them; each shape is run once and counted as often as it stands in a step.
    """
    turns = Turns(spec["device"])
    products = [Product(*one) for one in spec["products"]]
    rows = min(spec["rows"], max(one.rows for one in products))
    places = [
        (one, torch.randn(rows, one.inputs), torch.randn(one.outputs, one.inputs), torch.randn(rows, one.outputs))
        for one in products
    ]
    turns.ready()
    while True:
        seconds = 0.0
        for one, given, weight, slope in places:
            began = turns.clock()
            torch.mm(given, weight.t())
            torch.mm(slope, weight)
            torch.mm(slope.t(), given)
            seconds += (turns.clock() - began) * one.times * one.rows / rows
        turns.stepped(seconds)
