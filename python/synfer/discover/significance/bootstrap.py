"""How much would the estimate differ, had another piece of the same process been recorded?"""

from __future__ import annotations

import dataclasses
import functools
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.significance.around import AroundEstimator
from synfer.errors import InputError


class BlockBootstrap(AroundEstimator):
    """Intervals of another estimator's signed weights, by the moving-block bootstrap.

    The segments are cut into overlapping blocks of ``length`` samples; of these so many are drawn, with repetition, as
    make up the recording, and the estimator is fitted to them, each block a segment of its own: no lag crosses from one
    to the next, so nothing is spliced. With w the weight (the score where there is none) and w_1 ... w_B those of
    the resamples, the interval is the basic one,

        [2 w - q(1 - a / 2), 2 w - q(a / 2)],    a = 1 - level,  q the quantiles of w_b,

    which takes out the shift that resampling in blocks gives to an estimate, such as a score's that cannot be negative.
    Where that shift is larger than the resamples' spread, the interval does not hold w: then w itself is shifted, and
    the interval says to where the truth rather lies.

    A number of lags that the estimator chooses is chosen once, of the samples as they are: blocks that come twice look
    like a long memory, and a criterion that chose anew would take far more.

    Parameters
    ----------
    estimator : BaseDiscoverer
    n_resamples : int
        B.
    length : int, optional
        Samples in a block. By default those of the shortest segment, or, if fewer, 20 or 4 T^(1/3), T the number of
        samples, whichever is more. Blocks should be much longer than the lags and the process's memory.
    level : float
        Share of resamples between the ends.
    n_jobs : int, optional
    random_state : int, RandomState or None

    Attributes
    ----------
    connectome_ : Connectome
        The estimator's, with ``interval_low``, ``interval_high`` (of the weight, else of the score) and ``score_std``.
    estimator_ : BaseDiscoverer
    draws_ : numpy.ndarray, (resample, target, source)
    length_ : int
    n_unconverged_ : int

    References
    ----------
    H. R. Kuensch, Ann. Statist. 17 (1989), 1217-1241. S. N. Lahiri, Resampling methods for dependent data, Springer
    2003.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import ConditionalGranger
    >>> from synfer.discover.significance import BlockBootstrap
    >>> x = np.random.default_rng(0).standard_normal((2000, 2))
    >>> x[1:, 1] -= 0.5 * x[:-1, 0]
    >>> found = BlockBootstrap(ConditionalGranger(lag=1), random_state=0).fit(x).connectome_
    >>> bool(found.interval_low.sel(target=1, source=0) < found.interval_high.sel(target=1, source=0) < 0)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": "no_validation",  # type: ignore[dict-item]  # the kind is checked in one sentence of ours
        "n_resamples": [Interval(Integral, 2, None, closed="left")],
        "length": [Interval(Integral, 2, None, closed="left"), None],
        "level": [Interval(Real, 0, 1, closed="neither")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseDiscoverer,
        n_resamples: int = 200,
        *,
        length: int | None = None,
        level: float = 0.95,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_resamples = n_resamples
        self.length = length
        self.level = level
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _discover(self, samples: Samples) -> Connectome:
        shortest = min(len(segment) for segment in samples.segments)
        if self.length is not None and self.length > shortest:
            raise InputError(
                f"length must be at most the {shortest} samples of the shortest segment; got {self.length}."
            )
        self.length_ = self.length or min(shortest, max(20, round(4 * samples.n_samples ** (1 / 3))))
        self.estimator_ = self._fitted(samples)
        found = self.estimator_.connectome_
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_resamples)
        make = functools.partial(resampled, length=int(self.length_))
        drawn = self._each(make, samples, map(int, seeds), _of_known_order(self.estimator, self.estimator_))
        name = "score" if found.weight is None else "weight"
        estimate = np.asarray(getattr(found, name))
        self.draws_ = np.stack([np.asarray(getattr(connectome, name)) for connectome in drawn])
        tail = (1.0 - self.level) / 2.0
        low, high = np.quantile(self.draws_, [tail, 1.0 - tail], axis=0)
        spread = np.stack([np.asarray(connectome.score) for connectome in drawn]).std(axis=0, ddof=1)
        return self._around(
            samples, found, interval_low=2 * estimate - high, interval_high=2 * estimate - low, score_std=spread
        )


def _of_known_order(estimator: BaseDiscoverer, fitted: BaseDiscoverer) -> BaseDiscoverer:
    """Give a clone that takes the number of lags which ``fitted`` has chosen, where it has."""
    fresh: BaseDiscoverer = clone(estimator)
    if isinstance(getattr(fresh, "lag", None), str) and hasattr(fitted, "lag_"):
        fresh.set_params(lag=int(fitted.lag_))
    return fresh


def resampled(samples: Samples, seed: int, length: int) -> Samples:
    """Draw blocks (with repetition) that together are about as long as the samples, each a segment (a view)."""
    rng = check_random_state(seed)
    starts = np.array([len(segment) - length + 1 for segment in samples.segments])
    ends = np.cumsum(starts)
    chosen = rng.randint(ends[-1], size=max(1, round(samples.n_samples / length)))
    which = np.searchsorted(ends, chosen, side="right")
    first = chosen - (ends - starts)[which]
    step = samples.dt or 1.0
    return dataclasses.replace(
        samples,
        segments=[samples.segments[k][f : f + length] for k, f in zip(which, first, strict=True)],
        t0s=[samples.t0s[k] + f * step for k, f in zip(which, first, strict=True)],
        by_trial=True,
    )
