"""Does the method say the same again: with other initialisations, and of halves of the recording?"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
from scipy.stats import spearmanr
from sklearn.base import clone

from synfer.connectome import Connectome
from synfer.discover import BaseDiscoverer, Samples
from synfer.discover.significance import StabilitySelection
from synfer.discover.significance.around import off_diagonal
from synfer.errors import InputError


def agreement(found: list[Connectome]) -> float:
    """Mean over pairs of connectomes of the rank correlation (Spearman's) of their scores; NaN of fewer than two."""
    scores = [np.nan_to_num(off_diagonal(np.asarray(one.score))) for one in found]
    pairs = list(itertools.combinations(range(len(scores)), 2))
    if not pairs:
        return float("nan")
    if any(np.ptp(score) == 0 for score in scores):
        return 0.0  # one of them tells no pair from another
    return float(np.mean([spearmanr(scores[a], scores[b]).statistic for a, b in pairs]))


def halves(samples: Samples, estimator: BaseDiscoverer, n_pairs: int, n_jobs: int | None, seed: int) -> float:
    """Rank correlation of scores between complementary halves, mean over ``n_pairs`` of them.

    NaN where halves are too short for the estimator.
    """
    around = StabilitySelection(clone(estimator), n_pairs=n_pairs, n_jobs=n_jobs, random_state=seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit to the recording itself has said them
            around._fit_samples(samples)
    except InputError:
        return float("nan")
    return around.split_agreement_
