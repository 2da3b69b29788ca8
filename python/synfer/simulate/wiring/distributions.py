"""What a wiring's weights and delays are drawn from."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from synfer.arguments import checked_number
from synfer.errors import InputError

ROUNDED = 1e-9
"""Share by which an end of a span may miss a multiple of a step and count as one."""


@dataclasses.dataclass(frozen=True)
class LogNormal:
    """Log-normal magnitudes of weights.

        log w ~ N(mu, sigma^2),  sigma^2 = log(1 + (std / mean)^2),  mu = log(mean) - sigma^2 / 2

    Parameters
    ----------
    mean, std : float
        Mean and standard deviation of the magnitudes themselves (not of their logarithms); both positive.

    Raises
    ------
    InputError
        One is not positive.

    Examples
    --------
    >>> from synfer.simulate import LogNormal, erdos_renyi
    >>> weights = erdos_renyi(200, 0, 0.5, weight=LogNormal(2.0, 1.0), seed=1).weight.values
    >>> round(float(weights[weights > 0].mean()), 1)
    2.0

    References
    ----------
    S. Song, P. J. Sjostrom, M. Reigl, S. Nelson, D. B. Chklovskii, "Highly nonrandom features of synaptic connectivity
    in local cortical circuits", PLoS Biology 3 (2005), e68.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            if not checked_number(name, getattr(self, name)) > 0:
                raise InputError(f"{name} of LogNormal must be positive; got {getattr(self, name)}.")

    def draw(self, random: np.random.Generator, n: int) -> np.ndarray:
        """Give n magnitudes."""
        variance = np.logaddexp(0.0, 2.0 * (np.log(self.std) - np.log(self.mean)))  # ln(1 + cv^2), whatever cv
        return random.lognormal(np.log(self.mean) - variance / 2, np.sqrt(variance), n)


@dataclasses.dataclass(frozen=True)
class UniformDelay:
    """Delays between ``low`` and ``high`` seconds, each as likely, on a grid that a simulation's steps can keep.

    Parameters
    ----------
    low, high : float
        Seconds, 0 < low <= high; both may be drawn.
    step : float or None
        Delays are multiples of it, in seconds. The default, 0.1 ms, is the ``dt`` of most spiking networks: `run` takes
        such delays as they are with a ``dt`` of which that is a multiple, and warns where it must round them. None for
        any number between.

    Raises
    ------
    InputError
        They are not positive, or out of order, or there is no multiple of the step between them.

    Examples
    --------
    >>> from synfer.simulate import UniformDelay, erdos_renyi
    >>> delay = erdos_renyi(20, 5, 0.5, delay=UniformDelay(1e-3, 4e-3), seed=1).edges()["delay"]
    >>> bool(delay.between(1e-3, 4e-3).all())
    True
    """

    low: float
    high: float
    step: float | None = 1e-4

    def __post_init__(self) -> None:
        if not 0 < checked_number("low", self.low) <= checked_number("high", self.high):
            raise InputError(f"low and high of UniformDelay must be 0 < low <= high seconds; got {self}.")
        if self.step is None:
            return
        _check_step(self, self.step)
        first, last = self._multiples()
        if first > last:
            raise InputError(
                f"a multiple of step = {self.step:g} s must lie between low and high of UniformDelay; got {self}: take "
                "a smaller step, or None for no grid."
            )

    def _multiples(self) -> tuple[int, int]:
        """Give the least and the largest multiple of the step between low and high, to rounding."""
        assert self.step is not None
        return math.ceil(self.low / self.step * (1 - ROUNDED)), math.floor(self.high / self.step * (1 + ROUNDED))

    def draw(self, random: np.random.Generator, n: int) -> np.ndarray:
        """Give n delays in seconds."""
        if self.step is None:
            return random.uniform(self.low, self.high, n)
        first, last = self._multiples()
        return random.integers(first, last, n, endpoint=True) * self.step


def _check_step(of: Any, step: Any) -> None:
    if not checked_number("step", step) > 0:
        raise InputError(f"step of {type(of).__name__} must be positive seconds, or None for no grid; got {step}.")


@dataclasses.dataclass(frozen=True)
class DistanceDelay:
    """Delays by distance: offset + distance / velocity, to the nearest step of a grid, one at least.

    Parameters
    ----------
    velocity : float
        Of conduction, in the positions' unit of length a second; positive.
    offset : float
        Seconds of a synapse without length, at least 0.
    step : float or None
        Seconds; as for `UniformDelay`. None leaves the delays as they are.

    Raises
    ------
    InputError
        The velocity or the step is not positive, or the offset negative.

    Examples
    --------
    >>> from synfer.simulate import DistanceDelay, distance_dependent
    >>> delay = DistanceDelay(velocity=0.5, offset=1e-3)
    >>> wiring = distance_dependent(80, 20, p_max=0.5, length=0.2, delay=delay, seed=1)
    >>> bool(wiring.edges()["delay"].min() > 1e-3)
    True
    """

    velocity: float
    offset: float = 0.0
    step: float | None = 1e-4

    def __post_init__(self) -> None:
        if not checked_number("velocity", self.velocity) > 0:
            raise InputError(f"velocity of DistanceDelay must be positive; got {self.velocity}.")
        if checked_number("offset", self.offset) < 0:
            raise InputError(f"offset of DistanceDelay must be seconds, at least 0; got {self.offset}.")
        if self.step is not None:
            _check_step(self, self.step)

    def of(self, distance: np.ndarray) -> np.ndarray:
        """Give the delays, in seconds, over distances."""
        exact = self.offset + distance / self.velocity
        return exact if self.step is None else np.maximum(np.rint(exact / self.step), 1.0) * self.step


Weight = float | LogNormal
Delay = float | UniformDelay | DistanceDelay


def checked_weight(name: str, value: Any) -> Weight:
    """Give a magnitude of weights, or the distribution of them.

    Raises
    ------
    InputError
        It is neither, or negative.
    """
    if isinstance(value, LogNormal):
        return value
    weight = checked_number(name, value)
    if weight < 0:
        raise InputError(f"{name} must be a magnitude, at least 0, as Dale's law gives the sign; got {weight}.")
    return weight


def checked_delay(value: Any, has_distances: bool) -> Delay | None:
    """Give a delay, the distribution of delays, or None.

    Raises
    ------
    InputError
        It is none of these, or asks for distances where units have no positions.
    """
    if isinstance(value, DistanceDelay) and not has_distances:
        raise InputError("delay by distance needs positions: use distance_dependent, or another delay.")
    if value is None or isinstance(value, UniformDelay | DistanceDelay):
        return value
    delay = checked_number("delay", value)
    if delay <= 0:
        raise InputError(f"delay must be positive seconds, a UniformDelay or a DistanceDelay; got {delay}.")
    return delay


def magnitudes(weight: Weight, random: np.random.Generator, n: int) -> np.ndarray:
    """Give n weights' magnitudes, (edge,)."""
    return weight.draw(random, n) if isinstance(weight, LogNormal) else np.full(n, weight)


def delays(delay: Delay, random: np.random.Generator, n: int, distance: np.ndarray | None) -> np.ndarray:
    """Give n delays in seconds, (edge,)."""
    if isinstance(delay, UniformDelay):
        return delay.draw(random, n)
    if isinstance(delay, DistanceDelay):
        assert distance is not None
        return delay.of(distance)
    return np.full(n, delay)


def told(value: Any) -> Any:
    """Give a distribution as plain values, for a connectome's parameters."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"distribution": type(value).__name__, **dataclasses.asdict(value)}
    return value
