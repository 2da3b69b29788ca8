"""Causalformer's ensemble against its plain twin, and the properties its score rests on."""

import importlib.util
from pathlib import Path

import pytest
import torch

from synfer.forecast import CausalformerForecaster

_spec = importlib.util.spec_from_file_location("causalformer_twin", Path(__file__).with_name("causalformer_twin.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
causalformer_twin = _module.causalformer_twin

B, N, L = 7, 4, 5
SMALL = {"window": L, "d_model": 12, "n_heads": 3, "d_head": 4, "d_hidden": 20}


def batch(members, seed=0):
    generator = torch.Generator().manual_seed(seed)
    context = torch.randn(B, N, L, members, generator=generator)
    times = torch.rand(B, 1, members, generator=generator) + torch.arange(L + 1)[:, None] * 1e-3
    return context, times


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_every_member_equals_the_plain_twin(training, n_layers):
    model = CausalformerForecaster(N, **SMALL, n_layers=n_layers, dropout=0.0, seeds=(3, 4, 5))
    context, times = batch(3)
    model.train()
    model(*batch(3, seed=1))  # moves the running statistics away from their start
    model.train(training)
    with torch.no_grad():
        expected = [causalformer_twin(model, context[..., i], times[..., i], i, training=training) for i in range(3)]
        forecast, map_ = model(context, times, out_map=True)
    for i, (twin_forecast, twin_map) in enumerate(expected):
        torch.testing.assert_close(forecast[..., i], twin_forecast, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(map_[i], twin_map, atol=1e-5, rtol=1e-4)


def test_the_only_way_between_neurons_is_the_global_attention():
    model = CausalformerForecaster(N, **SMALL, seeds=(0, 1)).eval()
    for layer in model.decoder:  # silence it
        torch.nn.init.zeros_(layer.across.out.weight)
    context, times = batch(2)
    context.requires_grad_()
    forecast, _ = model(context, times)
    forecast[:, 1].sum().backward()
    assert context.grad[:, 1].abs().sum() > 0
    assert context.grad[:, [0, 2, 3]].eq(0).all()


def test_members_do_not_depend_on_each_other():
    together = CausalformerForecaster(N, **SMALL, seeds=(8, 9)).eval()
    alone = CausalformerForecaster(N, **SMALL, seeds=(9,)).eval()
    context, times = batch(2)
    with torch.no_grad():
        torch.testing.assert_close(together(context, times)[0][..., 1:], alone(context[..., 1:], times[..., 1:])[0])


def test_map_rows_sum_to_the_number_of_layers():
    model = CausalformerForecaster(N, **SMALL, n_layers=2, seeds=(0,)).eval()
    with torch.no_grad():
        _, map_ = model(*batch(1), out_map=True)
    torch.testing.assert_close(map_.sum(-1), torch.full((1, N), 2.0))


def test_size_of_the_published_model():
    # The published checkpoint for N = 5 is 1.08 MB, some .27 M parameters.
    count = sum(p.numel() for p in CausalformerForecaster(5).parameters())
    assert 255_000 < count < 275_000
