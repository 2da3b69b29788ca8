"""The forecaster against a twin that goes through units, lags and products one by one."""

import copy

import numpy as np
import pytest
import torch

from synfer.discover.linearised import standardise
from synfer.errors import FitDivergedError
from synfer.forecast import LAWS, Pasts, SynformerForecaster, train_synformer
from synfer.forecast.synformer_training import rows_of


def setting(n_products=0, max_lag=2, seeds=(0, 1), allowed=None):
    x = np.random.default_rng(0).normal(size=(60, 4))
    pasts = Pasts([x], depth=5, window=2, time_constants=(3.0,), offset=np.zeros(4), scale=np.ones(4), standard=None)
    model = SynformerForecaster(
        4, pasts.n_features, max_lag=max_lag, value_window=3, n_products=n_products, hidden=5, n_values=3,
        embedding=2, allowed=allowed, seeds=seeds,
    )  # fmt: skip
    g = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():  # none at the zero it begins from
            parameter += 0.3 * torch.randn(parameter.shape, generator=g)
    return pasts, model


def slow(model, e, own, recent):
    """Eta and log sigma of each unit at one row: own (unit, feature), recent (sample, unit), initialisation e."""
    p = {name: value[e].double().detach().numpy() for name, value in model.named_parameters()}
    own, recent = own.double().numpy(), recent.double().numpy()
    silu = lambda z: z / (1.0 + np.exp(-z))  # noqa: E731
    n, m = model.n_units, model.value_window

    def value(j, lag):
        last = [recent[len(recent) - 1 - lag - k, j] for k in range(m)]
        return float((np.tanh(last @ p["value_in"] + p["value_bias"][0]) @ p["value_out"])[0])

    out = []
    for i in range(n):
        a = [
            sum(
                p["attention"][d, lag, i, j] * value(j, lag) for j in range(n) if j != i for lag in range(model.max_lag)
            )
            for d in range(model.n_drives)
        ]
        h = (
            own[i] @ p["own"]
            + p["embedding"][i] @ p["of_embedding"]
            + np.tanh(a[0] / 2) * p["of_drive"][0]
            + p["bias_1"][0]
        )
        h = silu(silu(h) @ p["second"] + p["bias_2"][0])
        base, gain, log_scale = h @ p["out"] + p["bias_out"][i]
        eta = own[i] @ p["skip"][i] + base + np.exp(gain) * a[0]
        eta += sum(a[1 + 2 * r] * a[2 + 2 * r] for r in range(model.n_products))
        out.append((eta, log_scale))
    return np.array(out).T


@pytest.mark.parametrize("n_products", [0, 2])
def test_forecast_is_the_slow_twin_s(n_products):
    pasts, model = setting(n_products)
    batch = pasts.batch(pasts.rows[10:13])
    forecast = model(batch)
    for e in range(2):
        for row in range(3):
            eta, log_scale = slow(model, e, batch.own[row], batch.recent[row])
            np.testing.assert_allclose(forecast.eta[e, row].detach(), eta, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(forecast.log_scale[e, row].detach(), log_scale, rtol=1e-4, atol=1e-5)


def test_some_targets_are_those_of_all_and_a_member_is_the_one_in_the_ensemble():
    pasts, model = setting(1)
    rows = pasts.rows[:7]
    every, some = model(pasts.batch(rows)), model(pasts.batch(rows, slice(1, 3)))
    torch.testing.assert_close(some.eta, every.eta[..., 1:3])
    for k, member in enumerate(model.members()):
        torch.testing.assert_close(member(pasts.batch(rows)).eta[0], every.eta[k])


def test_another_unit_reaches_a_forecast_through_allowed_attention_only():
    allowed = torch.ones(4, 4, dtype=torch.bool)
    allowed[2, 1] = False
    pasts, model = setting(2, allowed=allowed)
    batch = pasts.batch(pasts.rows[:5])
    recent = batch.recent.clone().requires_grad_(True)
    batch.recent = recent
    for target in range(4):
        (slope,) = torch.autograd.grad(model(batch).eta[..., target].sum(), recent, retain_graph=True)
        reached = slope.abs().sum((0, 1)) > 0
        assert reached.tolist() == [j != target and bool(allowed[target, j]) for j in range(4)]


def test_what_one_initialisation_learns_does_not_depend_on_the_others():
    losses, attention = [], []
    for seeds in ((3, 4), (4,)):
        pasts, _ = setting()
        model = SynformerForecaster(4, pasts.n_features, hidden=8, seeds=seeds)
        losses.append(
            train_synformer(model, pasts, LAWS["gaussian"], n_steps=20, batch_size=8, learning_rate=1e-2, seed=1)[-1]
        )
        attention.append(model.masked_attention()[-1].detach())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    torch.testing.assert_close(attention[0], attention[1], rtol=1e-3, atol=1e-4)


def test_a_value_with_a_missing_sample_is_the_mean_of_the_others():
    pasts, model = setting(max_lag=1)
    batch = pasts.batch(pasts.rows[:6])
    known = torch.ones_like(batch.recent, dtype=torch.bool)
    known[2, -1, 1] = False
    whole, holed = model.values(batch.recent), model.values(batch.recent, known)
    keep = torch.ones(6, 4, dtype=torch.bool)
    keep[2, 1] = False
    torch.testing.assert_close(holed[:, :, 0][:, keep], whole[:, :, 0][:, keep])
    torch.testing.assert_close(holed[:, 2, 0, 1], whole[:, :, 0][:, keep].mean(1))


def test_a_missing_sample_s_value_does_not_depend_on_the_batch_once_it_is_known():
    pasts, model = setting(max_lag=1)
    standardise(model, pasts)
    assert model.usual.shape == (len(model.attention), 1, 1, 1)
    batch = pasts.batch(pasts.rows[:6])
    torch.testing.assert_close(model.usual[:, 0, 0, 0], model.values(pasts.batch(pasts.rows).recent).mean((1, 2, 3)))
    known = torch.ones_like(batch.recent, dtype=torch.bool)
    known[2, -1, 1] = False
    six, one = model.values(batch.recent, known), model.values(batch.recent[2:3], known[2:3])
    torch.testing.assert_close(one[:, 0], six[:, 2])
    torch.testing.assert_close(six[:, 2, 0, 1], model.usual[:, 0, 0, 0])
    torch.testing.assert_close(model.members()[0].usual, model.usual[:1])


def test_a_fit_that_diverges_says_so():
    pasts, model = setting()
    with torch.no_grad():
        model.skip += float("inf")
    with pytest.raises(FitDivergedError, match="lower learning_rate"):
        train_synformer(model, pasts, LAWS["gaussian"], n_steps=3, batch_size=8, learning_rate=1e-2)


def test_a_memory_is_the_gated_sum_of_what_reached_the_target():
    spikes = (np.random.default_rng(0).random((80, 3)) < 0.2).astype(float)
    pasts = Pasts([spikes], depth=5, window=2, time_constants=(3.0,), offset=np.zeros(3), scale=np.ones(3), counts=True)
    model = SynformerForecaster(3, pasts.n_features, value_window=2, memory=4, n_products=1, hidden=4, seeds=(0, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    batch = pasts.batch(pasts.rows[20:24])
    values = model.values(batch.recent)
    assert values.shape == (2, 4, 4, 3)
    drives = model.drives(values, batch.elapsed).detach()
    weights, s, gate = (part.detach().numpy() for part in (model.masked_attention(), values, model.gate))
    for e, d, row, i in np.ndindex(2, 3, 4, 3):
        last = np.flatnonzero(spikes[: int(pasts.rows[20 + row]) + 1, i])[-1]
        elapsed = int(4 * np.log1p(int(pasts.rows[20 + row]) - last) + 1e-6)
        expected = sum(gate[e, m, elapsed] * weights[e, d, 0, i] @ s[e, row, m] for m in range(4))
        assert drives[e, d, row, i] == pytest.approx(expected, abs=1e-5)


def test_many_units_share_a_step_of_fewer_samples():
    assert [rows_of("auto", n) for n in (5, 256, 512, 1000, 5000)] == [64, 64, 32, 16, 16]
    assert rows_of(200, 5000) == 200
    pasts, model = setting()
    alike = [copy.deepcopy(model) for _ in range(2)]
    losses = [
        train_synformer(one, pasts, LAWS["gaussian"], n_steps=5, batch_size=size, learning_rate=1e-2)
        for one, size in zip(alike, ("auto", 64), strict=True)
    ]
    np.testing.assert_array_equal(*losses)
