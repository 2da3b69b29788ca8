"""Ten conditions harder than the paper's, every method in one table: what `synfer benchmark robustness` runs.

    python bench/run.py robustness --out build/robustness [--networks 10] [--method ...] [--cached]

Fresh networks of seed 0 (`synfer.benchmark.robustness` says what each set is); settings by kind of data. Synformer's of
voltages (values from events, lags by held-out forecast) were chosen on networks of seed 100 by held-out loss and AUROC,
which agreed; the classics' are near their defaults. No choice saw the truth of the networks here. Off-diagonal AUROC,
mean over networks (in brackets how many, where a method was given fewer than the others or refused some); `best` is the
classic that Synformer is least above among those given more than half of its networks (event regression, of as many
lags as Synformer may choose among, is told the simulator's form, and is no rival), `less best` Synformer less it,
paired by network, with Student's 95 % interval.
"all" lines are of conditions with several sets, the networks of all of them together. Calcium: `conditional_granger`
and Synformer count what is shared within a frame (`instantaneous`; that and how it is credited were chosen on networks
of seeds 100 and 51); see also the undirected AUROC in the last row. A network more for every set before any set gets
the next. A fit is kept in --out and not done again; --cached tables what is there, however little.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
import torch

from run import write_results
from synfer.benchmark import CLASSICS, differences, run
from synfer.benchmark.runs import COLUMNS

METHODS = [
    "cross_correlation", "conditional_granger", "pairwise_granger", "partial_correlation", "cross_correlogram",
    "differential_covariance", "mvgc", "spike_glm", "event_regression", "synformer",
]  # fmt: skip


TOGETHER = {
    "spikes_5s": ("spikes_5s_n20", "spikes_5s_n40"),
    "spikes_60s": ("spikes_60s_n20", "spikes_60s_n40"),
    "ring": ("ring_half", "ring_critical", "ring_double"),
}
"""Conditions of several sets."""


def cached(out: Path, methods: list[str]) -> pd.DataFrame:
    """The fits that are there."""
    files = [
        file for name in methods for file in sorted((out / "robustness" / "simulated" / name).glob("*/fresh_0_*.json"))
    ]
    return pd.DataFrame([json.loads(file.read_text())["row"] for file in files], columns=list(COLUMNS))


def shown(values: pd.Series, most: int) -> str:
    """Mean to three decimals, with the number of networks where some are missing."""
    values = values.astype(float).dropna()
    if values.empty:
        return "-"
    return f"{values.mean():.3f}" + ("" if len(values) == most else f" ({len(values)})")


def table_of(rows: pd.DataFrame, figure: str) -> pd.DataFrame:
    """A line a set, a column a method."""
    most = rows.groupby("set")["network"].nunique()
    against = differences(rows, figure=figure).set_index("set") if "synformer" in set(rows["method"]) else None
    made = []
    for name in sorted(set(rows["set"])):
        of = rows[rows["set"] == name]
        line = {"set": name, "networks": int(most[name])}
        line |= {m: shown(of.loc[of["method"] == m, figure], int(most[name])) for m in dict.fromkeys(rows["method"])}
        if against is not None and name in against.index:
            row = against.loc[name]
            interval = "" if pd.isna(row["low"]) else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
            line |= {"best": row["best classic"], "less best": f"{row['difference']:+.3f}{interval}"}
        made.append(line)
    return pd.DataFrame(made).fillna("")


def together(rows: pd.DataFrame) -> pd.DataFrame:
    """Conditions of several sets: their networks as if they were of one."""
    conditions = []
    for name, sets in TOGETHER.items():
        of = rows[rows["set"].isin(sets)]
        conditions.append(of.assign(network=of["set"] + of["network"], set=f"{name}, all"))
    return table_of(pd.concat(conditions), "auroc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/robustness"))
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--method", nargs="+", default=METHODS)
    parser.add_argument("--cached", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not arguments.cached:
        for n in range(1, arguments.networks + 1):
            run("robustness", arguments.method, simulate=n, out=arguments.out)
    rows = cached(arguments.out, arguments.method)
    table = table_of(rows, "auroc")
    calcium = rows[(rows["set"] == "calcium_30hz") & rows["auroc_undirected"].notna()]
    undirected = table_of(calcium, "auroc_undirected").assign(set="calcium_30hz, undirected")
    text = (__doc__ or "").split("\n\n", 1)[1]
    classics = ", ".join(name for name in arguments.method if name in CLASSICS)
    write_results(
        "robustness",
        "Conditions harder than the paper's",
        f"{text}\nClassics here: {classics}.",
        pd.concat([table, together(rows), undirected], ignore_index=True).fillna(""),
    )


if __name__ == "__main__":
    main()
