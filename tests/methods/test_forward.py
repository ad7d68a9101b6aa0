"""Groups in one packed row give what each response gives in a row of its own; a model that cannot is padded."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    BloomConfig,
    Gemma2Config,
    GPT2Config,
    MistralConfig,
    Qwen2Config,
    RobertaConfig,
)

from training_bridge.trainer.forward import PooledOutputs, Reading, ResponseLogps, TokenLogps, TokenOutputs
from training_bridge.trainer.groups import PromptGroup

SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 90}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 90, "resid_pdrop": 0, "attn_pdrop": 0, "embd_pdrop": 0}
BLOOM = {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 90}
CONFIGS: dict[str, Any] = {
    "qwen2": lambda: Qwen2Config(**SHAPE, num_key_value_heads=2, pad_token_id=0),
    "mistral": lambda: MistralConfig(**SHAPE, num_key_value_heads=2, pad_token_id=0, sliding_window=16),
    "gpt2": lambda: GPT2Config(**GPT2, pad_token_id=0),
    "gemma2": lambda: Gemma2Config(**SHAPE, num_key_value_heads=2, head_dim=8, pad_token_id=0),
    "bent": lambda: Gemma2Config(
        **SHAPE, num_key_value_heads=2, head_dim=8, pad_token_id=0, attn_logit_softcapping=None
    ),
    "bloom": lambda: BloomConfig(**BLOOM, pad_token_id=0),
    "bert": lambda: BertConfig(**SHAPE, pad_token_id=0),
    "roberta": lambda: RobertaConfig(**SHAPE, pad_token_id=1),
}
AUTO: dict[str, Any] = {
    "lm": AutoModelForCausalLM,
    "logps": AutoModelForCausalLM,
    "pooled": AutoModelForSequenceClassification,
    "tokens": AutoModelForTokenClassification,
}
READINGS: dict[str, type[Reading]] = {
    "lm": ResponseLogps,
    "logps": TokenLogps,
    "pooled": PooledOutputs,
    "tokens": TokenOutputs,
}

tokens = st.lists(st.integers(2, 89), min_size=1, max_size=9)
groups = st.lists(
    st.builds(
        lambda prompt, responses: PromptGroup(prompt, responses, 1.0), tokens, st.lists(tokens, min_size=1, max_size=4)
    ),
    min_size=1,
    max_size=4,
)


def reading(of: str, kind: str, most: int = 16) -> Reading:
    torch.manual_seed(3)
    config = CONFIGS[of]()
    made = AUTO[kind].from_config(config).eval()
    network = READINGS[kind](made, pad_id=config.pad_token_id)
    network.choose(most)
    return network


@pytest.mark.parametrize(
    ("of", "form"),
    [
        ("qwen2", "shared"),
        ("gpt2", "shared"),
        ("mistral", "shared"),
        ("gemma2", "padded"),
        ("bent", "padded"),
        ("bloom", "padded"),
    ],
)
def test_a_causal_model_shares_prompts_where_its_attention_allows_it(of: str, form: str) -> None:
    assert reading(of, "lm").form == form


def test_rows_longer_than_a_models_window_are_padded() -> None:
    assert reading("mistral", "lm", most=17).form == "padded"


@pytest.mark.parametrize("of", ["bert", "roberta"])
@pytest.mark.parametrize("kind", ["pooled", "tokens"])
def test_an_encoder_packs_without_sharing_as_its_prompts_see_the_response(of: str, kind: str) -> None:
    assert reading(of, kind).form == "packed"


def test_a_padded_model_keeps_the_attention_it_came_with() -> None:
    before = AutoModelForCausalLM.from_config(CONFIGS["gemma2"]()).config._attn_implementation
    assert reading("gemma2", "lm").core.config._attn_implementation == before


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        ("qwen2", "lm"),
        ("qwen2", "logps"),
        ("qwen2", "pooled"),
        ("qwen2", "tokens"),
        ("gpt2", "lm"),
        ("bert", "pooled"),
        ("roberta", "tokens"),
    ],
)
@settings(max_examples=12, deadline=None)
@given(items=groups)
def test_packed_groups_give_what_rows_of_their_own_give(of: str, kind: str, items: list[PromptGroup]) -> None:
    """Values and gradients, for groups of any lengths, alone or together."""
    network = reading(of, kind)
    assert network.form != "padded"
    found, gradients = _asked(network, items)
    network.form = "padded"
    wanted, expected = _asked(network, items)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def _asked(network: Reading, items: list[PromptGroup]) -> tuple[torch.Tensor, list[torch.Tensor]]:
    found = network(items)
    weights = torch.linspace(-1, 2, found.numel()).view(found.shape)
    wanted = [one for one in network.parameters() if one.requires_grad]
    gradients = torch.autograd.grad((found * weights).sum(), wanted, allow_unused=True)
    return found.detach(), [torch.zeros(()) if one is None else one for one in gradients]


@pytest.mark.parametrize("form", ["shared", "packed", "padded"])
def test_only_learnt_tokens_count_and_nothing_foretells_a_first_token_without_a_prompt(form: Any) -> None:
    network = reading("qwen2", "lm")
    network.form = form
    part = PromptGroup([5, 6], [[7, 8, 9], [4, 3]], 1.0, learnt=[[True, False, True], [False, False]])
    whole = PromptGroup([5, 6], [[7, 8, 9], [4, 3]], 1.0)
    promptless = PromptGroup([], [[5, 6, 7]], 1.0)
    logits = torch.log_softmax(network.core(torch.tensor([[5, 6, 7, 8, 9]])).logits[0].detach(), -1)
    some, none, all_of_it, _, rest = network([part, whole, promptless]).tolist()
    assert some == pytest.approx(float(logits[1, 7] + logits[3, 9]), abs=1e-5)
    assert none == 0.0
    assert all_of_it == pytest.approx(float(logits[1, 7] + logits[2, 8] + logits[3, 9]), abs=1e-5)
    assert rest == pytest.approx(float(logits[0, 6] + logits[1, 7]), abs=1e-5)


def test_a_batch_holds_what_its_form_costs() -> None:
    """Six tokens of prompt, thrice two of response: shared 12, packed 24, padded 24 in three rows."""
    network = reading("qwen2", "lm")
    items = [[PromptGroup([9] * 6, [[9] * 2] * 3, 1.0)] for _ in range(4)]
    for form, batches in (("shared", 2), ("packed", 4), ("padded", 4)):
        network.form = form  # type: ignore[assignment]
        assert len(network.batches(items, 24)) == batches
