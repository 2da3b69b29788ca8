"""Edges planted into a recording itself: how strong must one be to be found?"""

from __future__ import annotations

import dataclasses

import numpy as np

from synfer.discover import Samples
from synfer.discover.significance.around import off_diagonal
from synfer.discover.spike_trains import is_counted
from synfer.errors import InputError
from synfer.trust.own import OwnHistory


@dataclasses.dataclass(frozen=True)
class Planted:
    """Samples with edges that they had not.

    Attributes
    ----------
    samples : Samples
    target, source : numpy.ndarray of int, (edge,)
        Positions of the units.
    strength : float
    """

    samples: Samples
    target: np.ndarray
    source: np.ndarray
    strength: float


def quiet_pairs(score: np.ndarray) -> np.ndarray:
    """Say which pairs (target, source) probably have no edge: scores below the median, in both directions.

    Where none is, those below it themselves. The diagonal is left out.
    """
    low = np.where(np.isfinite(score), score, 0.0) <= np.median(np.nan_to_num(off_diagonal(score)))
    np.fill_diagonal(low, False)
    both = low & low.T
    return np.asarray(both if both.any() else low)


def choose(quiet: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Choose targets and sources of edges to plant, each unit the target of one at most, of half the units at most.

    No source is a target: a planted edge drives with the source's course as it was.
    """
    n = len(quiet)
    targets: list[int] = []
    sources: list[int] = []
    for k in map(int, rng.permutation(n)):
        free = np.setdiff1d(np.flatnonzero(quiet[k]), targets)
        if len(targets) < max(1, n // 2) and k not in sources and len(free):
            targets.append(k)
            sources.append(int(rng.choice(free)))
    return np.array(targets), np.array(sources)


def plant(
    samples: Samples,
    own: list[OwnHistory],
    target: np.ndarray,
    source: np.ndarray,
    strength: float,
    *,
    delay: int = 1,
    seed: int = 0,
) -> Planted:
    """Plant edges of one strength.

    A continuous target gets, on top of what it did, its own response to a further shock

        x_i'(t) = x_i(t) + r_i * s sigma_i (x_j(t - d) - mean x_j) / std x_j,

    with r_i the response of its own autoregression and sigma_i the deviation of its shocks: where the autoregression
    is the law, exactly what an edge of coefficient s sigma_i / std x_j would have done, but for what i does to others.
    A target that is counted gets one more event at t + d for each of j's at t with probability s; a sample that holds
    one already keeps it where no sample of the unit holds more.

    Parameters
    ----------
    samples : Samples
    own : list of OwnHistory
        Of all units.
    target, source : array of int, (edge,)
        Positions; no target twice.
    strength : float
        s: at least 0, and for events at most 1.
    delay : int
        d in samples, at least 1.
    seed : int

    Raises
    ------
    InputError
        Something is out of its range.
    """
    if len(np.unique(target)) < len(target) or np.any(target == source):
        raise InputError("target must hold each unit once, and never its own source.")
    if delay < 1 or strength < 0:
        raise InputError(f"delay must be at least 1 sample and strength at least 0; got {delay} and {strength}.")
    rng = np.random.default_rng(seed)
    segments = [np.array(segment, dtype=np.float64) for segment in samples.segments]
    everything = np.concatenate(samples.segments)
    mean, deviation = everything.mean(axis=0, dtype=np.float64), everything.std(axis=0, dtype=np.float64)
    for i, j in zip(target, source, strict=True):
        events = is_counted(samples, i) and is_counted(samples, j)
        if events and strength > 1:
            raise InputError(f"strength must be a probability where units are counted; got {strength}.")
        most = everything[:, i].max()
        for before, after in zip(samples.segments, segments, strict=True):
            driving = np.zeros(len(before))
            if events:
                driving[delay:] = rng.binomial(before[:-delay, j].astype(np.int64), strength)
                after[:, i] = before[:, i] + driving
                if most <= 1:
                    after[:, i] = np.minimum(after[:, i], 1.0)
            else:
                driving[delay:] = (before[:-delay, j] - mean[j]) / deviation[j]
                after[:, i] = before[:, i] + own[i].respond(strength * own[i].deviation * driving)
    return Planted(dataclasses.replace(samples, segments=segments), np.asarray(target), np.asarray(source), strength)
