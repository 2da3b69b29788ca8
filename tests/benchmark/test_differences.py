"""One method against the best classic: pairs, the interval, who counts as a rival."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synfer.benchmark import CLASSICS, differences, write_results
from synfer.benchmark.runs import COLUMNS
from synfer.discover import METHODS
from synfer.errors import InputError

FIGURES = {
    "synformer": [0.9, 0.8, 0.95],
    "mvgc": [0.7, 0.75, 0.8],
    "spike_glm": [0.6, 0.9, 0.6],
    "cross_correlation": [0.99, None, None],  # on too few of the networks: no rival
    "event_regression": [1.0, 1.0, 1.0],  # a ceiling
}


@pytest.fixture
def rows():
    made = [
        {"method": method, "set": "x", "network": str(k), "auroc": value}
        for method, values in FIGURES.items()
        for k, value in enumerate(values)
    ]
    return pd.DataFrame(made, columns=list(COLUMNS))


def test_the_difference_is_paired_and_has_the_interval_of_a_paired_test(rows):
    (row,) = differences(rows).to_dict("records")
    ours, theirs = np.array(FIGURES["synformer"]), np.array(FIGURES["mvgc"])
    test = stats.ttest_rel(ours, theirs)
    interval = test.confidence_interval(0.95)
    assert (row["best classic"], row["networks"]) == ("mvgc", 3)
    np.testing.assert_allclose(
        [row["difference"], row["low"], row["high"]], [(ours - theirs).mean(), interval.low, interval.high]
    )
    assert row["above"] == (interval.low > 0)


def test_a_rival_need_not_have_all_networks_and_is_met_on_its_own(rows):
    rows.loc[(rows["method"] == "cross_correlation") & (rows["network"] == "2"), "auroc"] = 0.9
    (row,) = differences(rows).to_dict("records")
    assert (row["best classic"], row["networks"]) == ("cross_correlation", 2)
    assert row["synformer"] == pytest.approx(0.925) and row["best"] == pytest.approx(0.945)
    assert row["difference"] == pytest.approx(-0.02)


def test_networks_without_our_figure_do_not_count(rows):
    rows.loc[(rows["method"] == "synformer") & (rows["network"] == "1"), "auroc"] = None
    (row,) = differences(rows).to_dict("records")
    assert row["networks"] == 2
    assert row["best"] == pytest.approx(0.75 if row["best classic"] == "mvgc" else np.nan)


def test_one_network_has_no_interval(rows):
    (row,) = differences(rows[rows["network"] == "0"]).to_dict("records")
    assert row["best classic"] == "cross_correlation"
    assert np.isnan(row["low"])
    assert not row["above"]


def test_what_cannot_be_compared_is_refused(rows):
    with pytest.raises(InputError, match="figure must be a column of the rows; got 'none'"):
        differences(rows, figure="none")
    with pytest.raises(InputError, match="rows must hold 'synformer' and a classic method"):
        differences(rows[rows["method"] == "synformer"])


def test_classics_are_methods_and_a_run_writes_their_table(rows, tmp_path):
    assert set(CLASSICS) < set(METHODS)
    assert "differences.md" in [path.name for path in write_results(rows, tmp_path)]
