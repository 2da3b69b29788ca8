"""The fields of a connectome as a list of edges: of one network, of one at several times, or of several networks.

An edge of a batch has the position of its network, coordinate "of", beside its source and target; edges come network by
network, and networks may have different ones. At several times the edges are the same, and each field is (time, edge).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse
import xarray as xr

from synfer.connectome.fields import ABSENT, LEADING, as_times, checked, leading_of, matrix_dataset
from synfer.errors import InputError, ShapeError
from synfer.storage import as_choice, as_floats, as_ids, rectangular

ENDS = ("source", "target")
OF = "of"


def edge_dataset(
    source: Any,
    target: Any,
    given: Mapping[str, Any],
    n_units: int | None,
    unit_ids: Any,
    *,
    leading: str | None = None,
    leading_ids: Any = None,
    of: Any = None,
) -> xr.Dataset:
    """Lay out fields of shape (edge,) or (time, edge), with the index of each edge's source and target as coordinates.

    Parameters
    ----------
    source, target : array (edge,) of int
        Indices of units.
    given : dict of str to array or None
        The fields, the score among them; where time leads, those of shape (edge,) hold for all times.
    n_units, unit_ids
        How many units there are, or their labels.
    leading : {"network", "time"} or None
        What the edges are of several of; default "network" where ``of`` is given.
    leading_ids : array (network,) or (time,) or None
        Labels of the networks, or increasing seconds.
    of : array (edge,) of int, optional
        The position of each edge's network, never falling; where networks lead.

    Raises
    ------
    ShapeError, InputError
        The arrays disagree in length, an index lies outside the units, or a pair is listed twice.
    """
    ends = {"source": rectangular(source, "source"), "target": rectangular(target, "target")}
    for name, index in ends.items():
        if index.size == 0:
            index = ends[name] = index.astype(np.int64)
        if index.ndim != 1 or index.dtype.kind not in "iu":
            raise ShapeError(f"{name} must be a 1-D array of unit indices; got {index.dtype} of shape {index.shape}.")
    if len(ends["source"]) != len(ends["target"]):
        raise ShapeError(
            f"source and target must list the same edges; got {len(ends['source'])} and {len(ends['target'])}."
        )
    if n_units is None and unit_ids is None:
        raise InputError("n_units or unit_ids must be given: an edge list does not show the units without an edge.")
    n = np.size(rectangular(unit_ids, "unit_ids")) if n_units is None else n_units
    if not (isinstance(n, int | np.integer) and n >= 1):
        raise InputError(f"n_units must be at least 1, a whole number; got {n!r}.")
    ids = as_ids(unit_ids, n, "unit_ids")
    for name, index in ends.items():
        outside = np.flatnonzero((index < 0) | (index >= n))
        if outside.size:
            raise InputError(
                f"{name} must hold indices of units, 0 to {n - 1}; entry {outside[0]} is {index[outside[0]]}."
            )
    coords: dict[str, Any] = {name: ("edge", index.astype(np.int64)) for name, index in ends.items()} | {"unit": ids}
    shape = ends["source"].shape
    network = np.zeros(1, np.int64)
    leading = None if leading is None else as_choice(leading, "leading axis", LEADING)
    if leading == "time":
        coords["time"] = (
            "time",
            as_times(leading_ids, np.size(rectangular(leading_ids, "leading_ids"))),
            {"units": "s"},
        )
        shape = (len(coords["time"][1]), *shape)
    elif of is not None:
        network, labels = _networks(of, leading_ids, len(ends["source"]))
        coords |= {OF: ("edge", network), "network": labels}
    elif leading is not None or leading_ids is not None:
        raise InputError(
            "leading must be 'time', with leading_ids in seconds, for a list of edges; networks are put together by "
            f"Connectome.stack; got {leading!r}."
        )
    _refuse_twice((network * n + ends["target"].astype(np.int64)) * n + ends["source"], n)
    arrays = {name: as_floats(value, name) for name, value in given.items() if value is not None}
    dims = ("time", "edge")[-len(shape) :]
    for name, array in arrays.items():
        if array.shape == shape[1:]:
            arrays[name] = np.broadcast_to(array, shape)
        elif array.shape != shape:
            symbols = "(edge,)" if len(shape) == 1 else "(time, edge)"
            raise ShapeError(f"{name} must have shape {symbols} = {shape}; got {array.shape}.")
    return checked(xr.Dataset({name: (dims, array) for name, array in arrays.items()}, coords=coords))


def as_matrix(dataset: xr.Dataset) -> xr.Dataset:
    """Spread an edge list to matrices ([network|time,] target, source); an unlisted pair has what `ABSENT` says."""
    ids, leading = dataset["unit"].values, leading_of(dataset)
    index: tuple[Any, ...] = (dataset["target"].values, dataset["source"].values)
    if leading is not None:
        index = (dataset[OF].values if leading == "network" else slice(None), *index)
    shape = (*(() if leading is None else (dataset.sizes[leading],)), len(ids), len(ids))
    matrices = {}
    for name, edge_values in dataset.data_vars.items():
        matrix = np.full(shape, ABSENT[str(name)], dtype=edge_values.dtype)
        matrix[index] = edge_values.values
        matrices[str(name)] = matrix
    return matrix_dataset(matrices, ids, None if leading is None else dataset[leading].values, leading)


def stacked(parts: Sequence[xr.Dataset], leading_ids: Any) -> xr.Dataset:
    """Put lists of edges of single networks, or matrices, together: edges network by network, or one matrix each.

    Raises
    ------
    InputError
        They have other units or fields than the first, or several networks or times.
    """
    first = parts[0]
    unit = "unit" if "edge" in first.dims else "target"
    for place, part in enumerate(parts):
        if leading_of(part) is not None:
            raise InputError(f"connectomes[{place}] must be one network at one time; take one of it by isel.")
        if ("edge" in part.dims) != ("edge" in first.dims):
            raise InputError(
                f"connectomes must all be lists of edges or all be matrices; connectomes[{place}] is other."
            )
        if not np.array_equal(part[unit].values, first[unit].values):
            raise InputError(
                f"connectomes must have the same units, in one order; those of connectomes[{place}] differ."
            )
        if list(part.data_vars) != list(first.data_vars):
            raise InputError(
                f"connectomes must have the same fields as the first, {', '.join(map(str, first.data_vars))}; "
                f"connectomes[{place}] has {', '.join(map(str, part.data_vars))}."
            )
    if unit == "target":
        fields = {str(name): np.stack([part[name].values for part in parts]) for name in first.data_vars}
        return matrix_dataset(fields, first[unit].values, leading_ids, "network")
    values = {str(name): np.concatenate([part[name].values for part in parts]) for name in first.data_vars}
    source, target = (np.concatenate([part[end].values for part in parts]) for end in ENDS)
    of = np.repeat(np.arange(len(parts)), [part.sizes["edge"] for part in parts])
    ids = as_ids(leading_ids, len(parts), "leading_ids")
    return edge_dataset(source, target, values, None, first[unit].values, leading_ids=ids, of=of)


def networks_at(dataset: xr.Dataset, positions: Any) -> xr.Dataset:
    """Networks of a batch of edge lists: a single position gives its list, several a batch of theirs in that order."""
    bounds = np.searchsorted(dataset[OF].values, np.arange(dataset.sizes["network"] + 1))
    if np.ndim(positions) == 0:
        own = dataset.isel(edge=slice(int(bounds[positions]), int(bounds[positions + 1])))
        return own.drop_vars([OF, "network"])
    spans = [np.arange(bounds[k], bounds[k + 1]) for k in positions]
    part = dataset.isel(edge=np.concatenate(spans), network=positions)
    return part.assign_coords({OF: ("edge", np.repeat(np.arange(len(spans)), [len(span) for span in spans]))})


def sparse_edges(weight: Any, delay: Any) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Source, target and fields of the non-zero entries of a scipy.sparse W[target, source], in row order."""
    if weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
        raise ShapeError(f"weight must have shape (target, source), as many of both; got {weight.shape}.")
    if delay is not None and (scipy.sparse.issparse(delay) or np.ndim(delay)):
        raise InputError("delay must be a single number for a sparse matrix of this size; or use from_edges.")
    edges = scipy.sparse.csr_array(weight, copy=True)  # what follows works in place
    edges.sum_duplicates()
    edges.eliminate_zeros()
    edges = edges.tocoo()
    return edges.col, edges.row, {"weight": edges.data, "delay": delay}


def _networks(of: Any, leading_ids: Any, n_edges: int) -> tuple[np.ndarray, np.ndarray]:
    labels = as_ids(leading_ids, np.size(rectangular(leading_ids, "leading_ids")), "leading_ids")
    network = rectangular(of, "of")
    if network.size == 0:
        network = network.astype(np.int64)
    if network.shape != (n_edges,) or network.dtype.kind not in "iu":
        raise ShapeError(f"of must have shape (edge,) = ({n_edges},), positions of networks; got {network.shape}.")
    network = network.astype(np.int64)
    if n_edges and (network[0] < 0 or network[-1] >= len(labels) or np.any(np.diff(network) < 0)):
        raise InputError(f"of must hold positions of networks, 0 to {len(labels) - 1}, and never fall along the edges.")
    return network, labels


def _refuse_twice(pairs: np.ndarray, n: int) -> None:
    """Refuse pairs, numbered (network x n + target) x n + source, of which one is there twice."""
    if np.all(pairs[1:] > pairs[:-1]):  # as most lists come
        return
    numbers, counts = np.unique(pairs, return_counts=True)
    if np.any(counts > 1):
        i, j = divmod(int(numbers[counts > 1][0]) % n**2, n)
        raise InputError(f"each pair may be listed once; source {j} to target {i} is listed {counts.max()} times.")
