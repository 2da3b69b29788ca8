"""Tests of a Synformer's attention on samples from which its responses were not learnt (cross-fitting).

The last step takes values, gains and spreads as known. They were learnt beside the attention from the same samples,
and where next to nothing is driven, a response is learnt that makes the most of noise: without an edge z spreads by up
to 1.4 instead of 1, and discoveries are made (`bench/results/flagship.md`). So each half of the samples is solved with
what was learnt from the other half, and both are brought together (V. Chernozhukov et al., Econometrics Journal 21
(2018), C1-C68), the forecast taken as linear about no drive at all, where the null hypothesis has it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch

from synfer.discover.last_step import solve
from synfer.discover.linearised import standardise
from synfer.discover.refit import Prior, Refit
from synfer.forecast import Law, Pasts, SynformerForecaster

PIECES = 10
"""The recording is cut into so many, which belong to the two halves by turns: both see its whole course."""


def plain(chi_square: np.ndarray, columns: np.ndarray, forecaster: SynformerForecaster) -> bool:
    """Whether edges are plain, so that what acts was learnt from them and not from noise.

    ``chi_square`` and its degrees of freedom ``columns`` are of all pairs. Noise to which a parameter was fitted adds
    one to their sum, more or less: of pairs that are not driven at all it does not exceed its expectation by the number
    of parameters that an initialisation has beside its attention.
    """
    parameters = sum(each.numel() for name, each in forecaster.named_parameters() if name != "attention")
    known = np.isfinite(chi_square)
    return float((chi_square - columns)[known].sum()) > parameters / forecaster.attention.shape[0]


def cross_fit(
    learn: Callable[[Pasts, int], SynformerForecaster],
    pasts: Pasts,
    law: Law,
    ridge: float | str,
    prior: Prior,
    n_candidates: int | str | None,
    columns: np.ndarray | None,
) -> list[Refit]:
    """Refit each half of the samples by what the other half taught; give them pooled, one an initialisation.

    ``learn`` gives a trained forecaster from pasts and the number of a half. ``columns`` (target, source, column) are
    those that any attention has, None for all; no product is among them.
    """
    piece = torch.arange(len(pasts.rows)) * PIECES // max(len(pasts.rows), 1)
    halves = []
    for k in range(2):
        told, asked = copy.copy(pasts), copy.copy(pasts)
        told.rows, asked.rows = pasts.rows[piece % 2 != k], pasts.rows[piece % 2 == k]
        forecaster = learn(told, k)
        standardise(forecaster, pasts)  # of the values, which look at no sample that is forecast
        with torch.no_grad():  # Weights of the other half's noise are no place to be linear about: nothing drives yet.
            forecaster.attention.zero_()
        halves.append(solve(forecaster, asked, law, ridge, prior, n_candidates=n_candidates, columns=columns))
    return [pooled(*pair) for pair in zip(*halves, strict=True)]


def pooled(first: Refit, second: Refit) -> Refit:
    """Two estimates from different samples as one, weighed by their certainty; penalised ones alike.

    Coefficients are turned so that a positive one excites: a drive and the answer to it may both be reversed. A pair
    that one of the two does not determine is not determined.
    """
    halves = [(each, np.where(each.gain < 0.0, -1.0, 1.0)) for each in (first, second)]
    free = [turn * each.free for each, turn in halves]
    theta = [turn * each.theta for each, turn in halves]
    covs = [turn[..., :, None] * each.cov * turn[..., None, :] for each, turn in halves]
    known = np.isfinite(covs[0]).all((2, 3)) & np.isfinite(covs[1]).all((2, 3))
    precise = [np.linalg.pinv(cov[known], hermitian=True) for cov in covs]
    cov = np.full_like(first.cov, np.nan)
    cov[known] = np.linalg.pinv(precise[0] + precise[1], hermitian=True)
    together = np.mean(free, axis=0)
    along = [np.einsum("pkl,pl->pk", weight, part[known]) for weight, part in zip(precise, free, strict=True)]
    together[known] = np.einsum("pkl,pl->pk", cov[known], along[0] + along[1])
    # Of a sum of variances: each half's share of the variance, squared, over its own degrees (Satterthwaite).
    shares = [np.einsum("pkl,plk->p", cov[known], weight) for weight in precise]
    least = [share**2 / np.maximum(each.freedom[known], 1.0) for share, (each, _) in zip(shares, halves, strict=True)]
    freedom = np.zeros(first.freedom.shape)
    freedom[known] = (shares[0] + shares[1]) ** 2 / np.maximum(least[0] + least[1], 1e-300)
    unpenalised = all(np.array_equal(each.theta, each.free) for each in (first, second))
    return Refit(
        theta=together.copy() if unpenalised else np.mean(theta, axis=0),
        free=together,
        cov=cov,
        gain=0.5 * (np.abs(first.gain) + np.abs(second.gain)),
        freedom=freedom,
    )
