"""Losses and gradients against TRL's trainers, on the same weights and the very same tokens, where TRL is installed
(tests/conftest.py leaves this out elsewhere: the worked values of test_losses.py stand in for it).

`make test-trl` installs TRL into an environment of its own and runs this; the product never imports it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import trl

from common.plugs import load
from lm.loading import Loaded, load_causal, load_reward_base
from tests.methods import lessons, small
from training_bridge.methods import METHODS
from training_bridge.trainer import rewarding, tuning
from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.judged import read_snapshot
from training_bridge.trainer.rewarding import Rewarding
from training_bridge.trainer.tuning import Tuning, with_reference

DPO_FAMILY: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "dpo": ({"beta": 0.3}, "sigmoid", {"beta": 0.3}),
    "dpo_norm": ({"beta": 5.0}, "sigmoid_norm", {"beta": 5.0}),
    "rdpo": ({"beta": 0.3, "flip_rate": 0.2}, "robust", {"beta": 0.3, "label_smoothing": 0.2}),
    "hinge": ({"beta": 0.3}, "hinge", {"beta": 0.3}),
    "ipo": ({"beta": 0.3}, "ipo", {"beta": 0.3}),
}


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    return read_snapshot(lessons.snapshot(tmp_path / "judged", items=6), "train")


def hard(**config: Any) -> dict[str, Any]:
    """TRL knows neither weights nor soft labels nor ties."""
    return {"use_weights": False, "use_soft_labels": False, "max_length": 96, "token_budget": 256} | config


def moved(model: Any) -> Any:
    """The model a little away from where it was, so that it and its reference differ."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def without_ties(groups: list[PromptGroup]) -> list[PromptGroup]:
    kept = [replace(group, relations=[one for one in group.relations if one.soft != 0.5]) for group in groups]
    return [replace(group, weight=float(len(group.relations))) for group in kept]


def ours(objective: Any, groups: list[PromptGroup]) -> tuple[float, torch.Tensor]:
    """The step's loss and the gradient of all weights, as the trainer makes them."""
    model = objective.network
    model.zero_grad()
    objective.begin(model, groups, 0)
    total, weight = 0.0, objective.weight(groups)
    for piece in objective.pieces(groups):
        loss = objective.loss(model, piece)[0] / weight
        loss.backward()
        total += loss.item()
    return total, gradient(model)


def gradient(model: Any) -> torch.Tensor:
    return torch.cat([one.grad.flatten() for one in model.parameters() if one.grad is not None]).clone()


def theirs(trainer: Any, rows: list[dict[str, Any]]) -> tuple[float, torch.Tensor]:
    trainer.model.zero_grad()
    trainer.model.train()
    loss = trainer.compute_loss(trainer.model, trainer.data_collator(rows))
    loss.backward()
    return loss.item(), gradient(trainer.model)


def agree(one: tuple[float, torch.Tensor], other: tuple[float, torch.Tensor]) -> None:
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    assert one[1].shape == other[1].shape
    assert float((one[1] - other[1]).norm() / other[1].norm()) < 1e-4


def settings(kind: Any, room: Path, **given: Any) -> Any:
    return kind(
        output_dir=str(room), report_to=[], use_cpu=True, bf16=False, max_length=None, per_device_train_batch_size=64,
        gradient_checkpointing=False, disable_dropout=True, **given,
    )  # fmt: skip


def texts(*columns: str, **more: Any) -> Any:
    """A data set that TRL can prepare; what is compared is given as tokens, past it."""
    from datasets import Dataset

    row = {"prompt": small.asked(1)} | {name: small.said(small.GOOD) for name in columns} | more
    return Dataset.from_list([row, row])


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("key", DPO_FAMILY)
def test_the_dpo_family(key: str, policy: Path, judged: Any, tmp_path: Path) -> None:
    config, loss_type, arguments = DPO_FAMILY[key]
    method = load(METHODS, key, "method")
    set_up = method.Config(**hard(**config))
    reference = load_causal(str(policy))
    groups = without_ties(method.groups(reference.tokenizer, judged, set_up, 7))
    context = small.context(tmp_path / "out")
    groups = with_reference(context, set_up, method, tuning.network_of(reference, groups), groups, str(policy))
    trainer = trl.DPOTrainer(
        model=str(policy), ref_model=load_causal(str(policy)).model, processing_class=reference.tokenizer,
        args=settings(trl.DPOConfig, tmp_path / "trl", loss_type=[loss_type], **arguments),
        train_dataset=texts("chosen", "rejected"),
    )  # fmt: skip
    tuned = Loaded(moved(load_causal(str(policy)).model), reference.tokenizer)
    trainer.model.load_state_dict(tuned.model.state_dict())
    rows = [
        {
            "prompt_ids": group.prompt,
            "chosen_ids": group.responses[one.better],
            "rejected_ids": group.responses[one.worse],
        }
        for group in groups
        for one in group.relations
    ]
    agree(ours(Tuning(method, set_up, tuning.network_of(tuned, groups)), groups), theirs(trainer, rows))


def without_reference(kind: Any, config: Any, policy: Path, room: Path, pairs: list[PromptGroup], **given: Any) -> Any:
    """Loss and gradient of one of TRL's trainers that ask no reference, on the moved policy."""
    tokenizer = load_causal(str(policy)).tokenizer
    trainer = kind(
        model=load_causal(str(policy)).model, processing_class=tokenizer,
        args=settings(config, room, **given), train_dataset=texts("chosen", "rejected"),
    )  # fmt: skip
    trainer.model.load_state_dict(moved(load_causal(str(policy)).model).state_dict())
    rows = []
    for group in pairs:
        for one in group.relations:
            row = {"prompt_input_ids": group.prompt, "prompt_attention_mask": [1] * len(group.prompt)}
            for name, place in (("chosen", one.better), ("rejected", one.worse)):
                ids = [*group.prompt, *group.responses[place]]
                row |= {f"{name}_input_ids": ids, f"{name}_attention_mask": [1] * len(ids)}
                row |= {f"{name}_labels": [*[-100] * len(group.prompt), *group.responses[place]]}
            rows.append(row)
    return theirs(trainer, rows)


@pytest.mark.filterwarnings("default")
def test_simpo(policy: Path, judged: Any, tmp_path: Path) -> None:
    from trl.experimental.cpo import CPOConfig, CPOTrainer

    method = load(METHODS, "simpo", "method")
    set_up = method.Config(**hard(beta=2.0, gamma_ratio=0.4))
    tuned = load_causal(str(policy))
    groups = without_ties(method.groups(tuned.tokenizer, judged, set_up, 7))
    tuned = Loaded(moved(tuned.model), tuned.tokenizer)
    agree(
        ours(Tuning(method, set_up, tuning.network_of(tuned, groups)), groups),
        without_reference(
            CPOTrainer, CPOConfig, policy, tmp_path, groups, loss_type="simpo", cpo_alpha=0.0, beta=2.0, simpo_gamma=0.8
        ),
    )


@pytest.mark.filterwarnings("default")
def test_the_odds_ratio_of_orpo(policy: Path, judged: Any, tmp_path: Path) -> None:
    """TRL learns the prompt by heart as well, the paper the response alone: what a second lambda adds is the same."""
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    method, found = load(METHODS, "orpo", "method"), []
    for weight in (1.0, 2.0):
        set_up, tuned = method.Config(**hard(ratio_weight=weight)), load_causal(str(policy))
        groups = without_ties(method.groups(tuned.tokenizer, judged, set_up, 7))
        tuned = Loaded(moved(tuned.model), tuned.tokenizer)
        one = ours(Tuning(method, set_up, tuning.network_of(tuned, groups)), groups)
        other = without_reference(ORPOTrainer, ORPOConfig, policy, tmp_path, groups, beta=weight)
        found.append((one, other))
    (one, other), (one_more, other_more) = found
    agree((one_more[0] - one[0], one_more[1] - one[1]), (other_more[0] - other[0], other_more[1] - other[1]))


@pytest.mark.filterwarnings("default")
def test_kto(policy: Path, judged: Any, tmp_path: Path) -> None:
    method = load(METHODS, "kto", "method")
    set_up = method.Config(**hard(beta=0.3, bad_weight=1.5))
    reference = load_causal(str(policy))
    groups = method.groups(reference.tokenizer, judged, set_up, 7)
    # TRL has one mismatched response for each judged one, ours one for each prompt: let there be one of each.
    groups = [replace(group, thumbs=group.thumbs[place % 2 :][:1], weight=1.0) for place, group in enumerate(groups)]
    context = small.context(tmp_path / "out")
    groups = with_reference(context, set_up, method, tuning.network_of(reference, groups), groups, str(policy))
    trainer = trl.KTOTrainer(
        model=str(policy), ref_model=load_causal(str(policy)).model, processing_class=reference.tokenizer,
        args=settings(trl.KTOConfig, tmp_path / "trl", beta=0.3, undesirable_weight=1.5),
        train_dataset=texts("completion", label=True),
    )  # fmt: skip
    tuned = Loaded(moved(load_causal(str(policy)).model), reference.tokenizer)
    trainer.model.load_state_dict(tuned.model.state_dict())
    rows = [
        {
            "prompt_ids": group.prompt,
            "completion_ids": group.responses[group.thumbs[0].response],
            "KL_completion_ids": group.beside[0].responses[0],
            "label": group.thumbs[0].soft > 0.5,
        }
        for group in groups
    ]
    agree(ours(Tuning(method, set_up, tuning.network_of(tuned, groups)), groups), theirs(trainer, rows))


@pytest.mark.filterwarnings("default")
def test_the_reward_model_with_margin_and_centering(policy: Path, judged: Any, tmp_path: Path) -> None:
    method = load(METHODS, "reward_model", "method")
    set_up = method.Config(**hard(margin_per_strength=0.5, centering=0.01))
    loaded = load_reward_base(str(policy))
    groups = without_ties(method.groups(loaded.tokenizer, judged, set_up, 7))
    trainer = trl.RewardTrainer(
        model=str(policy), processing_class=loaded.tokenizer,
        args=settings(trl.RewardConfig, tmp_path / "trl", center_rewards_coefficient=0.01),
        train_dataset=texts("chosen", "rejected"),
    )  # fmt: skip
    trainer.model.load_state_dict(loaded.model.state_dict())
    rows = [
        {
            "chosen_ids": [*group.prompt, *group.responses[one.better]],
            "rejected_ids": [*group.prompt, *group.responses[one.worse]],
            "margin": 0.5 * one.strength,
        }
        for group in groups
        for one in group.relations
    ]
    agree(
        ours(Rewarding(method, set_up, rewarding.network_of(loaded, groups, by_token=False)), groups),
        theirs(trainer, rows),
    )
