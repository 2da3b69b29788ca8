"""What the methods that read a small forecaster share: the fit, the choice of lag and penalty, forecast and score."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import product
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from synfer.connectome import Connectome
from synfer.discover._models import increment_scale, moments
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.ranks import rank_correlation
from synfer.discover.readouts import signed_gradient
from synfer.errors import NotConvergedWarning
from synfer.forecast import Clock, LaggedForecaster, ScaledGaussian, Schedule, Windows, evaluate, train
from synfer.forecast.start import start_linear
from synfer.ops.devices import refuse_missing_device

COUNT = [Interval(Integral, 1, None, closed="left")]
AT_LEAST_0 = [Interval(Real, 0.0, None, closed="left")]


class Setting(NamedTuple):
    """What fits that train side by side may differ in."""

    penalty: float
    ridge: float
    start: str


class NeuralDiscoverer(BaseDiscoverer):
    """A discoverer that fits a `LaggedForecaster` by the one training loop, and reads it.

    A subclass says how the forecaster is made (``_make``) and how it is read (``_scores``).
    """

    penalties: ClassVar[tuple[float, ...]] = (0.003, 0.01, 0.03, 0.1, 0.3)
    """What ``penalty="auto"`` chooses from."""

    ridges: ClassVar[tuple[float, ...]] = (0.03, 0.3)
    """What ``ridge="auto"`` chooses from."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "lag": [StrOptions({"auto"}), *COUNT],
        "max_lag": COUNT,
        "n_hidden": [*COUNT, None],
        "penalty": [StrOptions({"auto"}), *AT_LEAST_0],
        "ridge": [StrOptions({"auto"}), *AT_LEAST_0],
        "n_init": COUNT,
        "max_epochs": [*COUNT, None],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither"), None],
        "batch_size": COUNT,
        "device": [str],
        "progress": ["boolean"],
        "random_state": ["random_state"],
    }

    lag: Any
    max_lag: int
    penalty: Any
    ridge: Any
    n_init: int
    max_epochs: int | None
    learning_rate: float | None
    batch_size: int
    device: str
    progress: bool
    random_state: Any

    # ---- what a method says

    def _make(
        self,
        n_units: int,
        lag: int,
        scale: np.ndarray | None,
        strengths: Sequence[float],
        ridges: Sequence[float],
        seeds: Sequence[int],
    ) -> LaggedForecaster:
        """Make the forecaster, one initialisation for each strength, ridge and seed."""
        raise NotImplementedError

    def _scores(self, forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> np.ndarray:
        """Evidence for each edge, (init, target, source), at least 0."""
        raise NotImplementedError

    def _weights(self, samples: Samples, windows: Windows) -> dict[str, np.ndarray]:
        """Mean signed gradient at the lag where that is largest, in the signal's own units, and that lag."""
        mean = signed_gradient(self.forecaster_, windows, windows.starts).mean(0).double().cpu().numpy()
        at = np.abs(mean).argmax(-1)
        weight = np.take_along_axis(mean, at[..., None], -1)[..., 0]
        scale = self.scale_ if self.increment_scale_ is None else self.scale_ * self.increment_scale_
        fields = {"weight": weight * scale[:, None] / self.scale_[None, :]}
        if samples.dt is not None:
            fields["delay"] = (self.lag_ - at) * samples.dt
        return fields

    @property
    def _by_increments(self) -> bool:
        return getattr(self, "target", "difference") == "difference"

    # ---- fit

    @property
    def _epochs(self) -> int:
        return 300 if self.max_epochs is None else self.max_epochs

    @property
    def _rate(self) -> float:
        return 0.01 if self.learning_rate is None else self.learning_rate

    @property
    def _start(self) -> str:
        return getattr(self, "start", "zero")

    @property
    def _chooses(self) -> bool:
        return "auto" in (self.lag, self.penalty, self.ridge, self._start)

    @property
    def _highest_lag(self) -> int:
        return self.max_lag if self.lag == "auto" else self.lag

    def _min_samples(self, n_units: int) -> int:
        return self._highest_lag + (5 if self._chooses else 3)

    def _discover(self, samples: Samples) -> Connectome:
        refuse_missing_device(self.device)
        self.offset_, self.scale_ = moments(samples)
        self.increment_scale_ = None
        loss_scale = np.ones(samples.n_units)
        if self._by_increments:
            self.increment_scale_ = loss_scale = increment_scale(samples) / self.scale_
            # A unit may vary from trial to trial only; its increments are then 0 for certain.
            loss_scale = self.increment_scale_ = np.where(loss_scale > 0, loss_scale, 1.0)
        self._likelihood = ScaledGaussian(torch.as_tensor(loss_scale, dtype=torch.float32, device=self.device))
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_init).tolist()
        self.lag_, self.penalty_, self.ridge_, self.start_ = self.lag, self.penalty, self.ridge, self._start
        self.selection_: pd.DataFrame | None = None
        if self._chooses:
            self._choose(samples, seeds[0])
        windows = self._windows(samples, self.lag_)
        settings = [Setting(self.penalty_, self.ridge_, self.start_)] * self.n_init
        self.forecaster_, self.history_ = self._trained(
            samples, windows, windows.starts, self.lag_, settings, seeds, self._epochs
        )
        self.n_parameters_ = self.forecaster_.n_parameters()
        forecast, target = self._forecast(windows, windows.starts)
        self.residual_variance_ = (forecast - target).square().mean(0).clamp_min(1e-12).double().cpu().numpy()
        self.residual_variance_ *= self.scale_**2
        persistent = windows.series[windows.starts + windows.length - 1] if self._by_increments else target.mean(0)
        known = (target - persistent).var(0, correction=0).double().cpu().numpy() * self.scale_**2
        self.r2_ = 1.0 - self.residual_variance_ / np.where(known > 0, known, np.nan)

        scores = self._scores(self.forecaster_, windows, windows.starts)
        fields: dict[str, Any] = self._weights(samples, windows)
        score = scores.mean(0)
        if self.n_init > 1:
            fields["score_std"] = scores.std(0)
        for field in (score, *fields.values()):
            np.fill_diagonal(field, np.nan)
        return self._connectome(samples, score, converged=self._converged(), **fields)

    def _windows(self, samples: Samples, length: int) -> Windows:
        return Windows(
            samples.segments,
            length,
            clock=Clock.of(max(len(segment) for segment in samples.segments)),
            offset=self.offset_,
            scale=self.scale_,
            device=self.device,
        )

    def _trained(
        self,
        samples: Samples,
        windows: Windows,
        starts: Tensor,
        lag: int,
        settings: Sequence[Setting],
        seeds: Sequence[int],
        max_epochs: int,
    ) -> tuple[LaggedForecaster, list[Any]]:
        strengths, ridges, begun = zip(*settings, strict=True)
        forecaster = self._make(samples.n_units, lag, self.increment_scale_, strengths, ridges, seeds).to(self.device)
        linear = [k for k, start in enumerate(begun) if start == "linear"]
        self.start_ridge_ = start_linear(forecaster, windows, starts, linear)
        schedule = Schedule(
            batch_size=self.batch_size,
            learning_rate=self._rate,
            weight_decay=0.0,
            max_epochs=max_epochs,
            anneal=True,
            shuffle=False,
        )
        history = train(forecaster, windows, starts, None, self._likelihood, schedule, seeds, progress=self.progress)
        return forecaster, history

    def _choose(self, samples: Samples, seed: int) -> None:
        """Choose by the held-out loss: each half of the windows forecast by a fit to the other.

        First lag and penalty, then at those the ridge and where training begins. Every lag forecasts the same samples.
        """
        windows = self._windows(samples, self._highest_lag)
        lags = [p for p in range(1, self.max_lag + 1) if p <= 3 or p == self.max_lag or p % 2 == 1]
        lags = lags if self.lag == "auto" else [self.lag]
        strengths = self.penalties if self.penalty == "auto" else (self.penalty,)
        ridges = self.ridges if self.ridge == "auto" else (self.ridge,)
        starts = ("zero", "linear") if self._start == "auto" else (self._start,)
        first, *others = product(ridges, starts)
        rows = []
        for lag in lags:
            rows += self._tried(samples, windows, lag, [Setting(p, *first) for p in strengths], seed)
        best = min(rows, key=lambda row: row["held_out"])
        if others:
            rows += self._tried(samples, windows, best["lag"], [Setting(best["penalty"], *o) for o in others], seed)
            best = min(rows, key=lambda row: row["held_out"])
        self.selection_ = pd.DataFrame(rows)
        self.lag_, self.penalty_, self.ridge_, self.start_ = (best[k] for k in ("lag", *Setting._fields))

    def _tried(
        self, samples: Samples, windows: Windows, lag: int, settings: list[Setting], seed: int
    ) -> list[dict[str, Any]]:
        """Rows of ``selection_``, one a setting; all train side by side."""
        halves = windows.split((0.5, 0.5))
        epochs = -(-self._epochs // 2)  # a choice needs no last digit
        held_out, scores = [], []
        for known, unknown in (halves, halves[::-1]):
            forecaster, _ = self._trained(samples, windows, known, lag, settings, [seed] * len(settings), epochs)
            held_out.append(evaluate(forecaster, windows, unknown, self._likelihood).double().cpu().numpy())
            scores.append(self._scores(forecaster, windows, known))
        off = ~np.eye(samples.n_units, dtype=bool)
        return [
            {
                "lag": lag,
                **setting._asdict(),
                "held_out": float(held_out[0][k] + held_out[1][k]) / 2,
                "stability": rank_correlation(scores[0][k][off], scores[1][k][off]),
            }
            for k, setting in enumerate(settings)
        ]

    def _converged(self) -> bool:
        """Whether every initialisation came to rest and the forecast learnt something; warn where not."""
        short = sum(not history.converged for history in self.history_)
        learnt = bool((self.r2_ > 0.01).any())
        if short:
            warnings.warn(
                f"{short} of {self.n_init} initialisations were still learning when the rate had fallen to 0 after "
                f"max_epochs = {self._epochs}: raise it.",
                NotConvergedWarning,
                stacklevel=4,
            )
        if not learnt:
            warnings.warn(
                "no unit's forecast explains a hundredth of what it is to explain: its gradient says nothing; lower "
                "penalty, record for longer, or sample as fast as units act on each other.",
                NotConvergedWarning,
                stacklevel=4,
            )
        return not short and learnt

    # ---- forecast

    def _past(self) -> int:
        return int(self.lag_)

    def predict(self, X: Any, signal: str | None = None) -> np.ndarray:
        """Forecast each sample from the ``lag_`` samples before it: the mean over initialisations.

        Returns
        -------
        numpy.ndarray, shaped as the signal: (time, unit) or (trial, time, unit)
            float32; NaN in the first ``lag_`` samples, which have too little past.
        """
        samples = self._read(X, signal)
        windows = self._windows(samples, self.lag_)
        forecast, _ = self._forecast(windows, windows.starts)
        out = torch.full_like(windows.series, torch.nan)
        out[windows.starts + self.lag_] = forecast
        forecasts = (out.cpu().numpy() * self.scale_ + self.offset_).astype(np.float32)
        return forecasts.reshape(len(samples.segments), -1, samples.n_units) if samples.by_trial else forecasts

    def score(self, X: Any, signal: str | None = None) -> float:
        """Mean log-likelihood of the samples of ``X``, given the past of each, in nats per sample and unit.

        The law is Gaussian with the variance that the fit left, ``residual_variance_``.
        """
        windows = self._windows(self._read(X, signal), self.lag_)
        forecast, target = self._forecast(windows, windows.starts)
        variance = torch.from_numpy(self.residual_variance_ / self.scale_**2).to(forecast)
        log_prob = self._likelihood.log_prob(forecast, target, variance)
        return float(log_prob.mean()) - float(np.log(self.scale_).mean())  # a density, per unit of the signal

    @torch.no_grad()
    def _forecast(self, windows: Windows, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Mean forecast and target, (window, unit)."""
        forecasts, targets = [], []
        size = max(1, self.forecaster_.evaluation_tokens // (windows.length * self.forecaster_.n_units))
        for rows in starts.split(size):
            context, times, target = windows.batch(rows[:, None])
            raw, _ = self.forecaster_(context.expand(-1, -1, -1, self.n_init), times)
            forecasts.append(raw.mean(-1))
            targets.append(target[..., 0])
        return torch.cat(forecasts), torch.cat(targets)
