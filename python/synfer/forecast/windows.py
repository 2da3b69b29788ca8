"""Windows: a forecaster's samples, cut from a recording without copying it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synfer.errors import InputError

_BLOCK = 1 << 20  # numbers that are scaled together: 8 MB of float64, and not the whole recording's


@dataclass(frozen=True)
class Clock:
    """Time since a segment's first sample, in a range that does not depend on the recording's.

    A time fed to a network as it stands must stay near the sizes of its other inputs: seconds since a session began,
    or seconds of a slow signal, would drown them. So the clock ticks as in the paper's recordings, 1 ms a sample,
    slower where the fitted segment is longer than their 5 s; past its end it stands still.
    """

    tick: float
    end: float

    @classmethod
    def of(cls, n_samples: int) -> Clock:
        """Make the clock of a longest segment of ``n_samples``."""
        tick = min(1e-3, 5.0 / max(1, n_samples - 1))
        return cls(tick, tick * (n_samples - 1))

    def times(self, n_samples: int) -> np.ndarray:
        """Give the time of each sample of a segment, (time,)."""
        return np.minimum(self.tick * np.arange(n_samples), self.end)


class Windows:
    """Every stretch of ``length`` consecutive samples and the sample after it, none across a splice.

    The series is held once, in float32; a window is a view of it until its batch is gathered.

    Parameters
    ----------
    segments : sequence of arrays, each (time, unit)
        Stretches without a splice, in time order.
    length : int
        Samples of context, L.
    clock : Clock
        What time a forecaster is told.
    offset, scale : array (unit,) or float
        Samples are held as (x - offset) / scale.
    device : torch.device or str

    Attributes
    ----------
    series : Tensor, (time, unit)
        The segments one after the other.
    times : Tensor, (time,)
        Of each sample, by the clock.
    starts : Tensor, (window,)
        Position in ``series`` of each window's first sample.

    Raises
    ------
    InputError
        No segment is longer than ``length``.
    """

    def __init__(
        self,
        segments: Sequence[np.ndarray],
        length: int,
        *,
        clock: Clock,
        offset: np.ndarray | float = 0.0,
        scale: np.ndarray | float = 1.0,
        device: torch.device | str = "cpu",
    ):
        self.length = length
        sizes = [len(s) for s in segments]
        if max(sizes) <= length:
            raise InputError(
                f"window must be shorter than the longest segment of {max(sizes)} samples, got {length}: shorten it."
            )
        series = np.empty((sum(sizes), segments[0].shape[1]), dtype=np.float32)
        end, rows = 0, max(1, _BLOCK // max(1, series.shape[1]))
        for segment in segments:
            for block in np.array_split(segment, range(rows, len(segment), rows)):
                first, end = end, end + len(block)
                series[first:end] = (block - offset) / scale
        times = np.concatenate([clock.times(n) for n in sizes])
        ends = np.cumsum(sizes)
        starts = np.concatenate([np.arange(end - n, end - length) for end, n in zip(ends, sizes, strict=True)])
        self.series = torch.from_numpy(series).to(device)
        self.starts = torch.from_numpy(starts).to(device)
        self._values = self.series.unfold(0, length + 1, 1)  # (time - L, unit, L + 1), a view
        self.times = torch.from_numpy(times.astype(np.float32)).to(device)
        self._times = self.times.unfold(0, length + 1, 1)

    def __len__(self) -> int:
        return len(self.starts)

    def split(self, fractions: Sequence[float] = (0.6, 0.2, 0.2)) -> list[Tensor]:
        """Cut the windows' starts, in time order, into consecutive shares; the last takes the rest.

        Windows that touch a cut share context with their neighbours across it (as in the paper): the target samples
        of two shares are disjoint.
        """
        sizes = [int(f * len(self)) for f in fractions[:-1]]
        shares = list(torch.split(self.starts, [*sizes, len(self) - sum(sizes)]))
        if min(len(s) for s in shares) < 1:
            raise InputError(
                f"X must hold at least {len(fractions)} windows in the shares {tuple(fractions)}, got {len(self)}: "
                "record for longer, or shorten window."
            )
        return shares

    def batch(self, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gather windows, (B, I): for each of I initialisations its own B windows.

        Returns
        -------
        context : Tensor, (B, N, L, I)
        times : Tensor, (B, L + 1, I)
            By the clock; the last is the target's.
        target : Tensor, (B, N, I)
        """
        values = self._values[starts].permute(0, 2, 3, 1).contiguous()  # (B, I, N, L + 1) -> (B, N, L + 1, I)
        times = self._times[starts].permute(0, 2, 1).contiguous()
        return values[:, :, :-1], times, values[:, :, -1]
