"""Synformer on fresh networks, one fixed configuration a kind of system.

    python bench/run.py flagship --out build/flagship [--suite izhikevich lorenz var spikes large edge_free]
                                [--seeds 2] [--first-seed 30000] [--evidence both]

Fresh networks; nothing is chosen by their truth. `izhikevich`: the 16 cells of Lu et al. (2023), 5 s of voltage,
clipped and z-scored, default configuration (whose form was chosen on published networks of N = 40, p = .8, and whose
score, effect and certainty together, by AUROC on networks of seeds 40,000 to 40,005). `lorenz`: Lorenz-96, N = 10, two
published series a row, with a configuration chosen by AUROC on simulated series of F = 40 and T = 500; `var`: the
published vector autoregressions, used in development. `spikes`: the paper's networks from their spikes alone, 5 s; the
configuration and the score (Wald) were chosen by AUROC on networks of other seeds. `large`: 1,000 of the paper's
neurons, p = .02, 60 s. `edge_free`: the paper's neurons, 5 s of voltage, without an edge, tested on samples that
responses were not learnt from (as the default does there) and on the same (`cross_fit=False`): its FDR is the share of
networks in which anything is discovered. Off-diagonal AUROC (mean; lowest of all networks), AUPRC, sign accuracy among
true edges; FDR and power at Benjamini and Hochberg's .05, and rejected absent edges at p < .05. Networks with one class
of pairs count for signs, FDR and power only. Seconds are of one fit on one thread (`large`: two) beside other jobs,
whose load is given. A fit that was finished is kept in --out and not run again; another --first-seed or --evidence (of
`izhikevich`) wants another --out. The table is what `--seeds 6 --suite izhikevich lorenz var spikes large edge_free`
gives.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

import synfer as sf
from run import write_results

SUITES = ("izhikevich", "lorenz", "var", "spikes", "large", "edge_free")
FIRST_SEED = 30_000
CELLS = [(n, p) for n in (5, 10, 20, 40) for p in (0.2, 0.4, 0.6, 0.8)]
LORENZ = {
    "n_products": 4,
    "window": 1,
    "value_window": 1,
    "evidence": "wald",
    "time_constants": (2.0,),
    "hidden": 8,
    "n_steps": 1500,
    "ridge": "gcv",
}
VAR = {
    "max_lag": 5,
    "window": 5,
    "value_window": 1,
    "time_constants": (5.0,),
    "hidden": 4,
    "n_steps": 300,
    "ridge": "gcv",
    "evidence": "effect",
}
SPIKES = {
    "n_init": 6,
    "likelihood": "bernoulli",
    "window": 8,
    "value_window": 12,
    "hidden": 16,
    "n_steps": 500,
    "evidence": "wald",
}

Job = tuple[str, str, int, dict[str, object]]  # suite, cell, seed, configuration


def izhikevich(n: int, p: float, seed: int, record: str, duration: float = 5.0) -> tuple[sf.Recording, sf.Connectome]:
    """A fresh network of the paper's and its recording."""
    network = sf.simulate.izhikevich_network(n * 4 // 5, n - n * 4 // 5, p, seed=seed)
    return sf.simulate.run(network, duration=duration, seed=seed, record=record), network.connectome


def jobs(suites: list[str], seeds: int, evidence: str) -> Iterator[Job]:
    for suite in suites:
        for seed in range(seeds):
            if suite == "izhikevich":
                yield from ((suite, f"N = {n}, p = {p}", seed, {"evidence": evidence}) for n, p in reversed(CELLS))
            if suite == "edge_free":
                for n in (5, 10, 20, 40):
                    yield suite, f"N = {n}", seed, {}
                    yield suite, f"N = {n}, same samples", seed, {"cross_fit": False}
            if suite == "spikes":
                yield from ((suite, f"N = {n}, p = {p}", seed, SPIKES) for n in (20, 40) for p in (0.2, 0.4, 0.6))
        if suite == "large":
            yield suite, "N = 1000, p = 0.02", 0, {}
        if suite == "lorenz":
            yield from (
                (suite, f"F = {f}, T = {t}", k, LORENZ)
                for f in (10, 40)
                for t in (500, 1000)
                for k in range(min(seeds, 2))
            )
        if suite == "var":
            yield from ((suite, f"N = {n}", k, VAR) for n in (10, 50, 100) for k in range(min(seeds, 3)))


def load(job: Job, data: Path, first_seed: int) -> tuple[sf.Recording, sf.Connectome]:
    suite, cell, seed, _ = job
    if suite in ("izhikevich", "spikes", "large", "edge_free"):
        n, p = int(cell.split(", ")[0][4:]), 0.0 if suite == "edge_free" else float(cell.split("p = ")[1])
        seen, truth = izhikevich(
            n, p, first_seed + seed, "spikes" if suite == "spikes" else "v", 60.0 if suite == "large" else 5.0
        )
        if suite != "spikes":
            return sf.simulate.observe.clip_and_zscore(seen), truth
        return seen, truth
    if suite == "lorenz":
        f, t = (int(part.split(" = ")[1]) for part in cell.split(", "))
        return sf.datasets.load_lorenz96(data / "lorenz96" / f"F_{f}_T_{t}_dataset_{seed + 1}.npz")
    folders = sorted((data / "var" / f"num_nodes_{int(cell[4:])}").rglob(f"seed_{seed}"))
    return sf.datasets.load_var(folders[0])


def measure(job: Job, data: Path, out: Path, first_seed: int) -> dict[str, object]:
    suite, cell, seed, configuration = job
    kept = out / f"{suite}_{cell}_{seed}.json".replace(" ", "").replace("=", "")
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    seen, truth = load(job, data, first_seed)
    torch.set_num_threads(2 if suite == "large" else 1)
    start = time.perf_counter()
    estimator = sf.discover.Synformer(random_state=0, progress=False, **configuration).fit(seen)
    found = estimator.connectome_
    seconds = time.perf_counter() - start
    off = ~np.eye(len(found.unit_ids), dtype=bool)
    edges = (truth.score.values != 0)[off]
    row: dict[str, object] = {
        "suite": suite,
        "cell": cell,
        "seed": seed,
        "seconds": seconds,
        "load": os.getloadavg()[0],
    }
    both = edges.any() and not edges.all()
    if both:
        figures = sf.evaluate.compare(found, truth)
        row |= {"auroc": figures["auroc"], "auprc": figures["auprc"]}
    if truth.weight is not None and edges.any():
        signs = np.sign(truth.weight.values[off][edges])
        row["signs"] = float((np.sign(found.weight.values[off][edges]) == signs).mean())
    pvalue = found.pvalue.values[off]
    if np.isfinite(pvalue).all():
        rejected = stats.false_discovery_control(pvalue) <= 0.05
        row["fdr"] = float((rejected & ~edges).sum() / max(rejected.sum(), 1))
        row["power"] = float(rejected[edges].mean()) if edges.any() else None
        row["fpr"] = float((pvalue[~edges] < 0.05).mean()) if not edges.all() else None
        row["crossed"] = bool(estimator.cross_fitted_)
    out.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(row))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", nargs="+", default=["izhikevich"], choices=SUITES)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--evidence", default="both", choices=["both", "effect", "wald"])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SYNFER_DATA", "../shared/data")))
    parser.add_argument("--out", type=Path, default=Path("build/flagship"))
    parser.add_argument("--cached", action="store_true", help="only what is already in --out")
    arguments = parser.parse_args()
    if not arguments.cached:
        for job in jobs(arguments.suite, arguments.seeds, arguments.evidence):
            print(measure(job, arguments.data, arguments.out, arguments.first_seed), flush=True)
    rows = pd.DataFrame([json.loads(path.read_text()) for path in sorted(arguments.out.glob("*.json"))])
    table = rows.groupby(["suite", "cell"], sort=False).agg(
        networks=("seed", "count"),
        auroc=("auroc", "mean"),
        lowest=("auroc", "min"),
        auprc=("auprc", "mean"),
        signs=("signs", "mean"),
        fdr=("fdr", "mean"),
        power=("power", "mean"),
        fpr=("fpr", "mean"),
        seconds=("seconds", "median"),
        load=("load", "mean"),
    )
    table = table.round(
        {"auroc": 4, "lowest": 4, "auprc": 4, "signs": 4, "fdr": 3, "power": 3, "fpr": 3, "seconds": 0, "load": 1}
    )
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("flagship", "Synformer on fresh networks", text, table.reset_index().astype(object).fillna(""))


if __name__ == "__main__":
    main()
