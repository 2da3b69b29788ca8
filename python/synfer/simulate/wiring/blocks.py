"""Wirings by blocks: clusters of excitatory units, and cell types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from synfer.arguments import checked_count, checked_flag, checked_number, checked_numbers, checked_probability
from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError
from synfer.simulate.wiring.assemble import MOST_UNITS, Pairs, Population, refuse_beyond_memory, wired
from synfer.simulate.wiring.distributions import Delay, LogNormal, Weight
from synfer.simulate.wiring.draws import bernoulli_pairs


def clustered(
    n_exc: int,
    n_inh: int,
    n_clusters: int,
    p_within: float,
    p_between: float,
    *,
    p_inh: float | None = None,
    weight_ratio: float = 1.0,
    weight: Weight = 5.0,
    weight_inh: Weight | None = None,
    delay: Delay | None = None,
    self_connections: bool = False,
    n_networks: int = 1,
    seed: int = 0,
    layout: str | None = None,
) -> Connectome:
    """Wiring with clusters of excitatory units (a stochastic block model), under Dale's law.

    The excitatory units are cut into ``n_clusters`` blocks of consecutive ones, as equal as can be (`clusters_of`).
    Each excitatory pair is joined with probability p_within inside a cluster and p_between across clusters, each pair
    with an inhibitory unit with p_inh, all independently.

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory units.
    n_clusters : int
        Clusters, 1 to n_exc.
    p_within, p_between : float
        Probabilities, in [0, 1].
    p_inh : float, optional
        Probability of a pair of which one or both are inhibitory; default p_between.
    weight_ratio : float
        Weights inside a cluster are so many times as large (Litwin-Kumar and Doiron: 1.9); at least 0.
    weight, weight_inh, delay, self_connections, n_networks, seed, layout
        As for `erdos_renyi`.

    Returns
    -------
    Connectome
        Weights W[target, source], ([network,] target, source) or (edge,).

    Raises
    ------
    InputError
        A parameter is out of its range, or memory does not hold the result.

    Examples
    --------
    >>> from synfer.simulate import clustered, clusters_of
    >>> wiring = clustered(80, 20, n_clusters=4, p_within=0.5, p_between=0.1, seed=1)
    >>> joined, cluster = wiring.weight.values[:80, :80] != 0, clusters_of(80, 4)
    >>> same = cluster[:, None] == cluster
    >>> bool(joined[same].mean() > 0.4), bool(joined[~same].mean() < 0.2)
    (True, True)

    References
    ----------
    A. Litwin-Kumar, B. Doiron, "Slow dynamics and high variability in balanced cortical networks with clustered
    connections", Nature Neuroscience 15 (2012), 1498-1505.
    """
    population = Population.checked(n_exc, n_inh, weight, weight_inh)
    loops = checked_flag("self_connections", self_connections)
    n_clusters = checked_count("n_clusters", n_clusters, 1, max(population.n_exc, 1))
    p_within, p_between = checked_probability("p_within", p_within), checked_probability("p_between", p_between)
    p_inh = p_between if p_inh is None else checked_probability("p_inh", p_inh)
    ratio = checked_number("weight_ratio", weight_ratio)
    if ratio < 0:
        raise InputError(f"weight_ratio must be at least 0; got {ratio}.")
    edges = _cluster_edges(population.n_exc, n_clusters)
    sizes = np.append(np.diff(edges), population.n_inh)
    p = np.full((len(sizes), len(sizes)), p_between)
    np.fill_diagonal(p, p_within)
    p[-1], p[:, -1] = p_inh, p_inh

    def strengths(random: np.random.Generator, pairs: Pairs) -> np.ndarray:
        weights = population.strengths(random, pairs)
        if ratio != 1:
            of = np.searchsorted(edges, np.stack([pairs.target, pairs.source]), side="right")
            weights[(of[0] == of[1]) & (pairs.source < population.n_exc)] *= ratio
        return weights

    parameters = {
        **population.told(),
        **{"n_clusters": n_clusters, "p_within": p_within, "p_between": p_between, "p_inh": p_inh},
        **({"weight_ratio": ratio} if ratio != 1 else {}),
        **({"self_connections": True} if loops else {}),
    }
    return wired(
        "clustered", parameters, population.n_units, _expected(sizes, p), _BlockDraw(sizes, p, loops), strengths,
        delay=delay, n_networks=n_networks, seed=seed, layout=layout,
    )  # fmt: skip


def clusters_of(n_exc: int, n_clusters: int) -> np.ndarray:
    """Cluster of each excitatory unit of `clustered`.

    Parameters
    ----------
    n_exc, n_clusters : int
        Excitatory units, and clusters.

    Returns
    -------
    array (unit,) of int
        0 to n_clusters - 1.

    Raises
    ------
    InputError
        There are more clusters than units, or none.

    Examples
    --------
    >>> from synfer.simulate import clusters_of
    >>> clusters_of(6, 3).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    n_exc = checked_count("n_exc", n_exc, 1, MOST_UNITS)
    n_clusters = checked_count("n_clusters", n_clusters, 1, n_exc)
    refuse_beyond_memory(n_exc, 0, 1, "edges")
    return np.repeat(np.arange(n_clusters), np.diff(_cluster_edges(n_exc, n_clusters)))


def by_cell_type(
    n_units: Mapping[str, int],
    p: Any,
    weight: Any,
    *,
    weight_cv: float = 0.0,
    dale: bool = True,
    delay: Delay | None = None,
    self_connections: bool = False,
    n_networks: int = 1,
    seed: int = 0,
    layout: str | None = None,
) -> Connectome:
    """Wiring whose probability and strength depend on the types of the two units, as paired recordings measure them.

    A unit of type B reaches one of type A with probability p[A, B], independently, and weight weight[A, B].

    Parameters
    ----------
    n_units : dict of str to int
        Units of each type, in order; labels of the units are the type's name, "_" and a number from 0.
    p : array or DataArray (target type, source type), or dict of (target type, source type) to float
        Probabilities, in [0, 1], in the order of ``n_units``. A DataArray with dims "target" and "source" is brought
        into order by its dims' names and labels. Pairs of types that a dict does not name have none: 0.
    weight : array, DataArray or dict, as ``p``
        Signed weights.
    weight_cv : float
        Standard deviation of a pair of types' weights divided by their mean; above 0 magnitudes are log-normal.
    dale : bool
        Whether to insist on Dale's law, that a source type's weights have one sign.
    delay, self_connections, n_networks, seed, layout
        As for `erdos_renyi`.

    Returns
    -------
    Connectome
        Weights W[target, source], ([network,] target, source) or (edge,).

    Raises
    ------
    InputError, ShapeError
        A parameter is out of its range or of another shape, a type has weights of both signs, or memory does not hold
        the result.

    Examples
    --------
    >>> from synfer.simulate import by_cell_type
    >>> p = [[0.1, 0.4], [0.4, 0.3]]  # targets by rows: Pyr, Pvalb
    >>> truth = by_cell_type({"Pyr": 80, "Pvalb": 20}, p, [[0.3, -1.2], [0.6, -0.9]], weight_cv=0.5)
    >>> truth.unit_ids[[0, 80]].tolist()
    ['Pyr_0', 'Pvalb_0']

    Inhibition onto the others alone, by names (target, source):

    >>> wiring = by_cell_type({"E": 80, "I": 20}, {("E", "I"): 0.5}, {("E", "I"): -1.0})
    >>> bool((wiring.weight.values[80:] == 0).all() and (wiring.weight.values[:80, 80:] < 0).any())
    True

    References
    ----------
    L. Campagnola et al., "Local connectivity and synaptic dynamics in mouse and human neocortex", Science 375 (2022),
    eabj5861.
    """
    if not isinstance(n_units, Mapping) or not n_units or not all(isinstance(name, str) for name in n_units):
        raise InputError(f"n_units must be a dict of cell type to number of units; got {n_units!r}.")
    types = list(n_units)
    counts = [checked_count(f"n_units[{name!r}]", n, 1, MOST_UNITS) for name, n in n_units.items()]
    sizes, loops = np.array(counts), checked_flag("self_connections", self_connections)
    p, mean = _by_type("p", p, types), _by_type("weight", weight, types)
    if np.any((p < 0) | (p > 1)):
        raise InputError(f"p must hold probabilities, in [0, 1]; got {p[(p < 0) | (p > 1)][0]}.")
    cv = checked_number("weight_cv", weight_cv)
    if cv < 0:
        raise InputError(f"weight_cv must be at least 0; got {cv}.")
    used = np.where(p > 0, mean, 0.0)
    both = np.any(used > 0, axis=0) & np.any(used < 0, axis=0)
    if checked_flag("dale", dale) and both.any():
        raise InputError(
            "weight must have one sign for each source type (a column), by Dale's law; "
            f"{types[int(np.argmax(both))]!r} has both: transpose it if sources are its rows, or give dale=False."
        )
    if sum(counts) > MOST_UNITS:
        raise InputError(f"n_units must be at most {MOST_UNITS} in all; got {sum(counts)}.")
    ends = np.cumsum(sizes)

    def strengths(random: np.random.Generator, pairs: Pairs) -> np.ndarray:
        to, by = np.searchsorted(ends, pairs.target, side="right"), np.searchsorted(ends, pairs.source, side="right")
        weights = mean[to, by]
        return weights * LogNormal(1.0, cv).draw(random, len(weights)) if cv > 0 else weights

    refuse_beyond_memory(sum(counts), _expected(sizes, p), 1, "edges")  # before labels are made of so many
    labels = [f"{name}_{k}" for name, n in zip(types, counts, strict=True) for k in range(n)]
    parameters = {"n_units": dict(zip(types, counts, strict=True)), "p": p, "weight": mean, "weight_cv": cv}
    return wired(
        "by_cell_type", parameters, sum(counts), _expected(sizes, p), _BlockDraw(sizes, p, loops), strengths,
        delay=delay, n_networks=n_networks, seed=seed, layout=layout, unit_ids=labels,
    )  # fmt: skip


class _BlockDraw:
    """Draws pairs of blocks of consecutive units, sizes (block,), with probabilities p (target block, source block)."""

    def __init__(self, sizes: np.ndarray, p: np.ndarray, loops: bool) -> None:
        self.sizes, self.p, self.loops = sizes, p, loops

    def __call__(self, random: np.random.Generator, k: int) -> Pairs:
        sizes, n = self.sizes, int(self.sizes.sum())
        block, index = bernoulli_pairs(random, np.outer(sizes, sizes).ravel(), self.p.ravel())
        to, by = np.divmod(block, len(sizes))
        i, j = np.divmod(index, sizes[by])
        first = np.cumsum(sizes) - sizes
        target, source = first[to] + i, first[by] + j
        key = target * n + source
        if not self.loops:  # drawn as the others are, and left out
            key = key[target != source]
        key.sort()
        return Pairs(*np.divmod(key, n))


def _expected(sizes: np.ndarray, p: np.ndarray) -> float:
    return float(sizes @ p @ sizes)


def _cluster_edges(n_exc: int, n_clusters: int) -> np.ndarray:
    """First unit of each cluster, and the end of the last."""
    return np.arange(n_clusters + 1) * n_exc // n_clusters


def _by_type(name: str, value: Any, types: list[str]) -> np.ndarray:
    """Give finite numbers (target type, source type)."""
    if isinstance(value, Mapping):
        pairs = {(target, source): 0.0 for target in types for source in types}
        for pair in value:
            if pair not in pairs:
                raise InputError(
                    f"{name}'s keys must be pairs (target type, source type) of {', '.join(map(repr, types))}; got "
                    f"{pair!r}."
                )
        pairs |= {pair: checked_number(f"{name}[{pair!r}]", one) for pair, one in value.items()}
        return np.array(list(pairs.values())).reshape(len(types), len(types))
    if isinstance(value, xr.DataArray):
        if set(value.dims) != {"target", "source"}:
            raise ShapeError(f"{name} must have dims (target, source); got {value.dims}.")
        for axis in ("target", "source"):
            if axis in value.coords:
                if set(map(str, value[axis].values)) != set(types):
                    raise InputError(f"{name}'s {axis} labels must be the types {types}; got {value[axis].values}.")
                value = value.sel({axis: types})
        value = value.transpose("target", "source").values
    table = checked_numbers(name, value).astype(np.float64)
    if table.shape != (len(types), len(types)):
        raise ShapeError(f"{name} must have shape (target type, source type) = {(len(types),) * 2}; got {table.shape}.")
    if not np.all(np.isfinite(table)):
        raise InputError(f"{name} must be finite; it holds NaN or infinity.")
    return table
