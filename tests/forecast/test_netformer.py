"""NetFormer's forecaster: against its equations written out, and what its map and prior are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from synfer.forecast import NetFormerForecaster


def _written_out(model: NetFormerForecaster, context: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Forecast (B, N, I) and A (B, I, target, source), sample by sample."""
    b, n, lags, members = context.shape
    y, maps = torch.zeros(b, n, members), torch.zeros(b, members, n, n)
    for i in range(members):
        for s in range(b):
            state = torch.cat([context[s, :, :, i], model.embedding[i]], dim=1)
            if lags > 1:
                state = functional.layer_norm(state, state.shape[-1:])
                state = state * model.norm_in.weight[i] + model.norm_in.bias[i]
            a = (state @ model.query[i].T) @ (state @ model.key[i].T).T / np.sqrt(state.shape[1])
            v = state[:, :lags]
            out = a @ v + v
            if lags > 1:
                out = functional.layer_norm(out, out.shape[-1:]) * model.norm_out.weight[i] + model.norm_out.bias[i]
            y[s, :, i] = out[:, -1] + model.constant[i]
            maps[s, i] = a
    return y, maps


@pytest.mark.parametrize("window", [1, 4])
def test_it_is_what_its_equations_say(window):
    model = NetFormerForecaster(3, window=window, d_embedding=5, seeds=(0, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    context = torch.randn(6, 3, window, 2, generator=torch.Generator().manual_seed(2))
    expected, maps = _written_out(model, context)
    found, mean = model(context, out_map=True)
    _, each = model(context, out_map=True, each=True)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(each, maps)
    torch.testing.assert_close(mean, maps.mean(0))
    assert model(context)[1] is None


def test_an_initialisation_does_not_depend_on_the_others():
    context = torch.randn(5, 4, 1, 1)
    one, two = (NetFormerForecaster(4, d_embedding=3, seeds=seeds) for seeds in ((7,), (3, 7)))
    torch.testing.assert_close(one(context)[0][..., 0], two(context.expand(-1, -1, -1, 2))[0][..., 1])


def test_the_prior_is_a_gaussian_law_of_each_pair_of_types():
    types = torch.tensor([0, 1, 0])
    model = NetFormerForecaster(3, d_embedding=4, cell_types=types, strength=0.5, seeds=(0,))
    with torch.no_grad():
        model.type_mean.copy_(torch.randn(1, 2, 2))
        model.type_log_variance.copy_(torch.randn(1, 2, 2))
    context = torch.randn(6, 3, 1, 1)
    a = model(context, out_map=True, each=True)[1][:, 0]  # of every sample: what varies counts, not its mean alone
    law = [
        torch.distributions.Normal(
            model.type_mean[0, types[i], types[j]], (0.5 * model.type_log_variance[0, types[i], types[j]]).exp()
        ).log_prob(a[:, i, j])
        for i in range(3) for j in range(3) if i != j
    ]  # fmt: skip
    expected = 0.5 * (-torch.stack(law).mean() - 0.5 * np.log(2 * np.pi))
    torch.testing.assert_close(model.penalty(context)[0], expected)
    assert model.penalty_rows(10) == 10
    without = NetFormerForecaster(3, d_embedding=4, seeds=(0,))
    assert without.penalty(context).tolist() == [0.0]
    assert without.penalty_rows(10) == 1


def test_the_variance_of_the_prior_has_a_floor():
    model = NetFormerForecaster(2, d_embedding=4, cell_types=torch.tensor([0, 1]), strength=1.0, seeds=(0,))
    context = torch.zeros(4, 2, 1, 1)  # A is the same in all: each pair of types can fit its one weight exactly
    (a,) = model(context, out_map=True)[1]
    with torch.no_grad():
        model.type_mean.copy_(a)
        model.type_log_variance.fill_(-100.0)
    assert float(model.penalty(context)[0].detach()) == pytest.approx(0.5 * np.log(1e-6), rel=1e-4)
    with torch.no_grad():
        model.type_mean.copy_(a + 1.0)
        model.type_log_variance.fill_(np.log(1e-7))
    model.penalty(context).sum().backward()
    assert (model.type_log_variance.grad[0, [0, 1], [1, 0]] < 0).all()  # from beneath it, it can rise again
