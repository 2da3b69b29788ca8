"""Transfer entropy: how much a source's past tells of a target's next sample beyond the target's own past."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import stats
from scipy.spatial import cKDTree
from scipy.special import digamma
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover.autoregression import LeastSquares, spectral_radius
from synfer.discover.autoregressive import LaggedRegression, check_root
from synfer.discover.base import Samples
from synfer.discover.collinear import refuse_collinear
from synfer.discover.pairwise import PairwiseGranger
from synfer.discover.resolution import warn_of_few
from synfer.discover.shifts import draw_offsets, refuse_short_trials, shortest_shifted
from synfer.errors import InputError

JITTER = 1e-8  # of a standard deviation: neighbours at one and the same distance are told apart by chance


class TransferEntropy(LaggedRegression):
    """Transfer entropy from every unit to every other, in nats.

        TE[i, j] = I(x_i(t) ; x_j(t-1 ... t-lag) | x_i(t-1 ... t-lag) [, all others' past])

    As Gaussian variables ("gaussian") it is half the log ratio of residual variances without and with j's past, a
    monotonic function of Granger's F (Barnett, Barrett and Seth 2009), of which the p-value is the exact one. From
    nearest neighbours ("neighbours") any dependence counts: Frenzel and Pompe's estimate, with the largest coordinate
    as distance,

        TE = psi(k) + < psi(n_z + 1) - psi(n_xz + 1) - psi(n_yz + 1) >_t,

    n the numbers of other samples nearer than the k-th neighbour in the joint space, x the target's present, y the
    source's past, z what is given. Units are z-scored; samples at one and the same value (a clipped peak, counts) are
    set apart by 1e-8 standard deviations of noise. Its p-value is the rank among B sources shifted around each segment,

        pvalue[i, j] = (1 + b) / (1 + B).

    Where there are fewer than B shifts that have no lag in common, each is taken once, and B is their number.

    Limits: given only the own past, a chain or a common input makes edges that are not there. The neighbours' estimate
    is biased towards 0 as dimensions grow (lag times 2, or times units with ``condition="all"``). It takes some 60 ms a
    pair of 5,000 samples, and so much again for every surrogate: 10 units with 100 surrogates, ten minutes.

    Parameters
    ----------
    estimator : {"gaussian", "neighbours"}
    lag : int
        Samples of history, of source and of what is given.
    condition : {"own", "all"}
        What is given: the target's own past, or also that of all other units.
    n_neighbors : int
        k, with "neighbours".
    n_surrogates : int
        B, with "neighbours"; 0 gives no p-values. Time is proportional to 1 + B.
    random_state : int, RandomState or None
        Seed of noise and shifts.

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` TE, estimates below 0 set to 0; ``pvalue``. TE has no sign.
    transfer_entropy_ : numpy.ndarray, (target, source)
        The estimates as they are, diagonal NaN.
    n_surrogates_ : int
        Different shifts that were taken, at most B: no p-value is below 1 / (1 + ``n_surrogates_``). 0 without any, as
        of "gaussian".

    Raises
    ------
    InputError
        See ``fit``; further, collinear units ("gaussian"), fewer samples than neighbours or trials too short to shift
        ("neighbours").
    FitDivergedError
        The regression overflowed.

    Warns
    -----
    ResolutionWarning
        With fewer than 19 surrogates, or so few different ones, no p-value can be as low as .05.

    References
    ----------
    T. Schreiber, Phys. Rev. Lett. 85 (2000), 461. L. Barnett, A. B. Barrett and A. K. Seth, Phys. Rev. Lett. 103
    (2009), 238701. S. Frenzel and B. Pompe, Phys. Rev. Lett. 99 (2007), 204101.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import TransferEntropy
    >>> x = np.random.default_rng(0).standard_normal((2000, 2))
    >>> x[1:, 1] += x[:-1, 0] ** 2
    >>> te = TransferEntropy("neighbours", n_surrogates=19, random_state=0).fit(x).connectome_
    >>> bool(te.score.sel(target=1, source=0) > 0.2 > te.score.sel(target=0, source=1))
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [StrOptions({"gaussian", "neighbours"})],
        "lag": [Interval(Integral, 1, None, closed="left")],
        "condition": [StrOptions({"own", "all"})],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_surrogates": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: str = "gaussian",
        lag: int = 1,
        condition: str = "own",
        n_neighbors: int = 4,
        n_surrogates: int = 100,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.lag = lag
        self.condition = condition
        self.n_neighbors = n_neighbors
        self.n_surrogates = n_surrogates
        self.random_state = random_state

    def _min_rows(self, n_units: int) -> int:
        if self.estimator == "neighbours":
            return int(self.n_neighbors) + 2
        return 2 * int(self.lag) + 3 if self.condition == "own" else n_units * (int(self.lag) + 1) + 1

    def _discover(self, samples: Samples) -> Connectome:
        stable, self.n_surrogates_ = True, 0
        if self.estimator == "neighbours":
            te, pvalue = self._from_neighbours(samples)
        elif self.condition == "own":
            fitted = PairwiseGranger(int(self.lag))._find(samples, f"TransferEntropy(lag={self.lag})", stacklevel=4)
            stable = bool(fitted.converged)
            rows = sum(max(0, len(segment) - int(self.lag)) for segment in samples.segments)
            te = 0.5 * np.log1p(fitted.score.values * int(self.lag) / (rows - 1 - 2 * int(self.lag)))
            pvalue = None if fitted.pvalue is None else fitted.pvalue.values
        else:
            te, pvalue, stable = self._conditional(samples)
        np.fill_diagonal(te, np.nan)
        self.transfer_entropy_ = te
        return self._connectome(samples, np.maximum(te, 0.0), pvalue=pvalue, converged=stable)

    def _conditional(self, samples: Samples) -> tuple[np.ndarray, np.ndarray | None, bool]:
        lag = int(self.lag)
        factor, rows = self._factor(samples)
        refuse_collinear(factor, samples, lag)
        fit = LeastSquares(factor, samples.n_units, lag, rows)
        f, freedom = fit.wald(), rows - fit.df
        stable = check_root(f"TransferEntropy(lag={lag})", spectral_radius(fit.coef), rows, stacklevel=4)
        pvalue = stats.f.sf(f, lag, freedom) if stable else None
        if pvalue is not None:
            np.fill_diagonal(pvalue, np.nan)
        return 0.5 * np.log1p(f * lag / freedom), pvalue, stable

    def _from_neighbours(self, samples: Samples) -> tuple[np.ndarray, np.ndarray | None]:
        n, lag, k, n_surrogates = samples.n_units, int(self.lag), int(self.n_neighbors), int(self.n_surrogates)
        rows = sum(max(0, len(segment) - lag) for segment in samples.segments)
        if rows < self._min_rows(n):
            raise InputError(
                f"X must hold at least {self._min_rows(n)} samples with {lag} predecessors within their own trial for "
                f"n_neighbors={k}, got {rows}: take fewer neighbours or lags, or longer trials."
            )
        if n_surrogates:
            refuse_short_trials(samples, shortest_shifted(lag), f"lag={lag}")
        rng = check_random_state(self.random_state)
        segments = _standardised(samples.segments, rng)
        offsets = np.empty((len(segments), 0), dtype=np.int64)
        if n_surrogates:
            offsets = draw_offsets(rng, [len(s) for s in segments], lag, n_surrogates)
        self.n_surrogates_ = offsets.shape[1]
        warn_of_few(n_surrogates, self.n_surrogates_, "record for longer, or take a smaller lag")

        present = np.concatenate([segment[lag:] for segment in segments])
        past = _past(segments, lag)
        te = np.full((n, n), np.nan)
        pvalue = np.full((n, n), np.nan) if n_surrogates else None
        with tqdm(total=n * (n - 1), desc="transfer entropy", delay=2, leave=False, disable=None) as progress:
            for j in range(n):
                # One set of shifts of j serves all targets.
                shifted = [
                    _past([np.roll(s[:, [j]], o[b], axis=0) for s, o in zip(segments, offsets, strict=True)], lag)[:, 0]
                    for b in range(self.n_surrogates_)
                ]
                for i in (unit for unit in range(n) if unit != j):
                    given = [i] if self.condition == "own" else [unit for unit in range(n) if unit != j]
                    information = _Information(present[:, [i]], past[:, given].reshape(rows, -1), k)
                    te[i, j] = information.of(past[:, j])
                    if pvalue is not None:
                        reached = sum(information.of(y) >= te[i, j] for y in shifted)
                        pvalue[i, j] = (1.0 + reached) / (1.0 + len(shifted))
                    progress.update()
        return te, pvalue


def _standardised(segments: list[np.ndarray], rng: np.random.RandomState) -> list[np.ndarray]:
    """Units z-scored over all segments, and set apart by noise."""
    pooled = np.concatenate(segments).astype(np.float64)
    pooled = (pooled - pooled.mean(axis=0)) / pooled.std(axis=0)
    pooled += JITTER * rng.standard_normal(pooled.shape)
    return np.split(pooled, np.cumsum([len(segment) for segment in segments])[:-1])


def _past(segments: list[np.ndarray], lag: int) -> np.ndarray:
    """Histories (row, unit, lag) of all samples that have one within their own segment."""
    return np.concatenate(
        [np.stack([s[lag - d : len(s) - d] for d in range(1, lag + 1)], axis=2) for s in segments if len(s) > lag]
    )


class _Information:
    """Conditional mutual information I(x; y | z) in nats for one x and z, and many y.

    Parameters
    ----------
    x, z : array, (row, dimension)
    k : int
        Neighbours.
    """

    def __init__(self, x: np.ndarray, z: np.ndarray, k: int) -> None:
        self._x, self._z, self._k = x, z, k
        self._of_z, self._of_xz = _Counter(z), _Counter(np.hstack([x, z]))

    def of(self, y: np.ndarray) -> float:
        """I(x; y | z) for y (row, dimension)."""
        yz = np.hstack([y, self._z])
        joint = np.hstack([self._x, yz])
        # The first neighbour is the sample itself.
        distance = cKDTree(joint).query(joint, k=[self._k + 1], p=np.inf)[0][:, 0]
        terms = digamma(self._of_z(distance)) - digamma(self._of_xz(distance)) - digamma(_Counter(yz)(distance))
        return float(digamma(self._k) + terms.mean())


class _Counter:
    """How many points, itself included, lie strictly within a distance of each."""

    def __init__(self, points: np.ndarray) -> None:
        self._points = points
        self._line = np.sort(points[:, 0])
        self._tree = cKDTree(points) if points.shape[1] > 1 else None

    def __call__(self, distance: np.ndarray) -> np.ndarray:
        if self._tree is None:
            x = self._points[:, 0]
            # Sums are searched for: what their rounding may bring in from the rim is left out by a margin.
            within = distance - 4 * np.finfo(np.float64).eps * (np.abs(x) + distance)
            first, last = np.searchsorted(self._line, x - within), np.searchsorted(self._line, x + within, side="right")
            return np.maximum(last - first, 1)
        within = np.nextafter(distance, 0.0)
        return np.asarray(self._tree.query_ball_point(self._points, within, p=np.inf, return_length=True))
