"""The trust card's prediction on kinds of systems that had no part in making it.

    python bench/trust_held_out.py make [--each 7] [--minutes 20] [--out build/trust_held_out]   # resumable
    python bench/trust_held_out.py table [--out build/trust_held_out]

The 17 kinds of `bench/trust_kinds.py`. The grid, the priors, the choice of references and the widths of the intervals
were chosen on the 35 of `bench/trust.py` and `bench/trust_built.py` (`make --kinds built` predicts those too, and
`table --kinds built` measures the widths). Sizes, lengths and densities are drawn by each recording's key. Five methods
on each recording; what counts is whether the AUROC that the card expects without a truth is within .05 of the true one,
whether recordings below .8 are warned of, and how often others are. "by itself" is what the card's own probabilities
say of that: the share within .05 if they were right, more than which no prediction from them can have.
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
from scipy.stats import rankdata

import trust
import trust_built
import trust_kinds
from run import write_results
from synfer.benchmark.simulated import key_of
from synfer.discover import create
from synfer.errors import SynferError
from synfer.evaluate import compare, rejections
from synfer.trust.measures import pairs_of
from synfer.trust.own import own_histories
from synfer.trust.predictor import GOOD
from synfer.trust.reference import WARN_BELOW, predictions, reference_of
from synfer.trust.two_groups import expected_auroc

SEED = 188
DRAWS = 200
METHODS = ("conditional_granger", "cross_correlation", "partial_correlation", "transfer_entropy", "pairwise_granger")
OUTCOMES = ("auroc", "fdr", "power")
BUILT = trust.KINDS | trust_built.KINDS


def predicted(kind: str, k: int, built: bool) -> list[dict[str, object]]:
    """One line a method: what is predicted of its answer, and what it truly comes to."""
    kinds, seed = (BUILT, trust.SEED) if built else (trust_kinds.KINDS, SEED)
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
        line["itself"] = by_itself(pairs_of(found), told[1].probability)
        for name, one in predictions(found, *told).items():
            line |= {f"{name}_value": one.value, f"{name}_low": one.low, f"{name}_high": one.high}
        lines.append(line)
    return lines


def by_itself(score: np.ndarray, probability: np.ndarray) -> float:
    """Share of draws of the edges, by their probabilities, whose AUROC is within .05 of the expected one."""
    rng = np.random.default_rng(0)
    ranks, expected = rankdata(score), expected_auroc(score, probability)
    near = []
    for edge in rng.random((DRAWS, len(score))) < probability:
        n = int(edge.sum())
        if 0 < n < len(edge):
            auroc = (ranks[edge].sum() - n * (n + 1) / 2) / (n * (len(edge) - n))
            near.append(abs(auroc - expected) <= 0.05)
    return float(np.mean(near)) if near else 1.0


def make(each: int, home: Path, until: float, built: bool) -> None:
    """Make what is missing."""
    home.mkdir(parents=True, exist_ok=True)
    for k in range(each):
        for kind in BUILT if built else trust_kinds.KINDS:
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
        "by itself": f"{rows['itself'].mean():.2f}",
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
    parser.add_argument("--each", type=int, default=7, help="recordings of each kind")
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
    n, made = rows.groupby(["kind", "k"]).ngroups, len(list(home.glob("*.json")))
    text = (
        f"{n} recordings of {rows['kind'].nunique()} kinds that had no part in making the prediction; misses stay in. "
        f"Of {made - n} more nothing was predicted: too few spikes, or no edge."
    )
    write_results("trust_held_out", "The trust card's prediction on kinds held out", text, table, goals)


if __name__ == "__main__":
    main()
