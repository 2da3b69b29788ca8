"""Which columns a target's last step is solved for, where all would be too many: by one step of each alone.

From where training ended, with every other weight held, one Newton step of the column c = (source j, drive d, lag l) of
target i alone, x_c(t) = g_d(t) s_j(t - l), ends at

    a_c' = a_c + sum_t u x_c / h_c,    h_c = sum_t w x_c^2,    z_c = a_c' h_c / sqrt(sum_t u^2 x_c^2)

with u the score and w the information of the forecast's law, u freed of what the target's own history explains. The
other weights are where training left them, hundreds of them a little off. So u spreads more than the law says: its own
spread makes z (a sandwich), not the information. And where there are many sources, errors that their weights have in
common would be taken for an effect of each that fires when others do: u is freed there of the mean of all sources, too.
All pairs together are products of matrices, block by block in time: N^2 numbers are held, not N^2 a sample.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor

from synfer.discover.linearised import Linearised, blocks, linearise, values_of
from synfer.discover.refit import Refit
from synfer.discover.scoring import pieces, scores_of
from synfer.forecast import Law, Pasts, SynformerForecaster

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
    change : numpy.ndarray
        From where training ended to a_c' (1 - 1/z_c^2)_+ (James and Stein), in the attention itself: what other columns
        are solved beside.
    """

    theta: np.ndarray
    z: np.ndarray
    gain: np.ndarray
    change: np.ndarray


def one_step(model: SynformerForecaster, pasts: Pasts, law: Law) -> OneStep:
    """Step each column of the only initialisation of ``model`` (its values standardised, its memory 1) alone."""
    values = values_of(model, pasts)
    stepping = Stepping(model, law, values)
    parts = [stepping.of(units, linearise([model], pasts, [values], units)[0]) for units in blocks(model, pasts)]
    return OneStep(*(np.concatenate(list(field)) for field in zip(*map(astuple, parts), strict=True)))


class Stepping:
    """`one_step`, some targets at a time; ``values`` as `values_of` gives them, ``crowd`` as `crowd_of`, of many."""

    def __init__(self, model: SynformerForecaster, law: Law, values: Tensor, crowd: Tensor | None = None) -> None:
        self._model, self._law, self._values = model, law, values
        self._mean = values.mean(0)
        self._crowd = crowd

    def _centred(self, rows: slice) -> Tensor:
        """Values about their mean, (row, lag, source): made again when wanted, as they are as large as the data."""
        return self._values[rows] - self._mean

    def of(self, units: slice, parts: Linearised) -> OneStep:
        """Step the columns of the targets ``units``, which are ``parts``."""
        model = self._model
        n, lags, drives = model.n_units, model.max_lag, model.n_drives
        count = units.stop - units.start
        pull, weight, spread, gain = (torch.zeros(count, drives, lags, n, dtype=torch.float64) for _ in range(4))
        counts = torch.zeros(count, 1, lags, n, dtype=torch.float64)
        shared = np.zeros((count, drives, lags, 1))
        eta, log_scale, y, edge, counted, gains, own, _, means = parts
        u, w = scores_of(self._law, eta, log_scale, y, edge)
        u, w = u * counted, w * counted
        for k in range(count):
            history = own[:, k]
            if self._crowd is not None:
                history = torch.cat([history, gains[:, k, :1] * self._crowd], 1)
            explained, step = _explained(history, u[:, k], w[:, k])
            u[:, k] -= explained
            if self._crowd is not None:  # a step along the mean is one of each source
                shared[k, 0, :, 0] = step[-lags:].double().numpy() / n
        total = counted.sum(0).clamp_min(1.0)
        informed_by = gains.square() * w[..., None]  # (row, target, drive)
        effect = (informed_by.sum(0) / total[:, None]).sqrt().clamp_min(1e-12).double().numpy()
        pulled, meant = gains * u[..., None], means * counted[..., None]
        for rows in pieces(len(eta)):
            s = self._centred(rows)
            for lag in range(lags):
                of_lag = s[:, lag]
                pull[:, :, lag] += _together(pulled[rows], of_lag)
                squares = of_lag.square()
                weight[:, :, lag] += _together(informed_by[rows], squares)
                spread[:, :, lag] += _together(pulled[rows].square(), squares)
                gain[:, :, lag] += _together(meant[rows], squares)
                counts[:, :, lag] += _together(counted[rows, :, None], squares)
        gain /= counts.clamp_min(1e-12)
        start = model.masked_attention()[0, :, :, units].permute(2, 0, 1, 3).detach().double().numpy()
        h = weight.numpy()
        most = h.reshape(count, -1).max(1, initial=0.0)[:, None, None, None]
        informed = h > np.maximum(1e-12 * most, 1e-300)
        ended = np.where(informed, start + shared + pull.numpy() / np.where(informed, h, 1.0), 0.0)

        def columns(x: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(x.transpose(0, 3, 1, 2).reshape(count, n, drives * lags))

        scale = effect[:, :, None, None]
        z = ended * h / np.sqrt(np.maximum(spread.numpy(), 1e-300))
        sure = np.maximum(0.0, 1.0 - 1.0 / np.maximum(np.square(z), 1e-300))
        fields = (ended * scale, z, gain.numpy() / scale, ended * sure - start)
        return OneStep(*(columns(field) for field in fields))


def _together(by_target: Tensor, values: Tensor) -> Tensor:
    """Sum over rows of (row, target, drive) and (row, source), (target, drive, source)."""
    return (by_target.flatten(1).T @ values).view(*by_target.shape[1:], -1)


def _explained(own: Tensor, u: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """What own history (row, feature) takes of the score u, by one step of its own, and that step."""
    x = torch.cat([torch.ones(len(own), 1), own], 1)
    g = (x.T @ (w[:, None] * x)).double()
    g += 1e-6 * g.diagonal().mean() * torch.eye(len(g), dtype=torch.float64)
    step = torch.linalg.solve(g, (x.T @ u).double()).float()
    return w * (x @ step), step


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
    z2[~columns.any(-1)] = -1.0
    kept = np.zeros(z2.shape, dtype=bool)
    np.put_along_axis(kept, np.argsort(-z2, axis=1, kind="stable")[:, :n_candidates], True, axis=1)
    return columns & kept[..., None]


def complete(member: Refit, units: slice, step: OneStep, columns: np.ndarray, solved: np.ndarray) -> None:
    """Write into ``member`` those ``columns`` of the targets ``units`` not ``solved`` for, from their own steps."""
    rest = columns & ~solved
    variance = np.square(np.divide(step.theta, step.z, out=np.zeros_like(step.theta), where=step.z != 0))
    member.free[units][rest] = step.theta[rest]
    member.gain[units][rest] = step.gain[rest]
    pair = rest.any(-1)
    every = np.arange(columns.shape[-1])
    cov = member.cov[units]
    cov[pair] = 0.0
    diagonal = cov[:, :, every, every]
    diagonal[pair] = np.where(rest, variance, 0.0)[pair]
    cov[:, :, every, every] = diagonal
