"""What one unit's discharges do to another's next sample, its own state held fixed."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import stats
from scipy.signal import lfilter
from sklearn.utils._param_validation import Interval, StrOptions
from tqdm import tqdm

from synfer import _core
from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.errors import FitDivergedError, InputError, NotConvergedWarning

BLOCK = 4096  # rows of a regression held at once
FEWEST = 10  # events below which a Wald statistic is far from its law


class EventRegression(BaseDiscoverer):
    """Regression of the next sample on the unit's own state and on the others' events, lag by lag.

        x_i(t + 1) = g_i(x_i(t), r_i(t)) + sum_{j != i} sum_{k = 0}^{lags - 1} w_ij(k) s_j(t - k) + e_i(t)

    s_j are j's events (spikes, with reset), r_i exponential traces of x_i and of s_i, g_i a polynomial in x_i with the
    traces, their squares and their products with x_i. **It knows the simulator's form**: that units are integrate and
    fire, act by events, additively, and have one slow state. So it is no rival of the general methods but the ceiling
    that they are held against. Where x is a voltage of an Izhikevich network all this is true, but for the slow state
    being known only through its traces.

    Rows in which i itself fires at t + 1 are left out: what input did to them is cut off at the peak.

    Parameters
    ----------
    lags : int
        Samples k = 0 ... lags - 1 before the last known one whose events may act. 1 where the delay is one step.
    degree : int
        Of the polynomial in x_i.
    time_constants : tuple of float
        Of the traces, in samples; fitting the slow state of the paper's units (1/a = 10 to 50 steps).
    threshold : float, optional
        Samples at or above are events, in the signal's units. By default each unit's own: the lowest sample from
        which it falls at once by more than half its height, that is, is reset.
    covariance : {"hc3", "classical"}
        Of the coefficients, under the Wald statistic: robust against variance that changes from row to row (MacKinnon
        and White 1985), or as if it did not.

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` W[i, j] = w_ij' cov(w_ij)^-1 w_ij / lags, ``pvalue`` of it against F(lags, events - lags) with
        "hc3", whose variance is told by the rows in which the source acts (Bell and McCaffrey 2002), and against
        F(lags, rows - columns) with "classical" (NaN for a source of fewer than 10 events among i's
        rows), ``weight`` sum_k w_ij(k) in the signal's units an event, ``delay`` 1 + argmax_k |w_ij(k)| samples, in
        seconds. A source that has no events among i's rows, or none of its own, scores 0.
    coef_ : numpy.ndarray, (lag, target, source)
        w, in the signal's units.
    events_ : list of numpy.ndarray of bool, each (time, unit)
        The events of each segment.
    threshold_ : numpy.ndarray, (unit,)
        Level of each unit; infinite where it is never reset.

    Raises
    ------
    InputError
        See ``fit``; further, no unit has an event, too few rows for the columns, or time constants that are not
        positive.
    FitDivergedError
        The regression overflowed.

    Warns
    -----
    NotConvergedWarning
        Sources without events of their own, and those whose events always come with others', named: nothing can be said
        of what they do, and ``converged`` is False.

    Notes
    -----
    Of unconnected units of the paper's kind (T = 5,000 samples, mV, drive of mean 5) .055 of pairs are rejected at
    .05 with N = 10 (40 networks) and .052 with N = 40 (6 networks). Among the absent edges of connected networks it
    may be more: .072 to .106 in three published networks of N = 40, p = .8. Units with other slow states need
    ``time_constants`` of theirs: what is left unmodelled lines up by chance with other units that fire almost
    periodically.

    References
    ----------
    Z. Lu et al., arXiv 2311.06928 (2023), for the networks. J. G. MacKinnon and H. White, J. Econometrics 29 (1985),
    305-325. R. Bell and D. McCaffrey, Survey Methodology 28 (2002), 169-181.

    Examples
    --------
    >>> import synfer as sf
    >>> network = sf.simulate.izhikevich_network(8, 2, p=0.4, seed=0)
    >>> seen = sf.simulate.run(network, duration=5.0, seed=1)
    >>> estimate = sf.discover.EventRegression().fit(seen, signal="v").connectome_
    >>> sf.evaluate.compare(estimate, network.connectome)["auroc"] > 0.99
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "lags": [Interval(Integral, 1, None, closed="left")],
        "degree": [Interval(Integral, 1, 9, closed="both")],
        "time_constants": ["array-like"],
        "threshold": [Interval(Real, None, None, closed="neither"), None],
        "covariance": [StrOptions({"hc3", "classical"})],
    }

    def __init__(
        self,
        lags: int = 1,
        degree: int = 3,
        time_constants: tuple[float, ...] = (10.0, 50.0),
        threshold: float | None = None,
        covariance: str = "hc3",
    ) -> None:
        self.lags = lags
        self.degree = degree
        self.time_constants = time_constants
        self.threshold = threshold
        self.covariance = covariance

    def _taus(self) -> np.ndarray:
        try:
            taus = np.asarray(self.time_constants, dtype=np.float64)
        except (TypeError, ValueError):
            taus = np.array([np.nan])
        if taus.ndim != 1 or not (np.isfinite(taus) & (taus > 0)).all():
            raise InputError(
                f"time_constants must be positive numbers of samples, got {self.time_constants!r}: give a tuple "
                "such as (10.0, 50.0)."
            )
        return taus

    def _n_own(self) -> int:
        return 2 + int(self.degree) + 6 * len(self._taus())

    def _min_samples(self, n_units: int) -> int:
        return int(self.lags) * n_units + self._n_own() + 1

    def _discover(self, samples: Samples) -> Connectome:
        n, lags, taus = samples.n_units, int(self.lags), self._taus()
        self.threshold_ = _levels(samples.segments) if self.threshold is None else np.full(n, float(self.threshold))
        self.events_ = [segment >= self.threshold_ for segment in samples.segments]
        silent = ~np.any([events.any(axis=0) for events in self.events_], axis=0)
        if silent.all():
            raise InputError(
                "X must hold events, got no sample at or above the threshold: give threshold in the signal's units, "
                f"below its highest sample, {max(float(s.max()) for s in samples.segments):.4g}."
            )
        score, pvalue, weight = (np.full((n, n), np.nan) for _ in range(3))
        self.coef_ = np.zeros((lags, n, n))
        tied = np.zeros(n, dtype=bool)
        for i in tqdm(range(n), desc="events", unit=" targets", delay=2, leave=False, disable=None):
            others = np.delete(np.arange(n), i)
            w, cov, freedom, counts = self._fit_target(samples, i, others, taus)
            self.coef_[:, i, others] = w.T
            for k, j in enumerate(others):
                if counts[k] == 0 or not np.isfinite(cov[k]).all():
                    score[i, j], weight[i, j] = 0.0, 0.0
                    tied[j] |= counts[k] >= FEWEST
                    continue
                score[i, j] = max(float(w[k] @ np.linalg.pinv(cov[k], hermitian=True) @ w[k]) / lags, 0.0)
                weight[i, j] = w[k].sum()
                if counts[k] >= FEWEST:
                    # What a robust variance is worth is told by the rows in which the source acts, not by all of them.
                    known = freedom if self.covariance == "classical" else min(freedom, counts[k] - lags)
                    pvalue[i, j] = stats.f.sf(score[i, j], lags, known) if known > 0 else np.nan
        if silent.any():
            names = ", ".join(str(name) for name in samples.unit_ids[silent][:8])
            warnings.warn(
                f"units {names} have no event: what they do to others cannot be told, their score is 0; lower the "
                "threshold, or drop them.",
                NotConvergedWarning,
                stacklevel=3,
            )
        if tied.any():
            names = ", ".join(str(name) for name in samples.unit_ids[tied][:8])
            warnings.warn(
                f"events of units {names} always come with others' (or the target's own): which of them acts "
                "cannot be told, their score is 0; drop all but one of those that fire together, or take fewer lags.",
                NotConvergedWarning,
                stacklevel=3,
            )
        delay = None
        if samples.dt is not None:
            delay = (1.0 + np.abs(self.coef_).argmax(axis=0)) * samples.dt
            np.fill_diagonal(delay, np.nan)
        return self._connectome(
            samples, score, pvalue=pvalue, weight=weight, delay=delay, converged=not (silent | tied).any()
        )

    def _fit_target(
        self, samples: Samples, i: int, others: np.ndarray, taus: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
        """Coefficients (source, lag), covariances (source, lag, lag), degrees of freedom, events of each source."""
        lags, n_own = int(self.lags), self._n_own()
        designs = []
        level = self.threshold_[i]  # how high a peak rose above it says nothing of what follows the reset
        pooled = np.minimum(np.concatenate([segment[:, i] for segment in samples.segments]), level).astype(np.float64)
        mean, deviation = float(pooled.mean()), float(pooled.std())
        for segment, events in zip(samples.segments, self.events_, strict=True):
            if len(segment) <= lags:
                continue
            x = (np.minimum(segment[:, i], level).astype(np.float64) - mean) / deviation
            own = _own_state(x, events[:, i].astype(np.float64), int(self.degree), taus)
            rows = np.arange(lags - 1, len(x) - 1)
            designs.append((own, events, x, rows[~events[rows + 1, i]]))
        n_rows = sum(len(rows) for *_, rows in designs)
        n_columns = n_own + lags * len(others)
        if n_rows <= n_columns:
            raise InputError(
                f"X must hold more than {n_columns} samples in which unit {samples.unit_ids[i]!s} does not fire and "
                f"that have {lags} predecessors within their own trial, got {n_rows}: record for longer, or take fewer "
                "lags or time constants."
            )

        factor = np.zeros((n_columns + 1, n_columns + 1), order="F")
        counts = np.zeros(len(others), dtype=np.int64)
        for block in _blocks(designs, others, lags):
            counts += block[:, n_own:-1].reshape(len(block), lags, -1).any(axis=1).sum(axis=0)
            _core.append_rows(factor, np.asfortranarray(block))
        if not (np.isfinite(factor).all() and np.isfinite(deviation)):
            raise FitDivergedError("X is so large that its powers overflow: rescale it, for instance to z-scores.")
        triangle, right = factor[:n_columns, :n_columns], factor[:n_columns, -1]
        length = np.linalg.norm(triangle, axis=0)
        length[length == 0.0] = 1.0
        u, s, vt = np.linalg.svd(triangle / length)
        kept = s > 1e-9 * s[0]
        inverse = (vt[kept].T / s[kept]) @ u[:, kept].T  # of R, its columns scaled; pseudo where columns are tied
        coef = inverse @ right
        told = np.linalg.norm(vt[~kept], axis=0) < 1e-6  # coefficients that no tie leaves open
        freedom = n_rows - int(kept.sum())
        if self.covariance == "classical":
            bread = inverse @ inverse.T * (factor[-1, -1] ** 2 / freedom)
        else:
            meat = np.zeros((n_columns, n_columns))
            for block in _blocks(designs, others, lags):
                q = (block[:, :-1] / length) @ inverse  # rows of Q
                left = np.maximum(1.0 - np.einsum("tk,tk->t", q, q), 1e-8)
                residual = (block[:, -1] - (block[:, :-1] / length) @ coef) / left
                q *= residual[:, None]
                meat += q.T @ q
            bread = inverse @ meat @ inverse.T
        scale = deviation / length[n_own:]
        w = (coef[n_own:] * scale).reshape(lags, -1).T
        places = n_own + np.arange(len(others))[:, None] + len(others) * np.arange(lags)
        cov = bread[places[:, :, None], places[:, None, :]]
        scales = scale[places - n_own]
        cov = cov * scales[:, :, None] * scales[:, None, :]
        cov[~told[places].all(axis=1)] = np.nan
        return w, cov, freedom, counts


def _levels(segments: list[np.ndarray]) -> np.ndarray:
    """Lowest sample of each unit from which it is reset; infinite where there is none.

    A reset is a fall by more than half the distance from the lowest sample to the lowest of those it is reset from: to
    the highest would let peaks that are not cut off (an Izhikevich unit's reach from 30 to 1000 mV) hide the others.
    """
    low = np.min([segment.min(axis=0) for segment in segments if len(segment)], axis=0)
    level = np.max([segment.max(axis=0) for segment in segments if len(segment)], axis=0).astype(np.float64)
    for unit, lowest in enumerate(low):
        before = np.concatenate([segment[:-1, unit] for segment in segments])
        fall = before - np.concatenate([segment[1:, unit] for segment in segments])
        while True:  # the level sinks in every round, so that there is a last one
            found = before[fall > 0.5 * (level[unit] - lowest)].min(initial=np.inf)
            if not found < level[unit]:
                break
            level[unit] = found
        level[unit] = found
    return level


def _own_state(x: np.ndarray, fired: np.ndarray, degree: int, taus: np.ndarray) -> np.ndarray:
    """Columns (time, column) of a unit's own state: constant, firing, powers of x, traces, squares, products with x."""
    quiet = x * (1.0 - fired)  # after a reset it does not matter how high the peak was
    columns = [np.ones_like(x), fired, *(quiet**k for k in range(1, degree + 1))]
    for tau in taus:
        keep = np.exp(-1.0 / tau)
        for signal in (x, fired):
            start = signal.mean()  # what went before the first sample is not known
            trace = lfilter([1.0 - keep], [1.0, -keep], signal - start) + start
            columns += [trace, trace**2, trace * quiet]
    return np.column_stack(columns)


def _blocks(designs: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]], others: np.ndarray, lags: int) -> Any:
    """Rows [own state, events of the others lag by lag, next sample], some at a time."""
    for own, events, x, rows in designs:
        for first in range(0, len(rows), BLOCK):
            t = rows[first : first + BLOCK]
            acting = [events[np.ix_(t - k, others)] for k in range(lags)]
            yield np.column_stack([own[t], *acting, x[t + 1]])
