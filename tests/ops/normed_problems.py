"""Maps and blocks that read a normalised input: random ones, what a function gives of them, and how near that is."""

from __future__ import annotations

import torch

from synfer.ops import Norm


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
