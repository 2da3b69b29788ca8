"""Where the training of an ensemble stands: who still learns, what each has learnt, and how to go on from there."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from synfer.forecast.componentwise import ComponentwiseForecaster
from synfer.forecast.ensemble import EnsembleModule
from synfer.forecast.proximal import ProximalAdam


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How an ensemble is trained: AdamW, learning rate halved on a plateau of the validation loss, early stopping.

    With ``anneal`` there is no early stopping: over ``max_epochs`` the rate rises for ten epochs and falls to 0 along
    half a cosine, and the last weights are kept. Such a fit has converged if the last quarter took the training loss
    (its penalty with it) less than ``tolerance`` of the way that it had come before.
    Without ``shuffle`` a batch that holds every window is made once.
    """

    batch_size: int = 16
    learning_rate: float = 5e-4
    weight_decay: float = 1e-3
    max_epochs: int = 200
    patience: int = 10
    plateau_patience: int = 3
    plateau_factor: float = 0.5
    anneal: bool = False
    tolerance: float = 0.05
    shuffle: bool = True

    def rate(self, epoch: int) -> float:
        """Learning rate of an annealed epoch, counted from 0."""
        fall = 0.5 * (1.0 + math.cos(math.pi * epoch / self.max_epochs))
        return self.learning_rate * min(1.0, (epoch + 1) / 10) * fall


@dataclasses.dataclass
class History:
    """How one initialisation learnt."""

    training_loss: list[float] = dataclasses.field(default_factory=list)
    validation_loss: list[float] = dataclasses.field(default_factory=list)
    learning_rate: list[float] = dataclasses.field(default_factory=list)
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


class Learning:
    """The initialisations of an ensemble while they learn, each with its own optimizer, order of batches and end.

    Parameters
    ----------
    ensemble : EnsembleModule
        Loses the initialisations that have come to their end, and has the best of all of them back at `finish`.
    schedule : Schedule
    seeds : sequence of int, (I,)
        Key of each initialisation's order of batches.

    Attributes
    ----------
    members : list of int
        Who still learns; position along the ensemble's leading axis.
    histories : list of History, one an initialisation
    """

    def __init__(self, ensemble: EnsembleModule, schedule: Schedule, seeds: Sequence[int]):
        self.ensemble, self.schedule = ensemble, schedule
        self.members = list(range(len(seeds)))
        self.histories = [History() for _ in seeds]
        self._dropout_seeds = [layer.seeds for layer in ensemble.dropouts()]
        self._orders = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        self._best = [t.detach().clone() for t in _state(ensemble)]
        self._optimizers = [_optimizer(ensemble, k, schedule) for k in self.members]
        self._plateaus = [
            torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=schedule.plateau_factor, patience=schedule.plateau_patience
            )
            for optimizer in self._optimizers
        ]

    def order(self, n: int) -> Tensor:
        """Draw the order in which each that learns sees n windows, (n, I)."""
        return torch.stack([torch.randperm(n, generator=self._orders[m]) for m in self.members], dim=1)

    def step(self) -> None:
        """Take each one's step by the gradients at hand."""
        parameters = list(self.ensemble.parameters())
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        for k, m in enumerate(self.members):
            optimizer = self._optimizers[m]
            held = optimizer.param_groups[0]["params"]
            if isinstance(optimizer, ProximalAdam):
                (vector,) = held
                vector.grad = torch.cat([gradient[k].flatten() for gradient in gradients])
                optimizer.step()
                for p, piece in zip(parameters, vector.detach().split([p[k].numel() for p in parameters]), strict=True):
                    p.data[k].view(-1).copy_(piece)
                continue
            for piece, gradient in zip(held, gradients, strict=True):
                piece.grad = gradient[k]
            optimizer.step()
        for p in parameters:
            p.grad = None

    def end_epoch(self, training_losses: Sequence[float], validation_losses: Sequence[float]) -> None:
        """Note the losses of those that learn, keep what is best, and let go who has come to an end."""
        if self.schedule.anneal:
            self._end_annealed_epoch(training_losses, validation_losses)
            return
        going = []
        for k, m in enumerate(self.members):
            history = self._noted(k, m, training_losses)
            improved = validation_losses[k] < history.best_loss
            history.validation_loss.append(validation_losses[k])
            _lower(self._optimizers[m], self._plateaus[m], validation_losses[k])
            if improved:
                history.best_epoch = history.n_epochs - 1
                for kept, now in zip(self._best, _state(self.ensemble), strict=True):
                    kept[m].copy_(now.detach()[k])
            history.converged = history.n_epochs - 1 - history.best_epoch >= self.schedule.patience
            if not history.converged:
                going.append(k)
        if len(going) < len(self.members):
            self._keep(going)

    def begin_epoch(self) -> None:
        """Set the rate of the epoch, where it is annealed."""
        if self.schedule.anneal:
            for m in self.members:
                _set_rate(self._optimizers[m], self.schedule.rate(self.histories[m].n_epochs))

    def _noted(self, k: int, m: int, training_losses: Sequence[float]) -> History:
        history = self.histories[m]
        history.training_loss.append(training_losses[k])
        history.learning_rate.append(float(self._optimizers[m].param_groups[0]["lr"]))
        return history

    def _end_annealed_epoch(self, training_losses: Sequence[float], validation_losses: Sequence[float]) -> None:
        """Note the losses; at the end keep what there is, and say whether it had come to rest."""
        for k, m in enumerate(self.members):
            history = self._noted(k, m, training_losses)
            history.validation_loss.append(validation_losses[k])
            history.best_epoch = history.n_epochs - 1
        if history.n_epochs == self.schedule.max_epochs:
            for kept, now in zip(self._best, _state(self.ensemble), strict=True):
                kept.copy_(now.detach())
            for history in self.histories:
                history.converged = settled(history.training_loss, self.schedule.tolerance)

    def finish(self) -> None:
        """Put the best weights of all in place."""
        self.ensemble.replace(self._best)
        for layer, seeds in zip(self.ensemble.dropouts(), self._dropout_seeds, strict=True):
            layer.seeds = seeds
        self.ensemble.eval()

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on as if nothing had happened."""
        return {
            "members": list(self.members),
            "histories": [dataclasses.asdict(history) for history in self.histories],
            "orders": [generator.get_state() for generator in self._orders],
            "dropout_steps": [layer.step for layer in self.ensemble.dropouts()],
            "weights": [t.detach() for t in _state(self.ensemble)],
            "best": self._best,
            "optimizers": [self._optimizers[m].state_dict() for m in self.members],
            "plateaus": [self._plateaus[m].state_dict() for m in self.members],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; for a fresh `Learning` of an ensemble made as that one was."""
        self.histories = [History(**history) for history in state["histories"]]
        for generator, saved in zip(self._orders, state["orders"], strict=True):
            generator.set_state(saved)
        for layer, step in zip(self.ensemble.dropouts(), state["dropout_steps"], strict=True):
            layer.step = step
        for kept, saved in zip(self._best, state["best"], strict=True):
            kept.copy_(saved)
        if len(state["members"]) < len(self.members):
            self._keep(state["members"])
        for now, saved in zip(_state(self.ensemble), state["weights"], strict=True):
            now.data.copy_(saved)
        for k, m in enumerate(self.members):
            if isinstance(self._optimizers[m], ProximalAdam):
                self._optimizers[m].param_groups[0]["params"][0].data.copy_(_vector(self.ensemble, k))
            self._optimizers[m].load_state_dict(state["optimizers"][k])
            _settle(self._optimizers[m])
            self._plateaus[m].load_state_dict(state["plateaus"][k])

    def _keep(self, going: Sequence[int]) -> None:
        self.members = [self.members[k] for k in going]
        self.ensemble.keep(going)
        for k, m in enumerate(self.members):
            if not isinstance(self._optimizers[m], ProximalAdam):
                _move(self._optimizers[m], _pieces(self.ensemble, k))


def settled(losses: Sequence[float], tolerance: float) -> bool:
    """Whether the last quarter of a descent was less than ``tolerance`` of the rest.

    Losses are means over an eighth of the epochs: where a part of them is drawn anew in each, one says little.
    """
    n = len(losses)
    width = n // 8
    if width == 0:
        return False
    end = sum(losses[-width:]) / width
    quarter = sum(losses[n - n // 4 - width : n - n // 4]) / width
    # A descent of less than a hundredth of the loss is none: nothing was to be learnt, and that has been found.
    before = max(losses[0] - quarter, 0.01 * abs(losses[0]))
    return bool(quarter - end <= tolerance * before)


def _state(ensemble: EnsembleModule) -> list[Tensor]:
    return [*ensemble.parameters(), *ensemble.buffers()]


def _optimizer(ensemble: EnsembleModule, member: int, schedule: Schedule) -> torch.optim.Optimizer:
    """Adam of one initialisation, with proximal steps where it has groups: learning rate and moments are its own."""
    if not isinstance(ensemble, ComponentwiseForecaster):
        # On the ensemble's own memory: to gather a vector and to scatter it again costs more than the step itself.
        pieces = _pieces(ensemble, member)
        adam = torch.optim.AdamW(pieces, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True)
        _settle(adam)
        return adam
    vector = nn.Parameter(_vector(ensemble, member))
    weights, shape, within = ensemble.lasso
    before = itertools.takewhile(lambda p: p is not weights, ensemble.parameters())
    return ProximalAdam(
        [vector],
        lr=schedule.learning_rate,
        offset=sum(p[0].numel() for p in before),
        shape=shape,
        within=within,
        strength=ensemble.lasso_strengths()[member],
    )


def _settle(optimizer: torch.optim.Optimizer) -> None:
    """Keep an optimizer's rate where its parameters are: a recorded step reads it on the device."""
    if isinstance(optimizer, ProximalAdam):
        return
    (group,) = optimizer.param_groups
    device = group["params"][0].device
    group["capturable"] = device.type == "cuda"
    group["lr"] = torch.tensor(float(group["lr"]), device=device) if group["capturable"] else float(group["lr"])
    optimizer._warned_capturable_if_run_uncaptured = True  # some steps are: no news


def _lower(optimizer: torch.optim.Optimizer, plateau: torch.optim.lr_scheduler.ReduceLROnPlateau, loss: float) -> None:
    """Let the rate fall on a plateau, where it stands: schedulers of some versions of torch put a number there."""
    (group,) = optimizer.param_groups
    rate = group["lr"]
    plateau.step(loss)
    if isinstance(rate, Tensor) and group["lr"] is not rate:
        rate.fill_(float(group["lr"]))
        group["lr"] = rate


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    (group,) = optimizer.param_groups
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def _pieces(ensemble: EnsembleModule, member: int) -> list[Tensor]:
    """One initialisation's parameters, views."""
    return [p.data[member] for p in ensemble.parameters()]


def _move(optimizer: torch.optim.Optimizer, pieces: list[Tensor]) -> None:
    """Let an optimizer go on with the same parameters in another place."""
    (group,) = optimizer.param_groups
    for old, new in zip(group["params"], pieces, strict=True):
        if old in optimizer.state:
            optimizer.state[new] = optimizer.state.pop(old)
    group["params"] = pieces


def _vector(ensemble: EnsembleModule, member: int) -> Tensor:
    """All of one initialisation's parameters, a copy."""
    return torch.cat([p.data[member].flatten() for p in ensemble.parameters()])
