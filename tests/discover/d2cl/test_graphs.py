"""Prior graphs, enclosing subgraphs, and nodes' labels: against the slow twin, networkx and the published formula."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from synfer.discover.d2cl.graphs import (
    LABELS,
    Prior,
    distance_labels,
    enclosing,
    n_features,
    prior_graph,
    subgraphs,
    subgraphs_reference,
)


def random_prior(n, p, seed, layout=2):
    rng = np.random.default_rng(seed)
    joined = np.triu(rng.random((n, n)) < p, 1)
    joined |= joined.T
    neighbours = [rng.permutation(np.flatnonzero(row)) for row in joined]
    associations = rng.uniform(-1, 1, (1 + layout, n, n)).astype(np.float32)
    spread = None if layout == 1 else rng.uniform(0.05, 0.5, 3)
    return Prior(neighbours, associations, rng.uniform(-1, 0, n).astype(np.float32), spread), joined


@pytest.mark.parametrize("layout", [1, 2])
@pytest.mark.parametrize(("p", "most"), [(0.05, 16), (0.2, 16), (0.6, 8), (1.0, 5), (0.0, 4)])
def test_subgraphs_are_those_of_the_twin(p, most, layout):
    prior, _ = random_prior(30, p, 0, layout)
    pairs = np.argwhere(~np.eye(30, dtype=bool))
    found, expected = subgraphs(prior, pairs, most), subgraphs_reference(prior, pairs, most)
    assert found.shape == (len(pairs), most, n_features(layout) + most)
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # asinh is taken of float32 here, of float64 there


def test_labels_are_the_published_table():
    """By distances to the two, as the paper's figure lists them."""
    table = {(0, 1): 1, (1, 0): 1, (1, 1): 2, (1, 2): 3, (2, 1): 3, (1, 3): 4, (2, 2): 5, (1, 4): 6, (2, 3): 7}
    given = np.array(list(table), dtype=float)
    assert distance_labels(given[:, 0], given[:, 1]).tolist() == list(table.values())
    assert distance_labels([np.inf, 2.0], [1.0, np.inf]).tolist() == [0, 0]


def test_distances_are_networkx_s_with_the_other_of_the_pair_taken_away():
    prior, joined = random_prior(12, 0.25, 1)
    for source, target in [(0, 1), (3, 7), (5, 2)]:
        nodes, _, labels = enclosing(prior, source, target, 12)
        graph = nx.from_numpy_array(joined).subgraph(nodes).copy()
        if graph.has_edge(source, target):
            graph.remove_edge(source, target)
        far = []
        for one, other in ((source, target), (target, source)):
            lengths = nx.single_source_shortest_path_length(graph.subgraph(set(nodes.tolist()) - {other}), one)
            far.append([lengths.get(node, np.inf) for node in nodes.tolist()])
        np.testing.assert_array_equal(labels, distance_labels(*far))
        assert set(nodes.tolist()) == {source, target, *prior.neighbours[source], *prior.neighbours[target]}


def test_the_pair_s_own_edge_is_never_told():
    """Whether the pair is joined in the prior graph must not be seen in its adjacency."""
    prior, joined = random_prior(10, 0.5, 2)
    pairs = np.argwhere(joined)
    graphs = subgraphs(prior, pairs, 10)
    assert (graphs[:, 0, n_features() + 1] == 0).all()
    assert (graphs[:, 1, n_features()] == 0).all()
    assert (graphs[:, [0, 1], 1] == 1).all()  # both are labelled 1
    assert (graphs[:, 0, LABELS] == 1).all()  # and the source says that it is one
    assert (graphs[:, 1, LABELS] == 0).all()


def test_each_unit_chooses_its_strongest_correlations():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2000, 5))
    x[:, 1] += 2 * x[:, 0]
    x[:, 2] -= 0.5 * x[:, 1]
    prior = prior_graph([x], (0,), 1)
    assert prior.neighbours[0].tolist() == [1]
    assert prior.neighbours[1].tolist()[:2] == [0, 2]  # chosen by both, the strongest first
    np.testing.assert_allclose(prior.plain, np.corrcoef(x.T) - np.eye(5), atol=1e-6)
    # 1 / (1 + 4) of 1, 1 / (1 + 1 / 4) of 5, 1 of 2.25, all of what stands alone; a little more by the shrinkage. In
    # layout 2 over the middle one of these.
    left = np.array([1 / 5, 0.8 / 5, 1 / 2.25, 1.0, 1.0])
    np.testing.assert_allclose(np.exp(prior_graph([x], (0,), 1, layout=1).unexplained), left, rtol=0.15)
    np.testing.assert_allclose(np.exp(prior.unexplained), left * 2.25, rtol=0.15)
    assert abs(prior.partial[2, 0]) < 0.06 < 0.5 < abs(prior.plain[2, 0])  # a chain's ends, given its middle


def test_partial_correlations_are_of_ledoit_s_and_wolf_s_matrix_and_of_one_halfway_to_none():
    from sklearn.covariance import ledoit_wolf

    rng = np.random.default_rng(6)
    x = rng.standard_normal((60, 50))
    x[:, 1:] += 0.4 * x[:, :-1]
    z = (x - x.mean(0)) / x.std(0)
    shrunk, share = ledoit_wolf(z, assume_centered=True)
    assert 0.1 < share < 0.9
    prior = prior_graph([x[:25], x[25:]], (0,), 3)  # of all segments together
    for found, matrix in zip(prior.associations[1:], (shrunk, 0.5 * (shrunk + np.eye(50))), strict=True):
        precision = np.linalg.inv(matrix)
        expected = -precision / np.sqrt(np.outer(np.diag(precision), np.diag(precision)))
        np.fill_diagonal(expected, 0.0)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    off = ~np.eye(50, dtype=bool)
    spread = [np.median(np.abs(kind[off])) / 0.6745 for kind in prior.associations]
    np.testing.assert_allclose(prior.spread, spread, rtol=1e-5)


def test_what_is_much_for_most_pairs_is_measured_by_most_pairs():
    """Independent units: in units of the spread magnitudes are the same at any number of units and samples."""
    rng = np.random.default_rng(7)
    for n, n_units in ((60, 50), (2000, 20)):
        prior = prior_graph([rng.standard_normal((n, n_units))], (0,), 3)
        off = ~np.eye(n_units, dtype=bool)
        for kind, spread in zip(prior.associations, prior.spread, strict=True):
            assert np.quantile(np.abs(kind[off]) / spread, 0.95) == pytest.approx(1.96, abs=0.25)


def test_lagged_associations_have_a_direction_and_cross_no_splice():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3000, 3))
    x[2:, 1] += x[:-2, 0]
    prior = prior_graph([x], (1, 2), 1)
    assert prior.plain[1, 0] > 0.6 > 0.1 > abs(prior.plain[0, 1])
    assert prior.partial[1, 0] > 0.6 > 0.1 > abs(prior.partial[0, 1])
    alone = prior_graph(list(x[:, None]), (1,), 1)  # every sample a segment of its own
    assert (alone.plain == 0).all()


def test_lagged_partial_associations_are_those_of_a_regression_on_all_units():
    """r = t / sqrt(df + t^2), t of least squares; what goes by way of another unit at the time before is explained."""
    rng = np.random.default_rng(5)
    n = 4000
    x = rng.standard_normal((n, 4))
    for k in range(1, n):
        x[k] += 0.4 * x[k - 1]
        x[k, 1] += 0.8 * x[k - 1, 0]
        x[k, 2] += 0.8 * x[k - 1, 1]
    prior = prior_graph([x], (1,), 2, shrinkage=0.0)
    z = (x - x.mean(0)) / x.std(0)
    past, now = z[:-1], z[1:]
    b, residual, _, _ = np.linalg.lstsq(past, now, rcond=None)
    df = len(past) - 4
    t = b.T / np.sqrt(np.outer(residual / df, np.diag(np.linalg.inv(past.T @ past))))
    expected = t / np.sqrt(df + t**2)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(prior.partial, expected, atol=2e-3)
    assert abs(prior.partial[2, 0]) < 0.05 < 0.15 < prior.plain[2, 0]
