"""What D2CL's benchmark holds it against and measures it by."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LassoLarsIC
from sklearn.metrics import roc_auc_score


def lasso(x: np.ndarray) -> np.ndarray:
    """|coefficient| (target, source) of each variable's regression on the others."""
    z = (x - x.mean(0)) / x.std(0)
    # With nearly as many variables as samples the noise cannot be estimated from the residuals of all; 1 is its bound.
    noise = None if len(x) > 2 * x.shape[1] else 1.0
    out = np.zeros((x.shape[1],) * 2)
    for i in range(x.shape[1]):
        others = np.delete(np.arange(x.shape[1]), i)
        fitted = LassoLarsIC("bic", noise_variance=noise, max_iter=200).fit(z[:, others], z[:, i])
        out[i, others] = np.abs(fitted.coef_)
    return out


def auroc(score: np.ndarray, edge: np.ndarray, asked: np.ndarray, sources: np.ndarray | None = None) -> float:
    """Over pairs among those asked for, out of these sources (default all of them); matrices are (target, source).

    Into a variable that is told of no pair is scored: its reverse may have been learnt from, its image transposed.
    """
    sources = asked if sources is None else sources
    truth, said = (matrix[np.ix_(asked, sources)] for matrix in (edge, score))
    pairs = (asked[:, None] != sources[None, :]) & np.isfinite(said)
    truth, said = truth[pairs], said[pairs]
    return float(roc_auc_score(truth, said)) if 0 < truth.sum() < truth.size else float("nan")


def interval(score: np.ndarray, edge: np.ndarray, asked: np.ndarray) -> list[float]:
    rng = np.random.default_rng(0)
    drawn = [auroc(score, edge, asked, rng.choice(asked, len(asked))) for _ in range(200)]
    return np.nanquantile(drawn, [0.025, 0.975]).tolist()


def calibration(score: np.ndarray, edge: np.ndarray) -> list[tuple[float, int, float | None]]:
    """Of the pairs in each tenth of probability: its lower end, how many there are, and the share that are edges."""
    tenth = np.minimum((score * 10).astype(int), 9)
    counts = [int((tenth == k).sum()) for k in range(10)]
    return [(k / 10, n, float(edge[tenth == k].mean()) if n else None) for k, n in enumerate(counts)]
