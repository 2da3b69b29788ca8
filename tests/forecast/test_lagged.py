"""Small forecasters of all units: gradients against autograd's, output by output; what the penalty is; independence."""

import numpy as np
import pytest
import torch

from synfer.forecast import (
    Clock,
    ComponentwiseLSTM,
    ComponentwiseMLP,
    KANForecaster,
    LSTMForecaster,
    MLPForecaster,
    ResidualForecaster,
    ScaledGaussian,
    Schedule,
    TCNForecaster,
    Windows,
    train,
)
from synfer.forecast.learning import settled

MODELS = {
    "mlp": (MLPForecaster, {"n_hidden": 6}),
    "residual": (MLPForecaster, {"n_hidden": 6, "n_layers": 3}),
    "jrngc": (ResidualForecaster, {"n_hidden": 6, "n_blocks": 2}),
    "jrngc linear": (ResidualForecaster, {"n_hidden": 6, "n_blocks": 0}),
    "kan": (KANForecaster, {"n_hidden": 4}),
    "lstm": (LSTMForecaster, {"n_hidden": 5}),
    "tcn": (TCNForecaster, {"n_hidden": 5}),
}
APART = {
    "cmlp": (ComponentwiseMLP, {"n_hidden": 3}),
    "cmlp tanh": (ComponentwiseMLP, {"n_hidden": 3, "activation": "tanh"}),
    "clstm": (ComponentwiseLSTM, {"n_hidden": 2}),
}
N, L, B = 3, 4, 5


def make(name, *, strengths=(0.0, 0.1), seeds=(0, 1), **about):
    kind, size = (MODELS | APART)[name]
    model = kind(N, L, seeds=seeds, strengths=strengths, **size, **about).double()
    with torch.no_grad():  # nothing at its start, where terms vanish
        for k, p in enumerate(model.parameters()):
            p += 0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(k), dtype=p.dtype)
    return model


def contexts(rows=B, members=2):
    return torch.randn(rows, N, L, members, dtype=torch.float64, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("name", MODELS | APART)
@pytest.mark.parametrize("skip", [True, False])
def test_the_gradient_is_that_of_the_forecast_output_by_output(name, skip):
    """The slow twin: one backward pass for each row, output and member."""
    scale = np.array([0.5, 1.0, 2.0])
    model, context = make(name, skip=skip, scale=scale), contexts()
    ours = model.jacobian(context)
    assert ours.shape == (2, B, N, N, L)
    for m in range(2):
        for b in range(B):
            for i in range(N):
                x = context.clone().requires_grad_()
                raw, _ = model(x, None)
                (g,) = torch.autograd.grad(raw[b, i, m], x)
                assert g[torch.arange(B) != b].abs().max() == 0  # no row sees another
                g = g[b, :, :, m].clone()
                g[i, -1] -= 1.0  # y = x + scale f
                torch.testing.assert_close(ours[m, b, i], g / scale[i])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("norm", "penalise_self"), [("l1", False), ("l2", True)])
def test_the_penalty_and_its_gradient(name, norm, penalise_self):
    model, context = make(name, norm=norm, penalise_self=penalise_self, ridge=0.01), contexts()
    j = model.jacobian(context)
    total = torch.zeros(2, dtype=torch.float64)
    for i in range(N):
        for k in range(N):
            if i != k or penalise_self:
                total += (j[:, :, i, k].abs() if norm == "l1" else j[:, :, i, k] ** 2).sum((1, 2)) / B / N
    ridge = sum((w**2).sum(tuple(range(1, w.ndim))) / w.shape[1] for w in model.body_weights())
    expected = model.strength * total + 0.01 * ridge
    torch.testing.assert_close(model.penalty(context), expected)
    # Second order: by finite differences in one weight of each parameter.
    model.penalty(context).sum().backward()
    for p in model.parameters():
        if p.grad is None:
            continue
        flat, k, step = p.data.view(-1), p.numel() // 2, 1e-6
        before = float(flat[k])
        values = []
        for way in (step, -step):
            flat[k] = before + way
            values.append(float(model.penalty(context).detach().sum()))
        flat[k] = before
        slope = (values[0] - values[1]) / (2 * step)
        assert float(p.grad.view(-1)[k]) == pytest.approx(slope, rel=2e-4, abs=1e-7)


def test_jrngc_s_network_is_what_its_equations_say():
    model = make("jrngc", skip=False)
    x = model.rows(contexts()).flatten(2)
    for m in range(2):
        h = x[m] @ model.widen.weight[m].T + model.widen.bias[m]
        for block in model.blocks:
            w1, w2, w3 = (linear.weight[m].T for linear in (block.first, block.second, block.around))
            b1, b2, b3 = (linear.bias[m] for linear in (block.first, block.second, block.around))
            total = torch.relu(h @ w1 + b1) @ w2 + b2 + h @ w3 + b3
            normed = (total - total.mean(-1, keepdim=True)) / (total.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
            h = normed * block.norm.weight[m] + block.norm.bias[m]
        torch.testing.assert_close(model.normed(model.rows(contexts()))[m], h @ model.narrow[m].T + model.bias[m])
    dropping = ResidualForecaster(N, L, n_hidden=6, dropout=0.5, seeds=(0,))
    context = contexts(members=1).float()
    assert (dropping.train()(context, None)[0] - dropping.eval()(context, None)[0]).abs().max() > 0
    before = dropping.train().jacobian(context)
    torch.testing.assert_close(before, dropping.eval().jacobian(context))


def test_only_the_last_lags_are_looked_at():
    model = make("mlp")
    context = contexts()
    longer = torch.cat([torch.randn(B, N, 3, 2, dtype=torch.float64), context], dim=2)
    torch.testing.assert_close(model(longer, None)[0], model(context, None)[0])


def test_a_known_batch_s_splines_are_not_taken_for_another_s():
    model = make("kan").train()
    one, other = contexts(), contexts() + 1.0
    fresh = make("kan").eval()
    for context in (one, other, one, one[:3]):
        torch.testing.assert_close(model(context, None)[0], fresh(context, None)[0])


@pytest.fixture(scope="module")
def windows():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, N))
    for t in range(1, 400):
        x[t, 1] += 0.8 * x[t - 1, 0]
    return Windows([x], 2, clock=Clock.of(400))


def fit(windows, strengths, seeds, **schedule):
    model = MLPForecaster(N, 2, n_hidden=4, seeds=seeds, strengths=strengths)
    options = {"anneal": True, "max_epochs": 60, "learning_rate": 0.02, "batch_size": 1000, "weight_decay": 0.0}
    rules = Schedule(**options | schedule)
    return model, train(model, windows, windows.starts, None, ScaledGaussian(torch.ones(N)), rules, seeds)


def test_a_stronger_penalty_leaves_less_gradient_and_members_do_not_mix(windows):
    together, histories = fit(windows, (0.0, 0.3, 0.03), (0, 0, 1), shuffle=False)
    context = windows.batch(windows.starts[:, None])[0].expand(-1, -1, -1, 3)
    size = together.jacobian(context).abs().sum(-1).mean(1)  # (I, N, N)
    assert size[1, 1, 0] > 0.2  # the edge stays
    off = [(i, j) for i in range(N) for j in range(N) if i != j and (i, j) != (1, 0)]
    assert all(size[1, i, j] < 0.5 * size[0, i, j] for i, j in off)
    alone, history = fit(windows, (0.3,), (0,), shuffle=False)
    np.testing.assert_allclose(histories[1].training_loss, history[0].training_loss, rtol=1e-4)
    for ours, theirs in zip(together.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours[1:2], theirs, atol=1e-4, rtol=1e-3)


def test_the_one_batch_made_once_is_what_shuffling_gives(windows):
    """No penalty: what a full batch gives does not depend on the order of its rows."""
    held, _ = fit(windows, (0.0,), (0,), shuffle=False, max_epochs=5)
    shuffled, _ = fit(windows, (0.0,), (0,), shuffle=True, max_epochs=5)
    for ours, theirs in zip(held.parameters(), shuffled.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_the_rate_falls_and_the_last_weights_are_kept(windows):
    model, (history,) = fit(windows, (0.0,), (0,))
    assert history.n_epochs == 60 and history.best_epoch == 59 and history.converged
    assert history.learning_rate[9] > 0.9 * 0.02 and history.learning_rate[-1] < 1e-4
    assert not fit(windows, (0.0,), (0,), max_epochs=12)[1][0].converged  # still falling
    assert model.n_init == 1


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0] * 40, True),  # nothing to learn
        (list(np.linspace(1.0, 0.1, 40)), False),
        ([0.1 + 0.9 * 0.7**k for k in range(40)], True),
        ([1.0, 0.5], False),  # too few to say
        ([1.0 + 0.001 * k for k in range(40)], True),
    ],
)
def test_settled(losses, expected):
    assert settled(losses, 0.05) is expected
