"""The norm of a product of matrices against its slow twin, values and gradients."""

import pytest
import torch

from synfer.forecast import penalties
from synfer.forecast.penalties import product_l1, product_l1_reference


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("with_skip", [True, False])
@pytest.mark.parametrize("inner_rows", [1, 7])
@pytest.mark.parametrize("held", [1, 60, 1 << 16])  # one row at a time, some, all
def test_product_l1(monkeypatch, diagonal, with_skip, inner_rows, held):
    monkeypatch.setattr(penalties, "_NUMBERS", held)
    members, rows, n, hidden, lag = 2, 7, 3, 4, 2
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()

    outer, inner = draw(members, rows, n, hidden), draw(members, inner_rows, hidden, n * lag)
    skip = draw(members, n, n * lag) if with_skip else None
    given = [t for t in (outer, inner, skip) if t is not None]
    results = []
    for function in (product_l1, product_l1_reference):
        total = function(outer, inner, skip, diagonal=diagonal)
        gradients = torch.autograd.grad((total * torch.tensor([1.0, -2.0])).sum(), given)
        results.append((total, *gradients))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_member_s_penalty_is_its_own():
    outer = torch.randn(2, 3, 4, 5, requires_grad=True)
    inner = torch.randn(2, 1, 5, 8, requires_grad=True)
    both = product_l1(outer, inner, None)
    one = product_l1(outer[1:], inner[1:], None)
    torch.testing.assert_close(both[1:], one)
    (gradient,) = torch.autograd.grad(both[0], outer)
    assert gradient[0].abs().sum() > 0 and (gradient[1] == 0).all()
