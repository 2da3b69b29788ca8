"""An echo: networks wired as was found, and known to be so; does the method find that again?"""

from __future__ import annotations

import dataclasses

import numpy as np

from synfer.connectome import Connectome
from synfer.discover import Samples
from synfer.discover.autoregression import spectral_radius
from synfer.discover.significance.around import off_diagonal
from synfer.simulate import run, var_network
from synfer.trust.own import STEADIEST, OwnHistory

LAGS = 3  # over which sources act, and the fewest of own history
SETTLE = 500
FEWEST, MOST = 0.02, 0.8  # share of pairs that are wired


@dataclasses.dataclass(frozen=True)
class Echo:
    """A linear network like the recording, whose edges are those of highest score.

    Attributes
    ----------
    coefficients : numpy.ndarray, (lag, target, source)
    residuals : numpy.ndarray, (sample, unit)
        What it leaves of the recording, mean 0: drawn from anew, all units of an instant together.
    intercept : numpy.ndarray, (unit,)
    wired : numpy.ndarray of bool, (target, source)
        The truth of the samples that `simulated` makes.
    """

    coefficients: np.ndarray
    residuals: np.ndarray
    intercept: np.ndarray
    wired: np.ndarray

    def simulated(self, samples: Samples, seed: int) -> Samples:
        """Samples of the network, in stretches as those of ``samples``."""
        rng = np.random.default_rng(seed)
        total = samples.n_samples + SETTLE
        drive = self.intercept + self.residuals[rng.integers(len(self.residuals), size=total)]
        dt = samples.dt or 1.0
        network = var_network(self.coefficients, noise=0.0, dt=dt)
        x = np.asarray(run(network, total * dt, dt, drive=drive, record="x", dtype="float64", seed=seed)["x"])[SETTLE:]
        ends = np.cumsum([len(segment) for segment in samples.segments])
        return dataclasses.replace(samples, segments=np.split(x[: ends[-1]], ends[:-1]))


def highest_pairs(score: np.ndarray, many: int) -> np.ndarray:
    """Say which pairs, (target, source) without the diagonal, score highest: ``many``, or fewer where fewer exceed 0.

    Of equal scores those are taken that come first in an order drawn once and for all: by position they would crowd at
    the first targets.
    """
    evidence = np.where(np.eye(len(score), dtype=bool), 0.0, score).ravel()
    drawn = np.random.default_rng(0).permutation(evidence.size)
    first = drawn[np.argsort(-evidence[drawn], kind="stable")][:many]
    chosen = np.zeros(evidence.size, dtype=bool)
    chosen[first] = evidence[first] > 0
    return chosen.reshape(score.shape)


def echo_of(samples: Samples, found: Connectome, own: list[OwnHistory], share: float) -> Echo:
    """Fit the linear network whose edges are that share of the pairs which scores highest.

    Each target is regressed on its own past and on the last 3 samples of its sources; where the whole would not be
    stable, coefficients at lag k are scaled by c^k.

    Parameters
    ----------
    samples : Samples
    found : Connectome
        Of the samples' units, in their order.
    own : list of OwnHistory
        For the order of each unit's own past.
    share : float
        Of all pairs; between .02 and .8 of them are wired, fewer where fewer score above 0.
    """
    score = np.nan_to_num(np.asarray(found.score, dtype=np.float64))
    n = samples.n_units
    pairs = off_diagonal(score)
    many = int(np.clip(round(share * len(pairs)), max(1, FEWEST * len(pairs)), MOST * len(pairs)))
    wired = highest_pairs(score, many)
    orders = [max(LAGS, len(unit.coef)) for unit in own]
    highest = max(orders)
    segments = [segment.astype(np.float64) for segment in samples.segments if len(segment) > highest]
    coefficients, intercept, left = np.zeros((highest, n, n)), np.zeros(n), []
    for i in range(n):
        predictors = [(i, lag) for lag in range(1, orders[i] + 1)]
        predictors += [(int(j), lag) for j in np.flatnonzero(wired[i]) for lag in range(1, LAGS + 1)]
        x = np.concatenate(
            [np.stack([x[highest - lag : len(x) - lag, j] for j, lag in predictors], axis=1) for x in segments]
        )
        y = np.concatenate([segment[highest:, i] for segment in segments])
        x = np.concatenate([np.ones((len(x), 1)), x], axis=1)
        gram = x.T @ x
        gram[np.diag_indices_from(gram)] *= 1.0 + 1e-6
        beta = np.linalg.solve(gram, x.T @ y)
        left.append(y - x @ beta)
        intercept[i] = beta[0]
        for (j, lag), value in zip(predictors, beta[1:], strict=True):
            coefficients[lag - 1, i, j] = value
    radius = spectral_radius(coefficients)
    if radius > STEADIEST:
        coefficients *= (STEADIEST / radius) ** np.arange(1, highest + 1)[:, None, None]
        mean = np.concatenate(segments).mean(axis=0)
        intercept = mean - coefficients.sum(axis=0) @ mean
    residuals = np.stack(left, axis=1)
    return Echo(coefficients, residuals - residuals.mean(axis=0), intercept, wired)
