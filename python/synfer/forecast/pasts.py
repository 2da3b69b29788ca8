"""The past of each sample as `synformer` takes it: the unit's own history, and the last samples of everybody.

A unit's own history is its last samples and exponential traces of them. Traces are held only at every 32nd sample
and carried on from there when a batch asks, so that what is held beside the data is a fraction of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from synfer.errors import InputError

STRIDE = 32  # samples between two that hold the traces
EVERY = slice(None)
N_ELAPSED = 20  # classes of the time since a unit's own last event, four to each factor of e
_ATOM = 10  # samples exactly at a unit's extreme from which it is taken to be a saturation


class Standard(NamedTuple):
    """How own histories are fed: what a fit learnt of its samples, for other samples of the same units.

    Attributes
    ----------
    mean, deviation : Tensor, (feature,)
    start : numpy.ndarray, (power, unit)
        What traces begin from: the means over the fit's samples. What went before a first sample is not known, and what
        comes after it must not be told.
    """

    mean: Tensor
    deviation: Tensor
    start: np.ndarray


@dataclass
class Batch:
    """What the forecast of some samples is made from.

    Attributes
    ----------
    own : Tensor, (row, unit, feature)
        Own history, standardised, and the covariates.
    recent : Tensor, (row, sample, unit)
        The last ``max_lag + value_window - 1`` samples of every unit (or what they tell instead), in time order, the
        last one known at the end.
    known : Tensor of bool, (row, sample, unit), or None
        Which of them were measured; None where all were.
    target, edge, weight : Tensor, (row, unit)
        The next sample, at which edge it is (+1 ceiling, -1 floor), and 1 where it counts, 0 where it (or the own
        history before it) is missing, or it was put there.
    elapsed : Tensor of int, (row, unit)
        In which of `N_ELAPSED` classes the time since the unit's own last event is; 0 where samples are no counts.
    units : slice
        The targets: the units of ``own``, ``target``, ``edge`` and ``weight``.
    """

    own: Tensor
    recent: Tensor
    known: Tensor | None
    target: Tensor
    edge: Tensor
    weight: Tensor
    elapsed: Tensor
    units: slice


class Pasts:
    """Segments of a recording, ready to be asked for the pasts of any of their samples.

    Parameters
    ----------
    segments : list of array, each (time, unit)
        NaN where a sample is missing.
    depth : int
        Samples before the target that a row must have in its own segment.
    window : int
        Of them, own samples that are fed as they are.
    time_constants : sequence of float
        Of the traces, in samples.
    offset, scale : array (unit,)
        A sample is fed as (x - offset) / scale.
    counts : bool
        Samples are counts: the time since the last event is a feature, the square is not.
    limits : pair of array (unit,), optional
        Floor and ceiling; infinite where there is none.
    covariates : list of array, each (time, covariate) or (time, unit, covariate), optional
        Known alongside the target sample.
    told : list of array, each (time, unit), optional
        What units tell each other instead of their samples: ``recent`` of a batch.
    standard : Standard, optional
        Of the samples that were fitted; these, by default.
    put : array (unit,), optional
        A value at which a unit's sample counts as no target: it was put there.

    Raises
    ------
    InputError
        The fit had covariates of another number, or these samples have.
    """

    def __init__(
        self,
        segments: list[np.ndarray],
        *,
        depth: int,
        window: int,
        time_constants: tuple[float, ...],
        offset: np.ndarray,
        scale: np.ndarray,
        counts: bool = False,
        limits: tuple[np.ndarray, np.ndarray] | None = None,
        covariates: list[np.ndarray] | None = None,
        standard: Standard | None = None,
        told: list[np.ndarray] | None = None,
        put: np.ndarray | None = None,
    ) -> None:
        self.window, self.depth, self.counts = window, depth, counts
        lengths = [len(segment) for segment in segments]
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        raw = np.concatenate(segments)
        missing = np.isnan(raw)
        self.n_units = raw.shape[1]
        scaled = ((raw - offset) / scale).astype(np.float32)
        self.missing = torch.from_numpy(missing) if missing.any() else None
        if missing.any() and counts:  # the last count again would be events that nobody saw
            seen = np.maximum((~missing).sum(axis=0), 1)
            usual = np.where(missing, 0.0, scaled).sum(axis=0) / seen if standard is None else standard.start[0]
            scaled = np.where(missing, usual, scaled).astype(np.float32)
        elif missing.any():
            for start, length in zip(starts, lengths, strict=True):
                _carry_forward(scaled[start : start + length])
        self.series = torch.from_numpy(scaled)
        edge = np.zeros(raw.shape, dtype=np.int8)
        if limits is not None:
            edge[raw >= limits[1]], edge[raw <= limits[0]] = 1, -1
        self.edges = torch.from_numpy(edge)
        self.told = self.series if told is None else torch.from_numpy(np.concatenate(told)).float()
        self.put = torch.from_numpy(raw == put) if put is not None and np.isfinite(put).any() else None

        keep = np.exp(-1.0 / np.asarray(time_constants, dtype=np.float64))
        self._powers = 1 if counts else 2  # traces of x, and of its square
        if standard is None:
            begin = np.stack([np.mean(scaled.astype(np.float64) ** (k + 1), axis=0) for k in range(self._powers)])
        else:
            begin = standard.start
        anchors: list[np.ndarray] = []
        place = np.empty(len(raw), dtype=np.int64)
        for start, length in zip(starts, lengths, strict=True):
            place[start : start + length] = sum(len(part) for part in anchors) + np.arange(length) // STRIDE
            anchors.append(_traces(scaled[start : start + length], keep, begin))
        self._anchors = torch.from_numpy(np.concatenate(anchors))  # (anchor, unit, trace): just before its sample
        self._place = torch.from_numpy(place)
        self._since = torch.from_numpy(np.concatenate([np.arange(length) % STRIDE for length in lengths]))
        steps = np.arange(STRIDE)
        ages = steps[:, None] - steps[None, :]  # (since, sample): of the samples after the anchor
        grown = np.where(ages[..., None] >= 0, (1.0 - keep) * keep ** np.maximum(ages, 0)[..., None], 0.0)
        self._grow = torch.from_numpy(grown.astype(np.float32))
        self._decay = torch.from_numpy((keep ** (steps[:, None] + 1)).astype(np.float32))
        self._elapsed = torch.from_numpy(_elapsed(np.where(missing, 0, scaled), starts, lengths)) if counts else None
        self.covariates = None if covariates is None else torch.from_numpy(np.concatenate(covariates)).float()

        rows = [np.arange(start + depth - 1, start + length - 1) for start, length in zip(starts, lengths, strict=True)]
        self.rows = torch.from_numpy(np.concatenate(rows))
        self._standard = standard
        if standard is None:
            some = self.rows[:: max(1, len(self.rows) * self.n_units // 200_000)]
            own = self._own(some).double()
            mean, deviation = own.mean((0, 1)).float(), own.std((0, 1)).clamp_min(1e-6).float()
            self._standard = Standard(mean, deviation, begin)
        else:
            given = 0 if self.covariates is None else self.covariates.shape[-1]
            fitted = len(standard.mean) - (window + self._powers * len(keep) + int(counts))
            if given != fitted:
                raise InputError(
                    f"covariates must be as many as the fit had, {fitted}, got {given}: give the same ones for these "
                    "samples."
                )

    @property
    def standard(self) -> Standard:
        """How own histories are fed: for other data of these units."""
        assert self._standard is not None
        return self._standard

    @property
    def n_features(self) -> int:
        """Features of an own history, covariates among them."""
        return len(self.standard.mean)

    def batch(self, rows: Tensor, units: slice = EVERY, *, told: bool = True) -> Batch:
        """The pasts of the samples of ``units`` after the ones at ``rows``, (row,), drawn from ``self.rows``.

        Not ``told``: without what all units say (``recent`` is empty), which takes longer to gather than a few units
        remember of themselves.
        """
        mean, deviation, _ = self.standard
        own = (self._own(rows, units) - mean) / deviation
        at = rows[:, None] + torch.arange(1 - self.depth, 1)
        target, edge = self.series[rows + 1, units], self.edges[rows + 1, units].float()
        known, weight = None, torch.ones_like(target)
        if self.missing is not None:
            known = ~self.missing[at]
            weight = (known[:, -self.window :, units].all(1) & ~self.missing[rows + 1, units]).float()
        if self.put is not None:
            weight = weight * (~self.put[rows + 1, units]).float()
        if self._elapsed is None:
            elapsed = torch.zeros(target.shape, dtype=torch.long)
        else:
            elapsed = (4.0 * self._elapsed[rows, units]).long().clamp_max(N_ELAPSED - 1)
        recent = self.told[at] if told else self.told.new_empty(len(rows), 0, 0)
        return Batch(own, recent, known, target, edge, weight, elapsed, units)

    def _own(self, rows: Tensor, units: slice = EVERY) -> Tensor:
        """Own histories, not yet standardised: (row, unit, feature)."""
        series = self.series[:, units]
        last = series[rows[:, None] + torch.arange(0, -self.window, -1)]  # (row, sample, unit)
        since = self._since[rows]
        after = (rows - since)[:, None] + torch.arange(STRIDE)
        # What lies behind the row's sample has weight 0; it is clamped so as to lie in the series at all.
        x = series[after.clamp(max=len(series) - 1)].transpose(1, 2)
        grow = self._grow[since]
        traces = [torch.bmm(x if power == 0 else x * x, grow) for power in range(self._powers)]
        decay = self._decay[since].repeat(1, self._powers)[:, None, :]
        parts = [last.transpose(1, 2), torch.cat(traces, -1) + decay * self._anchors[self._place[rows], units]]
        if self._elapsed is not None:
            parts.append(self._elapsed[rows, units][..., None])
        if self.covariates is not None:
            known = self.covariates[rows + 1]
            parts.append(known[:, units] if known.ndim == 3 else known[:, None].expand(-1, last.shape[2], -1))
        return torch.cat(parts, -1)


def moments(segments: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each unit, (unit,), missing samples left out."""
    count = sum((~np.isnan(segment)).sum(axis=0) for segment in segments)
    mean = sum(np.nansum(segment, axis=0, dtype=np.float64) for segment in segments) / count
    square = sum(np.nansum(np.square(segment - mean), axis=0) for segment in segments) / count
    return np.asarray(mean), np.sqrt(square)


def saturation(segments: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Floor and ceiling of each unit, (unit,): its extreme where ten samples or more lie exactly there, else infinite.

    Of a signal that was not cut off, only one sample lies at its extreme, but for chance and coarse digits. An extreme
    is believed only if it is met ten times as often as the next value to it.
    """
    raw = np.concatenate(segments)
    out = []
    for sign in (-1.0, 1.0):
        limits = np.full(raw.shape[1], sign * np.inf)
        for unit in range(raw.shape[1]):
            column = sign * raw[:, unit]
            most = np.nanmax(column)
            below = column[column < most]
            n_most, n_next = np.sum(column == most), np.sum(below == below.max()) if len(below) else len(column)
            if n_most >= _ATOM and n_most >= 10 * n_next:
                limits[unit] = sign * most
        out.append(limits)
    return out[0], out[1]


def _traces(x: np.ndarray, keep: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Traces before every STRIDE-th sample, (anchor, unit, trace): power by power, time constant by time constant."""
    n, units = x.shape
    out = np.empty((-(-n // STRIDE), units, len(begin) * len(keep)), dtype=np.float32)
    for first in range(0, units, 64):  # some units at a time: whole traces are larger than the data
        some = slice(first, first + 64)
        for power in range(len(begin)):
            y = x[:, some].astype(np.float64) ** (power + 1)
            start = begin[power, some]
            for k, kept in enumerate(keep):
                trace = lfilter([1.0 - kept], [1.0, -kept], y - start, axis=0) + start
                before = np.concatenate([start[None], trace[STRIDE - 1 :: STRIDE]])[: len(out)]
                out[:, some, power * len(keep) + k] = before
    return out


def _elapsed(x: np.ndarray, starts: np.ndarray, lengths: list[int]) -> np.ndarray:
    """log(1 + samples since the last one above 0), the beginning counting as one, (time, unit)."""
    out = np.empty(x.shape, dtype=np.float32)
    for start, length in zip(starts, lengths, strict=True):
        part = x[start : start + length]
        at = np.where(part > 0, np.arange(length)[:, None], -1)
        out[start : start + length] = np.log1p(np.arange(length)[:, None] - np.maximum.accumulate(at, axis=0))
    return out


def _carry_forward(x: np.ndarray) -> None:
    """Put the last known sample of a unit in place of its missing ones (0, the mean, where none came before)."""
    missing = np.isnan(x)
    last = np.maximum.accumulate(np.where(missing, -1, np.arange(len(x))[:, None]), axis=0)
    x[...] = np.where(last >= 0, np.take_along_axis(x, np.maximum(last, 0), axis=0), 0.0)
