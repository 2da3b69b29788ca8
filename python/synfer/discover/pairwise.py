"""Granger causality of two units at a time, all others ignored."""

from __future__ import annotations

import dataclasses
from itertools import combinations
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import stats
from scipy.linalg import solve_triangular
from sklearn.utils._param_validation import Interval
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover.autoregression import spectral_radius
from synfer.discover.autoregressive import LaggedRegression, check_root
from synfer.discover.base import Samples
from synfer.discover.collinear import refuse_collinear


class PairwiseGranger(LaggedRegression):
    """Bivariate Granger causality: does j's past improve the forecast of i from its own, nobody else's given?

        F[i, j] = (sse_i(own) - sse_i(own and j)) / p / (sse_i(own and j) / (rows - 1 - 2 p)) ~ F(p, rows - 1 - 2 p)

    Classic and cheap, and misled by every third unit: a chain a -> b -> c gives a -> c, a common input an edge between
    those it drives. ``ConditionalGranger`` is the remedy; this is what it is held against.

    Parameters
    ----------
    lag : int
        Lags p of each of the two.

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` F, ``pvalue``, ``weight`` the sum of j's coefficients over lags, in standard deviations of the target
        per standard deviation of the source; ``delay`` the lag of the largest, in seconds.

    Raises
    ------
    InputError
        See ``fit``; further, collinear units, and too few rows.

    Warns
    -----
    UnitRootWarning, NotConvergedWarning
        A unit by itself remembers for a tenth of the recording or longer; or is fitted as a process that is not stable:
        then there are no p-values, and ``converged`` is False.

    References
    ----------
    C. W. J. Granger, "Investigating causal relations by econometric models and cross-spectral methods", Econometrica 37
    (1969), 424-438.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import PairwiseGranger
    >>> x = np.random.default_rng(0).standard_normal((500, 2))
    >>> x[1:, 1] += 0.5 * x[:-1, 0]
    >>> bool(PairwiseGranger(lag=1).fit(x).connectome_.pvalue.sel(target=1, source=0) < 1e-10)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"lag": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, lag: int = 5) -> None:
        self.lag = lag

    def _min_rows(self, n_units: int) -> int:
        return 2 * int(self.lag) + 3

    def _discover(self, samples: Samples) -> Connectome:
        return self._find(samples, f"PairwiseGranger(lag={self.lag})", stacklevel=4)

    def _find(self, samples: Samples, name: str, stacklevel: int) -> Connectome:
        """Do the work; warnings name ``name``, the estimator that the user called, ``stacklevel`` calls away."""
        p, n = int(self.lag), samples.n_units
        # The factor of all units' lags holds that of any pair's: the same columns of it, made triangular again.
        factor, rows = self._factor(samples)
        enough = rows > n * p + n
        if enough:
            refuse_collinear(factor, samples, p)
        score, coef = np.full((n, n), np.nan), np.zeros((p, n, n))
        freedom = rows - 1 - 2 * p
        alone, together = np.empty(n), np.empty((n, n))
        n_pairs, n_predictors = n * (n - 1) // 2, 1 + 2 * p
        for i, j in tqdm(
            combinations(range(n), 2), "pairwise Granger", n_pairs, unit=" pairs", delay=2, leave=False, disable=None
        ):
            # One triangle serves both directions: the lags of both, then the present of either.
            r = _triangle(factor[:, [0, *(1 + n * lag + unit for lag in range(p + 1) for unit in (i, j))]])
            if not enough:  # all units together follow from one another for want of rows; two of them must not
                refuse_collinear(r, _of_units(samples, [i, j]), p)
            together[[i, j], [j, i]] = (r[n_predictors:, n_predictors:] ** 2).sum(axis=0)
            lags = solve_triangular(r[:n_predictors, :n_predictors], r[:n_predictors, n_predictors:])[1:]
            coef[:, i, j], coef[:, j, i] = lags[1::2, 0], lags[0::2, 1]
        radius = 0.0  # of the units by themselves
        for i in range(n):
            own = _triangle(factor[:, [0, *(1 + i + n * np.arange(p + 1))]])
            alone[i] = own[-1, -1] ** 2
            by_itself = solve_triangular(own[:-1, :-1], own[:-1, -1])[1:]
            radius = max(radius, spectral_radius(by_itself[:, None, None]))
        off = ~np.eye(n, dtype=bool)
        score[off] = (np.maximum(alone[:, None] - together, 0.0)[off] / p) / (together[off] / freedom)
        weight, delay = self._weight_and_delay(samples, coef, factor)
        stable = check_root(name, radius, rows, stacklevel)
        pvalue = stats.f.sf(score, p, freedom) if stable else None
        return self._connectome(samples, score, weight=weight, pvalue=pvalue, delay=delay, converged=stable)


def _of_units(samples: Samples, units: list[int]) -> Samples:
    """Give what a refusal says of two units: their names, in the precision of the samples."""
    nothing = samples.segments[0][:0, units]
    return dataclasses.replace(samples, segments=[nothing], unit_ids=samples.unit_ids[units], unit_info=None)


def _triangle(columns: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.qr(columns, mode="r"))
