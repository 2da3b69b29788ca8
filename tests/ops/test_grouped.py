"""The grouped linear map against a loop over its groups."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.errors import InputError, ShapeError
from synfer.ops import grouped_linear, grouped_linear_reference, grouped_linears, grouped_linears_reference
from synfer.ops.grouped import _Batched, _without_kernels


def problem(tokens, groups, n_in, n_out, dtype=torch.float32):
    generator = torch.Generator().manual_seed(tokens + groups)
    shapes = (groups, tokens, n_in), (groups, n_out, n_in), (groups, n_out), (groups, tokens, n_out)
    return [torch.randn(s, generator=generator, dtype=dtype).requires_grad_() for s in shapes]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 120), st.integers(1, 5), st.integers(1, 70), st.integers(1, 70), st.integers(2, 4))
def test_values_and_gradients_equal_the_loop(tokens, groups, n_in, n_out, given_arguments):
    fast, slow = problem(tokens, groups, n_in, n_out), problem(tokens, groups, n_in, n_out)
    for arguments, function in ((fast, grouped_linear), (slow, grouped_linear_reference)):
        y = function(*arguments[:given_arguments])
        y.square().sum().backward()
    torch.testing.assert_close(grouped_linear(*fast), grouped_linear_reference(*slow), atol=1e-4, rtol=1e-4)
    for a, b in zip(fast[:given_arguments], slow, strict=False):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_instruction_level(level, dtype):
    arguments = problem(101, 2, 37, 65, dtype)
    tolerance = 1e-4 if dtype == torch.float32 else 1e-11
    y, expected = grouped_linear(*arguments), grouped_linear_reference(*arguments)
    torch.testing.assert_close(y, expected, atol=tolerance, rtol=tolerance)
    ours = torch.autograd.grad(y.square().sum(), arguments)
    theirs = torch.autograd.grad(expected.square().sum(), arguments)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=20 * tolerance, rtol=tolerance)


def test_the_bits_do_not_depend_on_threads(threads):
    def results(n):
        threads(n)
        arguments = problem(3000, 3, 40, 50)
        y = grouped_linear(*arguments)
        return y, *torch.autograd.grad(y.square().sum(), arguments)

    for one, two in zip(results(1), results(2), strict=True):
        assert torch.equal(one, two)


def test_strided_tokens_and_second_derivatives():
    x, weight, bias, residual = problem(6, 3, 4, 5, torch.float64)
    strided = torch.stack([x.detach(), x.detach()], dim=-1)[..., 0].requires_grad_()
    torch.testing.assert_close(grouped_linear(strided, weight, bias), grouped_linear(x, weight, bias))
    assert torch.autograd.gradgradcheck(grouped_linear, (x, weight, bias, residual))


def test_groups_do_not_mix():
    x, weight, *_ = problem(6, 3, 4, 5)
    grouped_linear(x, weight)[1].sum().backward()
    assert weight.grad[[0, 2]].eq(0).all() and x.grad[[0, 2]].eq(0).all() and weight.grad[1].ne(0).any()


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 120), st.integers(1, 4), st.integers(1, 70), st.lists(st.integers(1, 70), min_size=1, max_size=4))
def test_several_maps_of_one_input_equal_one_after_the_other(tokens, groups, n_in, n_outs):
    def results(function):
        maps = [problem(tokens, groups, n_in, n_out, torch.float64) for n_out in n_outs]
        x, weights, biases = maps[0][0], [m[1] for m in maps], [m[2] for m in maps]
        ys = function(x, weights, biases)
        # Unlike weights on the results: a gradient that went to another map would show.
        loss = sum((k + 1) * y.square().sum() for k, y in enumerate(ys))
        return [*ys, *torch.autograd.grad(loss, [x, *weights, *biases])]

    for fast, slow in zip(results(grouped_linears), results(grouped_linears_reference), strict=True):
        torch.testing.assert_close(fast, slow, atol=1e-9, rtol=1e-9)


def test_several_maps_of_an_input_that_needs_no_gradient():
    x, weight, bias, _ = problem(6, 3, 4, 5)
    (y,) = grouped_linears(x.detach(), [weight], [bias])
    assert all(g.ne(0).any() for g in torch.autograd.grad(y.sum(), [weight, bias]))


def test_several_maps_are_checked():
    x, weight, bias, _ = problem(6, 3, 4, 5)
    with pytest.raises(InputError, match="one or more maps"):
        grouped_linears(x, [], [])
    with pytest.raises(InputError, match="got 2 and 1"):
        grouped_linears(x, [weight, weight], [bias])
    with pytest.raises(ShapeError, match="bias"):
        grouped_linears(x, [weight], [torch.zeros(5)])


@pytest.mark.parametrize("x", [torch.zeros(2, 6, 4), torch.zeros(3, 6, 5), torch.zeros(6, 12)])
def test_bad_shapes_are_named(x):
    _, weight, bias, _ = problem(6, 3, 4, 5)
    with pytest.raises(ShapeError, match=r"\(groups, tokens, in\)"):
        grouped_linear(x, weight, bias)


def test_bad_bias_and_residual_are_named():
    x, weight, bias, residual = problem(6, 3, 4, 5)
    with pytest.raises(ShapeError, match="bias"):
        grouped_linear(x, weight, torch.zeros(5))
    with pytest.raises(ShapeError, match="residual"):
        grouped_linear(x, weight, bias, residual[:, :-1])


def test_mixtures_are_named():
    x, weight, bias, _ = problem(6, 3, 4, 5)
    with pytest.raises(InputError, match="one dtype, got float32 and float64"):
        grouped_linear(x, weight.double(), bias)
    with pytest.raises(InputError, match="one device, got cpu and meta"):
        grouped_linear(x, weight.to("meta"), bias)


def test_a_pending_sign_is_heeded():
    x, weight, bias, _ = problem(6, 3, 4, 5)
    negative = torch._neg_view((-weight).detach().clone())
    assert torch.equal(grouped_linear(x, negative, bias), grouped_linear(x, weight, bias))


@pytest.mark.parametrize("tokens", [0, 1, 7, 127, 256, 509, 640])
def test_batched_products_equal_the_loop(tokens):
    """What devices without kernels compute: weights' gradients as sums over stretches of tokens."""
    x, weight, bias, _ = problem(tokens, 3, 5, 4, torch.float64)
    y, expected = _Batched.apply(x, weight, bias), grouped_linear_reference(x, weight, bias)
    torch.testing.assert_close(y, expected)
    seen = torch.randn(y.shape, dtype=y.dtype)
    ours, theirs = (torch.autograd.grad(out, (x, weight, bias), seen) for out in (y, expected))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_batched_products_have_second_derivatives():
    x, weight, bias, _ = problem(6, 3, 4, 5, torch.float64)
    assert torch.autograd.gradgradcheck(_Batched.apply, (x, weight, bias))
    assert torch.autograd.gradgradcheck(lambda x, weight: _Batched.apply(x, weight, None), (x, weight))


def test_batched_products_take_batches_of_gradients():
    x, weight, bias, _ = problem(256, 2, 4, 5, torch.float64)
    seen = torch.randn(3, 2, 256, 5, dtype=torch.float64)
    together = torch.autograd.grad(_Batched.apply(x, weight, bias), (x, weight, bias), seen, is_grads_batched=True)
    for k in range(3):
        each = torch.autograd.grad(_Batched.apply(x, weight, bias), (x, weight, bias), seen[k])
        for a, b in zip(together, each, strict=True):
            torch.testing.assert_close(a[k], b)


def test_autocast_sees_torch_itself():
    x, weight, bias, _ = problem(9, 2, 4, 5)
    with torch.autocast("cpu", torch.bfloat16):
        y = _without_kernels(x, weight, bias)
    y.float().sum().backward()
    torch.testing.assert_close(x.grad, weight.detach().sum(1)[:, None].expand_as(x), atol=0.05, rtol=0.05)
