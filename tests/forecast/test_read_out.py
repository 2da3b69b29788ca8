"""Every model that attends takes its map from the pass that makes its forecast: no second one, no other forecast."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from synfer import forecast as sf_forecast
from synfer.ops import attention_kernels

N, WINDOW, SEEDS = 4, 3, (0, 1)
MODELS: dict[str, Callable[[], nn.Module]] = {
    "causalformer": lambda: sf_forecast.CausalformerForecaster(N, n_layers=2, seeds=SEEDS),
    "mask2cause": lambda: sf_forecast.Mask2CauseForecaster(N, window=WINDOW, d_model=8, n_heads=2, seeds=SEEDS),
    "netformer": lambda: sf_forecast.NetFormerForecaster(N, window=WINDOW, seeds=SEEDS),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_map_costs_no_pass_of_its_own(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    model = MODELS[name]().eval()
    context, times = torch.randn(5, N, WINDOW, len(SEEDS)), torch.rand(5, WINDOW + 1, len(SEEDS))
    calls: list[torch.Size] = []

    def kernels(q: torch.Tensor) -> attention_kernels.Kernels:
        calls.append(q.shape)
        return attention_kernels.on_cpu(q)

    monkeypatch.setitem(attention_kernels.KERNELS, "cpu", kernels)
    with torch.no_grad():
        plain, nothing = model(context, times)
        without = list(calls)
        calls.clear()
        forecast, map_ = model(context, times, out_map=True)
    assert nothing is None and map_.shape[-2:] == (N, N)
    assert without and calls == without, "the same calls of the compiled operator, with the map and without"
    torch.testing.assert_close(forecast, plain, rtol=1e-4, atol=1e-5)  # sums over lags in another order
