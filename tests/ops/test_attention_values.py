"""Attention times the length of values, against the weights themselves."""

import pytest
import torch

from synfer.errors import ShapeError
from synfer.ops import attention_with_map_reference, value_weighted_map


@pytest.mark.parametrize("normalize", ["softmax", "none"])
@pytest.mark.parametrize("reduce", [("batch", "head", "lag"), ("head", "lag"), ("lag",)])
def test_each_weight_is_counted_by_its_value(normalize, reduce):
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, tokens, 4, generator=g, dtype=torch.float64) for tokens in (5, 10, 10))
    bias = torch.randn(5, 5, generator=g, dtype=torch.float64) if normalize == "softmax" else None
    _, weights = attention_with_map_reference(q, k, v, n_sources=5, reduce=(), bias=bias, normalize=normalize)
    expected = (weights * v.norm(dim=-1).view(2, 3, 1, 5, 2)).sum(-1)  # lags
    for name, axis in (("head", 1), ("batch", 0)):
        expected = expected.mean(axis) if name in reduce else expected
    found = value_weighted_map(q, k, v, n_sources=5, bias=bias, reduce=reduce, normalize=normalize)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("n_sources", [0, 4])
def test_sources_that_do_not_divide_the_keys_are_refused(n_sources):
    q, k, v = torch.zeros(2, 3, 5, 4), torch.zeros(2, 3, 10, 4), torch.zeros(2, 3, 10, 4)
    with pytest.raises(ShapeError, match="multiple of n_sources"):
        value_weighted_map(q, k, v, n_sources=n_sources)
