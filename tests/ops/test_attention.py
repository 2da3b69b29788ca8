"""The attention operator against float64 softmax written out, and its refusals."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.ops import attention_with_map


def inputs(b, h, targets, n_sources, lags, d, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(b, h, targets, d, generator=generator, dtype=dtype)
    k, v = (torch.randn(b, h, n_sources * lags, d, generator=generator, dtype=dtype) for _ in range(2))
    return q, k, v


def by_hand(q, k, v, n_sources, bias=None):
    """Weights (B, H, L, source, lag) and output, one scalar product at a time."""
    b, h, targets, d = q.shape
    lags = k.shape[2] // n_sources
    weights = np.zeros((b, h, targets, n_sources, lags))
    out = np.zeros((b, h, targets, v.shape[-1]))
    for index in np.ndindex(b, h, targets):
        logits = np.array([float(q[index] @ k[index[0], index[1], s]) / math.sqrt(d) for s in range(k.shape[2])])
        if bias is not None:
            logits += np.repeat(bias[index[2]], lags)
        w = np.exp(logits - logits.max())
        w /= w.sum()
        weights[index] = w.reshape(n_sources, lags)
        out[index] = w @ v[index[0], index[1]].numpy()
    return weights, out


@settings(deadline=None, max_examples=25)
@given(*(st.integers(1, 4) for _ in range(5)), st.integers(1, 9), st.booleans())
def test_equals_attention_written_out(b, h, targets, n_sources, lags, d, biased):
    q, k, v = inputs(b, h, targets, n_sources, lags, d)
    bias = torch.linspace(-2, 2, targets * n_sources, dtype=q.dtype).view(targets, n_sources) if biased else None
    weights, expected = by_hand(q, k, v, n_sources, None if bias is None else bias.numpy())
    out, map_ = attention_with_map(q, k, v, n_sources=n_sources, bias=bias)
    np.testing.assert_allclose(out, expected, atol=1e-12)
    np.testing.assert_allclose(map_, weights.sum(-1).mean((0, 1)), atol=1e-12)
    np.testing.assert_allclose(map_.sum(-1), 1.0)


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        ((), lambda w: w),
        (("lag",), lambda w: w.sum(-1)),
        (("head", "lag"), lambda w: w.sum(-1).mean(1)),
        (("batch",), lambda w: w.mean(0)),
        (("batch", "head"), lambda w: w.mean((0, 1))),
    ],
)
def test_each_reduction(reduce, expected):
    q, k, v = inputs(2, 3, 4, 5, 2, 8)
    weights, _ = by_hand(q, k, v, 5)
    _, map_ = attention_with_map(q, k, v, n_sources=5, reduce=reduce)
    np.testing.assert_allclose(map_, expected(weights), atol=1e-12)


def test_source_major_layout_names_the_attended_source():
    q = torch.zeros(1, 1, 1, 2)
    q[..., 0] = 50.0
    k = torch.zeros(1, 1, 6, 2)
    k[0, 0, 3, 0] = 1.0  # lag 1 of source 1, with three sources of two lags
    _, map_ = attention_with_map(q, k, k, n_sources=3, reduce=())
    assert map_.squeeze()[1, 1] > 0.99


def test_without_map_is_the_same_output():
    q, k, v = inputs(2, 3, 4, 5, 2, 8)
    out, _ = attention_with_map(q, k, v, n_sources=5)
    fused, none = attention_with_map(q, k, v, n_sources=5, out_map=False)
    assert none is None
    np.testing.assert_allclose(fused, out, atol=1e-12)


def test_linear_attention_is_a_product():
    q, k, v = inputs(2, 1, 3, 4, 1, 6)
    out, map_ = attention_with_map(q, k, v, normalize="none", scale=0.5)
    np.testing.assert_allclose(out, 0.5 * (q @ k.mT) @ v)
    np.testing.assert_allclose(map_, (0.5 * q @ k.mT).mean((0, 1)))


def test_forbidden_edges_get_nothing_and_a_forbidden_row_is_zero():
    q, k, v = (t.requires_grad_() for t in inputs(1, 2, 3, 3, 2, 4))
    bias = torch.zeros(3, 3, dtype=q.dtype)
    bias[0, 1] = -torch.inf
    bias[2] = -torch.inf
    out, map_ = attention_with_map(q, k, v, n_sources=3, bias=bias)
    assert map_[0, 1] == 0 and map_[2].eq(0).all() and out[:, :, 2].eq(0).all()
    np.testing.assert_allclose(map_[:2].sum(-1).detach(), 1.0)
    (out.sum() + map_.square().sum()).backward()
    assert all(torch.isfinite(t.grad).all() for t in (q, k, v)) and q.grad[:, :, 2].eq(0).all()


def test_gradients_of_output_and_map():
    q, k, v = (t.requires_grad_() for t in inputs(2, 2, 3, 2, 2, 3))
    bias = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *a: attention_with_map(*a[:3], n_sources=2, bias=a[3]), (q, k, v, bias), fast_mode=True
    )


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"n_sources": 4}, ShapeError, "multiple of n_sources"),
        ({"q": torch.zeros(2, 3, 8)}, ShapeError, r"\(B, H, L, D\)"),
        ({"q": torch.zeros(2, 3, 4, 7)}, ShapeError, "share B, H and D"),
        ({"v": torch.zeros(2, 3, 9, 8)}, ShapeError, r"\(B, H, S, E\)"),
        ({"q": torch.zeros(2, 3, 4, 8, dtype=torch.float64)}, InputError, "one dtype"),
        ({"bias": torch.zeros(4, 3)}, ShapeError, "bias"),
        ({"bias": np.zeros((4, 5))}, InputError, "bias must be a torch tensor, got a ndarray"),
        ({"q": np.zeros((2, 3, 4, 8))}, InputError, "q, k, v must be torch tensors, got ndarray, Tensor"),
        ({"n_sources": 5.0}, InputError, "n_sources must be a whole number, got a float"),
        ({"reduce": ("lags",)}, UnknownNameError, "did you mean 'lag'"),
        ({"normalize": "sofmax"}, UnknownNameError, "did you mean 'softmax'"),
    ],
)
def test_bad_arguments_are_named(change, error, words):
    q, k, v = inputs(2, 3, 4, 5, 2, 8, dtype=torch.float32)
    with pytest.raises(error, match=words):
        attention_with_map(**({"q": q, "k": k, "v": v, "n_sources": 5} | change))
