"""Back from a connectome to what found it, and to what it was found from."""

from __future__ import annotations

import ast

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer
from synfer.discover.constraint import PC
from synfer.discover.d2cl import D2CL
from synfer.discover.registry import METHODS
from synfer.errors import InputError
from synfer.recording import Recording


def method_of(connectome: Connectome) -> type[BaseDiscoverer] | None:
    """The estimator's class, None where it is none of synfer's (a simulated truth, for instance)."""
    every = (*METHODS.values(), D2CL, PC)
    return next((made for made in every if made.__name__ == connectome.method), None)


def estimator_of(connectome: Connectome) -> BaseDiscoverer:
    """Make the estimator that found a connectome anew, unfitted, with its parameters.

    Raises
    ------
    InputError
        It was found by none of synfer's methods, or by D2CL from what it had learnt; or a parameter was an object, of
        which only the name is known.
    """
    made = method_of(connectome)
    if made is D2CL:
        raise InputError(
            "connectome must be found by a method that can be fitted again as it stands; got D2CL, of which a "
            "connectome keeps neither the known pairs nor what was learnt: give the estimator (pretrained, or loaded)."
        )
    if made is None:
        raise InputError(
            f"connectome must be found by a method of synfer to be fitted again; got {connectome.method or 'none'}: "
            "give the estimator."
        )
    estimator = made()
    known = estimator.get_params(deep=False)
    given = {name: value for name, value in dict(connectome.parameters).items() if name in known}
    given.pop("checkpoint", None)  # a file of that fit alone
    for name, value in given.items():
        default = known[name]
        if isinstance(value, str) and not isinstance(default, str) and value == repr(default):
            given[name] = default  # an object, left as it is by default
        elif isinstance(value, str) and not value.isidentifier():
            try:
                given[name] = ast.literal_eval(value)
                if isinstance(given[name], str):  # a path, written to look like something else
                    raise ValueError
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                raise InputError(
                    f"connectome was found with {name}={value:.60}, of which its file keeps the name alone: give the "
                    "estimator."
                ) from None
    return estimator.set_params(**given)


def refuse_other(connectome: Connectome, recording: Recording) -> None:
    """Refuse a recording that the connectome cannot have been found from.

    Raises
    ------
    InputError
        It is of other units, another step, or another length than what the connectome says that it was given.
    """
    units, recorded = connectome.unit_ids.tolist(), recording.unit_ids.tolist()
    if set(units) != set(recorded):
        other = next((unit for unit in recorded if unit not in set(units)), None)
        other = next((unit for unit in units if unit not in set(recorded)), None) if other is None else other
        raise InputError(
            f"recording must be what the connectome was found from, of its {len(units)} units; got {len(recorded)}, "
            f"and {other!r} is not in both: take the connectome's own, or recording.sel(unit=connectome.unit_ids)."
        )
    if connectome.dt is not None and abs(connectome.dt - recording.dt) > 1e-6 * recording.dt:
        raise InputError(
            f"recording must be what the connectome was found from, at a step of {connectome.dt:g} s; got "
            f"{recording.dt:g} s: prepare it alike, or leave it out."
        )
    given = connectome.provenance.get("given")
    if not (isinstance(given, dict) and {"stretches", "samples"} <= set(given)):
        return  # of another program, or of an earlier version
    stretches = 1 if recording.leading is None else recording.shape[0]
    if (given["stretches"], given["samples"]) != (stretches, stretches * recording.n_samples):
        raise InputError(
            "recording must be what the connectome was found from, of stretches and samples "
            f"{given['stretches']} and {given['samples']}; got {stretches} and {stretches * recording.n_samples}: "
            "cut it alike (trials=, time= or duration=, on the shell --trials, --time or --duration), or leave it out."
        )
    if "t0" in given and abs(given["t0"] - recording.t0) > 1e-3 * recording.dt:
        raise InputError(
            f"recording must be what the connectome was found from, which began at {given['t0']:g} s; got one from "
            f"{recording.t0:g} s on: cut it alike (time=, on the shell --time), or leave it out."
        )
