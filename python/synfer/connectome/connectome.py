"""Connectome: scores, weights, p-values and delays of directed pairs, with labelled axes and how they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse
import xarray as xr

from synfer.connectome import describe
from synfer.connectome.edges import OF, as_matrix, edge_dataset, sparse_edges, stacked
from synfer.connectome.export import Exports
from synfer.connectome.fields import FIELDS, leading_of, matrix_dataset
from synfer.connectome.learnt import Learnt
from synfer.connectome.origin import ORIGIN, Made
from synfer.connectome.selection import of_leading, of_units
from synfer.connectome.units import info_of, new_labels, renamed, with_info
from synfer.connectome.view import FieldView
from synfer.errors import InputError
from synfer.storage import (
    StrPath,
    as_floats,
    as_number,
    as_path,
    read_datasets,
    read_group_if_there,
    rectangular,
    understood,
    write_datasets,
)

EDGE_LIST_ABOVE = 4096
"""Above this many units a sparse matrix becomes an edge list."""


class Connectome(Exports, FieldView, Made):
    """Who drives whom, and on what evidence: estimated, or the truth of a simulation.

    Matrices are target x source: ``score[i, j]`` is the evidence for an effect of j on i. All fields have one shape,
    (target, source), or (network, target, source) for a batch, or (time, target, source) for a connectome that changes.
    NaN means that nothing is said of the pair. Lists of edges, for thousands of units, come from `from_edges` and
    `stack`.

    Parameters
    ----------
    score : array or DataArray ([network|time,] target, source)
        Evidence for an edge, at least 0; higher is stronger. Labelled arrays are transposed by their dims' names.
    weight : array, optional
        Signed strength of the effect.
    pvalue : array, optional
        P-value of "no effect", uncorrected, in [0, 1].
    delay : array, optional
        Seconds from the sample that shows the source's event to the first sample that it can change.
    score_std : array, optional
        Spread of the score, over initialisations for instance; at least 0.
    interval_low, interval_high : array, optional
        Bounds of what the weight (the score where there is none) estimates, low <= high; of what level belongs into
        ``parameters``. The weight itself may lie outside, where the interval has a bias of it taken out.
    unit_ids : array (unit,) of int or str, optional
        Labels of the units; default 0, 1, ...
    method, parameters, seed, dt, converged : optional
        How it was made: the method's name, its parameters (plain values), its random state, the recording's dt in
        seconds, and whether the fit converged.
    leading : {"network", "time"}, optional
        What the leading axis of 3-D fields is; default "network", or what a DataArray names it.
    leading_ids : array (network,) of int or str, or (time,) of float, optional
        Labels of the networks of a batch (default 0, 1, ...), or increasing seconds, which must be given.
    provenance : dict, optional
        Whatever else should be kept (plain values).
    unit_info : DataFrame or dict of str to array (unit,), optional
        What else is known of the units, as of a Recording's: numbers, text or truth values.

    Attributes
    ----------
    learnt : synfer.connectome.Learnt or None
        What an estimator kept of its fit: a stretch of its forecast, R2, losses. Saved with the rest.
    instantaneous : Connectome or None
        The coupling within a sample, symmetric, that was found beside it: an estimator's ``instantaneous_``, as `synfer
        discover` keeps it. Saved with the rest.

    Raises
    ------
    ShapeError
        A field is not square, or has another shape than the score.
    InputError
        A negative or infinite score, a p-value outside [0, 1], repeated labels, ...; the message says where.

    Examples
    --------
    >>> truth = Connectome.from_weights([[0.0, 5.0], [0.0, 0.0]], unit_ids=["left", "right"])
    >>> truth.edges()[["source", "target", "weight"]].values.tolist()
    [['right', 'left', 5.0]]
    """

    def __init__(
        self,
        score: Any,
        *,
        weight: Any = None,
        pvalue: Any = None,
        delay: Any = None,
        score_std: Any = None,
        interval_low: Any = None,
        interval_high: Any = None,
        unit_ids: Any = None,
        method: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        seed: int | None = None,
        dt: float | None = None,
        converged: bool | None = None,
        leading: str | None = None,
        leading_ids: Any = None,
        provenance: Mapping[str, Any] | None = None,
        unit_info: Any = None,
    ) -> None:
        given = (score, weight, pvalue, delay, score_std, interval_low, interval_high)
        fields = dict(zip(FIELDS, given, strict=True))
        if score is None:
            raise InputError("score must be given: a matrix (target, source) of evidence for each edge.")
        self._hold(
            with_info(matrix_dataset(fields, unit_ids, leading_ids, leading), unit_info),
            method=method,
            parameters=parameters,
            seed=seed,
            dt=dt,
            converged=converged,
            provenance=provenance,
        )

    @classmethod
    def from_weights(cls, weight: Any, *, delay: Any = None, unit_ids: Any = None, **about: Any) -> Connectome:
        """Build a true connectome from weights; the score is their magnitude.

        Parameters
        ----------
        weight : array, DataArray or scipy.sparse ([network,] target, source)
            W[target, source], zero where there is no edge. Sparse above 4,096 units gives the edge-list layout.
        delay : float or array, optional
            Seconds; a single number holds for every edge (and is NaN where there is none).
        unit_ids, **about
            As for `Connectome`.
        """
        if scipy.sparse.issparse(weight):
            if weight.shape[0] > EDGE_LIST_ABOVE:
                source, target, fields = sparse_edges(weight, delay)
                return cls.from_edges(source, target, n_units=weight.shape[0], unit_ids=unit_ids, **fields, **about)
            weight = weight.toarray()
        if not isinstance(weight, xr.DataArray):
            weight = as_floats(weight, "weight")
        if delay is not None and rectangular(delay, "delay").ndim == 0:
            delay = xr.where(weight != 0, as_number(delay, "delay"), np.nan)
        return cls(abs(weight), weight=weight, delay=delay, unit_ids=unit_ids, **about)

    @classmethod
    def from_edges(
        cls,
        source: Any,
        target: Any,
        *,
        n_units: int | None = None,
        unit_ids: Any = None,
        score: Any = None,
        weight: Any = None,
        pvalue: Any = None,
        delay: Any = None,
        score_std: Any = None,
        interval_low: Any = None,
        interval_high: Any = None,
        leading: str | None = None,
        leading_ids: Any = None,
        **about: Any,
    ) -> Connectome:
        """Build the edge-list layout, for thousands of units.

        Parameters
        ----------
        source, target : array (edge,) of int
            Index (not label) of the unit each edge leaves and of the one it reaches; each pair once.
        n_units, unit_ids : int, array (unit,)
            How many units there are, or their labels.
        score, weight, pvalue, delay, score_std, interval_low, interval_high : array ([time,] edge), optional
            The fields; a score not given is the weight's magnitude, else 1. A single delay holds for every edge, and a
            field (edge,) for every time.
        leading, leading_ids : "time" and array (time,) of float, optional
            Seconds at which the fields are known, increasing. (Networks are put together by `stack`.)
        **about
            How it was made, as for `Connectome`.
        """
        n_edges = rectangular(source, "source").size
        if score is None:
            score = np.ones(n_edges) if weight is None else np.abs(as_floats(weight, "weight"))
        if delay is not None and rectangular(delay, "delay").ndim == 0:
            delay = np.full(n_edges, as_number(delay, "delay"))
        given = (score, weight, pvalue, delay, score_std, interval_low, interval_high)
        fields = dict(zip(FIELDS, given, strict=True))
        dataset = edge_dataset(source, target, fields, n_units, unit_ids, leading=leading, leading_ids=leading_ids)
        return cls._around(dataset, **about)

    @classmethod
    def stack(cls, connectomes: Sequence[Connectome], *, leading_ids: Any = None, **about: Any) -> Connectome:
        """Put single networks of the same units together to a batch; lists of edges need not have the same edges.

        Parameters
        ----------
        connectomes : sequence of Connectome
            All matrices or all lists of edges, with the same units and fields.
        leading_ids : array (network,) of int or str, optional
            Labels of the networks; default 0, 1, ...
        **about
            How the batch was made, as for `Connectome`; ``dt`` is the networks' own where it is the same.

        Raises
        ------
        InputError
            There are none, or one has other units or fields than the first, or several networks or times.

        Examples
        --------
        >>> one, two = (Connectome.from_edges([0, 1], [1, k], n_units=9, weight=[1, 2]) for k in (2, 3))
        >>> Connectome.stack([one, two]).isel(network=1).weight.values
        array([1., 2.])
        """
        if not isinstance(connectomes, Sequence) or not all(isinstance(one, Connectome) for one in connectomes):
            raise InputError(f"connectomes must be a list of Connectome; got {connectomes!r:.60}.")
        if not connectomes:
            raise InputError("connectomes must hold at least one; got none.")
        steps = {one.dt for one in connectomes}
        about = ({"dt": steps.pop()} if len(steps) == 1 else {}) | about
        about = {"unit_info": info_of(connectomes[0]._data)} | about
        return cls._around(stacked([one._data for one in connectomes], leading_ids), **about)

    def isel(self, network: Any = None, *, time: Any = None) -> Connectome:
        """Networks of a batch, or times, by position: an int drops the axis, a slice or array keeps it.

        The label of a network taken alone is kept in ``provenance["network"]``, a time in ``provenance["time"]``.

        Raises
        ------
        InputError
            There is no such axis, or a position lies outside it.
        """
        if (network is None) == (time is None):
            raise InputError("isel takes either network= or time=, the one that leads.")
        axis, chosen = ("network", network) if time is None else ("time", time)
        data, label = of_leading(self._data, axis, chosen)
        about = self.origin
        if label is not None:
            about["provenance"] = about["provenance"] | {axis: label}
        return self._around(data, learnt=self.learnt, instantaneous=self.instantaneous, **about)

    def sel(self, units: Any = None, *, unit: Any = None) -> Connectome:
        """Select the connectome among some of the units, in the order given.

        Parameters
        ----------
        units : label or array of labels
            The units that remain.
        unit : label or array of labels
            The same, by the name that it has for a Recording.

        Raises
        ------
        InputError
            A label is unknown or given twice; or none or both of the two names are given.
        """
        if (units is None) == (unit is None):
            raise InputError("sel takes the units that remain, by the name units= or unit=, one of them.")
        units = unit if units is None else units
        beside = None if self.instantaneous is None else self.instantaneous.sel(units)
        chosen = of_units(self._data, self.unit_ids, units)
        return self._around(chosen, learnt=self.learnt, instantaneous=beside, **self.origin)

    def rename(self, units: Any) -> Connectome:
        """Give the units other labels, for instance those that they have in the truth to compare with.

        Parameters
        ----------
        units : array (unit,) of int or str, or dict of label to label
            New labels in the units' order; or of some units the old label and the new one.

        Raises
        ------
        ShapeError, InputError
            A unit is unknown, there is not one label for each, or a label is given twice.
        """
        ids = new_labels(self.unit_ids, units)
        learnt = (
            None
            if self.learnt is None
            else self.learnt.rename(dict(zip(self.unit_ids.tolist(), ids.tolist(), strict=True)))
        )
        beside = None if self.instantaneous is None else self.instantaneous.rename(ids)
        return self._around(renamed(self._data, ids), learnt=learnt, instantaneous=beside, **self.origin)

    def to_matrix(self) -> Connectome:
        """Give the matrix layout; unlisted pairs score 0, weigh 0, and have neither p-value nor delay."""
        if self.layout == "matrix":
            return self
        beside = {"learnt": self.learnt, "instantaneous": self.instantaneous}
        return self._around(as_matrix(self._data), unit_info=info_of(self._data), **beside, **self.origin)

    def to_xarray(self) -> xr.Dataset:
        """Give the fields as a Dataset that shares their memory; attributes say how it was made."""
        about = {name: json.dumps(value) for name, value in self.origin.items()}
        return self._data.assign_attrs(about)

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> Connectome:
        """Build from what `to_xarray` gave, or from any Dataset with a ``score`` over (target, source).

        Raises
        ------
        ShapeError, InputError
            As for `Connectome`.
        """
        if not isinstance(data, xr.Dataset):
            raise InputError(f"data must be an xarray Dataset; got a {type(data).__name__}.")
        if "score" not in data:
            raise InputError(f"data must have a variable 'score'; it has {', '.join(map(str, data)) or 'none'}.")
        fields = {name: data[name] for name in FIELDS if name in data}
        about = {name: _told(data.attrs[name]) for name in ORIGIN if name in data.attrs}
        if "edge" in data.dims:
            values = {name: field.values for name, field in fields.items()}
            leading, of = leading_of(data), data[OF].values if OF in data.coords else None
            checked = edge_dataset(
                data["source"].values, data["target"].values, values, None, data["unit"].values, leading=leading,
                leading_ids=None if leading is None else data[leading].values, of=of,
            )  # fmt: skip
        else:
            checked = matrix_dataset(fields, None, None)
        return cls._around(checked, unit_info=info_of(data), **about)

    def save(self, path: StrPath) -> None:
        """Write to a NetCDF4 file, whole or not at all; what stands beside it are groups, "learnt" and "instantaneous".

        A file that is there is replaced.

        Raises
        ------
        FileError
            The file cannot be written.
        """
        beside = {"learnt": self.learnt, "instantaneous": self.instantaneous}
        kept = {name: one.to_xarray() for name, one in beside.items() if one is not None}
        write_datasets(path, "connectome", {"/": self.to_xarray(), **kept})

    @classmethod
    def load(cls, path: StrPath) -> Connectome:
        """Read what `save` wrote.

        Raises
        ------
        FileError
            Missing, damaged, or not a connectome.
        """
        as_path(path)
        with understood(path):
            (data,) = read_datasets(path, "connectome")
            found, kept = cls.from_xarray(data), read_group_if_there(path, "connectome", "learnt")
            found.learnt = None if kept is None else Learnt.from_xarray(kept)
            beside = read_group_if_there(path, "connectome", "instantaneous")
            found.instantaneous = None if beside is None else cls.from_xarray(beside)
            return found

    def identical(self, other: object) -> bool:
        """Whether the other is a connectome with equal fields, labels and history (NaN equals NaN).

        What stands beside them, ``learnt`` and ``instantaneous``, is not looked at.
        """
        return isinstance(other, Connectome) and self._data.identical(other._data) and self.origin == other.origin

    def __repr__(self) -> str:
        return describe.as_text(self)

    def _repr_html_(self) -> str:
        return describe.as_html(self)

    @classmethod
    def _around(cls, data: xr.Dataset, *, unit_info: Any = None, **about: Any) -> Connectome:
        """Build around fields that are laid out and checked already."""
        self = cls.__new__(cls)
        self._hold(data if unit_info is None else with_info(data, unit_info), **about)
        return self


def _told(value: Any) -> Any:
    """What an attribute says: `to_xarray` writes JSON, others plain values."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value
