"""The models that can be simulated, as the compiled core describes them: what a Network may be made of."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from synfer.errors import InputError, UnknownNameError

MS_PER_S = 1e3
RESETS = {"lif": ("reset", "threshold"), "izhikevich": ("c", "threshold"), "adex": ("v_reset", "v_peak")}
"""What v is set to after a spike, and past what it spikes. (Escape noise has a hazard at any v, and is not here.)"""
ALLOWED = {"positive": "positive", "not negative": "at least 0"}


@dataclasses.dataclass(frozen=True)
class NeuronModel:
    """A model as its C++ header (csrc/simulator/neurons, csrc/simulator/rates) describes it, but for times in seconds.

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
    scales : dict of str to float
        By what the core's value of a parameter is more than the public one: 1,000 for times, which it counts in ms.
    spiking : bool
        Whether its units act by spikes; else all the time.
    jumps : bool
        Whether it has a potential v that a `JumpSynapse` can move.
    """

    name: str
    defaults: Mapping[str, float]
    states: tuple[str, ...]
    units_of_measure: Mapping[str, str]
    ranges: Mapping[str, str]
    scales: Mapping[str, float]
    spiking: bool
    jumps: bool


def _described(
    name: str, parameters: list, states: list, input_unit: str = "1", jumps: bool = False, *, spiking: bool
) -> NeuronModel:
    scales = {parameter: MS_PER_S if unit == "ms" else 1.0 for parameter, _, unit, _ in parameters}
    units = {thing: unit for thing, _, unit, _ in parameters + states} | {"drive": input_unit}
    return NeuronModel(
        name,
        {parameter: default / scales[parameter] for parameter, default, *_ in parameters},
        tuple(state for state, *_ in states),
        units | {parameter: "s" for parameter, scale in scales.items() if scale != 1},
        {parameter: allowed for parameter, _, _, allowed in parameters},
        scales,
        spiking,
        jumps,
    )


@functools.cache
def models() -> dict[str, NeuronModel]:
    """Give the models of the core by name."""
    # not where this room is imported: what shows or describes a network needs neither
    import torch  # noqa: F401  # loads the one OpenMP runtime that _core then uses too

    from synfer import _core

    spiking = {name: _described(name, *about, spiking=True) for name, about in _core.models().items()}
    rates = {name: _described(name, *about, spiking=False) for name, about in _core.rate_models().items()}
    return spiking | rates


def model_named(name: str) -> NeuronModel:
    """Give a model by its name.

    Raises
    ------
    UnknownNameError
        There is none.
    """
    if name not in models():
        raise UnknownNameError.of("model", name, models())
    return models()[name]


def refuse_unknown(model: NeuronModel, names: Iterable[Any]) -> None:
    """Refuse names that are none of a model's parameters.

    Raises
    ------
    UnknownNameError
        Naming the first of them.
    """
    for name in names:
        if name not in model.defaults:
            raise UnknownNameError.of(f"parameter of model {model.name!r}", str(name), model.defaults)


def check_synapse(model: NeuronModel, synapse: Any, plasticity: Any) -> None:
    """Refuse what cannot join a model's units.

    Parameters
    ----------
    model : NeuronModel
        Which.
    synapse : one of the synapses, or RateCoupling
        What joins them.
    plasticity : Plasticity, sequence of Plasticity, or None
        How that changes.

    Raises
    ------
    InputError
        It acts by spikes where there are none, or all the time where there are; or on a potential that is not there.
    """
    if model.spiking == (synapse.kind == "rate"):
        wanted = (
            "one for spikes, such as DeltaSynapse()" if model.spiking else "RateCoupling(), as units have no spikes"
        )
        raise InputError(f"synapse must, for model {model.name!r}, be {wanted}; got {synapse!r}.")
    if plasticity and not model.spiking:
        raise InputError(f"plasticity must be None for model {model.name!r}, which has no spikes; got {plasticity!r}.")
    if synapse.kind == "jump" and not model.jumps:
        raise InputError(f"synapse must be another than JumpSynapse for model {model.name!r}, which has no v to move.")


def check_parameters(model: NeuronModel, given: Mapping[str, Any], unit_ids: np.ndarray) -> None:
    """Refuse parameters that a model cannot have.

    Parameters
    ----------
    model : NeuronModel
        Which.
    given : dict of str to number, array (unit,) or (network, unit)
        Those that do not have their default value.
    unit_ids : array (unit,)
        Names of the units.

    Raises
    ------
    InputError
        A value is out of its range, or a reset is not below its threshold.
    UnknownNameError
        The model has no such parameter.
    """
    refuse_unknown(model, given)
    for name, value in given.items():
        least, allowed = float(np.min(value)), model.ranges[name]
        if (allowed == "positive" and least <= 0) or (allowed == "not negative" and least < 0):
            unit = "" if model.units_of_measure[name] == "1" else f" {model.units_of_measure[name]}"
            raise InputError(
                f"parameter {name!r} of model {model.name!r} must be {ALLOWED[allowed]}; got {least:g}{unit}."
            )
    if model.name not in RESETS:
        return
    reset, threshold = RESETS[model.name]
    low, high = np.broadcast_arrays(*(given.get(name, model.defaults[name]) for name in (reset, threshold)))
    if np.any(low >= high):
        at = tuple(np.argwhere(low >= high)[0])
        which = f"unit {unit_ids[at[-1]]}" if at else "it"
        which += f" of network number {at[0]}" if len(at) == 2 else ""
        raise InputError(
            f"parameter {reset!r} of model {model.name!r} must be below {threshold!r}, or a neuron would spike again "
            f"as soon as it is reset; {which} has {reset} = {low[at]:g} mV and {threshold} = {high[at]:g} mV."
        )
