"""What every method of discovery shares: one way in, one way out, and the refusals.

A discoverer takes a Recording (or a (time, unit) array) and gives a Connectome; whatever lies between is its own file's
matter. Nothing in this room may see a truth: it imports neither ``simulate`` nor ``datasets`` nor ``evaluate``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from synfer.connectome import Connectome
from synfer.connectome.fields import FIELDS
from synfer.discover import _checks
from synfer.discover.learnt import learnt_of
from synfer.discover.stationarity import warn_of_course
from synfer.errors import ShapeError, UnknownNameError, level_of_user
from synfer.recording import Recording
from synfer.storage import as_ids

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Samples:
    """The one signal a method is to explain, checked: what ``_discover`` receives.

    Attributes
    ----------
    segments : list of numpy.ndarray, each (time, unit)
        Stretches without a splice (one, or one a trial), float32 or float64 as held; views of the caller's memory
        wherever that is possible, so neither contiguous nor to be written to. No lag may cross from one to the next.
    dt : float or None
        Sampling interval in seconds; None where a bare array does not say.
    unit_ids : numpy.ndarray, (unit,)
    signal : str or None
        Name of the signal within its Recording.
    t0s : list of float
        Time of the first sample of each segment: seconds, or 0.0 where ``dt`` is None.
    by_trial : bool
        Whether the segments stood along a leading axis, so that what is given back for each is stacked again.
    unit_info : dict of str to numpy.ndarray (unit,), optional
        What else is known of the units: for the connectome to carry, not for a method to look at.
    file : str or None
        Name of the file that they were read from, for the connectome to tell.
    """

    segments: list[np.ndarray]
    dt: float | None
    unit_ids: np.ndarray
    signal: str | None
    t0s: list[float]
    by_trial: bool = False
    unit_info: dict[str, np.ndarray] | None = None
    file: str | None = None

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.segments[0].shape[1]

    @property
    def n_samples(self) -> int:
        """Number of samples in time, all segments together."""
        return sum(len(segment) for segment in self.segments)


class BaseDiscoverer(BaseEstimator):
    """A scikit-learn estimator whose result is ``connectome_``.

    A subclass stores its parameters in ``__init__``, names their ranges in ``_parameter_constraints`` (scikit-learn's
    notation), says how many samples it needs in ``_min_samples`` and does its work in ``_discover``.

    Attributes
    ----------
    connectome_ : synfer.connectome.Connectome
        What was found: labelled ("target", "source"), diagonal NaN (`_connectome` sees to it).
    n_features_in_ : int
        Number of units.
    unit_ids_ : numpy.ndarray, (unit,)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}
    _takes_missing: ClassVar[bool] = False  # whether NaN says that a sample is missing, or is refused
    _takes_drift: ClassVar[bool] = False  # whether slow changes of a mean are no matter, or are warned of
    _takes_few: ClassVar[bool] = False  # whether more units than samples are usual, or are warned of
    _holds_out: ClassVar[bool] = False  # whether the last fifth of the samples is forecast, and not learnt from

    def fit(self, X: Any, signal: str | None = None) -> Self:
        """Find who drives whom.

        Parameters
        ----------
        X : Recording, or array, DataFrame or DataArray (time, unit)
            A Recording's trials are taken as separate segments: no lag crosses from one to the next.
        signal : str, optional
            Which signal of a Recording to use; must be given where it holds several. With any other ``X`` this is
            scikit-learn's ``y``, and ignored.

        Returns
        -------
        self

        Raises
        ------
        InputError
            NaN or infinite samples, constant or duplicated units (rescaled ones too), one unit, too few samples, a
            signal not named, a parameter out of its range.
        FitDivergedError
            The fit did not arrive anywhere.

        Warns
        -----
        OrientationWarning
            More units than samples: ``X`` is probably transposed.
        NotConvergedWarning
            The fit is not to be trusted as it stands; ``connectome_.converged`` is then False.
        NonStationaryWarning, ConstantSegmentWarning
            A unit's mean drifts, or it does not vary throughout a trial (:mod:`synfer.discover.stationarity`).
        """
        self._forget()  # a second fit that fails must not leave the first one's answer standing
        _checks.check_parameters(self)
        samples = self._read(X, signal, reset=True)
        self._note(samples)
        self.connectome_ = self._checked(self._discover(samples))  # here: warnings count the calls to their cause
        # what was given stands in the answer, so that a report need not be told, nor can be told otherwise
        given: dict[str, Any] = {"signal": samples.signal, "stretches": len(samples.segments)}
        given["samples"] = samples.n_samples
        if samples.dt is not None and len(samples.segments) == 1:
            given["t0"] = samples.t0s[0]
        if samples.file is not None:
            given["file"] = samples.file
        self.connectome_.provenance["given"] = given
        self.connectome_.learnt = learnt_of(self, samples)
        self.connectome_.instantaneous = getattr(getattr(self, "estimator_", self), "instantaneous_", None)
        return self

    def _fit_samples(self, samples: Samples) -> Self:
        """Do what ``fit`` does once the samples are read: where another estimator cuts or resamples them."""
        self._note(samples)
        self.connectome_ = self._checked(self._discover(samples))
        return self

    def _checked(self, found: Any) -> Connectome:
        if not isinstance(found, Connectome):
            raise TypeError(
                f"{type(self).__name__}._discover must give a Connectome, got {type(found).__name__}: "
                "self._connectome(samples, score) makes one of a matrix (target, source)."
            )
        return found

    def _forget(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
            delattr(self, name)

    def _note(self, samples: Samples) -> None:
        self.n_features_in_ = samples.n_units
        self.unit_ids_ = samples.unit_ids
        self.signal_ = samples.signal

    def _discover(self, samples: Samples) -> Connectome:
        """Find the connectome of checked samples; `_connectome` labels a matrix."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it discovers.")

    def _min_samples(self, n_units: int) -> int:
        """Smallest number of samples (all segments together) that ``_discover`` can work with."""
        return 2

    def _past(self) -> int:
        """Samples at a segment's beginning that ``predict`` has too little past for."""
        return 0

    def _memory(self) -> int:
        """Samples before one to forecast that the forecast hangs on."""
        return self._past()

    def _read(self, X: Any, signal: Any = None, *, reset: bool = False) -> Samples:
        """Turn what a caller gives into Samples.

        With ``reset`` (in ``fit``) everything is checked; without (in ``predict`` and ``score``) only that the samples
        are finite and of the units that were fitted: a held-out stretch may well be short, or silent.
        """
        X = _checks.as_recording(X)
        if not reset:
            check_is_fitted(self)
            if isinstance(X, Recording) and signal is None and self.signal_ in X.signal_names:
                signal = self.signal_
        samples = Samples(**_checks.read_signal(X, signal))
        # Here, and not when the connectome is labelled: a fit may take hours.
        as_ids(samples.unit_ids, samples.n_units, "unit ids (the columns' labels)")
        shape = (samples.n_samples, samples.n_units)
        if reset:
            told = isinstance(X, Recording) and X._told_of_orientation  # by whoever made it: once is enough
            _checks.check_shape(type(self).__name__, shape, self._min_samples, few=self._takes_few or told)
        # Names and number of the columns, kept and compared as scikit-learn does.
        columns = X if hasattr(X, "columns") else samples.segments[0]
        try:
            validate_data(self, columns, reset=reset, skip_check_array=True)
        except ValueError as error:
            raise ShapeError(f"{error}" if reset else f"{error} Give the units that were fitted.") from None
        _checks.check_values(samples.segments, samples.unit_ids, distinct=reset, missing=self._takes_missing)
        if reset:
            warn_of_course(samples, drift=not self._takes_drift, stacklevel=level_of_user())
        return samples

    def _connectome(self, samples: Samples, score: np.ndarray, part: str = "", /, **fields: Any) -> Connectome:
        """Label ``score`` (target, source) and further fields with the units and with how they were made.

        Nothing is said of a unit's effect on itself: the diagonal becomes NaN, in a copy where it is something else.
        ``part`` is the name of what is not the method's whole answer.
        """
        score = _off_diagonal(score)
        fields = {name: _off_diagonal(value) if name in FIELDS else value for name, value in fields.items()}
        parameters = self.get_params(deep=False)
        seed = parameters.get("random_state")
        return Connectome(
            score,
            unit_ids=samples.unit_ids,
            unit_info=samples.unit_info,
            method=type(self).__name__ + (f".{part}" if part else ""),
            parameters={name: _plain(value) for name, value in parameters.items()},
            seed=int(seed) if isinstance(seed, (int, np.integer)) else None,
            dt=samples.dt,
            **fields,
        )

    def _read_as(self, samples: Samples, each: np.ndarray) -> Connectome:
        """Label what each initialisation of the fitted model says, (init, target, source): their mean and spread."""
        score, spread = each.mean(0), each.std(0)
        for field in (score, spread):
            np.fill_diagonal(field, np.nan)
        return self._connectome(samples, score, score_std=spread, converged=self.connectome_.converged)

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, as scikit-learn does.

        Raises
        ------
        UnknownNameError
            No such parameter; the nearest names are suggested.
        """
        known = self.get_params(deep=True)
        for name in params:
            if name not in known:
                raise UnknownNameError.of(f"{type(self).__name__}: parameter", name, known)
        return super().set_params(**params)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "connectome_")


def _off_diagonal(field: Any) -> Any:
    """Give a field ([time,] target, source) with NaN for each unit and itself; what is no such array as it is."""
    numbers = isinstance(field, np.ndarray) and field.dtype.kind in "biuf"
    if not numbers or field.ndim not in (2, 3) or field.shape[-1] != field.shape[-2]:
        return field  # for Connectome to refuse
    own = np.arange(field.shape[-1])
    if field.dtype.kind == "f" and np.isnan(field[..., own, own]).all():
        return field
    field = field.astype(field.dtype if field.dtype.kind == "f" else np.float64)
    field[..., own, own] = np.nan
    return field


def _plain(value: Any) -> Any:
    """Make a parameter's value fit for JSON: numbers, strings, None as they are, anything else as its repr."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
