"""Units that follow from one another: named, with what the method at hand can do about it."""

import numpy as np
import pytest

from synfer.discover import MVGC, ConditionalGranger, PairwiseGranger
from synfer.errors import InputError


@pytest.mark.parametrize(
    ("method", "mend"),
    [
        (MVGC(lag=1), "drop one of them."),
        (MVGC(lag=3), "drop one of them, or take fewer lags than 3."),
        (PairwiseGranger(lag=2), "drop one of them, or take fewer lags than 2."),
        (ConditionalGranger(lag=1), "drop one of them, or set ridge > 0."),
        (ConditionalGranger(lag=2), "drop one of them, take fewer lags than 2, or set ridge > 0."),
    ],
)
def test_units_that_follow_from_others_are_refused_with_what_the_method_can_do(method, mend):
    x = np.random.default_rng(0).standard_normal((300, 3))
    with pytest.raises(InputError, match=r"must not be collinear: unit 3 .* units 0, 1, 2 ") as refusal:
        method.fit(np.column_stack([x, x @ [1.0, 2.0, 3.0]]))
    assert str(refusal.value).endswith(f"; {mend}")


def test_of_many_with_a_small_share_each_some_are_named():
    x = np.random.default_rng(0).standard_normal((1000, 200))
    with pytest.raises(InputError, match=r"unit 200 \(its past at lag 1\) follows from the units \d+, \d+"):
        ConditionalGranger(lag=1).fit(np.column_stack([x, x.mean(axis=1)]))
