"""LaDID's model: a realisation's encoding, dynamics that all realisations share, and the bound that it learns by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from synfer.forecast.ensemble import Dropout, EnsembleLinear, EnsembleModule
from synfer.forecast.ladid_counts import CountContext
from synfer.forecast.ladid_parts import Noise, SampleCoder, TemporalAttention
from synfer.forecast.latent_dynamics import LatentDynamics, ODEDynamics, QueryDynamics, RecurrentDynamics, TimeCode
from synfer.forecast.likelihoods import LIKELIHOODS, Likelihood

DYNAMICS = ("query", "ode", "rnn")
_HIGHEST = 2.0**8  # frequency of the time code, in half turns over the horizon: the published one


class LaDIDModel(EnsembleModule):
    """Samples of a context, each encoded; attention over them; their mean is psi; dynamics lead from psi to any time.

    ``psi ~ N(mean_k gamma_k, mean of the samples' own noise)``, ``z(t) = f(t, psi)``, ``x(t) = dec(z(t))``, with f the
    same for all realisations. Every parameter has a leading axis over initialisations, I.

    Parameters
    ----------
    sample_shape : tuple of int
    n_context : int
        Samples of a context in training, Lc.
    horizon : float
        Longest time from a context's first sample that is learnt, in seconds: the unit of the time code.
    step : float
        Seconds from sample to sample, about: the time code's fastest turn takes eight of them (`paced`: four at the
        least), a step of "rnn" one.
    reach : float
        Seconds within which samples attend to each other by time.
    head : {"gaussian", "poisson"}
    encoder : {"cnn", "mlp", "linear"}
    dynamics : {"query", "ode", "rnn"}
    d_latent, d_model, d_hidden, n_layers, n_frequencies : int
    n_decoded : int, optional
        Samples of a piece that are decoded in a step of training; all by default.
    dropout, noise, smoothness : float
    thinning : float
        Of counts: see `CountContext`.
    static, paced : bool
    rates : array (feature,), optional
        Of counts: means of the samples, at which rates begin. Without them the context is their roots, as it was in
        files of schema 1.
    seeds : sequence of int, (I,)
    """

    evaluation_tokens: int = 2_000

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        *,
        n_context: int,
        horizon: float,
        step: float,
        reach: float,
        head: str = "gaussian",
        encoder: str = "mlp",
        dynamics: str = "query",
        d_latent: int = 32,
        d_model: int = 64,
        d_hidden: int = 256,
        n_layers: int = 4,
        n_frequencies: int = 16,
        n_decoded: int | None = None,
        dropout: float = 0.0,
        noise: float = 0.1,
        smoothness: float = 0.1,
        thinning: float = 0.25,
        static: bool = True,
        paced: bool = True,
        rates: Any = None,
        seeds: Sequence[int] = (0,),
    ):
        super().__init__(len(seeds))
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.n_context, self.head, self.noise, self.smoothness = n_context, head, float(noise), float(smoothness)
        self.step, self.reach, self.n_decoded = float(step), float(reach), n_decoded
        self.coder = SampleCoder(sample_shape, encoder, d_model, d_latent, d_hidden, static, generators)
        self.of_time = EnsembleLinear(1 + 2 * n_frequencies, d_model, generators)
        self.code = TimeCode(horizon, min(_HIGHEST, max(1.0, horizon / (4.0 * step))), n_frequencies)
        # The first layer attends by time alone, the others by content.
        self.layers = nn.ModuleList(TemporalAttention(d_model, reach, k > 0, generators) for k in range(n_layers))
        self.gamma = EnsembleLinear(d_model, d_latent, generators)
        self.log_tau = EnsembleLinear(d_model, d_latent, generators)
        self.draws = Noise(seeds)
        self.dynamics: LatentDynamics
        if dynamics == "query":
            dropped = Dropout(dropout, seeds)
            self.dynamics = QueryDynamics(d_latent, d_hidden, self.code, dropped, generators, paced=paced)
        elif dynamics == "ode":
            self.dynamics = ODEDynamics(d_latent, d_hidden, horizon, generators)
        else:
            self.dynamics = RecurrentDynamics(d_latent, d_hidden, step, generators)
        with torch.no_grad():
            self.log_tau.bias.sub_(3.0)  # begin nearly certain of psi, or nothing is learnt for long
        self.counts: CountContext | None = None
        if rates is not None:
            self.counts = CountContext(rates, self.code.n_out, d_model, thinning, generators)
            if encoder != "cnn":
                with torch.no_grad():
                    self.coder.decoder.last.bias.add_(self.counts.level())

    @property
    def likelihood(self) -> Likelihood:
        """What the raw output means."""
        return LIKELIHOODS[self.head]

    def encode(self, context: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean and standard deviation of psi, (I, B, d) each, of contexts (I, B, L, F) at times (I, B, L).

        Times count from the context's first sample.
        """
        n_batch, length = context.shape[1:3]
        code = self.code(times).flatten(1, 2)
        x = self.coder.encode(self._seen(context).flatten(1, 2))
        if self.counts is not None:
            x = self.counts.gated(x, code)
        x = x + self.of_time(code)
        for layer in self.layers:
            x = cast(TemporalAttention, layer)(x, times)
        gamma = self.gamma(x).unflatten(1, (n_batch, length))
        tau = self.log_tau(x).clamp(-10.0, 3.0).exp().unflatten(1, (n_batch, length))
        return gamma.mean(2), tau.square().sum(2).sqrt() / length

    def query(self, psi: Tensor, context: Tensor, times: Tensor) -> Tensor:
        """Give raw forecasts (I, B, Q, F) at times (I, B, Q) since the context's first sample."""
        return self.coder.decode(self.dynamics(psi, times), self.coder.static_of(self._seen(context)))

    def _seen(self, context: Tensor) -> Tensor:
        """Give a context as it is encoded."""
        if self.counts is not None:
            return self.counts.standardised(context)
        return context.sqrt() if self.head == "poisson" else context

    def forecast(self, context: Tensor, context_times: Tensor, times: Tensor) -> Tensor:
        """Give raw forecasts (I, B, Q, F): psi at its mean."""
        return self.query(self.encode(context, context_times)[0], context, times)

    def forward(self, piece: Tensor, times: Tensor) -> tuple[Tensor, None]:
        """Give the negative bound on the log-likelihood of each piece, in nats a number, (B, 1, I).

        ``mean -log p(x | z) + (KL(psi || N(0, 1)) / numbers of a sample and L) + smoothness |z - z'|^2``: the last is
        the joint of multiple shooting. The piece's last Lc samples are the context of the window that follows; z' is
        what that window's psi says of them, z what the first one's does.

        Of counts, whose law knows no noise but its own, both other terms count noise² as much: against the Gaussian
        they weigh so. In training psi is told of a part of the context's counts, and the others are forecast
        (`CountContext.split`); else the loss is of the samples after the context alone, and of their law.

        Parameters
        ----------
        piece : Tensor, (I, B, L, F)
            The first Lc samples are the context, all are to be forecast.
        times : Tensor, (I, B, L)
            From the piece's first sample, which is earlier than where the piece begins again.
        """
        context, target = piece[:, :, : self.n_context], piece
        weight: Tensor | None = None
        if self.counts is not None and not self.training:
            after = slice(self.n_context, None)
            raw = self.forecast(context, times[:, :, : self.n_context], times[:, :, after])
            return self.likelihood.loss(raw, piece[:, :, after]).mean((2, 3)).T[:, None], None
        if self.counts is not None:
            context, target, weight = self.counts.split(piece, _lengths(times), self.n_context, self.draws)
        psi, spread = self.encode(context, times[:, :, : self.n_context])
        divergence = 0.5 * (psi.square() + spread.square() - 2.0 * spread.log() - 1.0).sum(-1)
        if self.training:
            psi = psi + spread * self.draws.normal(tuple(psi.shape[1:]), psi.device)
        static = self.coder.static_of(self._seen(context))
        z = self.dynamics(psi, times)
        shown = z
        if self.training and self.n_decoded is not None and self.n_decoded < piece.shape[2]:
            # Decoding is most of the work, and a piece's samples are much alike: some, drawn in each step, will do.
            at = self.draws.normal((piece.shape[2],), piece.device).argsort(1)[:, : self.n_decoded]
            shown, target = (torch.stack([x[:, k] for x, k in zip(y, at, strict=True)]) for y in (z, target))
            weight = None if weight is None else torch.stack([x[:, k] for x, k in zip(weight, at, strict=True)])
        lost = self.likelihood.loss(self.coder.decode(shown, static), target)
        lost = (lost if weight is None else weight * lost).mean((2, 3))
        if self.head == "gaussian":
            lost = lost / (2.0 * self.noise**2)
        loss = lost + self._beside * divergence / (piece.shape[2] * piece.shape[3])
        if self.smoothness > 0.0:
            # The last samples that are there: where a piece came to its trajectory's end, it begins again.
            at = _lengths(times) - self.n_context + torch.arange(self.n_context, device=times.device)
            since = times.gather(2, at)
            since = since - since[..., :1]
            following, _ = self.encode(_at(piece, at), since)
            apart = (_at(z, at) - self.dynamics(following, since)).square().mean((2, 3))
            loss = loss + self._beside * self.smoothness * apart
        return loss.T[:, None], None

    @property
    def _beside(self) -> float:
        """What the terms beside the law's weigh."""
        return 1.0 if self.counts is None else self.noise**2


def _lengths(times: Tensor) -> Tensor:
    """Give the samples that there are of each piece, (I, B, 1), whose times begin again after these."""
    return 1 + (times.diff() >= 0).long().cumprod(-1).sum(-1, keepdim=True)


def _at(x: Tensor, at: Tensor) -> Tensor:
    """Give the samples (I, B, l, F) of x (I, B, L, F) at positions (I, B, l)."""
    return x.gather(2, at[..., None].expand(-1, -1, -1, x.shape[-1]))


class Bound(Likelihood):
    """What the model gives in training is its loss already: the piece that it was given holds the target."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """R itself."""
        return raw

    def mean(self, raw: Tensor) -> Tensor:
        """R itself."""
        return raw

    def log_prob(self, mean: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """Minus r."""
        return -mean

    def check(self, series: Tensor) -> None:
        """Nothing: the model's own law is asked."""


def freeze(module: nn.Module) -> None:
    """Let no training touch a module: its parameters become buffers, which are kept and copied but not learnt."""
    for part in module.modules():
        for name, parameter in list(part._parameters.items()):
            if parameter is not None:
                del part._parameters[name]
                part.register_buffer(name, parameter.detach())


def thaw(module: nn.Module) -> None:
    """Undo `freeze`; of modules whose buffers were all parameters, as LaDID's are."""
    for part in module.modules():
        for name, buffer in list(part._buffers.items()):
            if buffer is not None:
                del part._buffers[name]
                part._parameters[name] = nn.Parameter(buffer)
