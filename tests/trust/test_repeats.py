from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger
from synfer.trust.repeats import agreement, found_again, halves_of


def test_agreement_is_spearmans_mean_over_pairs():
    rng = np.random.default_rng(0)
    a, b, c = (rng.random((5, 5)) for _ in range(3))
    off = ~np.eye(5, dtype=bool)
    slow = np.mean([spearmanr(x[off], y[off]).statistic for x, y in ((a, b), (a, c), (b, c))])
    assert agreement([Connectome(x) for x in (a, b, c)]) == pytest.approx(slow)
    assert agreement([Connectome(a)] * 2) == pytest.approx(1.0)
    assert np.isnan(agreement([Connectome(a)])) and agreement([Connectome(a), Connectome(np.ones((5, 5)))]) == 0.0


def test_halves_are_complements_and_seeds_decide():
    samples = ConditionalGranger()._read(np.random.default_rng(0).standard_normal((1000, 3)), reset=True)
    make = halves_of(samples)
    one, other = (np.concatenate(make(samples, seed).segments) for seed in (6, 7))
    assert len(one) == len(other) == 500
    together = np.concatenate([one, other])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(samples.segments[0], axis=0))
    assert not np.array_equal(one, np.concatenate(make(samples, 8).segments))
    short = ConditionalGranger(lag=1)._read(np.random.default_rng(0).standard_normal((15, 3)), reset=True)
    assert halves_of(short) is None


def test_edges_are_found_again_in_a_copy_with_noise_and_not_in_another():
    rng = np.random.default_rng(1)
    strength = np.where(rng.random((20, 20)) < 0.2, 3.0, 0.0)
    one, other = (Connectome(np.abs(strength + rng.standard_normal((20, 20)))) for _ in range(2))
    off = ~np.eye(20, dtype=bool)
    true = roc_auc_score(strength[off] > 0, np.asarray(other.score)[off])
    assert found_again(one, other, 0.2) == pytest.approx(true, abs=0.1)
    assert found_again(one, one, 0.2) == 1.0
    assert abs(found_again(one, Connectome(rng.random((20, 20))), 0.2) - 0.5) < 0.1
