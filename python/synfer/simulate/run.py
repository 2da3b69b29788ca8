"""Run a network, or a batch of different networks, in the compiled core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from synfer import _core
from synfer.errors import InputError, SimulationDivergedError
from synfer.network import Drive, Network
from synfer.recording import Recording
from synfer.simulate import cuda, drives, rates, recorded
from synfer.simulate.arguments import checked_count, checked_seed
from synfer.simulate.fingerprint import Fingerprint, fingerprint_of
from synfer.simulate.neurons import NeuronModel, model_of, packed_parameters, packed_state
from synfer.simulate.state import State
from synfer.simulate.steps import warn_of_step
from synfer.simulate.watch import Watch
from synfer.simulate.wires import Wires, wires_of
from synfer.threads import n_threads as threads_for

MOST_THREADS = 1024
"""More than any machine has; where the system refuses a thread, the OpenMP runtime ends the process."""
UNITS_PER_THREAD = 16384
"""Units of one network that are worth a thread: with fewer, waiting for the others takes longer than they save."""


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
    layout: str | None = None,
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
        Step in seconds. Delays are whole numbers of it, at least one; through delta synapses a spike acts for one step,
        so that the paper's networks, defined with 1 ms, are other networks with another step (`DelayWarning`). The
        default is for them; some models need a smaller one (`StepWarning`).
    drive : Drive, array ([network,] time, unit), or sequence or dict of name to these, optional
        Replaces the network's own: other noise, or the very input of each neuron in each step of this run (warm-up
        included; one array (time, unit) for a whole batch is shared by its networks). Several add up; an empty
        sequence is none. What acted is recorded as signal "drive": given back as an array it acts again to the bit,
        and beside the states in one Recording it is the known stimulus that a forecast or an estimator may be given.
    record : sequence of str, optional
        Any of the model's states (``synfer.simulate.neurons.MODELS[network.model].states``, the same as of
        ``initial_state``; "x" of units without spikes), "spikes" (uint8, 1 in the step of a spike), "drive" (what
        acted in the step, without synapses) and "drive_<name>" (what the drive of that name gave by itself: of
        ``{"stimulus": array, "noise": GaussianDrive(5, 5)}`` "drive_stimulus" is the known stimulus without the noise).
        Default: the first state.
    every : int
        Record after every so many steps: states and drive of that step, spikes counted since the row before (up to 255
        steps; more with ``spikes="events"``).
    warmup : float
        Seconds simulated before the recording begins, and not recorded; times are still counted from the beginning.
    spikes : {"raster", "events"}
        With "events" the recording holds the spikes of signal "spikes" one by one besides, at the time of each step
        (`Recording.spike_times`), however coarse its rows.
    initial_state : dict of str to array, State, or "stationary", optional
        States, each broadcastable to ([network,] unit). One that is not given is as at the model's rest, the default
        (gates at rest at the rest's v, whatever v is given; of units without spikes x = 0, of Lorenz-96 numbers around
        F). Or the ``final_state`` of a recording, to go on where that ended, to the bit as if it never had. A vector
        autoregression may begin with a "stationary" state drawn for it.
    seed : int, optional
        Of the random numbers, 0 to 2^64 - 1; default 0, or that of the state gone on from. Networks of one id share
        their noise under one seed, and every single network has id 0 unless it was made with another
        (``Network(..., ids=7)``): give each network an id of its own, or each run a seed. The networks of a batch have
        ids of their own.
    dtype : {"float32", "float64"}
        In which to simulate and record; float64 draws the same random numbers in more digits.
    n_threads : int, optional
        Threads, 1 to 1024; default torch's number. They share networks, or the units of one large network. A forked
        child takes one.
    device : {"cpu", "cuda", "cuda:1", ...}
        Where to simulate. On a CUDA device the recording's signals are torch tensors there, and stay there;
        ``final_state`` is brought back. Izhikevich and LIF neurons with delta or exponential synapses of one delay, and
        units without spikes coupled over one lag, of up to 1,024 units a network, driven by one Gaussian drive or none,
        in float32, are simulated there; all else is refused by name. (Those kernels are tested under emulation and have
        never run on a device.)
    out : dict of str to array, optional
        Where to record: arrays of the result's shape and dtype, in C order. Signals not in it get arrays of their own
        (whose memory is used again by later runs once nobody holds them).
    layout : {"dense", "sparse"}, optional
        How the wiring is held: all pairs, or a list of edges, with a cost that grows with the spikes that arrive (of
        units without spikes, with the edges). The default takes the quicker by number of units and of edges; no result
        depends on it.

    Returns
    -------
    Recording
        The states after each ``every`` steps: dims (time, unit), or (network, time, unit) with the networks' ids;
        t0 = warmup + every x dt. Its ``final_state`` is a `State`.

    Raises
    ------
    SimulationDivergedError
        A state is no longer finite; names network, unit and step.
    InputError, ShapeError, UnknownNameError
        An argument cannot be used, or the result would not fit into memory.
    DeviceError
        The device is not there, has no kernel for something asked for, or too little memory.

    Warns
    -----
    DelayWarning
        A delay of the connectome is not a whole number of steps and is rounded, or the connectome has delta synapses
        made for another ``dt``; or delays of units without spikes count steps of another ``dt``.
    StepWarning
        ``dt`` is too large for the model: more than 0.25 ms for Hodgkin-Huxley and adaptive exponential neurons. Or a
        refractory time is not a whole number of steps and is rounded; or leaky units have a time constant below ``dt``.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, run
    >>> network = izhikevich_network(8, 2, p=0.4, seed=1)
    >>> run(network, duration=5.0, record=("v", "spikes"), seed=1)["v"].shape
    (5000, 10)
    """
    return watched_run(
        None, network, duration, dt, drive=drive, record=record, every=every, warmup=warmup, spikes=spikes,
        initial_state=initial_state, seed=seed, dtype=dtype, n_threads=n_threads, device=device, out=out, layout=layout,
    )  # fmt: skip


def watched_run(
    watch: Watch | None,
    network: Network,
    duration: float,
    dt: float,
    *,
    drive: Drive | Any | Sequence[Any] | None,
    record: str | Sequence[str] | None,
    every: int,
    warmup: float,
    spikes: str,
    initial_state: Mapping[str, Any] | State | None,
    seed: int | None,
    dtype: str,
    n_threads: int | None,
    device: str,
    out: Mapping[str, np.ndarray] | None,
    layout: str | None,
) -> Recording:
    """Do what `run` does, its arguments as there, and let ``watch`` see the weights as they change."""
    if not isinstance(network, Network):
        raise InputError(f"network must be a Network; got a {type(network).__name__}.")
    index = cuda.index_of(device)
    if not isinstance(dtype, str | np.dtype) or dtype not in ("float32", "float64"):
        raise InputError(f"dtype must be 'float32' or 'float64'; got {dtype!r}.")
    kind = np.dtype(dtype)
    resumed = initial_state if isinstance(initial_state, State) else None
    first = 0 if resumed is None else resumed.step
    span, dt = recorded.span_of(duration, dt, warmup, every, first)
    seed = checked_seed((0 if resumed is None else resumed.seed) if seed is None else seed)
    n_threads = threads_for(None if n_threads is None else checked_count("n_threads", n_threads, 1, MOST_THREADS))
    model = model_of(network)
    driven = network.drives if drive is None else drive
    alone = {drives.signal_of(name): place for place, name in enumerate(drives.names_of(driven)) if name is not None}
    known = (*model.states, *(("spikes",) if model.spiking else ()), "drive", *alone)
    names = recorded.checked_signals(model.states[:1] if record is None else record, known)
    spike_dtype = recorded.spike_dtype(names, span.every, spikes)
    kinds = {name: spike_dtype if name == "spikes" else kind for name in names}
    n_networks, n_units = network.n_networks or 1, network.n_units
    if network.ids.max() >= 2**32:
        raise InputError(f"the network's ids must be below 2^32 to key its random draws; got {network.ids.max()}.")

    if index is not None:
        elsewhere = {"spikes='events'": spikes == "events", "out": out is not None, "run_plastic": watch is not None}
        elsewhere |= {f"record={name!r}": name in names for name in alone}
        cuda.refuse_unsupported(network, model, kind, layout, elsewhere)
        layout = "dense"
    shape = recorded.shape_of(network, span.n_rows)
    given = recorded.given_arrays(out, kinds, shape)
    per_sample = sum(kinds[name].itemsize for name in names if name not in given)
    results = n_networks * n_units * span.n_rows * per_sample if index is None else 0
    wires = wires_of(network, dt, kind, layout, n_threads, results) if model.spiking else None
    wired: dict[str, Any] = {}
    if wires is not None:
        layout = wires.layout
    else:
        rates.check_delays(network, dt)
        coupling, layout = rates.coupled(network, kind, layout, results)
        wired = {"coupling": coupling, "dt": dt}
    terms = drives.terms_of(driven, network, dt, span.last - span.first, kind)
    if index is not None:
        cuda.refuse_drives(terms)
        delay, receptors = (
            (1, 1) if wires is None else (wires.bound["longest"], wires.remembered["synapse_state"].shape[1])
        )
        needed = cuda.needed_bytes(n_networks, n_units, len(model.states), span.n_rows, per_sample, delay, receptors)
        cuda.refuse_beyond_memory(needed, index)
    parameters = packed_parameters(network, kind)
    warn_of_step(network, dt)
    remembered, made = _remembered(network, model, parameters, terms, wires, initial_state, dt, seed, driven)
    launches = None
    signals: dict[str, Any]
    if index is None:
        signals = {name: given[name] if name in given else _core.empty(shape, kinds[name]) for name in names}
    else:
        launches = cuda.Launches(
            index, model, network, dt, span, seed,
            parameters=parameters, remembered=remembered, term=terms[0] if terms else None,
            wired=None if wires is None else wires.bound,
            weights=coupling[0][:, 0] if wires is None else wires.bound["weights"],
        )  # fmt: skip
        signals = cuda.empty(shape, kinds, index)
        launches.record(signals)
    rows: dict[str, Any] = {name: array.reshape(n_networks, span.n_rows, n_units) for name, array in signals.items()}
    events = recorded.EventList(span, dt, rows.pop("spikes")) if spikes == "events" else None
    for name, place in alone.items():
        terms[place].alone = rows.pop(name, None)

    slices = list(span.slices(-(-n_networks * n_units // (1 if index is None else cuda.SLICES))))
    if watch is not None:
        slices = watch.cut(slices, span, dt, network, wires)
    n_steps = span.last - span.first
    with tqdm(
        total=n_steps, unit="step", desc="simulate", leave=False, disable=True if len(slices) == 1 else None
    ) as bar:
        for begin, end in slices:
            if launches is not None:
                diverged = launches.take(begin, end, fresh=resumed is None and begin == span.first)
                if diverged is not None:
                    _refuse_diverged(network, diverged, dt)
                bar.update(end - begin)
                continue
            raster = None if events is None else events.raster(begin, end)
            if wires is not None:
                wired = {"dt_ms": dt * 1e3, "raster": raster, "units_per_thread": UNITS_PER_THREAD}
                wired["wiring"] = wires.to_core(fresh=resumed is None and begin == span.first)
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
            if watch is not None:
                watch.look(end)
            bar.update(end - begin)

    if launches is not None:
        launches.store()
    units = {**model.units_of_measure, "spikes": "1"} | dict.fromkeys(alone, model.units_of_measure["drive"])
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
            **({} if layout is None else {"layout": layout}),
            **({"instruction_level": _core.instruction_level()} if index is None else {"device": cuda.name_of(index)}),
            **({"network": int(network.ids[0])} if network.n_networks is None else {}),
        },
        events=None if events is None else events.events(network.n_networks is not None),
    )
    recording.final_state = State(model.name, network.ids, span.last, dt, seed, remembered, made)
    return recording


def _remembered(
    network: Network,
    model: NeuronModel,
    parameters: np.ndarray,
    terms: list[drives.Term],
    wires: Wires | None,
    initial_state: Any,
    dt: float,
    seed: int,
    driven: Any,
) -> tuple[dict[str, np.ndarray], Fingerprint]:
    """Give the arrays of a `State` before the first step, those that drives and wires write to, and what made them."""
    given = None if isinstance(initial_state, State) else initial_state
    if model.spiking:
        anew = packed_state(network, parameters, given)
    else:
        anew = rates.first_state(network, parameters, given, drives.as_sequence(driven), seed)
    arrays = {"state": anew, **({} if wires is None else wires.remembered)}
    arrays |= {f"drive{place}": term.state for place, term in enumerate(terms) if term.state is not None}
    made = fingerprint_of(network, parameters.dtype, terms, wires, arrays)
    if isinstance(initial_state, State):
        shapes = {name: array.shape for name, array in arrays.items()}
        initial_state = initial_state.fitted(shapes, 1 if network.synapse.kind in ("delta", "jump") else 2)
        initial_state.refuse_other(network, dt, shapes, made)
        for name, array in arrays.items():
            array[...] = initial_state.arrays[name]
    return arrays, made


def _refuse_diverged(network: Network, diverged: tuple[int, int, int], dt: float) -> None:
    which, unit, step = diverged
    raise SimulationDivergedError(
        f"network {network.ids[which]}: the state of unit {network.unit_ids[unit]} is not finite after step {step} "
        f"(t = {(step + 1) * dt:.6g} s): take weaker weights or drive, a step smaller than dt = {dt:g} s, or check the "
        "unit's parameters."
    )
