"""What runs on CUDA devices, on tensors of the CPU: normalisation folded into torch's products, against the twins."""

import sys
from pathlib import Path

import pytest
import torch

from synfer import _core
from synfer.ops import (
    Drop,
    Norm,
    grouped_linears,
    grouped_linears_reference,
    normed_feed_forward,
    normed_feed_forward_reference,
    normed_linears,
    normed_linears_reference,
    sample_embedding,
    sample_embedding_reference,
)
from synfer.ops.embedding import _InFewPasses
from synfer.ops.folded import folded_feed_forward, folded_linears
from synfer.ops.grouped import _BatchedLinears

sys.path.insert(0, str(Path(__file__).parent))
from normed_problems import assert_close, detached, feed_forward_problem, feed_forward_results, problem, results


@pytest.mark.parametrize("given_moments", [True, False])
@pytest.mark.parametrize(("groups", "tokens", "channels", "widths"), [(1, 2, 1, [1]), (3, 300, 7, [5, 1, 9])])
def test_linears(groups, tokens, channels, widths, given_moments):
    arguments = problem(groups, tokens, channels, widths, torch.float64, given_moments=given_moments)
    ours, theirs = (results(f, *arguments, len(widths)) for f in (folded_linears, normed_linears_reference))
    assert_close(ours, theirs, 1e-9)


@pytest.mark.parametrize("given_moments", [True, False])
@pytest.mark.parametrize("p", [0.0, 0.2])
@pytest.mark.parametrize(("groups", "tokens", "channels", "hidden"), [(1, 2, 1, 1), (3, 300, 7, 19)])
def test_feed_forward(groups, tokens, channels, hidden, given_moments, p):
    arguments = feed_forward_problem(groups, tokens, channels, hidden, torch.float64, given_moments=given_moments)
    drop = Drop(tuple(range(groups)), 3, p)
    both = (folded_feed_forward, normed_feed_forward_reference)
    ours, theirs = (feed_forward_results(f, *arguments, drop) for f in both)
    assert_close(ours, theirs, 1e-9)


def test_error_is_that_of_torch():
    """As of the compiled functions: in float32 no more than twice the error of one step after the other."""
    leaves, _ = feed_forward_problem(2, 1600, 100, 400, torch.float32)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    drop = Drop((4, 5), 1, 0.1)
    expected = detached(feed_forward_results(normed_feed_forward_reference, exact, [], drop))
    errors = [
        [float((a.double() - b).norm() / b.norm()) for a, b in zip(detached(found), expected, strict=True)]
        for found in (feed_forward_results(f, leaves, [], drop) for f in (folded_feed_forward,
                                                                         normed_feed_forward_reference))
    ]  # fmt: skip
    for ours, torchs in zip(*errors, strict=True):
        assert ours <= 2 * torchs + 1e-7


def test_several_maps_of_one_input():
    (x, _, _, *maps), _ = problem(3, 300, 7, [5, 1, 9], torch.float64)

    def everything(function):
        ys = function(x, maps[:3], maps[3:])
        return [*ys, *torch.autograd.grad(sum((y.sin() * y.shape[2]).sum() for y in ys), [x, *maps])]

    ours = everything(lambda x, weights, biases: _BatchedLinears.apply(x, 3, *weights, *biases))
    assert_close(ours, everything(grouped_linears_reference), 1e-12)


@pytest.mark.parametrize("given_moments", [True, False])
def test_what_is_frozen_costs_nothing_and_changes_nothing(monkeypatch, given_moments):
    """Gradients of the input alone, as a read-out asks for them."""
    leaves, moments = problem(2, 300, 7, [5, 9], torch.float64, given_moments=given_moments)
    block, _ = feed_forward_problem(2, 300, 7, 19, torch.float64)
    drop = Drop((1, 2), 3, 0.2)

    def everything(linears, feed_forward, several):
        x = leaves[0].detach().requires_grad_()
        gain, offset, *maps = (leaf.detach() for leaf in leaves[1:])
        norm = Norm(gain, offset, *moments)
        ys, *_ = linears(x, norm, maps[:2], maps[2:])
        y, *_ = feed_forward(x, norm, tuple(leaf.detach() for leaf in block[3:]), drop)
        rest = several(x, maps[:2], maps[2:])
        (dx,) = torch.autograd.grad(y.sin().sum() + sum((one * one).sum() for one in (*ys, *rest)), x)
        return [dx]

    sums = []
    for name in ("folded", "grouped"):
        module = sys.modules[f"synfer.ops.{name}"]
        real = module.over_stretches
        monkeypatch.setattr(module, "over_stretches", lambda *given, real=real: (sums.append(1), real(*given))[1])
    several = lambda x, weights, biases: _BatchedLinears.apply(x, 2, *weights, *biases)  # noqa: E731
    ours = everything(folded_linears, folded_feed_forward, several)
    assert len(sums) == (0 if given_moments else 3)  # of own moments the input's gradient needs the maps'
    twins = normed_linears_reference, normed_feed_forward_reference, grouped_linears_reference
    assert_close(ours, everything(*twins), 1e-9)


def test_many_gradients_at_once():
    """As `torch.autograd.grad(is_grads_batched=True)` asks for them."""
    (x, _, _, *maps), _ = problem(2, 30, 7, [5, 9], torch.float64)
    ys = _BatchedLinears.apply(x, 2, *maps[:2], *maps[2:])
    grads = torch.randn(3, *ys[1].shape, dtype=torch.float64)
    (ours,) = torch.autograd.grad(ys[1], x, grads, is_grads_batched=True, retain_graph=True)
    theirs = torch.stack([torch.autograd.grad(ys[1], x, grad, retain_graph=True)[0] for grad in grads])
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_embedding(p):
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 3, 4, 5), (2, 6), (2, 3, 5, 6), (2, 4, 6)
    leaves = [torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in shapes]
    drop = Drop((7, 8), 3, p)

    def everything(function):
        y = function(*leaves, drop)
        return [y, *torch.autograd.grad(y.sin().sum(), leaves)]

    assert_close(everything(_InFewPasses.apply), everything(sample_embedding_reference), 1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not _core.cuda_built, reason="this build has no CUDA kernels")
@pytest.mark.parametrize("tokens", [30, 6400])
def test_on_a_device(tokens):
    """All of them in float32, against float64 in the machine's memory, and that they are what is called there."""

    def moved(leaves):
        return [leaf.detach().cuda().requires_grad_() for leaf in leaves], [
            leaf.detach().double().requires_grad_() for leaf in leaves
        ]

    drop = Drop((4, 5), 1, 0.1)
    leaves, exact = moved(feed_forward_problem(2, tokens, 100, 400, torch.float32)[0])
    y, *_ = normed_feed_forward(leaves[0], Norm(*leaves[1:3]), tuple(leaves[3:]), drop)
    assert "FoldedFeedForward" in type(y.grad_fn).__name__
    loss = (y * torch.arange(y.numel(), dtype=torch.float64).view(y.shape).cos().float().cuda()).sum()
    ours = [y, *torch.autograd.grad(loss, leaves)]
    y, _, _ = normed_feed_forward_reference(exact[0], Norm(*exact[1:3]), tuple(exact[3:]), drop)
    loss = (y * torch.arange(y.numel(), dtype=torch.float64).view(y.shape).cos().float()).sum()
    assert_near(ours, [y, *torch.autograd.grad(loss, exact)])

    leaves, exact = moved(problem(2, tokens, 100, (80, 80, 80), torch.float32)[0])
    for of_device, twin in ((normed_maps, normed_linears_reference), (plain_maps, plain_reference)):
        ours, theirs = (maps_and_gradients(f, given) for f, given in ((of_device, leaves), (twin, exact)))
        assert_near(ours, theirs)

    shapes = (2, 16, tokens // 10, 5), (2, 100), (2, 16, 5, 100), (2, tokens // 10, 100)
    leaves, exact = moved([torch.randn(s) for s in shapes])
    (ours, theirs) = ([y := f(*given, drop), *torch.autograd.grad(y.sin().sum(), given)]
                      for f, given in ((sample_embedding, leaves), (sample_embedding_reference, exact)))  # fmt: skip
    assert_near(ours, theirs)


def normed_maps(x, norm, weights, biases):
    ys, *moments = normed_linears(x, norm, weights, biases)
    assert "FoldedLinears" in type(ys[0].grad_fn).__name__
    return ys, *moments


def plain_maps(x, norm, weights, biases):
    ys = grouped_linears(x, weights, biases)
    assert "BatchedLinears" in type(ys[0].grad_fn).__name__
    return ys, None, None


def plain_reference(x, norm, weights, biases):
    return grouped_linears_reference(x, weights, biases), None, None


def maps_and_gradients(function, leaves):
    x, gain, offset, *maps = leaves
    ys, *_ = function(x, Norm(gain, offset), maps[:3], maps[3:])
    gradients = torch.autograd.grad(sum((y.sin() * (k + 1)).sum() for k, y in enumerate(ys)), leaves, allow_unused=True)
    return [*ys, *(g for g in gradients if g is not None)]


def assert_near(ours, theirs):
    for a, b in zip(detached(ours), detached(theirs), strict=True):
        assert float((a.cpu().double() - b).norm() / b.norm()) < 1e-5
