from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.trust.measures import (
    FEATURES,
    by_unit,
    exceeds,
    features_of,
    implied_auroc,
    share_of_edges,
    symmetry,
    tails,
    two_humps,
)


def test_exceeds_is_sklearns_auroc_with_ties():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 40).astype(float), rng.integers(0, 4, 70).astype(float)
    assert exceeds(a, b) == pytest.approx(roc_auc_score(np.repeat([1, 0], [40, 70]), np.concatenate([a, b])))


def test_tails_count_what_is_at_least_as_large():
    rng = np.random.default_rng(1)
    score, null = rng.integers(0, 6, 20).astype(float), rng.integers(0, 6, 50).astype(float)
    slow = [(1 + sum(null >= s)) / 51 for s in score]
    np.testing.assert_allclose(tails(score, null), slow)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("distance", [1.5, 3.0])
def test_excess_and_share_imply_the_mixtures_auroc(share, distance):
    rng = np.random.default_rng(2)
    edge = rng.random(20000) < share
    score, null = rng.standard_normal(20000) + distance * edge, rng.standard_normal(20000)
    true = norm.cdf(distance / np.sqrt(2))
    assert implied_auroc(exceeds(score, null), edge.mean()) == pytest.approx(true, abs=0.04)
    # Storey's share is too small where edges overlap with the rest, never too large by more than chance
    assert share - 0.2 * share * (distance < 2) - 0.03 < share_of_edges(tails(score, null)) < share + 0.03


def test_no_edges_imply_no_auroc():
    rng = np.random.default_rng(3)
    score, null = rng.random(5000), rng.random(5000)
    assert share_of_edges(tails(score, null)) < 0.05
    assert implied_auroc(0.5, 0.0) == 0.5


def test_two_humps_of_log_scores():
    rng = np.random.default_rng(4)
    edge = rng.random(3000) < 0.3
    auroc, share, gain = two_humps(np.exp(rng.standard_normal(3000) * 0.5 + 2.0 * edge))
    assert auroc == pytest.approx(norm.cdf(2.0 / (0.5 * np.sqrt(2))), abs=0.02)
    assert share == pytest.approx(0.3, abs=0.04) and gain > 0.1
    assert two_humps(np.exp(rng.standard_normal(3000)))[2] < 0.02
    assert two_humps(np.ones(30)) == (0.5, 0.0, 0.0)


def test_shapes_of_scores():
    rng = np.random.default_rng(5)
    score = rng.random((30, 30))
    both = Connectome(score + score.T)
    assert symmetry(both) == pytest.approx(1.0) and abs(symmetry(Connectome(score))) < 0.15
    rows = Connectome(np.repeat(rng.random((30, 1)), 30, axis=1))
    assert by_unit(rows) > 0.95 and by_unit(Connectome(score)) < 0.2


def test_features_say_what_was_not_asked():
    rng = np.random.default_rng(6)
    made = [Connectome(rng.random((6, 6))) for _ in range(3)]
    features = features_of(made[0], made[1:], [], n_samples=1000, known={"gain": 0.2, "halves": None})
    assert tuple(features) == FEATURES
    assert features["gain"] == 0.2 and features["log_samples"] == 3.0
    assert np.isnan([features["halves"], features["excess_surrogates"], features["echo"]]).all()
    assert np.isfinite([features["excess_twins"], features["implied_twins"], features["beyond_twins"]]).all()


def test_nothing_exceeds_what_is_not_there():
    for a, b in (([], [1.0]), ([1.0], [])):
        with pytest.raises(InputError, match="must each hold a value"):
            exceeds(np.array(a), np.array(b))
