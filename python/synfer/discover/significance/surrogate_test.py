"""p-values of any estimator's score: how often do samples in which nobody drives anybody score as high?"""

from __future__ import annotations

import dataclasses
import functools
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.resolution import warn_of_few
from synfer.discover.significance.around import AroundEstimator, as_pairs, off_diagonal
from synfer.discover.significance.surrogates import CircularShift, Surrogate, as_surrogate
from synfer.errors import InputError


class SurrogateTest(AroundEstimator):
    """Test the score of another estimator against surrogates.

    The estimator is fitted to the samples and to B surrogates of them (``refit=True``), or fitted once, and its
    read-out repeated with one source at a time made anew (``refit=False``). With s the score and s_b those of the
    surrogates,

        null = "pair":    p[i, j] = (1 + #{b: s_b[i, j] >= s[i, j]}) / (1 + B)
        null = "pooled":  p[i, j] = (1 + #{b, k, l: s_b[k, l] >= s[i, j]}) / (1 + B unit (unit - 1))
        null = "max":     p[i, j] = (1 + #{b: max_kl s_b[k, l] >= s[i, j]}) / (1 + B)

    "pair" assumes nothing of one pair for another, and can give no p-value below 1 / (1 + B): after a correction for
    many pairs hardly any is left unless B is large. "pooled" takes all pairs' surrogate scores as drawn from one law,
    which is so where units are alike. "max" is corrected for all pairs already (the family-wise error; Westfall and
    Young 1993): hold it against .05 as it stands.

    With refitting all units are changed at once, so the null is a network without edges; it is the right one for the
    question whether there is any. For an absent edge among present ones the target's other inputs are lost from its
    surrogates, which can make them less, or more, noisy than the truth: for that ``refit=False`` leaves all units but
    the source as they are.

    Parameters
    ----------
    estimator : BaseDiscoverer
    surrogate : str or Surrogate
        "circular_shift", "block_shuffle", "trial_shuffle", "iaaft", "spike_jitter", or an object of
        `synfer.discover.significance` with parameters of its own. What it preserves is what the p-value grants to
        chance.
    n_surrogates : int
        B.
    null : {"pair", "pooled", "max"}
    refit : bool
        False asks for a model that can be read again (attention, gradients), and B x unit read-outs.
    n_jobs : int, optional
        Fits at a time, by joblib.
    random_state : int, RandomState or None

    Attributes
    ----------
    connectome_ : Connectome
        The estimator's, ``pvalue`` replaced.
    estimator_ : BaseDiscoverer
    null_ : numpy.ndarray, (surrogate, target, source)
        Scores of the surrogates, diagonal NaN.
    resolution_ : float
        The smallest p-value there can be: with "trial_shuffle" not below 1 / trials!, the share of surrogates in which
        two units' trials stand beside each other as they are.
    preserves_, destroys_ : str
        In words.
    n_unconverged_ : int

    Raises
    ------
    InputError
        See ``fit``; further, a surrogate that does not fit the samples, or ``refit=False`` with an estimator that
        cannot be read again.

    Warns
    -----
    ResolutionWarning
        With fewer than 19 surrogates, or so few that differ, no p-value can be as low as .05 ("pair" and "max").

    References
    ----------
    J. Theiler et al., Physica D 58 (1992), 77-94. P. H. Westfall and S. S. Young, Resampling-based multiple testing,
    Wiley 1993. B. Phipson and G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010), 39, for the 1 +.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import CrossCorrelation
    >>> from synfer.discover.significance import SurrogateTest
    >>> x = np.random.default_rng(0).standard_normal((1000, 3))
    >>> x[1:, 1] += 0.5 * x[:-1, 0]
    >>> test = SurrogateTest(CrossCorrelation(), n_surrogates=99, random_state=0).fit(x)
    >>> float(test.connectome_.pvalue.sel(target=1, source=0))
    0.01
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": "no_validation",  # type: ignore[dict-item]  # the kind is checked in one sentence of ours
        "surrogate": [str, Surrogate],
        "n_surrogates": [Interval(Integral, 1, None, closed="left")],
        "null": [StrOptions({"pair", "pooled", "max"})],
        "refit": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseDiscoverer,
        surrogate: str | Surrogate = "circular_shift",
        n_surrogates: int = 99,
        *,
        null: str = "pair",
        refit: bool = True,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.surrogate = surrogate
        self.n_surrogates = n_surrogates
        self.null = null
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _discover(self, samples: Samples) -> Connectome:
        kind = as_surrogate(self.surrogate)
        if self.null == "max" and isinstance(kind, CircularShift):
            kind = dataclasses.replace(kind, apart=True)
        kind.check(samples)
        if not self.refit and not hasattr(self.estimator, "_reread"):
            raise InputError(
                f"refit must be True for {type(self.estimator).__name__}, which cannot be read again; got False."
            )
        there_are = kind.there_are(samples)
        if self.null != "pooled":
            warn_of_few(int(self.n_surrogates), there_are, "record more trials, or take surrogate='circular_shift'")
        self.preserves_, self.destroys_ = kind.preserves, kind.destroys
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_surrogates)
        self.estimator_ = self._fitted(samples)
        found = self.estimator_.connectome_
        n = samples.n_units
        if self.refit:
            drawn = self._each(functools.partial(_anew, kind), samples, map(int, seeds))
            null = np.stack([np.array(connectome.score) for connectome in drawn])
            score = np.asarray(found.score)
        else:
            self.n_unconverged_ = 0
            score = np.asarray(self.estimator_._reread(samples))
            null = np.full((len(seeds), n, n), np.nan)
            for b, seed in enumerate(seeds):
                rng = check_random_state(int(seed))
                for source in range(n):
                    anew = kind.draw(samples, rng, units=[source])
                    null[b, :, source] = np.asarray(self.estimator_._reread(anew))[:, source]
        null[:, np.arange(n), np.arange(n)] = np.nan
        self.null_ = null
        pvalue, self.resolution_ = _pvalues(off_diagonal(score), null[:, ~np.eye(n, dtype=bool)], self.null)
        if there_are is not None:  # the true pairing is drawn as often as any other
            self.resolution_ = max(self.resolution_, 1 / (1 + there_are))
        return self._around(samples, found, pvalue=as_pairs(pvalue, n))


def _anew(kind: Surrogate, samples: Samples, seed: int) -> Samples:
    return kind.draw(samples, check_random_state(seed))


def _pvalues(score: np.ndarray, null: np.ndarray, kind: str) -> tuple[np.ndarray, float]:
    """p-values of ``score`` (pair,) against ``null`` (surrogate, pair), and the smallest there can be.

    Of a pair without a score there is none, nor is it one of those that "pooled" and "max" look at; where only a
    surrogate has none, it is taken to have reached any.
    """
    null = np.where(np.isnan(null), np.inf, null)
    if kind == "pair":
        reached, of = (null >= score).sum(axis=0), len(null)
    else:
        null = null[:, ~np.isnan(score)]
        drawn = np.sort(null.max(axis=1, initial=-np.inf) if kind == "max" else null.ravel())
        reached, of = len(drawn) - np.searchsorted(drawn, score, side="left"), len(drawn)
    return np.where(np.isnan(score), np.nan, (1.0 + reached) / (1.0 + of)), 1.0 / (1.0 + of)
