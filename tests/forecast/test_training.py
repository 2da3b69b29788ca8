"""The training loop on forecasters small enough to know the answer, and the layers it trains."""

import numpy as np
import pytest
import torch

from synfer.errors import FitDivergedError
from synfer.forecast import LIKELIHOODS, CausalformerForecaster, Clock, Schedule, Windows, train
from synfer.forecast.ensemble import Dropout, EnsembleBatchNorm, EnsembleLinear, EnsembleModule


class LastSample(EnsembleModule):
    """Linear in the last sample: the smallest forecaster."""

    def __init__(self, n_units, seeds):
        super().__init__(len(seeds))
        self.linear = EnsembleLinear(n_units, n_units, [torch.Generator().manual_seed(s) for s in seeds])

    def forward(self, context, times):
        return self.linear(context[:, :, -1].permute(2, 0, 1)).permute(1, 2, 0), None


@pytest.fixture(scope="module")
def var_process():
    """x(t+1) = A x(t) + noise, and A (target x source)."""
    rng = np.random.default_rng(0)
    a = np.array([[0.5, 0.4, 0.0], [0.0, 0.5, -0.4], [0.0, 0.0, 0.5]])
    x = np.zeros((2000, 3))
    for t in range(1, len(x)):
        x[t] = a @ x[t - 1] + rng.normal(size=3)
    return x, a


def fit(x, seeds, **schedule):
    windows = Windows([x], 1, clock=Clock.of(5001))
    training, validation, _ = windows.split()
    model = LastSample(x.shape[1], seeds)
    options = {"learning_rate": 2e-2, "max_epochs": 40} | schedule
    return model, train(model, windows, training, validation, LIKELIHOODS["gaussian"], Schedule(**options), seeds)


def test_reaches_least_squares(var_process):
    x, a = var_process
    model, histories = fit(x, (0, 1))
    solution = np.linalg.lstsq(x[:1199], x[1:1200], rcond=None)[0].T
    for i, history in enumerate(histories):
        np.testing.assert_allclose(model.linear.weight[i].detach(), solution, atol=0.06)
        np.testing.assert_allclose(model.linear.weight[i].detach(), a, atol=0.15)
        assert history.converged and history.best_epoch == int(np.argmin(history.validation_loss))
        assert history.n_epochs == history.best_epoch + 11
        assert history.best_loss == pytest.approx(1.0, abs=0.15)


def test_a_member_learns_the_same_alone_as_in_company(var_process):
    x, _ = var_process
    together, _ = fit(x, (0, 7, 3))
    alone, _ = fit(x, (7,))
    torch.testing.assert_close(together.linear.weight[1:2], alone.linear.weight, atol=1e-5, rtol=1e-5)
    assert together.n_init == 3 and together.linear.weight.shape == (3, 3, 3)


def test_dropout_too_depends_on_no_other_member(var_process):
    x, _ = var_process
    seeds, schedule = (0, 7, 3), Schedule(max_epochs=3, batch_size=64)
    windows = Windows([x[:400]], 4, clock=Clock.of(400))
    training, validation, _ = windows.split()
    small = {"window": 4, "d_model": 8, "n_heads": 2, "d_head": 4, "d_hidden": 8, "dropout": 0.3}

    def learnt(chosen):
        model = CausalformerForecaster(3, **small, seeds=chosen)
        return model, train(model, windows, training, validation, LIKELIHOODS["gaussian"], schedule, chosen)

    (together, histories), (alone, history) = learnt(seeds), learnt(seeds[1:2])
    # Nothing is shared; only torch's means over a batch are summed in another order.
    np.testing.assert_allclose(histories[1].training_loss, history[0].training_loss, rtol=1e-6)
    np.testing.assert_allclose(histories[1].validation_loss, history[0].validation_loss, rtol=1e-6)
    for ours, theirs in zip(together.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours[1:2], theirs, atol=1e-5, rtol=1e-5)


def test_the_cap_is_not_called_convergence(var_process):
    _, histories = fit(var_process[0], (0,), learning_rate=1e-5, max_epochs=3)
    assert not histories[0].converged and histories[0].n_epochs == 3


def test_rate_is_halved_on_a_plateau(var_process):
    _, histories = fit(var_process[0], (0,), patience=12, max_epochs=60)
    assert min(histories[0].learning_rate) < max(histories[0].learning_rate) == 2e-2


def test_divergence_is_refused(var_process):
    with pytest.raises(FitDivergedError, match=r"initialisation 0 is (inf|nan) in epoch"):
        fit(var_process[0] * 1e18, (0, 1), learning_rate=1e15)


def test_batch_norm_equals_torch():
    generator = torch.Generator().manual_seed(0)
    ours, theirs = EnsembleBatchNorm(6, 2), [torch.nn.BatchNorm1d(6) for _ in range(2)]
    seen = EnsembleLinear(6, 6, [generator] * 2)
    with torch.no_grad():
        seen.weight.copy_(torch.eye(6).expand(2, 6, 6))
        seen.bias.zero_()
    x = torch.randn(2, 50, 6, generator=generator) * 3 + 1
    for training in (True, False):
        ours.train(training)
        (y,) = ours.into(x, [seen])
        for i, layer in enumerate(theirs):
            layer.train(training)
            torch.testing.assert_close(y[i], layer(x[i]), atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(ours.running_mean[i], layer.running_mean)
            torch.testing.assert_close(ours.running_var[i], layer.running_var)


def test_dropout_draws_anew_each_time_and_knows_no_other_member():
    drop = Dropout(0.1, seeds=(0, 1))
    x = torch.ones(2, 1000, 5)
    y = drop(x)
    assert not torch.equal(drop(x), y) and torch.equal(Dropout(0.1, seeds=(0, 1))(x), y)
    assert torch.equal(Dropout(0.1, seeds=(1,))(x[1:]), y[1:])
    assert drop.eval()(x) is x


@pytest.mark.parametrize("name", ["gaussian", "poisson", "bernoulli"])
def test_losses_are_minus_log_likelihood_up_to_what_does_not_depend_on_the_forecast(name):
    likelihood = LIKELIHOODS[name]
    raw = torch.linspace(-3, 3, 50, dtype=torch.float64).expand(2, -1)
    target = torch.tensor([0.0, 1.0], dtype=torch.float64)[:, None].expand(-1, 50)
    half = torch.tensor(0.5, dtype=torch.float64)
    gap = likelihood.loss(raw, target) + likelihood.log_prob(likelihood.mean(raw), target, half)
    torch.testing.assert_close(gap, gap[:, :1].expand_as(gap), atol=1e-6, rtol=0)


def test_what_is_learnt_does_not_depend_on_threads(var_process):
    x, _ = var_process
    windows = Windows([x[:600]], 5, clock=Clock.of(600))
    training, validation, test = windows.split()
    before = torch.get_num_threads()

    def learnt(n):
        torch.set_num_threads(n)
        try:
            model = CausalformerForecaster(3, window=5, seeds=(0, 1))  # of the published width: enough for two threads
            options = Schedule(max_epochs=2, batch_size=64)
            history = train(model, windows, training, validation, LIKELIHOODS["gaussian"], options, (0, 1))
            context, times, _ = windows.batch(test[:, None].expand(-1, 2))
            with torch.no_grad():
                return [*model.parameters(), *model(context, times, out_map=True)], history
        finally:
            torch.set_num_threads(before)

    (one, history), (two, other_history) = learnt(1), learnt(2)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True)) and history == other_history
