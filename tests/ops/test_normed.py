"""Normalisation folded into what reads it, against one step after the other."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer import _core
from synfer.errors import InputError, ShapeError
from synfer.ops import (
    Drop,
    Norm,
    normed_feed_forward,
    normed_feed_forward_reference,
    normed_linears,
    normed_linears_reference,
)

sys.path.insert(0, str(Path(__file__).parent))
from normed_problems import assert_close, detached, feed_forward_problem, feed_forward_results, problem, results


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
    with pytest.raises(InputError, match="both mean and variance"):
        normed_linears(x, Norm(gain, offset, mean=torch.zeros(2, 4)), [w], [b])
    with pytest.raises(InputError, match=r"norm.mean must be a constant"):
        normed_linears(x, Norm(gain, offset, torch.zeros(2, 4, requires_grad=True), torch.ones(2, 4)), [w], [b])
    with pytest.raises(InputError, match="one dtype, got float32 and float64"):
        normed_linears(x, Norm(gain, offset), [w.double()], [b])
    with pytest.raises(InputError, match="one device, got cpu and meta"):
        normed_linears(x, Norm(gain, offset), [w.to("meta")], [b])
    with pytest.raises(InputError, match="one or more maps"):
        normed_linears(x, Norm(gain, offset), [], [])
    with pytest.raises(ShapeError, match="x, weight must be"):
        normed_linears(x, Norm(gain, offset), [w[:, :, :3]], [b])
    leaves, _ = feed_forward_problem(2, 10, 4, 6, torch.float32)
    with pytest.raises(ShapeError, match="W2, b2 must be"):
        normed_feed_forward(leaves[0], Norm(*leaves[1:3]), (*leaves[3:5], leaves[5][:, :, :3], leaves[6]), Drop((0, 1)))
    with pytest.raises(ShapeError, match="one seed a group"):
        normed_feed_forward(leaves[0], Norm(*leaves[1:3]), tuple(leaves[3:]), Drop((0,)))


def test_gradients_are_of_what_was_seen_forward():
    """Running moments go on to change between forward and backward."""
    leaves, moments = problem(2, 30, 5, (6,), torch.float64, given_moments=True)
    x, gain, offset, w, b = leaves
    (y,), _, _ = normed_linears(x, Norm(gain, offset, *moments), [w], [b])
    expected = torch.autograd.grad(y.square().sum(), leaves, retain_graph=True)
    for moment in moments:
        moment.add_(5.0)
    found = torch.autograd.grad(y.square().sum(), leaves)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("layout", ["permuted", "strided channels", "pending sign"])
def test_inputs_however_they_lie(layout):
    (x, gain, offset, w, b), _ = problem(3, 40, 6, (7,), torch.float64)

    def laid_out(t):
        t = t.detach()
        if layout == "permuted":
            return t.transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
        if layout == "strided channels":
            return torch.stack([t, t], dim=-1)[..., 0].requires_grad_()
        return torch._neg_view((-t).clone()).requires_grad_()

    odd = [laid_out(t) for t in (x, gain, offset, w, b)]
    assert_close(results(normed_linears, odd, [], 1), results(normed_linears, [x, gain, offset, w, b], [], 1), 1e-14)
    drop = Drop((1, 2, 3))
    leaves, _ = feed_forward_problem(3, 40, 6, 9, torch.float64)
    ours = feed_forward_results(normed_feed_forward, [laid_out(t) for t in leaves], [], drop)
    assert_close(ours, feed_forward_results(normed_feed_forward, leaves, [], drop), 1e-14)


def test_the_kernels_do_the_work(monkeypatch):
    called = []
    for name in ("linear_forward", "feed_forward", "feed_forward_backward", "linear_weight_gradients"):
        real = getattr(_core, name)
        monkeypatch.setattr(_core, name, lambda *a, real=real, name=name: (called.append(name), real(*a))[1])
    leaves, moments = problem(2, 30, 5, (6,), torch.float32)
    results(normed_linears, leaves, moments, 1)
    block, _ = feed_forward_problem(2, 30, 5, 9, torch.float32)
    feed_forward_results(normed_feed_forward, block, [], Drop((1, 2)))
    assert called == ["linear_forward", "linear_weight_gradients", "feed_forward", "feed_forward_backward"]


def test_what_only_stands_for_a_tensor_goes_through_torch():
    with torch._subclasses.FakeTensorMode():
        x, gain, offset = torch.empty(2, 30, 5), torch.empty(2, 5), torch.empty(2, 5)
        (y,), mean, _ = normed_linears(x, Norm(gain, offset), [torch.empty(2, 6, 5)], [torch.empty(2, 6)])
    assert y.shape == (2, 30, 6) and mean.shape == (2, 5)


def test_half_precisions_go_through_torch():
    leaves, _ = problem(2, 30, 5, (6,), torch.bfloat16)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    ours = results(normed_linears, leaves, [], 1)[0]
    torch.testing.assert_close(ours.double(), results(normed_linears, exact, [], 1)[0], atol=0.1, rtol=0.1)


@pytest.mark.parametrize("ratio", [1.0, 30.0, 1000.0])
def test_folding_costs_the_digits_of_mean_to_spread_and_no_more(ratio):
    """As both docstrings say."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4096, 16, generator=generator) + ratio
    norm = Norm(torch.ones(1, 16), torch.zeros(1, 16))
    weight1, weight2 = (torch.randn(s, generator=generator) / 4 for s in ((1, 32, 16), (1, 16, 32)))
    weights = weight1, torch.zeros(1, 32), weight2, torch.zeros(1, 16)
    drop = Drop((0,), p=0.0)
    exact = [t.double() for t in weights]
    norm_exact = Norm(norm.gain.double(), norm.offset.double())
    (mine,), _, _ = normed_linears(x, norm, [weight1], [weights[1]])
    (maps,), _, _ = normed_linears_reference(x.double(), norm_exact, exact[:1], exact[1:2])
    block = normed_feed_forward(x, norm, weights, drop)[0]
    twin = normed_feed_forward_reference(x.double(), norm_exact, tuple(exact), drop)[0]
    for ours, theirs in ((mine, maps), (block - x, twin - x.double())):
        assert (ours - theirs).abs().max() <= 30 * ratio * torch.finfo(torch.float32).eps
