"""Units without spikes as the compiled core takes them: their models, couplings and first states."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch  # noqa: F401  # loads the one OpenMP runtime that _core then uses too

from synfer.arguments import checked_numbers
from synfer.errors import DelayWarning, InputError, ShapeError, UnknownNameError
from synfer.network import Network, RateCoupling
from synfer.network.models import check_synapse, model_named
from synfer.simulate.autoregression import first_lags, lagged_weights, stationary_state
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.rate_networks import ring_of_neighbours
from synfer.simulate.wires import LAYOUTS, ROUNDED, ends_of
from synfer.simulate.wiring.draws import INITIAL_STREAM, generator_of
from synfer.storage import as_choice

SPARSE_BELOW = 0.1
"""Share of pairs that are joined, below which a list of entries is quicker than a matrix of all pairs."""
ALWAYS_DENSE = 2**20
"""Bytes of a matrix up to which it is quicker than any list, as a core's own cache holds it."""
WITHOUT_LAGS = ("leaky_", "lorenz96")


def refuse_other_coupling(network: Network) -> RateCoupling:
    """Raise where a network of a rate model is coupled by what it cannot be coupled by.

    Raises
    ------
    InputError
        Its synapse is no `RateCoupling`, has lags that the model has not or that are not the connectome's weights, or
        the wiring of Lorenz-96 is no ring.
    """
    coupling = network.synapse
    check_synapse(model_named(network.model), coupling, network.plasticities)
    assert isinstance(coupling, RateCoupling)
    if coupling.lags is not None and network.model.startswith(WITHOUT_LAGS):
        raise InputError(f"the coupling of model {network.model!r} must be without lags; take model 'var' or a map.")
    if coupling.lags is not None:
        given = network.connectome.to_matrix().weight
        assert given is not None
        if not np.allclose(coupling.lags.sum(axis=-3), given.values, rtol=1e-9, atol=1e-12):
            raise InputError(
                "the lags of RateCoupling must add up to the connectome's weights, or that would not be the truth of "
                "what is simulated; make the network by var_network."
            )
    if network.model == "lorenz96":
        weight = network.connectome.to_matrix().weight
        assert weight is not None
        if network.n_units < 4 or np.any((weight.values != 0) != (ring_of_neighbours(network.n_units) != 0)):
            raise InputError(
                "the connectome of model 'lorenz96' must be that of its equation, at least 4 units on a ring, each "
                "reached from i - 2, i - 1, i and i + 1; make it by lorenz96_network."
            )
    return coupling


def check_delays(network: Network, dt: float) -> None:
    """Raise or warn where the delays of the connectome are not those at which its couplings act.

    Raises
    ------
    InputError
        A delay is another number of steps than the first at which the edge acts: one, or its first lag.

    Warns
    -----
    DelayWarning
        The delays count steps of another length.
    """
    matrix, coupling = network.connectome, network.synapse
    if matrix.delay is None or matrix.weight is None or network.model == "lorenz96":
        return
    made_for = dt if matrix.dt is None else matrix.dt
    first = 1 if not isinstance(coupling, RateCoupling) or coupling.lags is None else first_lags(coupling.lags)
    if matrix.layout == "edges" and np.ndim(first):
        matrix = matrix.to_matrix()
    assert matrix.delay is not None
    assert matrix.weight is not None
    steps = matrix.delay.values / made_for
    wrong = ((first > 1) | (matrix.weight.values != 0)) & ~np.isnan(steps) & (np.abs(steps - first) > ROUNDED * first)
    if np.any(wrong):
        raise InputError(
            f"the connectome's delays must be those at which units without spikes act: one step of dt = {made_for:g} "
            f"s, or an edge's first lag; got {steps[wrong][0] * made_for:g} s: leave them out, or make the network by "
            "var_network, which has lags."
        )
    if abs(made_for - dt) > ROUNDED * dt:
        warnings.warn(
            f"dt = {dt:g} s is another step than the {made_for:g} s that the connectome's delays count: they are not "
            f"the truth of this run. Take dt={made_for:g} here, or make the network with dt={dt:g}.",
            DelayWarning,
            stacklevel=4,
        )


def coupled(network: Network, dtype: np.dtype, layout: str | None, results: int) -> tuple[tuple, str | None]:
    """Give the coupling as the core takes it, (weights, row_starts, sources, values), and how it is held.

    The coupling of Lorenz-96 is in its equation and not held at all.

    Parameters
    ----------
    network : Network
        Of a rate model.
    dtype : dtype
        In which it is simulated.
    layout : {"dense", "sparse"} or None
        How to hold it; None takes the quicker.
    results : int
        Bytes that are needed besides.

    Raises
    ------
    InputError
        A weight is not finite in that type, or it would not fit into memory; the layout cannot hold it; or the network
        has a plasticity of synapses with spikes.
    """
    coupling = refuse_other_coupling(network)
    layout = None if layout is None else as_choice(layout, "layout", LAYOUTS)
    if network.model == "lorenz96":
        if layout is not None:
            raise InputError(
                f"layout must be None for model 'lorenz96', whose coupling is in its equation; got {layout!r}."
            )
        return (None, None, None, None), None
    n_networks, n = network.n_networks or 1, network.n_units
    several = coupling.lags is not None and coupling.lags.shape[-3] > 1
    if layout == "sparse" and several:
        raise InputError("layout must be 'dense' or None for coupling over several lags; got 'sparse'.")
    listed = network.connectome.layout == "edges"
    if layout is None and not several and n**2 * dtype.itemsize > ALWAYS_DENSE:
        given = network.connectome.weight
        assert given is not None
        share = np.count_nonzero(given.values) / n_networks / n**2
        layout = "sparse" if share < SPARSE_BELOW else "dense"
    lags = coupling.lags.shape[-3] if coupling.lags is not None else 1
    needed = 2 * n_networks * n * n * lags * dtype.itemsize if layout != "sparse" else 0
    refuse_beyond_available(
        results + needed + (24 * n_networks * n * n if listed and layout != "sparse" else 0),
        "record fewer signals, simulate fewer networks at once or for less time",
    )
    if layout != "sparse":
        weights = _typed(lagged_weights(network), dtype)
        return (weights, None, None, None), "dense"
    starts = np.zeros((n_networks, n + 1), np.int64)
    sources, values, total = [], [], 0
    for k, (target, source, weight) in enumerate(_entries(network)):
        starts[k, 0] = total
        starts[k, 1:] = total + np.cumsum(np.bincount(target, minlength=n))
        total += len(target)
        order = np.lexsort((source, target))
        sources.append(source[order])
        values.append(weight[order])
    return (None, starts, np.concatenate(sources).astype(np.int32), _typed(np.concatenate(values), dtype)), "sparse"


def _entries(network: Network) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(target, source, weight) of what is not 0, network by network."""
    connectome, coupling = network.connectome, network.synapse
    assert connectome.weight is not None
    assert isinstance(coupling, RateCoupling)
    if connectome.layout == "edges" and coupling.lags is None:
        of, source, target = ends_of(connectome)
        kept = connectome.weight.values != 0
        each = (kept & (of == k) for k in range(network.n_networks or 1))
        return [(target[mine], source[mine], connectome.weight.values[mine]) for mine in each]
    found = []
    for weights in lagged_weights(network)[:, 0]:
        target, source = np.nonzero(weights)
        found.append((target, source, weights[target, source]))
    return found


def _typed(weights: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):
        typed = np.require(weights, dtype, ["C", "ALIGNED"])
    if not np.all(np.isfinite(typed)):
        raise InputError(f"the connectome's weights must be finite in {dtype}; simulate in float64 or scale them.")
    return typed


def first_state(network: Network, parameters: np.ndarray, initial: Any, drives: Any, seed: int) -> np.ndarray:
    """Give the states before the first step (network, lag, unit), in the dtype of the parameters.

    Parameters
    ----------
    network : Network
        Whose states.
    parameters : array (network, parameter, unit)
        As the core takes them.
    initial : dict, "stationary" or None
        State "x", broadcastable to ([network,] unit), or with lags to ([network,] lag, unit), the latest first. None is
        0, and for Lorenz-96 the forcing F plus standard normal numbers of the seed and the network's id.
    drives : sequence of Drive
        What drives it, for a stationary state.
    seed : int
        Of the random numbers.

    Raises
    ------
    InputError, ShapeError, UnknownNameError
        The state cannot be used.
    """
    coupling = refuse_other_coupling(network)
    n_lags = 1 if coupling.lags is None else coupling.lags.shape[-3]
    n_networks, _, n_units = parameters.shape
    state = np.zeros((n_networks, n_lags, n_units), parameters.dtype)
    if initial is None:
        if network.model == "lorenz96":
            for k, network_id in enumerate(network.ids):
                random = generator_of(seed, int(network_id), INITIAL_STREAM)
                state[k, 0] = parameters[k, 0] + random.standard_normal(n_units)
        return state
    if isinstance(initial, str) and initial == "stationary":
        state[...] = stationary_state(network, drives, seed, INITIAL_STREAM)
        return state
    if not isinstance(initial, Mapping):
        raise InputError(
            "initial_state must be a dict of state to array, a State, such as a recording's .final_state or one read "
            f"by State.load, or 'stationary'; got {initial!r:.60}."
        )
    for name in initial:
        if name != "x":
            raise UnknownNameError.of(f"initial_state: state of model {network.model!r}", str(name), ("x",))
    if "x" not in initial:
        raise InputError(f"initial_state must give every state of model {network.model!r}; 'x' is missing.")
    value = checked_numbers("initial_state['x']", initial["x"])
    shape = ((n_lags, n_units) if n_lags > 1 else (n_units,)) if network.n_networks is None else (
        (n_networks, n_lags, n_units) if n_lags > 1 else (n_networks, n_units)
    )  # fmt: skip
    if n_lags > 1 and network.n_networks is not None and value.shape == (n_networks, n_units):
        value = value[:, None]
    try:
        with np.errstate(over="ignore"):
            state[...] = np.broadcast_to(value, shape).reshape(state.shape)
    except ValueError:
        raise ShapeError(f"initial_state['x'] must broadcast to {shape}; got {value.shape}.") from None
    if not np.all(np.isfinite(state)):
        raise InputError(f"initial_state['x'] must be finite in {state.dtype}; it holds NaN or infinity.")
    return state
