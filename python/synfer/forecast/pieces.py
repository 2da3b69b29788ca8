"""Pieces of trajectories: a context and the samples after it, with their times; what LaDID's windows are cut from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from synfer.errors import InputError
from synfer.forecast.windows import Windows
from synfer.trajectories import Trajectories


class Pieces(Windows):
    """Stretches of ``n_context + n_query`` consecutive samples, none across two trajectories; for the training loop.

    Samples are flattened, and held once, in float32. Where a trajectory ends before a piece does, the piece's samples
    stand in it again, with their times, from its first on: so every part of a trajectory is a context to be learnt
    from, and none of its samples counts for more than the others.

    Parameters
    ----------
    trajectories : Trajectories
    n_context, n_query : int
    stride : int, optional
        Samples from where a piece begins to where the next does; ``n_context`` by default.
    offset, scale : array, shaped as a sample or broadcast against one
        Samples are held as (x - offset) / scale.
    device : torch.device or str

    Attributes
    ----------
    series : Tensor, (sample, feature)
        The trajectories one after the other.
    times : Tensor, (sample,)
        Seconds since each trajectory's first sample, float64: those of a piece are float32.
    starts : Tensor, (piece,)
        Position in ``series`` of each piece's first sample: of each trajectory one every ``stride`` samples, as long
        as a sample follows the context, and the last whole one.
    of_trajectory : Tensor, (piece,)
        Which trajectory each is of.
    whole : Tensor, (piece,)
        Whether it holds ``n_query`` samples after its context.

    Raises
    ------
    InputError
        No trajectory is that long.
    """

    def __init__(
        self,
        trajectories: Trajectories,
        n_context: int,
        n_query: int,
        *,
        stride: int | None = None,
        offset: np.ndarray | float = 0.0,
        scale: np.ndarray | float = 1.0,
        device: torch.device | str = "cpu",
    ):
        self.length = n_context + n_query
        sizes = trajectories.lengths
        if max(sizes) < self.length:
            raise InputError(
                f"trajectories must have n_context + n_query = {n_context} + {n_query} samples and more, the longest "
                f"has {max(sizes)}: give longer ones, or fit with a lower n_query or n_context."
            )
        features = int(np.prod(trajectories.sample_shape))
        series = np.empty((sum(sizes), features), dtype=np.float32)
        ends = np.cumsum(sizes)
        starts: list[int] = []
        owners: list[int] = []
        whole: list[bool] = []
        self._last = torch.empty(sum(sizes), dtype=torch.long)  # of each sample: where its trajectory ends
        for k, (end, size, value) in enumerate(zip(ends, sizes, trajectories.values, strict=True)):
            series[end - size : end] = ((value - offset) / scale).reshape(size, features)
            self._last[end - size : end] = int(end) - 1
            last_whole = size - self.length
            if size > n_context:
                here = sorted({*range(0, size - n_context, stride or n_context), max(last_whole, 0)})
                starts += [int(end) - size + start for start in here]
                owners += [k] * len(here)
                whole += [start <= last_whole for start in here]
        times = np.concatenate([time - time[0] for time in trajectories.times])
        self.series = torch.from_numpy(series).to(device)
        self.times = torch.from_numpy(times).to(device)
        self.starts = torch.tensor(starts, device=device)
        self.of_trajectory = torch.tensor(owners, device=device)
        self.whole = torch.tensor(whole, device=device)
        self._last = self._last.to(device)
        self._steps = torch.arange(self.length, device=device)

    def of(self, trajectories: Sequence[int] | np.ndarray, *, whole: bool = False) -> Tensor:
        """Give the starts of the pieces of some trajectories, or of the whole ones alone."""
        wanted = torch.as_tensor(np.asarray(trajectories), device=self.starts.device)
        among = torch.isin(self.of_trajectory, wanted)
        return self.starts[among & self.whole if whole else among]

    def spans(self, n_samples: int) -> Tensor:
        """Give the seconds from each piece's first sample to its n-th, (piece,)."""
        ends = torch.minimum(self.starts + n_samples - 1, self._last[self.starts])
        return self.times[ends] - self.times[self.starts]

    def batch(self, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gather pieces, for each of I initialisations its own B of them, ``starts`` (B, I).

        Returns
        -------
        piece : Tensor, (I, B, L, feature)
        times : Tensor, (I, B, L)
            Since each piece's first sample.
        starts : Tensor, (B, I)
            The piece holds its target; these are in the target's place.
        """
        first = starts.T[..., None]
        index = first + self._steps % (self._last[first] - first + 1)
        times = self.times[index]
        return self.series[index], (times - times[..., :1]).float(), starts
