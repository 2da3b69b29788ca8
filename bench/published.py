"""The methods on published Izhikevich networks, one `synfer discover` a fit, with time and peak memory of each.

    python bench/run.py published ../shared/data/izhikevich --cell exc4_inh1/p4 exc8_inh2/p4 exc16_inh4/p4 exc32_inh8/p4
                                  --method cross_correlation conditional_granger mvgc

Off-diagonal AUROC and AUPRC (the paper counts the diagonal: `with diagonal`), sign accuracy among true edges. The
paper's own Causalformer reaches a mean off-diagonal AUROC of .969 over the ten networks of the cell exc8_inh2/p4, of
which these are the first three. A fit that was finished is kept in --out and not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import pandas as pd

import synfer as sf
from run import write_results

COLUMNS = {"auroc": "AUROC", "auprc": "AUPRC", "auroc_with_diagonal": "with diagonal", "sign_accuracy": "sign accuracy"}


def measure(folder: Path, method: str, device: str, out: Path) -> dict[str, object]:
    """One fit in a process of its own, and what it is worth."""
    kept = out.with_suffix(".json")
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    out.parent.mkdir(parents=True, exist_ok=True)
    command = ["synfer", "discover", str(folder), "--method", method, "--out", str(out), "--force"]
    parameters = sf.discover.create(method).get_params()
    command += ["--seed", "0"] if "random_state" in parameters else []
    command += ["--set", f"device={device}"] if "device" in parameters else []
    load = os.getloadavg()[0]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    estimate, (_, truth) = sf.Connectome.load(out), sf.datasets.load_izhikevich(folder)
    figures = sf.evaluate.compare(estimate, truth)
    row = {
        "method": method,
        "network": f"{folder.parts[-4].split('_nodiag')[0]}/{folder.parts[-3]}/{folder.name}",
        **{column: figures[key] for key, column in COLUMNS.items()},
        "converged": estimate.converged,
        "seconds": round(seconds, 1),
        "peak, GiB": round(usage.ru_maxrss / 2**20, 2),
        "load before": round(load, 1),
    }
    kept.write_text(json.dumps(row))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cell", nargs="+", default=["exc8_inh2/p4"])
    parser.add_argument("--method", nargs="+", default=["cross_correlation", "conditional_granger", "causalformer"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--device", default="cpu", help="of those that train by torch")
    parser.add_argument("--out", type=Path, default=Path("build/published"))
    parser.add_argument("--name", default="published", help="of the table in bench/results")
    arguments = parser.parse_args()

    rows = []
    for method in arguments.method:
        for cell in arguments.cell:
            size, p = cell.split("/")
            for seed in arguments.seeds:
                folder = arguments.data / f"{size}_nodiag_withinp_rand" / p / "inpvar5_S5_t5000" / f"seed{seed}"
                rows.append(measure(folder, method, arguments.device, arguments.out / size / p / f"{method}_{seed}.nc"))
                print(rows[-1], flush=True)
            numbers = pd.DataFrame(rows[-len(arguments.seeds) :]).select_dtypes("number").mean()
            rows.append({"method": method, "network": f"{cell}, mean", **numbers.drop("load before").round(4)})
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results(arguments.name, "Published networks", text, pd.DataFrame(rows).astype(object).fillna(""))


if __name__ == "__main__":
    main()
