"""Run a network, or a batch of different networks, in the compiled core."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from synfer import _core
from synfer.errors import DelayWarning, InputError, ShapeError, SimulationDivergedError, UnknownNameError
from synfer.network import GaussianDrive, Network
from synfer.recording import Recording
from synfer.simulate.arguments import checked_count, checked_number, checked_numbers, checked_seed
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.neurons import model_of, packed_parameters, packed_state
from synfer.threads import n_threads as threads_for

SLICE_UNIT_STEPS = 2**26
"""Neuron-steps between two looks at signals and the progress bar, some tenths of a second."""
SLICE_MULTIPLE = 32
MOST_THREADS = 1024
"""More than any machine has; where the system refuses a thread, the OpenMP runtime ends the process."""


def run(
    network: Network,
    duration: float,
    dt: float = 1e-3,
    *,
    drive: GaussianDrive | Any | None = None,
    record: str | Sequence[str] = ("v",),
    initial_state: Mapping[str, Any] | None = None,
    seed: int = 0,
    dtype: str = "float32",
    n_threads: int | None = None,
    device: str = "cpu",
    out: Mapping[str, np.ndarray] | None = None,
) -> Recording:
    """Simulate a network for some time and give what was recorded.

    Random numbers depend on the seed, the network's id, the neuron and the step alone: the result is the same to the
    bit for any number of threads and however a batch is cut, for one build and instruction level.

    Parameters
    ----------
    network : Network
        One network, or a batch with a network axis.
    duration : float
        Seconds, positive; round(duration / dt) steps are taken, at least one.
    dt : float
        Step in seconds. It is the delay of the synapses, and the time for which a spike acts: the paper's networks
        are defined with its 1 ms, and with another step are other networks (`DelayWarning`).
    drive : GaussianDrive or array ([network,] time, unit), optional
        Replaces the network's own: other noise, or the very input of each neuron in each step (mean and noise both
        replaced by it; one array (time, unit) for a whole batch is shared by its networks).
    record : sequence of str
        Any of the model's states ("v", "u"), "spikes" (uint8, 1 where v is past the threshold after the step) and
        "drive" (what acted in the step, without synapses).
    initial_state : dict of str to array, optional
        Every state, each broadcastable to ([network,] unit). Default: the model's rest (v = -65 mV, u = b v).
    seed : int
        Of the drive's random numbers, 0 to 2^64 - 1. Networks of one id share their noise under one seed, and every
        single network has id 0 unless told otherwise: give each network a seed of its own here, as below.
    dtype : {"float32", "float64"}
        In which to simulate and record; float64 draws the same random numbers in more digits.
    n_threads : int, optional
        Networks simulated at a time, 1 to 1024; default torch's number of threads. A forked child takes one.
    device : {"cpu"}
        Where to simulate.
    out : dict of str to array, optional
        Where to record: arrays of the result's shape and dtype, in C order. Signals not in it get arrays of their own
        (whose memory is used again by later runs once nobody holds them).

    Returns
    -------
    Recording
        The states after each step: dims (time, unit), or (network, time, unit) with the networks' ids; t0 = dt.

    Raises
    ------
    SimulationDivergedError
        A state is no longer finite; names network, neuron and step.
    InputError, ShapeError, UnknownNameError
        An argument cannot be used, or the result would not fit into memory.

    Warns
    -----
    DelayWarning
        The connectome gives its synapses another delay than ``dt``.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, run
    >>> network = izhikevich_network(8, 2, p=0.4, seed=1)
    >>> run(network, duration=5.0, record=("v", "spikes"), seed=1)["v"].shape
    (5000, 10)
    """
    if not isinstance(network, Network):
        raise InputError(f"network must be a Network; got a {type(network).__name__}.")
    if not isinstance(device, str) or device != "cpu":
        raise InputError(f"device must be 'cpu': this build has no simulator for {device!r}.")
    if not isinstance(dtype, str | np.dtype) or dtype not in ("float32", "float64"):
        raise InputError(f"dtype must be 'float32' or 'float64'; got {dtype!r}.")
    kind = np.dtype(dtype)
    n_steps, dt = _steps(duration, dt)
    seed = checked_seed(seed)
    n_threads = threads_for(None if n_threads is None else checked_count("n_threads", n_threads, 1, MOST_THREADS))
    model = model_of(network)
    names = _signals(record, (*model.states, "spikes", "drive"))
    kinds = {name: np.dtype(np.uint8) if name == "spikes" else kind for name in names}
    n_networks, n_units = network.n_networks or 1, network.n_units
    if network.ids.max() >= 2**32:
        raise InputError(f"the network's ids must be below 2^32 to key its random draws; got {network.ids.max()}.")

    given = _given_arrays(out, kinds, _shape(network, n_steps))
    per_sample = sum(kinds[name].itemsize for name in names if name not in given)
    # The weights once for all networks, once more for those being simulated, and unpacked where they are a list.
    dense = (n_networks + min(n_threads, n_networks)) * kind.itemsize
    dense += 3 * 8 if network.connectome.layout == "edges" else 0
    refuse_beyond_available(
        n_networks * n_units * n_steps * per_sample + n_units**2 * dense,
        "record fewer signals, simulate fewer networks at once or for less time",
    )
    noise, replayed = _drive(network.drive if drive is None else drive, network, n_steps, kind)
    parameters = packed_parameters(network, kind)
    state = packed_state(network, parameters, initial_state)
    weights = _weights(network, kind)
    _warn_of_delays(network, dt)
    signals = {
        name: given[name] if name in given else _core.empty(_shape(network, n_steps), kinds[name]) for name in names
    }

    rows = max(SLICE_UNIT_STEPS // (n_networks * n_units) // SLICE_MULTIPLE, 1) * SLICE_MULTIPLE
    with tqdm(
        total=n_steps, unit="step", desc="simulate", leave=False, disable=True if n_steps <= rows else None
    ) as bar:
        for begin in range(0, n_steps, rows):
            end = min(begin + rows, n_steps)
            diverged = _core.simulate(
                model=model.name,
                parameters=parameters,
                state=state,
                weights=weights,
                ids=network.ids.astype(np.uint32),
                drive=replayed,
                mean=noise.mean,
                deviation=math.sqrt(noise.variance),
                seed=seed,
                dt_ms=dt * 1e3,
                n_steps=n_steps,
                begin=begin,
                end=end,
                record={name: array.reshape(n_networks, n_steps, n_units) for name, array in signals.items()},
                n_threads=n_threads,
            )
            if diverged is not None:
                _refuse_diverged(network, diverged, dt)
            bar.update(end - begin)

    units = {**model.units_of_measure, "spikes": "1", "drive": "mV/ms"}
    return Recording(
        signals,
        dt,
        unit_ids=network.unit_ids,
        leading=None if network.n_networks is None else "network",
        leading_ids=None if network.n_networks is None else network.ids,
        t0=dt,
        units_of_measure={name: units[name] for name in names},
        provenance={
            "made_by": "synfer.simulate.run",
            "model": model.name,
            "seed": seed,
            "dtype": kind.name,
            "drive": "replayed" if replayed is not None else repr(noise),
            "instruction_level": _core.instruction_level(),
            **({"network": int(network.ids[0])} if network.n_networks is None else {}),
        },
    )


def _steps(duration: Any, dt: Any) -> tuple[int, float]:
    """Give the number of steps, and dt as a float."""
    duration, dt = checked_number("duration", duration), checked_number("dt", dt)
    for name, value in (("duration", duration), ("dt", dt)):
        if value <= 0:
            raise InputError(f"{name} must be positive seconds; got {value}.")
    n_steps = duration / dt
    if not 0.5 < n_steps < 2**34 - 1:  # the draws' counter holds no more
        raise InputError(f"duration / dt must be 1 to 2^34 steps; got {duration} / {dt}.")
    return round(n_steps), dt


def _signals(record: Any, known: tuple[str, ...]) -> list[str]:
    if not isinstance(record, str | Iterable):
        raise InputError(f"record must be names of signals, such as ('v', 'spikes'); got {record!r}.")
    names = [record] if isinstance(record, str) else list(dict.fromkeys(map(str, record)))
    for name in names:
        if name not in known:
            raise UnknownNameError.of("record: signal", name, known)
    if not names:
        raise InputError(f"record must name at least one signal of {', '.join(known)}.")
    return names


def _shape(network: Network, n_steps: int) -> tuple[int, ...]:
    return (*(() if network.n_networks is None else (network.n_networks,)), n_steps, network.n_units)


def _symbols(network: Network) -> str:
    return "(time, unit)" if network.n_networks is None else "(network, time, unit)"


def _given_arrays(
    out: Mapping[str, np.ndarray] | None, kinds: Mapping[str, np.dtype], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    if out is not None and not isinstance(out, Mapping):
        raise InputError(f"out must be a dict of recorded signal to array; got a {type(out).__name__}.")
    given = dict(out or {})
    for name, array in given.items():
        if name not in kinds:
            raise UnknownNameError.of("out: recorded signal", str(name), kinds)
        if not isinstance(array, np.ndarray) or array.dtype != kinds[name]:
            got = array.dtype if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
            raise InputError(f"out[{name!r}] must be a numpy array of {kinds[name]}; got {got}.")
        if array.shape != shape:
            symbols = "(network, time, unit)" if len(shape) == 3 else "(time, unit)"
            raise ShapeError(f"out[{name!r}] must have shape {symbols} = {shape}; got {array.shape}.")
        if not (array.flags.c_contiguous and array.flags.writeable and array.flags.aligned):
            raise InputError(f"out[{name!r}] must be writeable, aligned and in C order.")
    pairs = [(one, two) for one in given for two in given if one < two]
    for one, two in pairs:
        if np.may_share_memory(given[one], given[two]):
            raise InputError(f"out[{one!r}] and out[{two!r}] must not share memory.")
    return given


def _drive(
    drive: GaussianDrive | Any, network: Network, n_steps: int, kind: np.dtype
) -> tuple[GaussianDrive, np.ndarray | None]:
    """Give the noise, and the replayed array that takes its place where there is one."""
    if isinstance(drive, GaussianDrive):
        return drive, None
    given = checked_numbers("drive", drive)
    full = _shape(network, n_steps)
    if given.shape not in (full, full[-2:]):
        shared = "" if len(full) == 2 else f", or (time, unit) = {full[-2:]}"
        raise ShapeError(f"drive must have shape {_symbols(network)} = {full}{shared}; got {given.shape}.")
    if given.dtype != kind or not given.flags.c_contiguous:
        refuse_beyond_available(
            given.size * kind.itemsize, f"give the drive in {kind} and C order, so that it is not copied"
        )
    with np.errstate(over="ignore"):
        replayed = np.require(given, kind, ["C", "ALIGNED"])
    if not np.isfinite(replayed.sum(dtype=np.float64)):  # cheap; overflow alone is no fault
        where = np.argwhere(~np.isfinite(replayed))
        if len(where):
            raise InputError(f"drive must be finite in {kind}; it is not at index {tuple(where[0].tolist())}.")
    return GaussianDrive(0.0, 0.0), replayed


def _weights(network: Network, kind: np.dtype) -> np.ndarray:
    """Give the wiring as (network, target, source)."""
    weight = network.connectome.to_matrix().weight
    assert weight is not None
    with np.errstate(over="ignore"):
        weights = np.require(weight.values, kind, ["C", "ALIGNED"])
    if not np.all(np.isfinite(weights)):
        where = tuple(np.argwhere(~np.isfinite(weights))[0].tolist())
        raise InputError(f"the connectome's weights must be finite in {kind}; that at {where} is not.")
    return weights.reshape(network.n_networks or 1, network.n_units, network.n_units)


def _warn_of_delays(network: Network, dt: float) -> None:
    """Warn where a synapse is said to have another delay than the step gives it."""
    weight, delay = network.connectome.weight, network.connectome.delay
    if weight is None or delay is None:
        return
    said = delay.values[(weight.values != 0) & np.isfinite(delay.values)]
    other = said[np.abs(said - dt) > 1e-6 * dt]
    if other.size:
        warnings.warn(
            f"dt = {dt:g} s is another delay than the connectome's {other[0]:g} s: a spike acts one step later and for "
            f"one step, so that this is another network than the connectome describes. Take dt={other[0]:g}, for which "
            "the network was made, or make a Network whose connectome has this delay, or none.",
            DelayWarning,
            stacklevel=3,
        )


def _refuse_diverged(network: Network, diverged: tuple[int, int, int], dt: float) -> None:
    which, unit, step = diverged
    raise SimulationDivergedError(
        f"network {network.ids[which]}: the state of neuron {network.unit_ids[unit]} is not finite after step {step} "
        f"(t = {(step + 1) * dt:.6g} s): take weaker weights or drive, a smaller dt, or check the neuron's parameters."
    )
