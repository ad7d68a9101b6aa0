"""Heads trained alone: what comes out is what a body that does not move would have come to."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from common.plugs import load
from lm.chat import encode
from lm.heads import reading_of
from lm.loading import load_reward
from lm.scoring import output_layer, score
from tests.methods import lessons, small
from training_bridge.evaluation.measuring import scores
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Cancelled, Refused
from training_bridge.methods.reward_model import METHOD as REWARD_MODEL
from training_bridge.trainer import rewarding

SMALL = {"learning_rate": 1e-2, "epochs": 4, "batch_size": 8, "max_length": 64, "trains": "head"}
EACH: list[tuple[str, dict[str, Any]]] = [
    ("reward_model", {}),
    ("reward_model", {"ties": "davidson"}),
    ("reward_ranking", {}),
    ("reward_thumbs", {}),
    ("reward_ensemble", {"members": 3}),
    ("reward_spans", {"segments": "token"}),
]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lessons.snapshot(tmp_path_factory.mktemp("judged"))


def trained(key: str, room: Path, base: Path, judged: Path, **config: Any) -> tuple[Any, list[Any]]:
    method, reports = load(METHODS, key, "method"), list[tuple[str, Any]]()
    context = small.context(room, base=small.base(str(base)), snapshot=judged, reports=reports)
    return method.train(context, method.Config(**(SMALL | config))), small.losses(reports)


def with_a_frozen_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body of every model from now on takes no gradient: the code that trains the whole model moves the head."""
    real = rewarding.load_reward_base

    def loaded(*given: Any, **named: Any) -> Any:
        found = real(*given, **named)
        found.model.requires_grad_(False)
        output_layer(found.model).requires_grad_(True)
        return found

    monkeypatch.setattr(rewarding, "load_reward_base", loaded)


@pytest.mark.parametrize("backbone", ["causal", "encoder"])
@pytest.mark.parametrize(("key", "config"), EACH, ids=[f"{key}{[*config.values()]}" for key, config in EACH])
def test_a_head_alone_learns_what_it_would_on_a_body_that_does_not_move(
    key: str, config: dict[str, Any], backbone: str, policy: Path, judged: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    base = policy if backbone == "causal" else small.encoder(tmp_path / "encoder")
    alone, curve = trained(key, tmp_path / "alone", base, judged, **config)
    with_a_frozen_body(monkeypatch)
    whole, expected = trained(key, tmp_path / "whole", base, judged, **config, trains="whole")
    assert [step[1:] for step in curve] == [pytest.approx(step[1:], rel=1e-3, abs=1e-5) for step in expected]
    one, other = (load_file(Path(made.model.path) / "model.safetensors") for made in (alone, whole))
    assert one.keys() == other.keys()
    for name in one.keys() - {"classifier.bias"}:  # it has no gradient in pairs: Adam makes a walk of rounding errors
        torch.testing.assert_close(one[name], other[name], rtol=1e-3, atol=1e-4)
    load_reward(alone.model.path)


def test_the_body_is_read_once_and_a_checkpoint_holds_the_head_alone(
    policy: Path, judged: Path, tmp_path: Path
) -> None:
    config = REWARD_MODEL.Config(**SMALL, checkpoint_every=1)
    given = {"base": small.base(str(policy)), "snapshot": judged}
    whole = REWARD_MODEL.train(small.context(tmp_path / "one", **given), config)
    seen: list[int] = []
    reports: list[Any] = []
    halted = small.context(
        tmp_path / "two", **given, reports=reports, metrics=lambda step, _values: seen.append(step),
        stop_requested=lambda: len(seen) >= 3,
    )  # fmt: skip
    with pytest.raises(Cancelled):
        REWARD_MODEL.train(halted, config)
    checkpoint = [value for kind, value in reports if kind == "saved"][-1]
    kept = load_file(Path(checkpoint["path"]) / "model.safetensors")
    assert list(kept) == ["model.weight"]
    rest = REWARD_MODEL.train(small.context(tmp_path / "two", **given, checkpoint=checkpoint), config)
    assert rest.values == whole.values
    one, other = ((Path(made.model.path) / "model.safetensors").read_bytes() for made in (whole, rest))
    assert one == other


@pytest.mark.parametrize("backbone", ["causal", "encoder"])
@pytest.mark.parametrize(("key", "config"), [("reward_model", {}), ("reward_ensemble", {"members": 3})])
def test_a_head_may_read_the_mean_of_a_layer_and_is_scored_as_it_was_trained(
    key: str, config: dict[str, Any], backbone: str, policy: Path, judged: Path, tmp_path: Path
) -> None:
    base = policy if backbone == "causal" else small.encoder(tmp_path / "encoder")
    made, curve = trained(key, tmp_path / "one", base, judged, **config, layer=1, epochs=8)
    assert curve[-1][1] < curve[0][1]
    loaded = load_reward(made.model.path)
    assert reading_of(loaded.model)["layer"] == 1
    asked = [(small.asked(2), small.said(text)) for text in (small.GOOD, small.BAD)]
    found = score(loaded, asked)
    assert found[0] > found[1] and scores(loaded, asked, max_length=64)[0] == pytest.approx(found, abs=1e-5)
    if key == "reward_model":
        weight = output_layer(loaded.model).weight[0].detach()
        for (prompt, response), reward in zip(asked, found, strict=True):
            tokens = encode(loaded.tokenizer, prompt, [response], 64)
            ids = torch.tensor([[*tokens.prompt, *tokens.responses[0]]])
            with torch.no_grad():
                states = loaded.model.base_model(input_ids=ids, output_hidden_states=True).hidden_states[1][0]
            bias = output_layer(loaded.model).bias
            bias = 0.0 if bias is None else float(bias.detach()[0])
            by_hand = states[len(tokens.prompt) :].mean(0) @ weight + bias
            assert reward == pytest.approx(float(by_hand), abs=1e-5)


def test_a_layer_that_there_is_not_is_refused_and_so_is_one_of_a_whole_model(
    policy: Path, judged: Path, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="has 2 layers"):
        trained("reward_model", tmp_path, policy, judged, layer=3)
    with pytest.raises(ValueError, match="trained alone"):
        REWARD_MODEL.Config(layer=1)
