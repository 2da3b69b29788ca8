"""The simulator again, slow and obvious, in numpy: the twin that the compiled core is tested against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from synfer.network import Network
from synfer.recording import Recording
from synfer.simulate import rates
from synfer.simulate.autoregression import lagged_weights
from synfer.simulate.neurons import model_of, packed_parameters, packed_state
from synfer.simulate.reference_drive import MODEL_STREAM, drive_reference, normal_numbers, philox
from synfer.simulate.reference_rates import rates_reference

__all__ = ["normal_numbers", "philox", "run_reference"]


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


def _run_rates(
    network: Network, duration: float, dt: float, drive: Any, initial_state: Any, seed: int, packed: np.ndarray
) -> Recording:
    drives = network.drives if drive is None else drive if isinstance(drive, list | tuple) else [drive]
    n_steps = round(duration / dt)
    acting = drive_reference(network, drives, n_steps, dt, seed)
    z = normal_numbers(seed, int(network.ids[0]), network.n_units, n_steps, MODEL_STREAM)
    state = rates.first_state(network, packed, initial_state, drives, seed)[0]
    p = dict(zip(model_of(network).defaults, packed[0], strict=True))
    x = rates_reference(network.model, p, state, lagged_weights(network)[0], acting, z, dt)
    return Recording({"x": x, "drive": acting}, dt, unit_ids=network.unit_ids, t0=dt)


STEPS: dict[str, Callable[..., dict[str, np.ndarray]]] = {"izhikevich": step_izhikevich}


def run_reference(
    network: Network,
    duration: float,
    dt: float = 1e-3,
    *,
    drive: Any = None,
    initial_state: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Recording:
    """Simulate one network as `run` does, in plain numpy and float64.

    Parameters
    ----------
    network : Network
        Without a network axis.
    duration, dt, drive, initial_state, seed
        As for `run`.

    Returns
    -------
    Recording
        The model's states, spikes where it has any, and the drive, (time, unit).
    """
    model = model_of(network)
    packed = packed_parameters(network, np.dtype(np.float64))
    if not model.spiking:
        return _run_rates(network, duration, dt, drive, initial_state, seed, packed)
    p = dict(zip(model.defaults, packed[0], strict=True))
    x = dict(zip(model.states, packed_state(network, packed, initial_state)[0], strict=True))
    n_steps = round(duration / dt)
    drives = network.drives if drive is None else drive if isinstance(drive, list | tuple) else [drive]
    acting = drive_reference(network, drives, n_steps, dt, seed)
    weight = network.connectome.weight
    assert weight is not None
    rows: dict[str, list[np.ndarray]] = {name: [] for name in (*model.states, "spikes")}
    for k in range(n_steps):
        current = acting[k] + weight.values @ (x["v"] >= p["threshold"])
        x = STEPS[model.name](p, x, current, dt * 1e3)
        for name, values in (*x.items(), ("spikes", (x["v"] >= p["threshold"]).astype(np.uint8))):
            rows[name].append(values)
    signals = {name: np.stack(values) for name, values in rows.items()}
    return Recording({**signals, "drive": acting}, dt, unit_ids=network.unit_ids, t0=dt)
