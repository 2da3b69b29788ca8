from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger
from synfer.simulate import run, var_coefficients, var_network
from synfer.trust.repeats import agreement, halves


def test_agreement_is_spearmans_mean_over_pairs():
    rng = np.random.default_rng(0)
    a, b, c = (rng.random((5, 5)) for _ in range(3))
    off = ~np.eye(5, dtype=bool)
    slow = np.mean([spearmanr(x[off], y[off]).statistic for x, y in ((a, b), (a, c), (b, c))])
    assert agreement([Connectome(x) for x in (a, b, c)]) == pytest.approx(slow)
    assert agreement([Connectome(a)] * 2) == pytest.approx(1.0)
    assert np.isnan(agreement([Connectome(a)])) and agreement([Connectome(a), Connectome(np.ones((5, 5)))]) == 0.0


def test_halves_agree_where_there_are_edges_and_not_where_there_are_none():
    network = var_network(var_coefficients(10, 1, 0.5, seed=1))
    edges = ConditionalGranger()._read(run(network, 4.0, record="x", seed=1), reset=True)
    none = ConditionalGranger()._read(np.random.default_rng(0).standard_normal((4000, 10)), reset=True)
    assert halves(edges, ConditionalGranger(lag=1), 2, None, 0) > 0.6
    assert abs(halves(none, ConditionalGranger(lag=1), 2, None, 0)) < 0.3


def test_halves_that_are_too_short_have_no_agreement():
    samples = ConditionalGranger()._read(np.random.default_rng(0).standard_normal((90, 6)), reset=True)
    assert np.isnan(halves(samples, ConditionalGranger(lag=10), 2, None, 0))
