"""Random graphs: each against what defines it."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from synfer.simulate import erdos_renyi, fixed_in_degree, ring_order, scale_free, small_world
from synfer.simulate.wiring import graphs

from .conftest import all_alike, plausible, weights_of

OFF_DIAGONAL = ~np.eye(20, dtype=bool)


@pytest.fixture(params=["every pair", "edges alone"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to draw, that of small and that of large networks."""
    if request.param == "edges alone":
        monkeypatch.setattr(graphs, "EDGE_LIST_ABOVE", 0)


@pytest.mark.parametrize("p", [0.05, 0.3])
def test_every_pair_is_as_likely_to_be_joined(way: None, p: float) -> None:
    joined = weights_of(erdos_renyi(16, 4, p, n_networks=400, seed=3)) != 0
    assert plausible(np.count_nonzero(joined), 400 * 380, p)
    assert all_alike(joined.sum(0)[OFF_DIAGONAL], 400, p)
    assert abs(joined.sum((1, 2)).var() / (380 * p * (1 - p)) - 1) < 5 * np.sqrt(2 / 400)


@pytest.mark.parametrize("p", [0, 1])
@pytest.mark.parametrize("loops", [False, True])
def test_no_edges_and_all_edges(way: None, p: float, loops: bool) -> None:
    weights = weights_of(erdos_renyi(3, 2, p, seed=1, self_connections=loops))
    assert np.count_nonzero(weights) == p * (25 if loops else 20)


@pytest.mark.parametrize("in_degree", [1, 4, 15, 19])
def test_every_unit_has_as_many_inputs_from_anywhere(in_degree: int) -> None:
    joined = weights_of(fixed_in_degree(16, 4, in_degree, n_networks=300, seed=1)) != 0
    assert np.all(joined.sum(2) == in_degree)
    assert in_degree == 19 or all_alike(joined.sum(0)[OFF_DIAGONAL], 300, in_degree / 19)


@pytest.mark.parametrize("in_degree", [(6, 2), (0, 3), (15, 0), (12, 3)])
def test_inputs_of_each_kind_are_as_many_as_asked(in_degree: tuple[int, int]) -> None:
    joined = weights_of(fixed_in_degree(16, 4, in_degree, n_networks=300, seed=2)) != 0
    assert np.all(joined[:, :, :16].sum(2) == in_degree[0])
    assert np.all(joined[:, :, 16:].sum(2) == in_degree[1])
    # An inhibitory unit chooses among all excitatory ones, an excitatory one among the others.
    p = in_degree[0] / 16
    assert p == 0 or all_alike(joined[:, 16:, :16].sum(0), 300, p)
    p = in_degree[0] / 15
    assert p in (0, 1) or all_alike(joined[:, :16, :16].sum(0)[~np.eye(16, dtype=bool)], 300, p)


def test_without_rewiring_the_small_world_is_a_ring_lattice() -> None:
    weights, order = weights_of(small_world(16, 4, 6, 0.0, weight=1.0)), ring_order(16, 4)
    for place in range(20):
        sources = {int(order[(place + step) % 20]) for step in (-3, -2, -1, 1, 2, 3)}
        assert set(np.flatnonzero(weights[order[place]]).tolist()) == sources
    assert order.tolist() == [0, 1, 16, 2, 3, 4, 5, 17, 6, 7, 8, 9, 18, 10, 11, 12, 13, 19, 14, 15]
    assert ring_order(5, 0).tolist() == ring_order(0, 5).tolist() == [0, 1, 2, 3, 4]


def test_rewired_inputs_come_from_anywhere() -> None:
    lattice = weights_of(small_world(16, 4, 6, 0.0)) != 0
    all_moved = weights_of(small_world(16, 4, 6, 1.0, n_networks=400)) != 0
    assert np.all(all_moved.sum(2) == 6)
    assert all_alike(all_moved.sum(0)[OFF_DIAGONAL], 400, 6 / 19)
    some = weights_of(small_world(16, 4, 6, 0.2, n_networks=400)) != 0
    assert np.all(some.sum(2) == 6)
    # Of 1.2 inputs moved, those that are not back by chance: among 13 to 19 sources, 6 of the lattice.
    kept = np.count_nonzero(some & lattice) / np.count_nonzero(some)
    assert 0.8 < kept < 0.8 + 0.2 * 6 / 13 + 0.01
    dense = weights_of(small_world(16, 4, 18, 0.5, n_networks=5)) != 0  # few sources are left to move to
    assert np.all(dense.sum(2) == 18)


def test_a_small_world_is_clustered_and_yet_short() -> None:
    def figures(p: float) -> tuple[float, float]:
        graph = small_world(160, 40, 10, p, seed=6).to_networkx()
        return nx.average_clustering(graph.to_undirected()), nx.average_shortest_path_length(graph)

    (c_ring, l_ring), (c, length), (c_random, l_random) = figures(0.0), figures(0.05), figures(1.0)
    assert c_ring == pytest.approx(3 * (10 - 2) / (4 * (10 - 1)))  # Watts and Strogatz 1998
    assert c > 0.75 * c_ring
    assert length < 0.5 * l_ring
    assert c_random < 0.25 * c_ring
    assert length < 2 * l_random


def test_hubs_are_of_either_kind_and_send_as_they_receive() -> None:
    joined = weights_of(scale_free(1200, 300, 4, seed=2)) != 0
    assert np.count_nonzero(joined) == 4 * (1500 - 4)
    assert not np.any(joined & joined.T)
    received, sent = joined.sum(1), joined.sum(0)
    degree = received + sent
    assert degree.min() >= 4
    hubs = np.argsort(degree)[-50:]
    assert plausible(received[hubs].sum(), degree[hubs].sum(), 0.5)
    assert plausible(np.count_nonzero(hubs < 1200), 50, 0.8)
    for least in (8, 16, 32):
        assert plausible(np.count_nonzero(degree >= least), 1500, 4 * 5 / (least * (least + 1)))


@pytest.mark.parametrize("m", [1, 18, 19])
def test_few_and_many_edges_a_unit(m: int) -> None:
    weights = weights_of(scale_free(16, 4, m))
    assert np.count_nonzero(weights) == m * (20 - m)
    assert nx.is_connected(nx.from_numpy_array(abs(weights) + abs(weights.T)))


def test_hundred_thousand_units_are_a_list_of_edges() -> None:
    connectome = fixed_in_degree(80_000, 20_000, 10, delay=1e-3, seed=1)
    assert connectome.layout == "edges"
    assert connectome.score.shape == (1_000_000,)
    target, source = connectome.score["target"].values, connectome.score["source"].values
    assert np.array_equal(target, np.repeat(np.arange(100_000), 10))
    assert np.all((connectome.weight.values > 0) == (source < 80_000))
    sparse = erdos_renyi(80_000, 20_000, 1e-5, seed=1)
    assert plausible(sparse.score.size, 100_000 * 99_999, 1e-5)
    assert np.all(sparse.score["target"].values != sparse.score["source"].values)
