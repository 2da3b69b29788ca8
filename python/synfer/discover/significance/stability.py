"""Which edges are found again and again in halves of the recording?"""

from __future__ import annotations

import functools
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.ranks import rank_correlation
from synfer.discover.significance.around import AroundEstimator, as_pairs, off_diagonal
from synfer.discover.significance.folds import stretches, taken
from synfer.errors import InputError


class StabilitySelection(AroundEstimator):
    """Stability selection over complementary halves of the recording.

    The recording is cut into ``n_blocks`` stretches; of these a random half and its complement make a pair. In each
    half the estimator (an initialisation of its own, where it draws any) selects its q pairs of highest score; an
    edge's stability is the share of halves that select it. Edges of stability above pi > 1/2 are kept; of those whose
    chance of selection is no better than random (q / m, m the number of pairs of units) there are at most

        E[V] <= q^2 / ((2 pi - 1) m)

    in expectation (Shah and Samworth 2013, theorem 2 with its corollary; Meinshausen and Buehlmann 2010).

    Parameters
    ----------
    estimator : BaseDiscoverer
    n_edges : int, optional
        q. By default the most that make E[V] at most 1, floor(sqrt((2 threshold - 1) m)); 1 where even that makes more.
    threshold : float
        pi.
    n_pairs : int
        Of halves.
    n_blocks : int
        Stretches that each trial is cut into; where there are as many trials they stay whole, in as many groups.
    n_jobs : int, optional
    random_state : int, RandomState or None

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` the stability, in [0, 1]; ``weight`` and ``delay`` of the estimator fitted to all samples. No
        p-values: the bound is on the number of false edges.
    selected_ : numpy.ndarray of bool, (target, source)
        Stability of at least the threshold.
    n_edges_ : int
    expected_false_ : float
        The bound, for ``threshold``.
    split_agreement_ : float
        Mean over pairs of the rank correlation of the two halves' scores, ties sharing their mean rank; NaN where a
        half's scores are all the same.
    estimator_ : BaseDiscoverer
    n_unconverged_ : int

    References
    ----------
    N. Meinshausen and P. Buehlmann, J. R. Stat. Soc. B 72 (2010), 417-473. R. D. Shah and R. J. Samworth, J. R. Stat.
    Soc. B 75 (2013), 55-80.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import ConditionalGranger
    >>> from synfer.discover.significance import StabilitySelection
    >>> x = np.random.default_rng(0).standard_normal((2000, 4))
    >>> x[1:, 1] -= 0.5 * x[:-1, 0]
    >>> stable = StabilitySelection(ConditionalGranger(lag=1), random_state=0).fit(x)
    >>> bool(stable.selected_[1, 0])
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": "no_validation",  # type: ignore[dict-item]  # the kind is checked in one sentence of ours
        "n_edges": [Interval(Integral, 1, None, closed="left"), None],
        "threshold": [Interval(Real, 0.5, 1, closed="right")],
        "n_pairs": [Interval(Integral, 1, None, closed="left")],
        "n_blocks": [Interval(Integral, 2, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseDiscoverer,
        n_edges: int | None = None,
        *,
        threshold: float = 0.75,
        n_pairs: int = 25,
        n_blocks: int = 10,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_edges = n_edges
        self.threshold = threshold
        self.n_pairs = n_pairs
        self.n_blocks = n_blocks
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _discover(self, samples: Samples) -> Connectome:
        n = samples.n_units
        n_candidates = n * (n - 1)
        if self.n_edges is not None and self.n_edges > n_candidates:
            raise InputError(f"n_edges must be at most the {n_candidates} pairs of {n} units; got {self.n_edges}.")
        groups = stretches(samples, int(self.n_blocks), "n_blocks")
        self.n_edges_ = self.n_edges or max(1, int(np.sqrt((2 * self.threshold - 1) * n_candidates) + 1e-9))
        self.expected_false_ = self.n_edges_**2 / ((2 * self.threshold - 1) * n_candidates)
        self.estimator_ = self._fitted(samples)
        seeds = check_random_state(self.random_state).randint(2**30 - 1, size=self.n_pairs)
        # The lowest bit says which half of the pair.
        halves = [2 * int(seed) + half for seed in seeds for half in (0, 1)]
        found = self._each(functools.partial(half_of, groups=groups), samples, halves)
        scores = np.stack([off_diagonal(np.asarray(connectome.score)) for connectome in found])
        chosen = np.zeros(scores.shape[1])
        for score in scores:
            # Of equal scores none is preferred: where there is no evidence (0) nothing is selected.
            cut = np.sort(score)[-self.n_edges_]
            chosen += (score >= cut) & (score > 0) if (score >= cut).sum() == self.n_edges_ else score > cut
        stability = chosen / len(scores)
        self.selected_ = as_pairs(stability, n) >= self.threshold
        self.split_agreement_ = float("nan")
        if len(found) == len(halves):
            self.split_agreement_ = float(
                np.mean([rank_correlation(*scores[k : k + 2]) for k in range(0, len(scores), 2)])
            )
        nothing = {"pvalue": None, "score_std": None, "interval_low": None, "interval_high": None}
        return self._around(samples, self.estimator_.connectome_, score=as_pairs(stability, n), **nothing)


def half_of(samples: Samples, seed: int, groups: list[list[tuple[int, int, int]]]) -> Samples:
    """Take a random half of groups of stretches; seeds 2 k and 2 k + 1 give complements."""
    order = check_random_state(seed // 2).permutation(len(groups))
    middle = len(groups) // 2
    chosen = order[:middle] if seed % 2 == 0 else order[middle:]
    return taken(samples, [piece for k in chosen for piece in groups[k]])
