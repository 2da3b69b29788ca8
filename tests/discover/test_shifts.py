"""What the tests by circular shift share: how many surrogates there were."""

import numpy as np
import pytest

from synfer import Recording
from synfer.discover import ConvergentCrossMapping, CrossCorrelation, TransferEntropy


@pytest.mark.parametrize(
    ("method", "there_are"),
    [
        (CrossCorrelation(4, 30, 0), 22),  # (100 - 14) / 4 + 1
        (TransferEntropy("neighbours", lag=4, n_neighbors=3, n_surrogates=30, random_state=0), 22),
        (ConvergentCrossMapping(E=3, tau=2, n_surrogates=30, random_state=0), 22),
    ],
)
def test_the_surrogates_that_there_were_are_told(method, there_are):
    """Thirty are asked for; p-values are whole multiples of the smallest that there can be."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 3))
    x[1:, 1] = x[:-1, 0] + 0.1 * x[1:, 1]
    assert method.fit(x).n_surrogates_ == there_are
    smallest = float(np.nanmin(method.connectome_.pvalue.values))
    assert smallest > 1 / (2 + there_are)
    steps = method.connectome_.pvalue.values[~np.eye(3, dtype=bool)] * (1 + there_are)
    np.testing.assert_allclose(steps, steps.round(), atol=1e-9)
    # Of two trials there are the product, so that all that were asked for differ; and none of none.
    two = Recording({"x": np.stack([x, x[::-1]])}, 0.1, leading="trial")
    assert method.fit(two).n_surrogates_ == 30
    bare = type(method)(**{**method.get_params(), "n_surrogates": 0}).fit(x)
    assert bare.n_surrogates_ == 0 and bare.connectome_.pvalue is None


def test_a_regression_draws_no_surrogates():
    assert TransferEntropy().fit(np.random.default_rng(0).standard_normal((200, 3))).n_surrogates_ == 0
