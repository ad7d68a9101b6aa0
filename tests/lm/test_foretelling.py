"""The language-model head gives log-softmax at the targets, and its gradients, whatever it keeps of its logits."""

import pytest
import torch
from torch import Tensor, nn

from lm import foretelling

STATES, WIDTH, WORDS = 7, 5, 11


def given(dtype: torch.dtype = torch.float64, *, bias: bool = False) -> tuple[nn.Linear, Tensor, Tensor]:
    torch.manual_seed(4)
    head = nn.Linear(WIDTH, WORDS, bias=bias, dtype=dtype)
    hidden = torch.randn(STATES, WIDTH, dtype=dtype, requires_grad=True)
    return head, hidden, torch.randint(WORDS, (STATES,))


def plain(head: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    return head(hidden).log_softmax(-1).gather(-1, targets[:, None])[:, 0]


def gradients(logps: Tensor, head: nn.Module, hidden: Tensor) -> list[Tensor]:
    slope = torch.linspace(-1, 2, STATES, dtype=logps.dtype)
    return list(torch.autograd.grad(logps, [hidden, *(one for one in head.parameters() if one.requires_grad)], slope))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(("block", "kept"), [(1 << 20, 1 << 20), (2 * WORDS, 1 << 20), (2 * WORDS, 4 * WORDS), (1, 0)])
def test_values_and_gradients(monkeypatch: pytest.MonkeyPatch, block: int, kept: int, frozen: bool, bias: bool) -> None:
    monkeypatch.setitem(foretelling.BLOCK, "cpu", block)
    monkeypatch.setattr(foretelling, "KEPT", kept)
    head, hidden, targets = given(bias=bias)
    head.requires_grad_(not frozen)
    found, wanted = foretelling.target_logps(head, hidden, targets), plain(head, hidden, targets)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradients(found, head, hidden), gradients(wanted, head, hidden), rtol=1e-12, atol=1e-12)


def test_a_gradient_may_be_asked_for_twice() -> None:
    head, hidden, targets = given()
    assert torch.autograd.gradcheck(lambda one: foretelling.target_logps(head, one, targets), (hidden,))


def test_without_gradients_nothing_is_kept() -> None:
    head, hidden, targets = given()
    with torch.no_grad():
        assert not foretelling.target_logps(head, hidden, targets).requires_grad


@pytest.mark.parametrize("autocast", [False, True])
def test_halves_are_added_up_in_full_precision(monkeypatch: pytest.MonkeyPatch, autocast: bool) -> None:
    monkeypatch.setitem(foretelling.BLOCK, "cpu", 2 * WORDS)
    head, hidden, targets = given(torch.float32)
    wanted = plain(head, hidden, targets)
    expected = gradients(wanted, head, hidden)
    if autocast:
        with torch.autocast("cpu", torch.bfloat16):
            found = foretelling.target_logps(head, hidden, targets)
    else:
        head, hidden = head.bfloat16(), hidden.detach().bfloat16().requires_grad_()
        found = foretelling.target_logps(head, hidden, targets)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=2e-2, atol=2e-2)
    for one, other in zip(gradients(found, head, hidden), expected, strict=True):
        assert one.dtype == (torch.float32 if autocast else torch.bfloat16)
        torch.testing.assert_close(one.float(), other, rtol=5e-2, atol=5e-2)


@pytest.mark.parametrize("kept", [1 << 20, 2 * WORDS])
def test_a_head_that_is_more_than_a_matrix_is_asked_itself(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    class Doubled(nn.Linear):
        def forward(self, given: Tensor) -> Tensor:
            return 2 * super().forward(given)

    monkeypatch.setattr(foretelling, "KEPT", kept)
    _, hidden, targets = given()
    head = Doubled(WIDTH, WORDS, dtype=torch.float64)
    found, wanted = foretelling.target_logps(head, hidden, targets), plain(head, hidden, targets)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(gradients(found, head, hidden), gradients(wanted, head, hidden))
