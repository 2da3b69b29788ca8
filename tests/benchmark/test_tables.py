"""Means, intervals, text, files and the picture."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synfer.benchmark import as_markdown, summary, write_results
from synfer.benchmark.runs import COLUMNS
from synfer.errors import InputError
from synfer.plot import figures_by_set


@pytest.fixture
def rows():
    made = [
        {"method": m, "set": s, "network": str(k), "auroc": 0.5 + 0.1 * k,
         "direction_accuracy": 0.5 * k, "n_one_way": 4, "seconds": 1.0 + k, "settings": "{'a|b': 1}"}
        for m in ("one", "two") for s in ("x", "y") for k in range(3)
    ]  # fmt: skip
    made[-1] |= {"auroc": None, "direction_accuracy": None, "error": "InputError: no."}
    return pd.DataFrame(made, columns=list(COLUMNS))


def test_means_have_their_intervals(rows):
    means = summary(rows)
    assert means[["method", "set"]].values.tolist() == [["one", "x"], ["one", "y"], ["two", "x"], ["two", "y"]]
    first, last = means.iloc[0], means.iloc[-1]
    interval = stats.t.interval(0.95, 2, loc=0.6, scale=0.1 / np.sqrt(3))
    np.testing.assert_allclose([first.auroc, first.auroc_low, first.auroc_high], [0.6, *interval])
    assert (first.networks, first.failed, first.auroc_min) == (3, 0, 0.5)
    assert (last.networks, last.failed) == (2, 1)
    assert first.direction_accuracy == pytest.approx(0.5)  # 0, 2 and 4 of 4 each
    z = stats.norm.ppf(0.975)
    centre, half = 0.5, z * np.sqrt(0.25 / 12 + z**2 / (4 * 144)) / (1 + z**2 / 12)
    np.testing.assert_allclose([first.direction_low, first.direction_high], [centre - half, centre + half])


def test_text_and_files(rows, tmp_path):
    text = as_markdown(rows)
    assert len(text.splitlines()) == 2 + 12
    assert "{'a\\|b': 1}" in text
    assert "None" not in text
    assert "nan" not in text
    written = write_results(rows, tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["results.csv", "results.md", "summary.csv", "summary.md", "auroc.png"]
    assert all(path.stat().st_size > 0 for path in written)
    again = pd.read_csv(written[0])
    assert again["auroc"].tolist()[:3] == [0.5, 0.6, 0.7]
    assert len(plt.get_fignums()) == 0
    no_figures = write_results(rows.assign(auroc=None), tmp_path / "none")
    assert len(no_figures) == 4


def test_the_picture_has_a_point_a_network(rows):
    ax = figures_by_set(rows)
    points = [line for line in ax.lines if line.get_linestyle() == "None" and len(line.get_xdata())]
    assert sum(len(line.get_xdata()) for line in points) == 11
    assert [label.get_text() for label in ax.get_xticklabels()] == ["x", "y"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    plt.close(ax.figure)
    assert figures_by_set(rows, "seconds").get_yscale() == "log"
    plt.close("all")
    with pytest.raises(InputError, match="figure must be a column of the rows that holds numbers; got 'auprc'"):
        figures_by_set(rows, "auprc")
