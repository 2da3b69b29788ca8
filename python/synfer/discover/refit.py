"""The last step of a Synformer, solved instead of learned: the attention of each target by weighted least squares.

Given values, gains and spreads that were learnt, the forecast of a target is (to first order) linear in its attention.
A few Fisher-scoring steps from where training ended find its maximum-likelihood value, the last hidden layer of the
target's own response refitted beside it, and the spread of the estimate is a sandwich with HC3's leverages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import joblib
import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from synfer.discover.linearised import Linearised, blocks, linearise, values_of
from synfer.discover.scoring import climb, sandwich
from synfer.errors import InputError
from synfer.forecast import LAWS, Law, Pasts, SynformerForecaster
from synfer.threads import n_threads

_TINY = 1e-7  # ridge that keeps ties from dividing by 0, relative to the mean information of a column
_SLACK = 1e-3  # the same, for the attentions of products
_GRID = np.concatenate([[0.0], np.logspace(-5, 3, 33)])  # penalties, relative to the mean information of a source


@dataclass
class Refit:
    """Attention of one initialisation, refitted.

    Attributes
    ----------
    theta : numpy.ndarray, (target, source, column)
        Effects, a column a drive and lag (lag fastest): the root mean square over time of what a standard deviation of
        the source's value does to eta, in units of the target's own spread (the root of its information).
    free : numpy.ndarray, (target, source, column)
        The same without penalty: what the covariance belongs to.
    cov : numpy.ndarray, (target, source, column, column)
        NaN where the data do not determine the coefficients.
    gain : numpy.ndarray, (target, source, column)
        Mean change of eta for an effect of 1, over time weighed by the square of the source's value: where the source
        acts, not in the many samples in which it does nothing and the response may be another. The change from no
        drive to the drive that there was, not the slope there: a response that saturates may fall again at its end.
    freedom : numpy.ndarray, (target, source)
        Degrees of freedom of the covariance: the fewest of the pair's columns, rows less columns at most.
    variance : numpy.ndarray, (target, source)
        Mean variance of the pair's columns if the law holds, 1 where they are not solved for; it weighs estimates from
        different samples, which their own residuals must not.
    """

    theta: np.ndarray
    free: np.ndarray
    cov: np.ndarray
    gain: np.ndarray
    freedom: np.ndarray
    variance: np.ndarray


@dataclass
class Prior:
    """What is known beforehand of the attention; see `synfer.discover.Synformer`.

    ``allowed`` (target, source) of bool, ``known`` likewise: never penalised. ``types`` (unit,) of int or None: the
    penalty draws towards the mean of the pair of types. ``signs``: None, "learn", or (source,) of +1, -1 and 0 (free).
    """

    allowed: np.ndarray
    known: np.ndarray
    types: np.ndarray | None = None
    signs: np.ndarray | str | None = None


@dataclass
class _Normal:
    """Normal equations of one target, its own columns eliminated: the sources' information and what they explain."""

    g: np.ndarray
    c: np.ndarray
    energy: float | None  # of the response; None where the law has no scale that could be off
    n_own: int
    n_rows: int
    keep: np.ndarray  # sources' columns that vary, of (source, column) flattened


class Refitting:
    """The refit of the only initialisation of ``model``, some targets at a time.

    Its values are to be standardised (`standardise`) before; ``values`` are those (`values_of`). Where not all sources
    are solved for, their mean ``crowd`` (row, lag) is, beside own histories.
    """

    def __init__(
        self,
        model: SynformerForecaster,
        law: Law,
        values: Tensor,
        ridge: float | str,
        prior: Prior,
        crowd: Tensor | None = None,
    ) -> None:
        n, q = model.n_units, model.n_drives * model.max_lag
        self.out = Refit(
            np.zeros((n, n, q)),
            np.zeros((n, n, q)),
            np.full((n, n, q, q), np.nan),
            np.zeros((n, n, q)),
            np.zeros((n, n)),
            np.ones((n, n)),
        )
        self._model, self._law, self._values, self._ridge, self._prior = model, law, values, ridge, prior
        self._crowd = crowd
        self._normals: list[_Normal] = []
        self._plain = ridge == 0.0 and prior.signs is None

    def solve(
        self, units: slice, parts: Linearised, columns: np.ndarray | None, change: np.ndarray | None = None
    ) -> None:
        """Solve the targets ``units``, which are ``parts``, for ``columns`` (target, source, column), or for all.

        ``change``, of that shape, is what is added to the attention before: of sources that are not solved for.
        """
        if change is not None:
            parts = parts._replace(eta=parts.eta + self._moved(parts.gains, change))

        def of_target(k: int) -> _Normal | None:
            part = Linearised(*(each[:, k] for each in parts))
            of = None if columns is None else columns[k]
            if self._crowd is not None:
                part = part._replace(own=torch.cat([part.own, part.gains[:, :1] * self._crowd], 1))
            n_crowd = 0 if self._crowd is None else self._crowd.shape[1]
            normal = _refit_target(
                self._model, self._law, self._values, part, units.start + k, self._prior, self.out, of, n_crowd
            )
            return None if self._plain else normal  # N of N x N: only where they are wanted

        found = _side_by_side(of_target, units.stop - units.start)
        self._normals += [normal for normal in found if normal is not None]

    def _moved(self, gains: Tensor, change: np.ndarray) -> Tensor:
        """What a change of the attention adds to eta, (row, target)."""
        count, sources, _ = change.shape
        weights = torch.from_numpy(change).float().view(count, sources, self._model.n_drives, self._model.max_lag)
        drives = torch.einsum("rlj,kjdl->rkd", self._values, weights)
        return (gains * drives).sum(-1)

    def done(self) -> Refit:
        """The refit, when all targets are solved."""
        if self._plain:
            self.out.theta = self.out.free.copy()
        else:
            _penalise(self.out, self._normals, self._ridge, self._prior)
        return self.out


def refit(
    model: SynformerForecaster,
    pasts: Pasts,
    law: Law,
    *,
    ridge: float | str,
    prior: Prior,
    columns: np.ndarray | None = None,
) -> Refit:
    """Refit the only initialisation of ``model``; its values are to be standardised (`standardise`) before.

    ``columns`` (target, source, column) are those solved for; the others are 0. Default all that are allowed.
    """
    values = values_of(model, pasts)
    fit = Refitting(model, law, values, ridge, prior)
    for units in blocks(model, pasts):
        (parts,) = linearise([model], pasts, [values], units)
        fit.solve(units, parts, None if columns is None else columns[units])
    return fit.done()


def _side_by_side(solve: Callable[[int], _Normal | None], count: int) -> list[_Normal | None]:
    """Solve for some targets, as many at a time as there are threads, each in one: the same for any number of these."""
    threads = n_threads()
    torch.set_num_threads(1)  # a target's matrices are too small for two threads to share one
    try:
        parallel = joblib.Parallel(n_jobs=min(threads, count), backend="threading")
        return list(parallel(joblib.delayed(solve)(k) for k in range(count)))
    finally:
        torch.set_num_threads(threads)


def _refit_target(
    model: SynformerForecaster,
    law: Law,
    values: Tensor,
    parts: Linearised,
    i: int,
    prior: Prior,
    out: Refit,
    columns: np.ndarray | None,
    n_crowd: int,
) -> _Normal:
    """Scoring steps of one target; writes ``free``, ``cov``, ``gain``, ``freedom`` of ``out``.

    The last ``n_crowd`` columns of its own history are the crowd's, a lag each.
    """
    n, lags, drives = model.n_units, model.max_lag, model.n_drives
    q = lags * drives
    rows = parts.weight > 0
    if not bool(rows.any()):
        raise InputError(
            f"X must hold samples of each unit whose own past is known, got none of the unit at {i}: leave it out, or "
            "take a shorter window."
        )
    parts = parts if bool(rows.all()) else Linearised(*(part[rows] for part in parts))
    eta, log_scale, y, edge = (part.double() for part in parts[:4])
    gains, history = parts.gains.double(), parts.own
    wanted: np.ndarray = np.repeat((prior.allowed[i] & (np.arange(n) != i))[:, None], q, axis=1)
    if columns is not None:
        wanted &= columns
    pool = np.flatnonzero(wanted.any(1))  # the sources at stake: all, or the few that were chosen
    s = values[:, :, torch.from_numpy(pool)]  # the few first: all would be the data once a target
    s = (s if len(eta) == len(s) else s[rows]).double()
    if model.memory > 1:
        gate = model.gate[0][:, parts.elapsed].T.double()  # (row, sample)
        s = torch.bmm(gate[:, None], s)
    s -= s.mean(0)
    gaussian = law is LAWS["gaussian"]
    _, information = law.derivatives(eta, log_scale, y, torch.zeros_like(edge))
    effect = (gains.square() * information[:, None]).mean(0).sqrt().clamp_min(1e-12)
    scale = np.repeat(effect.numpy(), lags)
    # (row, source, drive, lag): a unit of attention A_d[l, i, j] adds gain_d(t) s_j(t - l)
    acting = gains / effect
    square = s.square()  # (row, lag, source)
    gain = torch.einsum("td,tlj->jdl", parts.means.double() / effect, square) / square.sum(0).T[:, None].clamp_min(
        1e-12
    )
    out.gain[i, pool] = gain.reshape(len(pool), q).numpy()
    start = model.masked_attention()[0, :, :, i].permute(2, 0, 1).reshape(n, q).detach().double().numpy() * scale

    varies = np.zeros((n, q), dtype=bool)
    size = torch.einsum("td,tlj->jdl", acting.square(), square) / len(s)
    varies[pool] = (size.numpy() > 1e-12).reshape(len(pool), q) & wanted[pool]
    keep = varies.reshape(n * q)
    n_own = 1 + history.shape[1]
    x = torch.empty(len(s), n_own + len(pool) * q, dtype=torch.float64)
    x[:, 0] = 1.0
    x[:, 1:n_own] = history
    design = x[:, n_own:].unflatten(1, (len(pool), drives, lags))
    torch.mul(acting[:, None, :, None], s.permute(0, 2, 1)[:, :, None, :], out=design)
    if not varies[pool].all():
        x = x[:, torch.from_numpy(np.flatnonzero(np.concatenate([np.ones(n_own, bool), varies[pool].reshape(-1)])))]
    # Products have a direction that changes nothing, one factor up and the other down: it is to stay where it began.
    of_product = torch.from_numpy((np.tile(np.arange(q), n) >= lags)[keep])
    slack = torch.full((x.shape[1],), _TINY, dtype=torch.float64)
    slack[n_own:][of_product] = _SLACK
    if not gaussian:  # few events and many columns of own history can be told apart perfectly: those stay near, too
        slack[:n_own] = _SLACK

    at = climb(x, law, eta, log_scale, y, edge, slack)
    free = start.reshape(n * q).copy()
    free[keep] += at.delta[n_own:].numpy()
    if n_crowd:  # a step along the mean of all sources is one of each
        shared = np.zeros(q)
        shared[:lags] = at.delta[n_own - n_crowd : n_own].numpy() * scale[:lags] / n
        free[keep] += np.tile(shared, n)[keep]
    out.free[i] = np.where(keep, free, 0.0).reshape(n, q)
    freedom = len(s) - x.shape[1]
    out.freedom[i] = freedom
    if freedom > 0:
        cov, of_column, of_law = (part.numpy() for part in sandwich(x, at))
        cov, of_column, of_law = cov[n_own:, n_own:], of_column[n_own:], of_law[n_own:]
        place = np.full(n * q, -1)
        place[keep] = np.arange(len(cov))
        degrees = np.full(n * q, float(freedom))
        degrees[keep] = np.minimum(of_column, freedom)
        out.freedom[i] = degrees.reshape(n, q).min(1)
        spread, count = np.zeros(n * q), keep.reshape(n, q).sum(1)
        spread[keep] = of_law
        out.variance[i, count > 0] = (spread.reshape(n, q).sum(1) / np.maximum(count, 1))[count > 0]
        of_source = np.flatnonzero((place >= 0).reshape(n, q).any(1))
        left, right = (place.reshape(n, q)[of_source][index] for index in (np.s_[:, :, None], np.s_[:, None, :]))
        out.cov[i, of_source] = np.where((left >= 0) & (right >= 0), cov[left, right], np.nan)
        sources, lefts = np.nonzero(~wanted[pool])  # columns of a source that has others: surely 0
        sources = pool[sources]
        out.cov[i, sources, lefts] = 0.0
        out.cov[i, sources, :, lefts] = 0.0

    # Normal equations around the maximum, in the attention itself, own columns eliminated.
    g_np = at.information.numpy()
    oo, os, ss = g_np[:n_own, :n_own], g_np[:n_own, n_own:], g_np[n_own:, n_own:]
    schur = ss - os.T @ np.linalg.solve(oo, os)
    theta = free[keep]
    energy = float((at.u.square() / at.w.clamp_min(1e-12)).sum()) + float(theta @ schur @ theta)
    return _Normal(schur, schur @ theta, energy if gaussian else None, n_own, len(s), keep)


def _penalise(out: Refit, normals: list[_Normal], ridge: float | str, prior: Prior) -> None:
    """Write ``theta``: the penalised solution, in two rounds where types or signs are to be learnt from the first."""
    n, q = out.free.shape[1:]
    centre = np.zeros((n, n, q))
    out.theta = _ridge(normals, centre, ridge, prior.known)
    if prior.types is not None:
        for a in np.unique(prior.types):
            for b in np.unique(prior.types):
                pair = np.ix_(prior.types == a, prior.types == b)
                inside = (prior.allowed & ~np.eye(n, dtype=bool))[pair]
                if inside.any():
                    centre[pair] = out.free[pair][inside].mean(axis=0)  # unpenalised: not drawn to 0 before
        out.theta = _ridge(normals, centre, ridge, prior.known)
    if prior.signs is None:
        return
    if isinstance(prior.signs, str):
        # The sign that a source's own effects have together, each counted by how surely it is known.
        signs = np.sign((out.theta * out.gain).sum(axis=(0, 2)))
    else:
        signs = np.asarray(prior.signs, dtype=np.float64)
    for i, normal in enumerate(normals):
        out.theta[i] = _signed(normal, out.theta[i], np.repeat(signs, q) * np.sign(out.gain[i]).reshape(-1)).reshape(
            n, q
        )


@dataclass
class _Spectrum:
    """One target's penalised problem, diagonal: (G + lambda P)(theta - middle) = c - G middle."""

    normal: _Normal
    middle: np.ndarray
    root: np.ndarray  # of P's inverse
    values: np.ndarray
    vectors: np.ndarray
    along: np.ndarray

    @classmethod
    def of(cls, normal: _Normal, centre: np.ndarray, known: np.ndarray) -> _Spectrum:
        """Take the problem apart; ``known`` coefficients are as good as not penalised."""
        middle = centre.reshape(-1)[normal.keep]
        root = 1.0 / np.sqrt(np.where(known[normal.keep], 1e-6, 1.0))
        values, vectors = np.linalg.eigh(normal.g * root[:, None] * root)
        return cls(
            normal,
            middle,
            root,
            np.maximum(values, 0.0),
            vectors,
            vectors.T @ (root * (normal.c - normal.g @ middle)),
        )

    def along_at(self, penalty: float) -> np.ndarray:
        """The solution in the basis of eigenvectors."""
        least = 1e-12 * self.values.max(initial=0.0) + 1e-300
        return np.asarray(self.along / np.maximum(self.values + penalty, least))

    def solution(self, penalty: float) -> np.ndarray:
        """Theta, flat, 0 where no coefficient is."""
        theta = np.zeros(len(self.normal.keep))
        theta[self.normal.keep] = self.middle + self.root * (self.vectors @ self.along_at(penalty))
        return theta

    def criterion(self, penalty: float) -> float:
        """What is to be small: n log GCV; where the law has no scale of its own, Mallows' criterion with variance 1."""
        b, normal = self.along_at(penalty), self.normal
        used = float(np.sum(self.values / np.maximum(self.values + penalty, 1e-300)))
        missed = b @ (self.values * b) - 2.0 * b @ self.along
        if normal.energy is None:
            return float(missed + 2.0 * used)
        left = normal.n_rows - normal.n_own - used
        if left <= 0.05 * normal.n_rows:
            return float("inf")
        rest = normal.energy - 2.0 * self.middle @ normal.c + self.middle @ normal.g @ self.middle
        return normal.n_rows * float(np.log(max(rest + missed, 1e-12) / left**2))


def _ridge(normals: list[_Normal], centre: np.ndarray, ridge: float | str, known: np.ndarray) -> np.ndarray:
    """Theta (target, source, column) with one penalty for all targets: given, relative, or chosen by their criteria."""
    spectra = [
        _Spectrum.of(normal, middle, np.repeat(row, middle.shape[-1]))
        for normal, middle, row in zip(normals, centre, known, strict=True)
    ]
    unit = float(np.mean(np.concatenate([np.diag(normal.g) for normal in normals]))) if normals else 0.0
    relative = ridge
    if isinstance(ridge, str):
        sums = [sum(spectrum.criterion(trial * unit) for spectrum in spectra) for trial in _GRID]
        relative = _GRID[int(np.argmin(sums))] if np.isfinite(sums).any() else _GRID[-1]
    return np.stack([spectrum.solution(float(relative) * unit) for spectrum in spectra]).reshape(centre.shape)


def _signed(normal: _Normal, theta: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """The nearest in the metric of the information that has the signs asked for (0: free, as a difference of two)."""
    flat = theta.reshape(-1).copy()
    if not normal.keep.any():
        return flat
    wanted = signs[normal.keep]
    values, vectors = np.linalg.eigh(normal.g)
    root = np.sqrt(np.maximum(values, 1e-12 * values.max()))[:, None] * vectors.T
    columns = np.concatenate([root * np.where(wanted == 0, 1.0, wanted), -root[:, wanted == 0]], axis=1)
    solved, _ = nnls(columns, root @ flat[normal.keep], maxiter=30 * columns.shape[1])
    found = solved[: len(wanted)] * np.where(wanted == 0, 1.0, wanted)
    found[wanted == 0] -= solved[len(wanted) :]
    flat[normal.keep] = found
    return flat
