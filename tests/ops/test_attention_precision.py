"""The compiled attention's rounding errors, held against those of torch's own float32 arithmetic."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from synfer.ops import attention_with_map, attention_with_map_reference

AXES = ("batch", "head", "lag")
REDUCTIONS = [axes for n in range(4) for axes in itertools.combinations(AXES, n)]
NAMES = ("out", "map", "dq", "dk", "dv", "dbias")


def results(function, tensors, grads, **options) -> list[Tensor]:
    """Output, map, and the gradients of every tensor."""
    tensors = [t.detach().clone().requires_grad_() for t in tensors]
    bias = tensors[3] if len(tensors) > 3 else None
    found = function(*tensors[:3], bias=bias, **options)
    return [
        *(t.detach() for t in found),
        *torch.autograd.grad(found, tensors, [g.to(t.dtype) for g, t in zip(grads, found, strict=True)]),
    ]


def assert_as_exact_as_torch(tensors, *, seed=0, positive=False, **options) -> None:
    out, map_ = attention_with_map_reference(*tensors[:3], bias=tensors[3] if len(tensors) > 3 else None, **options)
    generator = torch.Generator().manual_seed(seed)
    grads = [torch.randn(t.shape, generator=generator) for t in (out, map_)]
    grads = [g.abs() for g in grads] if positive else grads
    exact = results(attention_with_map_reference, [t.double() for t in tensors], grads, **options)
    _, terms = attention_with_map_reference(*tensors[:3], **{**options, "reduce": ()})
    torchs = results(attention_with_map_reference, tensors, grads, **options)
    ours = results(attention_with_map, tensors, grads, **options)
    for name, truth, theirs, mine in zip(NAMES, exact, torchs, ours, strict=False):
        assert mine.shape == truth.shape and mine.dtype == torch.float32
        # Means, for which of two roundings of a few numbers is the luckier says nothing; and no less than a unit in the
        # last place, where a sum over heads cancels to nothing, of the terms it is the sum of.
        size = truth.abs().mean()
        if name == "map":
            size = terms.abs().sum(-1).mean()
        elif name == "dbias":  # a random walk
            size = size + math.sqrt(out.shape[0] * out.shape[1] * out.shape[3])
        floor = 1.2e-7 * size
        error, allowed = (mine - truth).abs().mean(), (theirs - truth).abs().mean()
        assert error <= 2 * allowed + floor, (name, float(error), float(allowed), float(floor))


@settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    b=st.integers(4, 6),
    targets=st.sampled_from([1, 2, 5, 10, 16, 17, 33, 50, 100]),
    n_sources=st.sampled_from([2, 3, 5, 10, 33, 40]),
    lags=st.sampled_from([1, 2, 5, 10]),
    d=st.sampled_from([1, 3, 8, 16, 31]),
    e=st.sampled_from([1, 4, 8, 16, 33]),
    spread=st.sampled_from([0.1, 1.0, 2.0]),
    biased=st.sampled_from(["no", "source", "key"]),
    normalize=st.sampled_from(["softmax", "softmax", "none"]),
    reduce=st.sampled_from(REDUCTIONS),
    seed=st.integers(0, 10**6),
)
def test_random_shapes(heads, b, targets, n_sources, lags, d, e, spread, biased, normalize, reduce, seed):
    q, k, v = heads(b, 16, targets, n_sources * lags, d, e, seed=seed)
    tensors = [q * spread, k * spread, v]
    if biased != "no":
        generator = torch.Generator().manual_seed(seed)
        tensors.append(torch.randn(targets, n_sources * (lags if biased == "key" else 1), generator=generator))
    assert_as_exact_as_torch(tensors, seed=seed, n_sources=n_sources, reduce=reduce, normalize=normalize)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(
    "shape",
    [
        *((4, 16, 10, 10, 8), (2, 16, 40, 400, 8), (1, 8, 100, 500, 16), (1, 4, 33, 777, 40), (3, 8, 60, 131, 64)),
        # Few rows, for which vectors hold keys: one tile of them and several, channels that fill vectors or do not.
        *((16, 10, 5, 50, 8), (4, 16, 1, 10, 8), (3, 8, 2, 85, 5), (3, 8, 3, 131, 16), (2, 8, 8, 150, 33)),
    ],
)
def test_every_instruction_level(level, heads, shape, biased):
    tensors = list(heads(*shape))
    n_sources = shape[3] // next(lags for lags in (10, 7, 1) if shape[3] % lags == 0)
    if biased:
        tensors.append(torch.linspace(-1, 1, shape[2] * n_sources).view(shape[2], n_sources))
    assert_as_exact_as_torch(tensors, n_sources=n_sources)


@pytest.mark.parametrize("targets", [1, 3, 21])
@pytest.mark.parametrize("normalize", ["softmax", "none"])
def test_every_instruction_level_in_double(level, heads, normalize, targets):
    tensors = [*heads(2, 3, targets, 90, 5, 9, dtype=torch.float64), torch.randn(targets, 30, dtype=torch.float64)]
    grads = [torch.randn(2, 3, targets, 9, dtype=torch.float64), torch.randn(3, targets, 30, dtype=torch.float64)]
    options = {"n_sources": 30, "reduce": ("batch", "lag"), "normalize": normalize, "scale": -0.7}
    expected = results(attention_with_map_reference, tensors, grads, **options)
    for mine, truth in zip(results(attention_with_map, tensors, grads, **options), expected, strict=True):
        torch.testing.assert_close(mine, truth, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("amplitude", [30.0, 1e2, 1e3])
def test_extreme_logits(level, heads, amplitude):
    """Logits up to +-1e4 and beyond: no overflow, and torch's accuracy."""
    q, k, v = heads(4, 16, 20, 60, 8)
    assert (q @ k.mT).abs().max() * amplitude / math.sqrt(8) > (100 if amplitude < 1e3 else 1e3)
    assert_as_exact_as_torch([q * amplitude**0.5, k * amplitude**0.5, v], n_sources=20)


@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_logits_far_from_zero_keep_their_differences(level, offset):
    q = torch.ones(1, 2, 3, 1)
    k = torch.tensor([0.0, 1.0, 2.0, -3.0]).view(1, 1, 4, 1).expand(1, 2, 4, 1)
    out, map_ = attention_with_map(q, k, k, scale=1.0, bias=torch.full((3, 4), offset))
    expected = torch.softmax(torch.tensor([0.0, 1.0, 2.0, -3.0]), -1)
    torch.testing.assert_close(map_, expected.expand(3, 4), rtol=3e-7, atol=0)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_winner_takes_all(level, sign):
    """Logits 1e4 apart, of both signs: weights exactly 0 and 1, gradients finite."""
    q = torch.full((1, 1, 1, 1), 100.0 * sign, requires_grad=True)
    k = torch.tensor([-100.0, 100.0, 0.0]).view(1, 1, 3, 1).requires_grad_()
    v = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3, 1).requires_grad_()
    out, map_ = attention_with_map(q, k, v, scale=1.0)
    winner = 1 if sign > 0 else 0
    assert map_.tolist() == [[float(i == winner) for i in range(3)]]
    assert out.item() == winner + 1
    (out.sum() + map_.square().sum()).backward()
    assert q.grad.eq(0).all() and k.grad.eq(0).all() and v.grad.flatten().tolist() == map_[0].tolist()


@pytest.mark.parametrize("targets", [1, 3, 20])
@pytest.mark.parametrize("keys", [10, 70])
def test_a_scale_of_zero_attends_to_all_alike(level, heads, targets, keys):
    tensors = [t.requires_grad_() for t in heads(2, 3, targets, keys, 5)]
    out, map_ = attention_with_map(*tensors, scale=0.0)
    torch.testing.assert_close(map_, torch.full((targets, keys), 1 / keys))
    torch.testing.assert_close(out, tensors[2].mean(2, keepdim=True).expand_as(out))
    dq, dk, dv = torch.autograd.grad(out.square().sum() + map_.square().sum(), tensors)
    assert dq.eq(0).all() and dk.eq(0).all()
    torch.testing.assert_close(dv, (2 * out / keys).sum(2, keepdim=True).expand_as(dv))


@pytest.mark.parametrize("normalize", ["softmax", "none"])
@pytest.mark.parametrize("shape", [(2, 8, 5, 8000, 8), (1, 4, 1, 60000, 8), (2, 8, 20, 3000, 8)])
def test_thousands_of_lags(heads, shape, normalize):
    assert_as_exact_as_torch(heads(*shape), n_sources=5, normalize=normalize)
    assert_as_exact_as_torch([*heads(*shape), torch.randn(shape[2], 1)], n_sources=1, normalize=normalize)


def test_tens_of_thousands_of_heads(heads):
    """What few rows and keys of so many heads add up to: means of all, and a bias' gradient of one sign."""
    for targets, keys in ((1, 2), (20, 4)):
        tensors = [t.abs() for t in heads(300, 50, targets, keys, 2)]
        assert_as_exact_as_torch([*tensors, torch.randn(targets, keys)])
        assert_as_exact_as_torch([*tensors, torch.randn(targets, keys)], normalize="none", positive=True)


def test_one_key_has_weight_one(level, heads):
    q, k, v = heads(2, 3, 7, 1, 5)
    out, map_ = attention_with_map(q, k, v)
    assert torch.equal(out, v.expand(2, 3, 7, 5)) and torch.equal(map_, torch.ones(7, 1))


def test_rows_of_the_map_sum_to_one(level, heads):
    q, k, v = heads(16, 10, 40, 400, 8)
    _, map_ = attention_with_map(q, k, v, n_sources=40)
    torch.testing.assert_close(map_.sum(-1), torch.ones(40), rtol=0, atol=1e-6)


@pytest.mark.parametrize("lags", [1, 3])
@pytest.mark.parametrize("targets", [1, 20])
def test_forbidden_rows_are_zero_with_finite_gradients(level, heads, targets, lags):
    q, k, v = (t.requires_grad_() for t in heads(2, 3, targets, 4 * lags, 8))
    bias = torch.zeros(targets, 4)
    bias[-1] = -torch.inf
    bias[0, 1] = -torch.inf
    bias.requires_grad_()
    out, map_ = attention_with_map(q, k, v, n_sources=4, bias=bias)
    assert map_[-1].eq(0).all() and out[:, :, -1].eq(0).all() and map_[0, 1] == 0
    np.testing.assert_allclose(map_[:-1].detach().sum(-1), 1.0, rtol=1e-6)
    (out.square().sum() + map_.square().sum()).backward()
    assert all(torch.isfinite(t.grad).all() for t in (q, k, v, bias))
    assert q.grad[:, :, -1].eq(0).all() and bias.grad[-1].eq(0).all()


def test_what_is_not_a_number_stays_so(level, heads):
    q, k, v = heads(1, 1, 3, 40, 8)
    q[0, 0, 1, 2] = torch.nan
    out, map_ = attention_with_map(q, k, v)
    assert out[0, 0, 1].isnan().all() and map_[1].isnan().all()
    assert torch.isfinite(out[0, 0, [0, 2]]).all() and torch.isfinite(map_[[0, 2]]).all()
