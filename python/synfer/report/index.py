"""The page of a benchmark's run: every fit of every method, in one file that asks nothing of any network."""

from __future__ import annotations

import html
import importlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from synfer.errors import FileError, InputError
from synfer.plot.style import PALETTE
from synfer.report import markup
from synfer.report.page import document
from synfer.storage import StrPath, as_path, written_whole

MOST_FITS = 1000
"""Rows of the table of fits."""
NEEDED = ("method", "set", "network", "auroc", "auprc", "converged", "seconds", "error")
SUMMED = ("prevalence", "auroc_undirected", "direction_accuracy", "sign_accuracy", "r2", "peak_mb", "n_one_way")
MEANS = ("method", "set", "networks", "failed", "auroc", "auroc_low", "auroc_high", "auprc", "sign_accuracy", "r2",
         "seconds")  # fmt: skip
FITS = ("method", "set", "network", "auroc", "auprc", "prevalence", "sign_accuracy", "r2", "converged", "seconds")
CAUTIONS = (
    "AUROC and AUPRC are over ordered pairs of different units; an AUROC of .5, or an AUPRC of the prevalence, is that "
    "of guessing. Intervals of means are over networks (95 %, Student's).",
    "These are systems whose wiring is known, most of them simulated, all units recorded unless a set says otherwise. "
    "What a method reaches here it need not reach on neurons.",
)


def write_index(path: StrPath, rows: pd.DataFrame, means: pd.DataFrame, *, folder: StrPath | None = None,
                title: str = "Benchmark") -> None:  # fmt: skip
    """Write one page about a benchmark's run: means, each fit's AUROC, a table of all fits, and what was refused.

    Parameters
    ----------
    path : path
        Written whole or not at all.
    rows : DataFrame
        A row a fit, as `synfer.benchmark.run` gives them, or its results.csv.
    means : DataFrame
        As `synfer.benchmark.summary` gives them.
    folder : path, optional
        Where the run's connectomes lie (its ``out`` and the suite's name): each fit is linked to its own.
    title : str

    Raises
    ------
    FileError
        The file cannot be written.
    InputError
        The rows are none, or of something else, or plotly is not installed (``synfer[report]``).
    """
    try:
        importlib.import_module("plotly")
    except ImportError:
        raise InputError("a report needs plotly: pip install 'synfer[report]'.") from None
    missing = [name for name in NEEDED if name not in rows.columns]
    if missing or not len(rows):
        raise InputError(
            f"rows must be those of a benchmark, with columns {', '.join(NEEDED)}; got "
            + (f"none of {', '.join(missing)}." if missing else "no row.")
        )
    target = as_path(path)
    body = "".join(_sections(rows, means, None if folder is None else as_path(folder), target))
    with written_whole(target) as draft:
        draft.write_text(document(title, body), encoding="utf-8")


def read_rows(folder: StrPath) -> pd.DataFrame:
    """Read what a benchmark left in a folder.

    Raises
    ------
    FileError
        There is no results.csv, or it is no such table.
    """
    file = as_path(folder, "folder") / "results.csv"
    try:
        rows = pd.read_csv(file, dtype={"method": str, "set": str, "network": str, "error": str})
    except (OSError, ValueError) as error:  # pandas' errors of parsing are ValueErrors
        mend = "" if file.is_file() else "; give a benchmark's folder, OUT/SUITE, or the file of one connectome"
        raise FileError(f"{str(file)!r} is not what a benchmark wrote: {_one_line(error)}{mend}.") from None
    lacking = [name for name in (*NEEDED, *SUMMED) if name not in rows.columns]
    if lacking:
        raise FileError(f"{str(file)!r} is not what a benchmark wrote: it lacks {', '.join(lacking)}.")
    return rows


def _one_line(error: Exception) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error)).split())


def _sections(rows: pd.DataFrame, means: pd.DataFrame, folder: Path | None, page: Path) -> list[str]:
    refused = rows[rows["error"].notna()]
    judged = rows[rows["auroc"].notna()]
    unconverged = int((rows["converged"].astype(str) == "False").sum())
    about = {
        "methods": ", ".join(dict.fromkeys(rows["method"])),
        "sets": ", ".join(dict.fromkeys(rows["set"])),
        "fits": f"{len(rows)}, of which {len(refused)} refused and {unconverged} did not converge",
        "seconds of fitting": f"{rows['seconds'].astype(float).sum():.4g}",
    }
    found = [markup.section("What was held against what", markup.known(about))]
    if len(judged):
        caption = "Each point is one network; hover for it. A click on a method in the legend hides or shows it."
        found.append(markup.section("How near they came", markup.figure(_points(judged), caption)))
    found.append(markup.section("Means", markup.table(means[[name for name in MEANS if name in means.columns]])))
    found.append(markup.section("Every fit", _fits(rows, folder, page)))
    if len(refused):
        lines = (f"{row.method} on {row.set}, {row.network}: {row.error}" for row in refused.itertuples())
        found.append(markup.section("Refused", "".join(markup.p(line) for line in dict.fromkeys(lines))))
    found.append(markup.section("What this does not mean", "".join(map(markup.p, CAUTIONS))))
    return found


def _points(rows: pd.DataFrame) -> Any:
    """AUROC of every network, a column a set, methods side by side."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for method, group in rows.groupby("method", sort=False):
        figure.add_trace(
            go.Box(
                x=[html.escape(name) for name in group["set"]],
                y=group["auroc"].astype(float).tolist(),
                text=[html.escape(name) for name in group["network"]],
                name=html.escape(str(method)),
                boxpoints="all", pointpos=0, jitter=0.4, line_width=1, marker_size=6,
                hovertemplate="%{fullData.name}<br>%{x}, %{text}<br>AUROC %{y:.3f}<extra></extra>",
            )
        )  # fmt: skip
    figure.add_hline(y=0.5, line_width=1, line_dash="dot", line_color="#9aa0a8")
    figure.update_layout(
        boxmode="group", template="plotly_white", colorway=list(PALETTE), height=460,
        margin={"l": 50, "r": 10, "t": 10, "b": 40},
        yaxis={"title": "AUROC", "range": [min(0.35, float(rows["auroc"].min()) - 0.05), 1.03]},
        xaxis={"automargin": True}, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    return figure


def _fits(rows: pd.DataFrame, folder: Path | None, page: Path) -> str:
    shown = rows.head(MOST_FITS)
    columns = [name for name in FITS if name in rows.columns]
    lines = []
    for row in shown[columns].to_dict("records"):
        cells = {name: html.escape(_told(value)) for name, value in row.items()}
        link = None if folder is None else _connectome(folder, str(row["method"]), str(row["set"]), str(row["network"]))
        if link is not None:
            address = quote(os.path.relpath(link, page.absolute().parent).replace(os.sep, "/"))
            cells["network"] = f'<a href="./{address}">{cells["network"]}</a>'
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells.values()) + "</tr>")
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    note = "" if len(rows) <= MOST_FITS else f"<small>The first {MOST_FITS} of {len(rows)}; results.csv has all</small>"
    return f'{note}<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _told(value: Any) -> str:
    if value is None or value != value:  # NaN
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _connectome(folder: Path, method: str, name: str, network: str) -> Path | None:
    """The file of a fit's connectome, below the run's folder; None where there is none."""
    home = folder.absolute()
    for kind in ("simulated", "published"):
        file = home / kind / method / name / f"{network}.nc"
        if home in Path(os.path.normpath(file)).parents and file.is_file():
            return file
    return None
