"""Run a network, or a batch of different networks, in the compiled core."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from synfer import _core
from synfer.errors import DelayWarning, InputError, SimulationDivergedError
from synfer.network import Drive, Network
from synfer.recording import Recording
from synfer.simulate import drives, rates, recorded
from synfer.simulate.arguments import checked_count, checked_seed
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.neurons import NeuronModel, model_of, packed_parameters, packed_state
from synfer.simulate.state import State
from synfer.threads import n_threads as threads_for

MOST_THREADS = 1024
"""More than any machine has; where the system refuses a thread, the OpenMP runtime ends the process."""


def run(
    network: Network,
    duration: float,
    dt: float = 1e-3,
    *,
    drive: Drive | Any | Sequence[Any] | None = None,
    record: str | Sequence[str] | None = None,
    every: int = 1,
    warmup: float = 0.0,
    spikes: str = "raster",
    initial_state: Mapping[str, Any] | State | None = None,
    seed: int | None = None,
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
        Seconds that are recorded, positive; round(duration / dt) steps, at least one.
    dt : float
        Step in seconds. It is the delay of the synapses, and the time for which a spike acts: the paper's networks
        are defined with its 1 ms, and with another step are other networks (`DelayWarning`).
    drive : Drive, array ([network,] time, unit), or sequence of these, optional
        Replaces the network's own: other noise, or the very input of each neuron in each step of this run (warm-up
        included; one array (time, unit) for a whole batch is shared by its networks). Several add up; an empty
        sequence is none. What acted is recorded as signal "drive": given back as an array it acts again to the bit,
        and beside the states in one Recording it is the known stimulus that a forecast or an estimator may be given.
    record : sequence of str, optional
        Any of the model's states ("v", "u"; "x" of units without spikes), "spikes" (uint8, 1 where v is past the
        threshold after the step) and "drive" (what acted in the step, without synapses). Default: the first state.
    every : int
        Record after every so many steps: states and drive of that step, spikes counted since the row before (up to 255
        steps; more with ``spikes="events"``).
    warmup : float
        Seconds simulated before the recording begins, and not recorded; times are still counted from the beginning.
    spikes : {"raster", "events"}
        With "events" the recording holds the spikes of signal "spikes" one by one besides, at the time of each step
        (`Recording.spike_times`), however coarse its rows.
    initial_state : dict of str to array, State, or "stationary", optional
        Every state, each broadcastable to ([network,] unit). Default: the model's rest (v = -65 mV, u = b v; x = 0). Or
        the ``final_state`` of a recording, to go on where that ended, to the bit as if it never had. A vector
        autoregression may begin with a "stationary" state drawn for it.
    seed : int, optional
        Of the random numbers, 0 to 2^64 - 1; default 0, or that of the state gone on from. Networks of one id share
        their noise under one seed, and every single network has id 0 unless told otherwise: give each network a seed
        of its own here, as below.
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
        The states after each ``every`` steps: dims (time, unit), or (network, time, unit) with the networks' ids;
        t0 = warmup + every x dt. Its ``final_state`` is a `State`.

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
    resumed = initial_state if isinstance(initial_state, State) else None
    first = 0 if resumed is None else resumed.step
    span, dt = recorded.span_of(duration, dt, warmup, every, first)
    seed = checked_seed((0 if resumed is None else resumed.seed) if seed is None else seed)
    n_threads = threads_for(None if n_threads is None else checked_count("n_threads", n_threads, 1, MOST_THREADS))
    model = model_of(network)
    known = (*model.states, *(("spikes",) if model.spiking else ()), "drive")
    names = recorded.checked_signals(model.states[:1] if record is None else record, known)
    spike_dtype = recorded.spike_dtype(names, span.every, spikes)
    kinds = {name: spike_dtype if name == "spikes" else kind for name in names}
    n_networks, n_units = network.n_networks or 1, network.n_units
    if network.ids.max() >= 2**32:
        raise InputError(f"the network's ids must be below 2^32 to key its random draws; got {network.ids.max()}.")

    shape = recorded.shape_of(network, span.n_rows)
    given = recorded.given_arrays(out, kinds, shape)
    per_sample = sum(kinds[name].itemsize for name in names if name not in given)
    results = n_networks * n_units * span.n_rows * per_sample
    wired: dict[str, Any]
    if model.spiking:
        # The weights once for all networks, once more for those being simulated, and unpacked where they are a list.
        dense = (n_networks + min(n_threads, n_networks)) * kind.itemsize
        dense += 3 * 8 if network.connectome.layout == "edges" else 0
        refuse_beyond_available(
            results + n_units**2 * dense, "record fewer signals, simulate fewer networks at once or for less time"
        )
        wired = {"weights": _weights(network, kind), "dt_ms": dt * 1e3}
        _warn_of_delays(network, dt)
    else:
        wired = {"coupling": rates.coupled(network, kind, None, results)[0], "dt": dt}
    driven = network.drives if drive is None else drive
    terms = drives.terms_of(driven, network, dt, span.last - span.first, kind)
    parameters = packed_parameters(network, kind)
    remembered = _remembered(network, model, parameters, terms, initial_state, dt, seed, driven)
    signals = {name: given[name] if name in given else _core.empty(shape, kinds[name]) for name in names}
    rows = {name: array.reshape(n_networks, span.n_rows, n_units) for name, array in signals.items()}
    events = recorded.EventList(span, dt, rows.pop("spikes")) if spikes == "events" else None

    slices = list(span.slices(n_networks * n_units))
    n_steps = span.last - span.first
    with tqdm(
        total=n_steps, unit="step", desc="simulate", leave=False, disable=True if len(slices) == 1 else None
    ) as bar:
        for begin, end in slices:
            raster = None if events is None else events.raster(begin, end)
            if model.spiking:
                wired["raster"] = raster
            diverged = (_core.simulate if model.spiking else _core.simulate_rates)(
                model=model.name,
                parameters=parameters,
                state=remembered["state"],
                ids=network.ids.astype(np.uint32),
                drive=[term.bound() for term in terms],
                seed=seed,
                first=span.first,
                last=span.last,
                begin=begin,
                end=end,
                record=rows,
                record_from=span.kept,
                every=span.every,
                n_threads=n_threads,
                **wired,
            )
            if diverged is not None:
                _refuse_diverged(network, diverged, dt)
            if events is not None and raster is not None:
                events.add(raster, end)
            bar.update(end - begin)

    units = {**model.units_of_measure, "spikes": "1", "drive": "mV/ms" if model.spiking else "1"}
    recording = Recording(
        signals,
        span.every * dt,
        unit_ids=network.unit_ids,
        leading=None if network.n_networks is None else "network",
        leading_ids=None if network.n_networks is None else network.ids,
        t0=(span.kept + span.every) * dt,
        units_of_measure={name: units[name] for name in names},
        provenance={
            "made_by": "synfer.simulate.run",
            "model": model.name,
            "seed": seed,
            "dtype": kind.name,
            "drive": drives.shown(driven),
            "instruction_level": _core.instruction_level(),
            **({"network": int(network.ids[0])} if network.n_networks is None else {}),
        },
        events=None if events is None else events.events(network.n_networks is not None),
    )
    recording.final_state = State(model.name, network.ids, span.last, dt, seed, remembered)
    return recording


def _remembered(
    network: Network,
    model: NeuronModel,
    parameters: np.ndarray,
    terms: list[drives.Term],
    initial_state: Any,
    dt: float,
    seed: int,
    driven: Any,
) -> dict[str, np.ndarray]:
    """Give the arrays of a `State` before the first step, those of the drives being what the terms write to."""
    given = None if isinstance(initial_state, State) else initial_state
    if model.spiking:
        anew = packed_state(network, parameters, given)
    else:
        anew = rates.first_state(network, parameters, given, drives.as_sequence(driven), seed)
    arrays = {"state": anew}
    arrays |= {f"drive{place}": term.state for place, term in enumerate(terms) if term.state is not None}
    if isinstance(initial_state, State):
        initial_state.refuse_other(network, dt, {name: array.shape for name, array in arrays.items()})
        for name, array in arrays.items():
            array[...] = initial_state.arrays[name]
    return arrays


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
