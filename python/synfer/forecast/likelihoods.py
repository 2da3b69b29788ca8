"""What a forecaster's output means: the law of the next sample."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional

from synfer.errors import InputError


class Likelihood(ABC):
    """The law of the next sample y given a forecaster's raw output r, elementwise."""

    @abstractmethod
    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Training loss of each element."""

    @abstractmethod
    def mean(self, raw: Tensor) -> Tensor:
        """Forecast in the units of the samples."""

    @abstractmethod
    def log_prob(self, mean: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """Log-likelihood of each element in nats, given the mean (and, for the Gaussian, the residual variance)."""

    @abstractmethod
    def check(self, series: Tensor) -> None:
        """Refuse samples that the law cannot have made."""


class Gaussian(Likelihood):
    """y ~ N(r, σ²); the loss is the squared error, as in the paper."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """(r − y)²."""
        return (raw - target).square()

    def mean(self, raw: Tensor) -> Tensor:
        """R itself."""
        return raw

    def log_prob(self, mean: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """−½ (log 2πσ² + (y − r)²/σ²)."""
        return -0.5 * (torch.log(2 * math.pi * variance) + (target - mean).square() / variance)

    def check(self, series: Tensor) -> None:
        """Any finite sample will do."""


class ScaledGaussian(Gaussian):
    """A Gaussian whose squared error is counted in a scale of each unit's own; the loss is ((r - y) / s)².

    Parameters
    ----------
    scale : Tensor, (unit,)
    """

    def __init__(self, scale: Tensor):
        self.scale = scale

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """((r − y) / s)², for r and y (B, N, I)."""
        return ((raw - target) / self.scale[:, None]).square()


class VaryingGaussian(Gaussian):
    """y ~ N(m, softplus(s)) with r = (m, s) along a last axis: what a source does to the variance counts too."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """½ (log σ² + (m − y)² / σ²), for r (B, N, I, 2) and y (B, N, I)."""
        variance = functional.softplus(raw[..., 1]) + 1e-6
        return 0.5 * (variance.log() + (raw[..., 0] - target).square() / variance)

    def mean(self, raw: Tensor) -> Tensor:
        """M."""
        return raw[..., 0]


class Poisson(Likelihood):
    """y ~ Poisson(softplus r)."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """λ − y log λ."""
        return functional.poisson_nll_loss(self.mean(raw), target, log_input=False, reduction="none")

    def mean(self, raw: Tensor) -> Tensor:
        """λ = softplus r."""
        return functional.softplus(raw)

    def log_prob(self, mean: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """Y log λ − λ − log y!; a λ that has underflown to 0 is the least that can be written, so that none is −∞."""
        mean = mean.clamp(min=torch.finfo(mean.dtype).tiny)
        return torch.xlogy(target, mean) - mean - torch.lgamma(target + 1)

    def check(self, series: Tensor) -> None:
        """Counts only."""
        if not bool(((series >= 0) & (series == series.round())).all()):
            raise InputError("X must hold spike counts (0, 1, 2, ...) for likelihood='poisson', got other values.")


class Bernoulli(Likelihood):
    """y ~ Bernoulli(sigmoid r)."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """−y log π − (1 − y) log(1 − π), from the logit."""
        return functional.binary_cross_entropy_with_logits(raw, target, reduction="none")

    def mean(self, raw: Tensor) -> Tensor:
        """π = sigmoid r."""
        return torch.sigmoid(raw)

    def log_prob(self, mean: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """Y log π + (1 − y) log(1 − π); a π that was rounded to 0 or 1 is the nearest number beside it."""
        limits = torch.finfo(mean.dtype)
        mean = mean.clamp(min=limits.tiny, max=1.0 - limits.eps / 2)
        return torch.xlogy(target, mean) + torch.xlogy(1 - target, 1 - mean)

    def check(self, series: Tensor) -> None:
        """Zeros and ones only."""
        if not bool(((series == 0) | (series == 1)).all()):
            raise InputError("X must hold only 0 and 1 for likelihood='bernoulli', got other values.")


LIKELIHOODS: dict[str, Likelihood] = {"gaussian": Gaussian(), "poisson": Poisson(), "bernoulli": Bernoulli()}
