"""The simulator again, slow and obvious, in numpy: the twin that the compiled core is tested against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from synfer.network import Network
from synfer.recording import Recording
from synfer.simulate.neurons import model_of, packed_parameters, packed_state

DRIVE_STREAM = 0


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


def normal_numbers(seed: int, network_id: int, n_units: int, n_steps: int) -> np.ndarray:
    """Give the standard normal numbers (time, unit) that drive a network, by Box and Muller's transform.

    The counter (network id, unit, step // 4, stream) gives four words, two pairs, the numbers of four steps.
    """
    blocks = -(-n_steps // 4)
    counter = np.zeros((blocks, n_units, 4), np.uint32)
    counter[..., 0], counter[..., 3] = network_id, DRIVE_STREAM
    counter[..., 1], counter[..., 2] = np.arange(n_units), np.arange(blocks)[:, None]
    words = philox(counter, (seed % 2**32, seed >> 32))
    x = (np.floor(words[..., 0::2] / 2) + 0.5) / 2**31
    theta = 2 * np.pi * words[..., 1::2].astype(np.float64) / 2**32
    radius = np.sqrt(-2 * np.log(x))
    pairs = np.stack([radius * np.cos(theta), radius * np.sin(theta)], axis=-1)  # (block, unit, pair, 2)
    return pairs.reshape(blocks, n_units, 4).swapaxes(1, 2).reshape(4 * blocks, n_units)[:n_steps]


def step_izhikevich(
    p: Mapping[str, np.ndarray], x: Mapping[str, np.ndarray], current: np.ndarray, dt_ms: float
) -> dict[str, np.ndarray]:
    """Take one step of Izhikevich's model as published: reset, two half steps of v, one of u."""
    fired = x["v"] >= p["threshold"]
    v, u = np.where(fired, p["c"], x["v"]), np.where(fired, x["u"] + p["d"], x["u"])
    for _ in range(2):
        v = v + 0.5 * dt_ms * (p["quadratic"] * v**2 + p["linear"] * v + p["constant"] - u + current)
    u = u + dt_ms * p["a"] * (p["b"] * v - u)
    return {"v": v, "u": u}


STEPS: dict[str, Callable[..., dict[str, np.ndarray]]] = {"izhikevich": step_izhikevich}


def run_reference(
    network: Network,
    duration: float,
    dt: float = 1e-3,
    *,
    drive: np.ndarray | None = None,
    initial_state: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Recording:
    """Simulate one network as `run` does, in plain numpy and float64.

    Parameters
    ----------
    network : Network
        Without a network axis.
    duration, dt, drive, initial_state, seed
        As for `run`; the drive, where given, is an array (time, unit).

    Returns
    -------
    Recording
        Signals v, u, spikes and drive, (time, unit).
    """
    model = model_of(network)
    packed = packed_parameters(network, np.dtype(np.float64))
    p = dict(zip(model.defaults, packed[0], strict=True))
    x = dict(zip(model.states, packed_state(network, packed, initial_state)[0], strict=True))
    n_steps = round(duration / dt)
    if drive is None:
        z = normal_numbers(seed, int(network.ids[0]), network.n_units, n_steps)
        drive = network.drive.mean + np.sqrt(network.drive.variance) * z
    weight = network.connectome.weight
    assert weight is not None
    rows: dict[str, list[np.ndarray]] = {name: [] for name in (*model.states, "spikes")}
    for k in range(n_steps):
        current = drive[k] + weight.values @ (x["v"] >= p["threshold"])
        x = STEPS[model.name](p, x, current, dt * 1e3)
        for name, values in (*x.items(), ("spikes", (x["v"] >= p["threshold"]).astype(np.uint8))):
            rows[name].append(values)
    signals = {name: np.stack(values) for name, values in rows.items()}
    return Recording({**signals, "drive": drive}, dt, unit_ids=network.unit_ids, t0=dt)
