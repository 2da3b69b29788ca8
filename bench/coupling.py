"""What `instantaneous=True` adds and what it does not: lags, what is shared within a sample, and both.

    python bench/run.py coupling [--networks 10]

`ConditionalGranger`, means over fresh networks (seed 0). "calcium_30hz" and "decimated_x5" are the sets of the suite
robustness; "calcium, a minute of 60" has 60 neurons, p = .1, of which 60 s of frames are seen; "voltage" is the paper's
20 neurons at 1 ms, 5 s, where nothing acts within a sample; "volatility" has 6 independent units whose noise has one
common, slowly changing size, 2,000 samples. "lags" is the connectome without `instantaneous`, "both" with it,
"coupling" its `instantaneous_`, which has no direction. `signs`: share of the true edges whose weight has their sign.
`p < .05`: of the pairs without an edge (of the coupling: without one either way).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd

import synfer as sf
from run import write_results
from synfer import benchmark
from synfer.connectome import Connectome


def of_suite(name: str, n: int) -> Iterator[tuple[sf.Recording, Connectome]]:
    for task in benchmark.SUITES["robustness"].tasks(None, n, 0):
        if task.set == name:
            yield task.load()


def minute_of_sixty(n: int) -> Iterator[tuple[sf.Recording, Connectome]]:
    for seed in range(n):
        network = sf.simulate.izhikevich_network(n_exc=48, n_inh=12, p=0.1, seed=seed)
        spikes = sf.simulate.run(network, duration=60.0, record="spikes", seed=seed)
        yield sf.simulate.observe.calcium(spikes, frame_rate=30.0, noise=0.2, seed=seed), network.connectome.to_matrix()


def voltage(n: int) -> Iterator[tuple[sf.Recording, Connectome]]:
    for seed in range(n):
        network = sf.simulate.izhikevich_network(n_exc=16, n_inh=4, p=0.2, seed=seed)
        seen = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, duration=5.0, record="v", seed=seed))
        yield seen, network.connectome.to_matrix()


def volatility(n: int) -> Iterator[tuple[sf.Recording, Connectome]]:
    for seed in range(n):
        rng = np.random.default_rng(seed)
        size = np.exp(np.sin(np.arange(2000) / 40.0))
        none = Connectome(np.zeros((6, 6)), weight=np.zeros((6, 6)))
        yield sf.Recording({"x": rng.standard_normal((2000, 6)) * size[:, None]}, dt=1.0), none


def figures(found: Connectome, truth: Connectome, *, undirected: bool) -> dict[str, float]:
    apart = ~np.eye(truth.n_units, dtype=bool)
    edge = np.asarray(truth.score.values) > 0
    absent = apart & ~(edge | edge.T if undirected else edge)
    pvalue = np.asarray(found.pvalue)[absent]
    told = {"p < .05": float((pvalue < 0.05).mean())}
    if not edge.any():
        return told
    held = sf.evaluate.compare(found, truth)
    names = {"auroc": "AUROC", "auroc_undirected": "undirected", "auprc": "AUPRC", "sign_accuracy": "signs"}
    return {name: held[key] for key, name in names.items()} | told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=10)
    n = parser.parse_args().networks
    systems = {
        "calcium_30hz": of_suite("calcium_30hz", n),
        "calcium, a minute of 60": minute_of_sixty(n),
        "decimated_x5": of_suite("decimated_x5", n),
        "voltage": voltage(n),
        "volatility": volatility(n),
    }
    rows = []
    for system, pairs in systems.items():
        for recording, truth in pairs:
            lags = sf.discover.ConditionalGranger().fit(recording).connectome_
            within = sf.discover.ConditionalGranger(instantaneous=True).fit(recording)
            for name, found in (("lags", lags), ("both", within.connectome_), ("coupling", within.instantaneous_)):
                rows.append({"system": system, "score": name} | figures(found, truth, undirected=name == "coupling"))
    table = pd.DataFrame(rows).groupby(["system", "score"], sort=False).mean().round(3).reset_index()
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("coupling", "Coupling within a sample", text, table.astype(object).where(table.notna(), ""))


if __name__ == "__main__":
    main()
