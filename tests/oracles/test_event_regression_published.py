"""The ceiling: what knowing the simulator's form finds in the published networks."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.datasets import load_izhikevich
from synfer.discover import EventRegression
from synfer.evaluate import compare

SIZES = ["exc4_inh1", "exc8_inh2", "exc16_inh4", pytest.param("exc32_inh8", marks=pytest.mark.slow)]


@pytest.mark.parametrize("size", SIZES)
def test_every_edge_and_its_sign(data_folder, size):
    silent, rejected, absent = 0, 0, 0
    for p in (2, 4, 6, 8):
        recording, truth = load_izhikevich(
            data_folder / f"izhikevich/{size}_nodiag_withinp_rand/p{p}/inpvar5_S5_t5000/seed0"
        )
        found = EventRegression().fit(recording).connectome_
        figures = compare(found, truth)
        # Of 1,560 pairs at N = 40 and p = 0.8 one or two stand in the wrong order.
        assert figures["auroc"] > 0.9999 if truth.n_units == 40 else figures["auroc"] == 1.0
        assert figures["sign_accuracy"] == 1.0
        missing = (truth.score.values == 0) & ~np.eye(truth.n_units, dtype=bool)
        pvalue = found.pvalue.values[missing]
        silent += int(np.isnan(pvalue).sum())
        rejected += int((pvalue < 0.05).sum())
        absent += int(missing.sum())
    assert silent == 0
    assert rejected < 0.1 * absent
