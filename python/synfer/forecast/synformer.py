"""A forecaster whose attention is the connectivity: signed, lag by lag, and the only way from one unit to another."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.forecast.pasts import EVERY, N_ELAPSED, Batch


class Forecast(NamedTuple):
    """Predictor η and log σ, (init, row, unit), and the last hidden layer, (init, row, unit, hidden)."""

    eta: Tensor
    log_scale: Tensor
    hidden: Tensor


class SynformerForecaster(nn.Module):
    """An ensemble of forecasters x_i(t + 1) ~ law(η, σ) of one form, side by side along the first axis of every tensor.

        s_j(t)   = φ(x_j(t), ..., x_j(t - value_window + 1))           what j tells others: one learned value
        a_id(t)  = sum_j sum_l A_d[l, i, j] s_j(t - l)                  attention: free, signed, no softmax
        η, log σ = F(h_i(t), e_i, a_i0(t)) + sum_r a_i,2r-1(t) a_i,2r(t)

    h_i is i's own history, e_i an embedding of i, F a network shared by all units: baseline, gain and spread depend on
    the state of the target, and on the input itself where inputs saturate or run away. Another unit reaches the
    forecast through A alone, whose diagonal is 0. ``n_products`` pairs of further attentions enter by their product.

    Parameters
    ----------
    n_units, n_features : int
        Units; features of an own history.
    max_lag, value_window, n_products, hidden, n_values, embedding : int
        Lags of the attention; samples that a value is made from; products; width of F and of φ; of the embedding.
    allowed : Tensor of bool, (unit, unit), optional
        Target x source; where False the attention is 0.
    seeds : sequence of int
        One an initialisation: what it draws does not depend on the others.
    memory : int
        Samples over which a target gathers what reaches it before it acts, a_i(t) = sum_m g_m(r_i(t)) a'_i(t - m): g
        is learned, and depends on the time r_i since i's own last event, which may wipe out what came before it.
    """

    mask: Tensor
    usual: Tensor | None
    gate: Tensor
    embedding: Tensor
    own: Tensor
    of_embedding: Tensor
    of_drive: Tensor
    bias_1: Tensor
    second: Tensor
    bias_2: Tensor
    out: Tensor
    bias_out: Tensor
    skip: Tensor
    value_in: Tensor
    value_bias: Tensor
    value_out: Tensor

    def __init__(
        self,
        n_units: int,
        n_features: int,
        *,
        max_lag: int = 1,
        value_window: int = 4,
        n_products: int = 0,
        memory: int = 1,
        hidden: int = 64,
        n_values: int = 16,
        embedding: int = 4,
        allowed: Tensor | None = None,
        seeds: Sequence[int] = (0,),
    ) -> None:
        super().__init__()
        self.n_units, self.max_lag, self.value_window, self.n_products = n_units, max_lag, value_window, n_products
        self.memory = memory
        self.n_init, self.n_drives = len(seeds), 1 + 2 * n_products
        free = ~torch.eye(n_units, dtype=torch.bool)
        self.register_buffer("mask", free if allowed is None else free & allowed)
        self.register_buffer("usual", None)
        drawn: dict[str, list[Tensor]] = {}
        for seed in seeds:
            g = torch.Generator().manual_seed(int(seed))

            def draw(name: str, *shape: int, bound: float, g: torch.Generator = g) -> None:
                drawn.setdefault(name, []).append((2.0 * torch.rand(shape, generator=g) - 1.0) * bound)

            fan = (n_features + embedding + 1) ** -0.5
            draw("embedding", n_units, embedding, bound=0.5)
            draw("own", n_features, hidden, bound=fan)
            draw("of_embedding", embedding, hidden, bound=fan)
            draw("of_drive", 1, hidden, bound=fan)
            draw("bias_1", 1, hidden, bound=fan)
            draw("second", hidden, hidden, bound=hidden**-0.5)
            draw("bias_2", 1, hidden, bound=hidden**-0.5)
            draw("out", hidden, 3, bound=0.0)
            draw("bias_out", n_units, 3, bound=0.0)
            draw("skip", n_units, n_features, bound=0.0)
            draw("value_in", value_window, n_values, bound=value_window**-0.5)
            draw("value_bias", 1, n_values, bound=value_window**-0.5)
            draw("value_out", n_values, 1, bound=n_values**-0.5)
            draw("gate", memory, N_ELAPSED, bound=0.0)
            # A product of two zeros learns nothing: those attentions begin small instead.
            draw("attention_0", 1, max_lag, n_units, n_units, bound=0.0)
            draw("attention_r", 2 * n_products, max_lag, n_units, n_units, bound=0.3 * n_units**-0.5)
        attention = [torch.cat(pair) for pair in zip(drawn.pop("attention_0"), drawn.pop("attention_r"), strict=True)]
        self.attention = nn.Parameter(torch.stack(attention))  # (init, drive, lag, target, source)
        for name, members in drawn.items():
            setattr(self, name, nn.Parameter(torch.stack(members)))
        with torch.no_grad():
            self.gate += torch.exp(-2.0 * torch.arange(memory) / memory)[:, None]
        self.gate.requires_grad_(memory > 1)

    def members(self) -> list[SynformerForecaster]:
        """Each initialisation as a forecaster of its own, on the memory of this one."""
        out = []
        for k in range(self.n_init):
            member = copy.copy(self)
            member._parameters = {
                name: nn.Parameter(value.data[k : k + 1], requires_grad=False)
                for name, value in self._parameters.items()
                if value is not None
            }
            if self.usual is not None:
                member._buffers = {**self._buffers, "usual": self.usual[k : k + 1]}
            member.n_init = 1
            out.append(member)
        return out

    def masked_attention(self) -> Tensor:
        """A, (init, drive, lag, target, source), 0 where there can be no edge."""
        return self.attention * self.mask

    def values(self, recent: Tensor, known: Tensor | None = None) -> Tensor:
        """S, (init, row, lag, unit), lag 0 first, of recent samples (row, sample, unit).

        Where one of the samples is missing the value is the mean of those that are not: in this batch while that is
        being learnt, and ``usual``, (init, 1, 1, 1), the fitted samples' mean, once it is set.
        """
        span = max(self.max_lag, self.memory) + self.value_window - 1
        recent, known = recent[:, -span:], None if known is None else known[:, -span:]
        windows = recent.unfold(1, self.value_window, 1).flip(1, 3)  # (row, lag, unit, sample), the last first
        rows, lags, units, _ = windows.shape
        flat = windows.reshape(1, -1, self.value_window).expand(self.n_init, -1, -1)
        inner = torch.tanh(torch.baddbmm(self.value_bias, flat, self.value_in))
        s = torch.bmm(inner, self.value_out).view(self.n_init, rows, lags, units)
        if known is not None:
            whole = known.unfold(1, self.value_window, 1).all(-1).flip(1).to(s)
            mean = (s * whole).sum((1, 2, 3), keepdim=True) / whole.sum().clamp_min(1.0)
            s = s * whole + (mean.detach() if self.usual is None else self.usual) * (1.0 - whole)
        return s

    def drives(self, values: Tensor, elapsed: Tensor, units: slice = EVERY) -> Tensor:
        """a, (init, drive, row, target), of the targets ``units``, for whom ``elapsed`` is (row, target)."""
        a = self.attention[..., units, :] * self.mask[units]
        rows = values.shape[1]
        if self.memory > 1:
            weights = a.permute(0, 2, 4, 1, 3).reshape(self.n_init, self.n_units, -1)
            reached = torch.bmm(values.reshape(self.n_init, rows * self.memory, -1), weights)
            reached = reached.view(self.n_init, rows, self.memory, self.n_drives, -1)
            gate = self.gate[:, :, elapsed].transpose(1, 2)  # (init, row, sample, target)
            return (reached * gate[:, :, :, None]).sum(2).transpose(1, 2)
        weights = a.permute(0, 2, 4, 1, 3).reshape(self.n_init, self.max_lag * self.n_units, -1)
        drives = torch.bmm(values.reshape(self.n_init, rows, -1), weights)
        return drives.view(self.n_init, rows, self.n_drives, -1).transpose(1, 2)

    def respond(self, own: Tensor, drives: Tensor, units: slice = EVERY) -> Forecast:
        """F and the products: the forecast of ``units`` from own histories (row, unit, feature) and drives."""
        init, _, rows, count = drives.shape
        a = drives[:, 0]
        flat = own.reshape(1, rows * count, -1).expand(init, -1, -1)
        # Bounded: a burst of input far outside what was seen is left to the linear term.
        h = (
            torch.bmm(flat, self.own).view(init, rows, count, -1)
            + torch.tanh(0.5 * a)[..., None] * self.of_drive[:, None]
        )
        h = functional.silu(h + (torch.bmm(self.embedding[:, units], self.of_embedding) + self.bias_1)[:, None])
        h = functional.silu(torch.baddbmm(self.bias_2, h.view(init, rows * count, -1), self.second))
        out = torch.bmm(h, self.out).view(init, rows, count, 3) + self.bias_out[:, None, units]
        eta = (own * self.skip[:, None, units]).sum(-1) + out[..., 0] + torch.exp(out[..., 1].clamp(max=8.0)) * a
        if self.n_products:
            eta = eta + (drives[:, 1::2] * drives[:, 2::2]).sum(1)
        return Forecast(eta, out[..., 2].clamp(-6.0, 3.0), h.view(init, rows, count, -1))

    def forward(self, batch: Batch) -> Forecast:
        """Forecast the samples that follow the pasts of a batch."""
        drives = self.drives(self.values(batch.recent, batch.known), batch.elapsed, batch.units)
        return self.respond(batch.own, drives, batch.units)
