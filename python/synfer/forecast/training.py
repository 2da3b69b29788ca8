"""The one training loop: an ensemble of forecasters, each with its own order of batches, learning rate and end."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Protocol

import torch
from torch import Tensor
from tqdm.auto import tqdm

from synfer.errors import FileError, FitDivergedError
from synfer.forecast.ensemble import EnsembleModule
from synfer.forecast.learning import History, Learning, Schedule
from synfer.forecast.likelihoods import Likelihood
from synfer.forecast.stepping import Batch, TrainingStep
from synfer.forecast.windows import Windows
from synfer.io import load_checkpoint, save_checkpoint
from synfer.storage import StrPath

# Tokens of an initialisation in one pass without gradients: large enough for the matrix products, small enough that ten
# initialisations' stay in the tens of megabytes (on a CUDA device, which is idle between launches otherwise, within two
# gigabytes). Not shared among those that are left: results would depend on them.
EVALUATION_TOKENS = {"cpu": 2_000, "cuda": 40_000}
SECONDS_BETWEEN_CHECKPOINTS = 30.0


class Forecaster(Protocol):
    """What the loop asks of an ensemble: raw forecasts (B, N, I) of contexts (B, N, L, I)."""

    def __call__(self, context: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        """Forecast."""
        ...


def train(
    ensemble: EnsembleModule,
    windows: Windows,
    training: Tensor,
    validation: Tensor | None,
    likelihood: Likelihood,
    schedule: Schedule,
    seeds: Sequence[int],
    *,
    progress: bool = True,
    checkpoint: StrPath | None = None,
) -> list[History]:
    """Train every initialisation to the minimum of its own validation loss; on return the best weights are in place.

    A `PenalisedModule` learns by its loss and that together; only the loss is
    looked at for validation. With an annealed schedule all train to the end, and the last weights are kept.

    Parameters
    ----------
    ensemble : EnsembleModule and Forecaster
    windows : Windows
    training, validation : Tensor, (window,)
        Starts of the windows to learn from and to stop by; with an annealed schedule, which stops by itself, the latter
        may be None.
    seeds : sequence of int, (I,)
        Key of each initialisation's order of batches.
    progress : bool
        Show a bar where the output is a terminal.
    checkpoint : path, optional
        Where to write, every half minute at the end of an epoch, how far training has come. Where the file exists,
        training goes on from there: what is learnt is the same to the bit as if it had not been broken off, for one
        build and instruction level; on a CUDA device but for rounding.

    Returns
    -------
    list of History, one an initialisation

    Raises
    ------
    FitDivergedError
        A loss is not finite; says of which initialisation and in which epoch.
    FileError
        The checkpoint cannot be read or written, or is of another fit.
    """
    learning = Learning(ensemble, schedule, seeds)
    work = ""
    if checkpoint is not None:
        work = _fingerprint(ensemble, windows, training, validation, likelihood, schedule, seeds)
        state = load_checkpoint(checkpoint, work)
        if state is not None:
            _resume(learning, state, checkpoint, schedule.max_epochs)
        save_checkpoint(checkpoint, work, learning.state_dict())  # what cannot be written is known before the work
    first = max(history.n_epochs for history in learning.histories)
    batches = _Batches(windows, training, learning)
    saved = time.monotonic()
    with (
        closing(TrainingStep(ensemble, windows, likelihood, learning)) as step,
        tqdm(
            total=schedule.max_epochs, initial=first, unit="epoch", disable=None if progress else True, leave=False
        ) as bar,
    ):
        for epoch in range(first, schedule.max_epochs):
            if not learning.members:
                break
            learning.begin_epoch()
            training_losses = _train_epoch(ensemble, batches, step)
            validation_losses = training_losses
            if validation is not None:
                validation_losses = evaluate(ensemble, windows, validation, likelihood).tolist()
            for losses in zip(learning.members, training_losses, validation_losses, strict=True):
                _refuse_divergence(*losses, epoch)
            learning.end_epoch(training_losses, validation_losses)
            bar.update()
            best = min(history.best_loss for history in learning.histories)
            bar.set_postfix(learning=len(learning.members), validation=f"{best:.4g}")
            last = not learning.members or epoch == schedule.max_epochs - 1
            if checkpoint is not None and (last or time.monotonic() - saved >= SECONDS_BETWEEN_CHECKPOINTS):
                save_checkpoint(checkpoint, work, learning.state_dict())
                saved = time.monotonic()
    learning.finish()
    return learning.histories


def _resume(learning: Learning, state: dict[str, Any], checkpoint: StrPath, max_epochs: int) -> None:
    try:
        learning.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError) as error:
        raise FileError(
            f"cannot go on from {str(checkpoint)!r}: its contents are damaged ({type(error).__name__}: {error})."
        ) from None
    done = max(history.n_epochs for history in learning.histories)
    if done > max_epochs:
        raise FileError(
            f"cannot go on from {str(checkpoint)!r}: it has {done} epochs, more than max_epochs = {max_epochs}: raise "
            "that, or name another file."
        )


class _Batches:
    """The batches of an epoch: each member's own order, or one batch of all windows that is made once."""

    def __init__(self, windows: Windows, training: Tensor, learning: Learning):
        self.windows, self.training, self.learning = windows, training, learning
        self._whole: Batch | None = None

    def __iter__(self) -> Iterator[tuple[Tensor, Batch | None]]:
        """Give starts (B, I) in each member's order, and the windows that begin there where they have been gathered."""
        schedule, n = self.learning.schedule, len(self.training)
        order = self.learning.order(n).to(self.training.device)
        if schedule.shuffle or schedule.batch_size < n:
            for rows in order.split(schedule.batch_size):
                yield self.training[rows], None
            return
        members = len(self.learning.members)
        if self._whole is None or self._whole[0].shape[-1] != members:
            context, times, target = self.windows.batch(self.training[:, None])
            self._whole = tuple(t.contiguous().expand(*t.shape[:-1], members) for t in (context, times, target))  # type: ignore[assignment]
        assert self._whole is not None
        yield self.training[order], self._whole


def _train_epoch(ensemble: EnsembleModule, batches: _Batches, step: TrainingStep) -> list[float]:
    """Let each that learns see every window once; give its mean loss, its penalty with it."""
    ensemble.train()
    total = torch.zeros(ensemble.n_init, device=batches.training.device)
    for starts, batch in batches:
        total += step(starts, batch) * len(starts)
    return [float(loss) for loss in total / len(batches.training)]


@torch.no_grad()
def evaluate(ensemble: EnsembleModule, windows: Windows, starts: Tensor, likelihood: Likelihood) -> Tensor:
    """Mean loss of each initialisation, (I,), over the windows that begin at ``starts``."""
    ensemble.eval()
    total = torch.zeros(ensemble.n_init, device=starts.device)
    for rows in evaluation_batches(ensemble, windows, starts):
        context, times, target = windows.batch(rows)
        total += likelihood.loss(ensemble(context, times)[0], target).mean(1).sum(0)
    return total / len(starts)


def evaluation_batches(ensemble: EnsembleModule, windows: Windows, starts: Tensor) -> list[Tensor]:
    """The same windows for every initialisation, (B, I), B chosen to bound memory."""
    tokens = windows.length * windows.series.shape[1]
    usual = EVALUATION_TOKENS.get(starts.device.type, EVALUATION_TOKENS["cpu"])
    size = max(1, getattr(ensemble, "evaluation_tokens", usual) // tokens)
    return [rows[:, None].expand(-1, ensemble.n_init) for rows in starts.split(size)]


def _refuse_divergence(member: int, training_loss: float, validation_loss: float, epoch: int) -> None:
    for name, loss in (("training", training_loss), ("validation", validation_loss)):
        if not math.isfinite(loss):
            raise FitDivergedError(
                f"the fit diverged: {name} loss of initialisation {member} is {loss} in epoch {epoch}; "
                "lower learning_rate, or look for outliers in the recording."
            )


def _fingerprint(
    ensemble: EnsembleModule,
    windows: Windows,
    training: Tensor,
    validation: Tensor | None,
    likelihood: Likelihood,
    schedule: Schedule,
    seeds: Sequence[int],
) -> str:
    """Of everything that what is learnt depends on; `max_epochs` is how long, not what."""
    digest = hashlib.sha256()
    looked_at = () if validation is None else (validation,)
    tensors = [windows.series, windows.times, training, *looked_at, *ensemble.parameters(), *ensemble.buffers()]
    # Strengths of penalties are buffers; what never moves, as types of cells or a loss's scale, is a plain attribute.
    for holder in (*ensemble.modules(), likelihood):
        own = {name: value for name, value in sorted(vars(holder).items()) if name not in ("training", "step")}
        settings = [(name, value) for name, value in own.items() if isinstance(value, int | float | str)]
        held = [(name, value) for name, value in own.items() if isinstance(value, Tensor)]
        digest.update(repr((settings, [name for name, _ in held])).encode())
        tensors += [value for _, value in held]
    for tensor in tensors:
        digest.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    # An annealed rate hangs on when it is to be 0.
    rules = {name: value for name, value in vars(schedule).items() if schedule.anneal or name != "max_epochs"}
    about = (windows.length, type(ensemble).__name__, type(likelihood).__name__, rules, [int(s) for s in seeds])
    digest.update(repr(about).encode())
    return digest.hexdigest()
