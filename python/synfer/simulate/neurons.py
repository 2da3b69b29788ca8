"""Neuron models: what the compiled core offers, and a network's parameters and states in the order it takes them.

A new model is one header in csrc/simulator/neurons (equations, parameters, defaults, units), one line in ``models`` of
csrc/simulator/cpu/kernels.cpp, and its step in ``STEPS`` of `synfer.simulate.reference` with a test against it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch  # noqa: F401  # loads the one OpenMP runtime that _core then uses too

from synfer import _core
from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.network import Network
from synfer.simulate.arguments import checked_numbers


@dataclasses.dataclass(frozen=True)
class NeuronModel:
    """A neuron model as its C++ header (csrc/simulator/neurons) describes it.

    Attributes
    ----------
    name : str
        Its name.
    defaults : dict of str to float
        Parameters in the core's order, and the value each takes where a network does not give it.
    states : tuple of str
        State variables in the core's order; each can be recorded and given as initial state.
    units_of_measure : dict of str to str
        Unit of each parameter and state, and of the "drive".
    ranges : dict of str to str
        Of each parameter: "any", "not negative" or "positive".
    spiking : bool
        Whether its units act by spikes; else all the time (csrc/simulator/rates).
    """

    name: str
    defaults: Mapping[str, float]
    states: tuple[str, ...]
    units_of_measure: Mapping[str, str]
    ranges: Mapping[str, str]
    spiking: bool = True


def _any(described: list) -> list:
    """Take any value for a parameter or a state of which no range is said."""
    return [(*about, "any") for about in described]


def _described(name: str, parameters: list, states: list, input_unit: str = "1", spiking: bool = True) -> NeuronModel:
    return NeuronModel(
        name,
        {parameter: default for parameter, default, *_ in parameters},
        tuple(state for state, *_ in states),
        {thing: unit for thing, _, unit, _ in parameters + states} | {"drive": input_unit},
        {parameter: allowed for parameter, _, _, allowed in parameters},
        spiking,
    )


MODELS: dict[str, NeuronModel] = {
    **{name: _described(name, *about) for name, about in _core.models().items()},
    **{
        name: _described(name, _any(parameters), _any(states), "1", spiking=False)
        for name, (parameters, states) in _core.rate_models().items()
    },
}
"""The models of the core by name."""
RESETS = {"lif": ("reset", "threshold"), "izhikevich": ("c", "threshold"), "adex": ("v_reset", "v_peak")}
"""What v is set to after a spike, and past what it spikes. (Escape noise has a hazard at any v, and is not here.)"""


def model_of(network: Network) -> NeuronModel:
    """Give the network's model.

    Raises
    ------
    UnknownNameError
        There is no such model, or the model has no such parameter.
    """
    if network.model not in MODELS:
        raise UnknownNameError.of("model", network.model, MODELS)
    model = MODELS[network.model]
    for name in network.parameters:
        if name not in model.defaults:
            raise UnknownNameError.of(f"parameter of model {model.name!r}", name, model.defaults)
    return model


def packed_parameters(network: Network, dtype: np.dtype) -> np.ndarray:
    """Give all parameters of all networks, (network, parameter, unit), defaults filled in.

    Raises
    ------
    InputError
        A value is too large for the dtype, or out of its range, or a reset is not below its threshold.
    """
    model = model_of(network)
    packed = np.empty((network.n_networks or 1, len(model.defaults), network.n_units), dtype)
    for row, (name, default) in enumerate(model.defaults.items()):
        with np.errstate(over="ignore"):
            packed[:, row] = network.parameters.get(name, default)
        if not np.all(np.isfinite(packed[:, row])):
            raise InputError(f"parameter {name!r} must be finite in {dtype}; simulate in float64.")
        least = packed[:, row].min()
        if (model.ranges[name] == "positive" and least <= 0) or (model.ranges[name] == "not negative" and least < 0):
            allowed = {"positive": "positive", "not negative": "at least 0"}[model.ranges[name]]
            raise InputError(f"parameter {name!r} of model {model.name!r} must be {allowed}; got {least:g}.")
    if model.name in RESETS:
        _refuse_resets_past_the_threshold(network, packed, list(model.defaults))
    return packed


def _refuse_resets_past_the_threshold(network: Network, packed: np.ndarray, order: list[str]) -> None:
    reset, threshold = RESETS[network.model]
    low, high = packed[:, order.index(reset)], packed[:, order.index(threshold)]
    if np.any(low >= high):
        which, unit = np.argwhere(low >= high)[0]
        raise InputError(
            f"parameter {reset!r} of model {network.model!r} must be below {threshold!r}, or a neuron would spike "
            f"again as soon as it is reset; unit {network.unit_ids[unit]} of network {network.ids[which]} has {reset} "
            f"= {low[which, unit]:g} mV and {threshold} = {high[which, unit]:g} mV."
        )


def packed_state(network: Network, parameters: np.ndarray, initial: Mapping[str, Any] | None) -> np.ndarray:
    """Give the states before the first step, (network, state, unit), in the dtype of the parameters.

    Parameters
    ----------
    network : Network
        Whose states.
    parameters : array (network, parameter, unit)
        Its `packed_parameters`.
    initial : dict of str to array, optional
        States of the model, each broadcastable to ([network,] unit); one that is not given is that of the model's own
        rest (its ``initialise``): gates rest at the rest's v, whatever v is given.

    Raises
    ------
    InputError
        A state is not finite.
    UnknownNameError
        The model has no such state.
    ShapeError
        A state does not broadcast to ([network,] unit).
    """
    model = model_of(network)
    n_networks, _, n_units = parameters.shape
    packed = np.empty((n_networks, len(model.states), n_units), parameters.dtype)
    _core.initial_state(model.name, parameters, packed)
    if initial is None:
        return packed
    if not isinstance(initial, Mapping):
        raise InputError(f"initial_state must be a dict of state to array; got a {type(initial).__name__}.")
    for name in initial:
        if name not in model.states:
            raise UnknownNameError.of(f"initial_state: state of model {model.name!r}", str(name), model.states)
    single = network.n_networks is None
    symbols, shape = ("(unit,)", (n_units,)) if single else ("(network, unit)", (n_networks, n_units))
    for row, name in enumerate(model.states):
        if name not in initial:
            continue
        value = checked_numbers(f"initial_state[{name!r}]", initial[name])
        try:
            with np.errstate(over="ignore"):  # said below, with the state's name
                packed[:, row] = np.broadcast_to(value, shape)
        except ValueError:
            raise ShapeError(
                f"initial_state[{name!r}] must broadcast to {symbols} = {shape}; got {value.shape}."
            ) from None
        if not np.all(np.isfinite(packed[:, row])):
            raise InputError(f"initial_state[{name!r}] must be finite in {packed.dtype}; it holds NaN or infinity.")
    return packed
