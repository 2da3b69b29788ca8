"""Lu et al. (2023) once more: Causalformer on the paper's own networks, its Figures 1, 2 and 4, and who beats it.

    python bench/run.py paper [--data ../shared/data/izhikevich] [--out build/paper] [--network seed0]
                              [--method causalformer mvgc synformer] [--device cpu] [--streams 8] [--cached]

`synfer benchmark izhikevich`, whose files these are, with one thing added: on a CUDA device several networks train
beside each other, each on a stream of its own, the largest first. Off-diagonal AUROC, means over the networks of a
cell that Causalformer was run on (`networks`); "published" is the paper's own mean over ten networks, of which the
files hold the first three. Causalformer has ten initialisations and the default configuration, which is the paper's;
`mvgc` chooses its order by AIC up to 10, as the paper's does; `synformer` has its one configuration. AUPRC and R2 are
Causalformer's, R2 of its forecast over the last fifth. A fit that was finished is kept in --out and not run again;
--cached tables what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import torch

from run import RESULTS, write_results
from synfer import benchmark

CELLS = [f"exc{n * 4 // 5}_inh{n // 5}_p{p}" for n in (40, 20, 10, 5) for p in (8, 6, 4, 2)]
IMAGES = RESULTS.parents[1] / "docs" / "images"


def fit(method: str, arguments: argparse.Namespace) -> None:
    """All networks; one thread takes one cell of one of them at a time."""
    on_device = method == "causalformer" and arguments.device.startswith("cuda")
    settings = {"causalformer": {"device": arguments.device}} if on_device else {}
    todo: queue.Queue[tuple[str, str]] = queue.Queue()
    for cell in CELLS:
        for network in arguments.network:
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
            # On the networks that Causalformer was run on, so that the columns compare.
            on = of_cell[(of_cell["method"] == method) & of_cell["network"].isin(ours["network"])]
            line[method] = f"{on['auroc'].mean():.4f}" if len(on) and len(on) == len(ours) else ""
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
    """How far Causalformer, and MVGC on the same networks, lie from the published means of the networks' cells."""
    published = benchmark.published_figures()
    run = rows[rows["method"] == "causalformer"].set_index(["set", "network"]).index
    told = []
    for method, name in (("causalformer", "causalformer"), ("mvgc", "mvgc_aic")):
        theirs = published[published["method"] == name].set_index("set")["auroc"]
        ours = rows[rows["method"] == method].set_index(["set", "network"])["auroc"]
        off = (
            ours[ours.index.isin(run)] - theirs.reindex(ours[ours.index.isin(run)].index.get_level_values("set")).values
        )
        first = off[off.index.get_level_values("network") == "seed0"]
        told += [f"{method}, {what}, {len(x)}: {x.mean():+.4f} (standard error {x.sem():.4f})"
                 for what, x in (("first networks", first), ("all", off)) if len(x)]  # fmt: skip
    return "\nAUROC less the published mean of the cell. " + "; ".join(told) + ".\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("SYNFER_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=data / "izhikevich")
    parser.add_argument("--out", type=Path, default=Path("build/paper"))
    parser.add_argument("--method", nargs="+", default=["causalformer", "mvgc", "synformer"])
    parser.add_argument("--network", nargs="+", default=["seed0"])
    parser.add_argument("--device", default="cpu", help="where causalformer trains")
    parser.add_argument("--streams", type=int, default=8, help="networks at a time on a CUDA device")
    parser.add_argument("--cached", action="store_true")
    arguments = parser.parse_args()
    if not arguments.cached:
        for method in arguments.method:
            fit(method, arguments)
    home = arguments.out / "izhikevich"
    files = [home / "published" / method / cell for method in arguments.method for cell in reversed(CELLS)]
    rows = pd.DataFrame(
        [json.loads(f.read_text())["row"] for folder in files for f in sorted(folder.glob("seed*.json"))]
    )
    for path in benchmark.write_results(rows, home):
        if path.name.startswith("figure_"):
            (IMAGES / f"paper_{path.name}").write_bytes(path.read_bytes())
    text = (__doc__ or "").split("\n\n", 1)[1] + difference(rows)
    write_results("paper", "The paper's networks", text, table(rows, arguments.method))


if __name__ == "__main__":
    main()
