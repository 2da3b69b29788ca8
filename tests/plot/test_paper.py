"""The paper's figures: own networks where they were run, published numbers beside them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from synfer.benchmark import SUITES, published_figures, write_results
from synfer.benchmark.runs import COLUMNS
from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.plot import figure_1, figure_2, figure_4
from synfer.recording import Recording


@pytest.fixture
def rows():
    made = [
        {"method": "synformer", "set": f"exc4_inh1_p{p}", "network": str(k), "auroc": 0.9 + 0.01 * k}
        for p in (2, 4)
        for k in range(6 if p == 2 else 2)
    ]
    return pd.DataFrame(made, columns=list(COLUMNS))


def test_published_figures_are_those_of_the_cells():
    table = published_figures()
    assert len(table) == 3 * 16
    assert set(table["set"]) == {task.set for task in SUITES["izhikevich"].tasks(None, 1, 0)}
    last = table[(table["n_units"] == 40) & (table["p"] == 0.8)].set_index("method")["auroc"]
    assert last.to_dict() == {"causalformer": 0.727, "mvgc_aic": 0.560, "mvgc_bic": 0.560}


def test_figure_2_shows_both(rows):
    figure = figure_2(rows, published_figures())
    small, *others = figure.axes
    assert len(small.collections) == 1  # a violin of six networks
    assert [line.get_marker() for ax in figure.axes for line in ax.lines].count("D") == 3 * 16 + 3
    bars = [line.get_ydata() for line in small.lines if line.get_linewidth() == 2 and len(line.get_xdata()) == 2]
    assert sorted(float(bar[0]) for bar in bars) == pytest.approx([0.905, 0.925])
    assert all(not ax.collections for ax in others)


def test_rows_of_other_systems_are_refused(rows):
    with pytest.raises(InputError, match="rows must hold an AUROC of a cell of the paper's"):
        figure_2(rows.assign(set="F_10_T_250"), published_figures())


def test_a_run_of_the_suite_draws_it(rows, tmp_path):
    assert "figure_2.png" in [path.name for path in write_results(rows, tmp_path)]
    assert not plt.get_fignums()


@pytest.fixture
def example():
    weight = np.zeros((5, 5))
    weight[1, 0], weight[2, 1], weight[3, 4] = 5.0, 5.0, -5.0
    x = np.random.default_rng(0).standard_normal((1000, 5))
    forecast = x + 0.5 * np.random.default_rng(1).standard_normal(x.shape)
    forecast[:10] = np.nan
    return Connectome.from_weights(weight), Recording({"measured": x, "forecast": forecast}, 1e-3)


def test_figure_1_shows_the_network_and_what_was_found(example):
    truth, recording = example
    wrong = Connectome(truth.score.values.T)
    figure = figure_1({"mvgc": truth, "synformer": wrong}, truth, recording, published_figures())
    graph, activity, true, mvgc, synformer, _ = figure.axes
    assert len(graph.patches) == 3  # an arrow an edge
    assert activity.get_xlim() == (0.0, 0.5)
    assert true.get_title() == "truth"
    assert mvgc.get_title() == "mvgc\nAUROC 1.000\n(cell, published: 0.964 / 0.943)"
    assert synformer.get_title() == "synformer\nAUROC 0.412\n"  # (0 + 14 / 2) / 17: no edge is told
    plt.close(figure)
    with pytest.raises(InputError, match="estimates must hold at least one method's connectome; got none"):
        figure_1({}, truth, recording, published_figures())


def test_figure_4_shows_forecasts_and_every_r2(rows, example):
    rows = rows.assign(r2=[0.9 + 0.005 * k for k in range(7)] + [None])
    figure = figure_4(rows, published_figures(), example[1], (0.96, 0.93))
    left, right = figure.axes
    assert left.get_title(loc="right") == "published: 0.96, 0.93"
    assert left.get_xlim() == (0.8, 1.0)
    assert sum(bar.get_height() for bar in right.patches) == 7
    (marks,) = [line for line in right.lines if line.get_marker() == "D"]
    assert sorted(marks.get_xdata()) == sorted(published_figures()["r2"].dropna())
    assert len(figure_4(rows, published_figures()).axes) == 1
    plt.close("all")
    with pytest.raises(InputError, match="rows must hold an R2 of a method with a forecast; got none"):
        figure_4(rows.assign(r2=None), published_figures())
