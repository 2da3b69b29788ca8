"""Edges sorted by the core, beside scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from synfer import _core


def some_edges(n_units: int, n_edges: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n_units**2, n_edges, replace=False)
    return pairs // n_units, pairs % n_units, rng.normal(size=n_edges)


@pytest.mark.parametrize(
    ("n_units", "n_edges"), [(1, 0), (1, 1), (7, 20), (511, 3000), (512, 1), (513, 9000), (5000, 40_000)]
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_edges_are_sorted_as_scipy_sorts_them(n_units: int, n_edges: int, kind: type) -> None:
    source, target, strength = some_edges(n_units, n_edges, n_units)
    strength = strength.astype(kind)
    starts, targets, strengths, places = _core.edge_lists(source, target, strength, n_units, n_units, True)
    matrix = scipy.sparse.csr_array((np.arange(n_edges) + 1, (source, target)), shape=(n_units, n_units))
    matrix.sort_indices()
    np.testing.assert_array_equal(starts, matrix.indptr)
    np.testing.assert_array_equal(targets, matrix.indices)
    np.testing.assert_array_equal(places, matrix.data - 1)
    np.testing.assert_array_equal(strengths, strength[places])
    assert strengths.dtype == kind
    *same, none = _core.edge_lists(source, target, strength, n_units, n_units, False)
    assert none is None
    for once, again in zip((starts, targets, strengths), same, strict=True):
        np.testing.assert_array_equal(once, again)


def test_edges_from_nowhere_are_refused() -> None:
    one = np.ones(1)
    for source, target in ((-1, 0), (0, 2)):
        with pytest.raises(ValueError, match="out of range"):
            _core.edge_lists(np.array([source]), np.array([target]), one, 2, 2, False)
    with pytest.raises(ValueError, match="target"):
        _core.edge_lists(np.array([0]), np.array([0, 1]), one, 2, 2, False)
