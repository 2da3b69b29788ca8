"""Read-outs of a fitted forecaster: how much does the forecast of i hang on the past of j?

All give (init, target, source) from windows and their starts, chunk by chunk, so that memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from synfer.forecast import LaggedForecaster, Windows

_NUMBERS = 1_000_000  # of gradient held together: 4 MB, memory that is touched again and again


def signed_gradient(forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> Tensor:
    """Mean of J over the windows, (init, target, source, lag), the newest lag last."""
    return _mean(forecaster, windows, starts, lambda j, _: j.sum(1))


def gradient(forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> Tensor:
    """Mean of abs(J) over the windows, at the lag where that is largest."""
    return _mean(forecaster, windows, starts, lambda j, _: j.abs().sum(1)).amax(-1)


def gradient_input(forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> Tensor:
    """Root of the mean of (J x)^2 over the windows, at the lag where that is largest; x is the source's z-score."""
    return _mean(forecaster, windows, starts, lambda j, x: (j * x[:, :, None]).square().sum(1)).amax(-1).sqrt()


def ablation(forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> Tensor:
    """Root of the mean squared change of f when a source's history is taken away: each sample its mean instead."""
    return _change(forecaster, windows, starts, None)


def permutation(forecaster: LaggedForecaster, windows: Windows, starts: Tensor, generator: torch.Generator) -> Tensor:
    """Root of the mean squared change of f when a source's history is another time's, all sources by one shuffle."""
    order = torch.randperm(len(starts), generator=generator).to(starts.device)
    return _change(forecaster, windows, starts, starts[order])


READOUTS = ("gradient", "gradient_input", "ablation", "permutation")


def read(
    name: str, forecaster: LaggedForecaster, windows: Windows, starts: Tensor, generator: torch.Generator
) -> Tensor:
    """Read out by name, (init, target, source)."""
    if name == "permutation":
        return permutation(forecaster, windows, starts, generator)
    return {"gradient": gradient, "gradient_input": gradient_input, "ablation": ablation}[name](
        forecaster, windows, starts
    )


def _chunks(forecaster: LaggedForecaster, starts: Tensor) -> Iterator[Tensor]:
    per_row = forecaster.n_init * forecaster.n_units**2 * forecaster.lag
    return iter(starts.split(max(1, _NUMBERS // per_row)))


def _rows(forecaster: LaggedForecaster, windows: Windows, starts: Tensor) -> Tensor:
    """Contexts of every initialisation alike, (B, N, L, I)."""
    return windows.batch(starts[:, None])[0].expand(-1, -1, -1, forecaster.n_init)


@torch.no_grad()
def _mean(forecaster: LaggedForecaster, windows: Windows, starts: Tensor, of) -> Tensor:  # type: ignore[no-untyped-def]
    total = 0.0
    for chunk in _chunks(forecaster, starts):
        context = _rows(forecaster, windows, chunk)
        total = total + of(forecaster.jacobian(context), forecaster.rows(context))
    return total / len(starts)  # type: ignore[return-value]


@torch.no_grad()
def _change(forecaster: LaggedForecaster, windows: Windows, starts: Tensor, others: Tensor | None) -> Tensor:
    n = forecaster.n_units
    total = torch.zeros(forecaster.n_init, n, n, device=starts.device)
    done = 0
    # A chunk comes N times, once without each source.
    for chunk in _chunks(forecaster, starts):
        rows = forecaster.rows(_rows(forecaster, windows, chunk))  # (I, B, N, L)
        instead = torch.zeros_like(rows)
        if others is not None:
            instead = forecaster.rows(_rows(forecaster, windows, others[done : done + len(chunk)]))
        whole = forecaster.normed(rows)  # (I, B, target)
        for source in range(n):
            without = rows.clone()
            without[:, :, source] = instead[:, :, source]
            total[:, :, source] += (forecaster.normed(without) - whole).square().sum(1)
        done += len(chunk)
    return (total / len(starts)).sqrt()
