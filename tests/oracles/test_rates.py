"""Units without spikes against what is known of them: scipy's solutions, and covariances worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

from synfer.network import GaussianDrive, SharedDrive
from synfer.simulate import (
    autoregression,
    lorenz96_network,
    rate_network,
    run,
    var_coefficients,
    var_network,
)
from synfer.simulate.autoregression import companion, spectral_radius, stationary_moments


@pytest.mark.parametrize("n_lags", [1, 3])
def test_covariances_of_autoregressions_solve_the_lyapunov_equation(n_lags: int) -> None:
    a = var_coefficients(12, n_lags, radius=0.9, seed=3).reshape(n_lags, 12, 12)
    rng = np.random.default_rng(0)
    q = np.cov(rng.normal(size=(12, 40)))
    _, mine = stationary_moments(a, np.zeros(12), q)
    full = np.zeros((12 * n_lags, 12 * n_lags))
    full[:12, :12] = q
    np.testing.assert_allclose(mine, scipy.linalg.solve_discrete_lyapunov(companion(a), full), rtol=1e-9, atol=1e-11)
    assert abs(spectral_radius(a) - 0.9) < 1e-9


def test_spectral_radii_of_large_systems_are_found_by_search(monkeypatch: pytest.MonkeyPatch) -> None:
    a = var_coefficients(60, 4, p=0.1, radius=0.8, seed=1)
    monkeypatch.setattr(autoregression, "ALL_EIGENVALUES_BELOW", 100)
    assert abs(spectral_radius(a) - 0.8) < 1e-9


def test_simulated_autoregressions_have_the_covariance_of_the_lyapunov_equation() -> None:
    n, n_lags, bias = 4, 3, np.array([0.5, 0.0, -1.0, 0.2])
    a = var_coefficients(n, n_lags, p=0.5, radius=0.8, seed=5)
    drive = [GaussianDrive(0.25, [0.2, 0.1, 0.0, 0.3]), SharedDrive([1.0, -0.5, 0.0, 0.3])]
    noise = np.array([1.0, 0.5, 1.0, 2.0])
    copies = 2_000
    network = var_network(np.broadcast_to(a, (copies, *a.shape)), noise=noise, bias=bias, drive=drive)
    x = run(network, 5e-3, initial_state="stationary", dtype="float64", seed=2)["x"]
    strength = np.array([1.0, -0.5, 0.0, 0.3])
    q = np.diag(noise**2 + [0.2, 0.1, 0.0, 0.3]) + np.outer(strength, strength)
    full = np.zeros((n * n_lags, n * n_lags))
    full[:n, :n] = q
    s = scipy.linalg.solve_discrete_lyapunov(companion(a), full)
    mean = np.linalg.solve(np.eye(n) - a.sum(0), bias + 0.25)
    scale = np.sqrt(np.diag(s)[:n])
    for k in (0, 4):  # stationary from the first step on
        assert np.all(np.abs(x[:, k].mean(0) - mean) < 4.5 * scale / np.sqrt(copies))
        error = np.cov(x[:, k].T) - s[:n, :n]
        assert np.all(np.abs(error) < 4.5 * np.sqrt(2 / copies) * np.outer(scale, scale))
    # and with the past: Cov(x(t), x(t - 2)) stands in the companion's covariance
    lagged = (x[:, 4] - mean).T @ (x[:, 2] - mean) / copies
    assert np.all(np.abs(lagged - s[:n, 2 * n : 3 * n]) < 4.5 * np.sqrt(2 / copies) * np.outer(scale, scale))


def test_leaky_units_alone_are_ornstein_uhlenbeck_processes() -> None:
    tau, noise, dt = 0.02, 3.0, 1e-3
    network = rate_network(np.zeros((500, 40, 40)), activation="linear", tau=tau, noise=noise)
    x = run(network, 0.05, dt, warmup=0.2, dtype="float64")["x"]
    decay = 1 - dt / tau  # of Euler and Maruyama's scheme, whose stationary variance is noise^2 dt / (1 - decay^2)
    variance = noise**2 * dt / (1 - decay**2)
    assert variance == pytest.approx(noise**2 * tau / 2, rel=0.03)
    n = 20_000
    assert abs(x[:, 49].var() - variance) < 4.5 * variance * np.sqrt(2 / n)
    for lag in (1, 20):
        product = (x[:, 49].ravel() * x[:, 49 - lag].ravel()).mean()
        assert abs(product / variance - decay**lag) < 4.5 * np.sqrt((1 + decay ** (2 * lag)) / n)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_rates_without_noise_converge_to_the_differential_equation(activation: str) -> None:
    rng = np.random.default_rng(0)
    n, tau, gain, bias = 8, rng.uniform(0.01, 0.03, 8), rng.uniform(0.5, 2, 8), rng.normal(size=8)
    weights, x0 = 0.4 * rng.normal(size=(n, n)) / np.sqrt(n), rng.normal(size=n)
    f = {"tanh": np.tanh, "sigmoid": lambda y: 1 / (1 + np.exp(-y)), "relu": lambda y: np.maximum(y, 0)}[activation]
    network = rate_network(weights, activation=activation, tau=tau, gain=gain, bias=bias)
    exact = scipy.integrate.solve_ivp(
        lambda t, x: (-x + weights @ f(gain * x) + bias) / tau, (0, 0.1), x0, rtol=1e-11, atol=1e-12
    ).y[:, -1]
    errors = []
    for dt in (1e-3, 5e-4, 2.5e-4, 1.25e-4):
        x = run(network, 0.1, dt, initial_state={"x": x0}, dtype="float64")["x"]
        errors.append(np.abs(x[-1] - exact).max())
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[-1] < 1e-2
    assert np.all(np.abs(orders - 1) < 0.15), orders  # Euler's scheme is of first order


def test_lorenz96_follows_scipy_over_a_short_horizon() -> None:
    n = 12
    force = np.random.default_rng(0).uniform(6, 10, n)
    x0 = force + np.random.default_rng(1).normal(size=n)

    def slope(t: float, x: np.ndarray) -> np.ndarray:
        return np.array([(x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + force[i] for i in range(n)])

    exact = scipy.integrate.solve_ivp(slope, (0, 1), x0, rtol=1e-12, atol=1e-12, t_eval=np.arange(1, 11) * 0.1).y.T
    errors = []
    for dt, every in ((0.02, 5), (0.01, 10), (0.005, 20)):
        x = run(lorenz96_network(n, F=force), 1.0, dt, every=every, initial_state={"x": x0}, dtype="float64")
        np.testing.assert_allclose(x.times, np.arange(1, 11) * 0.1)
        errors.append(np.abs(x["x"] - exact).max())
    assert errors[-1] < 2e-4
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) > 3.6), errors  # of fourth order
    single = run(lorenz96_network(n, F=force), 1.0, 0.01, every=10, initial_state={"x": x0})["x"]
    assert np.abs(single - exact).max() < 1e-2


def test_lorenz96_is_chaotic_at_8_and_has_the_climate_it_is_known_for() -> None:
    # Lorenz and Emanuel (1998), N = 40, F = 8: mean 2.34, standard deviation 3.63.
    x = run(lorenz96_network(40, n_networks=20), 50.0, 0.01, every=10, warmup=20.0)["x"].astype(np.float64)
    assert abs(x.mean() - 2.34) < 0.05
    assert abs(x.std() - 3.63) < 0.05
    near = lorenz96_network(40)
    begun = 8 + np.random.default_rng(0).normal(size=40)
    one, two = (run(near, 20.0, 0.01, initial_state={"x": begun + e}, dtype="float64")["x"]
                for e in (0.0, 1e-9 * np.eye(40)[0]))  # fmt: skip
    assert np.abs(one[100] - two[100]).max() < 1e-6
    assert np.abs(one[-1] - two[-1]).max() > 0.1


def test_chaos_of_random_rate_networks_sets_in_at_a_gain_of_1() -> None:
    # Sompolinsky, Crisanti and Sommers (1988): below g = 1 activity dies out, above it does not.
    j = np.random.default_rng(0).normal(size=(400, 400)) / 20
    x0 = np.random.default_rng(1).normal(size=400)
    quiet, loud = (run(rate_network(g * j), 1.0, initial_state={"x": x0}, every=10)["x"][-1] for g in (0.5, 1.5))
    assert np.abs(quiet).max() < 1e-6
    assert 0.3 < loud.std() < 1.5
