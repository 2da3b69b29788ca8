"""Fields on a square, many realisations of each: reaction and diffusion, waves; periodic, space by Fourier's series."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import fft

from synfer.arguments import checked_number
from synfer.errors import InputError
from synfer.simulate.systems import Range, Realisation, ends, integrated, realised, sampling, side
from synfer.trajectories import Trajectories


def reaction_diffusion_system(
    n_trajectories: int = 200,
    n_samples: int = 60,
    *,
    dt: float = 0.1,
    beta: Range = (0.7, 1.3),
    diffusion: Range = (0.05, 0.15),
    width: float = 20.0,
    size: int = 32,
    irregular: bool = False,
    times: Any = None,
    seed: int = 0,
) -> Trajectories:
    """Film lambda-omega systems of reaction and diffusion, whose spirals turn for ever.

    ``u_t = (1 - A^2) u + beta A^2 v + d lap u``, ``v_t = -beta A^2 u + (1 - A^2) v + d lap v``, ``A^2 = u^2 + v^2`` on
    a periodic square. A realisation begins as a spiral of one arm, ``tanh(r) (cos, sin)(a - r + phase)`` about a centre
    of its own, in either sense; the seam of the periodic square is healed by diffusion.

    Parameters
    ----------
    beta, diffusion : float or (float, float)
        How the angular velocity falls with A^2, and d (in units of length^2 per second).
    width : float
        Length of the square's sides.
    n_trajectories, n_samples, dt, size, irregular, times, seed
        As of `pendulum_system`.

    Returns
    -------
    Trajectories
        Frames of u (time, size, size), float32, about within [-1, 1]; the states are u and v, flattened; parameters
        "beta", "diffusion".

    Raises
    ------
    InputError, ShapeError
        An argument cannot be used.

    Notes
    -----
    Kopell and Howard, "Plane wave solutions to reaction-diffusion equations", Studies in Applied Mathematics 52, 1973:
    with wave number k, A^2 = 1 - d k^2, and the phase turns at -beta A^2.

    Examples
    --------
    >>> from synfer.simulate import reaction_diffusion_system
    >>> reaction_diffusion_system(2, n_samples=5).sample_shape
    (32, 32)
    """
    size = side(size)
    times = sampling(n_trajectories, n_samples, dt, irregular, times, seed, values=5 * size**2)
    beta, diffusion = ends("beta", beta), ends("diffusion", diffusion, least=0.0)
    width = _positive("width", width)
    x, y = grid(size, width)

    def one(rng: np.random.Generator, t: np.ndarray, k: int) -> Realisation:
        b, d = rng.uniform(*beta), rng.uniform(*diffusion)
        centre, phase, sense = rng.uniform(-0.25, 0.25, 2) * width, rng.uniform(0, 2 * np.pi), rng.choice([-1, 1])
        dx, dy = x - centre[0], y - centre[1]
        r = np.hypot(dx, dy)
        angle = sense * np.arctan2(dy, dx) - r + phase
        begin = np.tanh(r) * np.stack([np.cos(angle), np.sin(angle)])
        states = react(begin, t, b, d, width, k)
        frames = states[:, : size**2].reshape(-1, size, size).astype(np.float32)
        return frames, states, {"beta": b, "diffusion": d}

    return realised(one, times, seed)


def wave_system(
    n_trajectories: int = 200,
    n_samples: int = 60,
    *,
    dt: float = 0.02,
    speed: Range = (0.7, 1.3),
    bump: Range = (0.07, 0.12),
    size: int = 32,
    irregular: bool = False,
    times: Any = None,
    seed: int = 0,
) -> Trajectories:
    """Film waves, u_tt = c^2 lap u, on a periodic unit square, from one or two bumps at rest.

    Parameters
    ----------
    speed : float or (float, float)
        c, in sides per second.
    bump : float or (float, float)
        Standard deviation of a bump, in sides. It should span two pixels and more.
    n_trajectories, n_samples, dt, size, irregular, times, seed
        As of `pendulum_system`.

    Returns
    -------
    Trajectories
        Frames of u (time, size, size), float32; the states are u and u_t, flattened; parameters "speed", "bump".

    Raises
    ------
    InputError, ShapeError
        An argument cannot be used.

    Examples
    --------
    >>> from synfer.simulate import wave_system
    >>> wave_system(2, n_samples=5).sample_shape
    (32, 32)
    """
    size = side(size)
    times = sampling(n_trajectories, n_samples, dt, irregular, times, seed, values=5 * size**2)
    speed, bump = ends("speed", speed, above=0.0), ends("bump", bump, above=0.0)
    x, y = grid(size, 1.0)

    def one(rng: np.random.Generator, t: np.ndarray, k: int) -> Realisation:
        c, s = rng.uniform(*speed), rng.uniform(*bump)
        begin = np.zeros((2, size, size))
        for _ in range(rng.integers(1, 3)):
            # Distance on the torus: to the nearest of a bump's copies.
            dx, dy = ((z - z0 + 0.5) % 1.0 - 0.5 for z, z0 in zip((x, y), rng.uniform(-0.5, 0.5, 2), strict=True))
            begin[0] += rng.choice([-1.0, 1.0]) * np.exp(-0.5 * (dx**2 + dy**2) / s**2)
        states = propagate(begin, t, c, 1.0, k)
        frames = states[:, : size**2].reshape(-1, size, size).astype(np.float32)
        return frames, states, {"speed": c, "bump": s}

    return realised(one, times, seed)


def grid(size: int, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Give x (along columns) and y (along rows) of the points of a square about the origin, each (size, size)."""
    at = (np.arange(size) / size - 0.5) * width
    x, y = np.meshgrid(at, at)
    return x, y


def react(begin: np.ndarray, times: np.ndarray, beta: float, d: float, width: float, k: int = 0) -> np.ndarray:
    """Integrate u and v (2, size, size) of the lambda-omega system; give (time, 2 size^2)."""
    minus_k2 = _laplacian(begin.shape[-1], width)

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        u, v = field = flat.reshape(begin.shape)
        a2 = u**2 + v**2
        out = (1.0 - a2) * field + beta * a2 * np.stack([v, -u])
        if d > 0.0:
            out += d * fft.irfft2(minus_k2 * fft.rfft2(field), s=field.shape[1:])
        return out.ravel()

    return integrated(slope, begin.ravel(), times, k, tolerance=1e-6)


def propagate(begin: np.ndarray, times: np.ndarray, speed: float, width: float, k: int = 0) -> np.ndarray:
    """Integrate u and u_t (2, size, size) of the wave equation; give (time, 2 size^2)."""
    minus_k2 = speed**2 * _laplacian(begin.shape[-1], width)

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        u, rate = flat.reshape(begin.shape)
        return np.stack([rate, fft.irfft2(minus_k2 * fft.rfft2(u), s=u.shape)]).ravel()

    return integrated(slope, begin.ravel(), times, k, tolerance=1e-6)


def _laplacian(size: int, width: float) -> np.ndarray:
    """Give -|k|^2 of each term of a real two-dimensional Fourier series."""
    k = 2.0 * np.pi / width * np.fft.fftfreq(size, 1.0 / size)
    half = 2.0 * np.pi / width * np.fft.rfftfreq(size, 1.0 / size)
    return -(k[:, None] ** 2 + half[None, :] ** 2)


def _positive(name: str, value: float) -> float:
    number = checked_number(name, value)
    if number <= 0:
        raise InputError(f"{name} must be positive; got {number}.")
    return number
