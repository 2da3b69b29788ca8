"""Lu et al. (2023) once more: Causalformer on the paper's own networks, its Figures 1, 2 and 4, and who beats it.

    python bench/run.py paper [--data ../shared/data/izhikevich] [--out build/paper] [--network seed0]
                              [--method causalformer mvgc synformer] [--device cpu] [--streams 8] [--missing]
                              [--cached] [--machine "NVIDIA H100"]

`synfer benchmark izhikevich`, whose files these are, with one thing added: on a CUDA device several networks train
beside each other, each on a stream of its own, the largest first. Off-diagonal AUROC, means over the networks of a
cell that Causalformer was run on (`networks`); "published" is the paper's own mean over ten networks, of which the
files hold the first three. Causalformer has ten initialisations and the default configuration, which is the paper's;
`mvgc` chooses its order by AIC up to 10, as the paper's does; `synformer` has its one configuration. AUPRC and R2 are
Causalformer's, R2 of its forecast over the last fifth. A fit that was finished is kept in --out and not run again, and
its row in `paper.csv` here, so that networks run on several machines make one table; --missing fits what has no row
there, --cached nothing, and --machine says what the fits of --out were made on, where that was elsewhere.

27 of Causalformer's rows were made from an earlier table and Figure 2 when the fits' own files had been lost: exact to
a digit of the fourth place where a cell had one network or two, to .0006 for two of the three at N = 10, p = .2, .4 and
.6; AUPRC and R2 are their cells' means, and which of a cell's networks is which is not always known. Of the others
those of a CPU had one busy thread each, those of an H100 shared it by six.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from run import RESULTS, write_results
from synfer import benchmark, plot
from synfer.storage import written_whole

KEPT = RESULTS / "paper.csv"
KEY = ["method", "set", "network"]
COLUMNS = [*KEY, "auroc", "auprc", "r2", "seconds", "machine"]
NAMED = r"seed\d+"
METHODS = ["causalformer", "mvgc", "synformer"]
CELLS = [f"exc{n * 4 // 5}_inh{n // 5}_p{p}" for n in (40, 20, 10, 5) for p in (8, 6, 4, 2)]
IMAGES = RESULTS.parents[1] / "docs" / "images"


def fit(method: str, arguments: argparse.Namespace) -> None:
    """All networks; one thread takes one cell of one of them at a time."""
    on_device = method == "causalformer" and arguments.device.startswith("cuda")
    settings = {"causalformer": {"device": arguments.device}} if on_device else {}
    todo: queue.Queue[tuple[str, str]] = queue.Queue()
    for cell, network in product(CELLS, arguments.network):
        if not (arguments.missing and known(method, cell, network)):
            todo.put((cell, network))

    def work() -> None:
        # One of its own for the whole thread: streams are dealt from a few, and two fits must not meet on one.
        stream = torch.cuda.Stream(arguments.device) if on_device else None
        while True:
            try:
                cell, network = todo.get_nowait()
            except queue.Empty:
                return
            told = {"sets": [cell], "networks": [network], "settings": settings, "progress": False}
            with torch.cuda.stream(stream):
                rows = benchmark.run("izhikevich", [method], data=arguments.data, out=arguments.out, **told)
            shown = rows[["method", "set", "network", "auroc", "r2", "seconds"]]
            print(shown.to_string(header=False, index=False), flush=True)

    n_threads = arguments.streams if on_device else 1
    with ThreadPoolExecutor(n_threads) as crew:
        for done in [crew.submit(work) for _ in range(n_threads)]:
            done.result()


def known(method: str, cell: str, network: str) -> bool:
    """Whether a network has a row, or is one of those of which it is only known that they have."""
    kept = pd.read_csv(KEPT)
    names = kept.loc[(kept["method"] == method) & (kept["set"] == cell), "network"]
    return any(network[4:] in re.findall(r"\d+", name) for name in names)


def keep(found: pd.DataFrame) -> pd.DataFrame:
    """Give a row a fit, those found in place of those kept before; and keep them."""
    kept = pd.read_csv(KEPT) if KEPT.exists() else found[:0]
    # A row of "seed0 or 1" is of no use beside one of either.
    anew = set(found[KEY].itertuples(index=False, name=None))
    twice = [
        not re.fullmatch(NAMED, name) and any((method, cell, f"seed{k}") in anew for k in re.findall(r"\d+", name))
        for method, cell, name in kept[KEY].itertuples(index=False, name=None)
    ]
    kept = kept[~np.array(twice, dtype=bool)]
    machines = kept.set_index(KEY)["machine"]
    again = [
        machines.get(key, row)
        for key, row in zip(found[KEY].itertuples(index=False, name=None), found["machine"], strict=True)
    ]
    rows = pd.concat([found.assign(machine=again), kept])[COLUMNS].drop_duplicates(KEY)
    rows = rows.sort_values(KEY, ignore_index=True)
    with written_whole(KEPT) as draft:
        rows.to_csv(draft, index=False, float_format="%.6g")
    return rows


def beside(of_cell: pd.DataFrame, method: str) -> pd.DataFrame:
    """Give a method's rows on the networks of a cell that Causalformer was run on; or none.

    Where it is not known which these were, they were the first.
    """
    run = of_cell.loc[of_cell["method"] == "causalformer", "network"]
    on = of_cell[of_cell["method"] == method].sort_values("network")
    on = on[on["network"].isin(run)] if run.str.fullmatch(NAMED).all() else on.head(len(run))
    return on if len(on) == len(run) else on[:0]


def table(rows: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    """A row a cell."""
    published = benchmark.published_figures()
    lines = []
    for cell in reversed(CELLS):
        of_cell, theirs = rows[rows["set"] == cell], published[published["set"] == cell].set_index("method")
        ours = of_cell[of_cell["method"] == "causalformer"]
        line: dict[str, object] = {"N": int(theirs["n_units"].iloc[0]), "p": float(theirs["p"].iloc[0])}
        line["networks"] = len(ours)
        for method in methods:
            on = beside(of_cell, method)
            line[method] = f"{on['auroc'].mean():.4f}" if len(on) else ""
            if method == "causalformer":
                line["lowest"] = f"{ours['auroc'].min():.4f}" if len(ours) else ""
                line["published"] = f"{theirs.loc['causalformer', 'auroc']:.3f}"
            if method == "mvgc":
                line["published by AIC"] = f"{theirs.loc['mvgc_aic', 'auroc']:.3f}"
        line["AUPRC"] = f"{ours['auprc'].mean():.4f}" if len(ours) else ""
        line["R2"] = f"{ours['r2'].mean():.3f}" if len(ours) else ""
        line["published R2"] = f"{theirs.loc['causalformer', 'r2']:.3f}"
        lines.append(line)
    return pd.DataFrame(lines)


def difference(rows: pd.DataFrame) -> str:
    """How far Causalformer, and MVGC on the same networks, lie from the published means, and all fits."""
    published = benchmark.published_figures()
    told = []
    for method, name in (("causalformer", "causalformer"), ("mvgc", "mvgc_aic")):
        theirs = published[published["method"] == name].set_index("set")["auroc"]
        ours = pd.concat([beside(rows[rows["set"] == cell], method) for cell in CELLS])
        off = ours["auroc"] - theirs.reindex(ours["set"]).to_numpy()
        if len(off):
            told.append(f"{method}, {len(off)} networks: {off.mean():+.4f} (standard error {off.sem():.4f})")
    lines = ["\nAUROC less the published mean of the cell. " + "; ".join(told) + "."]
    for each, fits in rows.groupby("method"):
        seconds = f"{fits['seconds'].median():.3g} s at the median, {fits['seconds'].max():.3g} at most"
        lines.append(
            f"`{each}`, {len(fits)} networks: {fits['auroc'].min():.4f} at the lowest, "
            f"{(fits['auroc'] > 0.99995).sum()} at 1.0000; {seconds} (of those that were timed)."
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("SYNFER_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=data / "izhikevich")
    parser.add_argument("--out", type=Path, default=Path("build/paper"))
    parser.add_argument("--method", nargs="+", default=METHODS)
    parser.add_argument("--network", nargs="+", default=["seed0"])
    parser.add_argument("--device", default="cpu", help="where causalformer trains")
    parser.add_argument("--streams", type=int, default=8, help="networks at a time on a CUDA device")
    parser.add_argument("--missing", action="store_true", help="fit only networks without a row in paper.csv")
    parser.add_argument("--cached", action="store_true")
    parser.add_argument("--machine", help="what Causalformer's fits of --out were made on [--device's name]")
    arguments = parser.parse_args()
    if not arguments.cached:
        for method in arguments.method:
            fit(method, arguments)
    home = arguments.out / "izhikevich"
    files = [f for method in arguments.method for f in sorted((home / "published" / method).glob("*/seed*.json"))]
    found = pd.DataFrame([json.loads(f.read_text())["row"] for f in files], columns=list(benchmark.runs.COLUMNS))
    on_device = arguments.device.startswith("cuda") and torch.cuda.is_available()
    where = torch.cuda.get_device_name(arguments.device) if on_device else arguments.device
    found["machine"] = np.where(found["method"] == "causalformer", arguments.machine or where, "cpu")
    rows = keep(found)
    figure = plot.figure_2(rows, benchmark.published_figures())
    figure.savefig(IMAGES / "paper_figure_2.png", dpi=150)
    whole = len(found) == len(rows)  # the others are drawn of fits themselves
    for path in benchmark.write_results(found, home) if len(found) else []:
        if whole and path.name in ("figure_1.png", "figure_4.png"):
            (IMAGES / f"paper_{path.name}").write_bytes(path.read_bytes())
    text = (__doc__ or "").split("\n\n", 1)[1] + difference(rows)
    write_results(
        "paper", "The paper's networks", text, table(rows, [m for m in METHODS if (rows["method"] == m).any()])
    )


if __name__ == "__main__":
    main()
