"""Proximal steps against scikit-learn's lasso and the optimality conditions; networks that are each target's own."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso

from synfer.forecast import Clock, ComponentwiseLSTM, ComponentwiseMLP, ScaledGaussian, Schedule, Windows, train
from synfer.forecast.proximal import ProximalAdam


def descend(a, b, shape, within, strength, steps=4000):
    """Minimise |A w - b|^2 / (2 n) + strength * sum |w_g|, with one weight outside the groups before them."""
    a, b = torch.from_numpy(a), torch.from_numpy(b)
    w = torch.nn.Parameter(torch.randn(a.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    optimizer = ProximalAdam([w], lr=0.05, offset=1, shape=shape, within=within, strength=strength)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.05 * 0.5 * (1 + np.cos(np.pi * step / steps))
        w.grad = a.T @ (a @ w.detach() - b) / len(b)
        optimizer.step()
    return w.detach(), a.T @ (a @ w.detach() - b) / len(b)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((200, 13)) * np.r_[1.0, np.geomspace(0.3, 3, 12)]  # badly scaled
    truth = np.zeros(13)
    truth[[0, 1, 2, 7]] = [0.5, 1.0, -2.0, 0.4]
    return a, a @ truth + 0.3 * rng.standard_normal(200)


def test_groups_of_one_are_scikit_learn_s_lasso(problem):
    a, b = problem
    a[:, 0] = 0  # scikit-learn would penalise it too
    ours, _ = descend(a, b, (12, 1), (1,), 0.05)
    theirs = Lasso(alpha=0.05, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(a, b).coef_
    np.testing.assert_allclose(ours[1:], theirs[1:], atol=2e-4)
    np.testing.assert_array_equal(ours[1:] == 0, theirs[1:] == 0)


def test_groups_meet_the_conditions_of_an_optimum(problem):
    a, b = problem
    strength = 0.2
    w, gradient = descend(a, b, (2, 2, 3), (0, 2), strength)  # two groups, of six weights that do not lie together
    groups = (w[1:].view(2, 2, 3), gradient[1:].view(2, 2, 3))
    assert abs(gradient[0]) < 1e-4  # not in a group: not penalised
    sizes = []
    for k in range(2):
        weights, slope = groups[0][:, k].flatten(), groups[1][:, k].flatten()
        sizes.append(float(weights.norm()))
        if sizes[-1] > 0:
            torch.testing.assert_close(slope, -strength * weights / weights.norm(), atol=2e-3, rtol=0)
        else:
            assert slope.norm() <= strength
    assert max(sizes) > 0
    strong, _ = descend(a, b, (2, 2, 3), (0, 2), 100.0)
    assert (strong[1:] == 0).all() and strong[0] != 0


@pytest.fixture(scope="module")
def windows():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 4))
    for t in range(2, 400):
        x[t, 1] += 1.5 * np.sin(x[t - 2, 0])
    return Windows([x], 2, clock=Clock.of(400))


@pytest.mark.parametrize(("kind", "strength"), [(ComponentwiseMLP, 0.2), (ComponentwiseLSTM, 0.2)])
def test_what_is_not_needed_comes_to_exactly_nothing(windows, kind, strength):
    model = kind(4, 2, n_hidden=4, seeds=(0, 0, 1), strengths=(strength, 0.0, 5.0), ridge=0.1, skip=False)
    rules = Schedule(anneal=True, shuffle=False, max_epochs=300, learning_rate=0.02, batch_size=1000, weight_decay=0.0)
    train(model, windows, windows.starts, None, ScaledGaussian(torch.ones(4)), rules, (0, 0, 1))
    sparse, free, none = model.group_norms().numpy()
    assert np.argwhere(sparse > 0).tolist() == [[1, 0]]
    assert (free > 0).all()
    assert (none == 0).all()
    # By hand: the norm over hidden units and lags of what leads from source 0 to target 1.
    weights = model.input.detach()[1]
    own = weights.view(4, -1, *((4, 2) if kind is ComponentwiseMLP else (4,)))
    assert own[1, :, 0].norm() == pytest.approx(free[1, 0])


@pytest.mark.parametrize("kind", [ComponentwiseMLP, ComponentwiseLSTM])
def test_a_target_s_network_sees_no_other_s(kind):
    model = kind(3, 2, n_hidden=4, seeds=(0,), skip=False)
    context = torch.randn(5, 3, 2, 1)
    before = model(context, None)[0]
    shape = model.input_shape()
    with torch.no_grad():
        model.input.view(1, *shape)[:, 1] += 1.0  # the second target's alone
    after = model(context, None)[0]
    torch.testing.assert_close(after[:, [0, 2]], before[:, [0, 2]])
    assert (after[:, 1] != before[:, 1]).any()
    with torch.no_grad():
        model.input.view(1, *shape)[:, :, :, 2] = 0.0  # nobody needs the third source
    moved = context.clone()
    moved[:, 2] += 1.0
    torch.testing.assert_close(model(moved, None)[0], model(context, None)[0])


def test_the_penalty_is_the_norms(windows):
    model = ComponentwiseMLP(4, 2, n_hidden=4, seeds=(0, 1), strengths=(0.5, 1.0), ridge=0.1, skip=False)
    expected = torch.zeros(2)
    for m in range(2):
        weights = model.input.detach()[m].view(4, 4, 4, 2)
        for i in range(4):
            expected[m] += 0.1 * model.narrow.detach()[m, i].square().sum() / 4
            for j in range(4):
                expected[m] += model.strength[m] / 4 * weights[i, :, j].norm()
    torch.testing.assert_close(model.penalty(torch.zeros(1, 4, 2, 2)).detach(), expected)
