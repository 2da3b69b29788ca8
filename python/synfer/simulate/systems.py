"""Systems of a few equations, many realisations of each: what is learnt from some is tried on others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from synfer.arguments import checked_count, checked_flag, checked_number, checked_numbers, checked_seed
from synfer.errors import InputError, ShapeError, SimulationDivergedError
from synfer.simulate.memory import refuse_beyond_available
from synfer.trajectories import Trajectories, increasing

Range = float | tuple[float, float]
"""A number that all realisations share, or the ends between which each draws its own, uniformly."""

GRAVITY = 9.81
SHORTEST_SIDE = 8


def pendulum_system(
    n_trajectories: int = 200,
    n_samples: int = 60,
    *,
    dt: float = 0.05,
    length: Range = (0.7, 1.3),
    damping: Range = 0.0,
    angle: Range = (-2.0, 2.0),
    speed: Range = (-1.0, 1.0),
    size: int = 32,
    irregular: bool = False,
    times: Any = None,
    seed: int = 0,
) -> Trajectories:
    """Film swinging pendulums, a'' = -(g / l) sin a - c a', g = 9.81 m/s^2.

    Realisations differ in length and in how they begin. One frame does not say which way the pendulum swings.

    Parameters
    ----------
    n_trajectories : int
        Realisation k is the same whatever their number.
    n_samples : int
        Frames of each; at least 2.
    dt : float
        Seconds from frame to frame, where they are regular.
    length, damping, angle, speed : float or (float, float)
        l in m, c in 1/s; first angle in radians from hanging down, and its rate: one for all, or each draws its own.
    size : int
        Pixels along a side.
    irregular : bool
        Whether each realisation is seen at times of its own: at 0, and at others drawn uniformly over the same span.
    times : array (time,) or ([trajectory,] time), optional
        Seconds, at least 0 and increasing, at which frames are wanted, in place of n_samples, dt and irregular.
    seed : int

    Returns
    -------
    Trajectories
        Frames (time, size, size) in [0, 1], float32; the states are angle and rate; parameters "length", "damping".

    Raises
    ------
    InputError, ShapeError
        An argument cannot be used.

    Examples
    --------
    >>> from synfer.simulate import pendulum_system
    >>> pendulum_system(2, n_samples=5)
    <Trajectories: 2 of 5 samples of shape (32, 32); length, damping of each>
    """
    times = sampling(n_trajectories, n_samples, dt, irregular, times, seed, values=_pixels(size))
    length, damping = ends("length", length, above=0.0), ends("damping", damping, least=0.0)
    angle, speed = ends("angle", angle), ends("speed", speed)

    def one(rng: np.random.Generator, t: np.ndarray, k: int) -> Realisation:
        rod, c = rng.uniform(*length), rng.uniform(*damping)
        begin = np.array([rng.uniform(*angle), rng.uniform(*speed)])
        states = integrated(lambda _, s: [s[1], -GRAVITY / rod * np.sin(s[0]) - c * s[1]], begin, t, k)
        joints = rod * np.stack([np.sin(states[:, 0]), -np.cos(states[:, 0])], axis=1)
        return _rods(joints[:, None], 1.15 * length[1], size), states, {"length": rod, "damping": c}

    return realised(one, times, seed)


def double_pendulum_system(
    n_trajectories: int = 200,
    n_samples: int = 60,
    *,
    dt: float = 0.03,
    lengths: tuple[Range, Range] = ((0.7, 1.0), (0.7, 1.0)),
    masses: tuple[Range, Range] = (1.0, (0.5, 1.0)),
    angle: Range = (-1.5, 1.5),
    speed: Range = (-0.5, 0.5),
    size: int = 32,
    irregular: bool = False,
    times: Any = None,
    seed: int = 0,
) -> Trajectories:
    """Film double pendulums: two point masses on weightless rods, no friction; chaotic where they swing far.

    Parameters
    ----------
    lengths, masses : pair, each float or (float, float)
        Of the upper and the lower rod in m, and of the masses at their ends in kg.
    angle, speed : float or (float, float)
        First angle of each rod in radians from hanging down, and its rate: drawn for both.
    n_trajectories, n_samples, dt, size, irregular, times, seed
        As of `pendulum_system`.

    Returns
    -------
    Trajectories
        Frames (time, size, size) in [0, 1], float32; the states are both angles, then both rates; parameters
        "length_1", "length_2", "mass_1", "mass_2".

    Raises
    ------
    InputError, ShapeError
        An argument cannot be used.

    Examples
    --------
    >>> from synfer.simulate import double_pendulum_system
    >>> double_pendulum_system(2, n_samples=5).sample_shape
    (32, 32)
    """
    times = sampling(n_trajectories, n_samples, dt, irregular, times, seed, values=_pixels(size))
    pairs = []
    for name, pair in (("lengths", lengths), ("masses", masses)):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"{name} must be a pair, of the upper and the lower part; got {pair!r}.")
        pairs.append([ends(f"{name}[{i}]", part, above=0.0) for i, part in enumerate(pair)])
    lengths_, masses_ = pairs
    angle, speed = ends("angle", angle), ends("speed", speed)

    def one(rng: np.random.Generator, t: np.ndarray, k: int) -> Realisation:
        l1, l2, m1, m2 = (rng.uniform(*part) for part in (*lengths_, *masses_))
        begin = np.concatenate([rng.uniform(*angle, 2), rng.uniform(*speed, 2)])
        states = integrated(_double_pendulum(l1, l2, m1, m2), begin, t, k)
        upper = l1 * np.stack([np.sin(states[:, 0]), -np.cos(states[:, 0])], axis=1)
        lower = upper + l2 * np.stack([np.sin(states[:, 1]), -np.cos(states[:, 1])], axis=1)
        frames = _rods(np.stack([upper, lower], axis=1), 1.1 * (lengths_[0][1] + lengths_[1][1]), size)
        return frames, states, {"length_1": l1, "length_2": l2, "mass_1": m1, "mass_2": m2}

    return realised(one, times, seed)


def lorenz96_system(
    n_trajectories: int = 200,
    n_samples: int = 60,
    *,
    dt: float = 0.05,
    n_units: int = 10,
    F: Range = (3.0, 9.0),
    warmup: float = 5.0,
    irregular: bool = False,
    times: Any = None,
    seed: int = 0,
) -> Trajectories:
    """Integrate Lorenz-96, dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F, each with a forcing of its own.

    The equation of `lorenz96_network`, without noise, at any times. Below F of about 4 waves travel around the ring;
    at 8 they are chaotic, and neighbouring states part e-fold in about 0.6 s (the model's unit of time is a second).

    Parameters
    ----------
    n_units : int
        Units on the ring, at least 4.
    F : float or (float, float)
        Forcing.
    warmup : float
        Seconds before time 0, from F plus normal numbers on.
    n_trajectories, n_samples, dt, irregular, times, seed
        As of `pendulum_system`.

    Returns
    -------
    Trajectories
        x (time, unit), float32; the states are x in float64; parameter "F".

    Raises
    ------
    InputError, ShapeError
        An argument cannot be used.

    Examples
    --------
    >>> from synfer.simulate import lorenz96_system
    >>> lorenz96_system(2, n_samples=5).sample_shape
    (10,)
    """
    n_units = checked_count("n_units", n_units, 4)
    times = sampling(n_trajectories, n_samples, dt, irregular, times, seed, values=n_units)
    forcing, warmup = ends("F", F), checked_number("warmup", warmup)
    if warmup < 0:
        raise InputError(f"warmup must be at least 0 seconds; got {warmup}.")

    def one(rng: np.random.Generator, t: np.ndarray, k: int) -> Realisation:
        f = rng.uniform(*forcing)
        states = integrated(
            lambda _, x: (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + f,
            f + rng.standard_normal(n_units),
            t + warmup,
            k,
        )
        return states.astype(np.float32), states, {"F": f}

    return realised(one, times, seed)


# ---- what all systems share

Realisation = tuple[np.ndarray, np.ndarray, dict[str, float]]
"""Values (time, ...), states (time, state), parameters."""


def ends(name: str, given: Any, *, least: float | None = None, above: float | None = None) -> tuple[float, float]:
    """Give a range as its two ends; refuse by name what is none, or leaves the numbers from ``least``, or above."""
    pair = given if isinstance(given, tuple | list) else (given, given)
    if len(pair) != 2:
        raise InputError(f"{name} must be a number, or a pair of them to draw between; got {given!r}.")
    low, high = (checked_number(name, end) for end in pair)
    if low > high:
        raise InputError(f"{name} must be a pair (low, high); got ({low}, {high}).")
    if (least is not None and low < least) or (above is not None and low <= above):
        limit = f"at least {least:g}" if least is not None else f"above {above:g}"
        raise InputError(f"{name} must be {limit}; got {low}.")
    return low, high


def sampling(
    n_trajectories: int, n_samples: int, dt: float, irregular: bool, times: Any, seed: int, *, values: int
) -> list[np.ndarray]:
    """Give the times of each trajectory, checked; ``values`` numbers each is what would have to be held."""
    n_trajectories, seed = checked_count("n_trajectories", n_trajectories, 1), checked_seed(seed)
    if times is None:
        n_samples, dt = checked_count("n_samples", n_samples, 2), checked_number("dt", dt)
        if dt <= 0:
            raise InputError(f"dt must be positive seconds; got {dt}.")
        regular = dt * np.arange(n_samples)
        made = [regular] * n_trajectories
        if checked_flag("irregular", irregular):
            # A key of their own: the same realisations, seen at other times.
            keys = np.random.SeedSequence([seed, 1]).spawn(n_trajectories)
            draws = (np.random.default_rng(key).uniform(0.0, regular[-1], n_samples - 1) for key in keys)
            made = [increasing(np.concatenate([[0.0], np.sort(draw)]), "times") for draw in draws]
    else:
        array = checked_numbers("times", times)
        if array.ndim not in (1, 2) or (array.ndim == 2 and len(array) != n_trajectories) or array.shape[-1] < 1:
            raise ShapeError(f"times must be (time,) or ({n_trajectories}, time), got {array.shape}.")
        made = [increasing(row, "times") for row in np.broadcast_to(array, (n_trajectories, array.shape[-1]))]
        if min(row[0] for row in made) < 0:
            raise InputError(f"times must be at least 0 seconds; got {min(row[0] for row in made):g}.")
    refuse_beyond_available(
        4 * values * sum(len(row) for row in made), "make fewer trajectories or samples", "the trajectories"
    )
    return made


def realised(
    one: Callable[[np.random.Generator, np.ndarray, int], Realisation], times: list[np.ndarray], seed: int
) -> Trajectories:
    """Make each realisation by ``one(generator, times, number)``: none depends on how many others there are."""
    keys = np.random.SeedSequence(seed).spawn(len(times))
    made = [one(np.random.default_rng(key), t, k) for k, (key, t) in enumerate(zip(keys, times, strict=True))]
    values, states, parameters = zip(*made, strict=True)
    columns = {name: np.array([each[name] for each in parameters]) for name in parameters[0]}
    return Trajectories(values, times, parameters=columns, states=states)


def integrated(
    slope: Callable[[float, np.ndarray], Any], begin: np.ndarray, times: np.ndarray, k: int, tolerance: float = 1e-9
) -> np.ndarray:
    """Integrate from 0 and give the states (time, state), by Dormand and Prince's scheme of order 8 (DOP853)."""
    if times[-1] == 0.0:
        return begin[None]
    with np.errstate(over="ignore", invalid="ignore"):  # said below
        solution = solve_ivp(
            slope, (0.0, times[-1]), begin, method="DOP853", t_eval=times, rtol=tolerance, atol=tolerance
        )
    if not solution.success or not np.isfinite(solution.y).all():
        raise SimulationDivergedError(f"trajectory {k} could not be integrated to {times[-1]:g} s: {solution.message}")
    states: np.ndarray = solution.y.T
    return states


def side(size: int) -> int:
    """Give the pixels along a side, checked."""
    return checked_count("size", size, SHORTEST_SIDE)


def _pixels(size: int) -> int:
    return side(size) ** 2


def _double_pendulum(l1: float, l2: float, m1: float, m2: float) -> Callable[[float, np.ndarray], list[float]]:
    """Give the equations of motion, of Lagrange's function: M(d) (a1'', a2'') = right-hand side, d = a1 - a2."""

    def slope(_: float, s: np.ndarray) -> list[float]:
        a1, a2, w1, w2 = s
        cos, sin = np.cos(a1 - a2), np.sin(a1 - a2)
        mass = np.array([[(m1 + m2) * l1, m2 * l2 * cos], [l1 * cos, l2]])
        push = np.array(
            [
                -m2 * l2 * sin * w2**2 - (m1 + m2) * GRAVITY * np.sin(a1),
                l1 * sin * w1**2 - GRAVITY * np.sin(a2),
            ]
        )
        det = mass[0, 0] * mass[1, 1] - mass[0, 1] * mass[1, 0]
        return [
            w1,
            w2,
            (push[0] * mass[1, 1] - push[1] * mass[0, 1]) / det,
            (push[1] * mass[0, 0] - push[0] * mass[1, 0]) / det,
        ]

    return slope


def _rods(joints: np.ndarray, reach: float, size: int) -> np.ndarray:
    """Draw rods from the origin over joints (time, joint, (x, y)), a bob at each, in a square of that reach.

    Brightness falls off as a bell curve with the distance from the rod (half a pixel) and the bob (1.2 pixels), so
    that frames change smoothly with the angles. Row 0 is the top.
    """
    centres = ((np.arange(size) + 0.5) / size * 2.0 - 1.0) * reach
    grid = np.stack(np.meshgrid(centres, -centres), axis=-1)  # (row, column, (x, y))
    pixel = 2.0 * reach / size
    frames = np.zeros((len(joints), size, size))
    start = np.zeros((len(joints), 2))
    for end in np.moveaxis(joints, 1, 0):
        along = (end - start)[:, None, None]
        away = grid - start[:, None, None]
        share = (away * along).sum(-1) / (along**2).sum(-1)
        nearest = np.clip(share, 0.0, 1.0)[..., None] * along
        rod = np.exp(-0.5 * ((away - nearest) ** 2).sum(-1) / (0.5 * pixel) ** 2)
        bob = np.exp(-0.5 * ((grid - end[:, None, None]) ** 2).sum(-1) / (1.2 * pixel) ** 2)
        frames = np.maximum(frames, np.maximum(0.5 * rod, bob))
        start = end
    return frames.astype(np.float32)
