"""How finely a check on data without edges can tell p-values that are right from those that are too small."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

from statsmodels.stats.proportion import proportion_confint

from synfer.errors import ResolutionWarning, level_of_user

LEVEL = 0.05
"""Of the p-values that are counted."""
ENOUGH_PAIRS, ENOUGH_FITS = 50, 2
"""Pairs from which on a share of .05 is known to within three times as much (Wilson's 95 % interval of .05 reaches
.149 then), and fits from which on it is seen at all that one differs from the next."""


def coarse(kind: str, n: int, pairs: int) -> str:
    """Say in a sentence why a check is coarse; empty where it is not.

    Parameters
    ----------
    kind : str
        "twins", or a surrogate's name.
    n, pairs : int
        Fits to it, and pairs of distinct units in all of them that have a p-value.
    """
    if n == 0 or pairs == 0:
        return ""  # it was not asked for, or by a version that did not count
    what = f"The check on data without edges ({kind}) is coarse: "
    enough = max(ENOUGH_FITS, math.ceil(ENOUGH_PAIRS * n / pairs))
    mend = f"take {'n_twins' if kind == 'twins' else 'n_surrogates'}={enough} or more."
    if pairs < ENOUGH_PAIRS:
        high = proportion_confint(LEVEL * pairs, pairs, method="wilson")[1]
        return (
            f"{what}of {pairs} pairs in {n} {'fit' if n == 1 else 'fits'} up to {high:.0%} may have p < .05 by chance, "
            f"where 5% is right; {mend}"
        )
    if n < ENOUGH_FITS:
        return f"{what}it is one fit, and how much such fits differ is not seen; {mend}"
    return ""


def warn_of_coarse(fits: Mapping[str, int], n_units: int) -> None:
    """Warn the user of checks that will be coarse, ``fits`` to data without edges by their kind.

    For methods that give p-values: of others no share of pairs is told.

    Warns
    -----
    ResolutionWarning
        `coarse` has something to say.
    """
    for kind, n in fits.items():
        if told := coarse(kind, n, n * n_units * (n_units - 1)):
            warnings.warn(told, ResolutionWarning, stacklevel=level_of_user())
