"""A run's files: the tidy table, means, and a picture."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from synfer.benchmark.calibration import calibration_table
from synfer.benchmark.differences import CLASSICS, differences
from synfer.benchmark.forecasts import examples_of
from synfer.benchmark.paper import EXAMPLE_R2, published_figures
from synfer.benchmark.tables import as_markdown, summary
from synfer.storage import StrPath, as_path, written_whole


def write_results(rows: pd.DataFrame, out: StrPath) -> list[Path]:
    """Write the table of a run, means, and pictures.

    results.csv and .md have a row a fit, summary.csv and .md the means; calibration.md is of p-values, differences.md
    of synformer against the classics; auroc.png, and for cells of the paper's its figures beside what it published:
    figure_2.png, figure_4.png where a method has a forecast, figure_1.png where the example network (seed 0 of N = 5,
    p = .4) was run and ``out`` is where `run` keeps its fits: its ``out`` and the suite's name.

    Parameters
    ----------
    rows : DataFrame
        As `run` gives it.
    out : path
        Folder, made where it is missing; what an earlier run left under these names is replaced, each in one step.

    Returns
    -------
    list of Path
        What was written. No picture where no fit has an AUROC, no calibration (of p-values) where no method has them,
        no differences where synformer and a classic method are not both there.

    Raises
    ------
    FileError
        A file cannot be written.
    """
    home = as_path(out, "out")
    home.mkdir(parents=True, exist_ok=True)
    means = summary(rows)
    texts = {
        "results.csv": rows.to_csv(index=False),
        "results.md": as_markdown(rows),
        "summary.csv": means.to_csv(index=False),
        "summary.md": as_markdown(means),
    }
    if rows["n_absent"].notna().any():
        texts["calibration.md"] = as_markdown(calibration_table(rows))
    names = set(rows["method"])
    if "synformer" in names and names & set(CLASSICS):
        texts["differences.md"] = as_markdown(differences(rows))
    for name, text in texts.items():
        with written_whole(home / name) as draft:
            draft.write_text(text)
    written = [home / name for name in texts]
    if rows["auroc"].notna().any():
        import matplotlib.pyplot as plt

        from synfer.plot import figure_1, figure_2, figure_4, figures_by_set

        figure = figures_by_set(rows).get_figure(root=True)
        assert figure is not None  # it has just been drawn
        drawn = {"auroc.png": figure}
        published = published_figures()
        if rows.loc[rows["auroc"].notna(), "set"].isin(published["set"]).any():
            drawn["figure_2.png"] = figure_2(rows, published)
            examples = examples_of(rows, home)
            if examples:
                found = {example.method: example.estimate for example in examples}
                drawn["figure_1.png"] = figure_1(found, examples[0].truth, examples[0].recording, published)
            if rows["r2"].notna().any():
                forecasts = [example.recording for example in examples if "forecast" in example.recording]
                example = forecasts[0] if forecasts else None
                drawn["figure_4.png"] = figure_4(rows, published, example, EXAMPLE_R2)
        for name, one in drawn.items():
            with written_whole(home / name) as draft:
                one.savefig(draft, format="png", dpi=150)
            plt.close(one)
            written.append(home / name)
    return written
