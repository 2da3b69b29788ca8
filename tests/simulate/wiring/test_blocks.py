"""Clusters and cell types: densities and strengths of every block."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from synfer.errors import InputError, ShapeError
from synfer.simulate import by_cell_type, clustered, clusters_of

from .conftest import all_alike, plausible, weights_of

TYPES = {"EC": 60, "Pvalb": 12, "Sst": 9}
P = np.array([[0.1, 0.5, 0.3], [0.4, 0.6, 0.0], [0.25, 0.2, 1.0]])
WEIGHT = np.array([[0.3, -1.2, -0.8], [0.6, -0.9, 0.5], [0.4, -0.5, -0.2]])


def test_clusters_are_denser_and_stronger() -> None:
    n_networks, edges = 60, [0, 15, 31, 46, 62]
    connectome = clustered(
        62, 10, 4, 0.6, 0.15, p_inh=0.4, weight=1.0, weight_inh=3.0, weight_ratio=1.9, n_networks=n_networks, seed=1
    )
    weights = weights_of(connectome)
    of = np.concatenate([np.repeat(np.arange(4), np.diff(edges)), np.full(10, 9)])
    assert clusters_of(62, 4).tolist() == of[:62].tolist()
    inside = (of[:, None] == of) & (of < 9)
    across = (of[:, None] != of) & (of < 9) & (of[:, None] < 9)
    off = ~np.eye(72, dtype=bool)
    for block, p in ((inside & off, 0.6), (across, 0.15), (~inside & ~across & off, 0.4)):
        counts = np.count_nonzero(weights, axis=0)[block]
        assert plausible(counts.sum(), n_networks * block.sum(), p)
        assert all_alike(counts, n_networks, p)
    assert set(np.unique(weights[:, inside])) == {0.0, 1.9}
    assert set(np.unique(weights[:, across])) == {0.0, 1.0}
    assert set(np.unique(weights[:, :, 62:])) == {0.0, -3.0}


def test_cell_types_may_be_named_in_pairs() -> None:
    names = list(TYPES)
    p = {(t, s): P[i, j] for i, t in enumerate(names) for j, s in enumerate(names)}
    weight = {(t, s): WEIGHT[i, j] for i, t in enumerate(names) for j, s in enumerate(names)}
    shuffled = dict(sorted(p.items()))
    expected = by_cell_type(TYPES, P, WEIGHT, dale=False, seed=3)
    assert by_cell_type(TYPES, shuffled, weight, dale=False, seed=3).identical(expected)
    only = weights_of(by_cell_type({"E": 30, "I": 10}, {("E", "I"): 1.0}, {("E", "I"): -2.0}))
    assert (only[:30, 30:] == -2).all() and np.count_nonzero(only) == 300


@pytest.mark.parametrize(
    ("p", "words"),
    [
        ({("E", "X"): 0.1}, r"p's keys must be pairs \(target type, source type\) of 'E', 'I'; got \('E', 'X'\)"),
        ({"E": 0.1}, "p's keys must be pairs .* got 'E'"),
        ({("E", "I"): "much"}, r"p\[\('E', 'I'\)\] must be a finite number"),
        ({("E", "I"): 1.5}, "p must hold probabilities"),
    ],
)
def test_pairs_that_are_none_are_refused(p: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        by_cell_type({"E": 3, "I": 2}, p, {("E", "I"): -1.0})


def test_one_cluster_is_a_random_graph() -> None:
    weights = weights_of(clustered(30, 0, 1, 0.5, 0.0, n_networks=50))
    assert plausible(np.count_nonzero(weights), 50 * 30 * 29, 0.5)


def test_each_pair_of_types_has_its_probability_and_strength() -> None:
    n_networks = 80
    truth = by_cell_type(TYPES, P, WEIGHT, weight_cv=0.5, dale=True, n_networks=n_networks, seed=2)
    weights, ends = weights_of(truth), np.cumsum([0, *TYPES.values()])
    assert truth.unit_ids[[0, 59, 60, 72, 80]].tolist() == ["EC_0", "EC_59", "Pvalb_0", "Sst_0", "Sst_8"]
    for a in range(3):
        for b in range(3):
            block = weights[:, ends[a] : ends[a + 1], ends[b] : ends[b + 1]]
            n_pairs = block[0].size - (block.shape[1] if a == b else 0)
            drawn = block[block != 0]
            assert plausible(len(drawn), n_networks * n_pairs, P[a, b])
            if len(drawn):
                assert np.all(np.sign(drawn) == np.sign(WEIGHT[a, b]))
                spread = 0.5 * abs(WEIGHT[a, b])
                assert abs(drawn.mean() - WEIGHT[a, b]) < 5 * spread / np.sqrt(len(drawn))
                assert drawn.std() == pytest.approx(spread, rel=0.15)
    assert not np.any(np.diagonal(weights, axis1=1, axis2=2))


def test_tables_with_names_may_lie_in_any_order() -> None:
    plain = by_cell_type(TYPES, P, WEIGHT, seed=3)
    names = list(TYPES)
    p, weight = (xr.DataArray(table, {"target": names, "source": names}, ("target", "source")) for table in (P, WEIGHT))
    turned = {"target": names[::-1], "source": [names[1], names[2], names[0]]}
    assert by_cell_type(TYPES, p.sel(turned).T, weight.T, seed=3).identical(plain)
    assert by_cell_type(TYPES, p.drop_vars(["target", "source"]).T, weight, seed=3).identical(plain)
    with pytest.raises(ShapeError, match=r"p must have dims \(target, source\); got \('a', 'b'\)"):
        by_cell_type(TYPES, xr.DataArray(P, dims=("a", "b")), WEIGHT)
    with pytest.raises(InputError, match="source labels must be the types"):
        by_cell_type(TYPES, p.assign_coords(source=["EC", "Pvalb", "Vip"]), WEIGHT)


def test_a_transposed_table_breaks_dales_law_and_is_refused() -> None:
    with pytest.raises(InputError, match=r"'EC' has both: transpose it .* dale=False"):
        by_cell_type(TYPES, P, WEIGHT.T)
    assert by_cell_type(TYPES, P, WEIGHT.T, dale=False).n_units == 81


def test_hundred_thousand_units_of_two_types() -> None:
    truth = by_cell_type({"Pyr": 80_000, "Pvalb": 20_000}, [[1e-5, 3e-5], [2e-5, 0]], [[1, -2], [1, -2]], delay=1e-3)
    assert truth.layout == "edges"
    source = truth.score["source"].values
    assert plausible(np.count_nonzero(source >= 80_000), 80_000 * 20_000, 3e-5)
    assert plausible(truth.score.size, 100_000 * 100_000, (64 * 1 + 16 * 3 + 16 * 2) / 100 * 1e-5)
