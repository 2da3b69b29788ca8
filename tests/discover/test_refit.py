"""The solved last step against statsmodels, scipy and brute force."""

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from scipy.optimize import lsq_linear

from synfer.discover import refit as room
from synfer.discover import scoring
from synfer.discover.linearised import linearise, standardise, values_of
from synfer.discover.refit import Prior, refit
from synfer.forecast import LAWS, Pasts, SynformerForecaster, train_synformer


def setting(law="gaussian", n_products=0, max_lag=1, n_samples=400, n_steps=60):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_samples, 3))
    for t in range(1, n_samples):
        x[t, 1] += 0.6 * x[t - 1, 0]
    if law != "gaussian":
        x = (x > 0.7).astype(float)
    pasts = Pasts(
        [x],
        depth=3 + max_lag,
        window=2,
        time_constants=(3.0,),
        offset=np.zeros(3),
        scale=np.ones(3),
        counts=law != "gaussian",
    )
    model = SynformerForecaster(3, pasts.n_features, max_lag=max_lag, n_products=n_products, hidden=4)
    train_synformer(model, pasts, LAWS[law], n_steps=n_steps, batch_size=64, learning_rate=1e-2)
    standardise(model, pasts)
    return pasts, model


def prior(n=3, **changes):
    return Prior(**({"allowed": np.ones((n, n), bool), "known": np.zeros((n, n), bool)} | changes))


def design(model, pasts, i):
    """Forecast at every row and its derivatives in the attention of target i, by automatic differentiation."""
    batch = pasts.batch(pasts.rows)
    model.attention.requires_grad_(True)
    forecast = model(batch)
    rows = [
        torch.autograd.grad(forecast.eta[0, t, i], model.attention, retain_graph=True)[0] for t in range(len(batch.own))
    ]
    x = torch.stack(rows)[:, 0, :, :, i]  # (row, drive, lag, source)
    x = x.permute(0, 3, 1, 2).flatten(1)
    return batch, forecast, x.double().numpy()


def history(model, pasts, i):
    """What the response makes of own history alone: gain (without any drive) and last hidden layer, (row, column)."""
    batch = pasts.batch(pasts.rows)
    nothing = torch.zeros(1, model.n_drives, len(batch.own), model.n_units, requires_grad=True)
    alone = model.respond(batch.own, nothing)
    (slopes,) = torch.autograd.grad(alone.eta[..., i].sum(), nothing)
    return torch.cat([slopes[0, 0, :, i, None], alone.hidden[0, :, i]], 1).detach().double().numpy()


def gains(model, pasts, i):
    """Derivative of eta in the linear drive of target i, (row, 1)."""
    batch = pasts.batch(pasts.rows)
    drives = model.drives(model.values(batch.recent), batch.elapsed).detach().requires_grad_(True)
    (slopes,) = torch.autograd.grad(model.respond(batch.own, drives).eta[..., i].sum(), drives)
    return slopes[0, :1, :, i].T.double().numpy()


def centred(x, model, pasts, i):
    """A design (row, source x lag) as if values had mean 0."""
    mean = model.values(pasts.batch(pasts.rows).recent)[0].mean(0).T.flatten().detach().double().numpy()
    return x - gains(model, pasts, i) * mean


@pytest.mark.parametrize("max_lag", [1, 2])
def test_gaussian_step_is_weighted_least_squares_with_hc3(monkeypatch, max_lag):
    monkeypatch.setattr(scoring, "_OUTLIER", 1e9)
    pasts, model = setting(max_lag=max_lag)
    found = refit(model, pasts, LAWS["gaussian"], ridge=0.0, prior=prior())
    q = model.n_drives * max_lag
    for i in range(3):
        batch, forecast, x = design(model, pasts, i)
        x = centred(x, model, pasts, i)
        others = [j for j in range(3) if j != i]
        columns = [j * q + k for j in others for k in range(q)]
        start = model.masked_attention()[0, :, :, i].permute(2, 0, 1).flatten().detach().double().numpy()
        spread = forecast.log_scale[0, :, i].detach().double().exp().numpy()
        response = (batch.target[:, i] - forecast.eta[0, :, i]).detach().double().numpy() + x[:, columns] @ start[
            columns
        ]
        own = history(model, pasts, i)
        gain = gains(model, pasts, i)
        fit = sm.WLS(response, np.column_stack([x[:, columns], sm.add_constant(own)]), weights=spread**-2).fit(
            cov_type="HC3"
        )
        coef, cov = fit.params[: len(columns)], fit.cov_params()[: len(columns), : len(columns)]
        unit = np.sqrt(np.mean((gain[:, 0] / spread) ** 2))
        mine = np.sqrt(np.diagonal(found.cov[i, others], axis1=1, axis2=2)).ravel()
        np.testing.assert_allclose(found.free[i, others].ravel(), coef * unit, atol=1e-4)
        np.testing.assert_allclose(mine, np.sqrt(np.diag(cov)) * unit, rtol=2e-2)
        np.testing.assert_allclose(found.theta[i], found.free[i], atol=1e-6)
        # Degrees of each column by its rows' shares of its variance (Satterthwaite), the fewest of a source's.
        weighed = np.column_stack([x[:, columns], sm.add_constant(own)]) / spread[:, None]
        inverse = np.linalg.inv(weighed.T @ weighed)
        leverage = np.einsum("ti,ij,tj->t", weighed, inverse, weighed)
        added = np.square(weighed @ inverse[:, : len(columns)]) / (1 - leverage)[:, None]
        degrees = added.sum(0) ** 2 / np.square(added).sum(0)
        np.testing.assert_allclose(found.freedom[i, others], degrees.reshape(2, q).min(1), rtol=2e-3)
        assert (found.freedom[i] <= fit.df_resid).all()


@pytest.mark.parametrize("law", ["poisson", "bernoulli"])
def test_step_of_counts_is_a_generalised_linear_model(monkeypatch, law):
    monkeypatch.setattr(room, "_SLACK", 1e-9)
    pasts, model = setting(law)
    found = refit(model, pasts, LAWS[law], ridge=0.0, prior=prior())
    batch, forecast, x = design(model, pasts, 1)
    x = centred(x, model, pasts, 1)
    columns = [0, 2]
    start = model.masked_attention()[0, 0, 0, 1].detach().double().numpy()
    offset = forecast.eta[0, :, 1].detach().double().numpy() - x[:, columns] @ start[columns]
    own = history(model, pasts, 1)
    gain = gains(model, pasts, 1)
    family = sm.families.Poisson() if law == "poisson" else sm.families.Binomial()
    fit = sm.GLM(
        batch.target[:, 1].numpy(), np.column_stack([x[:, columns], sm.add_constant(own)]), family=family, offset=offset
    ).fit()
    weight = fit.fittedvalues if law == "poisson" else fit.fittedvalues * (1 - fit.fittedvalues)
    unit = found.free[1, 0, 0] / fit.params[0]
    expected = np.sqrt(np.mean(gain[:, 0] ** 2 * weight))
    assert unit == pytest.approx(expected, rel=0.1)  # of the information before the step
    np.testing.assert_allclose(found.free[1, columns, 0], unit * fit.params[:2], rtol=2e-3)
    robust = np.sqrt(found.cov[1, columns, 0, 0])
    np.testing.assert_allclose(
        robust, unit * fit.bse[:2], rtol=0.25
    )  # the model's own: near the sandwich where it holds


def test_standardised_values_have_spread_one_and_leave_the_forecast_alone():
    pasts, model = setting(n_steps=10)
    before = model(pasts.batch(pasts.rows)).eta.detach()
    with torch.no_grad():
        model.value_out *= -7.0
        model.attention /= -7.0
    standardise(model, pasts)
    batch = pasts.batch(pasts.rows)
    torch.testing.assert_close(model(batch).eta.detach(), before, rtol=1e-3, atol=1e-4)
    values = model.values(batch.recent)[0, :, 0].detach()
    assert float((values - values.mean(0)).square().mean()) == pytest.approx(1.0, rel=1e-3)
    assert float(((values - values.mean(0)) * batch.recent[:, -1]).sum()) > 0


def normal(n=6, rows=40, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, n)), rng.normal(size=rows)
    return x, y, room._Normal(x.T @ x, x.T @ y, float(y @ y), 3, rows, np.ones(n, bool))


def test_ridge_is_scikit_learn_s_with_known_edges_left_alone_and_a_centre():
    x, y, equations = normal()
    known, centre = np.array([True] + [False] * 5), np.full((6, 1), 0.2)
    found = room._ridge([equations], centre[None], 0.5, known[None])[0, :, 0]
    penalty = 0.5 * np.mean(np.diag(x.T @ x)) * np.diag(np.where(known, 1e-6, 1.0))
    expected = 0.2 + np.linalg.solve(x.T @ x + penalty, x.T @ (y - x @ np.full(6, 0.2)))
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_gcv_is_the_smallest_of_the_grid_by_brute_force():
    x, y, equations = normal()
    found = room._ridge([equations], np.zeros((1, 6, 1)), "gcv", np.zeros((1, 6), bool))[0, :, 0]
    scores, solutions = [], []
    for relative in room._GRID:
        inverse = np.linalg.inv(x.T @ x + relative * np.mean(np.diag(x.T @ x)) * np.eye(6))
        solutions.append(inverse @ x.T @ y)
        scores.append(np.sum((y - x @ solutions[-1]) ** 2) / (40 - 3 - np.trace(x @ inverse @ x.T)) ** 2)
    np.testing.assert_allclose(found, solutions[int(np.argmin(scores))], rtol=1e-6)


def test_signed_is_bounded_least_squares():
    x, y, equations = normal(seed=3)
    free = np.linalg.lstsq(x, y, rcond=None)[0]
    signs = np.array([1.0, -1.0, 1.0, -1.0, 0.0, 0.0])
    found = room._signed(equations, free, signs)
    bounds = (np.where(signs > 0, 0.0, -np.inf), np.where(signs < 0, 0.0, np.inf))
    np.testing.assert_allclose(found, lsq_linear(x, y, bounds, tol=1e-12).x, atol=1e-6)
    assert (found * signs >= 0).all() and not (free * signs >= 0).all()


@pytest.mark.parametrize("n_products", [0, 1])
def test_gain_is_the_whole_change_of_the_forecast_over_the_drive(n_products):
    pasts, model = setting(n_products=n_products)
    with torch.no_grad():
        model.attention.normal_(0.0, 2.0, generator=torch.Generator().manual_seed(0))  # drives that bend the response
        model.of_drive.normal_(0.0, 3.0, generator=torch.Generator().manual_seed(1))
        model.out.normal_(0.0, 1.0, generator=torch.Generator().manual_seed(2))
    values = values_of(model, pasts)
    (found,) = linearise([model], pasts, [values], slice(0, 3))
    gains, means = found.gains, found.means
    batch = pasts.batch(pasts.rows)
    with torch.no_grad():
        drives = model.drives(values[None], batch.elapsed)
        alone = drives.clone()
        alone[:, 0] = 0.0
        changed = (model.respond(batch.own, drives).eta - model.respond(batch.own, alone).eta)[0]
    a = drives[0, 0]
    some = a.abs() > 0.05
    assert float(some.float().mean()) > 0.5
    torch.testing.assert_close(means[..., 0][some], (changed / a)[some], rtol=2e-3, atol=2e-3)
    assert float((means - gains)[..., 0].abs().max()) > 0.1  # the slope there is another
    torch.testing.assert_close(means[..., 1:], gains[..., 1:])
