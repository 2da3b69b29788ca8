"""The user's own matrix or graph."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xarray as xr

from synfer.errors import InputError, ShapeError
from synfer.simulate import LogNormal, UniformDelay, from_matrix, from_networkx

from .conftest import weights_of

W = np.array([[0.5, -2.0, 0.0], [0.0, 0.0, 1.0], [3.0, 0.0, 0.0]])
LAGS = np.array([[1e-3, 2e-3, np.nan], [np.nan, 0.0, 3e-3], [4e-3, np.nan, np.nan]])


@pytest.mark.parametrize("kind", [np.array, scipy.sparse.csr_array, scipy.sparse.coo_matrix, np.ndarray.tolist])
@pytest.mark.parametrize("layout", [None, "matrix", "edges"])
def test_the_weights_are_what_was_given(kind, layout: str | None) -> None:
    for delay in (None, 1e-3, LAGS):
        given = scipy.sparse.csr_array(np.nan_to_num(LAGS)) if delay is LAGS and "sparse" in str(kind) else delay
        connectome = from_matrix(kind(W), delay=given, unit_ids=["a", "b", "c"], layout=layout)
        assert connectome.layout == (layout or "matrix")
        np.testing.assert_array_equal(weights_of(connectome), W)
        if delay is not None:
            expected = np.where(W != 0, delay, np.nan)
            np.testing.assert_array_equal(connectome.to_matrix().delay, expected)
        assert connectome.unit_ids.tolist() == ["a", "b", "c"]


def test_the_callers_arrays_are_left_alone() -> None:
    doubled = scipy.sparse.coo_array((np.array([1.0, 2.0, 0.0]), ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    weights = weights_of(from_matrix(doubled))
    np.testing.assert_array_equal(weights, [[0, 3], [0, 0]])
    assert doubled.nnz == 3


def test_random_delays_are_keyed_by_the_seed_and_not_by_the_layout() -> None:
    delay = UniformDelay(1e-3, 5e-3)
    dense, sparse = (from_matrix(w, delay=delay, seed=3) for w in (W, scipy.sparse.csr_array(W)))
    np.testing.assert_array_equal(dense.delay, sparse.delay)
    batch = from_matrix(np.stack([W, W]), delay=delay, seed=3)
    np.testing.assert_array_equal(batch.delay[0], dense.delay)
    assert not np.array_equal(batch.delay[1], dense.delay, equal_nan=True)


def test_a_large_sparse_matrix_stays_a_list() -> None:
    weights = scipy.sparse.random_array((6000, 6000), density=1e-3, rng=np.random.default_rng(0), format="csc")
    connectome = from_matrix(weights)
    assert connectome.layout == "edges"
    back = scipy.sparse.coo_array(
        (connectome.weight.values, (connectome.weight["target"].values, connectome.weight["source"].values)),
        shape=(6000, 6000),
    )
    assert (back.tocsc() != weights).nnz == 0


def test_a_matrix_without_edges_is_a_wiring_whatever_its_delays() -> None:
    for n in (5, 10_000):
        nobody = scipy.sparse.csr_array((n, n))
        assert len(from_matrix(nobody, delay=nobody.copy()).edges()) == 0


def test_labelled_weights_are_brought_into_order() -> None:
    frame = pd.DataFrame(W, index=["a", "b", "c"], columns=["a", "b", "c"])
    assert from_matrix(frame).unit_ids.tolist() == ["a", "b", "c"]
    assert from_matrix(pd.DataFrame(W)).unit_ids.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match=r"columns \(sources\) must be its rows"):
        from_matrix(frame[["b", "a", "c"]])
    with pytest.raises(InputError, match="masked array"):
        from_matrix(np.ma.masked_equal(W, 0.0))
    labelled = xr.DataArray(W, {"target": ["a", "b", "c"], "source": ["a", "b", "c"]}, ("target", "source"))
    connectome = from_matrix(labelled.T)
    np.testing.assert_array_equal(weights_of(connectome), W)
    assert connectome.unit_ids.tolist() == ["a", "b", "c"]
    with pytest.raises(InputError, match="source labels must be its target labels"):
        from_matrix(labelled.isel(source=[1, 0, 2]))
    with pytest.raises(ShapeError, match=r"dims \(target, source\)"):
        from_matrix(labelled.rename(source="to"))


def test_a_graph_and_back() -> None:
    truth = from_matrix(W * [[0, 1, 1], [1, 0, 1], [1, 1, 0]], delay=2e-3, unit_ids=["a", "b", "c"])
    again = from_networkx(truth.to_networkx(), delay="delay")
    np.testing.assert_array_equal(again.weight, truth.weight)
    np.testing.assert_array_equal(again.delay, truth.delay)
    assert again.unit_ids.tolist() == ["a", "b", "c"]
    assert again.weight.sel(target="c", source="a") == 3.0  # edges run source -> target


@pytest.mark.parametrize("view", ["whole", "seen in part", "reversed"])
@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph])
def test_attributes_go_with_their_edges(kind: type[nx.Graph], view: str) -> None:
    rng = np.random.default_rng(0)
    graph = kind()
    graph.add_nodes_from(f"unit {k}" for k in rng.permutation(20))
    for source, target in rng.choice(list(graph), (90, 2)):  # some of them loops, some twice
        graph.add_edge(source, target, weight=rng.normal(), delay=rng.random() + 0.1)
    if view == "seen in part":
        graph = graph.subgraph(list(graph)[3:15])
    elif view == "reversed":
        graph = graph.reverse(copy=False) if graph.is_directed() else nx.Graph(graph)
    connectome = from_networkx(graph, delay="delay")
    assert connectome.unit_ids.tolist() == list(graph)
    slow = nx.to_numpy_array(graph, weight="weight").T
    np.testing.assert_array_equal(connectome.weight, slow)
    delays = nx.to_numpy_array(graph, weight="delay", nonedge=np.nan).T
    np.testing.assert_array_equal(connectome.delay, delays)


@pytest.mark.parametrize("layout", ["matrix", "edges"])
def test_networkxs_generators_are_taken(layout: str) -> None:
    graph = nx.watts_strogatz_graph(30, 4, 0.2, seed=1)
    weights = weights_of(from_networkx(graph, weight=LogNormal(1.0, 1.0), delay=UniformDelay(0.1, 0.2), layout=layout))
    np.testing.assert_array_equal(weights != 0, nx.to_numpy_array(graph).T != 0)
    directed = nx.gnp_random_graph(30, 0.2, seed=1, directed=True)
    np.testing.assert_array_equal(
        weights_of(from_networkx(directed, weight=-1.5)), -1.5 * nx.to_numpy_array(directed).T
    )
    tuples = nx.grid_2d_graph(3, 3)
    assert from_networkx(tuples, weight=1.0).unit_ids.tolist() == list(range(9))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: from_matrix(np.where(W == 3, np.nan, W)), InputError, r"weights must be finite.*\(2, 0\) it is nan"),
        (lambda: from_matrix(scipy.sparse.csr_array(np.full((2, 2), np.inf))), InputError, "weights must be finite"),
        (lambda: from_matrix(W[:2]), ShapeError, r"weights must have shape .*\(2, 3\)"),
        (lambda: from_matrix(np.zeros((0, 0))), ShapeError, "weights must have shape"),
        (lambda: from_matrix(3.0), ShapeError, "weights must have shape"),
        (lambda: from_matrix(scipy.sparse.csr_array(W[:2])), ShapeError, r"weights must have shape .*\(2, 3\)"),
        (lambda: from_matrix("random"), InputError, "weights must be an array of numbers"),
        (lambda: from_matrix(W * 1j), InputError, "weights must be an array of numbers"),
        (lambda: from_matrix(scipy.sparse.csr_array(W * 1j)), InputError, "weights must be real numbers"),
        (lambda: from_matrix([[0.0], [0.0, 1.0]]), InputError, "weights must be an array, or lists of equal"),
        (lambda: from_matrix(np.stack([W, W]), layout="edges"), ShapeError, "for an edge list"),
        (lambda: from_matrix(W, layout="csr"), InputError, "layout must be 'matrix', 'edges' or None; got 'csr'"),
        (lambda: from_matrix(W, delay=-1e-3), InputError, "delay must be positive seconds"),
        (lambda: from_matrix(W, delay=-LAGS), InputError, "delay must be positive seconds for every edge; got -0.001"),
        (lambda: from_matrix(W, delay=LAGS.T), InputError, "delay must be positive seconds for every edge; got nan"),
        (lambda: from_matrix(W, delay=LAGS[0]), ShapeError, r"delay must have the shape of the weights, \(3, 3\)"),
        (
            lambda: from_matrix(scipy.sparse.csr_array(W), delay=scipy.sparse.csr_array(W[:2])),
            ShapeError, "delay must have the shape of the weights",
        ),
        (
            lambda: from_matrix(scipy.sparse.csr_array(W), delay=scipy.sparse.csr_array(W * 0)),
            InputError, "delay must be positive seconds for every edge",
        ),
        (lambda: from_matrix(scipy.sparse.csr_array(W), delay=LAGS), InputError, "delay must be a finite number"),
        (lambda: from_networkx(W), InputError, "graph must be a networkx Graph"),
        (lambda: from_networkx(nx.Graph()), InputError, "graph must have at least one node"),
        (lambda: from_networkx(nx.MultiGraph([(0, 1)])), InputError, "graph must join a pair once"),
        (lambda: from_networkx(nx.path_graph(3)), InputError, "weight must name an attribute .*'weight'"),
        (lambda: from_networkx(nx.path_graph(3), weight=1.0, delay="lag"), InputError, "delay must name an attribute"),
        (lambda: from_networkx(nx.path_graph(3), weight=None), InputError, "weight must be a finite number; got None"),
    ],
)  # fmt: skip
def test_what_is_no_wiring_is_refused_by_name(make, error, words: str) -> None:
    with pytest.raises(error, match=words):
        make()
