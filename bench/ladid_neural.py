"""LaDID on counts of spikes: populations with time constants of their own, within what it learnt from and beyond.

    python bench/run.py ladid_neural [--out build/ladid_neural] [--train 200] [--test 200] [--seeds 3]
                                     [--epochs 25] [--model LaDID RNN "latent ODE"] [--cached]

Forty neurons fire as Poisson processes at rates that a recurrent population gives them (`simulate.rate_network`: 40
tanh units on a plane of two random directions, which turns; mean 10 Hz and up to 20 Hz). A realisation has its own
time constant and first state. Time constants learnt from are .06 to .085 and .095 to .12 s; tested on are other
realisations with such ("as learnt"), with those left out "between" (.085 to .095 s) and with some "beyond" (.13 to .15
s). Counts in bins of 25 ms: 20 are the context, 40 follow. Log-likelihood of these 40 in nats a spike above constant
rates (each neuron's mean in the training), the mean over seeds (data sets and fits anew) and its standard error.

LaDID, a latent ODE and an RNN have the same encoder, decoder and training. "regression" is a ridge regression of the
smoothed counts that follow on the context's counts, both on their first principal components; their number and the
ridge are chosen on the last fifth of the training. "system known" is no rival but a ceiling: the mean over 2,000
realisations simulated with the time constants learnt from, weighted by their true rates' likelihood of the context.
"true rates" know what no context can tell.

Fits are kept one by one in --out, and not done again.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from scipy.stats import poisson

import synfer as sf
from run import write_results
from synfer.errors import NotConvergedWarning
from synfer.forecast.start import ridge_map

N_UNITS, N_CONTEXT, N_BINS, BIN, STEP = 40, 20, 60, 0.025, 0.001
MODELS = {"LaDID": "query", "RNN": "rnn", "latent ODE": "ode"}
LEARNT = ((0.06, 0.085), (0.095, 0.12))
SETS = {"as learnt": LEARNT, "between": ((0.085, 0.095),), "beyond": ((0.13, 0.15),)}
LEAST = 0.01  # counts a bin that a regression is let forecast
Ranges = tuple[tuple[float, float], ...]


def populations(n: int, ranges: Ranges, seed: int) -> tuple[sf.Trajectories, np.ndarray]:
    """Counts, and the expected counts (trajectory, bin, unit), of time constants in ranges of like lengths."""
    u, v = np.random.default_rng(0).standard_normal((2, N_UNITS))  # the system: the same in every data set
    weights = (1.6 * (np.outer(u, u) + np.outer(v, v)) + 2.0 * (np.outer(u, v) - np.outer(v, u))) / N_UNITS
    rng = np.random.default_rng([seed, 1])
    low, high = np.array(ranges)[rng.integers(len(ranges), size=n)].T
    constants = rng.uniform(low, high)
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


def regressed(known: np.ndarray, contexts: np.ndarray) -> np.ndarray:
    """Forecast what follows contexts (trajectory, bin, unit) by a ridge regression between principal components."""
    mean = known.mean((0, 1))
    smooth = gaussian_filter1d(known.astype(float), 2.0, axis=1) - mean
    every = np.linalg.svd(smooth.reshape(-1, N_UNITS), full_matrices=False)[2].T

    def forecast(learnt: slice, n: int, ridge: float, asked: np.ndarray) -> np.ndarray:
        axes = every[:, :n]
        x, y = (
            (a @ axes).reshape(len(a), -1) for a in ((known - mean)[learnt, :N_CONTEXT], smooth[learnt, N_CONTEXT:])
        )
        coef, intercept = ridge_map(x, y, ridge * x.var(0).mean())
        made = ((asked - mean) @ axes).reshape(len(asked), -1) @ coef.T + intercept
        return np.maximum(made.reshape(len(asked), -1, n) @ axes.T + mean, LEAST)

    cut = len(known) * 4 // 5
    held = known[cut:]
    choices = [(n, ridge) for n in (2, 3, 4, 6) for ridge in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)]
    gains = [nats_a_spike(forecast(slice(cut), *c, held[:, :N_CONTEXT]), mean, held[:, N_CONTEXT:]) for c in choices]
    return forecast(slice(None), *choices[int(np.argmax(gains))], contexts)


def weighted(simulated: np.ndarray, contexts: np.ndarray) -> np.ndarray:
    """Forecast by the mean of simulated rates (trajectory, bin, unit), weighted by what they make of contexts."""
    seen = np.maximum(simulated[:, :N_CONTEXT].reshape(len(simulated), -1), 1e-9)
    logs = contexts.reshape(len(contexts), -1) @ np.log(seen).T - seen.sum(1)
    weights = np.exp(logs - logs.max(1, keepdims=True))
    return np.einsum("nk,ktu->ntu", weights / weights.sum(1, keepdims=True), simulated[:, N_CONTEXT:])


def measure(seed: int, arguments: argparse.Namespace) -> None:
    training, _ = populations(arguments.train, LEARNT, 5 * seed)
    sets = {which: populations(arguments.test, SETS[which], 5 * seed + 1 + k) for k, which in enumerate(SETS)}
    known = training.to_array()
    constant = known.mean((0, 1))

    def keep(name: str, forecasts: dict[str, np.ndarray]) -> None:
        rows = []
        for which, rates in forecasts.items():
            counts = sets[which][0].to_array()[:, N_CONTEXT:]
            parts = {f"bins {a + 1}-{b}": slice(a, b) for a, b in ((0, 10), (30, 40))}
            row = {"model": name, "seed": seed, "time constants": which}
            gain = {"nats a spike": nats_a_spike(rates, constant, counts)}
            gain |= {part: nats_a_spike(rates[:, at], constant, counts[:, at]) for part, at in parts.items()}
            rows.append(row | gain)
        (arguments.out / f"{name.replace(' ', '_')}_{seed}.json").write_text(json.dumps(rows))

    contexts = {which: held.to_array()[:, :N_CONTEXT] for which, (held, _) in sets.items()}
    if not (arguments.out / f"regression_{seed}.json").exists():
        simulated = populations(2_000, LEARNT, 5 * seed + 4)[1]
        keep("true rates", {which: expected[:, N_CONTEXT:] for which, (_, expected) in sets.items()})
        keep("system known", {which: weighted(simulated, seen) for which, seen in contexts.items()})
        keep("regression", {which: regressed(known, seen) for which, seen in contexts.items()})
    for name in arguments.model:
        stem = arguments.out / f"{name.replace(' ', '_')}_{seed}"
        if stem.with_suffix(".json").exists():
            continue
        model = sf.forecast.LaDID(
            n_context=N_CONTEXT,
            head="poisson",
            dynamics=MODELS[name],
            d_latent=8,
            stage_epochs=1,
            max_epochs=arguments.epochs,
            patience=5,
            random_state=seed,
            checkpoint=stem.with_suffix(".fit"),
        ).fit(training)
        asked = training.times[0][N_CONTEXT:]
        parts = {which: held.isel(time=slice(N_CONTEXT)) for which, (held, _) in sets.items()}
        keep(name, {which: model.predict(part, asked) for which, part in parts.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/ladid_neural"))
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--model", nargs="+", default=list(MODELS), choices=list(MODELS), help="which to fit")
    parser.add_argument("--cached", action="store_true", help="table what is in --out, however little")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", NotConvergedWarning)
    if not arguments.cached:
        for seed in range(arguments.seeds):
            measure(seed, arguments)
    rows = pd.DataFrame([row for path in arguments.out.glob("*.json") for row in json.loads(path.read_text())])
    order = {name: k for k, name in enumerate([*SETS, *MODELS, "regression", "system known", "true rates"])}
    rows = rows.sort_values(["time constants", "model"], key=lambda names: names.map(order))
    groups = rows.drop(columns="seed").groupby(["time constants", "model"], sort=False)
    table = groups.mean().round(3)
    table["standard error"] = groups["nats a spike"].sem().round(3)
    table["seeds"] = groups.size()
    text = (__doc__ or "").split("\n\n", 1)[1]
    sizes = (
        f"Realisations: {arguments.train} learnt from, {arguments.test} tested on; at most {arguments.epochs} epochs."
    )
    write_results("ladid_neural", "LaDID on counts of spikes", f"{text}\n{sizes}", table.reset_index())


if __name__ == "__main__":
    main()
