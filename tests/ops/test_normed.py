"""Normalisation folded into what reads it, against one step after the other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.errors import ShapeError
from synfer.ops import (
    Drop,
    Norm,
    normed_feed_forward,
    normed_feed_forward_reference,
    normed_linears,
    normed_linears_reference,
)


def problem(groups, tokens, channels, widths, dtype, *, given_moments=False, seed=0):
    """x, gain, offset, [mean, variance,] weights, biases; all leaves."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    x = normal(groups, tokens, channels) * 2 + 0.5
    moments = [normal(groups, channels), normal(groups, channels).square() + 0.5] if given_moments else []
    weights = [normal(groups, n, channels) / channels**0.5 for n in widths]
    leaves = [x, normal(groups, channels) + 1, normal(groups, channels), *weights, *(normal(groups, n) for n in widths)]
    return [leaf.requires_grad_() for leaf in leaves], moments


def results(function, leaves, moments, n_maps):
    """Outputs, moments and gradients of all leaves, given gradients of the outputs that are no constant."""
    x, gain, offset, *maps = leaves
    ys, mean, variance = function(x, Norm(gain, offset, *moments), maps[:n_maps], maps[n_maps:])
    loss = sum((y * torch.arange(y.numel(), dtype=y.dtype).view(y.shape).cos()).sum() for y in ys)
    return [*ys, mean, variance, *torch.autograd.grad(loss, leaves)]


def feed_forward_problem(groups, tokens, channels, hidden, dtype, **options):
    (x, gain, offset, *_), moments = problem(groups, tokens, channels, (), dtype, **options)
    generator = torch.Generator().manual_seed(1)
    shapes = (groups, hidden, channels), (groups, hidden), (groups, channels, hidden), (groups, channels)
    weights = [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) * 0.4 for s in shapes]
    return [x, gain, offset, *(w.requires_grad_() for w in weights)], moments


def feed_forward_results(function, leaves, moments, drop):
    x, gain, offset, *weights = leaves
    y, mean, variance = function(x, Norm(gain, offset, *moments), tuple(weights), drop)
    loss = (y * torch.arange(y.numel(), dtype=y.dtype).view(y.shape).cos()).sum()
    return [y, mean, variance, *torch.autograd.grad(loss, leaves)]


def detached(values):
    return [x.detach() for x in values]


def assert_close(ours, theirs, tolerance):
    """Relative to the largest element of each."""
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert (a.double() - b.double()).abs().max() <= tolerance * b.double().abs().max().clamp_min(1e-3)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 3),
    st.integers(2, 200),
    st.integers(1, 70),
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.booleans(),
)
def test_linears_equal_the_reference(groups, tokens, channels, widths, given_moments):
    arguments = problem(groups, tokens, channels, widths, torch.float64, given_moments=given_moments)
    ours, theirs = (results(f, *arguments, len(widths)) for f in (normed_linears, normed_linears_reference))
    assert_close(ours, theirs, 1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(2, 150), st.integers(1, 40), st.integers(1, 90), st.booleans(), st.booleans())
def test_feed_forward_equals_the_reference(groups, tokens, channels, hidden, given_moments, dropped):
    arguments = feed_forward_problem(groups, tokens, channels, hidden, torch.float64, given_moments=given_moments)
    drop = Drop(tuple(range(groups)), 3, 0.2 if dropped else 0.0)
    both = (normed_feed_forward, normed_feed_forward_reference)
    ours, theirs = (feed_forward_results(f, *arguments, drop) for f in both)
    assert_close(ours, theirs, 1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_instruction_level(level, dtype):
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    leaves, moments = problem(2, 101, 37, (65, 8), dtype)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    assert_close(
        results(normed_linears, leaves, moments, 2), results(normed_linears_reference, exact, [], 2), tolerance
    )

    leaves, moments = feed_forward_problem(2, 101, 37, 130, dtype)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    drop = Drop((4, 5), 1, 0.1)
    expected = feed_forward_results(normed_feed_forward_reference, exact, [], drop)
    assert_close(feed_forward_results(normed_feed_forward, leaves, moments, drop), expected, tolerance)


def test_error_is_that_of_torch():
    """Against float64, no more than twice the error of torch's float32 on the sizes of the published model."""
    leaves, _ = feed_forward_problem(2, 1600, 100, 400, torch.float32)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    drop = Drop((4, 5), 1, 0.1)
    expected = feed_forward_results(normed_feed_forward_reference, exact, [], drop)
    errors = [
        [
            float((a.double() - b).norm() / b.norm())
            for a, b in zip(detached(feed_forward_results(f, leaves, [], drop)), detached(expected), strict=True)
        ]
        for f in (normed_feed_forward, normed_feed_forward_reference)
    ]
    for ours, torchs in zip(*errors, strict=True):
        assert ours <= 2 * torchs + 1e-7


def test_gelu_far_from_zero():
    """As torch's to rounding from where it vanishes to where it is the identity; nan and infinities go through."""
    u = torch.cat([torch.linspace(-14, 14, 4001), torch.tensor([float("nan"), float("inf"), -1e30, 1e30])])
    one, nothing = torch.ones(1, 1), torch.zeros(1, 1)
    norm = Norm(one, nothing, nothing, one, 0.0)
    weights = (torch.ones(1, 1, 1), nothing, torch.ones(1, 1, 1), nothing)
    y, _, _ = normed_feed_forward(u.view(1, -1, 1), norm, weights, Drop((0,), p=0.0))
    exact = torch.nn.functional.gelu(u.double())
    torch.testing.assert_close(y.flatten().double()[:4001] - u[:4001], exact[:4001], atol=2e-6, rtol=0)
    assert y[0, 4001].isnan() and y[0, 4002].isinf() and y[0, 4004] == 2e30


def test_the_bits_do_not_depend_on_threads(threads):
    def everything(n):
        threads(n)
        linears = results(normed_linears, *problem(3, 2000, 40, (50, 7), torch.float32), 2)
        block = feed_forward_problem(3, 2000, 40, 90, torch.float32)
        return linears + feed_forward_results(normed_feed_forward, *block, Drop((1, 2, 3)))

    for one, two in zip(everything(1), everything(2), strict=True):
        assert torch.equal(one, two)


def test_a_group_does_not_depend_on_the_others():
    (x, gain, offset, w, b), _ = problem(3, 1000, 20, (30,), torch.float32)
    (together,), mean, _ = normed_linears(x, Norm(gain, offset), [w], [b])
    (alone,), own_mean, _ = normed_linears(x[1:2], Norm(gain[1:2], offset[1:2]), [w[1:2]], [b[1:2]])
    assert torch.equal(together[1:2], alone) and torch.equal(mean[1:2], own_mean)


def test_moments_keep_their_digits_far_from_zero():
    x = torch.randn(1, 5000, 3, generator=torch.Generator().manual_seed(0)) + 1000.0
    one, nothing = torch.ones(1, 3), torch.zeros(1, 3)
    _, mean, variance = normed_linears(x, Norm(one, nothing), [torch.ones(1, 1, 3)], [torch.zeros(1, 1)])
    torch.testing.assert_close(mean, x.double().mean(1).float(), atol=1e-3, rtol=0)
    torch.testing.assert_close(variance, x.double().var(1, correction=0).float(), atol=0, rtol=1e-3)


def test_refusals():
    (x, gain, offset, w, b), _ = problem(2, 10, 4, (5,), torch.float32)
    with pytest.raises(ShapeError, match=r"norm.gain must be \(groups, channels\)"):
        normed_linears(x, Norm(gain[:1], offset), [w], [b])
    with pytest.raises(ShapeError, match="x, weight must be"):
        normed_linears(x, Norm(gain, offset), [w[:, :, :3]], [b])
    leaves, _ = feed_forward_problem(2, 10, 4, 6, torch.float32)
    with pytest.raises(ShapeError, match="W2, b2 must be"):
        normed_feed_forward(leaves[0], Norm(*leaves[1:3]), (*leaves[3:5], leaves[5][:, :, :3], leaves[6]), Drop((0, 1)))
    with pytest.raises(ShapeError, match="one seed a group"):
        normed_feed_forward(leaves[0], Norm(*leaves[1:3]), tuple(leaves[3:]), Drop((0,)))
