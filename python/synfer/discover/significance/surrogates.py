"""Surrogates: samples made anew in which each unit does what it did, and nobody drives anybody.

Each kind says what it preserves and what it destroys, and refuses signals that it does not fit. Units are changed
independently of each other, segments too; no sample passes from one segment into another.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from synfer.discover.base import Samples
from synfer.discover.spike_trains import is_counted
from synfer.errors import InputError, UnknownNameError

FEWEST_TRIALS = 4


@dataclasses.dataclass(frozen=True)
class Surrogate:
    """Base of the surrogates: a subclass says in ``_unit`` how one unit's stretch is made anew."""

    name: ClassVar[str]
    preserves: ClassVar[str]
    destroys: ClassVar[str]

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, bool):
                if not isinstance(value, bool):
                    raise InputError(f"{field.name} must be True or False; got {value!r}.")
                continue
            allowed = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1
            if not (allowed or (value is None and field.default is None)):
                raise InputError(f"{field.name} must be a whole number of at least 1; got {value!r}.")

    def check(self, samples: Samples) -> None:
        """Refuse samples that this kind does not fit.

        Raises
        ------
        InputError
            Saying why, and which kind to take instead.
        """

    def there_are(self, samples: Samples) -> int | None:
        """Give how many pairings of two units there are but the true one; None where that is no limit."""
        return None

    def draw(self, samples: Samples, rng: np.random.RandomState, units: Any = None) -> Samples:
        """Make samples anew.

        Parameters
        ----------
        samples : Samples
            As `check` accepts them.
        rng : numpy.random.RandomState
        units : array of int, optional
            Positions of the units to change; by default all. The others are as they were.

        Returns
        -------
        Samples
            Segments of the same shapes and dtypes, in memory of their own.
        """
        chosen = np.arange(samples.n_units) if units is None else np.atleast_1d(units)
        segments = [np.array(segment) for segment in samples.segments]
        self._change(segments, chosen, rng)
        return dataclasses.replace(samples, segments=segments)

    def _change(self, segments: list[np.ndarray], units: np.ndarray, rng: np.random.RandomState) -> None:
        for segment in segments:
            for unit in units:
                segment[:, unit] = self._unit(segment[:, unit], rng)

    def _unit(self, x: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} does not say how a unit is made anew.")


@dataclasses.dataclass(frozen=True)
class CircularShift(Surrogate):
    """Each unit is moved along its segment by a shift of its own; what leaves at the end comes in at the beginning.

    Parameters
    ----------
    min_shift : int, optional
        Samples: shifts lie ``min_shift`` or more from none at all. By default a twentieth of the shortest segment. It
        should exceed the time over which units act on and remember each other.
    apart : bool
        Shifts lie so far from each other, too (of k units that are shifted together at most a (k + 1)-th of the
        segment), so that no two units keep their timing: for the largest score of all pairs, which would be theirs
        (`SurrogateTest` with ``null="max"`` sets it). Of a single pair independent shifts are the exact ones: of many
        units those that lie apart are nearly a grid, on which a pair's timing is met again and again.

    References
    ----------
    K. D. Harris, "Nonsense correlations in neuroscience", bioRxiv 2020.11.29.402719: exact where the process is
    stationary and forgets; the seam is the price.
    """

    min_shift: int | None = None
    apart: bool = False
    name: ClassVar[str] = "circular_shift"
    preserves: ClassVar[str] = "each unit's samples and their order, but for one seam a segment"
    destroys: ClassVar[str] = "all timing between units, also what a stimulus or a common drift gives to both"

    def check(self, samples: Samples) -> None:
        """Refuse segments with fewer than 20 shifts to draw from."""
        shortest = min(len(segment) for segment in samples.segments)
        low = self._low(samples.segments)
        if shortest - 2 * low + 1 < 20:
            raise InputError(
                f"min_shift must leave at least 20 shifts of the shortest segment of {shortest} samples; got {low}: "
                "take a smaller min_shift, or surrogate='trial_shuffle' where trials are many."
            )

    def _low(self, segments: list[np.ndarray]) -> int:
        shortest = min(len(segment) for segment in segments)
        return max(1, shortest // 20) if self.min_shift is None else int(self.min_shift)

    def _change(self, segments: list[np.ndarray], units: np.ndarray, rng: np.random.RandomState) -> None:
        low = self._low(segments)
        k = len(units)
        for segment in segments:
            if not self.apart:
                for unit in units:
                    segment[:, unit] = np.roll(segment[:, unit], rng.randint(low, len(segment) - low + 1))
                continue
            apart = min(low, (len(segment) - 1) // (k + 1))
            free = rng.randint(0, len(segment) - (k + 1) * apart + 1, size=k)
            shifts = np.sort(free) + apart * np.arange(1, k + 1)
            for unit, shift in zip(rng.permutation(units), shifts, strict=True):
                segment[:, unit] = np.roll(segment[:, unit], shift)


@dataclasses.dataclass(frozen=True)
class BlockShuffle(Surrogate):
    """Each unit is cut into blocks, which are put together in random order.

    Parameters
    ----------
    length : int
        Samples in a block (the last of a segment may be shorter). It should exceed the unit's own memory: what
        reaches farther than a block is lost, and tests then reject too often.
    """

    length: int = 100
    name: ClassVar[str] = "block_shuffle"
    preserves: ClassVar[str] = "each unit's samples, and their order within a block"
    destroys: ClassVar[str] = "timing between units, slow trends, and a unit's own memory beyond a block"

    def check(self, samples: Samples) -> None:
        """Refuse segments of fewer than five blocks."""
        shortest = min(len(segment) for segment in samples.segments)
        if shortest < 5 * self.length:
            raise InputError(
                f"length must be at most a fifth of the shortest segment of {shortest} samples; got {self.length}: "
                "take shorter blocks, or surrogate='trial_shuffle' where trials are many."
            )

    def _unit(self, x: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        blocks = np.split(x, np.arange(self.length, len(x), self.length))
        return np.concatenate([blocks[k] for k in rng.permutation(len(blocks))])


@dataclasses.dataclass(frozen=True)
class TrialShuffle(Surrogate):
    """Each unit's trials are put in random order, so that units are paired across trials."""

    name: ClassVar[str] = "trial_shuffle"
    preserves: ClassVar[str] = "each trial of each unit whole, so also what a stimulus locks to the trial's beginning"
    destroys: ClassVar[str] = "what units share within a trial only, and trends from trial to trial"

    def check(self, samples: Samples) -> None:
        """Refuse fewer than four trials, or trials of different lengths."""
        lengths = {len(segment) for segment in samples.segments}
        if len(samples.segments) < FEWEST_TRIALS or len(lengths) > 1:
            raise InputError(
                f"X must hold at least {FEWEST_TRIALS} trials of one length for surrogate='trial_shuffle'; got "
                f"{len(samples.segments)} of {sorted(lengths)} samples: take surrogate='circular_shift'."
            )

    def there_are(self, samples: Samples) -> int | None:
        """Give the number of orders in which one unit's trials can stand beside another's, less the true one."""
        return math.factorial(len(samples.segments)) - 1

    def _change(self, segments: list[np.ndarray], units: np.ndarray, rng: np.random.RandomState) -> None:
        for unit in units:
            columns = [segment[:, unit].copy() for segment in segments]
            for segment, k in zip(segments, rng.permutation(len(segments)), strict=True):
                segment[:, unit] = columns[k]


@dataclasses.dataclass(frozen=True)
class IAAFT(Surrogate):
    """Iterated amplitude-adjusted Fourier transform: the unit's own values in an order that has its spectrum.

    Two steps take turns: give the series the amplitudes of the spectrum, keeping its phases; give it the values by
    rank. It ends where the order of ranks no longer changes, or after ``n_iterations``.

    Parameters
    ----------
    n_iterations : int

    References
    ----------
    T. Schreiber and A. Schmitz, Phys. Rev. Lett. 77 (1996), 635-638. A segment that ends far from where it began gives
    high frequencies that are not its own (the transform is periodic).
    """

    n_iterations: int = 200
    name: ClassVar[str] = "iaaft"
    preserves: ClassVar[str] = "each unit's values exactly, its power spectrum nearly"
    destroys: ClassVar[str] = "all timing between units, and whatever is nonlinear within one (the shape of spikes)"

    def check(self, samples: Samples) -> None:
        """Refuse counts and spikes, and missing samples, of which there is no spectrum."""
        for unit, label in enumerate(samples.unit_ids):
            if any(np.isnan(segment[:, unit]).any() for segment in samples.segments):
                raise InputError(
                    f"X must have no missing samples for surrogate='iaaft'; got NaN in unit {label!s}: take "
                    "'circular_shift'."
                )
            if is_counted(samples, unit):
                raise InputError(
                    f"X must be a continuous signal for surrogate='iaaft'; got counts or spikes in unit {label!s}: "
                    "take 'spike_jitter' or 'circular_shift'."
                )

    def _unit(self, x: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        values = np.sort(x.astype(np.float64))
        amplitude = np.abs(np.fft.rfft(x.astype(np.float64)))
        ranks = rng.permutation(len(x))
        for _ in range(self.n_iterations):
            phases = np.angle(np.fft.rfft(values[ranks]))
            fitted = np.fft.irfft(amplitude * np.exp(1j * phases), n=len(x))
            before, ranks = ranks, np.empty(len(x), dtype=np.intp)
            ranks[np.argsort(fitted, kind="stable")] = np.arange(len(x))
            if np.array_equal(before, ranks):
                break
        return values[ranks]


@dataclasses.dataclass(frozen=True)
class SpikeJitter(Surrogate):
    """Interval jitter: a unit's spikes are spread anew over each window of fixed length.

    Parameters
    ----------
    width : int
        Samples in a window; the first window's place is drawn. Timing finer than this is put to the test, rates
        that change more slowly are kept.

    References
    ----------
    A. Amarasingham, M. T. Harrison, N. G. Hatsopoulos, S. Geman, "Conditional modeling and the jitter method of spike
    resampling", J. Neurophysiol. 107 (2012), 517-531.
    """

    width: int = 20
    name: ClassVar[str] = "spike_jitter"
    preserves: ClassVar[str] = "the number of spikes of each unit in every window"
    destroys: ClassVar[str] = "timing finer than a window, between units and within one (refractoriness, bursts)"

    def check(self, samples: Samples) -> None:
        """Refuse what is not spikes, and windows longer than a fifth of a segment."""
        for unit, label in enumerate(samples.unit_ids):
            if not is_counted(samples, unit):
                raise InputError(
                    f"X must hold spikes or counts for surrogate='spike_jitter'; got a continuous signal in unit "
                    f"{label!s}: take 'iaaft' or 'circular_shift'."
                )
        shortest = min(len(segment) for segment in samples.segments)
        if not 2 <= self.width <= shortest // 5:
            raise InputError(
                f"width must be 2 samples to a fifth of the shortest segment of {shortest}; got {self.width}."
            )

    def _unit(self, x: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        first = rng.randint(self.width)
        window = (np.arange(len(x)) + first) // self.width
        # Sorting by window, then by a random number, is a permutation within each window.
        return np.asarray(x[np.lexsort((rng.random_sample(len(x)), window))])


SURROGATES: dict[str, type[Surrogate]] = {
    kind.name: kind for kind in (CircularShift, BlockShuffle, TrialShuffle, IAAFT, SpikeJitter)
}
"""The surrogates by name."""


def as_surrogate(surrogate: Any) -> Surrogate:
    """Give a surrogate, or the one of that name with its defaults.

    Raises
    ------
    InputError, UnknownNameError
        It is neither.
    """
    if isinstance(surrogate, Surrogate):
        return surrogate
    if not isinstance(surrogate, str):
        raise InputError(
            f"surrogate must be a name of {', '.join(SURROGATES)}, or one of their objects; got {surrogate!r:.60}."
        )
    if surrogate not in SURROGATES:
        raise UnknownNameError.of("surrogate", surrogate, SURROGATES)
    return SURROGATES[surrogate]()
