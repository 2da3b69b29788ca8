"""What p-values are worth: counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.evaluate import rejections

TRUTH = Connectome.from_weights([[0, 1.0, 0], [0, 0, -2.0], [0, 0, 0]], unit_ids=["a", "b", "c"])
P = np.array([[np.nan, 0.001, 0.04], [0.2, np.nan, 0.3], [1e-9, 0.06, np.nan]])


def _estimate(order=(0, 1, 2), p=P):
    ids = np.array(["a", "b", "c"])[list(order)]
    return Connectome(np.ones((3, 3)), pvalue=p[np.ix_(order, order)], unit_ids=ids)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_it_counts(order):
    found = rejections(_estimate(order), TRUTH)
    assert found == {
        "n_absent": 4,
        "absent_rejected": 2,  # a <- c at .04, c <- a at 1e-9
        "n_present": 2,
        "present_rejected": 1,
        "discoveries": 2,  # of six: 1e-9 and .001 (.04 > 3/6 .05)
        "false_discoveries": 1,
        "power": 0.5,
    }
    assert rejections(_estimate(order), TRUTH, 0.5, "bonferroni")["discoveries"] == 4  # .5 / 6: .06 is below


def test_pairs_without_a_pvalue_are_not_counted():
    p = P.copy()
    p[2, 0] = np.nan
    found = rejections(_estimate(p=p), TRUTH)
    assert (found["n_absent"], found["discoveries"], found["false_discoveries"]) == (3, 1, 0)


def test_a_true_edge_without_a_pvalue_is_not_discovered():
    p = P.copy()
    p[1, 2] = np.nan
    found = rejections(_estimate(p=p), TRUTH)
    assert (found["n_present"], found["power"]) == (1, 0.5)
    assert rejections(_estimate(p=np.full((3, 3), np.nan)), TRUTH)["power"] == 0.0


def test_without_edges_there_is_no_power():
    nothing = Connectome.from_weights(np.zeros((3, 3)), unit_ids=["a", "b", "c"])
    found = rejections(_estimate(), nothing)
    assert found["n_present"] == 0
    assert np.isnan(found["power"])


def test_what_is_wrong_is_said():
    with pytest.raises(InputError, match="estimate must have p-values"):
        rejections(TRUTH, TRUTH)
    with pytest.raises(ShapeError, match="units of the truth"):
        rejections(_estimate(), Connectome.from_weights(np.zeros((3, 3))))
    with pytest.raises(UnknownNameError, match="correction"):
        rejections(_estimate(), TRUTH, correction="fdr")
