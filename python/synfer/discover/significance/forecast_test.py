"""Does the forecast need the source? Losses with and without it, on samples that the fit has not seen."""

from __future__ import annotations

import dataclasses
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import stats
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from statsmodels.stats.sandwich_covariance import S_hac_simple
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.significance.around import AroundEstimator, as_pairs, off_diagonal
from synfer.discover.significance.folds import folds
from synfer.discover.significance.surrogates import Surrogate, as_surrogate
from synfer.errors import InputError


class ForecastTest(AroundEstimator):
    """Test whether a forecaster needs a source, by what its absence costs in held-out samples (cross-fitted).

    The recording is cut into folds; each is forecast by the estimator fitted to the others. With e_i(t) the error of
    target i's forecast from all units, and e_ij(t) that without source j,

        ablation = "drop":     f_ij(t) = e_ij^2 - e_i^2 + (xhat_ij - xhat_i)^2          (Clark and West 2007)
        ablation = "shuffle":  f_ij(t) = mean over draws of e_ij^2 - e_i^2              (Diebold and Mariano 1995)
        z_ij = mean f_ij / sqrt(S_ij / T),    p[i, j] = P(N(0, 1) > z_ij)

    S_ij is the long-run variance of f_ij (Bartlett's kernel; Newey and West 1987). "drop" fits again without j, unit
    times the work, and compares nested models: the term in the brackets takes out what estimating useless coefficients
    costs the larger one, without which the test hardly ever rejects. "shuffle" keeps the fit and replaces j's samples
    by a surrogate; it costs forecasts only, but where units are correlated a fit shares an effect out among them, and
    losing one of them costs something though it drives nothing: its p-values are too small then.

    Parameters
    ----------
    estimator : BaseDiscoverer
        One with ``predict``.
    ablation : {"drop", "shuffle"}
    n_folds : int
    surrogate : str or Surrogate
        What replaces j with "shuffle".
    n_draws : int
        Surrogates of each source and fold with "shuffle".
    max_lag : int, optional
        Autocovariances in S; by default floor(4 (T / 100)^(2 / 9)).
    random_state : int, RandomState or None

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` max(z, 0), ``pvalue``; ``weight`` and ``delay`` of the estimator fitted to all samples.
    gain_ : numpy.ndarray, (target, source)
        mean (e_ij^2 - e_i^2) / mean e_i^2: the share by which the loss grows without the source.
    estimator_ : BaseDiscoverer

    Raises
    ------
    InputError
        See ``fit``; further, an estimator that has no ``predict``, two units with "drop", or folds too short to
        forecast in.

    References
    ----------
    F. X. Diebold and R. S. Mariano, J. Bus. Econ. Stat. 13 (1995), 253-263. T. E. Clark and K. D. West, J. Econometrics
    138 (2007), 291-311. W. K. Newey and K. D. West, Econometrica 55 (1987), 703-708.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import ConditionalGranger
    >>> from synfer.discover.significance import ForecastTest
    >>> x = np.random.default_rng(0).standard_normal((1000, 3))
    >>> x[1:, 1] += 0.5 * x[:-1, 0]
    >>> found = ForecastTest(ConditionalGranger(lag=1)).fit(x).connectome_
    >>> bool(found.pvalue.sel(target=1, source=0) < 1e-6)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": "no_validation",  # type: ignore[dict-item]  # the kind is checked in one sentence of ours
        "ablation": [StrOptions({"drop", "shuffle"})],
        "n_folds": [Interval(Integral, 2, None, closed="left")],
        "surrogate": [str, Surrogate],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "max_lag": [Interval(Integral, 0, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseDiscoverer,
        ablation: str = "drop",
        *,
        n_folds: int = 5,
        surrogate: str | Surrogate = "circular_shift",
        n_draws: int = 5,
        max_lag: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.ablation = ablation
        self.n_folds = n_folds
        self.surrogate = surrogate
        self.n_draws = n_draws
        self.max_lag = max_lag
        self.random_state = random_state

    def _discover(self, samples: Samples) -> Connectome:
        n = samples.n_units
        if not hasattr(self.estimator, "predict"):
            raise InputError(f"estimator must have predict; {type(self.estimator).__name__} does not forecast.")
        if self.ablation == "drop" and n < 3:
            raise InputError("X must hold at least 3 units for ablation='drop', got 2: take ablation='shuffle'.")
        kind = as_surrogate(self.surrogate)
        self.estimator_ = self._fitted(samples)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=n)
        cuts = list(folds(samples, int(self.n_folds), "n_folds"))
        if self.ablation == "shuffle":
            for _, held_out in cuts:
                kind.check(held_out)
        full = [clone(self.estimator)._fit_samples(learnt) for learnt, _ in cuts]
        known = [_forecast(fit, held_out) for fit, (_, held_out) in zip(full, cuts, strict=True)]
        forecast, target = (np.concatenate(column) for column in zip(*known, strict=True))
        error = (forecast - target) ** 2
        z, gain = np.full((n, n), np.nan), np.full((n, n), np.nan)
        bar = tqdm(range(n), desc="forecast test", unit=" sources", delay=2, leave=False, disable=None)
        for source in bar:
            targets = np.delete(np.arange(n), source)
            if self.ablation == "drop":
                other = np.concatenate([self._dropped(targets, *cut) for cut in cuts])
                growth = (other - target[:, targets]) ** 2 - error[:, targets]
                f = growth + (other - forecast[:, targets]) ** 2
            else:
                rng = check_random_state(int(seeds[source]))
                growth = np.zeros((len(target), len(targets)))
                for _ in range(int(self.n_draws)):
                    drawn = [
                        _forecast(fit, kind.draw(held_out, rng, units=[source]))[0]
                        for fit, (_, held_out) in zip(full, cuts, strict=True)
                    ]
                    other = np.concatenate(drawn)[:, targets]
                    growth += ((other - target[:, targets]) ** 2 - error[:, targets]) / int(self.n_draws)
                f = growth
            rows = np.isfinite(f).all(axis=1)  # the others have too little past within their fold
            if rows.sum() < 10:
                raise InputError(
                    f"n_folds must leave folds long enough to forecast in; got {self.n_folds} of {samples.n_samples} "
                    "samples in all: take fewer."
                )
            z[targets, source] = _statistic(f[rows], self.max_lag)
            gain[targets, source] = growth[rows].mean(axis=0) / error[np.ix_(rows, targets)].mean(axis=0)
        self.gain_ = gain
        nothing = {"score_std": None, "interval_low": None, "interval_high": None}
        pvalue = as_pairs(stats.norm.sf(off_diagonal(z)), n)
        return self._around(samples, self.estimator_.connectome_, score=np.maximum(z, 0.0), pvalue=pvalue, **nothing)

    def _dropped(self, kept: np.ndarray, learnt: Samples, held_out: Samples) -> np.ndarray:
        """Forecasts (time, unit) of the units kept, by a fit that has never seen the other."""
        reduced = clone(self.estimator)._fit_samples(_without(learnt, kept))
        return _forecast(reduced, _without(held_out, kept))[0]


def _without(samples: Samples, kept: np.ndarray) -> Samples:
    segments = [segment[:, kept] for segment in samples.segments]
    return dataclasses.replace(samples, segments=segments, unit_ids=samples.unit_ids[kept], unit_info=None)


def _forecast(estimator: Any, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts and what came, (time, unit), of all segments; NaN where there is too little past."""
    forecasts = [np.asarray(estimator.predict(segment), dtype=np.float64) for segment in samples.segments]
    return np.concatenate(forecasts), np.concatenate(samples.segments).astype(np.float64)


def _statistic(f: np.ndarray, max_lag: int | None) -> np.ndarray:
    """z (target,) of the mean of f (time, target), its long-run variance by Bartlett's kernel."""
    rows = len(f)
    lag = int(np.floor(4 * (rows / 100.0) ** (2.0 / 9.0))) if max_lag is None else int(max_lag)
    mean = f.mean(axis=0)
    # S_hac_simple sums over time, where S is a mean: T S.
    sums = np.array([float(S_hac_simple(x[:, None], nlags=min(lag, rows - 1))[0, 0]) for x in (f - mean).T])
    # Where nothing in the forecast changes there is no evidence.
    return np.divide(mean * rows, np.sqrt(sums), out=np.zeros_like(mean), where=sums > 0)
