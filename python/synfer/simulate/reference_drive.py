"""Random numbers and drives again, slow and obvious, in numpy and float64: the twins of csrc/simulator/cpu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.stats

from synfer.network import Drive, Network

DRIVE_STREAM, MODEL_STREAM = 0, 64
SHARED_UNIT = 2**32 - 1


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox4x32-10 (Salmon et al. 2011) of counters (..., 4) of uint32 under a key of two 32-bit words."""
    w0, w1, w2, w3 = np.moveaxis(counter.astype(np.uint64), -1, 0)
    low = np.uint64(0xFFFFFFFF)
    for turn in range(10):
        key0 = np.uint64((key[0] + turn * 0x9E3779B9) % 2**32)
        key1 = np.uint64((key[1] + turn * 0xBB67AE85) % 2**32)
        even, odd = np.uint64(0xD2511F53) * w0, np.uint64(0xCD9E8D57) * w2
        w0, w1, w2, w3 = (odd >> np.uint64(32)) ^ w1 ^ key0, odd & low, (even >> np.uint64(32)) ^ w3 ^ key1, even & low
    return np.stack([w0, w1, w2, w3], axis=-1).astype(np.uint32)


def words(seed: int, network_id: int, units: np.ndarray, n_steps: int, stream: int) -> np.ndarray:
    """Give the random words (block, unit, 4) of n_steps steps: counter (network id, unit, step // 4, stream)."""
    blocks = -(-n_steps // 4)
    counter = np.zeros((blocks, len(units), 4), np.uint32)
    counter[..., 0], counter[..., 3] = network_id, stream
    counter[..., 1], counter[..., 2] = units, np.arange(blocks)[:, None]
    return philox(counter, (seed % 2**32, seed >> 32))


def normal_numbers(
    seed: int, network_id: int, n_units: int, n_steps: int, stream: int = DRIVE_STREAM, units: Any = None
) -> np.ndarray:
    """Give standard normal numbers (time, unit), by Box and Muller: two pairs, four steps, of each block."""
    drawn = words(seed, network_id, np.arange(n_units) if units is None else units, n_steps, stream)
    x = (np.floor(drawn[..., 0::2] / 2) + 0.5) / 2**31
    theta = 2 * np.pi * drawn[..., 1::2].astype(np.float64) / 2**32
    radius = np.sqrt(-2 * np.log(x))
    pairs = np.stack([radius * np.cos(theta), radius * np.sin(theta)], axis=-1)  # (block, unit, pair, 2)
    return _by_step(pairs.reshape(*drawn.shape), n_steps)


def _by_step(numbers: np.ndarray, n_steps: int) -> np.ndarray:
    """(block, unit, 4) to (time, unit)."""
    return numbers.swapaxes(1, 2).reshape(-1, numbers.shape[1])[:n_steps]


def _process(z: np.ndarray, tau: Any, dt: float) -> np.ndarray:
    """Ornstein-Uhlenbeck processes of variance 1 (time, unit) from standard normal numbers."""
    y = np.empty_like(z)
    with np.errstate(divide="ignore"):
        e = np.exp(-dt / np.asarray(tau, np.float64))
    y[0] = z[0]
    for k in range(1, len(z)):
        y[k] = e * y[k - 1] + np.sqrt(1 - e**2) * z[k]
    return y


def _gaussian(d: Any, draw: Callable, times: np.ndarray, dt: float) -> np.ndarray:
    return d.mean + np.sqrt(d.variance) * draw()


def _white_noise(d: Any, draw: Callable, times: np.ndarray, dt: float) -> np.ndarray:
    return d.mean + d.intensity * dt**-0.5 * draw()


def _ornstein_uhlenbeck(d: Any, draw: Callable, times: np.ndarray, dt: float) -> np.ndarray:
    return d.mean + d.deviation * _process(draw(), d.tau, dt)


def _poisson(d: Any, draw: Callable, times: np.ndarray, dt: float) -> np.ndarray:
    uniform = draw(raw=True).astype(np.float64) / 2**32
    return d.weight * scipy.stats.poisson.ppf(uniform + 2.0**-33, np.asarray(d.rate) * dt)


def _step(d: Any, draw: Callable, times: np.ndarray, dt: float) -> np.ndarray:
    on = (times[:, None] > np.asarray(d.start) - 1e-6 * dt) & (times[:, None] < np.asarray(d.stop) - 1e-6 * dt)
    return np.where(on, d.amplitude, 0.0)


def _sine(d: Any, draw: Callable, times: np.ndarray, dt: float) -> np.ndarray:
    return d.mean + d.amplitude * np.sin(2 * np.pi * np.asarray(d.frequency) * times[:, None] + d.phase)


def _shared(d: Any, draw: Callable, times: np.ndarray, dt: float) -> np.ndarray:
    z = draw(units=[SHARED_UNIT])
    return d.strength * (_process(z, np.max(d.tau), dt) if np.any(d.tau) else z)


KINDS: dict[str, Callable[..., np.ndarray]] = {
    "gaussian": _gaussian,
    "white_noise": _white_noise,
    "ornstein_uhlenbeck": _ornstein_uhlenbeck,
    "poisson": _poisson,
    "step": _step,
    "sine": _sine,
    "shared": _shared,
}


def drive_reference(
    network: Network, drives: Sequence[Drive | np.ndarray], n_steps: int, dt: float, seed: int
) -> np.ndarray:
    """Give what drives a single network in steps 0 to n_steps - 1, (time, unit): the sum of its drives and arrays."""
    return sum(term_references(network, drives, n_steps, dt, seed), np.zeros((n_steps, network.n_units)))


def term_references(
    network: Network, drives: Sequence[Drive | np.ndarray], n_steps: int, dt: float, seed: int
) -> list[np.ndarray]:
    """Give what each of the drives of a single network gives by itself, (time, unit)."""
    terms, shape, times = [], (n_steps, network.n_units), dt * np.arange(n_steps)
    for place, drive in enumerate(drives):
        if not isinstance(drive, Drive):
            terms.append(np.asarray(drive, np.float64))
            continue

        def draw(units: Any = None, raw: bool = False, stream: int = DRIVE_STREAM + place) -> np.ndarray:
            units = np.arange(network.n_units) if units is None else np.asarray(units)
            if raw:
                return _by_step(words(seed, int(network.ids[0]), units, n_steps, stream), n_steps)
            return normal_numbers(seed, int(network.ids[0]), len(units), n_steps, stream, units)

        terms.append(np.broadcast_to(KINDS[drive.kind](drive, draw, times, dt), shape))
    return terms
