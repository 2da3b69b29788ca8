"""scikit-learn's own estimator checks, of D2CL where it is applied: the checks name no known pairs."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from synfer.connectome import Connectome
from synfer.discover import D2CL

SIGNAL = "the second argument is the name of a Recording's signal, and takes scikit-learn's y by position only"


@functools.cache
def learnt():
    """What two networks taught; the checks' samples are of another kind, which is no matter to them."""
    weight = np.zeros((6, 6))
    weight[np.arange(1, 6, 2), np.arange(0, 6, 2)] = 1.0
    x = np.random.default_rng(0).standard_normal((100, 6))
    model = D2CL(towers="graph", max_epochs=1, progress=False, random_state=0)
    return model.pretrain([(x, Connectome.from_weights(weight))] * 2)._pretrained


class Applied(D2CL):
    """D2CL that has learnt before, however it is cloned."""

    def fit(self, X, signal=None):
        """Apply what was learnt."""
        self._pretrained = learnt()
        return super().fit(X, signal)


@pytest.mark.filterwarnings("ignore::synfer.errors.SynferWarning")
@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API")
@parametrize_with_checks(
    [Applied(towers="graph", progress=False, random_state=0)],
    expected_failed_checks=lambda _: {"check_fit_score_takes_y": SIGNAL},
)
def test_scikit_learn_s_checks(estimator, check):
    check(estimator)
