"""A base and a reference that are not one model: in whose words a policy is asked, and how much both can read."""

from pathlib import Path
from typing import Any

import pytest

from lm.chat import encode
from lm.intact import UNLIMITED
from lm.loading import load_causal, load_reward_base, load_tokenizer, save
from tests.methods import small
from training_bridge.methods.dpo import METHOD as DPO
from training_bridge.methods.dpo import DPOConfig
from training_bridge.methods.interface import Cancelled, Refused
from training_bridge.methods.reward_model import METHOD as REWARD_MODEL
from training_bridge.methods.reward_model import RewardModelConfig
from training_bridge.trainer import rewarding, tuning

ENDED_BY_USER = {"eos_token": "<|user|>"}


def like(policy: Path, folder: Path, template: str = "", **told: Any) -> str:
    """The policy with another chat template, end token or greatest length."""
    loaded = load_causal(str(policy))
    for name, value in told.items():
        setattr(loaded.tokenizer, name, value)
    loaded.tokenizer.chat_template += template
    save(loaded, folder)
    return str(folder)


def groups_of(monkeypatch: pytest.MonkeyPatch, room: Path, pairs: Path, base: str, reference: str) -> Any:
    """What DPO is to learn from."""
    seen: list[Any] = []

    def stop(*given: Any) -> Any:
        seen.append(given[3])
        raise Cancelled

    monkeypatch.setattr(tuning, "fit", stop)
    given = {"base": small.base(base), "reference": small.base(reference), "snapshot": pairs}
    with pytest.raises(Cancelled):
        DPO.train(small.context(room, **given), DPOConfig(max_length=96))
    return seen[0]


def test_a_policy_is_taught_in_the_words_of_its_base_and_not_of_the_reference(
    policy: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = "{% if add_generation_prompt %}Good: {% endif %}"
    base = like(policy, tmp_path / "base", good, **ENDED_BY_USER)
    groups = groups_of(monkeypatch, tmp_path / "out", pairs, base, str(policy))
    tokenizer = load_causal(base).tokenizer
    assert all(tokenizer.decode(one.prompt).endswith("<|assistant|>Good: ") for one in groups)
    assert {row[-1] for one in groups for row in one.responses} == {tokenizer.convert_tokens_to_ids("<|user|>")}
    assert all(one.reference is not None for one in groups)


def test_no_more_is_read_than_the_shorter_of_base_and_reference_can(
    policy: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer, shorter = (like(policy, tmp_path / str(most), model_max_length=most) for most in (64, 20))
    for number, (base, reference) in enumerate([(longer, shorter), (shorter, longer)]):
        groups = groups_of(monkeypatch, tmp_path / f"out-{number}", pairs, base, reference)
        assert max(len(one.prompt) + len(row) for one in groups for row in one.responses) == 20


def test_base_and_reference_of_other_tokens_are_refused(policy: Path, pairs: Path, tmp_path: Path) -> None:
    loaded = load_causal(str(policy))
    loaded.tokenizer.add_tokens(["opens"])
    save(loaded, tmp_path / "other")
    given = {"base": small.base(str(policy)), "reference": small.base(str(tmp_path / "other")), "snapshot": pairs}
    with pytest.raises(Refused, match="different tokenizers"):
        DPO.train(small.context(tmp_path, **given), DPOConfig())


@pytest.mark.parametrize("backbone", ["causal", "encoder"])
def test_a_tokenizer_loaded_alone_is_that_of_the_model(backbone: str, policy: Path, tmp_path: Path) -> None:
    source = str(policy) if backbone == "causal" else str(small.encoder(tmp_path / "encoder"))
    alone, whole = load_tokenizer(source), load_reward_base(source).tokenizer
    assert alone.model_max_length == whole.model_max_length == (UNLIMITED if backbone == "causal" else 64)
    prompt, said = small.asked(1), [small.said(small.GOOD)]
    assert encode(alone, prompt, said, 96) == encode(whole, prompt, said, 96)


def test_a_base_is_loaded_once_for_a_reward_model(
    policy: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = rewarding.load_reward_base, list[str]()

    def loaded(source: str, **named: Any) -> Any:
        seen.append(source)
        return real(source, **named)

    monkeypatch.setattr(rewarding, "load_reward_base", loaded)
    context = small.context(tmp_path, base=small.base(str(policy)), snapshot=pairs)
    REWARD_MODEL.train(context, RewardModelConfig(batch_size=16, epochs=0.5))
    assert seen == [str(policy)]
