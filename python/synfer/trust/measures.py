"""What the answers come to: numbers that mean the same whatever the method, the signal and the size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import norm, rankdata, spearmanr
from sklearn.mixture import GaussianMixture

from synfer.connectome import Connectome
from synfer.discover.significance.around import off_diagonal
from synfer.errors import InputError

FEATURES = (
    "excess_twins",  # chance that a score exceeds one of an edge-free twin
    "excess_surrogates",
    "share_twins",  # of edges, as scores beyond the twins' imply
    "share_surrogates",
    "implied_twins",  # AUROC that excess and share imply
    "implied_surrogates",
    "beyond_twins",  # share of scores above 95 % of the twins'
    "twins_surrogates",  # chance that a twin's score exceeds a surrogate's
    "mixture_auroc",  # of two Gaussians fitted to normal scores of the scores
    "mixture_share",
    "mixture_gain",  # in bits a pair, over one Gaussian
    "spread",  # of log scores
    "echo",  # AUROC with which it finds again what it found, in linear networks wired so
    "halves",
    "halves_auroc",  # of each half's highest scores, by the other's
    "granger",  # rank correlation with the scores of ConditionalGranger
    "correlation",  # and with those of CrossCorrelation
    "spiking",  # 1 where the twins spike
    "initialisations",
    "symmetry",  # rank correlation of score and transposed score
    "by_unit",  # share of the ranks' variance that lies between sources, and between targets
    "planted_weak",  # chance that a planted edge outscores another quiet pair, by strength
    "planted_middle",
    "planted_strong",
    "gain",
    "full",
    "coloured",
    "together",
    "drifting",
    "log_units",
    "log_samples",
    "log_samples_a_pair",
)
"""Names of the features, in the order of the table's columns."""


def pairs_of(connectome: Connectome) -> np.ndarray:
    """Scores of all pairs (pair,); where nothing is said, 0."""
    return np.nan_to_num(off_diagonal(np.asarray(connectome.score, dtype=np.float64)))


def exceeds(a: np.ndarray, b: np.ndarray) -> float:
    """Chance that one of ``a`` exceeds one of ``b``, ties counting half: Mann and Whitney's U over its maximum.

    Raises
    ------
    InputError
        One of them is empty.
    """
    if not (len(a) and len(b)):
        raise InputError(f"a and b must each hold a value to be compared; got {len(a)} and {len(b)}.")
    ranks = rankdata(np.concatenate([a, b]))
    return float((ranks[: len(a)].sum() - len(a) * (len(a) + 1) / 2.0) / (len(a) * len(b)))


def tails(score: np.ndarray, null: np.ndarray) -> np.ndarray:
    """P-values of scores (pair,) under null scores: (1 + number of these at least as large) / (1 + their number)."""
    at_least = len(null) - np.searchsorted(np.sort(null), score, side="left")
    return np.asarray((1.0 + at_least) / (1.0 + len(null)))


def share_of_edges(pvalues: np.ndarray, beyond: float = 0.5) -> float:
    """Share of pairs with an edge, 1 - #{p > lambda} / (m (1 - lambda)), in [0, 1] (Storey 2002)."""
    return float(np.clip(1.0 - (pvalues > beyond).mean() / (1.0 - beyond), 0.0, 1.0))


def implied_auroc(excess: float, share: float) -> float:
    """AUROC of edges against the rest, if the rest scores as the null does and edges are that share.

        P(S > S0) = (1 - share) / 2 + share AUROC

    In [.5, 1]; .5 where there are no edges.
    """
    if share < 0.01:
        return 0.5
    return float(np.clip((excess - (1.0 - share) / 2.0) / share, 0.5, 1.0))


def two_humps(score: np.ndarray) -> tuple[float, float, float]:
    """AUROC between, share of the upper of, and bits a pair gained by, two Gaussians fitted to log scores.

    Logs are of scores above their median's thousandth, so that zeros are one value.
    """
    x = _logs(score)
    if np.ptp(x) < 1e-9 or len(x) < 6:
        return 0.5, 0.0, 0.0
    x = (x - x.mean()) / x.std()
    column = x[:, None]
    fits = [GaussianMixture(k, reg_covar=1e-3, n_init=2, random_state=0).fit(column) for k in (1, 2)]
    low, high = np.argsort(fits[1].means_[:, 0])
    deviation = float(np.sqrt(fits[1].covariances_[:, 0, 0].sum()))
    distance = float(fits[1].means_[high, 0] - fits[1].means_[low, 0]) / deviation
    gain = float(fits[1].score(column) - fits[0].score(column)) / np.log(2.0)
    return float(norm.cdf(distance)), float(fits[1].weights_[high]), max(float(gain), 0.0)


def _logs(score: np.ndarray) -> np.ndarray:
    middle = float(np.median(score[score > 0])) if (score > 0).any() else 1.0
    return np.log(np.maximum(score, 1e-3 * middle))


def symmetry(connectome: Connectome) -> float:
    """Rank correlation of the score of a pair with that of the other direction."""
    score = np.nan_to_num(np.asarray(connectome.score, dtype=np.float64))
    a, b = off_diagonal(score), off_diagonal(score.T)
    return 0.0 if np.ptp(a) == 0 else float(spearmanr(a, b).statistic)


def by_unit(connectome: Connectome) -> float:
    """Share of the variance of scores' ranks that rows and columns explain (two-way, additive)."""
    score = np.asarray(connectome.score, dtype=np.float64)
    n = len(score)
    if n < 4:
        return 0.0
    ranks = np.full((n, n), np.nan)
    off = ~np.eye(n, dtype=bool)
    ranks[off] = rankdata(np.nan_to_num(score[off]))
    target, source = np.nonzero(off)
    design = np.concatenate([np.eye(n)[target], np.eye(n)[source]], axis=1)
    y = ranks[off] - ranks[off].mean()
    if not y.any():
        return 0.0
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return float(1.0 - ((y - fitted) ** 2).sum() / (y**2).sum())


def features_of(
    found: Connectome,
    twins: Sequence[Connectome],
    surrogates: Sequence[Connectome],
    *,
    n_samples: int,
    known: Mapping[str, Any],
) -> dict[str, float]:
    """Give `FEATURES` by name; NaN where something was not asked.

    Parameters
    ----------
    found : Connectome
        What the method said of the recording.
    twins, surrogates : sequence of Connectome
        What it said of edge-free networks and of surrogates.
    n_samples : int
    known : dict
        Features that come from elsewhere: "halves", "planted_weak", "gain", ...
    """
    score = pairs_of(found)
    features = dict.fromkeys(FEATURES, float("nan"))
    nulls = {
        name: np.concatenate([pairs_of(one) for one in null])
        for name, null in (("twins", twins), ("surrogates", surrogates))
        if null
    }
    for name, null in nulls.items():
        excess, share = exceeds(score, null), share_of_edges(tails(score, null))
        features |= {f"excess_{name}": excess, f"share_{name}": share}
        features[f"implied_{name}"] = implied_auroc(excess, share)
    if "twins" in nulls:
        features["beyond_twins"] = float((tails(score, nulls["twins"]) <= 0.05).mean())
    if len(nulls) == 2:
        features["twins_surrogates"] = exceeds(nulls["twins"], nulls["surrogates"])
    features["mixture_auroc"], features["mixture_share"], features["mixture_gain"] = two_humps(score)
    n = found.n_units
    features |= {
        "spread": float(_logs(score).std()),
        "symmetry": symmetry(found),
        "by_unit": by_unit(found),
        "log_units": float(np.log10(n)),
        "log_samples": float(np.log10(n_samples)),
        "log_samples_a_pair": float(np.log10(n_samples / (n * (n - 1)))),
    }
    features |= {name: float("nan") if known.get(name) is None else float(known[name]) for name in known}
    return {name: features[name] for name in FEATURES}
