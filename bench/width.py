"""Which width of Synformer's response short recordings are given, and what each would have found.

    python bench/run.py width [--recordings 3]

Off-diagonal AUROC of one initialisation, mean over fresh recordings: `64` and `16, long`, with the 2,400 steps of the
default; `16` and `4`, trained for 40 passes through the samples; `auto`, the default, which takes whichever of these
forecasts the last fifth best, and which it took. `var`: vector autoregressions of one lag, two sources
a unit. `lorenz`: Lorenz-96, F = 10, as `synfer benchmark lorenz96 --simulate` makes it. `izhikevich`: voltages of the
paper's networks, p = .4.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

import synfer as sf
from run import write_results
from synfer.benchmark.simulated import make_lorenz96
from synfer.discover.capacity import SHORT, choices
from synfer.errors import ResolutionWarning

CASES = [("var", 15, 200), ("var", 15, 800), ("lorenz", 10, 250), ("izhikevich", 20, 500), ("izhikevich", 20, 1500)]


def recording(system: str, n_units: int, n_samples: int, seed: int) -> tuple[sf.Recording, sf.Connectome]:
    """A fresh one and its truth; seeds of 700 on."""
    key = 700 + seed
    if system == "var":
        network = sf.simulate.var_network(
            sf.simulate.var_coefficients(n_units, 1, 2.0 / (n_units - 1), radius=0.8, seed=key), dt=1.0
        )
        seen = sf.simulate.run(network, float(n_samples), dt=1.0, initial_state="stationary", record="x", seed=key)
        return seen, network.connectome
    if system == "lorenz":
        return make_lorenz96(10, n_samples, key)
    network = sf.simulate.izhikevich_network(4 * n_units // 5, n_units // 5, p=0.4, seed=key)
    seen = sf.simulate.run(network, duration=n_samples / 1000, seed=key)
    return sf.simulate.observe.clip_and_zscore(seen), network.connectome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ResolutionWarning)
    rows = []
    for system, n_units, n_samples in tqdm(CASES):
        among = choices(n_samples, n_units, 2400, "auto")
        widths: dict[str, tuple[int | str, int | str]] = {
            name: tuple(each) for name, each in zip(("64", "16, long", "16", "4"), among, strict=True)
        }
        widths["auto"] = ("auto", 2400)
        found: dict[str, list[float]] = {name: [] for name in widths}
        taken: Counter[str] = Counter()
        for seed in range(arguments.recordings):
            seen, truth = recording(system, n_units, n_samples, seed)
            for name, (hidden, n_steps) in widths.items():
                fit = sf.discover.Synformer(
                    1, hidden=hidden, n_steps=n_steps, cross_fit=False, progress=False, random_state=0
                ).fit(seen)
                found[name].append(sf.evaluate.compare(fit.connectome_, truth)["auroc"])
                if name == "auto":
                    long = fit.loss_.shape[1] > 2 * SHORT
                    taken["16, long" if long and fit.hidden_ == 16 else str(fit.hidden_)] += 1
        line: dict[str, object] = {"system": system, "units": n_units, "samples": n_samples}
        line |= {name: f"{np.mean(of):.3f}" for name, of in found.items()}
        line["of"] = "; ".join(f"{count} of {width}" for width, count in sorted(taken.items()))
        rows.append(line)
        print(line, flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("width", "Width by how many samples there are", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
