"""Kinds of systems that the trust card's prediction is measured on, and had no part in making it.

Written before anything was measured on them, and measured once, with the version they are quoted for. Sizes, lengths
and densities are drawn by each recording's key. `bench/trust_held_out.py` asks; the 35 kinds that the prediction was
chosen on are those of `bench/trust.py` and `bench/trust_built.py`.
"""

from __future__ import annotations

import numpy as np

from synfer.benchmark import robustness
from synfer.benchmark.task import Pair
from synfer.connectome import Connectome
from synfer.network import (
    ConductanceSynapse,
    ExponentialSynapse,
    GaussianDrive,
    Network,
    WhiteNoiseDrive,
)
from synfer.recording import Recording
from synfer.simulate import (
    LogNormal,
    UniformDelay,
    clustered,
    erdos_renyi,
    observe,
    rate_network,
    run,
    small_world,
    var_coefficients,
)

DENSITIES = (0.1, 0.2, 0.4)
SIZES = (10, 20, 30)
LENGTHS = (500, 1000, 3000)


def _network(network: Network, seconds: float, dt: float, key: int, record: tuple[str, ...] = ("v", "spikes")) -> Pair:
    """What a network does, a sample a millisecond."""
    seen = run(network, seconds, dt, every=round(1e-3 / dt), warmup=0.5, record=record, seed=key)
    return robustness._pair(seen, network.connectome, key, 0)


def _only(pair: Pair, signal: str) -> Pair:
    seen, truth = pair
    return Recording({signal: seen[signal]}, seen.dt, unit_ids=seen.unit_ids, provenance=seen.provenance), truth


def _edges(rng: np.random.Generator, n: int) -> np.ndarray:
    """Which pairs (target, source) have an edge."""
    edges = rng.random((n, n)) < rng.choice(DENSITIES)
    np.fill_diagonal(edges, False)
    return np.asarray(edges)


def _signed(rng: np.random.Generator, edges: np.ndarray, size: float) -> np.ndarray:
    """Weights of random sign, and of sizes between half and one and a half times that; columns of one sign."""
    sign = np.where(rng.random(len(edges)) < 0.3, -1.0, 1.0)
    return np.asarray(edges * rng.uniform(0.5, 1.5, edges.shape) * size * sign)


def _of(x: np.ndarray, edges: np.ndarray, dt: float = 1.0) -> Pair:
    return Recording({"x": x}, dt), Connectome.from_weights(edges.astype(float), delay=dt)


def quadratic_if(rng: np.random.Generator, key: int) -> Pair:
    """Quadratic integrate and fire, no recovery; current synapses of 4 ms."""
    n = int(rng.choice(SIZES))
    wiring = erdos_renyi(n - n // 5, n // 5, float(rng.choice(DENSITIES)), weight=3.0, delay=1e-3, seed=key)
    fixed = {"a": 0.02, "b": 0.0, "c": -65.0, "d": 0.0, "quadratic": 0.04, "linear": 5.0, "constant": 140.0}
    network = Network("izhikevich", {**fixed, "threshold": 30.0}, wiring, drive=WhiteNoiseDrive(-8.0, 0.8),
                      synapse=ExponentialSynapse(0.004, 0.004))  # fmt: skip
    return _network(network, 5.0, 1e-4, key)


def squid(rng: np.random.Generator, key: int) -> Pair:
    """Hodgkin and Huxley's axon's membrane, few edges, conductances."""
    n = int(rng.choice((10, 20)))
    wiring = erdos_renyi(n - n // 5, n // 5, 0.1, weight=0.2, weight_inh=0.6, delay=2e-3, seed=key)
    network = Network("hodgkin_huxley", {}, wiring, drive=WhiteNoiseDrive(0.0, 0.1),
                      synapse=ConductanceSynapse(0.003, 0.006))  # fmt: skip
    return _network(network, 5.0, 2.5e-5, key)


def cell_types(rng: np.random.Generator, key: int) -> Pair:
    """Izhikevich's regular, chattering, fast and low-threshold cells, delays of 1 to 5 ms."""
    n = int(rng.choice(SIZES))
    types = np.array(
        [(0.02, 0.2, -65.0, 8.0), (0.02, 0.2, -50.0, 2.0), (0.1, 0.2, -65.0, 2.0), (0.02, 0.25, -65.0, 2.0)]
    )
    n_inh = n // 5
    which = np.concatenate([rng.choice([0, 1], n - n_inh, p=[0.8, 0.2]), rng.choice([2, 3], n_inh)])
    a, b, c, d = types[which].T
    wiring = erdos_renyi(n - n_inh, n_inh, float(rng.choice(DENSITIES)), weight=4.0, weight_inh=8.0,
                         delay=UniformDelay(1e-3, 5e-3, step=1e-3), seed=key)  # fmt: skip
    parameters = {"a": a, "b": b, "c": c, "d": d, "quadratic": 0.04, "linear": 5.0, "constant": 140.0}
    network = Network("izhikevich", {**parameters, "threshold": 30.0}, wiring, drive=GaussianDrive(4.0, 25.0))
    return _network(network, 8.0, 1e-3, key)


def escape_spikes(rng: np.random.Generator, key: int) -> Pair:
    """Spikes of leaky neurons that fire by chance, with a refractory period."""
    n = int(rng.choice(SIZES))
    wiring = erdos_renyi(
        n - n // 5, n // 5, float(rng.choice(DENSITIES)), weight=2.0, weight_inh=4.0, delay=1e-3, seed=key
    )
    network = Network("escape_lif", {}, wiring, drive=WhiteNoiseDrive(15.0, 0.3),
                      synapse=ExponentialSynapse(0.005, 0.005))  # fmt: skip
    return _only(_network(network, float(rng.choice([10.0, 20.0])), 1e-3, key), "spikes")


def glm_spikes(rng: np.random.Generator, key: int) -> Pair:
    """Counts by a logistic chance of own refractoriness (5 ms) and filtered inputs (6 ms), some 15 a second."""
    n, length = int(rng.choice(SIZES)), 1000 * int(rng.choice([10, 20]))
    edges = _edges(rng, n)
    weights = _signed(rng, edges, 1.2)
    base = np.log(0.015) + rng.normal(0.0, 0.3, n)
    spikes = np.zeros((length, n), dtype=np.int8)
    heard, since = np.zeros(n), np.full(n, 100.0)
    for t in range(length):
        eta = base + weights @ heard - 6.0 * np.exp(-since / 2.0)
        fired = rng.random(n) < 1.0 / (1.0 + np.exp(-eta))
        spikes[t] = fired
        heard = heard * np.exp(-1.0 / 6.0) + fired
        since = np.where(fired, 0.0, since + 1.0)
    return Recording({"spikes": spikes}, 1e-3), Connectome.from_weights(weights, delay=1e-3)


def clustered_spikes(rng: np.random.Generator, key: int) -> Pair:
    """Spikes of the paper's neurons, in clusters, of log-normal weights."""
    n = int(rng.choice((20, 30)))
    wiring = clustered(n - n // 5, n // 5, 4, p_within=0.5, p_between=0.05, weight=LogNormal(5.0, 4.0), seed=key)
    one = robustness.paper(n, 0.2, key)
    network = Network(one.model, one.parameters, wiring, drive=one.drive, synapse=one.synapse)
    return robustness._pair(run(network, 20.0, record="spikes", seed=key), wiring, key, 0)


def conductance_calcium(rng: np.random.Generator, key: int) -> Pair:
    """Fluorescence at 50 Hz of leaky neurons with conductances."""
    n = int(rng.choice((10, 20)))
    wiring = erdos_renyi(
        n - n // 5, n // 5, float(rng.choice(DENSITIES)), weight=0.15, weight_inh=0.6, delay=1e-3, seed=key
    )
    network = Network("lif", {}, wiring, drive=WhiteNoiseDrive(18.0, 1.2), synapse=ConductanceSynapse(0.005, 0.01))
    seen = run(network, 200.0, 2e-4, every=5, warmup=0.5, record="spikes", seed=key)
    pair = robustness._pair(seen, wiring, key, 0)
    return observe.calcium(pair[0], noise=0.2, frame_rate=50.0, seed=key), pair[1]


def ornstein_uhlenbeck(rng: np.random.Generator, key: int) -> Pair:
    """Linear rates of 20 ms, seen every 5 or 10 ms, noise of their own."""
    n = int(rng.choice(SIZES))
    weights = _signed(rng, _edges(rng, n), 1.0)
    weights *= 0.7 / max(np.abs(np.linalg.eigvals(weights)).max(), 0.1)
    network = rate_network(weights, activation="linear", tau=0.02, noise=5.0)
    every = int(rng.choice([5, 10]))
    seen = run(network, 1e-3 * every * int(rng.choice(LENGTHS)), 1e-3, every=every, warmup=1.0, record="x", seed=key)
    return Recording({"x": seen["x"]}, seen.dt), network.connectome


def small_world_rates(rng: np.random.Generator, key: int) -> Pair:
    """Tanh rates on a small world, seen every 5 ms."""
    n = int(rng.choice((16, 24, 32)))
    made = small_world(n, 0, 4, 0.2, weight=1.0, seed=key)
    weights = _signed(rng, np.asarray(made.to_matrix().score) > 0, float(rng.choice([0.3, 0.6])))
    network = rate_network(weights, activation="tanh", tau=0.01, noise=float(rng.choice([2.0, 6.0])))
    seen = run(network, 5e-3 * int(rng.choice(LENGTHS)), 1e-3, every=5, warmup=1.0, record="x", seed=key)
    return Recording({"x": seen["x"]}, seen.dt), network.connectome


def hidden_rates(rng: np.random.Generator, key: int) -> Pair:
    """Tanh rates, a third of them not seen, noise on what is."""
    n = int(rng.choice((15, 30)))
    network = rate_network(_signed(rng, _edges(rng, n), 1.0), activation="tanh", tau=0.01, noise=3.0)
    seen = run(network, 2e-3 * int(rng.choice(LENGTHS)), 1e-3, every=2, warmup=1.0, record="x", seed=key)
    seen = observe.hide_units(Recording({"x": seen["x"]}, seen.dt), fraction=1 / 3, seed=key)
    seen = observe.add_noise(seen, 0.1, signal="x", relative=True, seed=key)
    return seen, network.connectome.to_matrix().sel(units=seen.unit_ids)


def tanh_var(rng: np.random.Generator, key: int) -> Pair:
    """x_i <- .4 x_i + sum_j w_ij tanh(2 x_j) + noise."""
    n, length = int(rng.choice(SIZES)), int(rng.choice(LENGTHS))
    weights = _signed(rng, _edges(rng, n), float(rng.choice([0.1, 0.3])))
    x = np.zeros((length + 200, n))
    for t in range(1, len(x)):
        x[t] = 0.4 * x[t - 1] + weights @ np.tanh(2.0 * x[t - 1]) + rng.normal(0.0, 0.7, n)
    return _of(x[200:], weights != 0)


def threshold_var(rng: np.random.Generator, key: int) -> Pair:
    """A source acts only while it is above 0, two steps later."""
    n, length = int(rng.choice(SIZES)), int(rng.choice(LENGTHS))
    weights = _signed(rng, _edges(rng, n), float(rng.choice([0.15, 0.3])))
    weights /= max(1.0, 1.5 * float(np.abs(np.linalg.eigvals(weights)).max()))
    x = np.zeros((length + 200, n))
    for t in range(2, len(x)):
        x[t] = 0.3 * x[t - 1] + weights @ np.maximum(x[t - 2], 0.0) + rng.normal(size=n)
    return _of(x[200:], weights != 0)


def henon_maps(rng: np.random.Generator, key: int) -> Pair:
    """x_i <- 1.4 - (c mean of sources' x + (1 - c) x_i)^2 + .3 x_i a step before; a little noise on what is seen."""
    n, length, c = int(rng.choice((10, 20))), int(rng.choice(LENGTHS)), float(rng.choice([0.1, 0.2]))
    edges = _edges(rng, n)
    degree = edges.sum(axis=1)
    mixing = np.where(degree[:, None] > 0, c * edges / np.maximum(degree, 1)[:, None], 0.0)
    mixing += np.diag(np.where(degree > 0, 1.0 - c, 1.0))
    x = np.zeros((length + 500, n))
    x[0], x[1] = rng.uniform(0.0, 0.1, n), rng.uniform(0.0, 0.1, n)
    for t in range(2, len(x)):
        x[t] = np.clip(1.4 - (mixing @ x[t - 1]) ** 2 + 0.3 * x[t - 2], -2.0, 2.0)
    return _of(x[500:] + rng.normal(0.0, 0.05, (length, n)), edges)


def roessler(rng: np.random.Generator, key: int) -> Pair:
    """Oscillators of different frequencies, each drawn towards its sources' x; x seen every .3."""
    n, length, c = int(rng.choice((8, 12))), int(rng.choice(LENGTHS)), float(rng.choice([0.02, 0.06]))
    edges = _edges(rng, n)
    omega = rng.uniform(0.9, 1.1, n)
    x, y, z = rng.normal(size=n), rng.normal(size=n), np.abs(rng.normal(size=n))
    seen = []
    for t in range(30 * (length + 300)):
        pull = c * (edges @ x - edges.sum(axis=1) * x)
        dx, dy, dz = -omega * y - z + pull, omega * x + 0.15 * y, 0.2 + z * (x - 10.0)
        x, y, z = x + 0.01 * dx + 0.03 * rng.normal(size=n), y + 0.01 * dy, np.clip(z + 0.01 * dz, 0.0, 100.0)
        if t % 30 == 0:
            seen.append(x)
    return _of(np.array(seen[300:]), edges, 0.3)


def _linear(rng: np.random.Generator, key: int, n: int, noise: np.ndarray, lags: int = 1) -> Pair:
    """x(t) = sum_k A_k x(t - k) + noise(t)."""
    coefficients = var_coefficients(n, lags, float(rng.choice(DENSITIES)), radius=0.8, seed=key)
    x = np.zeros_like(noise)
    for t in range(lags, len(x)):
        x[t] = sum(coefficients[k] @ x[t - 1 - k] for k in range(lags)) + noise[t]
    edges = np.abs(coefficients).sum(axis=0) > 0
    np.fill_diagonal(edges, False)
    return _of(x[200:], edges)


def switching_noise(rng: np.random.Generator, key: int) -> Pair:
    """The level of all noise switches between 1 and 4, some 50 samples each."""
    n, length = int(rng.choice(SIZES)), int(rng.choice(LENGTHS)) + 200
    level = np.where(np.cumsum(rng.random(length) < 0.02) % 2 == 0, 1.0, 4.0)
    return _linear(rng, key, n, level[:, None] * rng.normal(size=(length, n)))


def common_rhythm(rng: np.random.Generator, key: int) -> Pair:
    """A rhythm of 12 samples reaches all, more or less strongly and at phases of their own."""
    n, length = int(rng.choice(SIZES)), int(rng.choice(LENGTHS)) + 200
    phase = 2.0 * np.pi / 12.0 * np.arange(length) + np.cumsum(rng.normal(0.0, 0.1, length))
    rhythm = rng.uniform(0.0, 1.5, n) * np.sin(phase[:, None] + rng.uniform(0.0, 2.0, n))
    return _linear(rng, key, n, rhythm + rng.normal(size=(length, n)), 2)


def short_trials(rng: np.random.Generator, key: int) -> Pair:
    """Trials of 60 samples of an autoregression."""
    n, trials = int(rng.choice(SIZES)), int(rng.choice((10, 20, 50)))
    seen, truth = _linear(rng, key, n, rng.normal(size=(60 * trials + 200, n)), 2)
    x = np.asarray(seen["x"]).reshape(trials, 60, n)
    return Recording({"x": x}, 1.0), truth


KINDS = {make.__name__: make for make in (
    quadratic_if, squid, cell_types, escape_spikes, glm_spikes, clustered_spikes, conductance_calcium,
    ornstein_uhlenbeck, small_world_rates, hidden_rates, tanh_var, threshold_var, henon_maps, roessler, switching_noise,
    common_rhythm, short_trials,
)}  # fmt: skip
