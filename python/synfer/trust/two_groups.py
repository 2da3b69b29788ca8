"""Which pairs have an edge, as their p-values let believe: two groups of them, fitted without a truth.

    f(z) = (1 - share) N+(z; 0, s) + share h(z; m, shape),    z = |N^-1(p / 2)|

N+ is the half-normal of pairs without an edge; its scale s is 1 where the p-values are right, and more where small
effects that are no edges (of chains, of what is hidden) make them too small. h is the folded normal of effects that are
not 0: gamma distributed with mean m, or, as neurons of two kinds make them, four fifths with mean m and one fifth with
2 m; or exponentially, so that most are too weak to be told from none, and a few that are seen let expect more. Nothing
is estimated at a point: share, s, m and shape are summed over a grid, weighted by prior x likelihood.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from scipy.special import ndtri

SHARES = np.array([0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
SCALES = np.array([1.0, 1.15, 1.35, 1.6, 2.0])
MEANS = np.geomspace(0.3, 30.0, 15)
SHAPES = ((0.3, 0.0), (0.5, 0.0), (0.3, 0.2), (1.0, 0.0))  # coefficient of variation; share of effects twice as large
DENSITY = (2.0, 6.0)  # prior of the share: Beta(2, 6)
WIDENING = 3.0  # prior of the scale: exp(-3 (s - 1))
FEWEST = 10  # p-values
HIGHEST = 40.0
NODES = np.concatenate([np.arange(0.0, 8.0, 0.1), np.arange(8.0, HIGHEST + 0.25, 0.5)])


@dataclasses.dataclass(frozen=True)
class Belief:
    """What is believed of each pair.

    Attributes
    ----------
    probability : numpy.ndarray, (pair,)
        That the pair has an edge; of pairs without a p-value, the share.
    known : float
        Share of pairs with a p-value.
    scale : float
        s, its mean.
    """

    probability: np.ndarray
    known: float
    scale: float

    @property
    def share(self) -> float:
        """Expected share of pairs with an edge."""
        return float(self.probability.mean())

    @property
    def information(self) -> float:
        """Bits a pair that the p-values tell of edges, beyond their share."""
        return float(_entropy(np.array([self.share]))[0] - _entropy(self.probability).mean())

    @property
    def sureness(self) -> float:
        """AUROC expected of the probabilities themselves: 1 where each pair is known, .5 where none is."""
        return expected_auroc(self.probability, self.probability)


def two_groups(pvalue: np.ndarray) -> Belief | None:
    """Believe what p-values (pair,) say; NaN where a pair has none. None where fewer than 10 have one.

    References
    ----------
    B. Efron, "Large-scale simultaneous hypothesis testing", J. Am. Stat. Assoc. 99 (2004), 96-104. B. Efron, R.
    Tibshirani, J. Storey and V. Tusher, "Empirical Bayes analysis of a microarray experiment", ibid. 96 (2001),
    1151-1160.
    """
    pvalue = np.asarray(pvalue, dtype=np.float64)
    known = np.isfinite(pvalue)
    if known.sum() < FEWEST:
        return None
    z = deviates(pvalue[known])
    low, high, share, scale = _grid()
    # Where z lies between two nodes, each gets its part: likelihoods are sums over nodes, however many pairs there are.
    after = np.clip(np.searchsorted(NODES, z, side="right"), 1, len(NODES) - 1)
    part = (z - NODES[after - 1]) / (NODES[after] - NODES[after - 1])
    counts = np.bincount(after - 1, 1.0 - part, len(NODES)) + np.bincount(after, part, len(NODES))
    total = np.logaddexp(low, high)
    weight = total @ counts + _prior(share, scale)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    probability = np.full(len(pvalue), weight @ share)
    probability[known] = np.interp(z, NODES, weight @ np.exp(high - total))
    return Belief(probability, float(known.mean()), float(weight @ scale))


def deviates(pvalue: np.ndarray) -> np.ndarray:
    """Give |z| of two-sided p-values, 40 at most."""
    return np.asarray(np.clip(-ndtri(np.clip(pvalue, 1e-300, 1.0) / 2.0), 0.0, HIGHEST))


def expected_auroc(score: np.ndarray, probability: np.ndarray) -> float:
    """AUROC of scores (pair,) where each pair is an edge with that probability, independently: ratio of expectations.

        sum_{a != b} p_a (1 - p_b) ([s_a > s_b] + [s_a = s_b] / 2) / sum_{a != b} p_a (1 - p_b)

    .5 where no pair can be an edge, or all must be.
    """
    _, place = np.unique(score, return_inverse=True)
    absent = 1.0 - probability
    at = np.bincount(place, absent)
    below = np.cumsum(at) - at
    won = float((probability * (below[place] + 0.5 * (at[place] - absent))).sum())
    pairs = float(probability.sum() * absent.sum() - (probability * absent).sum())
    return won / pairs if pairs > 1e-9 else 0.5


@functools.cache
def _grid() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log densities at the nodes, without and with an edge, (setting, node), and each setting's share and scale."""
    effects = np.stack([_effects(mean, *shape) for mean in MEANS for shape in SHAPES])
    none = np.stack([0.5 * np.log(2.0 / np.pi) - np.log(s) - 0.5 * (NODES / s) ** 2 for s in SCALES])
    settings = [(s, k, e) for s in range(len(SCALES)) for k in range(len(SHARES)) for e in range(len(effects))]
    scale, share, effect = (np.array(column) for column in zip(*settings, strict=True))
    low = none[scale] + np.log1p(-SHARES[share])[:, None]
    high = effects[effect] + np.log(SHARES[share])[:, None]
    return low, high, SHARES[share], SCALES[scale]


def _prior(share: np.ndarray, scale: np.ndarray) -> np.ndarray:
    width = np.gradient(SHARES)[np.searchsorted(SHARES, share)]
    few, many = DENSITY
    density = (few - 1.0) * np.log(share) + (many - 1.0) * np.log1p(-share)
    return np.asarray(density - WIDENING * (scale - 1.0) + np.log(width))


def _effects(mean: float, variation: float, large: float) -> np.ndarray:
    """Log density at the nodes of |N(effect, 1)|, effects gamma distributed; a share ``large`` twice as large."""
    size = np.geomspace(0.02, 90.0, 400)

    def density(mean: float) -> np.ndarray:
        shape = 1.0 / variation**2
        weight = np.exp(shape * np.log(size) - size * shape / mean)
        both = sum(np.exp(-0.5 * (NODES[:, None] + sign * size) ** 2) for sign in (-1, 1)) / np.sqrt(2.0 * np.pi)
        return np.asarray(both @ (weight / weight.sum()))

    return np.asarray(np.log(np.maximum((1.0 - large) * density(mean) + large * density(2.0 * mean), 1e-300)))


def _entropy(p: np.ndarray) -> np.ndarray:
    inside = np.clip(p, 1e-12, 1.0 - 1e-12)
    return np.asarray(-inside * np.log2(inside) - (1.0 - inside) * np.log2(1.0 - inside))
