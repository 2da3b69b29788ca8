"""Granger causality by vector autoregression: does j's past improve the forecast of i, everyone else's past given?"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import stats
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover.autoregression import LeastSquares, criteria, lagged_factor, leading_factor, n_rows
from synfer.discover.autoregressive import VectorAutoregression
from synfer.discover.base import Samples
from synfer.discover.collinear import refuse_collinear
from synfer.discover.instantaneous import coupling, rows_needed, shares
from synfer.discover.robust import robust_wald
from synfer.discover.spike_trains import is_counted
from synfer.errors import InputError


class ConditionalGranger(VectorAutoregression):
    """Conditional Granger causality: the F test of each source's lags in a vector autoregression of all units.

        x(t) = c + A_1 x(t-1) + ... + A_p x(t-p) + e(t)
        H0[i, j]: A_1[i, j] = ... = A_p[i, j] = 0
        F[i, j] = b' V_j^-1 b / (p s_i^2) ~ F(p, unit (rows - 1 - unit p))

    with b the p coefficients of source j in target i's equation, V_j their block of (X'X)^-1 and s_i^2 the unbiased
    residual variance. Fitted by least squares with intercept, all targets and all tests from one factorisation.

    The denominator's degrees of freedom are those of the whole system, unit x residual degrees of one equation, as
    statsmodels' ``VARResults.test_causality(kind="f")`` has them (Luetkepohl, section 3.6, discusses the choice). Of
    short recordings they are too many: 300 samples of 20 units and 5 lags have .06 to .07 of absent edges below .05,
    60 samples of 5 units .07 to .11 (bench/results/small_samples.md, where ``MVGC`` has .044 to .059 and .01 to .04).

    Limits: a unit that is not recorded, or noise on the measurement, makes edges that are not there. Close to a unit
    root the test rejects too often: of ten independent units x(t) = a x(t-1) + e(t), 2,000 samples, at .05 it rejects
    .052 for a = 0, .056 for a = .9, .081 for a = .98. Spiking voltages are no such process either: of Izhikevich
    neurons without any connection (the paper's model and preparation, 10 units, 5 s; 100 networks, 9,000 tests) it
    rejects .067 (s.e. .003) at .05, with ``lag=10`` .074.

    Parameters
    ----------
    lag : "aic", "bic" or int
        Number of lags p, or the criterion that chooses it among 1 .. ``max_lag``, every order judged on the same rows,
        the chosen one then fitted on all it can use. Where even a model without lags would be preferred, p is 1: the
        p-values then say that nothing was found. On the paper's voltage the penalty of "bic" costs lags that the
        forecast needs (the paper's own table, MVGC by either criterion: .94 against .90 at N = 10, p = .4).
    max_lag : int
        Highest order tried.
    ridge : float
        Penalty on standardised coefficients: minimises |Y - X B|^2 / rows + ``ridge`` |S B|^2, S the units' standard
        deviations. With it units may be collinear, or (given ``lag`` as a number) outnumber the samples, and there are
        no p-values: the score is the same quadratic form on the penalised fit, the growth of the penalised sum of
        squares when j's lags are held at zero, per lag, in units of residual variance (effective degrees of freedom).
    covariance : {"classical", "hc3", "hac"}
        Of the coefficients under the test. "hc3" (MacKinnon and White 1985) allows errors whose variance changes,
        "hac" (Newey and West 1987) also errors that are correlated in time; F[i, j] = b' C_ij^-1 b / p then, C_ij the
        sandwich estimate, against F(p, rows - 1 - unit p). No ridge. Of targets that are spikes or counts F is the
        smaller of that and the classical one: where a sparse one never fires after the source, its errors there are
        alike, the sandwich says that nothing can vary, and independent spikes came out as edges. Not for spike trains.
    instantaneous : bool
        Count what units share within a sample, too, where samples are further apart than effects and no lag shows them
        (frames of fluorescence, wide bins of spikes; of sampled voltages the coupling has not the edges' signs): with
        G = n F_{i . j} (Geweke 1982) the likelihood ratio statistic of the partial correlation of i's and j's errors,
        without penalty, the score is (p F + s G) / (p + 1 / 2), s = (1 + F) / (2 + F + F of the other direction). Both
        directions gain: a high score says who is coupled, and less of which way. Weights are those of
        ``instantaneous_``; p-values and delays stay those of the lags, which alone have a direction: where a test is
        made of scores (`synfer.discover.significance`) it calls both. What drives two units unseen makes G, too, and so
        does a volatility that they have in common.
    hac_lag : int, optional
        Autocovariances that "hac" takes in; by default floor(4 (rows / 100)^(2 / 9)).

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` F[i, j], or with G as above; ``pvalue`` of F (None with a ridge, or where the fit is explosive);
        ``weight`` the sum of the p coefficients, in standard deviations of the target per standard deviation of the
        source: what a lasting change of j does to i directly, and of steadier sign than any one lag's share of it;
        ``delay`` the lag of the coefficient of largest modulus, in seconds (None where dt is unknown). ``converged`` is
        False where ``spectral_radius_`` >= 1.
    instantaneous_ : Connectome
        With ``instantaneous``, the coupling alone, symmetric: ``weight``, the partial correlation of i's and j's
        errors, all others' given; ``score``, its magnitude; ``pvalue``, of G (None with a ridge).
    lag_ : int
    coef_ : numpy.ndarray, (lag, target, source)
        A_1 ... A_p in the signal's own units.
    intercept_ : numpy.ndarray, (target,)
    residual_covariance_ : numpy.ndarray, (target, target)
        Unbiased: divided by rows minus the (effective) number of predictors.
    criterion_ : pandas.DataFrame or None
        Columns "aic" and "bic", indexed by lag 0 .. ``max_lag``; None where ``lag`` is a number.
    spectral_radius_ : float
        Of the companion matrix; the fitted process is stable below 1.

    Raises
    ------
    InputError
        See ``fit``; further, collinear units (named) without a ridge, and fewer rows than the order needs.
    FitDivergedError
        The factorisation overflowed.

    Warns
    -----
    NotConvergedWarning
        The fitted process is not stable, so that the F statistic has not its distribution: p-values are withheld.
    UnitRootWarning
        It remembers for a tenth of the recording or longer: the test rejects too often.
    LargestOrderWarning
        ``lag`` is a criterion, and ``max_lag`` the order that it chose.
    NonStationaryWarning, ConstantSegmentWarning
        A unit's mean drifts, or it does not vary throughout a trial.

    References
    ----------
    J. Geweke, J. Am. Stat. Assoc. 77, 1982, 304-313, and 79, 1984, 907-915. H. Luetkepohl, New Introduction to Multiple
    Time Series Analysis, Springer 2005, sections 3.6 and 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import ConditionalGranger
    >>> x = np.random.default_rng(0).standard_normal((500, 2))
    >>> x[1:, 1] += 0.5 * x[:-1, 0]
    >>> connectome = ConditionalGranger(lag=1).fit(x).connectome_
    >>> bool(connectome.pvalue.sel(target=1, source=0) < 1e-10)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "lag": [StrOptions({"aic", "bic"}), Interval(Integral, 1, None, closed="left")],
        "max_lag": [Interval(Integral, 1, None, closed="left")],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "covariance": [StrOptions({"classical", "hc3", "hac"})],
        "instantaneous": ["boolean"],
        "hac_lag": [Interval(Integral, 0, None, closed="left"), None],
    }

    def __init__(
        self,
        lag: str | int = "aic",
        max_lag: int = 10,
        ridge: float = 0.0,
        *,
        covariance: str = "classical",
        hac_lag: int | None = None,
        instantaneous: bool = False,
    ) -> None:
        self.lag = lag
        self.max_lag = max_lag
        self.ridge = ridge
        self.covariance = covariance
        self.hac_lag = hac_lag
        self.instantaneous = instantaneous

    def _min_rows(self, n_units: int) -> int:
        if self.instantaneous:
            return (n_units * self._highest_lag + 1 if self.ridge == 0 else 0) + rows_needed(n_units)
        if self.ridge == 0:
            return n_units * (self._highest_lag + 1) + 1
        # A criterion takes the determinant of the residual covariance, which needs as many rows as units.
        return n_units + 1 if isinstance(self.lag, str) else 2

    def _discover(self, samples: Samples) -> Connectome:
        n_units, n_lags, ridge = samples.n_units, self._highest_lag, float(self.ridge)
        if self.covariance != "classical" and ridge > 0.0:
            raise InputError(
                f"covariance must be 'classical' with a ridge, got {self.covariance!r}: a penalised fit has no such "
                "law; set ridge=0."
            )
        factor, rows = self._factor(samples)
        if ridge == 0.0:
            refuse_collinear(factor, samples, n_lags, remedy="set ridge > 0")

        self.lag_, self.criterion_ = n_lags, None
        if isinstance(self.lag, str):
            fits = [
                LeastSquares(leading_factor(factor, n_units, p), n_units, p, rows, ridge) for p in range(n_lags + 1)
            ]
            self.criterion_ = criteria(fits)[["aic", "bic"]]
            self.lag_ = int(self.criterion_[self.lag].iloc[1:].idxmin())
            self._warn_of_largest()
            # The common rows are in the factor already; those which only higher orders could not use are added.
            factor = leading_factor(factor, n_units, self.lag_)
            lagged_factor(samples.segments, self.lag_, stop=n_lags, factor=factor)
            rows = n_rows(samples.segments, self.lag_)

        fit = LeastSquares(factor, n_units, self.lag_, rows, ridge)
        self.coef_, self.intercept_, self.residual_covariance_ = fit.coef, fit.intercept, fit.unbiased_covariance
        stable = self._check_stability(rows if ridge == 0.0 else None)
        if self.covariance == "classical":
            score, freedom = fit.wald(), n_units * (rows - fit.df)
        else:
            score = robust_wald(samples.segments, fit, str(self.covariance), self.hac_lag)
            counted = [i for i in range(n_units) if is_counted(samples, i)]
            score[counted] = np.minimum(score[counted], fit.wald()[counted])
            freedom = rows - fit.df
        np.fill_diagonal(score, np.nan)
        pvalue = stats.f.sf(score, self.lag_, freedom) if ridge == 0.0 and stable else None
        weight, delay = self._weight_and_delay(samples, self.coef_, factor)
        if self.instantaneous:
            shared = coupling(self.residual_covariance_, int(rows - fit.df))
            score = (self.lag_ * score + shares(score) * shared.chi_square) / (self.lag_ + 0.5)
            fields: dict[str, Any] = shared.fields() if ridge == 0.0 else {**shared.fields(), "pvalue": None}
            self.instantaneous_ = self._connectome(samples, shared.score, "instantaneous_", **fields)
            weight = fields["weight"]
        return self._connectome(samples, score, weight=weight, pvalue=pvalue, delay=delay, converged=stable)
