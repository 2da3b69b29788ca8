"""The paper's Figure 2: own networks where they were run, published means in every cell."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from synfer.benchmark import SUITES, published_figures, write_results
from synfer.benchmark.runs import COLUMNS
from synfer.errors import InputError
from synfer.plot import figure_2


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
