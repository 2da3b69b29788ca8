"""The trust card's prediction on kinds of systems that had no part in making it.

    python bench/trust_held_out.py make [--each 8] [--minutes 20] [--out build/trust_held_out]   # resumable
    python bench/trust_held_out.py table [--out build/trust_held_out]

14 kinds, none of those of `bench/trust.py` (on which the grid, the priors, the choice of references and the widths of
the intervals were chosen; `make --kinds built` predicts those too, and `table --kinds built` measures the widths).
Sizes, lengths and densities are drawn by each recording's key. Five methods on each recording; what counts is whether
the AUROC that the card expects without a truth is within .05 of the true one, whether recordings below .8 are
warned of, and how often others are.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import trust
from run import write_results
from synfer.benchmark import robustness
from synfer.benchmark.simulated import key_of, make_var
from synfer.benchmark.task import Pair
from synfer.connectome import Connectome
from synfer.discover import create
from synfer.errors import SynferError
from synfer.evaluate import compare, rejections
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
from synfer.trust.own import own_histories
from synfer.trust.predictor import GOOD
from synfer.trust.reference import WARN_BELOW, predictions, reference_of

SEED = 88
METHODS = ("conditional_granger", "cross_correlation", "partial_correlation", "transfer_entropy", "pairwise_granger")
OUTCOMES = ("auroc", "fdr", "power")
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


def predicted(kind: str, k: int, built: bool) -> list[dict[str, object]]:
    """One line a method: what is predicted of its answer, and what it truly comes to."""
    kinds, seed = (trust.KINDS, trust.SEED) if built else (KINDS, SEED)
    key = key_of(seed, list(kinds).index(kind), 100 + k)
    rng = np.random.default_rng(key)
    seen, truth = trust._cut(kinds[kind](rng, key), rng)
    signal = seen.signal_names[0]
    about: dict[str, object] = {"kind": kind, "k": k}
    begin = time.perf_counter()
    samples = create("cross_correlation")._read(seen, signal, reset=True)
    told = reference_of(samples, own_histories(samples.segments))
    about |= {"units": samples.n_units, "samples": samples.n_samples, "seconds": time.perf_counter() - begin}
    if told is None:
        return [about | {"refused": "no reference"}]
    about |= dataclasses.asdict(told[0]) | {"class": told[0].class_}
    lines = []
    for method in METHODS:
        try:
            found = create(method).fit(seen, signal).connectome_
        except SynferError as error:
            lines.append(about | {"method": method, "refused": str(error)})
            continue
        figures = compare(found, truth)
        line = about | {"method": method, "auroc": figures["auroc"], "edges": figures["n_edges"]}
        if found.pvalue is not None:
            counts = rejections(found, truth)
            line |= {"fdr": counts["false_discoveries"] / max(counts["discoveries"], 1), "power": counts["power"]}
        for name, one in predictions(found, *told).items():
            line |= {f"{name}_value": one.value, f"{name}_low": one.low, f"{name}_high": one.high}
        lines.append(line)
    return lines


def make(each: int, home: Path, until: float, built: bool) -> None:
    """Make what is missing."""
    home.mkdir(parents=True, exist_ok=True)
    for k in range(each):
        for kind in trust.KINDS if built else KINDS:
            path = home / f"{kind}_{k}.json"
            if path.exists():
                continue
            if time.time() > until:
                return
            path.write_text(json.dumps(predicted(kind, k, built), default=float))
            print(kind, k, flush=True)


def lines(home: Path) -> pd.DataFrame:
    """What was made; answers whose AUROC is not defined (no edge, or nothing else) and refusals are left out."""
    rows = pd.DataFrame([line for path in sorted(home.glob("*.json")) for line in json.loads(path.read_text())])
    if "refused" in rows:
        print(rows.loc[rows["refused"].notna()].groupby("kind").size().to_dict(), "refused")
    return rows[rows["auroc"].notna() & rows["auroc_value"].notna()].reset_index(drop=True)


def figures(rows: pd.DataFrame) -> dict[str, object]:
    """What is asked of predictions."""
    error = (rows["auroc_value"] - rows["auroc"]).abs()
    bad = rows["auroc"] < GOOD
    warned = rows["auroc_value"] < WARN_BELOW
    made: dict[str, object] = {
        "answers": len(rows),
        "AUROC": f"{rows['auroc'].mean():.2f}",
        "predicted": f"{rows['auroc_value'].mean():.2f}",
        "within .05": f"{(error <= 0.05).mean():.2f}",
        "within .1": f"{(error <= 0.1).mean():.2f}",
        "median error": f"{error.median():.3f}",
        "below .8": int(bad.sum()),
        "of these warned": f"{warned[bad].mean():.2f}" if bad.any() else "",
        "others warned": f"{warned[~bad].mean():.2f}" if (~bad).any() else "",
    }
    for name in OUTCOMES:
        known = rows[rows[name].notna() & rows[f"{name}_value"].notna()]
        inside = (known[name] >= known[f"{name}_low"] - 1e-9) & (known[name] <= known[f"{name}_high"] + 1e-9)
        made[f"{name} in interval"] = f"{inside.mean():.2f}"
    return made


def widths(rows: pd.DataFrame) -> pd.DataFrame:
    """90 % quantile of errors by class of reference, kinds of equal weight and one more always missed."""
    found = {}
    for (name, part), which in ((one, o) for one in rows.groupby("class") for o in OUTCOMES):
        known = part[part[which].notna() & part[f"{which}_value"].notna()]
        error = (known[f"{which}_value"] - known[which]).abs().to_numpy()
        weight = 1.0 / known.groupby("kind")["kind"].transform("size").to_numpy(dtype=float)
        order, n = np.argsort(error), known["kind"].nunique()
        reached = np.cumsum(weight[order]) / (n + 1)
        found[name, which] = float(error[order][min(int(np.searchsorted(reached, 0.9)), len(error) - 1)])
    table = pd.DataFrame([[*of, value] for of, value in found.items()], columns=["reference", "of", "half-width"])
    return table.round(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "table"])
    parser.add_argument("--kinds", choices=["held-out", "built"], default="held-out")
    parser.add_argument("--each", type=int, default=8, help="recordings of each kind")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so long")
    parser.add_argument("--out", type=Path, default=Path("build/trust_held_out"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    built = arguments.kinds == "built"
    home = arguments.out / arguments.kinds
    if arguments.what == "make":
        make(arguments.each, home, time.time() + 60.0 * arguments.minutes, built)
        return
    rows = lines(home)
    shown = {"all answers": figures(rows)} | {f"by {method}": figures(part) for method, part in rows.groupby("method")}
    shown |= {f"reference {name}": figures(part) for name, part in rows.groupby("class")}
    shown |= {kind: figures(part) for kind, part in rows.groupby("kind")}
    table = pd.DataFrame(shown).T.rename_axis("which").reset_index()
    if built:
        print(table.to_string(index=False), widths(rows), sep="\n\n")
        return
    one = figures(rows[rows["method"] == METHODS[0]])
    goals = pd.DataFrame(
        [
            [f"within .05, {METHODS[0]}", ">= .90", one["within .05"]],
            ["warned, of those below .8", ">= .95", one["of these warned"]],
            ["warned without need, of the others", "few", one["others warned"]],
        ],
        columns=["goal, one answer a recording", "asked", "measured"],
    )
    n = rows.groupby(["kind", "k"]).ngroups
    text = (
        f"{n} recordings of {rows['kind'].nunique()} kinds that had no part in making the prediction; misses stay in."
    )
    write_results("trust_held_out", "The trust card's prediction on kinds held out", text, table, goals)


if __name__ == "__main__":
    main()
