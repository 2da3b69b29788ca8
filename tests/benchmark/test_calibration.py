"""Networks without edges fire as those with edges do, and the table counts what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synfer.benchmark import SUITES, calibration, calibration_table, run
from synfer.benchmark.calibration import rate_of, without_edges
from synfer.errors import InputError
from synfer.network import Network
from synfer.simulate import izhikevich_network


@pytest.mark.parametrize("n_units", [10, 40])
@pytest.mark.parametrize("key", [1, 2])
def test_neurons_without_edges_fire_as_often(n_units, key):
    network = izhikevich_network(4 * n_units // 5, n_units // 5, 0.4, seed=key)
    alone = without_edges(network, key)
    assert not alone.connectome.weight.values.any()
    assert abs(rate_of(alone, key) / rate_of(network, key) - 1) <= 0.1
    for name, values in network.parameters.items():
        np.testing.assert_array_equal(alone.parameters[name], values)


def test_another_drive_is_refused():
    network = izhikevich_network(4, 1, 0.4)
    other = Network(network.model, network.parameters, network.connectome)
    with pytest.raises(InputError, match="driven by one GaussianDrive"):
        without_edges(other, 0)


def test_the_suite_has_networks_with_and_without_edges(tmp_path):
    tasks = SUITES["calibration"].tasks(None, 1, 0)
    sets = [task.set for task in tasks]
    assert len(set(sets)) == 8
    for task in tasks:
        if "_40_" not in task.set:
            recording, truth = task.load()
            assert recording.n_samples == 5000
            off = truth.score.values[~np.eye(truth.n_units, dtype=bool)]
            assert (off > 0).any() == task.set.endswith("connected")
    rows = run("calibration", ["conditional_granger"], simulate=3, sets=["var_10_edge_free", "var_10_connected"],
               out=tmp_path, progress=False)  # fmt: skip
    table = calibration_table(rows).set_index("set")
    assert table["networks"].tolist() == [3, 3]
    assert table.loc["var_10_edge_free", "tests"] == 270
    assert (table["rejected"] < 0.12).all()
    assert table.loc["var_10_connected", "power"] > 0.9
    assert np.isnan(table.loc["var_10_edge_free", "power"])


def test_shares_are_means_over_networks():
    rows = pd.DataFrame(
        {
            "method": "m",
            "set": "s",
            "n_absent": [10, 20],
            "absent_rejected": [1, 4],
            "discoveries": [4, 0],
            "false_discoveries": [1, 0],
            "power": [0.5, 1.0],
        }
    )
    (row,) = calibration_table(rows).to_dict("records")
    assert row["rejected"] == pytest.approx((0.1 + 0.2) / 2)
    assert row["rejected_high"] - row["rejected"] == pytest.approx(12.7062 * 0.05, rel=1e-4)
    assert (row["fdr"], row["power"], row["tests"]) == (0.125, 0.75, 30)
    assert calibration_table(rows.assign(n_absent=None)).empty


def test_another_rate_than_with_edges_is_refused(monkeypatch):
    monkeypatch.setattr(calibration, "WITHIN", -1.0)
    with pytest.raises(InputError, match=r"network 1: its neurons without edges fire at \d+\.\d Hz, not \d+\.\d"):
        without_edges(izhikevich_network(4, 1, 0.4, seed=1), 1)
