"""Fresh networks for the suites: what was published is one draw of them, seen by whoever tuned a method on it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np

from synfer.benchmark.task import Pair, Task
from synfer.network import Network
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, lorenz96_network, observe, run, var_coefficients, var_network

CELLS = tuple((n_exc, n_inh, p) for n_exc, n_inh in ((4, 1), (8, 2), (16, 4), (32, 8)) for p in (2, 4, 6, 8))
"""The paper's: excitatory and inhibitory neurons, ten times the probability of an edge."""
REDRAWS = 100


def tasks_of(make: Callable[..., Pair], sets: Mapping[str, tuple[int, ...]], n: int, seed: int) -> list[Task]:
    """Give ``n`` networks of each set: ``make`` of the set's numbers and the network's own key."""
    return [
        Task(name, f"fresh_{seed}_{k}", functools.partial(make, *numbers, key_of(seed, place, k)), f"seed {seed}, {k}")
        for place, (name, numbers) in enumerate(sets.items())
        for k in range(n)
    ]


def key_of(seed: int, *place: int) -> int:
    """Give a seed of its own to each network of a suite's seed."""
    return int(np.random.SeedSequence([seed, *place]).generate_state(1)[0] // 2)


def make_izhikevich(n_exc: int, n_inh: int, p: int, key: int) -> Pair:
    """Five seconds of voltage (clipped, z-scored) and spikes; a network of one class is drawn again, and counted."""
    for redrawn in range(REDRAWS):
        network = izhikevich_network(n_exc, n_inh, p / 10, seed=key + redrawn)
        n_edges = int((network.connectome.score.values > 0).sum())
        if 0 < n_edges < network.n_units * (network.n_units - 1):
            break
    return prepared(network, key, redrawn=redrawn)


def prepared(network: Network, key: int, **about: int) -> Pair:
    """Five seconds of a network as the paper prepared them: voltages clipped and z-scored; spikes beside them."""
    seen = run(network, 5.0, record=("v", "spikes"), seed=key)
    v = observe.clip_and_zscore(Recording({"v": seen["v"]}, seen.dt))["v"]
    signals = {"v": v, "spikes": seen["spikes"]}
    return Recording(
        signals, seen.dt, units_of_measure={"v": "z"}, provenance={"seed": key, **about}
    ), network.connectome


def izhikevich(n: int, seed: int) -> list[Task]:
    """The paper's 16 cells."""
    cells = {f"exc{n_exc}_inh{n_inh}_p{p}": (n_exc, n_inh, p) for n_exc, n_inh, p in CELLS}
    return tasks_of(make_izhikevich, cells, n, seed)


def make_lorenz96(forcing: int, length: int, key: int) -> Pair:
    """Ten units at steps of .05 after 50 of warm-up, with a little noise on what is seen, as the published sets."""
    network = lorenz96_network(10, F=float(forcing))
    seen = run(network, 0.05 * length, dt=0.01, every=5, warmup=50.0, record="x", seed=key)
    noisy = np.asarray(seen["x"], dtype=np.float64)
    noisy = noisy + np.random.default_rng(key).normal(0.0, 0.1, noisy.shape)
    return Recording({"x": noisy}, seen.dt, provenance={"seed": key}), network.connectome


def lorenz96(n: int, seed: int) -> list[Task]:
    """Forcing 10 and 40, 250 to 1,000 samples."""
    sets = {f"F_{forcing}_T_{length}": (forcing, length) for forcing in (10, 40) for length in (250, 500, 1000)}
    return tasks_of(make_lorenz96, sets, n, seed)


def make_var(n_units: int, n_lags: int, key: int) -> Pair:
    """600 stationary samples of `var_coefficients` with two sources a unit on average (radius .9)."""
    network = var_network(var_coefficients(n_units, n_lags, 2.0 / (n_units - 1), radius=0.9, seed=key), dt=1.0)
    seen = run(network, 600.0, dt=1.0, initial_state="stationary", record="x", seed=key)  # type: ignore[arg-type]
    return Recording({"x": seen["x"]}, seen.dt, provenance={"seed": key}), network.connectome


def var(n: int, seed: int) -> list[Task]:
    """10 units of three lags, 50 and 100 of five."""
    sets = {f"num_nodes_{units}_true_lag_{lags}": (units, lags) for units, lags in ((10, 3), (50, 5), (100, 5))}
    return tasks_of(make_var, sets, n, seed)
