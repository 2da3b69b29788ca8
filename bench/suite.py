"""Methods on the published files of a suite, as `synfer benchmark` runs them.

    python bench/run.py suite {netsim,dream3,spycon} ../shared/data [--method conditional_granger ...]

Off-diagonal AUROC (with Student's 95 % interval over networks, and the worst network) and AUPRC, means over networks
of a set, beside the share of pairs that are edges. `direction`: share of the edges that go one way whose direction is
found, all networks together, with Wilson's 95 % interval; `s`: seconds a fit, mean, whatever else the machine does.
Each method has its one configuration for the suite (`synfer.benchmark.SETTINGS`), nothing is chosen by the truth within
a run; but these sets were looked at while methods were made (`synfer/benchmark/settings.py` says by which), so that
they are no judges of those. A fit is kept in --out and not done again.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pandas as pd
import torch

from run import write_results
from synfer.benchmark import run, summary

METHODS = {
    "netsim": [
        "partial_correlation", "cross_correlation", "pairwise_granger", "conditional_granger", "mvgc",
        "transfer_entropy", "differential_covariance", "grngc", "synformer",
    ],
    "dream3": [
        "partial_correlation", "cross_correlation", "pairwise_granger", "conditional_granger", "transfer_entropy",
        "differential_covariance", "grngc", "synformer",
    ],
    "spycon": [
        "cross_correlogram", "cross_correlation", "partial_correlation", "differential_covariance", "pairwise_granger",
        "conditional_granger", "spike_glm",
    ],
}  # fmt: skip


def interval(low: float, high: float) -> str:
    """Bounds as text; nothing where there are none."""
    return "" if pd.isna(low) else f"{low:.3f}-{high:.3f}"


def table_of(rows: pd.DataFrame) -> pd.DataFrame:
    """One line a set and method, the sets together."""
    made = []
    table = summary(rows)
    places = table["set"].map(lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])
    for k in sorted(table.index, key=lambda k: (places[k], k)):  # 10 after 9
        line = table.loc[k]
        made.append(
            {
                "set": line["set"],
                "method": line["method"],
                "networks": line["networks"],
                "refused": line["failed"],
                "AUROC": "" if pd.isna(line["auroc"]) else f"{line['auroc']:.3f}",
                "95 %": interval(line["auroc_low"], line["auroc_high"]),
                "worst": "" if pd.isna(line["auroc_min"]) else f"{line['auroc_min']:.3f}",
                "AUPRC": "" if pd.isna(line["auprc"]) else f"{line['auprc']:.3f}",
                "edges": "" if pd.isna(line["prevalence"]) else f"{line['prevalence']:.3f}",
                "direction": "" if pd.isna(line["direction_accuracy"]) else f"{line['direction_accuracy']:.3f}",
                "its 95 %": interval(line["direction_low"], line["direction_high"]),
                "s": f"{line['seconds']:.2f}",
            }
        )
    return pd.DataFrame(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=list(METHODS))
    parser.add_argument("data", type=Path)
    parser.add_argument("--method", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("build/suites"))
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    methods = arguments.method or METHODS[arguments.suite]
    rows = []
    for method in methods:
        rows.append(run(arguments.suite, [method], data=arguments.data, out=arguments.out))
        print(table_of(rows[-1]).to_string(index=False), flush=True)
        for refusal in rows[-1]["error"].dropna().unique()[:1]:
            print(refusal, flush=True)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results(arguments.suite, f"Suite {arguments.suite}", text, table_of(pd.concat(rows)))


if __name__ == "__main__":
    main()
