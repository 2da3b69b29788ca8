"""Does the method say the same again: with other initialisations, of halves of the recording, and as other methods?"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import spearmanr

from synfer.connectome import Connectome
from synfer.discover import Samples
from synfer.discover.significance.around import off_diagonal
from synfer.discover.significance.folds import stretches
from synfer.discover.significance.stability import half_of
from synfer.errors import InputError
from synfer.trust.measures import exceeds, pairs_of

N_STRETCHES = 10
FEWEST, MOST = 0.02, 0.5  # share of pairs that pass for edges


def agreement(found: Sequence[Connectome]) -> float:
    """Mean over pairs of connectomes of the rank correlation (Spearman's) of their scores; NaN of fewer than two."""
    scores = [np.nan_to_num(off_diagonal(np.asarray(one.score))) for one in found]
    pairs = list(itertools.combinations(range(len(scores)), 2))
    if not pairs:
        return float("nan")
    if any(np.ptp(score) == 0 for score in scores):
        return 0.0  # one of them tells no pair from another
    return float(np.mean([spearmanr(scores[a], scores[b]).statistic for a, b in pairs]))


def halves_of(samples: Samples) -> Callable[[Samples, int], Samples] | None:
    """Say how to take halves: seeds 2 k and 2 k + 1 give complements, each half of the 10 stretches of a trial.

    None where the recording is too short to be cut.
    """
    try:
        return functools.partial(half_of, groups=stretches(samples, N_STRETCHES, "n_blocks"))
    except InputError:
        return None


def found_again(one: Connectome, other: Connectome, share: float) -> float:
    """AUROC with which each one's scores find the highest scores of the other, that share of them as edges; mean."""
    a, b = pairs_of(one), pairs_of(other)
    many = int(np.clip(round(share * len(a)), max(1, FEWEST * len(a)), MOST * len(a)))
    each = []
    for edges, scores in ((a, b), (b, a)):
        edge = np.zeros(len(a), dtype=bool)
        edge[np.argsort(edges, kind="stable")[-many:]] = True
        each.append(exceeds(scores[edge], scores[~edge]))
    return float(np.mean(each))
