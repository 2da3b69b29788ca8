"""Events of a sampled signal: where a unit does what its samples before do not lead to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

JUMP = 6.0  # deviations of a unit's steps beyond which one is a jump
NEAR = 2  # samples within which jumps and atoms are one event
_ATOM = 10  # times that a value is met, at least, and more often than any other, to be an atom


@dataclass(frozen=True)
class Events:
    """What an event of each unit looks like.

    An atom is a value that a unit takes exactly, ten times as often as any other: where its recording is cut off, or
    where it is put (a reset). An event is the first of successive samples at an atom, or a step by more than `JUMP`
    robust standard deviations of the unit's steps, with neither such a step nor the first of a run of atoms in the
    `NEAR` samples before it. Of two steps on end in one direction, a fast rise that a sample met half-way, both are
    events, and so is an atom after a step: to leave out the first one would tell, at its time, what comes next. Where
    a unit's steps mostly lead to its atom, atoms alone are events.

    Attributes
    ----------
    atoms, jumps : numpy.ndarray, (unit,)
        Atom, NaN where there is none; size of a step that is a jump, infinite where atoms alone are events.
    put : numpy.ndarray, (unit,)
        Those of the atoms to which a unit is put: neither its least value nor its largest. NaN elsewhere.
    rate : numpy.ndarray, (unit,)
        Share of samples that are events.
    """

    atoms: np.ndarray
    jumps: np.ndarray
    put: np.ndarray
    rate: np.ndarray

    @classmethod
    def of(cls, segments: list[np.ndarray]) -> Events:
        """Learn them from segments, each (time, unit)."""
        raw = np.concatenate(segments)
        atoms = np.array([_atom(column) for column in raw.T])
        put = np.where((atoms > np.nanmin(raw, axis=0)) & (atoms < np.nanmax(raw, axis=0)), atoms, np.nan)
        steps = np.abs(np.concatenate([np.diff(segment, axis=0) for segment in segments]))
        known = ~np.isnan(steps)
        middle = [
            np.median(column[some]) if some.any() else np.inf for column, some in zip(steps.T, known.T, strict=True)
        ]
        found = cls(atoms, JUMP * 1.4826 * np.array(middle), put, np.zeros(len(atoms)))
        found.jumps[sum(map(found._leading, segments)) > 0] = np.inf
        rate = np.concatenate([found.find(segment) for segment in segments]).mean(axis=0)
        return cls(found.atoms, found.jumps, put, rate)

    def _leading(self, segment: np.ndarray) -> np.ndarray:
        """How many more events of each unit (unit,) are steps with an atom soon after them than steps without."""
        with np.errstate(invalid="ignore"):
            atom = segment == self.atoms
        steps = self.find(segment) & ~atom
        soon = np.zeros_like(atom)
        for ahead in range(1, NEAR + 1):
            soon[:-ahead] |= atom[ahead:]
        return np.asarray((steps & soon).sum(axis=0) - (steps & ~soon).sum(axis=0))

    def told(self, segment: np.ndarray) -> np.ndarray:
        """Events with mean 0 and variance 1 (where they are no rarer than one of a million samples), (time, unit)."""
        deviation = np.sqrt(self.rate * (1.0 - self.rate)).clip(1e-3)
        return (self.find(segment) - self.rate) / deviation

    def find(self, segment: np.ndarray) -> np.ndarray:
        """Events of bool, (time, unit), of a segment (time, unit): each by the samples up to its own."""
        with np.errstate(invalid="ignore"):  # missing samples are none
            found = segment == self.atoms
        found[1:] &= ~found[:-1]
        steps = np.zeros(segment.shape)
        steps[1:] = np.nan_to_num(np.diff(segment, axis=0))
        for unit in range(segment.shape[1]):
            near = np.convolve(found[:, unit], np.ones(NEAR + 1))[: len(found)] > 0
            event = last = -NEAR - 1
            for t in np.flatnonzero((np.abs(steps[:, unit]) > self.jumps[unit]) & ~near).tolist():
                if t - last > NEAR:
                    found[t, unit], event = True, t
                elif t == event + 1 and steps[t, unit] * steps[event, unit] > 0:
                    found[t, unit] = True
                last = t
        return found


def _atom(column: np.ndarray) -> float:
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    if not len(values):
        return float("nan")
    order = np.argsort(-counts, kind="stable")
    most, next_to = counts[order[0]], counts[order[1]] if len(order) > 1 else 0
    return float(values[order[0]]) if most >= max(_ATOM, _ATOM * next_to) else float("nan")
