"""Windows: a forecaster's samples, cut from a recording without copying it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from synfer.errors import InputError


class Windows:
    """Every stretch of ``length`` consecutive samples and the sample after it, none across a splice.

    The series is held once, in float32; a window is a view of it until its batch is gathered.

    Parameters
    ----------
    segments : sequence of arrays, each (time, unit)
        Stretches without a splice, in time order.
    length : int
        Samples of context, L.
    dt : float
        Sampling interval in seconds.
    t0s : sequence of float
        Time of each segment's first sample in seconds.
    device : torch.device or str

    Attributes
    ----------
    series : Tensor, (time, unit)
        The segments one after the other.
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
        dt: float,
        t0s: Sequence[float],
        device: torch.device | str = "cpu",
    ):
        self.length = length
        sizes = [len(s) for s in segments]
        if max(sizes) <= length:
            raise InputError(
                f"window must be shorter than the longest segment of {max(sizes)} samples, got {length}: shorten it."
            )
        series = np.concatenate([np.asarray(s, dtype=np.float32) for s in segments])
        # Times in float64 first: in float32 a long recording's steps would be uneven.
        times = np.concatenate([t0 + dt * np.arange(n) for t0, n in zip(t0s, sizes, strict=True)])
        ends = np.cumsum(sizes)
        starts = np.concatenate([np.arange(end - n, end - length) for end, n in zip(ends, sizes, strict=True)])
        self.series = torch.from_numpy(series).to(device)
        self.starts = torch.from_numpy(starts).to(device)
        self._values = self.series.unfold(0, length + 1, 1)  # (time - L, unit, L + 1), a view
        self._times = torch.from_numpy(times.astype(np.float32)).to(device).unfold(0, length + 1, 1)

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
            Seconds; the last is the target's.
        target : Tensor, (B, N, I)
        """
        values = self._values[starts].permute(0, 2, 3, 1).contiguous()  # (B, I, N, L + 1) -> (B, N, L + 1, I)
        times = self._times[starts].permute(0, 2, 1).contiguous()
        return values[:, :, :-1], times, values[:, :, -1]
