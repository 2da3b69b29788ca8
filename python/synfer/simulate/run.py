"""Run a network, or a batch of different networks, in the compiled core."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synfer.errors import InputError
from synfer.network import Drive, Network
from synfer.recording import Recording
from synfer.recording.state import State
from synfer.simulate.engine import simulated
from synfer.simulate.views import ASKED, checked_views


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
    units: Any = None,
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
        Any of the model's states (`synfer.simulate.models` lists them; the same as of
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
        With "events" the recording holds signal "spikes" as a list of spikes, each at the time of its step
        (`Recording.spike_times`), however coarse its rows: 24 bytes a spike. ``recording["spikes"]`` counts them anew
        into an array at each call.
    units : label or array of labels, optional
        Record these units only, in the network's order; all are simulated. Signals of other units or steps than each
        other's: `run_views`.
    initial_state : dict of str to array, State, or "stationary", optional
        States, each broadcastable to ([network,] unit). One that is not given is as at the model's rest, the default
        (gates at rest at the rest's v, whatever v is given; of units without spikes x = 0, of Lorenz-96 numbers around
        F). Or the ``final_state`` of a recording (a loaded one too), to go on where that ended, to the bit as if it
        never had. A vector autoregression may begin with a "stationary" state drawn for it.
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
        in float32, are simulated there; all else is refused by name. Measured on an NVIDIA H200
        (bench/results/cuda_simulator.md).
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
        Or ``dt`` is too small for float32: a tau of some million steps, or of seven thousand of a `lif`.
    MillisecondsWarning
        A time looks like milliseconds: refractory from 0.1 s on, a synapse's time constant from 0.5 s, a membrane's or
        STDP's from 1 s, a delay between spiking units from 0.3 s, a drive's or adaptation's from 5 s, short-term
        plasticity's from 10 s; or a drive begins, or has its period, 10 s or more and 50 times the run away.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, run
    >>> network = izhikevich_network(8, 2, p=0.4, seed=1)
    >>> run(network, duration=5.0, record=("v", "spikes"), seed=1)["v"].shape
    (5000, 10)
    """
    view = {"record": record, "every": every, "spikes": spikes, "units": units, "out": out}
    (recording,) = simulated(
        network, duration, dt, [view], drive=drive, warmup=warmup, initial_state=initial_state, seed=seed, dtype=dtype,
        n_threads=n_threads, device=device, layout=layout,
    )  # fmt: skip
    return recording


def run_views(
    network: Network, duration: float, dt: float = 1e-3, *, views: Mapping[str, Mapping[str, Any]], **options: Any
) -> dict[str, Recording]:
    """Simulate a network once and give several recordings of it, each of its own signals, units and steps.

    Parameters
    ----------
    network, duration, dt
        As for `run`.
    views : dict of str to dict
        What each recording shows: ``record``, ``every``, ``spikes``, ``units`` and ``out`` as of `run`, with its
        defaults where they are left out.
    **options
        The other arguments of `run`.

    Returns
    -------
    dict of str to Recording
        As `run` would give each of them, to the bit. All have the same ``final_state``.

    Raises
    ------
    InputError, UnknownNameError
        A view asks for something that is not there, or as for `run`.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, run_views
    >>> seen = run_views(
    ...     izhikevich_network(80, 20, p=0.1, seed=1),
    ...     duration=1.0,
    ...     views={
    ...         "cells": {"record": ("v", "u"), "units": [0, 80], "every": 5},
    ...         "population": {"record": "spikes", "spikes": "events"},
    ...     },
    ... )
    >>> seen["cells"].shape, seen["population"].shape
    ((200, 2), (1000, 100))
    """
    asked = checked_views(views)
    given = inspect.signature(run).bind(network, duration, dt, **options)
    given.apply_defaults()
    arguments = {name: value for name, value in given.arguments.items() if name not in ASKED}
    for name in ASKED:
        if name in options:
            raise InputError(f"{name} must be given in views, for each recording its own; got it beside them.")
    return dict(zip(asked, simulated(views=list(asked.values()), **arguments), strict=True))
