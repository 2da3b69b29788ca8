"""What lies beneath D2CL's estimator: its checks, its training, its probabilities in batches."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.utils import check_random_state
from tqdm.auto import tqdm

from synfer.arguments import checked_numbers
from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.d2cl.averaging import Averaged
from synfer.discover.d2cl.labels import all_pairs
from synfer.discover.d2cl.model import D2CLModel, EachHead
from synfer.discover.d2cl.pairs import Pairs, Population, View
from synfer.discover.d2cl.towers import SIZES
from synfer.errors import InputError, NotConvergedWarning, ShapeError, level_of_user
from synfer.forecast.learning import History, Schedule
from synfer.forecast.training import evaluate, evaluation_batches, train
from synfer.ops.devices import refuse_missing_device
from synfer.storage import StrPath

_TOGETHER = {"cpu": 32, "elsewhere": 1024}  # pairs in one pass without gradients: more no longer lie in cache
_SORTED = 0.6  # the share of subgraphs that sorted pooling has to cut, at most


@dataclass
class Trained:
    """A model, what it looks at, at which sampling interval, and how it learnt (not known of one from a file)."""

    model: D2CLModel
    view: View
    dt: float | None
    history: list[History]

    def on(self, device: str) -> Trained:
        """Give the same on a device; a copy, where it is on another, for clones share it."""
        there = next(self.model.parameters()).device
        if there == torch.empty(0, device=device).device:
            return self
        return dataclasses.replace(self, model=copy.deepcopy(self.model).to(device))


class D2CLFitting(BaseDiscoverer):
    """The working parts of `D2CL`, which says what they are for."""

    _takes_drift: ClassVar[bool] = True  # densities are of all samples; the known pairs have the same drift
    _takes_few: ClassVar[bool] = True

    image: str
    lags: Sequence[int]
    towers: str
    size: str
    prior: Any
    degree: int
    split: str
    validation_fraction: float
    max_epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    n_init: int
    checkpoint: StrPath | None
    device: str
    progress: bool
    random_state: Any

    def _min_samples(self, n_units: int) -> int:
        self._check_more()
        return 10 + max(int(lag) for lag in self.lags)

    def _check_more(self) -> None:
        lags = self.lags
        if not lags or not all(isinstance(lag, Integral) and lag >= 0 for lag in lags) or len(set(lags)) < len(lags):
            raise InputError(f"lags must be different whole numbers of samples, 0 or more; got {lags!r}.")
        if self.checkpoint is not None and not isinstance(self.random_state, Integral):
            raise InputError(
                "random_state must be an int with a checkpoint, which the same fit shall find again; got "
                f"{self.random_state!r}."
            )
        refuse_missing_device(self.device)

    def _seeds(self) -> tuple[np.random.RandomState, list[int]]:
        rng = check_random_state(self.random_state)
        return rng, rng.randint(2**31 - 1, size=self.n_init).tolist()

    def _view(self, before: Trained | None = None) -> View:
        """Say how pairs are looked at; what a node says is as in an earlier lesson, by whatever synfer."""
        size = SIZES[self.size]
        return View(
            self.image,
            tuple(int(lag) for lag in self.lags),
            size.n_points,
            size.most_nodes,
            int(self.degree),
            self.towers,
            *(() if before is None else (before.view.layout,)),
        )

    def _given_prior(self, samples: Samples) -> np.ndarray | None:
        if self.prior is None:
            return None
        if isinstance(self.prior, Connectome):
            prior = _arranged(self.prior, samples.unit_ids, "prior")
        else:
            prior = checked_numbers("prior", self.prior).astype(np.float64)
        if prior.shape != (samples.n_units,) * 2:
            raise ShapeError(f"prior must be (target, source) of X's {samples.n_units} units, got {prior.shape}.")
        if np.isnan(prior[~np.eye(samples.n_units, dtype=bool)]).all():
            raise InputError(
                "prior must say of pairs whether they are joined, got only NaN: give 0 where they are not."
            )
        return prior

    def _refuse_other(self, before: Trained, samples: Samples) -> None:
        """Refuse to look at pairs otherwise than the pretrained model did."""
        if before.view != self._view(before) or before.model.size != self.size or before.model.n_init != self.n_init:
            raise InputError(
                f"image, lags, size, towers, degree and n_init must be as in pretraining, {before.view}, got "
                f"{self._view(before)}: set them back, or pretrain again."
            )
        then, now = before.dt, samples.dt
        if then is not None and now is not None and not np.isclose(then, now, rtol=1e-6, atol=0.0):
            raise InputError(
                f"X must have the dt of pretraining, {before.dt} s, for lags count samples; got {samples.dt} s: "
                "resample it, or pretrain on such networks."
            )

    def _train(
        self,
        every: Pairs,
        learning: np.ndarray,
        held: np.ndarray,
        seeds: Sequence[int],
        stage: str,
        dt: float | None,
        before: Trained | None = None,
    ) -> Trained:
        """Train every initialisation to the least loss on the pairs that are held out.

        One that goes on from an earlier lesson has its level set first, so that an epoch that only learns how many
        edges there are is no better; it stays so, if none is better on these.
        """
        view = every.populations[0].view
        if before is not None:
            model = _levelled(copy.deepcopy(before.model), every, learning)
        else:
            nodes = np.concatenate(
                [p.sizes(every.pairs[learning][every.of[learning] == k]) for k, p in enumerate(every.populations)]
            )
            rate = float(every.labels[torch.from_numpy(learning)].mean())
            model = D2CLModel(
                view.n_channels,
                max(10, int(np.quantile(nodes, _SORTED))),
                size=self.size,
                towers=self.towers,
                level=float(np.log(rate / (1.0 - rate))),
                layout=view.layout,
                seeds=seeds,
            ).to(self.device)
        schedule = Schedule(
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.patience,
            plateau_patience=max(1, self.patience // 3),
        )
        stop_by = torch.from_numpy(held).to(self.device)
        stood = None
        if before is not None:
            stood = evaluate(model, every, stop_by, EachHead())
            then = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        path = None if self.checkpoint is None else Path(self.checkpoint)
        averaged = Averaged(model)
        history = train(
            averaged,
            every,
            torch.from_numpy(learning).to(self.device),
            stop_by,
            EachHead(),
            schedule,
            seeds,
            progress=self.progress,
            checkpoint=None if path is None else path.with_name(f"{path.name}.{stage}"),
        )
        model = averaged.settled()
        if stood is not None:
            for k, one in enumerate(history):
                if one.best_loss >= float(stood[k]):
                    one.best_epoch = -1
                    for name, now in model.state_dict().items():
                        now[k].copy_(then[name][k])
        unsettled = [one.best_epoch < 0 for one in history if not one.converged]
        kept = "found nothing better in {} epochs than what was pretrained, and keep that: lower learning_rate."
        moving = "had not come to rest after {} epochs: raise max_epochs."
        for told, count in ((moving, unsettled.count(False)), (kept, unsettled.count(True))):
            if count:
                warnings.warn(
                    f"{count} of {self.n_init} initialisations {told.format(self.max_epochs)}",
                    NotConvergedWarning,
                    stacklevel=level_of_user(),
                )
        return Trained(model, view, dt, history)

    @torch.no_grad()
    def _probabilities(self, model: D2CLModel, population: Population, pairs: np.ndarray) -> np.ndarray:
        """Give the mean probability of each pair (pair,) over the initialisations."""
        out = np.empty(len(pairs))
        model.eval()
        together = _TOGETHER["cpu" if torch.device(self.device).type == "cpu" else "elsewhere"]
        with tqdm(total=len(pairs), unit="pair", delay=2, leave=False, disable=None if self.progress else True) as bar:
            for first in range(0, len(pairs), together):
                some = pairs[first : first + together]
                images, graphs = (
                    torch.from_numpy(a).to(self.device).expand(model.n_init, *a.shape)
                    for a in (population.images(some), population.graphs(some))
                )
                raw, _ = model(images, graphs)
                out[first : first + len(some)] = torch.sigmoid(raw.double()).mean((1, 2)).cpu().numpy()
                bar.update(len(some))
        return out


@torch.no_grad()
def _levelled(model: D2CLModel, every: Pairs, learning: np.ndarray) -> D2CLModel:
    """Shift all logits of each initialisation, so that among the pairs learnt from as many edges are expected as are.

    A lesson's pairs are seldom in the mix of the known ones. The order of pairs stays as it is.
    """
    starts = torch.from_numpy(learning).to(every.labels.device)
    model.eval()
    given = [model(*every.batch(rows)[:2])[0] for rows in evaluation_batches(model, every, starts)]
    logits = torch.cat(given)[:, 0].double().cpu().numpy()  # (pair, init)
    rate = float(every.labels[starts].double().mean())
    for k, mine in enumerate(logits.T):
        edge = np.abs(mine).max() + 50.0  # from there all are edges, or none
        shift = brentq(lambda by, mine=mine: expit(mine + by).mean() - rate, -edge, edge)
        model.shift(k, shift)
    return model


def each_network(networks: Any) -> Iterator[tuple[Any, Any]]:
    """Give pairs (X, truth) one by one."""
    try:
        every = iter(networks)
    except TypeError:
        raise InputError(
            f"networks must be pairs (X, truth), got a {type(networks).__name__}: give a list of them."
        ) from None
    for k, one in enumerate(every):
        if not isinstance(one, (tuple, list)) or len(one) != 2:
            what = f"{len(one)} of them" if isinstance(one, (tuple, list)) else f"a {type(one).__name__}"
            raise InputError(f"networks must be pairs (X, truth), got {what} for network {k}: give both of each.")
        yield one[0], one[1]


def edges_of(truth: Any, unit_ids: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the pairs (pair, 2) of which a connectome says something, and their labels (pair,)."""
    if not isinstance(truth, Connectome):
        raise InputError(
            f"networks must be pairs (X, truth) with a Connectome for truth, got a {type(truth).__name__} in network "
            f"{number}: label a matrix (target, source) by Connectome.from_weights."
        )
    score = _arranged(truth, unit_ids, f"the truth of network {number}")
    pairs = all_pairs(len(unit_ids))
    said = score[pairs[:, 1], pairs[:, 0]]
    known = np.isfinite(said)
    return pairs[known], (said[known] > 0).astype(np.float32)


def _arranged(connectome: Connectome, unit_ids: np.ndarray, name: str) -> np.ndarray:
    """Give a connectome's score (target, source) in the order of units."""
    score = connectome.score
    if score.dims != ("target", "source") or set(connectome.unit_ids.tolist()) != set(unit_ids.tolist()):
        raise ShapeError(
            f"{name} must be one connectome (target, source) of X's units, got {dict(score.sizes)} of others: give the "
            "same units the same labels."
        )
    return np.asarray(score.sel(target=unit_ids, source=unit_ids), dtype=np.float64)
