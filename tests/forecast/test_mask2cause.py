"""Mask2Cause's forecaster: against its equations written out, its graph and what that costs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from synfer.forecast import Mask2CauseForecaster, VaryingGaussian


def _norm(layer, x, i):
    return functional.layer_norm(x, x.shape[-1:]) * layer.weight[i] + layer.bias[i]


def _linear(layer, x, i):
    return x @ layer.weight[i].T + layer.bias[i]


def _written_out(model, context):
    """Forecast (B, N, out, I) and mean attention (I, target, source)."""
    b, n, _, members = context.shape
    ys, maps = [], []
    for i in range(members):
        graph = torch.sigmoid(model.theta[i] + 100.0 * torch.eye(n))
        per_sample, seen = [], []
        for s in range(b):
            z = _linear(model.widen, context[s, :, :, i], i) + model.embedding[i]
            for layer in model.layers:
                d = z.shape[1] // layer.n_heads
                q, k, v = _linear(layer.into, z, i).split(z.shape[1], dim=1)
                heads = []
                for h in range(layer.n_heads):
                    part = slice(h * d, (h + 1) * d)
                    a = torch.softmax(q[:, part] @ k[:, part].T / np.sqrt(d) + torch.log(graph + 1e-6), dim=1)
                    seen.append(a)
                    heads.append(a @ v[:, part])
                z = _norm(layer.norm_attention, z + _linear(layer.out, torch.cat(heads, dim=1), i), i)
                hidden = functional.gelu(_linear(layer.wide, z, i))
                z = _norm(layer.norm_feed_forward, z + _linear(layer.narrow, hidden, i), i)
            per_sample.append(_linear(model.head, z, i))
        ys.append(torch.stack(per_sample))
        maps.append(torch.stack(seen).mean(0))
    return torch.stack(ys, dim=-1), torch.stack(maps)


@pytest.mark.parametrize("varying", [False, True])
def test_it_is_what_its_equations_say(varying):
    model = Mask2CauseForecaster(4, window=3, d_model=8, n_heads=2, varying=varying, seeds=(0, 1)).eval()
    with torch.no_grad():
        model.theta.add_(torch.randn(model.theta.shape, generator=torch.Generator().manual_seed(1)))
    context = torch.randn(5, 4, 3, 2, generator=torch.Generator().manual_seed(2))
    expected, maps = _written_out(model, context)
    found, map_ = model(context, out_map=True)
    torch.testing.assert_close(found.movedim(-1, 2) if varying else found[:, :, None], expected)
    torch.testing.assert_close(map_, maps)


def test_who_is_not_in_the_graph_is_not_heard():
    model = Mask2CauseForecaster(3, d_model=8, n_layers=1, seeds=(0,)).eval()
    with torch.no_grad():
        model.theta.fill_(30.0)
        model.theta[0, 1, 0] = -30.0  # 0 does not reach 1 but for the floor of 1e-6
    context = torch.randn(1, 3, 1, 1)
    changed = context.clone()
    changed[:, 0] += 3.0
    difference = (model(changed)[0] - model(context)[0]).abs()[0, :, 0]
    assert difference[1] < 1e-4 < difference[2]


def test_the_graph_costs_its_mean_and_nothing_for_oneself():
    model = Mask2CauseForecaster(3, strength=0.5, seeds=(0,))
    graph = model.graph()[0]
    assert torch.diagonal(graph).tolist() == [1.0, 1.0, 1.0]
    off = graph[~torch.eye(3, dtype=torch.bool)]
    torch.testing.assert_close(model.penalty(torch.zeros(1, 3, 1, 1))[0], 0.5 * off.mean())
    assert float(off.detach().mean()) == pytest.approx(1 / (1 + np.e), rel=1e-6)
    dense = Mask2CauseForecaster(3, varying=True, seeds=(0,)).graph()[0]
    assert float(dense[0, 1].detach()) == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-6)


def test_a_varying_gaussian_is_scipy_s_less_a_constant():
    raw, y = torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2)
    deviation = (functional.softplus(raw[..., 1]) + 1e-6).sqrt()
    expected = -torch.distributions.Normal(raw[..., 0], deviation).log_prob(y) - 0.5 * np.log(2 * np.pi)
    torch.testing.assert_close(VaryingGaussian().loss(raw, y), expected)
    torch.testing.assert_close(VaryingGaussian().mean(raw), raw[..., 0])


def test_who_a_unit_is_stands_apart_from_the_start_and_is_never_dropped():
    model = Mask2CauseForecaster(3, window=2, d_model=400, n_layers=0, dropout=0.5, seeds=(0, 1))
    assert model.embedding.detach().std(-1).sub(1.0).abs().max() < 0.15  # as large as what is read of z-scored samples
    context = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    learning, told = model.train()(context)[0].detach(), model.eval()(context)[0].detach()
    assert (learning - told).abs().min() > 0  # samples are dropped
    with torch.no_grad():
        for parameter in model.widen.parameters():
            parameter.zero_()
    torch.testing.assert_close(model.train()(context)[0], model.eval()(context)[0])
