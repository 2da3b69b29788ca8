"""Connectivity over time, by any estimator: fitted anew in each stretch of a recording."""

from __future__ import annotations

import dataclasses
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover import _checks
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.significance.around import FIELDS, AroundEstimator
from synfer.errors import InputError


class OverTime(AroundEstimator):
    """Another estimator's connectome in each of ``n_times`` stretches of equal length: a time axis.

    Nothing is shared between stretches and none knows of the others, so that a change is no product of the method: what
    differs, differs in the data. It follows what drifts slowly, as weights that are learnt; each stretch must be long
    enough for the estimator by itself. `NetFormer`'s own ``n_times`` is another thing: one model, whose weights hang on
    the state, which sees a drift only in so far as the state tells it.

    Parameters
    ----------
    estimator : BaseDiscoverer
    n_times : int
        Stretches.

    Attributes
    ----------
    connectome_ : Connectome
        What the estimator gives, (time, target, source), labelled by the stretches' middles in seconds (samples where
        dt is unknown). ``converged`` where all are.
    estimators_ : list of BaseDiscoverer
        One fitted clone a stretch.

    Raises
    ------
    InputError
        See ``fit``; further, the recording has trials, or its stretches are too short for the estimator, or have a unit
        that does not vary.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import ConditionalGranger
    >>> from synfer.discover.significance import OverTime
    >>> x = np.random.default_rng(0).standard_normal((2000, 2))
    >>> x[1:, 1] += np.linspace(-1.0, 1.0, 1999) * x[:-1, 0]
    >>> found = OverTime(ConditionalGranger(lag=1), n_times=4).fit(x).connectome_
    >>> bool(np.all(np.diff(found.weight.sel(target=1, source=0)) > 0))
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": "no_validation",  # type: ignore[dict-item]  # the kind is checked in one sentence of ours
        "n_times": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, estimator: BaseDiscoverer, n_times: int = 10) -> None:
        self.estimator = estimator
        self.n_times = n_times

    def _min_samples(self, n_units: int) -> int:
        return int(super()._min_samples(n_units) * self.n_times)

    def _discover(self, samples: Samples) -> Connectome:
        if len(samples.segments) > 1:
            raise InputError(
                f"X must be one recording without trials for a connectome over time; got {len(samples.segments)} "
                "trials: take one."
            )
        if getattr(self.estimator, "n_times", None) is not None:
            raise InputError(
                f"estimator must give one connectome for each stretch; got n_times={self.estimator.n_times}: set it to "
                "None."
            )
        (segment,) = samples.segments
        step = samples.dt or 1.0
        self.estimators_: list[BaseDiscoverer] = []
        middles = []
        bounds = np.linspace(0, len(segment), self.n_times + 1).round().astype(int)
        stretches = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
        for first, end in tqdm(stretches, desc="over time", unit=" fits", delay=2, leave=False, disable=None):
            t0 = samples.t0s[0] + first * step
            part = dataclasses.replace(samples, segments=[segment[first:end]], t0s=[t0])
            estimator = clone(self.estimator)
            _checks.check_parameters(estimator)
            _checks.check_values(part.segments, samples.unit_ids, distinct=True, missing=estimator._takes_missing)
            self.estimators_.append(estimator._fit_samples(part))
            middles.append(t0 + 0.5 * (end - first) * step)
        found = [estimator.connectome_ for estimator in self.estimators_]
        fields: dict[str, Any] = {}
        for name in FIELDS:
            values = [getattr(one, name) for one in found]
            fields[name] = None if values[0] is None else np.stack([np.asarray(value) for value in values])
        known = [one.converged for one in found]
        converged = None if all(one is None for one in known) else all(one is not False for one in known)
        return self._connectome(
            samples, fields.pop("score"), leading="time", leading_ids=middles, converged=converged, **fields
        )
