"""Event regression on the published networks, of whose form it is: every edge above every other pair."""

from __future__ import annotations

import numpy as np
import pytest

from synfer import evaluate
from synfer.datasets import load_izhikevich
from synfer.discover import EventRegression


@pytest.mark.parametrize("p", [4, 8])
@pytest.mark.parametrize("units", ["exc4_inh1", "exc8_inh2", "exc16_inh4"])
def test_finds_every_edge_and_its_sign(data_folder, units, p):
    network = data_folder / "izhikevich" / f"{units}_nodiag_withinp_rand" / f"p{p}" / "inpvar5_S5_t5000" / "seed0"
    recording, truth = load_izhikevich(network)
    estimate = EventRegression().fit(recording).connectome_
    assert evaluate.compare(estimate, truth)["auroc"] == 1.0
    edges = truth.score.values > 0  # NaN, on the diagonal, is not above
    assert (np.sign(estimate.weight.values[edges]) == np.sign(truth.weight.values[edges])).all()
