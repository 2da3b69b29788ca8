from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from synfer.trust import two_groups as rules
from synfer.trust.two_groups import deviates, expected_auroc, two_groups


def drawn(n: int, share: float, mean: float, seed: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """P-values of pairs of which a share has an edge, of effects of that mean, and which."""
    rng = np.random.default_rng(seed)
    edge = rng.random(n) < share
    effect = np.where(edge, rng.gamma(1 / 0.09, mean * 0.09, n), 0.0)
    z = np.abs(effect + np.where(edge, 1.0, scale) * rng.normal(size=n))
    return 2.0 * stats.norm.sf(z), edge


def believed_slowly(pvalue: np.ndarray) -> np.ndarray:
    """The same sum, setting by setting and pair by pair, the effects' density by quadrature."""
    z = stats.norm.isf(pvalue / 2.0)
    size = np.linspace(1e-3, 90.0, 4000)
    step = size[1] - size[0]
    folded = stats.norm.pdf(z[:, None] - size) + stats.norm.pdf(z[:, None] + size)
    total, weighted = 0.0, np.zeros(len(z))
    width = np.gradient(rules.SHARES)
    for mean in rules.MEANS:
        for variation, large in rules.SHAPES:
            shape = 1.0 / variation**2
            by = [folded @ stats.gamma.pdf(size, shape, scale=m / shape) * step for m in (mean, 2.0 * mean)]
            edge = (1.0 - large) * by[0] + large * by[1]
            for scale in rules.SCALES:
                none = 2.0 * stats.norm.pdf(z / scale) / scale
                for share, d in zip(rules.SHARES, width, strict=True):
                    both = share * edge + (1.0 - share) * none
                    weight = np.prod(both) * stats.beta.pdf(share, 2, 6) * d * np.exp(-3.0 * (scale - 1.0))
                    total += weight
                    weighted += weight * share * edge / both
    return weighted / total


def test_the_grid_gives_what_the_slow_sum_gives():
    pvalue, _ = drawn(40, 0.3, 4.0, 1)
    assert two_groups(pvalue).probability == pytest.approx(believed_slowly(pvalue), abs=0.01)


@pytest.mark.parametrize(("share", "mean"), [(0.1, 4.0), (0.3, 3.0), (0.2, 8.0)])
def test_probabilities_are_those_of_what_was_drawn(share, mean):
    pvalue, edge = drawn(4000, share, mean, 2)
    belief = two_groups(pvalue)
    assert belief.share == pytest.approx(edge.mean(), abs=0.03) and belief.known == 1.0
    for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.01)):
        inside = (belief.probability >= low) & (belief.probability < high)
        assert edge[inside].mean() == pytest.approx(belief.probability[inside].mean(), abs=0.08)
    assert belief.sureness == pytest.approx(roc_auc_score(edge, belief.probability), abs=0.03)


def test_small_effects_that_are_no_edges_widen_the_null():
    wide = two_groups(drawn(4000, 0.1, 12.0, 3, scale=1.6)[0])
    assert wide.scale > 1.4 and wide.share == pytest.approx(0.1, abs=0.03)
    assert two_groups(drawn(4000, 0.1, 12.0, 3)[0]).scale < 1.1


def test_a_few_strong_and_some_weak_edges_let_expect_weaker_ones_and_equal_ones_do_not():
    rng = np.random.default_rng(8)
    edge = rng.random(4000) < 0.25

    def believed(effect):
        return two_groups(2.0 * stats.norm.sf(np.abs(np.where(edge, effect, 0.0) + rng.normal(size=4000))))

    weak, equal = believed(rng.exponential(4.0, 4000)), believed(5.0)
    assert weak.share == pytest.approx(edge.mean(), abs=0.04) and equal.share == pytest.approx(edge.mean(), abs=0.05)
    assert weak.sureness < 0.93 < 0.98 < equal.sureness


def test_nothing_is_believed_of_noise_and_little_of_few():
    belief = two_groups(np.random.default_rng(4).random(2000))
    assert belief.sureness < 0.65 and belief.information < 0.02
    assert two_groups(np.full(50, np.nan)) is None
    some = np.concatenate([drawn(100, 0.3, 6.0, 5)[0], np.full(20, np.nan)])
    unknown = two_groups(some)
    assert unknown.known == pytest.approx(100 / 120) and np.ptp(unknown.probability[100:]) == 0


def test_deviates_invert_two_sided_pvalues():
    z = np.array([0.0, 1.0, 5.0, 20.0])
    assert deviates(2.0 * stats.norm.sf(z)) == pytest.approx(z)
    assert deviates(np.array([0.0])) <= rules.HIGHEST


class TestExpectedAUROC:
    def test_of_certainties_is_the_auroc(self):
        rng = np.random.default_rng(6)
        score, edge = rng.integers(0, 8, 60).astype(float), rng.random(60) < 0.3
        assert expected_auroc(score, edge.astype(float)) == pytest.approx(roc_auc_score(edge, score))

    def test_of_chances_is_the_mean_over_draws(self):
        rng = np.random.default_rng(7)
        score, p = rng.normal(size=150), rng.beta(0.5, 1.5, 150)
        draws = [roc_auc_score(rng.random(150) < p, score) for _ in range(300)]
        assert expected_auroc(score, p) == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / 300**0.5 + 1e-3)

    def test_where_nothing_can_be_told(self):
        assert expected_auroc(np.arange(5.0), np.zeros(5)) == 0.5 == expected_auroc(np.ones(5), np.full(5, 0.3))
