"""Samples as tokens, against plain torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.errors import ShapeError
from synfer.ops import Drop, sample_embedding, sample_embedding_reference


def problem(groups, batch, units, lags, channels, dtype=torch.float64, *, groups_last=True):
    generator = torch.Generator().manual_seed(0)
    shapes = (groups, channels), (groups, batch, lags, channels), (groups, units, channels)
    value = torch.randn(batch, units, lags, groups, generator=generator, dtype=dtype)
    value = value.permute(3, 0, 1, 2) if groups_last else value.permute(3, 0, 1, 2).contiguous()
    rest = [torch.randn(s, generator=generator, dtype=dtype) for s in shapes]
    return [x.requires_grad_() for x in (value, *rest)]


def results(function, leaves, drop):
    y = function(*leaves, drop)
    return [y, *torch.autograd.grad((y * torch.arange(y.numel(), dtype=y.dtype).view(y.shape).cos()).sum(), leaves)]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 5), min_size=4, max_size=4), st.integers(1, 40), st.booleans(), st.booleans())
def test_equals_the_reference(sizes, channels, dropped, groups_last):
    leaves = problem(*sizes, channels, groups_last=groups_last)
    drop = Drop(tuple(range(sizes[0])), 2, 0.3 if dropped else 0.0)
    both = (results(f, leaves, drop) for f in (sample_embedding, sample_embedding_reference))
    for ours, theirs in zip(*both, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_instruction_level(level, dtype):
    leaves, drop = problem(2, 3, 4, 10, 100, dtype), Drop((7, 8), 1)
    for ours, theirs in zip(
        *(results(f, leaves, drop) for f in (sample_embedding, sample_embedding_reference)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)


def test_the_bits_do_not_depend_on_threads(threads):
    leaves, drop = problem(3, 16, 10, 10, 100, torch.float32), Drop((7, 8, 9), 1)
    threads(1)
    one = results(sample_embedding, leaves, drop)
    threads(2)
    assert all(torch.equal(a, b) for a, b in zip(one, results(sample_embedding, leaves, drop), strict=True))


def test_refusals():
    value, direction, offset, unit = problem(2, 3, 4, 5, 6)
    with pytest.raises(ShapeError, match="value, direction must be"):
        sample_embedding(value, direction, offset, unit, Drop((0,)))
    with pytest.raises(ShapeError, match="unit must be"):
        sample_embedding(value, direction, offset, unit[:, :2], Drop((0, 1)))
