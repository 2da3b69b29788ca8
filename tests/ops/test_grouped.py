"""The grouped linear map against a loop over its groups."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.errors import ShapeError
from synfer.ops import grouped_linear, grouped_linear_reference


def problem(tokens, groups, n_in, n_out, dtype=torch.float32):
    generator = torch.Generator().manual_seed(tokens + groups)
    shapes = (tokens, groups, n_in), (groups, n_out, n_in), (groups, n_out)
    return [torch.randn(s, generator=generator, dtype=dtype).requires_grad_() for s in shapes]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 40), st.integers(1, 5), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_values_and_gradients_equal_the_loop(tokens, groups, n_in, n_out, with_bias):
    fast, slow = problem(tokens, groups, n_in, n_out), problem(tokens, groups, n_in, n_out)
    for arguments, function in ((fast, grouped_linear), (slow, grouped_linear_reference)):
        y = function(*arguments[: 2 + with_bias])
        y.square().sum().backward()
    torch.testing.assert_close(grouped_linear(*fast), grouped_linear_reference(*slow), atol=1e-4, rtol=1e-4)
    for a, b in zip(fast[: 2 + with_bias], slow, strict=False):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-3, rtol=1e-3)


def test_strided_tokens_and_second_derivatives():
    x, weight, bias = problem(6, 3, 4, 5, torch.float64)
    strided = torch.stack([x.detach(), x.detach()], dim=-1)[..., 0].requires_grad_()
    torch.testing.assert_close(grouped_linear(strided, weight, bias), grouped_linear(x, weight, bias))
    assert torch.autograd.gradgradcheck(grouped_linear, (x, weight, bias))


def test_groups_do_not_mix():
    x, weight, _ = problem(6, 3, 4, 5)
    grouped_linear(x, weight)[:, 1].sum().backward()
    assert weight.grad[[0, 2]].eq(0).all() and x.grad[:, [0, 2]].eq(0).all() and weight.grad[1].ne(0).any()


@pytest.mark.parametrize("x", [torch.zeros(6, 2, 4), torch.zeros(6, 3, 5), torch.zeros(6, 12)])
def test_bad_shapes_are_named(x):
    _, weight, bias = problem(6, 3, 4, 5)
    with pytest.raises(ShapeError, match=r"\(tokens, groups, in\)"):
        grouped_linear(x, weight, bias)


def test_bad_bias_is_named():
    x, weight, _ = problem(6, 3, 4, 5)
    with pytest.raises(ShapeError, match="bias"):
        grouped_linear(x, weight, torch.zeros(5))
