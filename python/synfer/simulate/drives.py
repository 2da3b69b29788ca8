"""Drives as the compiled core takes them: the numbers of each term, worked out in float64 for the step."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from synfer.arguments import checked_numbers
from synfer.errors import InputError, ShapeError, StepWarning
from synfer.network import Drive, Network, SharedDrive
from synfer.network.drives import DRIVES, check_names, named_drives
from synfer.simulate.memory import refuse_beyond_available

DISCRETE = ("map_", "var")
"""How the names of models in discrete time begin: a step is a step, whatever dt."""
MOST_TERMS = 64
MOST_EVENTS = 100.0
"""Expected events of a Poisson drive in a step: each needs comparisons."""
MOST_OFF = 0.01
"""Share by which a memory's variance may be off, because its decay in a step is rounded, without a warning."""


@dataclasses.dataclass
class Term:
    """One term of a drive: its kind in the core, numbers (network, parameter, unit), what it remembers, tables, array.

    See csrc/simulator/drive.hpp, whose names these are.
    """

    kind: str
    parameters: np.ndarray | None = None
    state: np.ndarray | None = None
    thresholds: np.ndarray | None = None
    replayed: np.ndarray | None = None

    def bound(self) -> tuple:
        """As the binding takes it."""
        return self.kind, self.parameters, self.state, self.thresholds, self.replayed


def terms_of(drive: Any, network: Network, dt: float, n_steps: int, dtype: np.dtype, *, before: int = 0) -> list[Term]:
    """Give the terms of a drive: one of the dataclasses, an array that is replayed, or several of these.

    Parameters
    ----------
    drive : Drive, array ([network,] time, unit), or sequence or dict of these
        What drives the network.
    network : Network
        Whose units.
    dt, n_steps : float, int
        Step in seconds, and how many an array covers.
    dtype : dtype
        In which it is simulated.
    before : int
        Steps that the simulation took before these, where it goes on.

    Raises
    ------
    InputError, ShapeError
        A drive cannot be used; the message names it.

    Warns
    -----
    StepWarning
        A time constant is so many steps that the dtype cannot hold its decay.
    """
    drives = as_sequence(drive)
    if len(drives) > MOST_TERMS:
        raise InputError(f"drive must be at most {MOST_TERMS} drives; got {len(drives)}.")
    return [
        _term(one, network, dt, before + n_steps, dtype)
        if isinstance(one, Drive)
        else _replayed(one, network, n_steps, dtype)
        for one in drives
    ]


def as_sequence(drive: Any) -> Sequence[Any]:
    """Give the terms of a drive, of which nested lists of numbers are one."""
    if isinstance(drive, Mapping):
        return named_drives(drive)
    several = isinstance(drive, Sequence) and (len(drive) == 0 or any(_is_term(one) for one in drive))
    return drive if several else [drive]


def names_of(drive: Any) -> list[str | None]:
    """Give the names of the terms of a drive, None where one has none.

    Raises
    ------
    InputError
        A name is no identifier, or two are the same.
    """
    terms = as_sequence(drive)
    names = [one.name if isinstance(one, Drive) else None for one in terms]
    if isinstance(drive, Mapping):
        names = list(drive)
    check_names(names)
    return names


def signal_of(name: str) -> str:
    """Give the signal as which the drive of a name is recorded by itself."""
    return f"drive_{name}"


def shown(drive: Any) -> str:
    """Say in a recording's provenance what drove it."""
    terms = zip(names_of(drive), as_sequence(drive), strict=True)
    replayed = "replayed"
    return (
        " + ".join(
            repr(one) if isinstance(one, Drive) else replayed if name is None else f"{name}={replayed}"
            for name, one in terms
        )
        or "none"
    )


def _is_term(one: Any) -> bool:
    """Whether this is a term of several, rather than a row of nested lists."""
    return isinstance(one, Drive) or ((isinstance(one, np.ndarray) or hasattr(one, "detach")) and one.ndim >= 2)


def _term(drive: Drive, network: Network, dt: float, last: int, dtype: np.dtype) -> Term:
    drive.check_shapes(network.n_networks, network.n_units)
    if drive.kind == "white_noise" and network.model.startswith(DISCRETE):
        raise InputError(
            f"drive must be another than WhiteNoiseDrive for model {network.model!r}, whose steps have no length: take "
            "GaussianDrive, with the variance of a step."
        )
    n_networks, n_units = network.n_networks or 1, network.n_units
    full = (n_networks, n_units)
    f = {name: np.broadcast_to(np.asarray(value), full) for name, value in drive.fields().items()}
    term = _numbers(drive, f, dt, dtype)
    assert term.parameters is not None
    with np.errstate(over="ignore"):
        if not np.all(np.isfinite(term.parameters.astype(dtype))) and drive.kind != "step":
            raise InputError(f"the numbers of {drive!r} must be finite in {dtype}; simulate in float64.")
    if np.any(f.get("tau", 0)):
        _warn_of_decay(drive, term.parameters[:, -2].astype(dtype), f["tau"], dt, last)
    return term


def _warn_of_decay(drive: Drive, decay: np.ndarray, tau: np.ndarray, dt: float, last: int) -> None:
    """Warn where exp(-dt / tau), rounded, is so much another memory that the variance, which should be 1, is not.

    A simulation that goes on is judged by its steps from the beginning on: cut into pieces it comes to the same.

    Warns
    -----
    StepWarning
        It is off by more than 1 % after the last step.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        kick = -np.expm1(-2 * dt / tau)  # squared
        left = decay.astype(np.float64) ** 2
        settled = left**last
        variance = np.where(left < 1, kick / (1 - left) * (1 - settled) + settled, 1 + last * kick)
    off = np.abs(variance - 1)
    at = off.argmax()
    if off.flat[at] > MOST_OFF:
        warnings.warn(
            f"tau = {tau.flat[at]:g} s of {drive!r} is {tau.flat[at] / dt:.3g} steps of dt = {dt:g} s, whose decay is "
            f"rounded in {decay.dtype}: its variance comes to be off by {off.flat[at]:.0%}. Take dtype='float64'.",
            StepWarning,
            stacklevel=6,
        )


def _numbers(drive: Drive, f: dict[str, np.ndarray], dt: float, dtype: np.dtype) -> Term:
    """Give the term of a drive whose fields are all (network, unit)."""
    shape = next(iter(f.values())).shape

    def packed(*rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.stack(np.broadcast_arrays(*rows), axis=1).astype(np.float64))

    if drive.kind == "gaussian":
        return Term("gaussian", packed(f["mean"], np.sqrt(f["variance"])))
    if drive.kind == "white_noise":
        return Term("gaussian", packed(f["mean"], f["intensity"] / np.sqrt(dt)))
    if drive.kind == "ornstein_uhlenbeck":
        decay, kick = _decay_and_kick(f["tau"], dt)
        return Term("ornstein_uhlenbeck", packed(f["mean"], f["deviation"], decay, kick), np.zeros(shape, dtype))
    if drive.kind == "poisson":
        expected = f["rate"] * dt
        if np.any(expected > MOST_EVENTS):
            raise InputError(
                f"rate of PoissonDrive must be at most {MOST_EVENTS / dt:g} Hz at dt = {dt:g} s, {MOST_EVENTS:g} "
                f"events a step; got {f['rate'].max():g}: take a GaussianDrive of mean weight x rate x dt and variance "
                "weight^2 x rate x dt."
            )
        return Term("poisson", packed(f["weight"]), thresholds=poisson_thresholds(expected))
    if drive.kind == "step":
        # a time within rounding of the beginning of a step is that beginning
        return Term("step", packed(f["amplitude"], *(np.ceil(f[name] / dt - 1e-6) for name in ("start", "stop"))))
    if drive.kind == "sine":
        turns, phase = f["frequency"] * dt, f["phase"] / (2 * np.pi)
        # beyond 2^51 the core's rounding to whole turns, by adding 1.5 x 2^52, would leave more than one
        phase = np.where(np.abs(phase) > 2.0**50, np.fmod(phase, 1.0), phase)
        return Term("sine", packed(f["mean"], f["amplitude"], turns - np.round(turns), phase))
    if isinstance(drive, SharedDrive):
        if not np.any(f["tau"]):
            return Term("shared_gaussian", packed(f["strength"]))
        decay, kick = _decay_and_kick(f["tau"], dt)
        return Term("shared_ornstein_uhlenbeck", packed(f["strength"], decay, kick), np.zeros(shape[:1], dtype))
    raise InputError(f"drive must be one of {', '.join(d.__name__ for d in DRIVES.values())}; got {drive!r}.")


def _decay_and_kick(tau: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Give e = exp(-dt / tau) and sqrt(1 - e^2)."""
    with np.errstate(divide="ignore"):
        steps = dt / tau
    return np.exp(-steps), np.sqrt(-np.expm1(-2 * steps))


def poisson_thresholds(expected: np.ndarray) -> np.ndarray:
    """Give 2^32 P(count <= c) - 1 for c = 0, 1, ... (network, threshold, unit): a word exceeds `count` of them.

    Where all are expected alike, they are (1, threshold, 1).

    Raises
    ------
    InputError
        They would not fit into memory.
    """
    if expected.min() == expected.max():
        expected = expected[:1, :1]
    most = int(scipy.stats.poisson.isf(2.0**-33, expected.max())) + 1 if expected.max() > 0 else 0
    # the table and the core's own, and on the way two numbers in float64 for each of a network's
    refuse_beyond_available(
        8 * most * expected.size + 16 * most * expected.shape[1],
        "give all units one rate, or simulate fewer at once",
        "the table of a PoissonDrive",
    )
    table = np.empty((len(expected), most, expected.shape[1]), np.uint32)
    for row, own in zip(expected, table, strict=True):
        below = scipy.stats.poisson.cdf(np.arange(most)[:, None], row)
        own[...] = np.clip(np.round(below * 2.0**32) - 1, 0, 2.0**32 - 1)
    return table


def _replayed(array: Any, network: Network, n_steps: int, dtype: np.dtype) -> Term:
    given = checked_numbers("drive", array)
    full = (*(() if network.n_networks is None else (network.n_networks,)), n_steps, network.n_units)
    if given.shape not in (full, full[-2:]):
        symbols = "(time, unit)" if network.n_networks is None else "(network, time, unit)"
        shared = "" if len(full) == 2 else f", or (time, unit) = {full[-2:]}"
        raise ShapeError(f"drive must have shape {symbols} = {full}{shared}; got {given.shape}.")
    if given.dtype != dtype or not given.flags.c_contiguous:
        refuse_beyond_available(
            given.size * dtype.itemsize, f"give the drive in {dtype} and C order, so that it is not copied"
        )
    with np.errstate(over="ignore"):
        replayed = np.require(given, dtype, ["C", "ALIGNED"])
    if not np.isfinite(replayed.sum(dtype=np.float64)):  # cheap; overflow alone is no fault
        where = np.argwhere(~np.isfinite(replayed))
        if len(where):
            raise InputError(f"drive must be finite in {dtype}; it is not at index {tuple(where[0].tolist())}.")
    if replayed.ndim == 2 or network.n_networks is not None:
        return Term("replayed", replayed=replayed)
    return Term("replayed", replayed=replayed[None])
