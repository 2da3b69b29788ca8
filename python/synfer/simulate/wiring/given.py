"""Wirings that the user brings: a matrix, dense or sparse, or a networkx graph."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse
import xarray as xr

from synfer.arguments import checked_number, checked_numbers, checked_seed
from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError
from synfer.simulate.wiring.assemble import checked_layout, refuse_beyond_memory
from synfer.simulate.wiring.distributions import Delay, LogNormal, UniformDelay, checked_delay, delays, told
from synfer.simulate.wiring.draws import DELAY_STREAM, WEIGHT_STREAM, generator_of
from synfer.storage import rectangular

if TYPE_CHECKING:
    import networkx as nx


def from_matrix(
    weights: Any, *, delay: Any = None, unit_ids: Any = None, seed: int = 0, layout: str | None = None
) -> Connectome:
    """Wiring by the user's own weights.

    Parameters
    ----------
    weights : array, DataArray, DataFrame or scipy.sparse ([network,] target, source)
        W[target, source], the effect of source on target: finite, 0 where there is no edge. The diagonal is kept as it
        is given. A DataArray is transposed by its dims' names; a DataFrame has a row a target, a column a source.
    delay : float, UniformDelay, array or scipy.sparse, optional
        Seconds of each edge, or an array in the shape of the weights (what it holds where there is no edge is left
        out); for sparse weights a sparse one with an entry for each edge.
    unit_ids : array (unit,) of int or str, optional
        Labels of the units.
    seed : int
        Of the delays, where they are random.
    layout : {"matrix", "edges"}, optional
        How it is held; default a matrix up to 4,096 units, an edge list above.

    Returns
    -------
    Connectome
        The weights, ([network,] target, source) or (edge,).

    Raises
    ------
    ShapeError
        The weights are not square, or the delays of another shape.
    InputError
        A weight is NaN or infinite, a delay not positive, or memory does not hold the result.

    Examples
    --------
    >>> from synfer.simulate import from_matrix
    >>> from_matrix([[0.0, 1.5], [-2.0, 0.0]], delay=2e-3).edges()[["source", "target", "weight"]].values.tolist()
    [[0.0, 1.0, -2.0], [1.0, 0.0, 1.5]]
    """
    seed = checked_seed(seed)
    if scipy.sparse.issparse(weights):
        target, source, given, n = _sparse_entries(weights)
        lags = _sparse_delays(delay, weights.shape, target, source, seed)
        layout = checked_layout(layout, n)
        refuse_beyond_memory(n, len(given), 1, layout)
        connectome = Connectome.from_edges(
            source, target, n_units=n, unit_ids=unit_ids, weight=given, delay=lags, method="from_matrix"
        )
        return connectome if layout == "edges" else connectome.to_matrix()
    if isinstance(weights, pd.DataFrame):
        if not weights.index.equals(weights.columns) and not _counted(weights):
            raise InputError("weights' columns (sources) must be its rows (targets), in the same order; use reindex.")
        unit_ids = weights.index.to_numpy() if unit_ids is None else unit_ids
    if isinstance(weights, np.ma.MaskedArray):
        raise InputError("weights is a masked array: give its data with 0 where there is no edge.")
    if isinstance(weights, xr.DataArray):
        weights, unit_ids = _ordered(weights, unit_ids)
    matrix = checked_numbers("weights", weights)
    shape = matrix.shape
    if len(shape) not in (2, 3) or shape[-1] != shape[-2] or 0 in shape:
        raise ShapeError(f"weights must have shape (target, source) or (network, target, source); got {shape}.")
    _refuse_not_finite(matrix)
    layout = checked_layout(layout, shape[-1])
    if layout == "edges":
        if len(shape) == 3:
            raise ShapeError(f"weights must be (target, source) for an edge list; got {shape}: give layout='matrix'.")
        if not (delay is None or isinstance(delay, UniformDelay) or rectangular(delay, "delay").ndim == 0):
            delay = scipy.sparse.csr_array(np.nan_to_num(np.asarray(_matrix_of_delays(delay, matrix, seed))))
        return from_matrix(scipy.sparse.csr_array(matrix), delay=delay, unit_ids=unit_ids, seed=seed, layout="edges")
    refuse_beyond_memory(shape[-1], 0, len(matrix) if len(shape) == 3 else 1, layout)
    matrix = matrix if matrix.dtype in (np.float32, np.float64) else matrix.astype(np.float64)
    lags = _matrix_of_delays(delay, matrix, seed)
    return Connectome(np.abs(matrix), weight=matrix, delay=lags, unit_ids=unit_ids, method="from_matrix")


def from_networkx(
    graph: nx.Graph,
    *,
    weight: str | float | LogNormal = "weight",
    delay: Delay | str | None = None,
    seed: int = 0,
    layout: str | None = None,
) -> Connectome:
    """Wiring by a networkx graph, and so by any of networkx's generators; an undirected edge joins both ways.

    Parameters
    ----------
    graph : networkx.Graph or networkx.DiGraph
        Edges run source -> target. Nodes become the units, in their order, labelled as they are where all are integers
        or all text.
    weight : str, float or LogNormal
        Name of the edges' attribute that holds the signed weight, or the weight of all, or what it is drawn from.
    delay : float, UniformDelay or str, optional
        Seconds of each edge, or the name of the attribute that holds them.
    seed : int
        Of random weights and delays.
    layout : {"matrix", "edges"}, optional
        How it is held; default a matrix up to 4,096 units, an edge list above.

    Returns
    -------
    Connectome
        Weights W[target, source], (target, source) or (edge,).

    Raises
    ------
    InputError
        It is no such graph, has no nodes, joins a pair twice, or lacks an attribute.

    Examples
    --------
    >>> import networkx as nx
    >>> from synfer.simulate import from_networkx
    >>> from_networkx(nx.davis_southern_women_graph(), weight=1.0).n_units
    32
    """
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise InputError(f"graph must be a networkx Graph or DiGraph; got a {type(graph).__name__}.")
    if graph.is_multigraph():
        raise InputError("graph must join a pair once: turn the multigraph into nx.DiGraph(graph).")
    n = graph.number_of_nodes()
    if n == 0:
        raise InputError("graph must have at least one node.")
    seed, layout = checked_seed(seed), checked_layout(layout, n)
    nodes, adjacency = list(graph), dict(graph.adjacency())
    # whom each node reaches; of an undirected graph both ends of an edge say so
    reached = [adjacency[node] for node in nodes]
    counts = [len(neighbours) for neighbours in reached]
    n_edges = sum(counts)
    refuse_beyond_memory(n, n_edges, 1, layout)
    place = {node: k for k, node in enumerate(nodes)}
    # Iterators of C alone: a graph is dicts of dicts, and has millions of edges.
    targets = map(place.__getitem__, itertools.chain.from_iterable(reached))
    source, target = np.repeat(np.arange(n), counts), np.fromiter(targets, np.int64, n_edges)
    order = np.argsort(target * n + source)
    if isinstance(weight, LogNormal):
        strengths = weight.draw(generator_of(seed, 0, WEIGHT_STREAM), n_edges)
    elif isinstance(weight, str):
        strengths = _attribute(reached, weight, "weight")[order]
    else:
        strengths = np.full(n_edges, checked_number("weight", weight))
    if isinstance(delay, str):
        lags: np.ndarray | None = _positive_delays(_attribute(reached, delay, "delay"))[order]
    else:
        lags = _delays(delay, seed, n_edges)
    labelled = all(type(node) is int for node in nodes) or all(isinstance(node, str) for node in nodes)
    connectome = Connectome.from_edges(
        source[order],
        target[order],
        n_units=n,
        unit_ids=nodes if labelled else None,
        weight=strengths,
        delay=lags,
        method="from_networkx",
        parameters={"weight": told(weight), **({} if delay is None else {"delay": told(delay)})},
    )
    return connectome if layout == "edges" else connectome.to_matrix()


def _sparse_entries(weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Target, source and weight of the entries that are not 0, in order of target, then source; and the units."""
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or 0 in weights.shape:
        raise ShapeError(f"weights must have shape (target, source), as many of both; got {weights.shape}.")
    if weights.dtype.kind not in "biuf":
        raise InputError(f"weights must be real numbers; got {weights.dtype}.")
    n = weights.shape[0]
    refuse_beyond_memory(n, weights.nnz, 1, "edges")
    edges = scipy.sparse.csr_array(weights, dtype=np.float64 if weights.dtype.kind != "f" else None, copy=True)
    edges.sum_duplicates()
    edges.eliminate_zeros()
    entries = edges.tocoo()
    _refuse_not_finite(entries.data)
    return entries.row.astype(np.int64), entries.col.astype(np.int64), entries.data, n


def _refuse_not_finite(values: np.ndarray) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        where = tuple(np.argwhere(wrong)[0].tolist())
        raise InputError(f"weights must be finite, 0 where there is no edge; at {where} it is {values[where]}.")


def _ordered(weights: xr.DataArray, unit_ids: Any) -> tuple[np.ndarray, Any]:
    """Bring a DataArray to ([network,] target, source), and give its labels."""
    if set(weights.dims) not in ({"target", "source"}, {"network", "target", "source"}):
        raise ShapeError(f"weights must have dims (target, source), network before them or not; got {weights.dims}.")
    ordered = weights.transpose(..., "target", "source")
    labels = [ordered.coords[axis].values if axis in ordered.coords else None for axis in ("target", "source")]
    if labels[0] is not None and labels[1] is not None and not np.array_equal(labels[0], labels[1]):
        raise InputError("weights' source labels must be its target labels, in the same order; use reindex_like.")
    return ordered.values, labels[0] if unit_ids is None else unit_ids


def _counted(frame: pd.DataFrame) -> bool:
    """Whether rows and columns are only numbered, each from 0 on: no labels that could disagree."""
    return all(isinstance(axis, pd.RangeIndex) for axis in (frame.index, frame.columns))


def _delays(delay: Any, seed: int, n: int) -> np.ndarray | None:
    checked = checked_delay(delay, has_distances=False)
    return None if checked is None else delays(checked, generator_of(seed, 0, DELAY_STREAM), n, None)


def _matrix_of_delays(delay: Any, matrix: np.ndarray, seed: int) -> np.ndarray | None:
    """Give delays in the shape of the weights, NaN where there is no edge."""
    if delay is None:
        return None
    joined = matrix != 0
    lags = np.full(matrix.shape, np.nan)
    if isinstance(delay, UniformDelay):
        for k, of in enumerate(joined if joined.ndim == 3 else joined[None]):
            random = generator_of(seed, k, DELAY_STREAM)
            lags.reshape(-1, *matrix.shape[-2:])[k][of] = delays(delay, random, int(np.count_nonzero(of)), None)
    elif rectangular(delay, "delay").ndim == 0:
        lags[joined] = checked_delay(delay, has_distances=False)
    else:
        given = checked_numbers("delay", delay)
        if given.shape != matrix.shape:
            raise ShapeError(f"delay must have the shape of the weights, {matrix.shape}; got {given.shape}.")
        lags[joined] = _positive_delays(given[joined])
    return lags


def _sparse_delays(
    delay: Any, shape: tuple[int, ...], target: np.ndarray, source: np.ndarray, seed: int
) -> np.ndarray | None:
    if not scipy.sparse.issparse(delay):
        return _delays(delay, seed, len(target))
    if delay.shape != shape:
        raise ShapeError(f"delay must have the shape of the weights, {shape}; got {delay.shape}.")
    if len(target) == 0:
        return np.zeros(0)  # picking nothing out of a sparse matrix gives another sparse matrix
    return _positive_delays(np.asarray(scipy.sparse.csr_array(delay)[target, source]).ravel())


def _positive_delays(given: np.ndarray) -> np.ndarray:
    lags = given.astype(np.float64)
    wrong = ~(np.isfinite(lags) & (lags > 0))
    if wrong.any():
        raise InputError(f"delay must be positive seconds for every edge; got {lags[wrong][0]}.")
    return lags


def _attribute(reached: list, name: str, argument: str) -> np.ndarray:
    """Give an attribute of all edges, node after node; ``reached`` holds, of each, whom it reaches by what edge."""
    edges = itertools.chain.from_iterable(neighbours.values() for neighbours in reached)
    try:
        values = list(map(operator.itemgetter(name), edges))
    except KeyError:
        raise InputError(
            f"{argument} must name an attribute that every edge has; some lack {name!r}: give a number instead."
        ) from None
    return checked_numbers(f"attribute {name!r}", values or np.zeros(0)).astype(np.float64)
