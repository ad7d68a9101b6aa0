"""The objectives against formulas.md's worked values, finite differences and their own sign."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from training_bridge.methods.losses import bradley_terry, dpo

# Fixture R of formulas.md section 1: rewards; fixture P: log-ratios s(y_w), s(y_l).
R = (torch.tensor([1.2], dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64))
P = (torch.tensor([1.0], dtype=torch.float64), torch.tensor([-0.5], dtype=torch.float64))


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        ({}, 0.403186),
        ({"margin": 1.0}, 0.854355),
        ({"margin": 1 / 3}, 0.526526),
        ({"centering": 0.01}, 0.432086),
        ({"soft": 0.8}, 0.543186),
    ],
)
def test_bradley_terry_gives_the_published_values(settings: dict[str, float], value: float) -> None:
    assert bradley_terry(*R, **settings).item() == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(("smoothing", "value"), [(0.0, 0.620957), (0.1, 0.635957)])
def test_dpo_gives_the_published_values(smoothing: float, value: float) -> None:
    assert dpo(*P, beta=0.1, label_smoothing=smoothing).item() == pytest.approx(value, abs=1e-6)


def test_the_slope_of_dpo_is_the_published_one() -> None:
    chosen = P[0].clone().requires_grad_()
    dpo(chosen, P[1], beta=0.1).sum().backward()
    assert chosen.grad.item() == pytest.approx(-0.046257, abs=1e-6)


def test_dpo_starts_at_ln_2_whatever_the_label_says() -> None:
    same = torch.tensor([3.5, -2.0], dtype=torch.float64)
    start = dpo(same, same, beta=0.3, soft=torch.tensor([1.0, 0.6], dtype=torch.float64), label_smoothing=0.1)
    assert start.tolist() == pytest.approx([math.log(2)] * 2)


def test_gradients_match_finite_differences() -> None:
    torch.manual_seed(0)
    first, second = (torch.randn(5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    soft = torch.rand(5, dtype=torch.float64)
    assert gradcheck(lambda a, b: bradley_terry(a, b, soft=soft, margin=0.5, centering=0.01), (first, second))
    assert gradcheck(lambda a, b: dpo(a, b, beta=0.1, soft=soft, label_smoothing=0.1), (first, second))


@pytest.mark.parametrize("loss", [bradley_terry, lambda a, b: dpo(a, b, beta=0.1)])
def test_raising_the_chosen_lowers_the_loss_and_raising_the_rejected_raises_it(loss: object) -> None:
    chosen, rejected = R
    assert loss(chosen + 0.1, rejected) < loss(chosen, rejected) < loss(chosen, rejected + 0.1)


def test_far_off_rewards_stay_finite_with_a_full_gradient() -> None:
    chosen = torch.tensor([-500.0], requires_grad=True)
    bradley_terry(chosen, torch.tensor([500.0])).sum().backward()
    assert chosen.grad.item() == pytest.approx(-1.0)
