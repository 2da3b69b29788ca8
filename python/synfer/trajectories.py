"""Trajectories: realisations of one system, each sampled at times of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from synfer.errors import InputError, ShapeError
from synfer.recording import Recording
from synfer.storage import rectangular

_KINDS = {1: "(time, unit)", 2: "(time, height, width)", 3: "(time, channel, height, width)"}


class Trajectories:
    """Realisations of one system: numbers of units, or frames, over times that may be irregular and of each its own.

    A `Recording` has one clock and one length for all; where those will do, it can be given in place of this.

    Parameters
    ----------
    values : sequence of arrays, each (time, unit), (time, height, width) or (time, channel, height, width)
        One a realisation; lengths may differ, samples' shapes may not. Held as given, where floating.
    times : array (time,), or sequence of arrays (time,), one a realisation
        Seconds, increasing.
    parameters : mapping of str to array (trajectory,), optional
        What each realisation was made with, where that is known.
    states : sequence of arrays, each (time, state), optional
        What lies behind the values, where that is known: for a look, not for a forecaster.

    Attributes
    ----------
    values, times : list of numpy.ndarray
    parameters : dict of str to numpy.ndarray
    states : list of numpy.ndarray, or None

    Raises
    ------
    ShapeError
        Values and times differ in number or length, samples differ in shape, or have none of the shapes above.
    InputError
        Times that do not increase, or something that is no finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer import Trajectories
    >>> two = Trajectories([np.zeros((3, 5)), np.ones((4, 5))], [[0.0, 0.1, 0.4], [0.0, 0.1, 0.2, 0.3]])
    >>> len(two), two.lengths, two.sample_shape
    (2, (3, 4), (5,))
    >>> two.isel(time=slice(2)).lengths
    (2, 2)
    """

    parameters: dict[str, np.ndarray]
    states: list[np.ndarray] | None

    def __init__(
        self,
        values: Any,
        times: Any,
        *,
        parameters: Mapping[str, Any] | None = None,
        states: Sequence[Any] | None = None,
    ):
        if parameters is not None and not isinstance(parameters, Mapping):
            raise InputError(
                f"parameters must be a mapping of names to arrays (trajectory,); got a {type(parameters).__name__}."
            )
        self._hold(_parts(values, "values"), times, "values")
        self.parameters = {name: _for_each(column, name, len(self)) for name, column in (parameters or {}).items()}
        if states is not None:
            given = items(states, "states")
            self.states = [rectangular(state, f"states of trajectory {k}") for k, state in enumerate(given)]
            if [s.shape[:1] for s in self.states] != [v.shape[:1] for v in self.values]:
                raise ShapeError("states must have a row for each sample of each trajectory.")

    def _hold(self, values: list[np.ndarray], times: Any, name: str) -> None:
        """Hold what `_parts` checked, and its times; ``name`` is what the caller calls the values."""
        n = len(values)
        given = [times] * n if is_one(times) else items(times, "times")
        if len(given) != n:
            raise ShapeError(f"times must be of as many trajectories as {name}, {n}, or one for all; got {len(given)}.")
        self.values, self.times = values, [_times(time, k) for k, time in enumerate(given)]
        for k, (value, time) in enumerate(zip(self.values, self.times, strict=True)):
            if len(value) != len(time):
                raise ShapeError(
                    f"times must have a time for each sample; trajectory {k} has {len(value)} samples and "
                    f"{len(time)} times."
                )
        self.parameters, self.states = {}, None

    @classmethod
    def of(cls, X: Any, times: Any = None, signal: str | None = None, *, name: str = "X") -> Trajectories:
        """Give whatever holds realisations as Trajectories.

        Parameters
        ----------
        X : Trajectories, Recording, array (trajectory, time, ...), or a sequence of arrays or of Trajectories
            A Recording's trials (or networks) are the realisations.
        times : array (time,) or sequence of arrays, optional
            Of arrays, which do not say theirs; by default sample k of each lies at k seconds.
        signal : str, optional
            Which of a Recording's signals; needed where there are several.
        name : str
            What messages call ``X``: the argument that it was given as.

        Raises
        ------
        InputError, ShapeError
            As of the class, or times beside an X that has its own.
        """
        own = isinstance(X, Trajectories | Recording) or (
            isinstance(X, list | tuple) and len(X) > 0 and all(isinstance(part, Trajectories) for part in X)
        )
        if own and times is not None:
            raise InputError(f"times must be None where {name} has its own, as a {type(X).__name__} does.")
        if isinstance(X, Trajectories):
            return X
        if isinstance(X, Recording):
            return cls._of_recording(X, signal, name)
        if own:
            return cls([v for part in X for v in part.values], [t for part in X for t in part.times])
        parts, made = _parts(X, name), cls.__new__(cls)
        made._hold(parts, [np.arange(len(part), dtype=float) for part in parts] if times is None else times, name)
        return made

    @classmethod
    def _of_recording(cls, recording: Recording, signal: str | None, name: str) -> Trajectories:
        if signal is None and len(recording.signal_names) > 1:
            raise InputError(f"signal must name one of the Recording's signals, {', '.join(recording.signal_names)}.")
        array = rectangular(recording[recording.signal_names[0] if signal is None else signal], name)
        array, made = array[None] if recording.leading is None else array, cls.__new__(cls)
        made._hold(_parts(list(array), name), recording.t0 + recording.dt * np.arange(recording.n_samples), name)
        return made

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Trajectories:
        """Give some of the trajectories: by position, slice, or array of positions or of bool."""
        return self.isel(trajectory=index)

    def __iter__(self) -> Iterator[Trajectories]:
        return (self[k] for k in range(len(self)))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Samples of each trajectory."""
        return tuple(len(value) for value in self.values)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample: (unit,), (height, width) or (channel, height, width)."""
        shape: tuple[int, ...] = self.values[0].shape[1:]
        return shape

    def isel(self, *, trajectory: Any = None, time: slice | Sequence[int] | None = None) -> Trajectories:
        """Give some trajectories (the axis is kept for an int too), and some samples of each, by position.

        Raises
        ------
        InputError
            Nothing is left, or a position lies outside.
        """
        at = np.arange(len(self))
        samples = slice(None) if time is None else time
        try:
            kept = at if trajectory is None else np.atleast_1d(at[trajectory])
            part = [self.values[k][samples] for k in kept]
        except (IndexError, TypeError) as error:
            raise InputError(
                f"trajectory and time must be positions among {len(self)} trajectories of {min(self.lengths)} and more "
                f"samples: {error}."
            ) from None
        if not part or min(len(value) for value in part) == 0:
            raise InputError("trajectory and time must leave at least one sample of one trajectory; nothing is left.")
        return Trajectories(
            part,
            [self.times[k][samples] for k in kept],
            parameters={name: column[kept] for name, column in self.parameters.items()},
            states=None if self.states is None else [self.states[k][samples] for k in kept],
        )

    def to_array(self) -> np.ndarray:
        """Give the values as one array (trajectory, time, ...).

        Raises
        ------
        ShapeError
            Lengths differ.
        """
        if len(set(self.lengths)) > 1:
            raise ShapeError(
                f"trajectories must be of one length to make an array; got {min(self.lengths)} to "
                f"{max(self.lengths)} samples: cut them by isel."
            )
        return np.stack(self.values)

    def __repr__(self) -> str:
        shortest, longest = min(self.lengths), max(self.lengths)
        samples = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        about = f"; {', '.join(self.parameters)} of each" if self.parameters else ""
        return f"<Trajectories: {len(self)} of {samples} samples of shape {self.sample_shape}{about}>"


def is_one(times: Any) -> bool:
    """Whether times are one trajectory's, for all."""
    if isinstance(times, np.ndarray) and times.dtype != object:
        return times.ndim == 1
    if isinstance(times, list | tuple):
        return len(times) > 0 and all(np.ndim(time) == 0 for time in times)
    return np.ndim(times) == 1


def items(given: Any, name: str) -> list[Any]:
    """Give a sequence as a list; refuse by name what is none, and what would give names in place of arrays."""
    mend = ""
    if hasattr(given, "columns"):
        mend = f": give its rows, [{name}.to_numpy()] for one trajectory"
    elif isinstance(given, Mapping):
        mend = f": give list({name}.values())"
    elif isinstance(given, Recording):
        mend = f": take Trajectories.of({name})"
    elif not isinstance(given, str | bytes):
        try:
            return list(given)
        except TypeError:
            pass
    raise InputError(f"{name} must be a sequence of arrays, one a trajectory; got a {type(given).__name__}{mend}.")


def _parts(given: Any, name: str) -> list[np.ndarray]:
    """Give the values of each trajectory, checked."""
    parts = [_values(value, k, name) for k, value in enumerate(items(given, name))]
    if not parts:
        raise InputError(f"{name} must hold at least one trajectory, got none.")
    for k, part in enumerate(parts):
        if part.shape[1:] != parts[0].shape[1:]:
            raise ShapeError(
                f"{name} must have samples of one shape; trajectory {k} has {part.shape[1:]}, trajectory 0 has "
                f"{parts[0].shape[1:]}."
            )
    return parts


def _numbers(given: Any, name: str, mend: str) -> np.ndarray:
    array = rectangular(given, name)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must be numbers, got {array.dtype}.")
    array = array if array.dtype.kind == "f" else array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"{name} must be finite, got NaN or infinities: leave them out{mend}.")
    return array


def _values(given: Any, k: int, name: str) -> np.ndarray:
    if isinstance(given, Recording | Trajectories):
        raise InputError(
            f"{name} of trajectory {k} must be an array, got a {type(given).__name__}: join several by "
            f"Trajectories.of([Trajectories.of(one) for one in {name}])."
        )
    array = _numbers(given, f"{name} of trajectory {k}", ", with their times")
    if array.ndim < 2:
        raise ShapeError(
            f"{name} must be a sequence of trajectories, each of which must be {_KINDS[1]}, {_KINDS[2]} or "
            f"{_KINDS[3]}; got {array.shape} for trajectory {k}: a single trajectory is given as [{name}], and samples "
            "of a single unit as x[:, None]."
        )
    if array.ndim - 1 not in _KINDS or 0 in array.shape:
        raise ShapeError(
            f"{name} of trajectory {k} must be {', '.join(_KINDS.values())}, none of them 0; got {array.shape}."
        )
    return array


def _times(given: Any, k: int) -> np.ndarray:
    return increasing(given, f"times of trajectory {k}", of_samples=True)


def increasing(given: Any, name: str, *, of_samples: bool = False) -> np.ndarray:
    """Give times, of samples or asked for, as float64, increasing.

    Raises
    ------
    ShapeError
        They are not (time,).
    InputError
        They are not finite, not sorted, or one stands twice; the message names them.
    """
    times = _numbers(given, name, ", with their samples" if of_samples else "").astype(np.float64)
    if times.ndim != 1:
        raise ShapeError(f"{name} must be (time,), got {times.shape}.")
    steps = np.diff(times)
    if (steps < 0).any():
        at = int(np.argmax(steps < 0))
        raise InputError(
            f"{name} must increase, got {times[at + 1]:g} after {times[at]:g}: sort them"
            f"{', and their samples' if of_samples else ''}."
        )
    if (steps == 0).any():
        raise InputError(f"{name} must differ, got {times[int(np.argmax(steps == 0))]:g} twice: keep one of them.")
    return times


def _for_each(given: Any, name: str, n: int) -> np.ndarray:
    column = rectangular(given, f"parameter {name!r}")
    if column.shape[:1] != (n,):
        raise ShapeError(f"parameter {name!r} must be given for each of {n} trajectories, got {column.shape}.")
    return column
