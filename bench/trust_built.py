"""Fourteen kinds of systems that the trust card's prediction was measured on once, and has been chosen on since.

Together with the 21 of `bench/trust.py` they are what the prediction is built on (`bench/trust_held_out.py --kinds
built`); what it is measured on now are those of `bench/trust_kinds.py`.
"""

from __future__ import annotations

import numpy as np

from synfer.benchmark import robustness
from synfer.benchmark.simulated import make_var
from synfer.benchmark.task import Pair
from synfer.connectome import Connectome
from synfer.network import ExponentialSynapse, GaussianDrive, Network, OrnsteinUhlenbeckDrive
from synfer.recording import Recording
from synfer.simulate import (
    distance_dependent,
    erdos_renyi,
    lorenz96_network,
    observe,
    rate_network,
    run,
    scale_free,
    var_coefficients,
)

DENSITIES = (0.1, 0.2, 0.4)


def _spiking(
    model: str,
    drive: tuple[float, float],
    weight: float,
    synapse: ExponentialSynapse | None,
    rng: np.random.Generator,
    key: int,
    seconds: float,
) -> Pair:
    """Voltage and spikes of a random network of that model, 1 kHz."""
    n = int(rng.choice([10, 20, 30]))
    p = float(rng.choice(DENSITIES))

    def make(seed: int) -> tuple[Network, Recording]:
        wiring = erdos_renyi(n - n // 5, n // 5, p, weight=weight, weight_inh=4 * weight, delay=1e-3, seed=seed)
        given = {} if synapse is None else {"synapse": synapse}
        network = Network(model, {}, wiring, drive=GaussianDrive(*drive), **given)  # type: ignore[arg-type]
        return network, run(network, seconds, 1e-4, every=10, warmup=0.5, record=("v", "spikes"), seed=seed)

    network, seen, redrawn = robustness._drawn(make, key)
    return robustness._pair(seen, network.connectome, key, redrawn)


def _only(pair: Pair, signal: str) -> Pair:
    seen, truth = pair
    return Recording({signal: seen[signal]}, seen.dt, unit_ids=seen.unit_ids, provenance=seen.provenance), truth


def adex(rng: np.random.Generator, key: int) -> Pair:
    return _spiking("adex", (700.0, 4e4), 150.0, ExponentialSynapse(0.005, 0.01), rng, key, 5.0)


def lif_currents(rng: np.random.Generator, key: int) -> Pair:
    return _spiking("lif", (21.0, 40.0), 3.0, ExponentialSynapse(0.003, 0.008), rng, key, 10.0)


def lif_spikes(rng: np.random.Generator, key: int) -> Pair:
    return _only(_spiking("lif", (21.0, 40.0), 20.0, None, rng, key, 40.0), "spikes")


def _poisson(rng: np.random.Generator, key: int, seconds: float) -> Pair:
    n = int(rng.choice([10, 20, 30]))
    p = float(rng.choice(DENSITIES))
    wiring = erdos_renyi(n - n // 5, n // 5, p, weight=0.8, weight_inh=1.6, delay=1e-3, seed=key)
    parameters = {"tau": 0.01, "rate": float(rng.choice([10.0, 20.0])), "gain": 1.0}
    network = Network("linear_nonlinear_poisson", parameters, wiring, drive=GaussianDrive(0.0, 0.0))
    seen = run(network, seconds, record="spikes", warmup=1.0, seed=key)
    return robustness._pair(seen, wiring, key, 0)


def poisson_spikes(rng: np.random.Generator, key: int) -> Pair:
    return _poisson(rng, key, float(rng.choice([30.0, 120.0])))


def poisson_calcium(rng: np.random.Generator, key: int) -> Pair:
    seen, truth = _poisson(rng, key, 600.0)
    return observe.calcium(seen, noise=0.2, frame_rate=20.0, seed=key), truth


def _rewired(wiring: Connectome, key: int, **changes: object) -> Pair:
    one = robustness.paper(wiring.n_units, 0.2, key)
    given = {"drive": one.drive, "synapse": one.synapse, **changes}
    network = Network(one.model, one.parameters, wiring, **given)  # type: ignore[arg-type]
    seen = run(network, 5.0, record=("v", "spikes"), seed=key)
    return robustness._pair(seen, wiring, key, 0)


def near_neighbours(rng: np.random.Generator, key: int) -> Pair:
    n = int(rng.choice([20, 30]))
    return _rewired(distance_dependent(n - n // 5, n // 5, 0.8, 0.3, weight=5.0, delay=1e-3, seed=key), key)


def hubs(rng: np.random.Generator, key: int) -> Pair:
    return _rewired(scale_free(16, 4, int(rng.choice([1, 3])), weight=5.0, seed=key), key)


def slow_inputs(rng: np.random.Generator, key: int) -> Pair:
    wiring = erdos_renyi(16, 4, float(rng.choice(DENSITIES)), weight=5.0, delay=1e-3, seed=key)
    return _rewired(wiring, key, drive=(GaussianDrive(5.0, 5.0), OrnsteinUhlenbeckDrive(0.0, 2.0, 0.1)))


def var_decimated(rng: np.random.Generator, key: int) -> Pair:
    seen, truth = make_var(int(rng.choice([10, 20, 30])), 1, key)
    return observe.decimate(seen, 2), truth


def _recursion(rng: np.random.Generator, key: int, noise: np.ndarray, n: int) -> Pair:
    """x(t) = sum_k A_k x(t - k) + noise(t), two lags."""
    coefficients = var_coefficients(n, 2, float(rng.choice(DENSITIES)), radius=0.9, seed=key)
    x = np.zeros_like(noise)
    for t in range(2, len(x)):
        x[t] = coefficients[0] @ x[t - 1] + coefficients[1] @ x[t - 2] + noise[t]
    weights = np.abs(coefficients).sum(axis=0)
    np.fill_diagonal(weights, 0.0)
    return Recording({"x": x[200:]}, 1.0), Connectome.from_weights(weights, delay=1.0)


def heavy_tails(rng: np.random.Generator, key: int) -> Pair:
    n, length = int(rng.choice([10, 20, 30])), int(rng.choice([500, 1000, 3000]))
    return _recursion(rng, key, np.random.default_rng(key).standard_t(3, (length + 200, n)), n)


def shared_noise(rng: np.random.Generator, key: int) -> Pair:
    n, length = int(rng.choice([10, 20, 30])), int(rng.choice([500, 1000, 3000]))
    own = np.random.default_rng(key)
    return _recursion(rng, key, own.normal(size=(length + 200, n)) + own.normal(size=(length + 200, 1)), n)


def sigmoid_rates(rng: np.random.Generator, key: int) -> Pair:
    n = int(rng.choice([10, 20, 30]))
    weights = rng.exponential(4.0, (n, n)) * rng.choice([-1.0, 1.0], n) * (rng.random((n, n)) < rng.choice(DENSITIES))
    np.fill_diagonal(weights, 0.0)
    network = rate_network(weights, activation="sigmoid", tau=0.02, noise=float(rng.choice([5.0, 15.0])))
    seen = run(network, float(rng.choice([3.0, 10.0, 30.0])), 1e-3, every=10, warmup=1.0, record="x", seed=key)
    return Recording({"x": seen["x"]}, seen.dt), network.connectome


def lorenz_hidden(rng: np.random.Generator, key: int) -> Pair:
    network = lorenz96_network(20, F=float(rng.choice([8.0, 15.0])))
    seen = run(network, 0.05 * int(rng.choice([500, 1500])), dt=0.01, every=5, warmup=50.0, record="x", seed=key)
    seen = observe.hide_units(Recording({"x": seen["x"]}, seen.dt), fraction=0.25, seed=key)
    return seen, network.connectome.to_matrix().sel(units=seen.unit_ids)


def logistic_maps(rng: np.random.Generator, key: int) -> Pair:
    """x_i <- (1 - c) f(x_i) + c mean of f over its sources, f(x) = 3.7 x (1 - x), with a little noise."""
    n, length, c = int(rng.choice([10, 20])), int(rng.choice([300, 1000])), float(rng.choice([0.1, 0.3]))
    edges = rng.random((n, n)) < rng.choice(DENSITIES)
    np.fill_diagonal(edges, False)
    mixing = (1.0 - c) * np.eye(n) + c * edges / np.maximum(edges.sum(axis=1, keepdims=True), 1)
    x = rng.random((length + 200, n))
    for t in range(1, len(x)):
        before = 3.7 * x[t - 1] * (1.0 - x[t - 1])
        x[t] = np.clip(mixing @ before + 0.01 * rng.normal(size=n), 0.0, 1.0)
    return Recording({"x": x[200:]}, 1.0), Connectome.from_weights(edges.astype(float), delay=1.0)


KINDS = {make.__name__: make for make in (
    adex, lif_currents, lif_spikes, poisson_spikes, poisson_calcium, near_neighbours, hubs, slow_inputs, var_decimated,
    heavy_tails, shared_noise, sigmoid_rates, lorenz_hidden, logistic_maps,
)}  # fmt: skip
