"""PC: on graphs whose equivalence class is known, in any order of samples and units, and what it refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import synfer as sf
from synfer.discover import PC
from synfer.errors import InputError

SIGNAL = "the second argument is the name of a Recording's signal, and takes scikit-learn's y by position only"


def collider(n=3000, seed=0):
    """0 -> 2 <- 1, 2 -> 3: all directions follow; 4 - 5: none does."""
    x = np.random.default_rng(seed).standard_normal((n, 6))
    x[:, 2] += x[:, 0] + x[:, 1]
    x[:, 3] += x[:, 2]
    x[:, 5] += x[:, 4]
    return x


def expected():
    score = np.zeros((6, 6))
    score[2, [0, 1]] = score[3, 2] = 1.0
    score[5, 4] = score[4, 5] = 0.5
    np.fill_diagonal(score, np.nan)
    return score


def test_the_equivalence_class_is_found_target_by_source():
    np.testing.assert_array_equal(PC().fit(collider()).connectome_.score, expected())


def test_neither_the_order_of_samples_nor_of_units_matters():
    rng = np.random.default_rng(1)
    rows, units = rng.permutation(3000), rng.permutation(6)
    found = PC().fit(collider()[rows][:, units]).connectome_.score.to_numpy()
    np.testing.assert_array_equal(found, expected()[units][:, units])


def test_structural_equations_are_found_up_to_direction():
    system = sf.simulate.structural_equations(12, degree=1.0, snr=4.0, seed=3)
    score = PC().fit(system.sample(4000, seed=4)).connectome_.score.to_numpy()
    edge = system.direct.score.to_numpy() > 0
    off = ~np.eye(12, dtype=bool)
    joined = (score + score.T)[off] > 0
    assert (joined == (edge | edge.T)[off]).mean() > 0.95
    wrong_way = (score == 1.0) & edge.T & ~edge
    assert wrong_way.sum() <= 1


def test_without_causal_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "causallearn.search.ConstraintBased.PC", None)
    with pytest.raises(InputError, match=r"PC needs causal-learn, which is not installed: pip install 'synfer\[pc\]'"):
        PC().fit(collider())


def test_collinear_units_are_refused():
    x = collider(200)[:, :3]
    x[:, 2] = x[:, 0] + x[:, 1]
    with pytest.raises(InputError, match="X must not hold units that others explain wholly"):
        PC().fit(x)


@pytest.mark.filterwarnings("ignore::synfer.errors.SynferWarning")
@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API")
@parametrize_with_checks([PC()], expected_failed_checks=lambda _: {"check_fit_score_takes_y": SIGNAL})
def test_scikit_learn_s_checks(estimator, check):
    check(estimator)
