from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from synfer import Connectome, Network, Recording, demo, discover, evaluate, simulate


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory):
    """The demonstration with methods that take no time: its folder, its table and what it said."""
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    said: list[str] = []
    methods = {"cross_correlation": {"random_state": 3}, "conditional_granger": {"lag": 2}}
    table = demo.run(folder, duration=1.0, methods=methods, say=said.append)
    return folder, table, "\n".join(said)


def test_writes_everything_it_made(quick):
    folder, _, _ = quick
    made = {path.name for path in folder.iterdir()}
    assert made == set(demo.files(("cross_correlation", "conditional_granger")))
    assert made == {
        *("recording.nc", "observed.nc", "network.nc", "truth.nc", "table.csv", "demo.png"),
        *("cross_correlation.nc", "conditional_granger.nc"),
    }
    network = Network.load(folder / "network.nc")
    recording = Recording.load(folder / "recording.nc")
    simulated = simulate.run(network, 1.0, record=("v", "spikes"), seed=demo.SEED)
    assert recording.identical(simulated)
    observed = simulate.observe.clip_and_zscore(simulated)  # of no file, which connectomes would tell
    assert Recording.load(folder / "observed.nc").identical(observed)
    assert Connectome.load(folder / "truth.nc").identical(network.connectome)
    expected = discover.ConditionalGranger(lag=2).fit(observed).connectome_
    assert Connectome.load(folder / "conditional_granger.nc").identical(expected)


def test_the_table_holds_what_compare_finds(quick):
    folder, table, said = quick
    truth = Connectome.load(folder / "truth.nc")
    for method in ("cross_correlation", "conditional_granger"):
        figures = evaluate.compare(Connectome.load(folder / f"{method}.nc"), truth)
        assert table.loc[method, "AUROC"] == figures["auroc"]
        assert table.loc[method, "AUPRC"] == figures["auprc"]
        assert table.loc[method, "sign accuracy"] == figures["sign_accuracy"]
        assert re.search(rf"^{method} +{figures['auroc']:.2f} +{figures['auprc']:.2f} ", said, re.MULTILINE)
    assert (table["seconds"] > 0).all()


def test_says_which_network_and_that_it_is_chosen_for_time(quick):
    _, _, said = quick
    assert f"{demo.N_EXC} excitatory and {demo.N_INH} inhibitory" in said
    assert "lag=2" in said
    assert "chosen for time" in said


def test_draws_the_truth_and_each_estimate(quick):
    folder, _, _ = quick
    image = matplotlib.image.imread(folder / "demo.png")
    assert image.shape[1] > 1000
    assert image[..., :3].std() > 0.1  # not an empty page
    estimates = {"cross_correlation": Connectome.load(folder / "cross_correlation.nc")}
    figure = demo.draw(Recording.load(folder / "recording.nc"), Connectome.load(folder / "truth.nc"), estimates)
    titles = [ax.get_title() for part in figure.subfigs for ax in part.axes]
    assert {"truth", "cross correlation", "ROC", "membrane potential"} <= set(titles)


def test_its_own_methods_are_the_three_and_known():
    assert set(demo.METHODS) == {"cross_correlation", "conditional_granger", "causalformer"} <= set(discover.METHODS)
    for name, parameters in demo.METHODS.items():
        discover.create(name, **parameters)


@pytest.mark.slow
def test_the_whole_of_it_stays_below_a_gigabyte_and_a_half(tmp_path):
    # Its two minutes are measured by bench/demo.py: on a shared machine a time is no test.
    command = [str(Path(sys.executable).with_name("synfer")), "demo", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak_kib < 1.5e9 / 1024
    estimates = [Connectome.load(tmp_path / f"{name}.nc") for name in demo.METHODS]
    assert all(
        np.isfinite(estimate.score.values[~np.eye(demo.N_EXC + demo.N_INH, dtype=bool)]).all() for estimate in estimates
    )
