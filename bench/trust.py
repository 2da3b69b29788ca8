"""How near the trust card's predictions come to the truth, on kinds of systems that it was not built from.

    python bench/trust.py make [--each 20] [--out build/trust]   # resumable: a file a card; more go on from fewer
    python bench/trust.py table [--out build/trust]              # split by kind, learn, predict, write the table

`make` draws recordings of each kind in turn (number k of every kind before k + 1 of any), of sizes and lengths drawn by
the recording's own key, fits methods to them, and keeps each card's features beside what the method truly came to.
`table` splits *kinds* by a seed into those to build from and those held out; learns from the first; measures on the
second: share of predicted AUROC within .05 of the true one (goal: 90 %), share of recordings below .8 that are warned
of (goal: 95 %), and of others that are (false alarms), coverage of the 90 % intervals. --ship writes the table of the
kinds built from into the package.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from synfer.benchmark.robustness import make_calcium, make_conductance, make_ring, make_spikes, make_voltage
from synfer.benchmark.simulated import key_of, make_izhikevich, make_lorenz96, make_var
from synfer.benchmark.task import Pair
from synfer.discover import BaseDiscoverer, create
from synfer.errors import SynferError
from synfer.evaluate import compare, rejections
from synfer.recording import Recording
from synfer.simulate import clustered, map_network, observe, rate_network, run, scale_free, small_world
from synfer.trust import Predictor, assess
from synfer.trust.measures import FEATURES
from synfer.trust.predictor import GOOD, OUTCOMES

SEED = 8
HELD_OUT = 0.4  # of the kinds
WITHIN = 0.05
Make = Callable[[np.random.Generator, int], Pair]


def _voltage(kind: str) -> Make:
    return lambda rng, key: make_voltage(kind, float(rng.choice([0.1, 0.2, 0.4, 0.6])), key)


def _cut(pair: Pair, rng: np.random.Generator, least: int = 500) -> Pair:
    """A first part of the recording: lengths are what AUROC hangs on most."""
    seen, truth = pair
    share = float(rng.choice([0.1, 0.2, 0.5, 1.0]))
    n = max(min(least, seen.n_samples), round(share * seen.n_samples))
    return seen.isel(time=slice(0, n)), truth


def _paper(rng: np.random.Generator, key: int) -> Pair:
    n_exc, n_inh = [(8, 2), (16, 4), (24, 6)][rng.integers(3)]
    return make_izhikevich(n_exc, n_inh, int(rng.choice([1, 2, 4, 6])), key)


def _var(rng: np.random.Generator, key: int) -> Pair:
    return make_var(int(rng.choice([8, 12, 20, 30])), int(rng.choice([1, 2, 3])), key)


def _noisy_var(rng: np.random.Generator, key: int) -> Pair:
    seen, truth = _var(rng, key)
    return observe.add_noise(seen, float(rng.choice([0.3, 1.0])), signal="x", relative=True, seed=key), truth


def _hidden_var(rng: np.random.Generator, key: int) -> Pair:
    seen, truth = make_var(int(rng.choice([16, 30, 40])), 2, key)
    seen = observe.hide_units(seen, fraction=0.5, seed=key)
    return seen, truth.sel(units=seen.unit_ids)


def _rates(rng: np.random.Generator, key: int) -> Pair:
    n = int(rng.choice([10, 20, 30]))
    weights = rng.normal(0.0, 1.0, (n, n)) * (rng.random((n, n)) < rng.choice([0.1, 0.3]))
    np.fill_diagonal(weights, 0.0)
    network = rate_network(weights, noise=float(rng.choice([1.0, 3.0])))
    seen = run(network, float(rng.choice([2.0, 5.0, 20.0])), 1e-3, every=5, warmup=1.0, record="x", seed=key)
    return Recording({"x": seen["x"]}, seen.dt), network.connectome


def _map(rng: np.random.Generator, key: int) -> Pair:
    n = int(rng.choice([10, 20, 30]))
    weights = rng.normal(0.0, 1.0, (n, n)) * (rng.random((n, n)) < rng.choice([0.1, 0.3]))
    np.fill_diagonal(weights, 0.3)
    network = map_network(weights, noise=0.5)
    seen = run(network, float(rng.choice([0.3, 1.0, 3.0])), 1e-3, warmup=0.5, record="x", seed=key)
    return Recording({"x": seen["x"]}, seen.dt), network.connectome


def _wired(kind: str) -> Make:
    """Rate units on graphs that are not Erdoes and Renyi's."""

    def make(rng: np.random.Generator, key: int) -> Pair:
        n = int(rng.choice([16, 24, 32]))
        made = {
            "scale_free": lambda: scale_free(n, 0, 2, weight=1.0, seed=key),
            "small_world": lambda: small_world(n, 0, 4, 0.1, weight=1.0, seed=key),
            "clustered": lambda: clustered(n, 0, 4, p_within=0.5, p_between=0.05, weight=1.0, seed=key),
        }[kind]()
        sign = np.where(np.random.default_rng(key).random((n, n)) < 0.5, -1.0, 1.0) * rng.choice([0.1, 0.2, 0.4])
        weights = np.asarray(made.to_matrix().score) * sign
        np.fill_diagonal(weights, 0.3)
        network = map_network(weights, noise=0.5)
        seen = run(network, float(rng.choice([0.3, 1.0, 3.0])), 1e-3, warmup=0.5, record="x", seed=key)
        return Recording({"x": seen["x"]}, seen.dt), network.connectome

    return make


def _ring(rng: np.random.Generator, key: int) -> Pair:
    return make_ring(float(rng.choice([0.25, 0.5, 1.0, 1.5])), key)


def _lorenz(rng: np.random.Generator, key: int) -> Pair:
    return make_lorenz96(int(rng.choice([10, 40])), int(rng.choice([250, 500, 1000])), key)


def _binned(rng: np.random.Generator, key: int) -> Pair:
    seen, truth = make_spikes(int(rng.choice([10, 20])), 60.0, float(rng.choice([0.2, 0.4])), key)
    return observe.bin_spikes(seen, float(rng.choice([2e-3, 5e-3]))), truth


KINDS: dict[str, Make] = {
    "izhikevich_voltage": _paper,
    "izhikevich_spikes": lambda rng, key: make_spikes(int(rng.choice([10, 20, 30])), float(rng.choice([5.0, 20.0])),
                                                      float(rng.choice([0.1, 0.2, 0.4])), key),
    "binned_spikes": _binned,
    "calcium": lambda rng, key: make_calcium(float(rng.choice([0.1, 0.2, 0.4])), key),
    "decimated": _voltage("decimated"),
    "hidden": _voltage("hidden"),
    "shared_drive": _voltage("shared"),
    "delays": _voltage("delays"),
    "lognormal": _voltage("lognormal"),
    "hodgkin_huxley": lambda rng, key: make_conductance("hodgkin_huxley_cortical", float(rng.choice([0.2, 0.4])), key),
    "lif": lambda rng, key: make_conductance("lif", float(rng.choice([0.2, 0.4, 0.6])), key),
    "ring": _ring,
    "var": _var,
    "noisy_var": _noisy_var,
    "hidden_var": _hidden_var,
    "lorenz96": _lorenz,
    "rates": _rates,
    "maps": _map,
    "scale_free": _wired("scale_free"),
    "small_world": _wired("small_world"),
    "clustered": _wired("clustered"),
}  # fmt: skip
METHODS = ("conditional_granger", "cross_correlation", "partial_correlation", "transfer_entropy", "event_regression")
ONLY_VOLTAGE = ("event_regression",)


def card_of(kind: str, k: int, method: str) -> dict[str, object]:
    """One line of the table: the features of a card, and what the method truly came to."""
    place = list(KINDS).index(kind)
    key = key_of(SEED, place, k)
    rng = np.random.default_rng(key)
    seen, truth = _cut(KINDS[kind](rng, key), rng)
    signal = seen.signal_names[0]
    estimator: BaseDiscoverer = create(method)
    begin = time.perf_counter()
    found = estimator.fit(seen, signal).connectome_
    figures = compare(found, truth)
    outcome = {"auroc": figures["auroc"], "fdr": float("nan"), "power": float("nan")}
    if found.pvalue is not None:
        counts = rejections(found, truth)
        outcome["fdr"] = counts["false_discoveries"] / max(counts["discoveries"], 1)
        outcome["power"] = counts["power"]
    once = time.perf_counter() - begin
    card = assess(seen, create(method), connectome=found, signal=signal, predictor=None, n_initialisations=0,
                  random_state=k)  # fmt: skip
    about = {"kind": kind, "k": k, "method": method, "units": seen.n_units, "edges": figures["n_edges"],
             "samples": seen.n_samples, "once": once, "seconds": time.perf_counter() - begin}  # fmt: skip
    return {**about, **outcome, **card.features}


def make(each: int, methods: tuple[str, ...], kinds: list[str], home: Path, until: float) -> None:
    """Make what is missing."""
    home.mkdir(parents=True, exist_ok=True)
    for k in range(each):
        for kind in kinds:
            # Methods take turns, so that a table of whatever size holds all of them in every kind.
            for method in methods:
                path = home / f"{kind}_{k}_{method}.json"
                if path.exists() or (method in ONLY_VOLTAGE and not _has_voltage(kind)):
                    continue
                if time.time() > until:
                    return
                try:
                    line: dict[str, object] = card_of(kind, k, method)
                except SynferError as error:
                    line = {"kind": kind, "k": k, "method": method, "refused": str(error)}
                path.write_text(json.dumps(line, default=float))
                print(kind, k, method, line.get("auroc"), line.get("refused", ""), flush=True)


def _has_voltage(kind: str) -> bool:
    return kind in ("izhikevich_voltage", "hidden", "shared_drive", "delays", "lognormal", "hodgkin_huxley", "lif")


def lines(home: Path) -> pd.DataFrame:
    """What `make` has made; networks of one class and refusals are left out."""
    rows = [json.loads(path.read_text()) for path in sorted(home.glob("*.json"))]
    table = pd.DataFrame(rows)
    table["auroc"] = pd.to_numeric(table["auroc"], errors="coerce")
    return table[table["auroc"].notna()].reset_index(drop=True)


def split(kinds: list[str], seed: int) -> tuple[list[str], list[str]]:
    """Kinds to build from, and kinds held out."""
    order = np.random.default_rng(seed).permutation(sorted(kinds))
    n = max(1, round(HELD_OUT * len(order)))
    return sorted(order[n:].tolist()), sorted(order[:n].tolist())


def predicted(predictor: Predictor, table: pd.DataFrame) -> pd.DataFrame:
    """Add predictions to lines."""
    rows = pd.concat([table[["kind", "method", *OUTCOMES]], predictor.predict_table(table)], axis=1)
    strange = [bool(predictor.strange(line)) for line in table[list(FEATURES)].to_dict("records")]
    return rows.assign(strange=strange, warned=rows["auroc_value"] < predictor.warn_below)


def figures(rows: pd.DataFrame) -> dict[str, object]:
    """What is asked of predictions."""
    error = (rows["auroc_value"] - rows["auroc"]).abs()
    bad = rows["auroc"] < GOOD
    made: dict[str, object] = {
        "recordings": len(rows),
        "within .05": f"{(error <= WITHIN).mean():.2f}",
        "median error": f"{error.median():.3f}",
        "below .8": int(bad.sum()),
        "of these warned": f"{rows.loc[bad, 'warned'].mean():.2f}" if bad.any() else "",
        "others warned": f"{rows.loc[~bad, 'warned'].mean():.2f}" if (~bad).any() else "",
    }
    for name in OUTCOMES:
        if f"{name}_low" in rows:
            known = rows[rows[name].notna()]
            inside = (known[name] >= known[f"{name}_low"] - 1e-9) & (known[name] <= known[f"{name}_high"] + 1e-9)
            made[f"{name} in interval"] = f"{inside.mean():.2f}"
            made[f"{name} width"] = f"{(known[f'{name}_high'] - known[f'{name}_low']).median():.2f}"
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "table"])
    parser.add_argument("--each", type=int, default=20, help="recordings of each kind")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so long")
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    parser.add_argument("--ship", type=Path, help="write the table of the kinds built from there")
    parser.add_argument("--out", type=Path, default=Path("build/trust"))
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if arguments.what == "make":
        until = time.time() + 60.0 * arguments.minutes
        make(arguments.each, tuple(arguments.methods), arguments.kinds, arguments.out, until)
        return
    table = lines(arguments.out)
    build, held_out = split(table["kind"].unique().tolist(), arguments.seed)
    predictor = Predictor(table[table["kind"].isin(build)])
    print("built from", build, "\nheld out", held_out, f"\nwarns below {predictor.warn_below:.3f}")
    rows = predicted(predictor, table[table["kind"].isin(held_out)])
    shown = {"all": figures(rows)} | {kind: figures(part) for kind, part in rows.groupby("kind")}
    shown |= {f"by {method}": figures(part) for method, part in rows.groupby("method")}
    print(pd.DataFrame(shown).T.to_string())
    known = table[list(FEATURES)].notna().any(axis=1)
    baseline = (table.loc[known, "implied_twins"] - table.loc[known, "auroc"]).abs()
    print(f"implied by twins alone: within .05 {float((baseline <= WITHIN).mean()):.2f}", file=sys.stderr)
    if arguments.ship:
        columns = ["kind", "method", *OUTCOMES, *FEATURES]
        table.loc[table["kind"].isin(build), columns].round(5).to_csv(arguments.ship, index=False)


if __name__ == "__main__":
    main()
