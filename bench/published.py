"""Methods on the published Izhikevich networks: AUROC, AUPRC, time and peak memory of each, beside the paper's figures.

    python bench/published.py ../shared/data/izhikevich --cell exc8_inh2/p4 --method causalformer --method ...

Each fit runs in a process of its own through the command line, as a user's would (`synfer discover`, then
`synfer evaluate`). What is finished is kept in --out and not run again. The table goes to bench/results/published.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import synfer as sf

RESULTS = Path(__file__).parent / "results"
# Off-diagonal AUROC, mean over the paper's ten networks of a cell (measured from its published results).
PAPER = {("exc8_inh2", "p4"): {"causalformer": 0.969}}


def measure(folder: Path, method: str, settings: list[str], out: Path) -> dict[str, object]:
    """One fit, and what it is worth; read back where it was made before."""
    kept = out.with_suffix(".json")
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    out.parent.mkdir(parents=True, exist_ok=True)
    command = ["synfer", "discover", str(folder), "--method", method, "--out", str(out), *settings]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    estimate, truth = sf.Connectome.load(out), sf.datasets.load_izhikevich(folder)[1]
    row = {
        "network": "/".join(folder.parts[-4:]),
        "method": method,
        **{k: v for k, v in sf.evaluate.compare(estimate, truth).items() if k.startswith(("auroc", "auprc", "sign"))},
        "converged": str(estimate.converged),
        "seconds": seconds,
        "peak_gib": peak,
    }
    kept.write_text(json.dumps(row))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cell", action="append", required=True, help="exc8_inh2/p4; may be given several times")
    parser.add_argument("--method", action="append", required=True, choices=sorted(sf.discover.METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("build/published"))
    arguments = parser.parse_args()

    rows = []
    for cell in arguments.cell:
        size, p = cell.split("/")
        for seed in range(arguments.seeds):
            folder = arguments.data / f"{size}_nodiag_withinp_rand" / p / "inpvar5_S5_t5000" / f"seed{seed}"
            for method in arguments.method:
                settings = ["--seed", "0"] if method == "causalformer" else []
                rows.append(measure(folder, method, settings, arguments.out / size / p / f"{method}_{seed}.nc"))
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    numbers = table.select_dtypes("number").columns
    means = table.groupby([table["network"].str.split("/").str[:2].str.join(" "), "method"])[numbers].mean()
    machine = (
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    text = [
        "# Published Izhikevich networks",
        "",
        f"`python {' '.join(sys.argv)}`; {machine}, numpy {np.__version__}. Scores leave the diagonal out",
        "except `auroc_with_diagonal` (the paper's convention). Peak memory is that of the largest fit so far.",
        "",
        "```",
        table.to_string(index=False, float_format="{:.4g}".format),
        "```",
        "",
        "Means:",
        "",
        "```",
        means.to_string(float_format="{:.4g}".format),
        "```",
        "",
        "The paper's own, mean off-diagonal AUROC over its ten networks of the cell: "
        + "; ".join(f"{' '.join(cell)} {figures}" for cell, figures in PAPER.items())
        + ".",
        "",
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "published.md").write_text("\n".join(text))
    print(means)


if __name__ == "__main__":
    main()
