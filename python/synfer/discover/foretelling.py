"""What a fitted Synformer forecasts, and how likely it finds what came."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from synfer.discover.instantaneous import Coupling, coupling
from synfer.errors import NotConvergedWarning, level_of_user
from synfer.forecast import LAWS, Law, Pasts, SynformerForecaster

_ROWS = 512  # of a forward pass


@torch.no_grad()
def foretold(forecaster: SynformerForecaster, pasts: Pasts, law: Law) -> np.ndarray:
    """Mean forecast of each sample over initialisations, (time, unit), as the model sees them; NaN without a past."""
    out = np.full(tuple(pasts.series.shape), np.nan, dtype=np.float32)
    for rows in pasts.rows.split(_ROWS):
        out[rows.numpy() + 1] = law.mean(forecaster(pasts.batch(rows)).eta).mean(0).numpy()
    return out


@torch.no_grad()
def log_likelihood(forecaster: SynformerForecaster, pasts: Pasts, law: Law, scale: np.ndarray) -> float:
    """Mean over samples and units of the log-likelihood of the mixture of initialisations; NaN where there are none.

    A density is one per unit of the signal, of which ``scale`` (unit,) are 1 to the model; a probability at an edge has
    no unit.
    """
    total, count = 0.0, 0.0
    for rows in pasts.rows.split(_ROWS):
        batch = pasts.batch(rows)
        forecast = forecaster(batch)
        each = law.log_prob(forecast.eta, forecast.log_scale, batch.target, batch.edge)
        mixture = torch.logsumexp(each, 0) - np.log(len(each))
        unit = torch.from_numpy(np.log(scale)).float() * (batch.edge == 0)
        total += float(((mixture - unit) * batch.weight).sum())
        count += float(batch.weight.sum())
    return total / count if count else float("nan")


@torch.no_grad()
def unforeseen(forecaster: SynformerForecaster, pasts: Pasts, law: Law, n_fitted: int) -> Coupling:
    """The coupling within a sample of what was not foreseen, median over initialisations.

    That is (y - eta) / sigma of a Gaussian law, its mean where a sample is cut off at an edge, and Pearson's residuals
    of counts; 0 where a sample is missing or does not count. ``n_fitted`` is what was fitted to a target's samples.
    """
    n = forecaster.n_units
    moments = torch.zeros(forecaster.n_init, n, n, dtype=torch.float64)
    counted = torch.zeros(n, n, dtype=torch.float64)
    for rows in pasts.rows.split(_ROWS):
        batch = pasts.batch(rows)
        forecast = forecaster(batch)
        score, information = law.derivatives(forecast.eta, forecast.log_scale, batch.target, batch.edge)
        # A censored sample's information depends on where it is cut off: in units of it, its score has not mean 0.
        gaussian = law is LAWS["gaussian"]
        spread = torch.exp(forecast.log_scale) if gaussian else information.clamp_min(1e-12).rsqrt()
        innovation = (score * spread * batch.weight).double()
        moments += innovation.transpose(1, 2) @ innovation
        counted += batch.weight.double().T @ batch.weight.double()
    rows_of_pairs, freedom = counted.numpy(), np.maximum(counted.numpy() - n_fitted, 0.0)
    each = [coupling(member / np.maximum(rows_of_pairs, 1.0), freedom) for member in moments.numpy()]
    correlation = np.median([one.correlation for one in each], axis=0)
    return Coupling(correlation, np.median([one.chi_square for one in each], axis=0), each[0].freedom)


def improved(loss: np.ndarray) -> bool:
    """Whether the forecast learnt something, by its ``loss`` (init, epoch); warn where not."""
    tenth = max(1, loss.shape[1] // 10)
    # Where nothing drives anything and nobody has a history, there is nothing to learn: not to get worse will do.
    learnt = bool((loss[:, -tenth:].mean(1) < loss[:, :tenth].mean(1) + 0.05).any())
    if not learnt:
        warnings.warn(
            "the forecast was worse at the end of training than at its beginning: what it attends to says "
            "nothing; raise n_steps, lower learning_rate, or record for longer.",
            NotConvergedWarning,
            stacklevel=level_of_user(),
        )
    return learnt
