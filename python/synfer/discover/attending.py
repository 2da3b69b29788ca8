"""What the methods that read an attention model share: the way from samples to a fit, forecast, score and read-outs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from torch import Tensor

from synfer.connectome import Connectome
from synfer.discover._models import moments
from synfer.discover.attention_readouts import (
    READOUTS,
    ablation,
    gradient,
    partial_correlation,
    rollout,
    weighing_values,
)
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.errors import InputError, NotConvergedWarning, UnknownNameError, level_of_user
from synfer.forecast import LIKELIHOODS, Clock, History, Likelihood, Schedule, Windows, evaluation_batches, train
from synfer.forecast.ensemble import EnsembleModule
from synfer.ops.devices import refuse_missing_device

SHARES = (0.6, 0.2, 0.2)  # training, validation, test, in time order
MOST_WINDOWS = 512  # whose gradients or ablations are read: evenly spaced, where there are more


class AttentionDiscoverer(BaseDiscoverer):
    """A discoverer whose forecaster gives (raw forecast, attention map (init, target, source)) of contexts.

    A subclass has the parameters named below, trains by `_learn`, and says in `_evidence` what a map is worth.
    """

    _holds_out: ClassVar[bool] = True

    n_init: int
    window: int
    max_epochs: int
    device: str
    progress: bool
    random_state: Any
    forecaster_: Any
    history_: list[History]
    residual_variance_: np.ndarray
    r2_: np.ndarray

    @property
    def _law(self) -> Likelihood:
        """Law of the next sample."""
        return LIKELIHOODS[getattr(self, "likelihood", "gaussian")]

    def _evidence(self, attention: np.ndarray) -> np.ndarray:
        """Evidence for each edge, at least 0, of maps (init, target, source)."""
        raise NotImplementedError

    def _standardised(self, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
        """Offset and scale (unit,) in which the model sees the samples: z-scores, and counts as they are."""
        if getattr(self, "likelihood", "gaussian") != "gaussian":
            return np.zeros(samples.n_units), np.ones(samples.n_units)
        return moments(samples)

    def _learn(
        self, samples: Samples, make: Callable[[Sequence[int]], EnsembleModule], schedule: Schedule
    ) -> tuple[Windows, Tensor, np.ndarray]:
        """Train what ``make`` gives for the initialisations' seeds; give the windows, those that have not been read,
        and the mean map (init, target, source) of those kept for reading, the last fifth.

        The first three fifths are learnt from, the next is stopped by; with an annealed schedule both are learnt from.
        """
        refuse_missing_device(self.device)
        checkpoint: str | os.PathLike[str] | None = getattr(self, "checkpoint", None)
        if checkpoint is not None and not isinstance(self.random_state, Integral):
            raise InputError(
                f"random_state must be an int with a checkpoint, which the same fit shall find again; got "
                f"{self.random_state!r}."
            )
        self.offset_, self.scale_ = self._standardised(samples)
        self.clock_ = Clock.of(max(len(segment) for segment in samples.segments))
        windows = self._windows(samples)
        self._law.check(windows.series)
        training, validation, test = windows.split(SHARES)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_init)
        self.forecaster_ = make(seeds).to(self.device)
        if schedule.anneal:
            training = torch.cat([training, validation])
        self.history_ = train(
            self.forecaster_,
            windows,
            training,
            None if schedule.anneal else validation,
            self._law,
            schedule,
            seeds,
            progress=self.progress,
            checkpoint=checkpoint,
        )
        forecast, target, _ = self._run(windows, validation)
        residual = (forecast - target).square().mean(0).clamp_min(1e-12)
        self.residual_variance_ = residual.double().cpu().numpy() * self.scale_**2
        # One pass for the forecast and the map: as long as an epoch's validation for each.
        forecast, target, map_ = self._run(windows, test, out_map=True)
        measured = target.cpu().numpy()
        self.r2_ = np.full(samples.n_units, np.nan)
        if len(measured) > 1:  # of one window there is no variance
            self.r2_ = r2_score(measured, forecast.cpu().numpy(), multioutput="raw_values")
        self.r2_[np.ptp(measured, axis=0) == 0.0] = np.nan  # silent throughout the test windows
        return windows, windows.starts[: -len(test)], map_.double().cpu().numpy()

    def _past(self) -> int:
        return int(self.window)

    def predict(self, X: Any, signal: str | None = None) -> np.ndarray:
        """Forecast each sample from the ``window`` samples before it: the mean over initialisations.

        Returns
        -------
        numpy.ndarray, shaped as the signal: (time, unit) or (trial, time, unit)
            float32; NaN in the first ``window`` samples, which have too little past.
        """
        samples = self._read(X, signal)
        windows = self._windows(samples)
        forecast, _, _ = self._run(windows, windows.starts)
        out = torch.full_like(windows.series, torch.nan)
        out[windows.starts + self.window] = forecast
        forecasts = (out.cpu().numpy() * self.scale_ + self.offset_).astype(np.float32)
        return forecasts.reshape(len(samples.segments), -1, samples.n_units) if samples.by_trial else forecasts

    def score(self, X: Any, signal: str | None = None) -> float:
        """Mean log-likelihood of the samples of ``X``, given the past of each, in nats per sample and unit."""
        windows = self._windows(self._read(X, signal))
        forecast, target, _ = self._run(windows, windows.starts)
        variance = torch.from_numpy(self.residual_variance_ / self.scale_**2).to(forecast)
        log_prob = self._law.log_prob(forecast, target, variance)
        return float(log_prob.mean()) - float(np.log(self.scale_).mean())  # a density, per unit of the signal

    def read(self, X: Any, readout: str = "attention", signal: str | None = None) -> Connectome:
        """Read the fitted model on samples, those of the fit or others.

        Parameters
        ----------
        X : Recording, or array, DataFrame or DataArray (time, unit)
        readout : str
            ======================== ===================================================================================
            "attention"              the map, as ``fit`` reads it (here on all windows)
            "value_norm"             the map, each weight times the length of the value it passes on (Kobayashi 2020)
            "rollout"                (map + 1) / 2, multiplied by itself once for each layer (Abnar and Zuidema 2020)
            "gradient"               mean modulus of d forecast_i / d x_j(t - l), at the lag where it is largest
            "ablation"               root mean squared change of the forecast when j's past is its mean instead
            "partial_correlation"    of the covariance C C', C the map with rows of length 1: what is left between two
                                     units when all others are given (Rohekar et al. 2023); symmetric
            ======================== ===================================================================================
        signal : str, optional

        Returns
        -------
        Connectome
            ``score``, mean over initialisations, with their standard deviation.

        Raises
        ------
        UnknownNameError
            No such read-out.
        """
        if readout not in READOUTS:
            raise UnknownNameError.of("readout", str(readout), READOUTS)
        samples = self._read(X, signal)
        return self._read_as(samples, self._each(samples, readout))

    def _reread(self, samples: Samples) -> np.ndarray:
        """Score (target, source) of other samples, without a fit."""
        score: np.ndarray = self._each(samples, "attention").mean(0)
        np.fill_diagonal(score, np.nan)
        return score

    def _each(self, samples: Samples, readout: str) -> np.ndarray:
        windows = self._windows(samples)
        if readout in ("gradient", "ablation"):
            step = max(1, -(-len(windows) // MOST_WINDOWS))
            of = gradient if readout == "gradient" else ablation
            return of(self.forecaster_, self._law, windows, windows.starts[::step])
        with weighing_values(self.forecaster_) if readout == "value_norm" else nullcontext():
            map_ = self._run(windows, windows.starts, out_map=True)[2]
        evidence = self._evidence(map_.double().cpu().numpy())
        if readout == "rollout":
            return rollout(evidence, self.forecaster_.n_layers)
        return partial_correlation(evidence) if readout == "partial_correlation" else evidence

    def _windows(self, samples: Samples) -> Windows:
        return Windows(
            samples.segments,
            self.window,
            clock=self.clock_,
            offset=self.offset_,
            scale=self.scale_,
            device=self.device,
        )

    def _converged(self) -> bool:
        """Whether every initialisation came to its end and the forecast learnt something; warn where not."""
        short = sum(not history.converged for history in self.history_)
        learnt = bool((self.r2_ > 0).any())
        if short:
            warnings.warn(
                f"{short} of {self.n_init} initialisations had not converged after max_epochs = {self.max_epochs}: "
                "raise it.",
                NotConvergedWarning,
                stacklevel=level_of_user(),
            )
        if not learnt:
            warnings.warn(
                "no unit's forecast is better than its own mean on the test windows: what it attends to says nothing; "
                "record for longer, or sample as fast as units act on each other.",
                NotConvergedWarning,
                stacklevel=level_of_user(),
            )
        return not short and learnt

    @torch.no_grad()
    def _run(self, windows: Windows, starts: Tensor, *, out_map: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Mean forecast and target, (window, unit), and mean attention, (init, target, source), in one pass."""
        n, members = self.forecaster_.n_units, self.forecaster_.n_init
        attention = torch.zeros(members, n, n, device=starts.device)
        forecasts, targets = [], []
        for rows in evaluation_batches(self.forecaster_, windows, starts):
            context, times, target = windows.batch(rows)
            raw, map_ = self.forecaster_(context, times, out_map=out_map)
            forecasts.append(self._law.mean(raw).mean(-1))
            targets.append(target[..., 0])
            if map_ is not None:
                attention += map_ * len(rows)
        return torch.cat(forecasts), torch.cat(targets), attention / len(starts)
