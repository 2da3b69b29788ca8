"""What is asked of spike trains: whether they are, bases for filters, events in order."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from synfer.discover.base import Samples
from synfer.errors import InputError

FEWEST_VALUES = 64  # a signal of fewer distinct whole numbers is counted, not measured


def is_counted(samples: Samples, unit: int) -> bool:
    """Whether a unit's samples are whole numbers of which none is negative, and few differ."""
    seen: np.ndarray = np.empty(0)
    for segment in samples.segments:
        x = segment[:, unit]
        if (x < 0).any() or (x != np.floor(x)).any():
            return False
        seen = np.union1d(seen, x)
    return len(seen) <= FEWEST_VALUES


def check_counts(samples: Samples, most: float) -> None:
    """Refuse samples that are not whole numbers from 0 to ``most``.

    Raises
    ------
    InputError
        Naming the first that is none.
    """
    for segment in samples.segments:
        wrong = (segment < 0) | (segment > most) | (segment != np.floor(segment))
        if wrong.any():
            t, unit = np.argwhere(wrong)[0]
            what = "0 or 1 for the Bernoulli family" if most == 1 else "counts of spikes, whole numbers from 0"
            mend = "take family='poisson', or narrower bins" if most == 1 else "give the signal of spikes"
            raise InputError(
                f"X must hold {what}, got {segment[t, unit]:g} in unit {samples.unit_ids[unit]!s} at time index "
                f"{t}: {mend}."
            )


def check_rates(
    samples: Samples, targets: np.ndarray, trains: np.ndarray, used: np.ndarray, window: int, bernoulli: bool
) -> None:
    """Refuse targets that never, or by Bernoulli's law always, fire in the bins that are used.

    Raises
    ------
    InputError
        Naming the first.
    """
    for i, train, mask in zip(targets, trains, used, strict=True):
        n_used, n_spikes = int(mask.sum()), float(train[mask > 0].sum())
        if n_spikes == 0 or (bernoulli and n_spikes == n_used):
            what = "never fires" if n_spikes == 0 else "always fires"
            raise InputError(
                f"X must hold spikes and silences of every unit, but unit {samples.unit_ids[i]!s} {what} in the "
                f"{n_used} bins that have {window} predecessors in their own trial and lie outside its "
                "refractory time: drop it, or record for longer."
            )


def inverse_of(information: np.ndarray) -> np.ndarray | None:
    """Give the covariance of coefficients; None where their information is singular, or NaN, as the kernel says so."""
    try:
        return np.asarray(cho_solve(cho_factor(information), np.eye(len(information))))
    except (LinAlgError, ValueError):
        return None


def definite(information: np.ndarray, ridge: float, groups: np.ndarray, left_out: list[int]) -> bool:
    """Whether a target's information, its ridge taken off again, is positive definite without some sources' columns.

    Parameters
    ----------
    information : array (column, column)
    ridge : float
        On the columns of ``groups``.
    groups : array of int (source, basis)
        Columns of each source.
    left_out : list of int
        Sources.
    """
    plain = np.array(information)
    plain[groups.ravel(), groups.ravel()] -= ridge
    kept = np.delete(np.arange(len(plain)), groups[left_out].ravel())
    plain = plain[np.ix_(kept, kept)]
    size = np.sqrt(np.maximum(np.diag(plain), 1e-300))
    return bool(np.linalg.eigvalsh(plain / np.outer(size, size))[0] > 1e-9)


def singular(samples: Samples, i: int) -> InputError:
    """Give the refusal of a target whose coefficients cannot all be told."""
    return InputError(
        f"X must let every coefficient be told, but the information of target {samples.unit_ids[i]!s} is singular: set "
        "ridge > 0, take fewer basis functions, or drop units that fire with others, or covariates that follow from "
        "others."
    )


def raised_cosines(window: int, n_basis: int) -> np.ndarray:
    """Raised cosines on a logarithmic axis of lags, the narrow ones first.

        b_k(d) = (1 + cos(clip(pi (log(1 + d) - phi_k) / (2 D), -pi, pi))) / 2,    d = 1 ... window
        phi_k = log 2 + k D,    D = log((window + 2) / 2) / (n_basis + 1)

    The first peaks at lag 1, the last has come down to 0 after the window.

    Parameters
    ----------
    window : int
        Bins of history, at least ``n_basis``.
    n_basis : int

    Returns
    -------
    numpy.ndarray, (window, n_basis), Fortran order
        Row d - 1 holds lag d.

    References
    ----------
    J. W. Pillow et al., Nature 454 (2008), 995-999.
    """
    lags = np.log(1.0 + np.arange(1, window + 1))
    spacing = np.log((window + 2) / 2) / (n_basis + 1)
    centres = np.log(2.0) + spacing * np.arange(n_basis)
    phase = np.pi * (lags[:, None] - centres) / (2 * spacing)
    return np.asfortranarray(0.5 * (1.0 + np.cos(np.clip(phase, -np.pi, np.pi))))


def events_of(segments: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bins (trials one after another), units, counts and ends of trials of all spikes, in order of bins."""
    parts: list[tuple[np.ndarray, ...]] = []
    begin = 0
    for segment in segments:
        t, unit = np.nonzero(segment)
        stop = np.full(len(t), begin + len(segment))
        parts.append((t + begin, unit, segment[t, unit].astype(np.float64), stop))
        begin += len(segment)
    bins, units, counts, stops = (np.concatenate(column) for column in zip(*parts, strict=True))
    return bins, units, counts, stops


def without_source(spikes: tuple[np.ndarray, ...], j: int) -> tuple[np.ndarray, ...]:
    """Give events (bins, units, counts, stops) without those of unit j, the units after it counted one less."""
    bins, units, counts, stops = (column[spikes[1] != j] for column in spikes)
    return bins, units - (units > j), counts, stops


def shortest_intervals(spikes: tuple[np.ndarray, ...], n_units: int, most: int) -> np.ndarray:
    """Give bins after a spike in which each unit never fired, by its shortest interval, at most ``most``; 0 of counts.

    ``spikes``: of `events_of`.
    """
    bins, units, counts, stops = spikes
    found = np.zeros(n_units, dtype=np.int64)
    for i in range(n_units):
        own = units == i
        interval = np.diff(bins[own])[stops[own][1:] == stops[own][:-1]]
        if not (counts[own] > 1).any() and len(interval):
            found[i] = min(int(interval.min()) - 1, most)
    return found


def used_bins(segments: list[np.ndarray], window: int, own: np.ndarray, refractory: int) -> np.ndarray:
    """Give which bins have ``window`` predecessors in their trial and follow none of ``own`` too closely, as bytes."""
    n_bins = sum(map(len, segments))
    used = np.ones(n_bins, dtype=np.uint8)
    for after in range(1, refractory + 1):
        late = own + after
        used[late[late < n_bins]] = 0
    begin = 0
    for segment in segments:
        used[begin : begin + min(window, len(segment))] = 0
        begin += len(segment)
    return used
