"""Which columns a target's last step is solved for, where all would be too many: by one step of each alone.

From where training ended, with every other weight held, one Newton step of the column c = (source j, drive d, lag l) of
target i alone, x_c(t) = g_d(t) s_j(t - l), ends at

    a_c' = a_c + sum_t u x_c / h_c,    h_c = sum_t w x_c^2,    z_c^2 = a_c'^2 h_c

with u the score and w the information of the forecast's law, u freed of what the target's own history explains. All
pairs together are products of matrices, block by block in time: N^2 numbers are held, not N^2 a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor

from synfer.discover.linearised import linearise, values_of
from synfer.discover.refit import Refit
from synfer.discover.scoring import scores_of
from synfer.forecast import Law, Pasts, SynformerForecaster

_MEMORY = 1 << 28  # bytes of hidden layers held at once
_EM_STEPS = 50


@dataclass
class OneStep:
    """Of one initialisation, each (target, source, column), a column a drive and lag (lag fastest), as in `Refit`.

    Attributes
    ----------
    theta, z : numpy.ndarray
        Effect after its own step, in units of the target's spread; the same in units of its standard error.
    gain : numpy.ndarray
        As `Refit.gain`.
    """

    theta: np.ndarray
    z: np.ndarray
    gain: np.ndarray


def one_step(model: SynformerForecaster, pasts: Pasts, law: Law) -> OneStep:
    """Step each column of the only initialisation of ``model`` (its values standardised, its memory 1) alone."""
    n, lags, drives = model.n_units, model.max_lag, model.n_drives
    raw = values_of(model, pasts)
    values = raw - raw.mean(0)
    hidden = model.second.shape[-1]
    block = max(1, min(n, _MEMORY // max(1, 4 * len(pasts.rows) * (hidden + 8))))
    shape = (n, drives, lags, n)
    pull, weight, gain = (np.zeros(shape) for _ in range(3))
    effect = np.zeros((n, drives))
    squares = values.square()
    for first in range(0, n, block):
        units = slice(first, min(first + block, n))
        eta, log_scale, y, edge, counted, gains, own, _, means = linearise(model, pasts, raw, units)
        u, w = scores_of(law, eta, log_scale, y, edge)
        u, w = u * counted, w * counted
        for k in range(u.shape[1]):
            u[:, k] -= _explained(own[:, k], u[:, k], w[:, k])
        total = counted.sum(0).clamp_min(1.0)
        for d in range(drives):
            g = gains[..., d]
            effect[units, d] = ((g.square() * w).sum(0) / total).sqrt().clamp_min(1e-12).double().numpy()
            for lag in range(lags):
                s, s2 = values[:, lag], squares[:, lag]
                pull[units, d, lag] = ((u * g).T @ s).double().numpy()
                weight[units, d, lag] = ((w * g.square()).T @ s2).double().numpy()
                gain[units, d, lag] = ((means[..., d] * counted).T @ s2 / s2.sum(0).clamp_min(1e-12)).double().numpy()
    start = model.masked_attention()[0].permute(2, 0, 1, 3).detach().double().numpy()  # (target, drive, lag, source)
    informed = weight > 1e-12 * max(float(weight.max(initial=0.0)), 1e-300)
    ended = np.where(informed, start + pull / np.where(informed, weight, 1.0), 0.0)

    def columns(x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2).reshape(n, n, drives * lags))

    scale = effect[:, :, None, None]
    return OneStep(columns(ended * scale), columns(ended * np.sqrt(weight)), columns(gain / scale))


def _explained(own: Tensor, u: Tensor, w: Tensor) -> Tensor:
    """What own history (row, feature) takes of the score u, by one step of its own."""
    x = torch.cat([torch.ones(len(own), 1), own], 1)
    g = (x.T @ (w[:, None] * x)).double()
    g += 1e-6 * g.diagonal().mean() * torch.eye(len(g), dtype=torch.float64)
    step = torch.linalg.solve(g, (x.T @ u).double()).float()
    return w * (x @ step)


def single_lags(steps: list[OneStep], allowed: np.ndarray) -> np.ndarray:
    """Columns (target, source, column) of which each pair has one, the likeliest in the light of all other pairs.

    Empirical Bayes: a pair has an edge with probability rho, at lag l with probability pi_l, whose z is then drawn from
    N(0, 1 + tau^2), and from N(0, 1) elsewhere (z rescaled so that its median square is that of N(0, 1)). rho, pi and
    tau are found by expectation-maximisation over all pairs, the lag by its posterior: where all edges act at one lag,
    noise does not make a pair choose another.
    """
    z2 = np.mean([np.square(step.z) for step in steps], axis=0)
    of = z2[allowed]
    # Other weights are not yet at their best: z spreads more than it should. Most columns are of no edge.
    of = of / max(float(np.median(of)) / 0.4549, 1e-12) if of.size else of
    lags = of.shape[-1]
    rho, pi, tau2 = 0.2, np.full(lags, 1.0 / lags), 10.0
    posterior = np.zeros_like(of)
    for _ in range(_EM_STEPS):
        ratio = np.log(rho * pi + 1e-300) + 0.5 * (of * tau2 / (1.0 + tau2) - np.log1p(tau2))
        posterior = np.exp(ratio - np.logaddexp(np.log1p(-rho), logsumexp(ratio, axis=-1))[:, None])
        mass = posterior.sum(0) + 1.0 / lags  # as if one edge more had been seen, at all lags alike
        rho = float(np.clip(posterior.sum() / len(of), 1e-3, 0.999)) if len(of) else rho
        pi = mass / mass.sum()
        tau2 = max(float((posterior * of).sum() / max(posterior.sum(), 1e-12)) - 1.0, 3.0)
    choice = np.zeros(z2.shape[:2], dtype=np.int64)
    choice[allowed] = posterior.argmax(-1) if len(of) else 0
    chosen = np.zeros(z2.shape, dtype=bool)
    np.put_along_axis(chosen, choice[..., None], True, axis=-1)
    return chosen & allowed[..., None]


def candidates(steps: list[OneStep], columns: np.ndarray, n_candidates: int) -> np.ndarray:
    """Of ``columns`` those of each target's ``n_candidates`` surest sources."""
    z2 = np.where(columns, np.mean([np.square(step.z) for step in steps], axis=0), 0.0).sum(-1)
    np.fill_diagonal(z2, -1.0)
    kept = np.zeros(z2.shape, dtype=bool)
    np.put_along_axis(kept, np.argsort(-z2, axis=1, kind="stable")[:, :n_candidates], True, axis=1)
    return columns & kept[..., None]


def complete(member: Refit, step: OneStep, columns: np.ndarray, solved: np.ndarray) -> None:
    """Write into ``member`` the columns that were not ``solved`` for, from their own steps."""
    rest = columns & ~solved
    variance = np.square(np.divide(step.theta, step.z, out=np.zeros_like(step.theta), where=step.z != 0))
    for field in (member.theta, member.free):
        field[rest] = step.theta[rest]
    member.gain[rest] = step.gain[rest]
    pair = rest.any(-1)
    every = np.arange(columns.shape[-1])
    member.cov[pair] = 0.0
    diagonal = member.cov[:, :, every, every]
    diagonal[pair] = np.where(rest, variance, 0.0)[pair]
    member.cov[:, :, every, every] = diagonal
