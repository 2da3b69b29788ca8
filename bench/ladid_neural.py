"""LaDID on counts of spikes: populations whose time constants are not those it learnt from.

    python bench/run.py ladid_neural [--out build/ladid_neural] [--train 200] [--test 200] [--seeds 3] [--cached]

Forty neurons fire as Poisson processes at rates that a recurrent population gives them (`simulate.rate_network`: 40
tanh units on a plane of two random directions, which turns; mean 10 Hz and up to 20 Hz). A realisation has its own
time constant (.06 to .12 s in training and "others", .13 to .15 s in "unseen") and first state. Counts in bins of 25
ms: 20 are the context, 40 follow. Log-likelihood of these 40, of realisations held out, in nats a spike above constant
rates (each neuron's mean in the training), the mean over seeds (data sets and fits anew) and its standard error: LaDID,
a latent ODE and an RNN with the same encoder and decoder, and the true rates, which on average nothing can beat.

Fits are kept one by one in --out, and not done again.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import poisson

import synfer as sf
from run import write_results
from synfer.errors import NotConvergedWarning

N_UNITS, N_CONTEXT, N_BINS, BIN, STEP = 40, 20, 60, 0.025, 0.001
MODELS = {"LaDID": "query", "latent ODE": "ode", "RNN": "rnn"}


def populations(n: int, tau: tuple[float, float], seed: int) -> tuple[sf.Trajectories, np.ndarray]:
    """Counts, and the expected counts (trajectory, bin, unit)."""
    u, v = np.random.default_rng(0).standard_normal((2, N_UNITS))  # the system: the same in every data set
    weights = (1.6 * (np.outer(u, u) + np.outer(v, v)) + 2.0 * (np.outer(u, v) - np.outer(v, u))) / N_UNITS
    rng = np.random.default_rng([seed, 1])
    constants = rng.uniform(*tau, n)
    begin = np.einsum("nk,ku->nu", rng.standard_normal((n, 2)), np.stack([u, v]))
    batch = np.broadcast_to(weights, (n, N_UNITS, N_UNITS))
    network = sf.simulate.rate_network(batch, tau=np.repeat(constants[:, None], N_UNITS, axis=1))
    recording = sf.simulate.run(
        network, duration=N_BINS * BIN, dt=STEP, initial_state={"x": begin}, warmup=0.5, seed=seed
    )
    rates = 10.0 * (1.0 + np.tanh(np.asarray(recording["x"], dtype=float)))
    expected = STEP * rates.reshape(n, N_BINS, -1, N_UNITS).sum(2)
    times = BIN * np.arange(N_BINS)
    return sf.Trajectories(list(rng.poisson(expected)), times, parameters={"tau": constants}), expected


def nats_a_spike(rates: np.ndarray, constant: np.ndarray, counts: np.ndarray) -> float:
    gain = poisson.logpmf(counts, rates) - poisson.logpmf(counts, constant)
    return float(gain.sum() / counts.sum())


def measure(seed: int, arguments: argparse.Namespace) -> None:
    training, _ = populations(arguments.train, (0.06, 0.12), 3 * seed)
    sets = {
        "others": populations(arguments.test, (0.06, 0.12), 3 * seed + 1),
        "unseen": populations(arguments.test, (0.13, 0.15), 3 * seed + 2),
    }
    constant = training.to_array().mean((0, 1))
    for name, dynamics in MODELS.items():
        kept = arguments.out / f"{name.replace(' ', '_')}_{seed}.json"
        if kept.exists():
            continue
        model = sf.forecast.LaDID(
            n_context=N_CONTEXT,
            head="poisson",
            dynamics=dynamics,
            d_latent=8,
            stage_epochs=3,
            max_epochs=arguments.epochs,
            patience=10,
            random_state=seed,
            checkpoint=arguments.out / f"{name.replace(' ', '_')}_{seed}.fit",
        ).fit(training)
        rows = []
        for which, (held, expected) in sets.items():
            counts = held.isel(time=slice(N_CONTEXT, None)).to_array()
            asked = held.times[0][N_CONTEXT:]
            rates = model.predict(held.isel(time=slice(N_CONTEXT)), asked)
            found = {name: rates} | ({"true rates": expected[:, N_CONTEXT:]} if name == "LaDID" else {})
            rows += [
                {
                    "model": label,
                    "seed": seed,
                    "time constants": which,
                    "nats a spike": nats_a_spike(r, constant, counts),
                }
                | {
                    f"bins {a + 1}-{b}": nats_a_spike(r[:, a:b], constant, counts[:, a:b])
                    for a, b in ((0, 10), (30, 40))
                }
                for label, r in found.items()
            ]
        kept.write_text(json.dumps(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/ladid_neural"))
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--cached", action="store_true", help="table what is in --out, however little")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", NotConvergedWarning)
    if not arguments.cached:
        for seed in range(arguments.seeds):
            measure(seed, arguments)
    rows = pd.DataFrame([row for path in sorted(arguments.out.glob("*.json")) for row in json.loads(path.read_text())])
    groups = rows.drop(columns="seed").groupby(["time constants", "model"], sort=False)
    table = groups.mean().round(4)
    table["standard error"] = groups["nats a spike"].sem().round(4)
    table["seeds"] = groups.size()
    text = (__doc__ or "").split("\n\n", 1)[1]
    sizes = (
        f"Realisations: {arguments.train} learnt from, {arguments.test} tested on; at most {arguments.epochs} epochs."
    )
    write_results("ladid_neural", "LaDID on counts of spikes", f"{text}\n{sizes}", table.reset_index())


if __name__ == "__main__":
    main()
