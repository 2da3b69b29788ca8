"""Convergent cross mapping: can the source be read off the target's own history?"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.spatial import cKDTree
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.resolution import warn_of_few
from synfer.discover.shifts import draw_offsets, refuse_short_trials, shortest_shifted
from synfer.errors import InputError


class ConvergentCrossMapping(BaseDiscoverer):
    """Convergent cross mapping (Sugihara et al. 2012): skill with which a target's past tells its source's present.

        m_i(t) = (x_i(t), x_i(t - tau), ..., x_i(t - (E - 1) tau))
        xhat_j(t) = sum_k w_k x_j(t_k),    w_k ~ exp(-|m_i(t) - m_i(t_k)| / |m_i(t) - m_i(t_1)|),   k = 1 ... E + 1
        skill[i, j](L) = correlation of xhat_j with x_j,    score[i, j] = max(skill[i, j](L_max), 0)

    with t_1, t_2, ... the times of the E + 1 nearest points of i's shadow manifold in a library of L. A deterministic
    system that j acts on carries j's state; its skill *grows with L* (converges), whereas a mere correlation does not.
    With b of B sources shifted around each segment reaching the skill at L_max,

        pvalue[i, j] = (1 + b) / (1 + B).

    Where there are fewer than B shifts that have no lag in common, each is taken once, and B is their number.

    Limits: made for weakly coupled deterministic systems. Strong driving synchronises the two, and then skill goes both
    ways; under much noise there is no manifold to speak of.

    Parameters
    ----------
    E : int
        Embedding dimension.
    tau : int
        Samples between the coordinates.
    library_sizes : tuple of int, optional
        L, points of a library drawn without repetition; those above the number of points count as that number. By
        default a tenth, a third, and all points.
    n_libraries : int
        Libraries drawn of each size below all points; skill is their mean.
    exclusion : int
        Points less than or as many samples away from the one that is told are left out of its library (those close in
        time are close in space whatever the dynamics); 0 leaves out the point itself.
    n_surrogates : int
        B; 0 gives no p-values.
    random_state : int, RandomState or None
        Seed of libraries and shifts.

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` and ``pvalue``. Skill has no sign and no delay.
    skill_ : numpy.ndarray, (library size, target, source)
        Diagonal NaN; 0 where an estimate is constant.
    library_sizes_ : numpy.ndarray of int
        In rising order.
    convergence_ : numpy.ndarray, (target, source)
        Skill with the largest library less that with the smallest: above 0 where j drives i.
    n_surrogates_ : int
        Different shifts that were taken, at most B: no p-value is below 1 / (1 + ``n_surrogates_``). 0 without any.

    Raises
    ------
    InputError
        See ``fit``; further, trials shorter than an embedding or a shift, libraries too small for E + 1 neighbours.

    Warns
    -----
    ResolutionWarning
        With fewer than 19 surrogates, or so few different ones, no p-value can be as low as .05.

    References
    ----------
    G. Sugihara et al., Science 338 (2012), 496-500. G. Sugihara and R. May, Nature 344 (1990), 734-741, for the map.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import ConvergentCrossMapping
    >>> x = np.full((1000, 2), 0.4)
    >>> for t in range(1, 1000):  # logistic maps, 0 acts on 1
    ...     a, b = x[t - 1]
    ...     x[t] = a * (3.8 - 3.8 * a), b * (3.5 - 3.5 * b - 0.1 * a)
    >>> ccm = ConvergentCrossMapping(E=2, random_state=0).fit(x)
    >>> bool(ccm.skill_[-1, 1, 0] > 0.9 > 0.5 > ccm.skill_[-1, 0, 1])
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "E": [Interval(Integral, 1, None, closed="left")],
        "tau": [Interval(Integral, 1, None, closed="left")],
        "library_sizes": ["array-like", None],
        "n_libraries": [Interval(Integral, 1, None, closed="left")],
        "exclusion": [Interval(Integral, 0, None, closed="left")],
        "n_surrogates": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        E: int = 3,
        tau: int = 1,
        library_sizes: tuple[int, ...] | None = None,
        n_libraries: int = 10,
        exclusion: int = 0,
        n_surrogates: int = 100,
        random_state: Any = None,
    ) -> None:
        self.E = E
        self.tau = tau
        self.library_sizes = library_sizes
        self.n_libraries = n_libraries
        self.exclusion = exclusion
        self.n_surrogates = n_surrogates
        self.random_state = random_state

    @property
    def _reach(self) -> int:
        """Samples before a point that its coordinates reach back to."""
        return (int(self.E) - 1) * int(self.tau)

    @property
    def _smallest(self) -> int:
        """Points of a library that has E + 1 neighbours whatever the exclusion leaves out."""
        return int(self.E) + 2 + 2 * int(self.exclusion)

    def _min_samples(self, n_units: int) -> int:
        return self._reach + self._smallest

    def _sizes(self, n_points: int) -> np.ndarray:
        if self.library_sizes is None:
            return np.unique(np.maximum([n_points // 10, n_points // 3, n_points], self._smallest))
        try:
            given = np.asarray(self.library_sizes)
            whole = given.ndim == 1 and given.size > 0 and bool(np.all(given == np.floor(given)))
            whole = whole and bool(np.all(given >= self._smallest))
        except (TypeError, ValueError):
            whole = False
        if not whole:
            raise InputError(
                f"library_sizes must be whole numbers of at least {self._smallest} points (E + 2 and twice the "
                f"exclusion), got {self.library_sizes!r}: give a tuple such as (100, 1000)."
            )
        return np.unique(np.minimum(given, n_points).astype(np.int64))

    def _discover(self, samples: Samples) -> Connectome:
        n, reach, n_surrogates = samples.n_units, self._reach, int(self.n_surrogates)
        held = [segment for segment in samples.segments if len(segment) > reach]
        n_points = sum(len(segment) - reach for segment in held)
        if n_points < self._smallest:
            raise InputError(
                f"X must hold at least {self._smallest} points of {self.E} coordinates {self.tau} samples apart, each "
                f"within its own trial, got {n_points}: take a smaller E or tau, or longer trials."
            )
        self.library_sizes_ = self._sizes(n_points)
        if n_surrogates:
            refuse_short_trials(samples, shortest_shifted(max(reach, 1)), f"E={self.E} and tau={self.tau}")
        rng = check_random_state(self.random_state)
        libraries = [
            [np.sort(rng.choice(n_points, size=size, replace=False)) for _ in range(int(self.n_libraries))]
            if size < n_points
            else [np.arange(n_points)]
            for size in self.library_sizes_
        ]
        offsets = np.empty((len(held), 0), dtype=np.int64)
        if n_surrogates:
            offsets = draw_offsets(rng, [len(s) for s in held], max(reach, 1), n_surrogates)
        self.n_surrogates_ = offsets.shape[1]
        warn_of_few(n_surrogates, self.n_surrogates_, "record for longer, or take a smaller E or tau")

        present = np.concatenate([segment[reach:] for segment in held]).astype(np.float64)
        present -= present.mean(axis=0)
        shifted = [
            np.concatenate([np.roll(s, o[b], axis=0)[reach:] for s, o in zip(held, offsets, strict=True)])
            for b in range(self.n_surrogates_)
        ]
        # Points of different trials are never close in time: between trials the clock stands still for longer.
        gap = int(self.exclusion) + 1
        clock = np.concatenate(
            [
                np.arange(len(s) - reach) + before
                for s, before in zip(
                    held, np.cumsum([0, *(len(s) - reach + gap for s in held[:-1])]).tolist(), strict=True
                )
            ]
        )

        self.skill_ = np.full((len(self.library_sizes_), n, n), np.nan)
        pvalue = np.full((n, n), np.nan) if n_surrogates else None
        for i in tqdm(range(n), desc="cross mapping", unit=" targets", delay=2, leave=False, disable=None):
            points = self._embedded(held, i)
            neighbours, weights = np.empty(0, dtype=np.int64), np.empty(0)
            for place, drawn in enumerate(libraries):
                skills = []
                for library in drawn:
                    neighbours, weights = self._simplex(points, library, clock)
                    skills.append(_skill(neighbours, weights, present))
                self.skill_[place, i] = np.mean(skills, axis=0)
            if pvalue is not None:
                # With the neighbours of the last library drawn, of the largest size.
                reached = sum(_skill(neighbours, weights, x.astype(np.float64)) >= skills[-1] for x in shifted)
                pvalue[i] = (1.0 + reached) / (1.0 + len(shifted))
            self.skill_[:, i, i] = np.nan
        self.convergence_ = self.skill_[-1] - self.skill_[0]
        if pvalue is not None:
            np.fill_diagonal(pvalue, np.nan)
        return self._connectome(samples, np.maximum(self.skill_[-1], 0.0), pvalue=pvalue, converged=True)

    def _embedded(self, segments: list[np.ndarray], unit: int) -> np.ndarray:
        """Points (point, coordinate) of a unit's shadow manifold."""
        reach, tau = self._reach, int(self.tau)
        return np.concatenate(
            [
                np.column_stack([s[reach - e * tau : len(s) - e * tau, unit] for e in range(int(self.E))])
                for s in segments
            ]
        ).astype(np.float64)

    def _simplex(self, points: np.ndarray, library: np.ndarray, clock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nearest points of a library and their weights, each (point, E + 1)."""
        k = int(self.E) + 1
        # So many that E + 1 are left when all that are too close in time are taken out.
        wanted = min(len(library), k + 2 * int(self.exclusion) + 1)
        distance, found = cKDTree(points[library]).query(points, k=wanted)
        neighbours = library[found]
        too_close = np.abs(clock[neighbours] - clock[:, None]) <= int(self.exclusion)
        kept = np.argsort(too_close, axis=1, kind="stable")[:, :k]
        neighbours, distance = np.take_along_axis(neighbours, kept, axis=1), np.take_along_axis(distance, kept, axis=1)
        nearest = distance[:, :1]
        # Where the nearest coincides with the point, only what coincides counts: the limit of the weights.
        weights = np.where(nearest > 0, np.exp(-distance / np.where(nearest > 0, nearest, 1.0)), distance == 0)
        return neighbours, weights / weights.sum(axis=1, keepdims=True)


def _skill(neighbours: np.ndarray, weights: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Correlation (source,) of each source's estimates with its samples (point, source)."""
    estimate = np.zeros_like(present)
    for k in range(neighbours.shape[1]):
        estimate += weights[:, k, None] * present[neighbours[:, k]]
    estimate -= estimate.mean(axis=0)
    centred = present - present.mean(axis=0)
    size = np.sqrt((estimate**2).sum(axis=0) * (centred**2).sum(axis=0))
    return np.divide((estimate * centred).sum(axis=0), size, out=np.zeros(len(size)), where=size > 0)
