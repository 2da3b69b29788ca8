"""When samples were taken: steps in seconds, times in other units, clocks that stray."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from synfer.errors import InputError, MillisecondsWarning, level_of_user
from synfer.storage import as_floats, as_number

REGULAR_TOLERANCE = 1e-3
"""Sample times may stray this fraction of dt from a regular grid: clocks written with few digits."""
GIVEN_TOLERANCE = 0.5
"""Where dt is given, the farthest times to either side of its grid may be this fraction of it apart: stamps rounded to
milliseconds, or that jitter. A missing frame sets all that follow a whole step apart."""
OTHER_STEP = 0.1
"""Such times, where they are few, must show dt to within this fraction all the same."""

SECONDS_IN = {
    1.0: ("", "s", "sec", "secs", "second", "seconds"),
    1e3: ("ms", "msec", "msecs", "millisecond", "milliseconds"),
    1e6: ("us", "µs", "μs", "usec", "usecs", "microsecond", "microseconds"),
    1e9: ("ns", "nsec", "nsecs", "nanosecond", "nanoseconds"),
}
"""How many of a unit of time are a second, and what that is called."""
LONGER_THAN_SECONDS = {
    60.0: ("min", "mins", "minute", "minutes"),
    3600.0: ("h", "hr", "hrs", "hour", "hours"),
    86400.0: ("d", "day", "days"),
}
"""How many seconds a longer unit is, and what that is called; "m" is a metre, a month or a minute, and so none."""

LEAST_RUN = 3
"""Samples of a run of rising times, on average, from which on it is a trial and no accident."""

LONG_STEP = 5.0
"""Seconds of a step from which on it is warned of: frames (33 ms) and rates (from 5 Hz on) mistaken for seconds lie
above. The slowest that are sampled regularly and asked who drives whom are volumes of fMRI, of .7 to 4 s."""


def as_step(dt: Any) -> float:
    """Give the step as positive seconds.

    Raises
    ------
    InputError
        It is no such number; True and False are none.
    """
    if isinstance(dt, bool | np.bool_):
        raise InputError(f"dt must be positive seconds, a number; got {dt}.")
    return as_number(dt, "dt", positive=True)


def warn_of_long_step(dt: float) -> None:
    """Warn of a step so long that it rather is in milliseconds, or a rate.

    Warns
    -----
    MillisecondsWarning
        Of the line that called synfer.
    """
    if dt >= LONG_STEP:
        warnings.warn(
            f"dt is seconds, and {dt:g} s from sample to sample are long: give dt = {dt / 1e3:.6g} where that is in "
            f"milliseconds, dt = {1 / dt:.6g} where it is a rate in Hz; where seconds are meant, filter "
            "synfer.errors.MillisecondsWarning.",
            MillisecondsWarning,
            stacklevel=level_of_user(),
        )


def in_seconds(times: np.ndarray, unit: Any, where: str) -> np.ndarray:
    """Give times in seconds, of whatever unit ("ms", "minutes", "hours since ...") they say that they are.

    Raises
    ------
    InputError
        The unit is none of time, or of no fixed length, as months are.
    """
    name = str(unit).partition(" since ")[0].strip().rstrip(".").lower()
    for per_second, names in SECONDS_IN.items():
        if name in names:
            return times if per_second == 1.0 else times / per_second
    for seconds, names in LONGER_THAN_SECONDS.items():
        if name in names:
            return times.astype(np.float64) * seconds
    raise InputError(
        f"{where} must be in d, h, min, s, ms, us or ns; its attribute units says {unit!r}: convert the times, and set "
        "units to 's'."
    )


def regular(times: Any, dt: float | None, where: str) -> tuple[float, float]:
    """First time and step of regular sample times in seconds; an agreeing ``dt`` is taken as the exact step.

    Raises
    ------
    InputError
        The times are irregular (the message says where samples are missing, or how far they stray), or do not agree
        with ``dt``.
    """
    dt = None if dt is None else as_step(dt)
    seconds = as_floats(times, where).astype(np.float64, copy=False)
    if len(seconds) < 2:
        if dt is None or len(seconds) == 0:
            raise InputError(f"dt must be given (seconds): {where} has {len(seconds)} entries, too few to show it.")
        return float(seconds[0]), dt
    _refuse_disorder(seconds, where)
    step = float(seconds[-1] - seconds[0]) / (len(seconds) - 1)
    count = np.arange(len(seconds))
    if np.abs(seconds - (seconds[0] + step * count)).max() > REGULAR_TOLERANCE * step:
        if dt is None or abs(dt - step) > OTHER_STEP * step:
            raise _irregular(seconds, dt, where)
        if np.ptp(seconds - dt * count) > GIVEN_TOLERANCE * dt:
            raise _irregular(seconds, dt, where)
        return float(seconds[0]), dt
    if dt is None:
        # the step of 0.001, 0.002, ... is off by the rounding of its ends; the short number nearby is what was meant
        short = float(f"{step:.12g}")
        rounding = 4 * np.finfo(np.float64).eps * np.abs(seconds[[0, -1]]).max()
        return float(seconds[0]), short if abs(short - step) * (len(seconds) - 1) <= rounding else step
    if abs(dt - step) > REGULAR_TOLERANCE * step:
        raise InputError(f"dt = {dt:g} s does not agree with {where}, whose step is {step:g} s; leave dt out.")
    return float(seconds[0]), dt


def _refuse_disorder(seconds: np.ndarray, where: str) -> None:
    """Refuse times that do not increase."""
    wrong = np.flatnonzero(~np.isfinite(seconds))
    if wrong.size:
        raise InputError(f"{where} must hold increasing finite times; sample {wrong[0]} is at {seconds[wrong[0]]} s.")
    back = np.flatnonzero(np.diff(seconds) <= 0)
    if back.size:
        n_trials = joined_trials(seconds)
        mend = f"{as_trials(n_trials)}." if n_trials else "sort the samples by time, and keep one of each."
        raise InputError(
            f"{where} must hold increasing finite times; it goes from {seconds[back[0]]} to {seconds[back[0] + 1]} at "
            f"sample {back[0] + 1}: {mend}"
        )


def joined_trials(times: np.ndarray) -> int:
    """How many trials were joined where times fall; 0 where samples rather are in disorder, so that sorting mends them.

    Trials are runs of rising times that share a span, so that sorted samples of one would lie between those of another,
    and that are long (shuffled samples fall at every second step or so), or all begin at one time.
    """
    firsts = np.append(0, np.flatnonzero(np.diff(times) < 0) + 1)
    begin, end = times[firsts], times[np.append(firsts[1:], len(times)) - 1]
    order = np.argsort(begin, kind="stable")
    apart = begin[order][1:] > np.maximum.accumulate(end[order])[:-1]
    trials = not apart.all() and (len(times) >= LEAST_RUN * len(firsts) or (begin == begin[0]).all())
    return len(firsts) if trials and len(times) > len(firsts) else 0


def as_trials(n: int) -> str:
    """How to give trials that were joined, as what a refusal advises."""
    return (
        f"where these are {n} trials, one after another, give them apart, Recording.from_array(trials, dt) of an array "
        "(trial, time, unit), all of one length"
    )


def _irregular(seconds: np.ndarray, dt: float | None, where: str) -> InputError:
    """What is wrong with times that are not regular: samples that are missing, else how far they stray."""
    steps = np.diff(seconds)
    step = float(np.median(steps)) if dt is None else dt
    missing = np.maximum(np.rint(steps / step) - 1, 0).astype(np.int64)
    widest = int(np.argmax(steps))
    if missing[widest]:
        lacking = int(missing[widest])
        is_missing = "1 sample is" if lacking == 1 else f"{lacking} samples are"
        also = "" if missing.sum() == lacking else f" ({missing.sum()} in all)"
        return InputError(
            f"{where} must be regular; from sample {widest} at {seconds[widest]:g} s to the next are {steps[widest]:g} "
            f"s, where steps are of {step:g} s: {is_missing} missing there{also}; put them back by "
            "pandas' or xarray's .reindex(..., method='nearest', tolerance=dt / 2), as NaN, which Synformer takes, or "
            "interpolated."
        )
    if dt is None:
        mean = float(seconds[-1] - seconds[0]) / len(steps)
        strays = np.abs(seconds - (seconds[0] + mean * np.arange(len(seconds))))
        farthest = int(np.argmax(strays))
        return InputError(
            f"{where} must be regular to within {REGULAR_TOLERANCE:g} of its step; sample {farthest} at "
            f"{seconds[farthest]:g} s strays by {strays[farthest]:.2g} s from steps of {mean:g} s: give dt where the "
            "samples are regular and only their times are not exact, or interpolate them at regular times."
        )
    off = float(np.ptp(seconds - dt * np.arange(len(seconds))))
    return InputError(
        f"{where} must be steps of dt = {dt:g} s to within half of one; its times go off by {off:.3g} s, and their "
        f"step is {float(np.mean(steps)):.6g} s: give that as dt, or interpolate the samples at regular times."
    )
