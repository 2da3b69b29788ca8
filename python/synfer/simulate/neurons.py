"""Neuron models: what the compiled core offers, and a network's parameters and states in the order it takes them.

A new model is one header in csrc/simulator/neurons (equations, parameters, defaults, units), one line in ``models`` of
csrc/simulator/cpu/kernels.cpp, and its step in ``STEPS`` of `synfer.simulate.reference_neurons` with a test against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch  # noqa: F401  # loads the one OpenMP runtime that _core then uses too

from synfer import _core
from synfer.arguments import checked_numbers
from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.network import Network
from synfer.network.models import NeuronModel, check_parameters, model_named, models

MODELS: dict[str, NeuronModel] = models()
"""The models of the core by name."""


def model_of(network: Network) -> NeuronModel:
    """Give the network's model."""
    return model_named(network.model)


def packed_parameters(network: Network, dtype: np.dtype) -> np.ndarray:
    """Give all parameters of all networks as the core takes them, (network, parameter, unit), defaults filled in.

    Raises
    ------
    InputError
        A value is too large for the dtype, or too small to be positive in it.
    """
    model = model_of(network)
    check_parameters(model, network.parameters, network.unit_ids)  # the dict can be written to
    packed = np.empty((network.n_networks or 1, len(model.defaults), network.n_units), dtype)
    for row, (name, default) in enumerate(model.defaults.items()):
        with np.errstate(over="ignore"):
            values = np.multiply(network.parameters.get(name, default), model.scales[name]).astype(dtype)
        packed[:, row] = values
        if not np.all(np.isfinite(values)):
            raise InputError(f"parameter {name!r} must be finite in {dtype}; simulate in float64.")
        if model.ranges[name] == "positive" and not np.all(values > 0):
            raise InputError(f"parameter {name!r} must be positive in {dtype}; simulate in float64.")
    return packed


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
        raise InputError(
            "initial_state must be a dict of state to array, or a State, such as a recording's .final_state or one "
            f"read by State.load; got {initial!r:.60}."
        )
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
