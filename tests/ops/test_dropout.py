"""Dropout by counted random numbers, against the same numbers in torch's integers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synfer import _core
from synfer.errors import InputError, ShapeError
from synfer.ops import Drop, dropout, dropout_reference
from synfer.ops.dropout import _philox, replay_of


def ones(groups, tokens, channels, dtype=torch.float32):
    return torch.ones(groups, tokens, channels, dtype=dtype)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 30), st.integers(1, 300), st.integers(0, 2**32 - 1), st.floats(0.0, 0.99))
def test_equals_the_reference(groups, tokens, channels, step, p):
    drop = Drop(tuple(2**64 - 1 - 3**g for g in range(groups)), step, p, stream=7)
    x = torch.randn(groups, tokens, channels, generator=torch.Generator().manual_seed(0))
    assert torch.equal(dropout(x, drop), dropout_reference(x, drop))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_instruction_level_drops_the_same(level, dtype):
    drop = Drop((5, 6), 3, 0.25)
    assert torch.equal(dropout(ones(2, 33, 100, dtype), drop), dropout_reference(ones(2, 33, 100, dtype), drop))


def test_the_reference_draws_from_philox():
    counters = np.random.default_rng(0).integers(0, 2**32, (20, 4), dtype=np.uint32)
    key = np.array([0xA4093822, 0x299F31D0], np.uint32)
    words = _philox(
        [torch.tensor(counters[:, i].astype(np.int64)) for i in range(4)], [torch.tensor(int(k)) for k in key]
    )
    np.testing.assert_array_equal(torch.stack(words, 1).numpy(), _core.philox(counters, key).astype(np.int64))


def test_rate_scale_and_independence():
    kept = dropout(ones(2, 5000, 100), Drop((0, 1), 0, 0.1)) != 0
    n = kept[0].numel()
    for group in kept:
        low, high = stats.binom.interval(1 - 1e-6, n, 0.9)
        assert low < int(group.sum()) < high
    # Neighbouring channels, tokens and groups: as often dropped together as by chance.
    both = [(kept[:, :, 1:], kept[:, :, :-1]), (kept[:, 1:], kept[:, :-1]), (kept[:1], kept[1:])]
    for a, b in both:
        together = int((~a & ~b).sum())
        low, high = stats.binom.interval(1 - 1e-6, a.numel(), 0.01)
        assert low < together < high
    scaled = dropout(ones(1, 100, 100), Drop((0,), 0, 0.1))
    np.testing.assert_allclose(scaled[scaled != 0], 1 / 0.9, rtol=1e-4)


def test_gradient_is_the_same_draw():
    x = torch.randn(2, 20, 30, dtype=torch.float64, requires_grad=True)
    drop = Drop((1, 2), 4, 0.5)
    (grad,) = torch.autograd.grad(dropout(x, drop).sum(), x)
    assert torch.equal(grad, dropout(torch.ones_like(x), drop))
    assert torch.autograd.gradgradcheck(lambda y: dropout(y, drop), (x[:, :3, :4],))


def test_draws_differ_by_step_and_stream_and_groups_do_not_mix():
    draws = [Drop((1, 2), 0), Drop((1, 2), 1), Drop((1, 2), 0, stream=1), Drop((3, 4), 0)]
    masks = [dropout(ones(2, 50, 50), drop) for drop in draws]
    assert all(not torch.equal(a, b) for i, a in enumerate(masks) for b in masks[:i])
    assert torch.equal(dropout(ones(1, 50, 50), Drop((2,), 0)), masks[0][1:])


def test_nothing_is_dropped_at_rate_0():
    assert torch.equal(dropout(ones(1, 9, 9), Drop((0,), p=0.0)), ones(1, 9, 9))


def test_numbers_of_numpy_s_will_do():
    plain, numpy = Drop((3, 4), 5), Drop(np.array([3, 4]), np.int64(5))
    assert plain == numpy and torch.equal(dropout(ones(2, 9, 9), plain), dropout(ones(2, 9, 9), numpy))


def test_refusals():
    with pytest.raises(InputError, match="p must be a share"):
        Drop((0,), p=1.0)
    for wrong in ({"seeds": (-1,)}, {"seeds": (0.5,)}, {"step": 2**32}, {"stream": -1}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Drop(**{"seeds": (0,)} | wrong)
    with pytest.raises(ShapeError, match="2 groups"):
        dropout(ones(3, 4, 5), Drop((0, 1)))


def test_what_a_replay_advances_is_added_to_the_step():
    x = torch.randn(2, 30, 50)
    replay = replay_of(x.device, (1, 2))
    replay.advance.fill_(3)
    for function in (dropout, dropout_reference):
        assert torch.equal(function(x, Drop((1, 2), 4, replay=replay)), function(x, Drop((1, 2), 7)))
    replay.advance.fill_(5)
    assert torch.equal(dropout(x, Drop((1, 2), 2**32 - 1, replay=replay)), dropout(x, Drop((1, 2), 4)))
