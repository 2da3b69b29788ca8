"""Drives: what acts on the units of a network besides their synapses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.storage import as_floats


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Drive:
    """Base of the drives: each of its parameters is a number, or an array (unit,) or, in a batch, (network, unit).

    A network sums what its drives give; `synfer.simulate.run` generates them step by step inside the core, from random
    numbers that depend on the seed, the network's id, the unit, the step and the drive's place in the list alone. The
    input unit is the model's: mV per ms for Izhikevich's neuron, that of x for a rate model.

    Each takes a ``name`` too, by keyword: an identifier; `run` records the drive by itself as signal "drive_<name>".
    """

    kind: ClassVar[str]
    at_least_0: ClassVar[tuple[str, ...]] = ()
    may_be_infinite: ClassVar[tuple[str, ...]] = ()
    name: str | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.name is not None:
            check_name(self.name)
        for name, value in self.fields().items():
            object.__setattr__(self, name, self._checked(name, value))

    def fields(self) -> dict[str, Any]:
        """Give the parameters by name, the drive's own name aside."""
        names = [field.name for field in dataclasses.fields(self) if field.name != "name"]
        return {name: getattr(self, name) for name in names}

    def _checked(self, name: str, value: Any) -> float | np.ndarray:
        what = f"{name} must be a number, or an array (unit,) or (network, unit)"
        if value is None or isinstance(value, bool | str | bytes):
            raise InputError(f"{what}; got {value!r}.")
        array = as_floats(value, name).astype(np.float64)
        if array.ndim > 2 or array.size == 0:
            raise ShapeError(f"{what}; got shape {array.shape}.")
        usable = ~np.isnan(array) if name in self.may_be_infinite else np.isfinite(array)
        if name in self.at_least_0:
            usable &= array >= 0
        if not np.all(usable):
            expected = "finite and at least 0" if name in self.at_least_0 else "finite"
            raise InputError(f"{name} must be {expected}; got {float(array[~usable].flat[0])}.")
        array.setflags(write=False)
        return float(array) if array.ndim == 0 else array

    def check_shapes(self, n_networks: int | None, n_units: int) -> None:
        """Refuse parameters that are not those of so many networks of so many units.

        Raises
        ------
        ShapeError
            Naming the parameter.
        """
        shapes = [(), (n_units,)] + ([] if n_networks is None else [(n_networks, n_units)])
        for name, value in self.fields().items():
            if np.shape(value) not in shapes:
                batch = "" if n_networks is None else f", or (network, unit) = ({n_networks}, {n_units})"
                raise ShapeError(
                    f"{name} of {type(self).__name__} must be a number or of shape (unit,) = ({n_units},){batch}; "
                    f"got {np.shape(value)}."
                )

    def isel(self, network: Any) -> Drive:
        """Give the drive of some networks of a batch, by position."""
        of_theirs = {name: value[network] if np.ndim(value) == 2 else value for name, value in self.fields().items()}
        return dataclasses.replace(self, name=self.name, **of_theirs)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        theirs = other.fields()
        same = all(np.array_equal(value, theirs[name]) for name, value in self.fields().items())
        return same and self.name == other.name

    def __hash__(self) -> int:
        return hash((self.kind, self.name, *(np.asarray(value).tobytes() for value in self.fields().values())))

    def __repr__(self) -> str:
        shown = [f"{name}={_shown(value)}" for name, value in self.fields().items()]
        shown += [] if self.name is None else [f"name={self.name!r}"]
        return f"{type(self).__name__}({', '.join(shown)})"


def check_name(name: Any) -> None:
    """Refuse a drive's name under which nothing could be recorded.

    Raises
    ------
    InputError
        It is no identifier.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise InputError(f"name must be an identifier, such as 'stimulus', that names the drive; got {name!r:.60}.")


def check_names(names: Iterable[str | None]) -> None:
    """Refuse drives two of which have one name.

    Raises
    ------
    InputError
        Naming it.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(
                f"drive must be drives of different names, or of none; two are named {name!r}: rename one."
            )
        seen |= set() if name is None else {name}


def named_drives(drives: Mapping[Any, Any]) -> list[Any]:
    """Give what a dict of name to drive holds, in its order, each drive under its name (arrays have none).

    Raises
    ------
    InputError
        A name is no identifier, or the drive has another.
    """
    for name, drive in drives.items():
        check_name(name)
        if isinstance(drive, Drive) and drive.name not in (None, name):
            raise InputError(f"drive[{name!r}] must be named so, or not at all; got {drive!r}.")
    return [
        dataclasses.replace(drive, name=name) if isinstance(drive, Drive) else drive for name, drive in drives.items()
    ]


def _shown(value: float | np.ndarray) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    low, high = float(value.min()), float(value.max())
    return f"{low:g}" if low == high else f"<{low:g} to {high:g}>"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GaussianDrive(Drive):
    """White noise, drawn anew for each unit and step: I ~ N(mean, variance).

    Parameters
    ----------
    mean : float or array
        Mean input (the model's input unit; for Izhikevich's neuron mV per ms).
    variance : float or array
        Its variance in each step, at least 0 (the same unit, squared). It is that of the number drawn in a step,
        whatever dt: halve dt, and what it does to a neuron halves too. `WhiteNoiseDrive` does not depend on dt.
    """

    mean: Any
    variance: Any
    kind: ClassVar[str] = "gaussian"
    at_least_0: ClassVar[tuple[str, ...]] = ("variance",)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WhiteNoiseDrive(Drive):
    """White noise of an intensity, I(t) = mean + intensity xi(t), <xi(t) xi(t')> = delta(t - t'): the same whatever dt.

    In a step it is drawn from N(mean, intensity^2 / dt), dt in seconds, so that its integral over any time T has the
    mean ``mean * T`` and the variance ``intensity^2 * T`` (Euler and Maruyama's scheme). For units in continuous time:
    in discrete time (maps, autoregressions) it is refused, and `GaussianDrive` is meant.

    Parameters
    ----------
    mean : float or array
        Mean input (the model's input unit).
    intensity : float or array
        Square root of its spectral density, at least 0, in the input unit times the square root of a second. A `lif`
        membrane alone gets the variance (resistance x intensity)^2 / (2 tau): for tau v' = ... + sigma sqrt(2 tau) xi,
        whose v deviates by sigma, take sigma sqrt(2 tau) / resistance. An Izhikevich neuron has its input in mV/ms: by
        it alone v diffuses by 1000 x intensity x sqrt(T) mV. Of leaky rate units it is tau x noise.
    """

    mean: Any
    intensity: Any
    kind: ClassVar[str] = "white_noise"
    at_least_0: ClassVar[tuple[str, ...]] = ("intensity",)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class OrnsteinUhlenbeckDrive(Drive):
    """Noise with a memory: tau dI = (mean - I) dt + deviation sqrt(2 tau) dW, for each unit by itself.

    Sampled without error: I(t + dt) = mean + e (I(t) - mean) + deviation sqrt(1 - e^2) z, e = exp(-dt / tau). It begins
    in its stationary state, N(mean, deviation^2); its autocovariance is deviation^2 exp(-|lag| / tau).

    Parameters
    ----------
    mean : float or array
        Mean input.
    deviation : float or array
        Its standard deviation, at least 0.
    tau : float or array
        Time constant in seconds, at least 0; with 0 the numbers of different steps are independent.

    References
    ----------
    D. T. Gillespie, "Exact numerical simulation of the Ornstein-Uhlenbeck process and its integral", Phys. Rev. E 54
    (1996), 2084-2091.
    """

    mean: Any
    deviation: Any
    tau: Any
    kind: ClassVar[str] = "ornstein_uhlenbeck"
    at_least_0: ClassVar[tuple[str, ...]] = ("deviation", "tau")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PoissonDrive(Drive):
    """Events at random: in each step, weight times a Poisson number of mean rate x dt, for each unit by itself.

    Parameters
    ----------
    rate : float or array
        Events a second, at least 0. At most 100 are expected in a step (`synfer.simulate.run` refuses more: that is
        white noise of mean and variance weight rate dt and weight^2 rate dt).
    weight : float or array
        Input of one event, acting for one step: its charge is weight x dt, so with half the step take twice the weight.
    """

    rate: Any
    weight: Any
    kind: ClassVar[str] = "poisson"
    at_least_0: ClassVar[tuple[str, ...]] = ("rate",)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class StepDrive(Drive):
    """A constant input for some time: I(t) = amplitude where start <= t < stop, else 0; t is when the step begins.

    Parameters
    ----------
    amplitude : float or array
        Input.
    start, stop : float or array
        Seconds from the beginning of the simulation; by default always.
    """

    amplitude: Any
    start: Any = 0.0
    stop: Any = math.inf
    kind: ClassVar[str] = "step"
    may_be_infinite: ClassVar[tuple[str, ...]] = ("start", "stop")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SineDrive(Drive):
    """A sine wave: I(t) = mean + amplitude sin(2 pi frequency t + phase); t is when the step begins.

    Parameters
    ----------
    amplitude : float or array
        Input.
    frequency : float or array
        Hertz.
    phase : float or array
        Radians. It is kept to 2^-31 of a turn.
    mean : float or array
        What it swings about.
    """

    amplitude: Any
    frequency: Any
    phase: Any = 0.0
    mean: Any = 0.0
    kind: ClassVar[str] = "sine"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SharedDrive(Drive):
    """A common input that nobody sees, a confounder: I_i(t) = strength_i y(t), one y of variance 1 for all units.

    Parameters
    ----------
    strength : float or array
        How strongly each unit feels it; 0 for those that do not.
    tau : float or array (network, unit) of equal rows
        Time constant of y in seconds, as for `OrnsteinUhlenbeckDrive`; with 0, the default, y is white: drawn anew in
        each step, with variance 1 whatever dt.
    """

    strength: Any
    tau: Any = 0.0
    kind: ClassVar[str] = "shared"
    at_least_0: ClassVar[tuple[str, ...]] = ("tau",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if np.ndim(self.tau) and np.any(np.ptp(self.tau, axis=-1) > 0):
            raise InputError(
                "tau must be one for all units of a network: they share one y; add a SharedDrive for each."
            )


_KINDS = (GaussianDrive, WhiteNoiseDrive, OrnsteinUhlenbeckDrive, PoissonDrive, StepDrive, SineDrive, SharedDrive)
DRIVES: dict[str, type[Drive]] = {drive.kind: drive for drive in _KINDS}
"""The drives by the name that a file gives them."""


def checked_drives(drive: Any, n_networks: int | None, n_units: int) -> tuple[Drive, ...]:
    """Give what a network is driven by as a tuple: one drive, several, several by name, or None.

    Raises
    ------
    InputError
        There is something else among them, or two have one name.
    ShapeError
        A drive's parameter is not one of these networks and units.
    """
    if isinstance(drive, Mapping):
        drive = named_drives(drive)
    drives = () if drive is None else tuple(drive) if isinstance(drive, Sequence) else (drive,)
    for one in drives:
        if not isinstance(one, Drive):
            names = ", ".join(kind.__name__ for kind in DRIVES.values())
            raise InputError(f"drive must be one of {names}, or several of them; got a {type(one).__name__}.")
        one.check_shapes(n_networks, n_units)
    check_names(one.name for one in drives)
    return drives


def packed_drives(drives: Sequence[Drive]) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Give what a file needs to make them anew: kinds and numbers, and arrays under names that stand for them there."""
    plain: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for place, drive in enumerate(drives):
        fields = drive.fields()
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                fields[name] = f"drive{place}_{name}"
                arrays[fields[name]] = value
        named = {} if drive.name is None else {"name": drive.name}
        plain.append({"kind": drive.kind, **named, **fields})
    return plain, arrays


def restored_drives(plain: Any, arrays: Mapping[Any, Any]) -> tuple[Drive, ...]:
    """Make the drives of what `packed_drives` gave, or of one such entry.

    Raises
    ------
    UnknownNameError
        There is no drive of that kind.
    """
    drives = []
    for entry in [plain] if isinstance(plain, dict) else plain:
        fields: dict[str, Any] = {
            name: np.asarray(arrays[value]) if isinstance(value, str) and name != "name" else value
            for name, value in entry.items()
            if name != "kind"
        }
        if entry["kind"] not in DRIVES:
            raise UnknownNameError.of("kind", entry["kind"], DRIVES)
        drives.append(DRIVES[entry["kind"]](**fields))
    return tuple(drives)
