"""One training step of an ensemble; on a CUDA device it is recorded once and replayed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor

from synfer.forecast.ensemble import EnsembleModule, PenalisedModule
from synfer.forecast.learning import Learning
from synfer.forecast.likelihoods import Likelihood
from synfer.forecast.windows import Windows
from synfer.ops.devices import has_cuda_kernels
from synfer.ops.dropout import Replay, replay_of

Batch = tuple[Tensor, Tensor, Tensor]
_BEFORE_RECORDING = 2
"""Steps as they come, after which nothing is left that is made at its first use, such as the libraries' handles."""
_RECORDING = threading.Lock()  # the device's generator of random numbers knows of one recording at a time
_OWN = threading.local()  # a stream a device and thread: new ones are dealt from thirty-two, and would meet


class TrainingStep:
    """Forecast a batch, take the loss (and the penalty of a `PenalisedModule`), and every member's step.

    A step of a small model is some five hundred kernels, which take the host longer to launch than a device to compute.
    Where an ensemble is ``recordable`` and its layers have kernels on a CUDA device, the steps of full batches are one
    CUDA graph: the same kernels in the same order. It is recorded again when a member has come to its end; where there
    is no memory for that, steps are launched as they come. Threads may train beside one another, each on the default
    stream or on one that no other has (seen with torch 2.11).

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
        self._recordable = ensemble.recordable and has_cuda_kernels(windows.series)
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
        if not self._recordable:
            return self._step(starts, batch)
        with _aside(starts.device):
            if batch is not None or len(starts) != self.learning.schedule.batch_size:
                return self._step(starts, batch)
            if self._members != self.learning.members:
                self._members, self._steps = list(self.learning.members), 0
            if self._steps < _BEFORE_RECORDING:
                self._steps += 1
                return self._step(starts)
            if self._recorded is None or self._recorded.members != self._members:
                try:
                    recorded = _Recorded(self._step, starts, self.ensemble, self._members, self._recorded)
                except torch.OutOfMemoryError:  # a launched step needs less, and nothing has been learnt yet
                    self.close()
                    self._recordable = False
                    for parameter in self.ensemble.parameters():
                        parameter.grad = None
                    return self._step(starts)
                with _RECORDING:  # the end of one is no business of another's recording
                    self._recorded = recorded
            return self._recorded(starts)

    def close(self) -> None:
        """Let go of what was recorded, and of its memory."""
        with _RECORDING:
            self._recorded = None

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
def _aside(device: torch.device) -> Iterator[None]:
    """On a stream of the thread's own, for the default one cannot be recorded; on the caller's, if that is another."""
    current = torch.cuda.current_stream(device)
    if current != torch.cuda.default_stream(device):
        with torch.cuda.device(device):
            yield
        return
    own: dict[int, torch.cuda.Stream] = _OWN.__dict__.setdefault("streams", {})
    if current.device_index not in own:
        own[current.device_index] = torch.cuda.Stream(device)
    stream = own[current.device_index]
    stream.wait_stream(current)
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        current.wait_stream(stream)


class _Recorded:
    """A step as a CUDA graph: replays read starts from one place, and draw on from where the host's count stands."""

    def __init__(
        self,
        step: Callable[[Tensor], Tensor],
        starts: Tensor,
        ensemble: EnsembleModule,
        members: list[int],
        before: _Recorded | None,
    ):
        self.members = members
        self._starts, self._layers = starts.clone(), ensemble.dropouts()
        self._before = [layer.step for layer in self._layers]
        self._told: list[Replay] = [replay_of(starts.device, layer.seeds) for layer in self._layers]
        self._graph = torch.cuda.CUDAGraph()
        with _RECORDING:
            # What steps left in the cache would stand beside the graph's own memory, of which there is as much again.
            torch.cuda.empty_cache()
            # The one before lives until its successor has been recorded, which takes over its memory.
            self._pool: Any = torch.cuda.graph_pool_handle() if before is None else before._pool
            try:
                for layer, told in zip(self._layers, self._told, strict=True):
                    layer.replay = told
                self._losses = self._record(step)
            finally:
                counts = [layer.step for layer in self._layers]
                for layer, count in zip(self._layers, self._before, strict=True):  # nothing has run yet
                    layer.replay, layer.step = None, count
        self._draws = [count - earlier for count, earlier in zip(counts, self._before, strict=True)]

    def _record(self, step: Callable[[Tensor], Tensor]) -> Tensor:
        self._graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
        try:
            losses = step(self._starts)
        except BaseException:
            with suppress(RuntimeError):  # the recording is void: what made it so is what is raised
                self._graph.capture_end()
            raise
        self._graph.capture_end()
        return losses

    def __call__(self, starts: Tensor) -> Tensor:
        self._starts.copy_(starts)
        for layer, before, told, draws in zip(self._layers, self._before, self._told, self._draws, strict=True):
            told.advance.fill_(layer.step - before)
            layer.step += draws
        self._graph.replay()
        return self._losses
