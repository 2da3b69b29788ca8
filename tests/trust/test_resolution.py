"""Where a check on data without edges is called coarse: against the binomial itself, at both sides of each bound."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from synfer.trust.resolution import ENOUGH_PAIRS, LEVEL, coarse


def test_the_bound_on_pairs_is_where_three_times_the_level_stands_out():
    """Of as many pairs, .05 rarely looks like .15, and of half as many it does."""
    chance = [binom.sf(0.15 * n - 1e-9, n, LEVEL) for n in (ENOUGH_PAIRS, ENOUGH_PAIRS // 2)]
    assert chance[0] < 0.01 < 0.03 < chance[1]


@pytest.mark.parametrize(
    ("kind", "n", "pairs", "words"),
    [
        ("twins", 4, 360, ""),
        ("twins", 0, 0, ""),
        ("twins", 2, ENOUGH_PAIRS, ""),
        ("twins", 1, 9900, "it is one fit, and how much such fits differ is not seen; take n_twins=2 or more."),
        (
            "twins",
            2,
            12,
            "of 12 pairs in 2 fits up to 31% may have p < .05 by chance, where 5% is right; take n_twins=9",
        ),
        ("circular_shift", 1, 20, "of 20 pairs in 1 fit up to 24% may have p < .05 by chance"),
        ("circular_shift", 1, 20, "take n_surrogates=3 or more."),
        ("twins", 4, 0, ""),  # a card of an earlier version does not say
    ],
)
def test_what_is_said(kind, n, pairs, words):
    told = coarse(kind, n, pairs)
    assert words in told and bool(words) == bool(told)
