"""The simulator again, slow and obvious, in numpy: the twin that the compiled core is tested against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synfer.arguments import checked_seed
from synfer.errors import InputError
from synfer.network import Network
from synfer.recording import Recording
from synfer.simulate import rates
from synfer.simulate.autoregression import lagged_weights
from synfer.simulate.drives import as_sequence, names_of, signal_of, terms_of
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.neurons import model_of, packed_parameters, packed_state
from synfer.simulate.recorded import span_of
from synfer.simulate.reference_drive import MODEL_STREAM, normal_numbers, philox, term_references, words
from synfer.simulate.reference_neurons import STEPS, THRESHOLDS
from synfer.simulate.reference_rates import rates_reference
from synfer.simulate.reference_synapses import ReferenceSynapses

BYTES_OF_UNIT_STEP = 240
"""While random numbers are drawn; the signals of a step, twice for a moment, come on top."""

__all__ = ["normal_numbers", "philox", "run_reference"]


def _run_rates(
    network: Network, n_steps: int, dt: float, drive: Any, initial_state: Any, seed: int, packed: np.ndarray
) -> Recording:
    drives, acting = _acting(network, drive, n_steps, dt, seed)
    z = normal_numbers(seed, int(network.ids[0]), network.n_units, n_steps, MODEL_STREAM)
    state = rates.first_state(network, packed, initial_state, drives, seed)[0]
    p = dict(zip(model_of(network).defaults, packed[0], strict=True))
    x = rates_reference(network.model, p, state, lagged_weights(network)[0], acting["drive"], z, dt)
    return Recording({"x": x, **acting}, dt, unit_ids=network.unit_ids, t0=dt)


def _acting(
    network: Network, drive: Any, n_steps: int, dt: float, seed: int
) -> tuple[Sequence[Any], dict[str, np.ndarray]]:
    """Give what drives a network, and what it gives (time, unit): the sum as "drive", and each that has a name."""
    driven = network.drives if drive is None else drive
    terms_of(driven, network, dt, n_steps, np.dtype(np.float64))  # refuses what cannot be used
    drives, names = as_sequence(driven), names_of(driven)
    terms = term_references(network, drives, n_steps, dt, seed)
    alone = {signal_of(name): term for name, term in zip(names, terms, strict=True) if name is not None}
    return drives, {"drive": sum(terms, np.zeros((n_steps, network.n_units))), **alone}


def run_reference(
    network: Network,
    duration: float,
    dt: float = 1e-3,
    *,
    drive: Any = None,
    initial_state: Mapping[str, Any] | None = None,
    seed: int | None = None,
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
        The model's states, spikes where it has any, the drive and each drive that has a name, (time, unit). Of a
        spiking network, ``final_state`` holds the synapses, with the weights as they are in the end.

    Raises
    ------
    InputError, ShapeError, UnknownNameError
        It is a batch, or would not fit into memory; or as for `run`.
    """
    if not isinstance(network, Network) or network.n_networks is not None:
        raise InputError("network must be a Network without a network axis; take one of a batch by isel(network=...).")
    span, dt = span_of(duration, dt, 0.0, 1, 0)
    n_steps, seed = span.last, checked_seed(0 if seed is None else seed)
    if network.ids.max() >= 2**32:
        raise InputError(f"the network's ids must be below 2^32 to key its random draws; got {network.ids.max()}.")
    model, n = model_of(network), network.n_units
    n_signals = 2 * (len(model.states) + 1) + len(as_sequence(network.drives if drive is None else drive))
    needed = n_steps * n * (BYTES_OF_UNIT_STEP + 8 * n_signals) + 40 * n**2
    refuse_beyond_available(needed, "simulate fewer units or steps, or by run", "the slow twin")
    packed = packed_parameters(network, np.dtype(np.float64))
    if not model.spiking:
        return _run_rates(network, n_steps, dt, drive, initial_state, seed, packed)
    p = dict(zip(model.defaults, packed[0], strict=True))
    x = dict(zip(model.states, packed_state(network, packed, initial_state)[0], strict=True))
    _, acting = _acting(network, drive, n_steps, dt, seed)
    uniform = _uniform_numbers(seed, int(network.ids[0]), network.n_units, n_steps)
    synapses = ReferenceSynapses(network, p.get("tau"), dt * 1e3)
    spikes = np.zeros(network.n_units, bool)
    if model.name in THRESHOLDS:
        spikes = x["v"] >= p[THRESHOLDS[model.name]]
    rows: dict[str, list[np.ndarray]] = {name: [] for name in (*model.states, "spikes")}
    for k in range(n_steps):
        synapses.send(k - 1, spikes)
        current, conductance, jump = synapses.act(k)
        x, spikes = STEPS[model.name](p, x, acting["drive"][k] + current, conductance, dt * 1e3, uniform[k], jump)
        for name, values in (*x.items(), ("spikes", spikes.astype(np.uint8))):
            rows[name].append(values)
    synapses.send(n_steps - 1, spikes)
    signals = {name: np.stack(values) for name, values in rows.items()}
    recording = Recording({**signals, **acting}, dt, unit_ids=network.unit_ids, t0=dt)
    recording.final_state = synapses
    return recording


def _uniform_numbers(seed: int, network_id: int, n_units: int, n_steps: int) -> np.ndarray:
    """Give the numbers (time, unit) between 0 and 1 by which a model of chance decides: a word for each step."""
    drawn = words(seed, network_id, np.arange(n_units), n_steps, MODEL_STREAM)
    return (np.floor(drawn.swapaxes(1, 2).reshape(-1, n_units)[:n_steps] / 2) + 0.5) / 2**31
