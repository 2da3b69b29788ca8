"""Typed errors and warnings.

Each names the argument, what was expected and what was given, and says the mend, in one sentence. All derive from
``SynferError``, so ``except synfer.errors.SynferError`` catches what synfer refuses and nothing else.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from types import FrameType


class SynferError(Exception):
    """Base of everything synfer raises on purpose."""


class InputError(SynferError, ValueError):
    """An argument's value cannot be used (NaN samples, constant units, a negative duration, ...)."""


class ShapeError(InputError):
    """An array has another shape than its argument's symbolic shape."""


class UnknownNameError(InputError):
    """A method, parameter, signal or model name that does not exist; the nearest names are suggested."""

    @classmethod
    def of(cls, what: str, given: str, known: Iterable[str]) -> UnknownNameError:
        """Build the error for ``given``, which is none of ``known``."""
        names = sorted(known)
        near = difflib.get_close_matches(given, names, n=3, cutoff=0.5)
        mend = f"did you mean {' or '.join(repr(n) for n in near)}?" if near else f"choose one of {', '.join(names)}."
        return cls(f"{what} {given!r} does not exist: {mend}")


class DeviceError(InputError):
    """A device cannot do what is asked: it is not there, nothing is built for it, or its memory is too small."""


class NoStateError(InputError, AttributeError):
    """A recording has no state that a simulation could go on from: without one it would begin anew."""


class FileError(SynferError, OSError):
    """A file is missing, unreadable, half-written, of another format, or cannot be written."""


class UnstableSystemError(InputError):
    """A linear system would grow without bounds: its spectral radius is not below 1."""


class SimulationDivergedError(SynferError, ArithmeticError):
    """A simulated state is no longer finite; says which network, unit and step."""


class FitDivergedError(SynferError, ArithmeticError):
    """A fit diverged: no connectome is handed out as if it had converged."""


class SynferWarning(UserWarning):
    """Base of everything synfer warns of."""


class OrientationWarning(SynferWarning):
    """More units than samples: the array is probably transposed."""


class DelayWarning(SynferWarning):
    """A simulation's step makes synapses act after another delay, or for another time, than the connectome says."""


class StepWarning(SynferWarning):
    """A simulation's step is too large for the equations, or a time in them is no whole number of steps."""


class MillisecondsWarning(StepWarning):
    """A time is so long for what it is that it rather is in milliseconds, where seconds are meant."""


class NotConvergedWarning(SynferWarning):
    """A fit stopped at its cap before it had converged; the connectome says so too."""


class ResolutionWarning(SynferWarning):
    """Too few surrogates or samples, or no edges: p-values are coarse, missing, or of unknown worth."""


class DispersionWarning(SynferWarning):
    """Counts vary more than the law allows that p-values are of: these are too small."""


class HorizonWarning(SynferWarning):
    """A forecast is asked for a time further ahead than any that was learnt."""


class UnitRootWarning(SynferWarning):
    """A fitted process remembers for so long that what is concluded from it is chance."""


class ConstantSegmentWarning(SynferWarning):
    """A unit does not vary throughout a trial: it is silent or disconnected there."""


class LargestOrderWarning(SynferWarning):
    """A criterion chose the largest order that it was offered: it may have chosen a larger one."""


class OutlierWarning(SynferWarning):
    """A few samples are so far from all others that the scale is theirs, and what the others do is no longer seen."""


class TruthWarning(SynferWarning):
    """What an estimate is held against was estimated itself."""


class NonStationaryWarning(SynferWarning):
    """A mean drifts, so that a method that takes it to be steady finds drives where there is a common course."""


def level_of_user() -> int:
    """Give the ``stacklevel`` with which a warning is of the first line outside synfer, however deep inside it is."""
    frame: FrameType | None = sys._getframe(1)
    level, ours = 1, __name__.partition(".")[0]
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == ours:
        frame, level = frame.f_back, level + 1
    return level
