"""Generalised linear models of spike trains: each unit's rate on everybody's filtered spikes."""

from __future__ import annotations

import functools
import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import stats
from scipy.linalg import LinAlgError
from sklearn.utils._param_validation import Interval, StrOptions
from tqdm import tqdm

from synfer import _core
from synfer.connectome import Connectome
from synfer.discover._covariates import names_of, read_covariates
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.group_lasso import shrink
from synfer.discover.spike_evidence import (
    dispersions,
    evenly,
    silencers,
    tempered,
    told_by_loss,
    wald,
    warn_of_dispersion,
)
from synfer.discover.spike_trains import (
    check_counts,
    check_rates,
    definite,
    events_of,
    inverse_of,
    raised_cosines,
    shortest_intervals,
    singular,
    used_bins,
    without_source,
)
from synfer.errors import InputError, NotConvergedWarning
from synfer.threads import n_threads

if TYPE_CHECKING:
    from typing_extensions import Self

TOLERANCE = 1e-6  # of the Newton decrement: what is left to gain, in units of log-likelihood
HELD = 0.01  # ridge of a target whose filters run off
TOGETHER = 2 * 10**7  # counts held as float64 at once
ALL_ROWS = 20_000  # curvatures are summed over all bins up to here


class SpikeGLM(BaseDiscoverer):
    """Poisson or Bernoulli regression of spike counts on the history of all units, its own included.

        n_i(t) ~ Poisson(mu_i(t)) or Bernoulli(mu_i(t))
        log mu_i(t), or logit mu_i(t) = c_i + sum_j sum_{d = 1}^{window} h_ij(d) n_j(t - d) + gamma_i' z_i(t)

    with h_ij = sum_b beta_ijb b_b, b the raised cosines of `raised_cosines`, and z what is known besides, such as
    a stimulus (``covariates`` of ``fit``; for a filter of it give its past as further columns): what is common to units
    and given here is no evidence for edges. Each target maximises

        log likelihood - ridge / 2 |beta_i|^2 - own_ridge / 2 |beta_ii|^2

    over the bins that have ``window`` predecessors in their own trial and do not follow a spike of i by ``refractory``
    bins or fewer: there the hazard is 0 whatever others do, and such bins would only drive the own filter to minus
    infinity.

    Parameters
    ----------
    family : {"poisson", "bernoulli"}
        Counts with the log link, or spike or no spike with the logit link.
    window : int
        Bins of history.
    n_basis : int
        Raised cosines a filter.
    refractory : int or "auto"
        Bins after a spike of its own in which a unit cannot fire. "auto" takes each unit's own: one less than its
        shortest interval, at most ``window`` (the maximum-likelihood estimate of a hazard that is 0 at first).
    ridge : float
        Penalty on the coefficients beta, in units of log-likelihood. With it there are no p-values.
    own_ridge : float
        Further penalty on the coefficients of the unit's own history, which its refractory time leaves ill determined:
        too small to move what others do, so that p-values are given all the same.
    max_iter : int
        Newton steps a target.
    group_lasso : float or "bic", optional
        Strength of a penalty that takes whole sources out of a target (:mod:`synfer.discover.group_lasso`: adaptive, on
        the quadratic that the information makes of the likelihood; 1 is a weak one), or "bic" to choose it for each
        target. ``score`` is then that of what is left, 0 for a source that is out, and there are no p-values: a list
        of edges, of which few are false; for a ranking of all pairs take the fit without it. A source after whose
        spikes the target hardly ever fires stays in: the quadratic knows next to nothing of it.
    dispersion : {"fixed", "pearson"}
        Of counts (Poisson): "pearson" divides the scores of a target by its ``dispersion_`` where that is above 1, as
        for a quasi-likelihood of variance dispersion x mean; "fixed" takes Poisson's law as it is, and warns. With the
        Bernoulli family only "fixed".

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` W[i, j] = beta_ij' cov(beta_ij)^-1 beta_ij / n_basis, cov the inverse information (penalised, with a
        ridge); ``pvalue`` of n_basis W against chi-squared (n_basis), None with a ridge; ``weight`` sum_d h_ij(d), the
        whole change of log rate (or log odds) that follows a spike of j; ``delay`` argmax_d |h_ij(d)| in seconds.
        Where i hardly ever fires after j's spikes, so that the filter has no size and W goes to 0, n_basis W is twice
        what the log likelihood loses without j, if that is more than once in a thousand times by chance
        (Hauck and Donner 1977); where W would be as sure as that, and a filter's standard error is above 1 (few spikes,
        a filter that runs off), no more than that (:mod:`synfer.discover.spike_evidence`). Where one runs off so far
        that the information is singular, as in short or sparse trains in which i by chance never fires just after j,
        that target is fitted with a ridge of .01, and of such j n_basis W is what the log likelihood loses, twice.
        ``converged`` is False where a target's steps had not ended.
    coef_ : numpy.ndarray, (target, source, basis)
        beta.
    intercept_ : numpy.ndarray, (target,)
    covariate_coef_ : numpy.ndarray, (target, covariate)
        gamma, change of log rate (or log odds) for each unit of a covariate.
    filters_ : numpy.ndarray, (target, source, window)
        h; the diagonal holds the units' own filters.
    refractory_ : numpy.ndarray of int, (unit,)
    dispersion_ : numpy.ndarray, (target,)
        Pearson's: variance of counts, given the fitted rates, over these; by Poisson's law 1. Of at most 20,000 bins;
        NaN of targets that never spike twice in a bin, and of the Bernoulli family: they cannot vary more; and where
        fewer than 100 of those bins lie outside the refractory time, though more were fitted.
    log_likelihood_ : numpy.ndarray, (target,)
        Without the penalty and the constant log n!.
    n_iter_ : numpy.ndarray of int, (target,)
    group_lasso_ : numpy.ndarray or None, (target,)
        Strengths; NaN where there was nothing to shrink.

    Raises
    ------
    InputError
        See ``fit``; further, samples that are not counts (not 0 or 1 with "bernoulli"), more basis functions than the
        window carries, too few bins for the columns, units or covariates that cannot be told apart, units that never
        or always fire in the bins that count, covariates that do not fit X, and "pearson" with "bernoulli".

    Warns
    -----
    NotConvergedWarning
        Targets whose steps had not ended, named.
    DispersionWarning
        Counts surely vary over 1.2 times as much as Poisson's law says, with p-values and ``dispersion="fixed"``.

    Notes
    -----
    Newton's steps; the log-likelihood and its gradient are summed spike by spike and exact. The curvature that steers
    the steps, and the information, are sums over all bins up to 20,000, beyond over 40 times as many as
    there are columns (and at least 20,000), spread evenly and scaled to all: then steps are conjugate gradients.
    Coefficients are those of all bins to the tolerance; standard errors and scores are estimates of what all bins would
    give (in a test of three units and 60,000 bins, scores within a tenth). P-values are by the family's law.

    References
    ----------
    W. Truccolo et al., J. Neurophysiol. 93 (2005), 1074-1089. J. W. Pillow et al., Nature 454 (2008), 995-999. W. W.
    Hauck and A. Donner, J. Am. Stat. Assoc. 72 (1977), 851-853.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import SpikeGLM
    >>> rng = np.random.default_rng(0)
    >>> spikes = (rng.random((20_000, 2)) < 0.05).astype(float)
    >>> spikes[2:, 1] = np.maximum(spikes[2:, 1], spikes[:-2, 0] * (rng.random(19_998) < 0.2))
    >>> connectome = SpikeGLM(window=10, n_basis=3, refractory=0).fit(spikes).connectome_
    >>> bool(connectome.pvalue.sel(target=1, source=0) < 1e-10 < 1e-3 < connectome.pvalue.sel(target=0, source=1))
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "family": [StrOptions({"poisson", "bernoulli"})],
        "window": [Interval(Integral, 2, None, closed="left")],
        "n_basis": [Interval(Integral, 1, None, closed="left")],
        "refractory": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "own_ridge": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "dispersion": [StrOptions({"fixed", "pearson"})],
        "group_lasso": [Interval(Real, 0, None, closed="left"), StrOptions({"bic"}), None],
    }

    def __init__(
        self,
        family: str = "poisson",
        window: int = 50,
        n_basis: int = 5,
        refractory: int | str = "auto",
        ridge: float = 0.0,
        own_ridge: float = 0.01,
        max_iter: int = 100,
        *,
        group_lasso: float | str | None = None,
        dispersion: str = "fixed",
    ) -> None:
        self.family = family
        self.window = window
        self.n_basis = n_basis
        self.refractory = refractory
        self.ridge = ridge
        self.own_ridge = own_ridge
        self.max_iter = max_iter
        self.group_lasso = group_lasso
        self.dispersion = dispersion

    def fit(self, X: Any, signal: str | None = None, covariates: Any = None) -> Self:
        """Find who drives whom; as every discoverer's ``fit``, and

        Parameters
        ----------
        X, signal
            As `BaseDiscoverer.fit` takes them.
        covariates : str, sequence of str, or array, optional
            What else the rate of a bin depends on, as it is in that bin: names of signals of the Recording, such as the
            "drive" that a simulation recorded (a column for each unit), or an array ([trial,] time, [unit,] covariate).

        Returns
        -------
        self
        """
        self._given = (X, covariates)
        try:
            super().fit(X, signal)
            self.connectome_.provenance["given"] |= names_of(covariates)
            return self
        finally:
            del self._given

    def _min_samples(self, n_units: int) -> int:
        return int(self.window) + (1 + n_units * int(self.n_basis) if self.ridge == 0 else 1)

    def _discover(self, samples: Samples) -> Connectome:
        if self.family == "bernoulli" and self.dispersion == "pearson":
            raise InputError(
                "dispersion must be 'fixed' with family='bernoulli', got 'pearson': 0 and 1 cannot vary more than "
                "their mean says."
            )
        n, window, n_basis = samples.n_units, int(self.window), int(self.n_basis)
        basis = raised_cosines(window, n_basis)
        if np.linalg.matrix_rank(basis, tol=1e-6 * np.linalg.norm(basis)) < n_basis:
            raise InputError(
                f"n_basis must be fewer than a window of {window} bins tells apart, got {n_basis}: take fewer, or a "
                "longer window."
            )
        check_counts(samples, 1 if self.family == "bernoulli" else np.inf)
        X, covariates = getattr(self, "_given", (None, None))  # none where another estimator gave samples
        given = read_covariates(X, covariates, samples)
        known = np.empty((samples.n_samples, 0)) if given is None else np.concatenate(given)
        n_known = known.shape[-1]
        spikes = events_of(samples.segments)
        bins, units, counts, _ = spikes
        auto = isinstance(self.refractory, str)
        self.refractory_ = shortest_intervals(spikes, n, window) if auto else np.full(n, self.refractory)

        def used_of(i: int) -> np.ndarray:
            return used_bins(samples.segments, window, bins[units == i], int(self.refractory_[i]))

        n_columns = 1 + n * n_basis + n_known
        groups = 1 + np.arange(n * n_basis).reshape(n, n_basis)
        rows = max(40 * n_columns, ALL_ROWS)
        self.coef_ = np.empty((n, n, n_basis))
        self.intercept_, self.log_likelihood_ = np.empty(n), np.empty(n)
        self.covariate_coef_ = np.empty((n, n_known))
        self.n_iter_ = np.empty(n, dtype=np.int64)
        score, unfinished = np.full((n, n), np.nan), []
        tested = self.ridge == 0 and self.group_lasso is None
        self.group_lasso_ = None if self.group_lasso is None else np.full(n, np.nan)
        together = max(1, TOGETHER // (samples.n_samples * (1 + (n_known if known.ndim == 3 else 0))))
        with tqdm(total=n, desc="spike GLM", unit=" targets", delay=2, leave=False, disable=None) as progress:
            for first in range(0, n, together):
                targets = np.arange(first, min(first + together, n))
                trains = np.concatenate([segment[:, targets] for segment in samples.segments]).T
                used = np.stack([used_of(int(i)) for i in targets])
                check_rates(samples, targets, trains, used, window, self.family == "bernoulli")
                beside = known.T[None] if known.ndim == 2 else known[:, targets].transpose(1, 2, 0)
                beside = np.ascontiguousarray(beside, dtype=np.float64)
                trains = np.ascontiguousarray(trains, dtype=np.float64)
                fitted = self._fitted(targets, spikes, n, basis, trains, used, beside, rows)
                for k, i in enumerate(targets):
                    one = slice(k, k + 1)
                    own = beside if len(beside) == 1 else beside[one]
                    refit = (spikes, basis, trains[one], used[one], own, rows)
                    held = 0.0
                    coef, information, likelihood, decrement, n_iter = (field[k] for field in fitted)
                    covariance = inverse_of(information)
                    if covariance is None and self.ridge == 0:
                        held = HELD
                        alone = self._fitted(targets[one], spikes, n, *refit[1:], ridge=held)
                        coef, information, likelihood, decrement, n_iter = (field[0] for field in alone)
                        covariance = inverse_of(information)
                    if covariance is None:
                        raise singular(samples, int(i))
                    self.intercept_[i] = coef[0]
                    self.coef_[i] = coef[1 : 1 + n * n_basis].reshape(n, n_basis)
                    self.covariate_coef_[i] = coef[1 + n * n_basis :]
                    self.log_likelihood_[i], self.n_iter_[i] = likelihood, n_iter
                    loss = functools.partial(self._loss, int(i), float(likelihood), refit, held)
                    silencing: dict[int, float] = {}
                    if self.ridge == 0:  # which gives filters a size
                        n_bins = 0 if held else samples.n_samples
                        found = silencers(self.coef_[i], covariance, basis, units, counts, int(i), n_bins)
                        silencing = told_by_loss(found, n_basis, loss, always=held > 0)
                    if held and not (silencing and definite(information, held, groups, list(silencing))):
                        raise singular(samples, int(i))
                    if self.group_lasso is not None and decrement <= TOLERANCE:
                        events = int(trains[k][used[k] > 0].sum())
                        self._shrink(samples, int(i), information, events, list(silencing))
                    score[i] = wald(self.coef_[i], covariance)
                    if tested:
                        score[i] = tempered(score[i], covariance, basis, [int(i), *silencing], loss)
                    for j, evidence in silencing.items():
                        score[i, j] = evidence if held else max(score[i, j], evidence)
                    if not decrement <= TOLERANCE:
                        unfinished.append(int(i))
                progress.update(len(targets))
        np.fill_diagonal(score, np.nan)
        if unfinished:
            names = ", ".join(str(name) for name in samples.unit_ids[unfinished][:8])
            warnings.warn(
                f"targets {names} had not converged after {self.max_iter} steps, perhaps because they never fire after "
                "some unit's spikes: allow more max_iter, set ridge > 0, or take fewer basis functions.",
                NotConvergedWarning,
                stacklevel=3,
            )
        self.filters_ = self.coef_ @ basis.T
        self.dispersion_, error = np.full(n, np.nan), np.full(n, np.nan)
        if self.family == "poisson":

            def without_history(i: int, at: np.ndarray) -> np.ndarray:
                beside = known if known.ndim == 2 else known[:, i]
                return np.asarray(self.intercept_[i] + beside[at] @ self.covariate_coef_[i])

            with_past = np.flatnonzero(used_bins(samples.segments, window, bins[:0], 0))
            self.dispersion_, error = dispersions(
                spikes, basis, self.coef_, evenly(with_past, ALL_ROWS), used_of, without_history, 1 + n_known
            )
        if self.dispersion == "pearson":
            score /= np.fmax(self.dispersion_, 1.0)[:, None]
        elif tested:
            warn_of_dispersion(samples.unit_ids, self.dispersion_, error)
        weight = self.filters_.sum(axis=2)
        np.fill_diagonal(weight, np.nan)
        pvalue = stats.chi2.sf(n_basis * score, n_basis) if tested else None
        delay = None
        if samples.dt is not None:
            delay = (1.0 + np.abs(self.filters_).argmax(axis=2)) * samples.dt
            np.fill_diagonal(delay, np.nan)
        return self._connectome(samples, score, weight=weight, pvalue=pvalue, delay=delay, converged=not unfinished)

    def _fitted(
        self,
        targets: np.ndarray,
        spikes: tuple[np.ndarray, ...],
        n_units: int,
        basis: np.ndarray,
        trains: np.ndarray,
        used: np.ndarray,
        beside: np.ndarray,
        rows: int,
        *,
        ridge: float = 0.0,
    ) -> tuple[np.ndarray, ...]:
        """Coefficients, information, log-likelihood, what is left to gain and steps, of each target."""
        bins, units, counts, stops = spikes
        return _core.fit_point_process(
            targets, bins, units, counts, stops, n_units, basis, trains, used, beside, self.family == "bernoulli",
            float(self.ridge or ridge), float(self.own_ridge), TOLERANCE, int(self.max_iter), rows, n_threads(),
        )  # fmt: skip

    def _loss(self, i: int, likelihood: float, refit: tuple[Any, ...], held: float, j: int) -> float:
        """Twice what target i's log likelihood loses without source j; both held where that fit would be singular."""
        spikes, basis, *rest = refit
        n, left = len(self.coef_), without_source(spikes, j)
        place = np.array([i - (i > j)])  # the units after j are counted one less
        least = self._fitted(place, left, n - 1, basis, *rest, ridge=held)
        if inverse_of(least[1][0]) is None and not held:
            likelihood = float(self._fitted(np.array([i]), spikes, n, basis, *rest, ridge=HELD)[2][0])
            least = self._fitted(place, left, n - 1, basis, *rest, ridge=HELD)
        return max(2.0 * (likelihood - float(least[2][0])), 0.0)

    def _shrink(self, samples: Samples, i: int, information: np.ndarray, events: int, kept: list[int]) -> None:
        """Put what the group lasso leaves in the place of target i's coefficients; sources ``kept`` are not asked."""
        n, n_basis = samples.n_units, int(self.n_basis)
        groups = 1 + np.arange(n * n_basis).reshape(n, n_basis)
        others = np.delete(np.arange(n), [i, *kept])
        if len(others) == 0:
            return
        strength = None if isinstance(self.group_lasso, str) else self.group_lasso
        known = 1 + n * n_basis + np.arange(self.covariate_coef_.shape[1])
        coef = np.concatenate([[self.intercept_[i]], self.coef_[i].ravel(), self.covariate_coef_[i]])
        free = np.concatenate([[0], groups[[i, *kept]].ravel(), known])
        try:
            left, chosen = shrink(coef, information, free, groups[others], events, strength)
        except (LinAlgError, ValueError):
            raise singular(samples, i) from None
        assert self.group_lasso_ is not None
        self.intercept_[i], self.covariate_coef_[i], self.group_lasso_[i] = left[0], left[known], chosen
        self.coef_[i] = left[groups]
