"""What `run` and its like do: check, lay out, simulate slice by slice, and give the recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from synfer import _core
from synfer.arguments import checked_count, checked_seed
from synfer.errors import InputError, SimulationDivergedError
from synfer.network import Network
from synfer.recording import Recording
from synfer.recording.fingerprint import Fingerprint
from synfer.recording.spikes import BYTES_OF_EVENT
from synfer.recording.state import State
from synfer.simulate import cuda, drives, rates, recorded
from synfer.simulate.fingerprint import fingerprint_of
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.milliseconds import warn_of_milliseconds
from synfer.simulate.neurons import NeuronModel, model_of, packed_parameters, packed_state
from synfer.simulate.steps import warn_of_step
from synfer.simulate.views import View, refuse_shared_memory
from synfer.simulate.watch import Watch
from synfer.simulate.wires import Wires, receptors_of, wires_of
from synfer.threads import n_threads as threads_for

MOST_THREADS = 1024
"""More than any machine has; where the system refuses a thread, the OpenMP runtime ends the process."""
UNITS_PER_THREAD = 16384
"""Units of one network that are worth a thread: with fewer, waiting for the others takes longer than they save."""

FEW_COLUMNS = 512
"""Units of a dense network of spiking units, whose columns are added spike by spike, that may all spike at once."""

Take = Callable[[int, int], tuple[int, int, int] | None]
"""Takes steps [begin, end); gives (network, unit, step) where a state was first not finite."""


def simulated(
    network: Network,
    duration: Any,
    dt: Any,
    views: Sequence[Mapping[str, Any]],
    *,
    drive: Any,
    warmup: Any,
    initial_state: Any,
    seed: Any,
    dtype: Any,
    n_threads: Any,
    device: Any,
    layout: Any,
    watch: Watch | None = None,
) -> list[Recording]:
    """Do what `run` does, its arguments as there, and give a recording for each of the views.

    Parameters
    ----------
    views : sequence of dict
        What each recording shows: some of `synfer.simulate.views.ASKED`.
    watch : Watch, optional
        Sees the weights as they change.
    """
    if not isinstance(network, Network):
        raise InputError(f"network must be a Network; got a {type(network).__name__}.")
    index = cuda.index_of(device)
    if not isinstance(dtype, str | np.dtype) or dtype not in ("float32", "float64"):
        raise InputError(f"dtype must be 'float32' or 'float64'; got {dtype!r}.")
    kind = np.dtype(dtype)
    resumed = initial_state if isinstance(initial_state, State) else None
    first = 0 if resumed is None else resumed.step
    spans = [recorded.span_of(duration, dt, warmup, asked.get("every", 1), first) for asked in views]
    span, dt = spans[0]
    seed = checked_seed((0 if resumed is None else resumed.seed) if seed is None else seed)
    n_threads = threads_for(None if n_threads is None else checked_count("n_threads", n_threads, 1, MOST_THREADS))
    model = model_of(network)
    driven = network.drives if drive is None else drive
    alone = {drives.signal_of(name): place for place, name in enumerate(drives.names_of(driven)) if name is not None}
    seen = [View.of(asked, one, network, model, alone, kind) for asked, (one, _) in zip(views, spans, strict=True)]
    refuse_shared_memory(seen)
    n_networks, n_units = network.n_networks or 1, network.n_units
    if network.ids.max() >= 2**32:
        raise InputError(f"the network's ids must be below 2^32 to key its random draws; got {network.ids.max()}.")

    if index is not None:
        elsewhere = {
            "spikes='events'": any(view.listed for view in seen),
            "out": any(asked.get("out") is not None for asked in views),
            "units": any(view.units is not None for view in seen), "run_views": len(seen) > 1,
            "run_plastic": watch is not None,
            **{f"record={name!r}": any(name in view.alone for view in seen) for name in alone},
        }  # fmt: skip
        cuda.refuse_unsupported(network, model, kind, layout, elsewhere)
        layout = "dense"
    results = sum(view.n_bytes for view in seen) if index is None else 0
    wires = wires_of(network, dt, kind, layout, n_threads, results, index is not None) if model.spiking else None
    coupling: Any = None
    if wires is not None:
        layout = wires.layout
    else:
        rates.check_delays(network, dt)
        coupling, layout = rates.coupled(network, kind, layout, results)
    terms = drives.terms_of(driven, network, dt, span.last - span.first, kind, before=first)
    if index is not None:
        cuda.refuse_drives(terms)
        delay, receptors = (
            (1, 1) if wires is None else (wires.bound["longest"], wires.remembered["synapse_state"].shape[1])
        )
        row_bytes = seen[0].row_bytes
        needed = cuda.needed_bytes(n_networks, n_units, len(model.states), span.n_rows, row_bytes, delay, receptors)
        cuda.refuse_beyond_memory(needed, index)
    parameters = packed_parameters(network, kind)
    warn_of_step(network, dt, kind)
    warn_of_milliseconds(network, drives.as_sequence(driven), span.last * dt)
    remembered, made = _remembered(network, model, parameters, terms, wires, initial_state, dt, seed, driven)
    launches = simulation = None
    signals: list[dict[str, Any]]
    take: Take
    if index is not None:
        launches = cuda.Launches(
            index, model, network, dt, span, seed,
            parameters=parameters, remembered=remembered, term=terms[0] if terms else None,
            wired=None if wires is None else wires.bound,
            weights=coupling[0][:, 0] if wires is None else wires.bound["weights"], n_threads=n_threads,
        )  # fmt: skip
        signals = [cuda.empty(seen[0].shape, seen[0].kinds, index)]
        launches.record(signals[0])
        start, step_by_step = launches, resumed is None

        def take(begin: int, end: int) -> tuple[int, int, int] | None:
            return start.take(begin, end, fresh=step_by_step and begin == span.first)
    else:
        signals = [view.arrays() for view in seen]
        bound: dict[str, Any] = {
            "model": model.name, "parameters": parameters, "state": remembered["state"],
            "ids": network.ids.astype(np.uint32), "drive": [term.bound() for term in terms], "seed": seed,
            "first": span.first, "last": span.last, "record_from": span.kept, "n_threads": n_threads,
            "record": [view.bound(arrays) for view, arrays in zip(seen, signals, strict=True)],
        }  # fmt: skip
        if wires is not None:
            simulation = _core.Simulation(
                **bound, dt_ms=dt * 1e3, units_per_thread=UNITS_PER_THREAD, wiring=wires.to_core(fresh=resumed is None)
            )
            take = simulation.take
        else:

            def take(begin: int, end: int) -> tuple[int, int, int] | None:
                return _core.simulate_rates(**bound, coupling=coupling, dt=dt, begin=begin, end=end)

    if index is None:
        slices = list(span.slices(n_networks * n_units * _work(model, n_units, coupling, layout)))
    else:
        counted = span.every if "spikes" in seen[0].held else 1
        slices = list(span.slices(-(-n_networks * n_units // cuda.slices(model, n_units)), counted))
    if watch is not None:
        slices = watch.cut(slices, span, dt, network, wires)
    for end in _taken(take, slices, span.last - span.first, network, dt):
        if simulation is not None:
            refuse_beyond_available(simulation.n_events() * BYTES_OF_EVENT, "take units= or a shorter duration",
                                    f"the list of spikes until step {end}")  # fmt: skip
        if watch is not None:
            watch.look(end)

    if launches is not None:
        launches.store()
    provenance = {
        "made_by": "synfer.simulate.run",
        "model": model.name,
        "seed": seed,
        "dtype": kind.name,
        "drive": drives.shown(driven),
        **({} if layout is None else {"layout": layout}),
        **({"instruction_level": _core.instruction_level()} if index is None else {"device": cuda.name_of(index)}),
        **({"network": int(network.ids[0])} if network.n_networks is None else {}),
    }
    state = State(model.name, network.ids, span.last, dt, seed, remembered, made)
    recordings = []
    for place, (view, arrays) in enumerate(zip(seen, signals, strict=True)):
        events = None if simulation is None else view.events(simulation, place, dt)
        recordings.append(view.recording(arrays, events, network, model, dt, provenance))
        recordings[-1].final_state = state
    return recordings


def _work(model: NeuronModel, n_units: int, coupling: Any, layout: str | None) -> int:
    """Give how many times as long as one of few sources a unit takes for a step: slices are so many times shorter."""
    if model.spiking:
        return max(n_units // FEW_COLUMNS, 1) if layout == "dense" else 1
    weights, starts, sources, _ = coupling
    if weights is not None:
        return max(weights.shape[1] * n_units // cuda.FEW_SOURCES, 1)
    return 1 if sources is None else max(len(sources) // (starts.size * cuda.FEW_SOURCES), 1)


def _taken(take: Take, slices: Sequence[tuple[int, int]], n_steps: int, network: Network, dt: float) -> Iterable[int]:
    """Take slice after slice, with a bar where there are several, and give the step that each ends with."""
    silent = True if len(slices) == 1 else None
    with tqdm(total=n_steps, unit="step", desc="simulate", leave=False, disable=silent) as bar:
        for begin, end in slices:
            diverged = take(begin, end)
            if diverged is not None:
                _refuse_diverged(network, diverged, dt)
            yield end
            bar.update(end - begin)


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
        initial_state = initial_state.fitted(shapes, receptors_of(network))
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
