"""Forecasts that begin where the context ended: what a model misses of the last sample is carried on while it lasts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from synfer.trajectories import Trajectories

Forecast = Callable[[Trajectories, Sequence[np.ndarray]], Sequence[np.ndarray]]
"""From contexts, and the times asked for of each, to forecasts."""

_STARTS = 8  # contexts of a trajectory, at most
_DURATIONS, _TURNS = 16, 33  # of the grid that the search begins from
_SAMPLES_A_TURN = 8.0  # at the least: what changes sign from sample to sample is not told from noise
_ERRORS = 2.0  # standard errors by which what is left out must be forecast better


@dataclass(frozen=True)
class Anchor:
    """How much of a residual is left after a time: ``g(t) = share exp(-(t / seconds)² / 2) cos(turn t)``.

    Attributes
    ----------
    share : float, in [0, 1]
        1 where samples have no noise, 0 where their residuals are nothing else, or too few tell.
    seconds : float
    turn : float
        Radians a second.
    """

    share: float
    seconds: float
    turn: float

    def left(self, since: np.ndarray) -> np.ndarray:
        """Give g of seconds since (or before) the sample of the residual, of any shape."""
        course = np.exp(-0.5 * np.square(since / self.seconds)) * np.cos(self.turn * since)
        return np.asarray(self.share * course)

    @classmethod
    def of(cls, residuals: Iterable[tuple[np.ndarray, np.ndarray]], otherwise: Anchor | None = None) -> Anchor:
        """Fit g by least squares, ``sum |r(t) - g(t - t_L) r(t_L)|²`` over times and contexts.

        It is taken where it tells something of contexts that it was not fitted to: each is left out once, g is fitted
        to the others (on a grid), and what of the sum of squares of the one left out falls by it must on average be
        two standard errors above 0.

        Parameters
        ----------
        residuals : iterable of (seconds (time,), residual (time, number))
            Of each context, from its last sample on, which is at 0 s.
        otherwise : Anchor, optional
            What to give where the residuals do not tell; by default one of share 0.

        Returns
        -------
        Anchor
        """
        nothing = otherwise or cls(0.0, 1.0, 0.0)
        since, products, squares, step = _sums(residuals)
        if len(products) < 2 or not squares.any():
            return nothing
        durations = np.geomspace(0.5 * step, 4.0 * float(since.max()), _DURATIONS)
        fastest = 2.0 * math.pi / (_SAMPLES_A_TURN * step)
        grid = [cls(1.0, seconds, turn) for seconds in durations for turn in np.linspace(0.0, fastest, _TURNS)]
        courses = np.stack([anchor.left(since) for anchor in grid], 1)
        product, square = products @ courses, squares @ np.square(courses)  # (context, grid)
        other, other_square = product.sum(0) - product, square.sum(0) - square
        chosen = _gains(other, other_square, _shares(other, other_square)).argmax(1)
        at = np.arange(len(products)), chosen
        gains = _gains(product[at], square[at], _shares(other[at], other_square[at]))
        if gains.mean() <= _ERRORS * gains.std(ddof=1) / math.sqrt(len(gains)):
            return nothing
        whole, whole_square = product.sum(0), square.sum(0)
        reached = _gains(whole, whole_square, _shares(whole, whole_square))
        begin, scale = grid[int(reached.argmax())], float(reached.max())
        products, squares = products.sum(0), squares.sum(0)

        def best(course: Anchor) -> tuple[float, Anchor]:
            """By how much the sum of squares falls, and with which share."""
            g = course.left(since)
            product, square = products @ g, squares @ np.square(g)
            share = _shares(product, square)
            return float(_gains(product, square, share)), cls(float(share), course.seconds, course.turn)

        def around(x: np.ndarray) -> Anchor:
            return cls(1.0, math.exp(x[0]), float(x[1]) * fastest)

        found = minimize(
            lambda x: -best(around(x))[0] / scale,
            [math.log(begin.seconds), begin.turn / fastest],
            method="Nelder-Mead",
            bounds=[(math.log(durations[0]), math.log(durations[-1])), (0.0, 1.0)],
        ).x
        return best(around(found))[1]


def residuals(
    forecast: Forecast, trajectories: Trajectories, n_context: int, n_query: int, scale: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give what forecasts miss, in units of ``scale``, from the last sample of each context on, and seconds since then.

    Contexts begin at several places of a trajectory, so that a few trajectories say enough.
    """
    longest = max(trajectories.lengths)
    apart = max(n_context, math.ceil((longest - n_context) / _STARTS))
    for start in range(0, longest - n_context, apart):
        long = [k for k, n in enumerate(trajectories.lengths) if n > start + n_context]
        part = trajectories[long].isel(time=slice(start, start + n_context + n_query))
        asked = [t[n_context - 1 :] for t in part.times]
        made = forecast(part.isel(time=slice(n_context)), asked)
        for f, v, t in zip(made, part.values, asked, strict=True):
            residual = (v[n_context - 1 :].astype(np.float64) - f) / scale
            yield t - t[0], residual.reshape(len(t), -1)


def _shares(products: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Give the share that is best, given ``sum g r r_L`` and ``sum g² r_L²`` of g of share 1."""
    share = np.divide(products, squares, out=np.zeros_like(products), where=np.asarray(squares) > 0.0)
    return np.asarray(np.clip(share, 0.0, 1.0))


def _gains(products: np.ndarray, squares: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Give by how much the sum of squares falls."""
    return np.asarray(shares * (2.0 * products - shares * squares))


def _sums(
    residuals: Iterable[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Give seconds > 0 (time,), of each context r(t) r(t_L) and r(t_L)² so long after it (context, time), and the step.

    0 where a context has no such sample. The step is the median time from a last sample to the next; times that are
    irregular are rounded to an eighth of it.
    """
    rows = []
    for seconds, residual in residuals:
        if len(seconds) > 1:
            last = residual[0].astype(np.float64)
            rows.append((seconds[1:], residual[1:].astype(np.float64) @ last, float(last @ last)))
    if not rows:
        return np.empty(0), np.empty((0, 0)), np.empty((0, 0)), 1.0
    step = float(np.median([seconds[0] for seconds, _, _ in rows]))
    eighths = [np.maximum(1, np.rint(8.0 * seconds / step)).astype(np.int64) for seconds, _, _ in rows]
    since = np.unique(np.concatenate(eighths))
    products, squares = np.zeros((2, len(rows), len(since)))
    for k, (at, (_, product, square)) in enumerate(zip(eighths, rows, strict=True)):
        np.add.at(products[k], np.searchsorted(since, at), product)
        np.add.at(squares[k], np.searchsorted(since, at), square)
    return since * (step / 8.0), products, squares, step
