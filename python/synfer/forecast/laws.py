"""Laws of the next sample with a spread of their own and saturated samples: log-probability, and its two derivatives.

Where `likelihoods` asks of a forecaster only a mean, a law here takes the predictor η and the logarithm of a scale, and
also gives the score dℓ/dη and the information −d²ℓ/dη² (observed; expected for counts), from which least-squares steps
and their standard errors are made.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional

from synfer.errors import InputError

_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_FAR = 15.0  # spreads beyond an edge, from where the series has eight digits; in float32 the difference has five there


class Law(ABC):
    """Law of a sample y given η and log σ, elementwise; ``edge`` is +1 where y is at a ceiling, −1 at a floor."""

    @abstractmethod
    def log_prob(self, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> Tensor:
        """Log-probability (density) of y in nats."""

    @abstractmethod
    def derivatives(self, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
        """Score dℓ/dη and information, at least 0."""

    @abstractmethod
    def mean(self, eta: Tensor) -> Tensor:
        """Forecast of y."""

    @abstractmethod
    def check(self, series: Tensor) -> None:
        """Refuse samples (NaN: missing) that the law cannot have made."""


class SaturatedGaussian(Law):
    """y ~ N(η, σ²) where it is seen; at a ceiling only that it would have been there or above (Tobin 1958)."""

    def log_prob(self, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> Tensor:
        """−½r² − log σ − ½ log 2π with r = (y − η)/σ; log Φ(−r) at a ceiling, log Φ(r) at a floor."""
        r = (y - eta) * torch.exp(-log_scale)
        seen = -0.5 * r * r - log_scale - _LOG_ROOT_TWO_PI
        return torch.where(edge == 0, seen, torch.special.log_ndtr(-edge * r))

    def derivatives(self, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
        """r/σ and 1/σ²; at an edge m/σ and m(m + q)/σ² with q = −edge r, m = φ(q)/Φ(q) and the edge's sign."""
        inverse = torch.exp(-log_scale)
        r = (y - eta) * inverse
        q = -edge * r
        mills = math.sqrt(2.0 / math.pi) / torch.special.erfcx(-q * math.sqrt(0.5))  # no difference of large logarithms
        # Far on the wrong side of an edge m + q is the small difference of two large numbers: a series in 1/q^2.
        u = (-q).clamp(min=_FAR).pow(-2)
        held = torch.where(-q > _FAR, 1.0 - u * (1.0 - u * (6.0 - u * (50.0 - u * 518.0))), mills * (mills + q))
        score = torch.where(edge == 0, r, edge * mills)
        information = torch.where(edge == 0, torch.ones_like(r), held.clamp(min=0.0))
        return score * inverse, information * inverse * inverse

    def mean(self, eta: Tensor) -> Tensor:
        """Η itself: of what would be seen without an edge."""
        return eta

    def check(self, series: Tensor) -> None:
        """Any sample will do."""


class LogPoisson(Law):
    """y ~ Poisson(exp η); σ plays no part."""

    _MOST = 15.0  # exp(15) spikes a sample: beyond it an exponential says nothing any more

    def log_prob(self, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> Tensor:
        """Y η − exp η − log y!."""
        eta = eta.clamp(max=self._MOST)
        return y * eta - torch.exp(eta) - torch.lgamma(y + 1.0)

    def derivatives(self, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
        """Y − exp η and exp η."""
        rate = torch.exp(eta.clamp(max=self._MOST))
        return y - rate, rate

    def mean(self, eta: Tensor) -> Tensor:
        """Exp η."""
        return torch.exp(eta.clamp(max=self._MOST))

    def check(self, series: Tensor) -> None:
        """Counts only."""
        seen = series[~torch.isnan(series)]
        if not bool(((seen >= 0) & (seen == seen.round())).all()):
            raise InputError(
                "X must hold spike counts (0, 1, 2, ...) for likelihood='poisson', got other values: take 'gaussian'."
            )


class LogitBernoulli(Law):
    """y ~ Bernoulli(1 / (1 + exp −η)); σ plays no part."""

    def log_prob(self, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> Tensor:
        """Y log π + (1 − y) log(1 − π), from the logit."""
        return -functional.binary_cross_entropy_with_logits(eta, y.expand_as(eta), reduction="none")

    def derivatives(self, eta: Tensor, log_scale: Tensor, y: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
        """Y − π and π(1 − π)."""
        p = torch.sigmoid(eta)
        return y - p, p * (1.0 - p)

    def mean(self, eta: Tensor) -> Tensor:
        """π."""
        return torch.sigmoid(eta)

    def check(self, series: Tensor) -> None:
        """Zeros and ones only."""
        seen = series[~torch.isnan(series)]
        if not bool(((seen == 0) | (seen == 1)).all()):
            raise InputError("X must hold only 0 and 1 for likelihood='bernoulli', got other values.")


LAWS: dict[str, Law] = {"gaussian": SaturatedGaussian(), "poisson": LogPoisson(), "bernoulli": LogitBernoulli()}
