"""Tests of a Synformer's attention on samples from which its responses were not learnt (cross-fitting).

The last step takes values, gains and spreads as known. They were learnt beside the attention from the same samples,
and where next to nothing is driven, a response is learnt that makes the most of noise, and absent edges are rejected up
to twice as often as they should (`bench/results/flagship.md`). So each half of the samples is solved with what was
learnt from the other half, and both are brought together (V. Chernozhukov et al., Econometrics Journal 21 (2018),
C1-C68), the forecast taken as linear about no drive at all, where the null hypothesis has it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch

from synfer.discover.effects import f_statistics
from synfer.discover.last_step import solve
from synfer.discover.linearised import standardise
from synfer.discover.refit import Prior, Refit
from synfer.errors import InputError
from synfer.forecast import Law, Pasts, SynformerForecaster

PIECES = 10
"""The recording is cut into so many, which belong to the two halves by turns: both see its course, if slow."""
SAMPLES_ENOUGH, EVENTS_ENOUGH = 10.0, 0.5
"""Samples of all units (events, of counts) to a parameter of the responses, from which these may be tested on what they
were learnt from. With fewer, training takes so much of the noise that statistics explode: of five independent units,
1,000 samples, .90 of the pairs had p < .05 at a width of 64, and no sum of statistics tells that from edges. Of counts,
whose responses are short of events from the start, fewer will do: with .1 to .3 of them .2 to .8 of the pairs, with .6
and 1.1 a tenth (independent units; narrow responses trained for long are never so tested: a third)."""
ROWS_OF_A_COLUMN, ROWS_OF_A_SOURCE = 2, 20
"""Rows of a half to a column of a target, own ones among them, below which it has no p-values; and, where the response
is narrow, to a column of its sources. Of a wide one forecasts of the other half are so poor that tests reject too
seldom; but even least squares reject .07 at .05 of 20 independent slow units of 300 samples
(`bench/results/small_samples.md`): the more sources, the more the target's own coefficient is underestimated, and what
is left of its history meets theirs. At 40 rows to a source it still is .06 to .07 (`bench/results/short.md`)."""
_ROWS = 2048


def plain(chi_square: np.ndarray, columns: np.ndarray, forecaster: SynformerForecaster) -> bool:
    """Whether edges are plain, so that what acts was learnt from them and not from noise.

    ``chi_square`` and its degrees of freedom ``columns`` are of all pairs. Noise to which a parameter was fitted adds
    one to their sum, more or less: of pairs that are not driven at all it does not exceed its expectation by the number
    of parameters that an initialisation has beside its attention.
    """
    known = np.isfinite(chi_square)
    return float((chi_square - columns)[known].sum()) > parameters_of(forecaster)


def basis(
    always: bool, narrow: bool, products: bool, members: list[Refit], pasts: Pasts, of: SynformerForecaster
) -> tuple[str, np.ndarray]:
    """What tests are to be of: the "whole", on which responses were learnt, "halves", or "none"; and of which targets.

    The whole where it holds so much that responses cannot have been learnt from its noise, and (of Gaussian samples)
    edges are plain, or halves cannot be solved; else halves, ``always`` if so asked, and of the targets whose columns a
    half determines; none with ``products``, or where that is no target, or a half has nothing of one: a p-value would
    be worth nothing. Not the whole where the response is ``narrow`` and was trained on few samples for long.
    """
    counts = pasts.counts
    columns, statistics = f_statistics(members)
    rows, every = fewest_rows(pasts), np.ones(pasts.n_units, dtype=bool)
    if always:
        if rows.min() == 0:
            raise InputError("cross_fit must be False or 'auto' where a unit has no sample in one half of X.")
        return "halves", every
    enough = informative(pasts, counts) >= (EVENTS_ENOUGH if counts else SAMPLES_ENOUGH) * parameters_of(of)
    enough &= products or not narrow  # halves cannot be of products: what is not enough for them has no test
    if enough and (counts or products or plain(np.median(statistics, 0) * columns, columns, of)):
        return "whole", every
    sources = columns.sum(1)
    able = rows >= ROWS_OF_A_COLUMN * (sources + of.second.shape[-1])
    if narrow:
        able &= rows >= ROWS_OF_A_SOURCE * sources
    if not products and able.any() and rows.min() > 0:
        return "halves", able
    # Of many units with few rows each, what they share has been learnt from all of them together.
    return ("whole", every) if enough else ("none", ~every)


def parameters_of(forecaster: SynformerForecaster) -> float:
    """How many numbers an initialisation has beside its attention."""
    total = sum(each.numel() for name, each in forecaster.named_parameters() if name != "attention")
    return total / forecaster.attention.shape[0]


def informative(pasts: Pasts, counts: bool) -> int:
    """How much all targets together tell: samples, and of counts those that are the rarer of none and some."""
    told = 0
    for rows in pasts.rows.split(_ROWS):
        if counts:
            some = (pasts.series[rows + 1] > 0).sum(0)
            told += int(torch.minimum(some, len(rows) - some).sum())
        else:
            told += len(rows) * pasts.n_units if pasts.missing is None else int((~pasts.missing[rows + 1]).sum())
    return told


def halves(pasts: Pasts) -> tuple[Pasts, Pasts]:
    """The same pasts with the rows of one half and of the other."""
    piece = torch.arange(len(pasts.rows)) * PIECES // max(len(pasts.rows), 1)
    parts = (copy.copy(pasts), copy.copy(pasts))
    for k, part in enumerate(parts):
        part.rows = pasts.rows[piece % 2 == k]
    return parts


def fewest_rows(pasts: Pasts) -> np.ndarray:
    """Rows that count of each target in the half that has fewer, (target,): half of them all where none is missing."""
    if pasts.missing is None and pasts.put is None:
        return np.full(pasts.n_units, len(pasts.rows) // 2)
    counted = [
        sum(pasts.batch(rows, told=False).weight.sum(0) for rows in half.rows.split(_ROWS)) for half in halves(pasts)
    ]
    return np.minimum(*(np.broadcast_to(np.asarray(each), pasts.n_units) for each in counted))


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
    those that any attention has, None for all; no product is among them. Signs that ``prior`` has are given ones.
    """
    found = []
    parts = halves(pasts)
    for k, (told, asked) in enumerate(zip(parts, reversed(parts), strict=True)):
        forecaster = learn(told, k)
        standardise(forecaster, pasts)  # of the values, which look at no sample that is forecast
        with torch.no_grad():  # Weights of the other half's noise are no place to be linear about: nothing drives yet.
            forecaster.attention.zero_()
        found.append(solve(forecaster, asked, law, ridge, prior, n_candidates=n_candidates, columns=columns))
    return [pooled(*pair) for pair in zip(*found, strict=True)]


def pooled(first: Refit, second: Refit) -> Refit:
    """Two estimates from different samples as one, weighed by what the law would have each be uncertain by.

    Were they weighed by their estimated covariances, the one that happens to be small would have the say, and tests
    would reject too often (P. Meier, Biometrics 9 (1953), 59-73). Coefficients are turned so that a positive one
    excites: a drive and the answer to it may both be reversed. Of a pair that one of the two does not determine the
    other alone is given.
    """
    each = (first, second)
    turns = [np.where(one.gain < 0.0, -1.0, 1.0) for one in each]
    covs = [turn[..., :, None] * one.cov * turn[..., None, :] for one, turn in zip(each, turns, strict=True)]
    known = [
        np.isfinite(cov).all((2, 3)) & (np.einsum("ijkk->ij", np.nan_to_num(cov)) > 0) & (one.freedom > 0)
        for cov, one in zip(covs, each, strict=True)
    ]
    neither = ~(known[0] | known[1])
    sure = [(told | neither) / np.maximum(one.variance, 1e-300) for told, one in zip(known, each, strict=True)]
    shares = [one / (sure[0] + sure[1]) for one in sure]

    def mean(parts: list[np.ndarray]) -> np.ndarray:
        return np.asarray(shares[0][..., None] * parts[0] + shares[1][..., None] * parts[1])

    added = [
        np.where(told, share, 0.0)[..., None, None] ** 2 * np.nan_to_num(cov)
        for told, share, cov in zip(known, shares, covs, strict=True)
    ]
    cov = added[0] + added[1]
    cov[neither] = np.nan
    # Of a sum of variances (B. Welch, Biometrika 34 (1947), 28-35).
    sizes = [np.einsum("ijkk->ij", part) for part in added]
    least = [size**2 / np.maximum(one.freedom, 1.0) for size, one in zip(sizes, each, strict=True)]
    freedom = (sizes[0] + sizes[1]) ** 2 / np.maximum(least[0] + least[1], 1e-300)
    return Refit(
        theta=mean([turn * one.theta for one, turn in zip(each, turns, strict=True)]),
        free=mean([turn * one.free for one, turn in zip(each, turns, strict=True)]),
        cov=cov,
        gain=mean([np.abs(one.gain) for one in each]),
        freedom=np.where(neither, 0.0, freedom),
        variance=np.asarray(1.0 / (sure[0] + sure[1])),
    )
