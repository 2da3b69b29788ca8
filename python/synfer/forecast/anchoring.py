"""Forecasts that begin where the context ended: what a model misses of the last sample is carried on while it lasts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

_DURATIONS, _TURNS = 16, 33  # of the grid that the search begins from
_SAMPLES_A_TURN = 8.0  # at the least: what changes sign from sample to sample is not told from noise


@dataclass(frozen=True)
class Anchor:
    """How much of a residual is left after a time: ``g(t) = share exp(-(t / seconds)² / 2) cos(turn t)``.

    Attributes
    ----------
    share : float, in [0, 1]
        1 where samples have no noise, 0 where their residuals are nothing else.
    seconds : float
    turn : float
        Radians a second.
    """

    share: float
    seconds: float
    turn: float

    def left(self, since: np.ndarray) -> np.ndarray:
        """Give g of seconds since (or before) the sample of the residual, of any shape."""
        return self.share * _course(np.abs(since), self.seconds, self.turn)

    @classmethod
    def of(cls, residuals: Iterable[tuple[np.ndarray, np.ndarray]]) -> Anchor:
        """Fit g by least squares, ``sum |r(t) - g(t - t_L) r(t_L)|²`` over times and trajectories.

        Parameters
        ----------
        residuals : iterable of (seconds (time,), residual (time, number))
            Of each trajectory, from its context's last sample on, which is at 0 s.

        Returns
        -------
        Anchor
            Of share 0, where there is nothing to fit or nothing is left of a residual at later samples.
        """
        given = [(seconds, residual) for seconds, residual in residuals if len(seconds) > 1]
        since, products, squares = _pairs(given)
        if not squares.any():
            return cls(0.0, 1.0, 0.0)

        def gain(seconds: float, turn: float) -> tuple[float, float]:
            """By how much the sum of squares falls, and at which share."""
            course = _course(since, seconds, turn)
            product, square = float(products @ course), float(squares @ np.square(course))
            share = min(1.0, max(0.0, product / square)) if square > 0.0 else 0.0
            return share * (2.0 * product - share * square), share

        step = float(np.median([seconds[1] for seconds, _ in given]))
        fastest = 2.0 * math.pi / (_SAMPLES_A_TURN * step)
        durations = np.geomspace(0.5 * step, 4.0 * float(since.max()), _DURATIONS)
        grid = [(seconds, turn) for seconds in durations for turn in np.linspace(0.0, fastest, _TURNS)]
        begin = max(grid, key=lambda at: gain(*at)[0])
        scale = gain(*begin)[0]
        if scale <= 0.0:
            return cls(0.0, 1.0, 0.0)
        found = minimize(
            lambda x: -gain(math.exp(x[0]), x[1] * fastest)[0] / scale,
            [math.log(begin[0]), begin[1] / fastest],
            method="Nelder-Mead",
            bounds=[(math.log(durations[0]), math.log(durations[-1])), (0.0, 1.0)],
        ).x
        seconds, turn = math.exp(found[0]), float(found[1]) * fastest
        return cls(gain(seconds, turn)[1], seconds, turn)


def _course(since: np.ndarray, seconds: float, turn: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * np.square(since / seconds)) * np.cos(turn * since))


def _pairs(residuals: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give seconds > 0, and of all residuals so long after a context the sums of r(t) r(t_L) and of r(t_L)²."""
    since, products, squares = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    for seconds, residual in residuals:
        last = residual[0].astype(np.float64)
        since.append(seconds[1:])
        products.append(residual[1:].astype(np.float64) @ last)
        squares.append(np.full(len(seconds) - 1, last @ last))
    every, at = np.unique(np.concatenate(since).round(9), return_inverse=True)
    sums = (np.bincount(at, np.concatenate(parts), len(every)) for parts in (products, squares))
    return (every, *sums)  # type: ignore[return-value]
