"""One training step of an ensemble; on a CUDA device it is recorded once and replayed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from synfer.forecast.ensemble import Dropout, EnsembleModule, PenalisedModule
from synfer.forecast.learning import Learning
from synfer.forecast.likelihoods import Likelihood
from synfer.forecast.windows import Windows

Batch = tuple[Tensor, Tensor, Tensor]
_BEFORE_RECORDING = 2
"""Steps as they come, after which nothing is left that is made at its first use (handles, seeds on the device)."""
_RECORDING = threading.Lock()  # the device's generator of random numbers knows of one recording at a time


class TrainingStep:
    """Forecast a batch, take the loss (and the penalty of a `PenalisedModule`), and every member's step.

    A step of a small model is some five hundred kernels, which take the host longer to launch than a device to compute.
    Where an ensemble is ``recordable`` and on a CUDA device, the steps of full batches are one CUDA graph: the same
    kernels in the same order. It is recorded again when a member has come to its end. Threads that each train on a
    stream of their own record and replay beside one another.

    Parameters
    ----------
    ensemble : EnsembleModule and Forecaster
    windows : Windows
    likelihood : Likelihood
    learning : Learning
        Of the ensemble.
    """

    def __init__(self, ensemble: EnsembleModule, windows: Windows, likelihood: Likelihood, learning: Learning):
        self.ensemble, self.windows, self.likelihood, self.learning = ensemble, windows, likelihood, learning
        self._recordable = ensemble.recordable and windows.series.is_cuda
        self._stream = torch.cuda.Stream(windows.series.device) if self._recordable else None
        self._members: list[int] = []
        self._steps = 0  # of these members, not recorded
        self._recorded: _Recorded | None = None

    def __call__(self, starts: Tensor, batch: Batch | None = None) -> Tensor:
        """Learn from the windows that begin at ``starts`` (B, I), or from ``batch``, which holds them.

        Returns
        -------
        Tensor, (I,)
            Mean loss of each, its penalty with it, before the step; good until the next one.
        """
        if not self._recordable or batch is not None or len(starts) != self.learning.schedule.batch_size:
            with self._aside(starts):
                return self._step(starts, batch)
        if self._members != self.learning.members:
            self._members, self._steps = list(self.learning.members), 0
        with self._aside(starts):
            if self._steps < _BEFORE_RECORDING:
                self._steps += 1
                return self._step(starts)
            if self._recorded is None or self._recorded.members != self._members:
                # The one before lives until its successor has been recorded, which takes over its memory.
                pool = torch.cuda.graph_pool_handle() if self._recorded is None else self._recorded.pool
                self._recorded = _Recorded(self._step, starts, _dropouts(self.ensemble), self._members, pool)
            return self._recorded(starts)

    def _step(self, starts: Tensor, batch: Batch | None = None) -> Tensor:
        context, times, target = self.windows.batch(starts) if batch is None else batch
        raw, _ = self.ensemble(context, times)
        losses = self.likelihood.loss(raw, target).mean(dim=(0, 1))
        if isinstance(self.ensemble, PenalisedModule):
            n_rows = self.ensemble.penalty_rows(len(starts))
            rows = context if n_rows == len(starts) else self.windows.batch(starts[:n_rows])[0]
            losses = losses + self.ensemble.penalty(rows)
        losses.sum().backward()  # the initialisations share no parameter: each gets its own gradient
        self.learning.step()
        return losses.detach()

    @contextmanager
    def _aside(self, starts: Tensor) -> Iterator[None]:
        """On a stream of its own, for the default one cannot be recorded; on the caller's, where that is another."""
        if self._stream is None:
            yield
            return
        current = torch.cuda.current_stream(starts.device)
        if current != torch.cuda.default_stream(starts.device):
            with torch.cuda.device(starts.device):
                yield
            return
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            yield
        current.wait_stream(self._stream)


class _Recorded:
    """A step as a CUDA graph: replays read starts from one place, and draw on from where the host's count stands."""

    def __init__(
        self,
        step: Callable[[Tensor], Tensor],
        starts: Tensor,
        layers: list[Dropout],
        members: list[int],
        pool: Any,  # torch's handle of memory for graphs
    ):
        self.members, self.pool = members, pool
        self._starts, self._layers = starts.clone(), layers
        self._before = [layer.step for layer in layers]
        self._advances = [torch.zeros(1, dtype=torch.int32, device=starts.device) for _ in layers]
        self._graph = torch.cuda.CUDAGraph()
        for layer, advance in zip(layers, self._advances, strict=True):
            layer.advance = advance
        with _RECORDING:
            self._graph.capture_begin(pool=pool, capture_error_mode="thread_local")
            try:
                self._losses = step(self._starts)
            finally:
                self._graph.capture_end()
                self._draws = [layer.step - before for layer, before in zip(layers, self._before, strict=True)]
                for layer, before in zip(layers, self._before, strict=True):  # nothing has run yet
                    layer.advance, layer.step = None, before

    def __call__(self, starts: Tensor) -> Tensor:
        self._starts.copy_(starts)
        for layer, before, advance, draws in zip(self._layers, self._before, self._advances, self._draws, strict=True):
            advance.fill_(layer.step - before)
            layer.step += draws
        self._graph.replay()
        return self._losses


def _dropouts(ensemble: EnsembleModule) -> list[Dropout]:
    return [module for module in ensemble.modules() if isinstance(module, Dropout)]
