"""The one training loop: an ensemble of forecasters, each with its own order of batches, learning rate and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from synfer.errors import FitDivergedError
from synfer.forecast.ensemble import EnsembleModule
from synfer.forecast.likelihoods import Likelihood
from synfer.forecast.windows import Windows
from synfer.threads import one_thread

# Contexts times initialisations in one pass without gradients: large enough for the matrix products, small enough
# that the widest activation (400 channels a token) stays in the tens of megabytes.
EVALUATION_TOKENS = 20_000


@dataclass(frozen=True)
class Schedule:
    """How an ensemble is trained: AdamW, learning rate halved on a plateau of the validation loss, early stopping."""

    batch_size: int = 16
    learning_rate: float = 5e-4
    weight_decay: float = 1e-3
    max_epochs: int = 200
    patience: int = 10
    plateau_patience: int = 3
    plateau_factor: float = 0.5


@dataclass
class History:
    """How one initialisation learnt."""

    training_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    best_epoch: int = -1
    converged: bool = False

    @property
    def n_epochs(self) -> int:
        """Epochs trained."""
        return len(self.validation_loss)

    @property
    def best_loss(self) -> float:
        """Validation loss of the weights that were kept."""
        return self.validation_loss[self.best_epoch] if self.best_epoch >= 0 else float("inf")


class Forecaster(Protocol):
    """What the loop asks of an ensemble: raw forecasts (B, N, I) of contexts (B, N, L, I)."""

    def __call__(self, context: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        """Forecast."""
        ...


def train(
    ensemble: EnsembleModule,
    windows: Windows,
    training: Tensor,
    validation: Tensor,
    likelihood: Likelihood,
    schedule: Schedule,
    seeds: Sequence[int],
    *,
    progress: bool = True,
) -> list[History]:
    """Train every initialisation to the minimum of its own validation loss; on return the best weights are in place.

    Parameters
    ----------
    ensemble : EnsembleModule and Forecaster
    windows : Windows
    training, validation : Tensor, (window,)
        Starts of the windows to learn from and to stop by.
    seeds : sequence of int, (I,)
        Key of each initialisation's order of batches.
    progress : bool
        Show a bar where the output is a terminal.

    Returns
    -------
    list of History, one an initialisation

    Raises
    ------
    FitDivergedError
        A loss is not finite; says of which initialisation and in which epoch.
    """
    device = windows.series.device
    orders = [torch.Generator().manual_seed(int(s)) for s in seeds]
    histories = [History() for _ in seeds]
    best = [t.detach().clone() for t in _state(ensemble)]
    members = list(range(len(seeds)))  # initialisations still learning; position along the ensemble's leading axis
    optimizers = [_optimizer(ensemble, k, schedule) for k in members]
    plateaus = [
        torch.optim.lr_scheduler.ReduceLROnPlateau(
            o, factor=schedule.plateau_factor, patience=schedule.plateau_patience
        )
        for o in optimizers
    ]
    with tqdm(total=schedule.max_epochs, unit="epoch", disable=None if progress else True, leave=False) as bar:
        for epoch in range(schedule.max_epochs):
            order = torch.stack([torch.randperm(len(training), generator=orders[m]) for m in members], dim=1)
            ensemble.train()
            total = torch.zeros(len(members), device=device)
            for rows in order.to(device).split(schedule.batch_size):
                context, times, target = windows.batch(training[rows])
                raw, _ = ensemble(context, times)
                losses = likelihood.loss(raw, target).mean(dim=(0, 1))
                losses.sum().backward()  # the initialisations share no parameter: each gets its own gradient
                _step(ensemble, [optimizers[m] for m in members])
                total += losses.detach() * len(rows)
            training_losses = (total / len(training)).tolist()
            validation_losses = evaluate(ensemble, windows, validation, likelihood).tolist()

            going = []
            for k, m in enumerate(members):
                _refuse_divergence(training_losses[k], validation_losses[k], m, epoch)
                history = histories[m]
                history.training_loss.append(training_losses[k])
                history.learning_rate.append(optimizers[m].param_groups[0]["lr"])
                improved = validation_losses[k] < history.best_loss
                history.validation_loss.append(validation_losses[k])
                plateaus[m].step(validation_losses[k])
                if improved:
                    history.best_epoch = epoch
                    for kept, now in zip(best, _state(ensemble), strict=True):
                        kept[m].copy_(now.detach()[k])
                history.converged = epoch - history.best_epoch >= schedule.patience
                if not history.converged:
                    going.append(k)
            bar.update()
            bar.set_postfix(learning=len(going), validation=f"{min(h.best_loss for h in histories):.4g}")
            if len(going) < len(members):
                members = [members[k] for k in going]
                ensemble.keep(going)
                for k, m in enumerate(members):
                    _point_at(optimizers[m], ensemble, k)
            if not members:
                break
    ensemble.replace(best)
    ensemble.eval()
    return histories


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
    tokens = ensemble.n_init * windows.length * windows.series.shape[1]
    size = max(1, EVALUATION_TOKENS // tokens)
    return [rows[:, None].expand(-1, ensemble.n_init) for rows in starts.split(size)]


def _state(ensemble: EnsembleModule) -> list[Tensor]:
    return [*ensemble.parameters(), *ensemble.buffers()]


def _optimizer(ensemble: EnsembleModule, member: int, schedule: Schedule) -> torch.optim.AdamW:
    """AdamW over one initialisation's slice of every parameter: learning rates and moments are its own."""
    slices = [nn.Parameter(p.data[member]) for p in ensemble.parameters()]
    return torch.optim.AdamW(slices, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True)


def _point_at(optimizer: torch.optim.Optimizer, ensemble: EnsembleModule, member: int) -> None:
    """Let the optimizer, whose moments stay, go on with the slices at position ``member``."""
    for piece, p in zip(optimizer.param_groups[0]["params"], ensemble.parameters(), strict=True):
        piece.data = p.data[member]


def _step(ensemble: EnsembleModule, optimizers: Sequence[torch.optim.Optimizer]) -> None:
    parameters = list(ensemble.parameters())
    with one_thread():
        for k, optimizer in enumerate(optimizers):
            for piece, p in zip(optimizer.param_groups[0]["params"], parameters, strict=True):
                piece.grad = None if p.grad is None else p.grad[k]
            optimizer.step()
    for p in parameters:
        p.grad = None


def _refuse_divergence(training_loss: float, validation_loss: float, member: int, epoch: int) -> None:
    for name, loss in (("training", training_loss), ("validation", validation_loss)):
        if not torch.isfinite(torch.tensor(loss)):
            raise FitDivergedError(
                f"the fit diverged: {name} loss of initialisation {member} is {loss} in epoch {epoch}; "
                "lower learning_rate, or look for outliers in the recording."
            )
