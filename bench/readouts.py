"""Which read-out of an attention model is best where: one fit, all read-outs.

    python bench/run.py readouts [--out build/readouts] [--networks 2] [--cached]

Fresh systems with seeds from 62,000, met nowhere else; nothing was chosen by them. `izhikevich`: the paper's networks,
N = 10, p = .4, 2 s of voltage; `lorenz96`: N = 10, F = 10, T = 500; `var`: N = 10, three lags, T = 600 (off-diagonal
AUROC of each); `linear` and `tanh`, `static` and `dynamic`: NetFormer's own kinds (`simulate.state_dependent_system`, 5
units, 20 trials of 100 samples), where every pair is connected: Spearman's correlation with |W| (of `dynamic`: its mean
over time) off the diagonal. Causalformer has 2 initialisations and at most 20 epochs here (the paper: 10 and 200), so
that its level is not its best; Mask2Cause 60 epochs, NetFormer its default (of its own kinds 300, with its published
step). Its map, like NetFormer's mean map, is read over all windows; gradients and ablations over 512. `graph`:
Mask2Cause's own score. Of Synformer (each suite's configuration, 600 steps of voltages) `effect` is the score of `fit`,
whose last step is solved, `certainty` the weight in widths of its interval; the others are of what training left. Mean
over networks; * the best of a line.

What it says, of the one or two networks a line that were run, so that differences of a few hundredths are no finding:

- Softmax attention (Causalformer, Mask2Cause): of autoregressions, Lorenz-96 and linear systems gradient or ablation
  says more than Causalformer's map (.93 against .78, .91 against .77, .76 against .61); of voltages the map does, best
  weighed by values. Mask2Cause has Lorenz-96 and autoregressions by any of them.
- Linear attention (NetFormer): the map, weighed by values or not, of voltages and static systems; gradient where
  weights hang on the state: the forecast's slope holds what the map's own change with the state passes on.
- Mask2Cause's graph is its best of voltages, and below its best read-out elsewhere; of NetFormer's kinds, where every
  pair is connected, all that it says is near chance.
- Rollout has the map's own order where one layer's rows sum to 1, and is never clearly best; partial correlation,
  symmetric as it is, never at all.
- Synformer: all but partial correlation agree within .05 on who drives whom; of strengths take the effect, whose last
  step is solved, or of static systems any.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats

import synfer as sf
from run import write_results
from synfer.benchmark import SETTINGS
from synfer.benchmark.robustness import paper
from synfer.benchmark.simulated import make_lorenz96, make_var
from synfer.discover.attention_readouts import READOUTS
from synfer.errors import SynferWarning

FIRST_SEED = 62_000
COLUMNS = (*READOUTS, "graph", "effect", "certainty")
Loaded = tuple[sf.Recording, np.ndarray]  # and the true strength of each pair, (target, source)


def voltage(seed: int) -> Loaded:
    """Two seconds of ten of the paper's neurons."""
    network = paper(10, 0.4, seed)
    seen = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, 2.0, record="v", seed=seed))
    return seen, network.connectome.to_matrix().score.values


def of_suite(make: Callable[[int], tuple[sf.Recording, sf.Connectome]], seed: int) -> Loaded:
    """A system of a suite."""
    seen, truth = make(seed)
    return seen, truth.to_matrix().score.values


def own_kind(activation: str, state_dependent: bool, seed: int) -> Loaded:
    """One of NetFormer's own kinds of system."""
    seen, weights = sf.simulate.state_dependent_system(
        5, activation=activation, state_dependent=state_dependent, n_trials=20, seed=seed
    )
    return seen, np.abs(weights).mean((0, 1))


SYSTEMS: dict[str, tuple[Callable[[int], Loaded], dict[str, Any], int]] = {  # and Synformer's settings, and the lags
    "izhikevich": (voltage, {"n_steps": 600}, 1),
    "lorenz96": (functools.partial(of_suite, functools.partial(make_lorenz96, 10, 500)),
                 SETTINGS["lorenz96"]["synformer"], 1),
    "var": (functools.partial(of_suite, functools.partial(make_var, 10, 3)), SETTINGS["var"]["synformer"], 3),
    "linear, static": (functools.partial(own_kind, "linear", False), {}, 1),
    "linear, dynamic": (functools.partial(own_kind, "linear", True), {}, 1),
    "tanh, static": (functools.partial(own_kind, "tanh", False), {}, 1),
    "tanh, dynamic": (functools.partial(own_kind, "tanh", True), {}, 1),
}  # fmt: skip
SMALL = {"max_lag": 1, "window": 1, "value_window": 1, "time_constants": (2.0,), "hidden": 8, "n_steps": 600}


def estimators(system: str) -> dict[str, sf.discover.BaseDiscoverer]:
    """Each method as it is fitted to a system."""
    _, settings, lags = SYSTEMS[system]
    own = "," in system
    quiet: dict[str, Any] = {"random_state": 0, "progress": False}
    published = {"standardise": "none", "max_epochs": 300, "learning_rate": 0.01, "batch_size": 500}
    return {
        "netformer": sf.discover.NetFormer(**(published if own else {"window": lags}), **quiet),
        "mask2cause": sf.discover.Mask2Cause(window=lags, max_epochs=60, **quiet),
        "synformer": sf.discover.Synformer(**{**(SMALL if own else settings), "evidence": "effect"}, **quiet),
        "causalformer": sf.discover.Causalformer(n_init=2, max_epochs=20, **quiet),
    }


def scores(name: str, fit: Any, seen: sf.Recording) -> dict[str, np.ndarray]:
    """All read-outs of one fit, (target, source)."""
    found = fit.connectome_
    read = {readout: fit.read(seen, readout).score.values for readout in READOUTS}
    if name == "synformer":
        width = (found.interval_high - found.interval_low).values
        certainty = np.abs(found.weight.values) / np.where(width > 0, width, np.inf)
        return read | {"effect": found.score.values, "certainty": certainty}
    return read | ({"graph": found.score.values} if name == "mask2cause" else {})


def figure(score: np.ndarray, strength: np.ndarray) -> float:
    """AUROC where some pairs have no edge, else Spearman's correlation with the strength."""
    off = ~np.eye(len(strength), dtype=bool)
    if (strength[off] == 0).any():
        estimate = sf.Connectome(np.where(off, np.nan_to_num(score), np.nan))
        return float(sf.evaluate.compare(estimate, sf.Connectome((strength > 0).astype(float)))["auroc"])
    return float(stats.spearmanr(score[off], strength[off]).statistic)


def measure(system: str, name: str, k: int, out: Path) -> dict[str, Any]:
    """One fit and its read-outs, kept."""
    kept = out / system.replace(", ", "_") / f"{name}_{k}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    seen, strength = SYSTEMS[system][0](FIRST_SEED + k)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SynferWarning)  # Causalformer is stopped early, as said above
        fit = estimators(system)[name].fit(seen)
        read = {readout: figure(score, strength) for readout, score in scores(name, fit, seen).items()}
    row = {"system": system, "method": name, "network": k, **read, "s": time.perf_counter() - start}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(row))
    return row


def table_of(rows: pd.DataFrame) -> pd.DataFrame:
    """A line a system and method, a column a read-out."""
    made = []
    for system in SYSTEMS:
        for name in ("causalformer", "netformer", "mask2cause", "synformer"):
            of = rows[(rows["system"] == system) & (rows["method"] == name)]
            if of.empty:
                continue
            means = {column: of[column].mean() for column in COLUMNS if column in of and of[column].notna().any()}
            best = max(means.values())
            shown = {c: f"{means[c]:.3f}{'*' if means[c] == best else ' '}" if c in means else "" for c in COLUMNS}
            made.append(
                {"system": system, "method": name, "networks": len(of), **shown, "s": f"{of['s'].median():.0f}"}
            )
    return pd.DataFrame(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/readouts"))
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--cached", action="store_true", help="only what is already in --out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not arguments.cached:
        for name in estimators("var"):  # the dearest last
            for k in range(arguments.networks):
                for system in SYSTEMS:
                    print(measure(system, name, k, arguments.out), flush=True)
    rows = pd.DataFrame([json.loads(path.read_text()) for path in sorted(arguments.out.glob("*/*.json"))])
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("readouts", "Read-outs of attention models", text, table_of(rows))


if __name__ == "__main__":
    main()
