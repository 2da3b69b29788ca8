"""Structural equations: what they are said to be, against algebra and against interventions."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.errors import InputError, UnknownNameError
from synfer.simulate import structural_equations


@pytest.mark.parametrize("kind", ["linear", "nonlinear"])
@pytest.mark.parametrize("snr", [0.25, 4.0])
def test_variances_are_one_and_causes_explain_their_share(kind, snr):
    system = structural_equations(12, kind=kind, snr=snr, seed=3)
    x = system.sample(40_000, seed=4)
    np.testing.assert_allclose(x.var(0), 1.0, atol=0.12)
    if kind == "linear":
        weight = system.direct.weight.to_numpy()
        for i in np.flatnonzero((weight != 0).any(1)):
            explained = (x @ weight[i]).var()
            assert explained == pytest.approx(snr / (1 + snr), abs=0.06)
            assert np.cov(x[:, i] - x @ weight[i], x[:, weight[i] != 0].T)[0, 1:] == pytest.approx(0.0, abs=0.02)


def test_ancestral_effects_are_paths():
    system = structural_equations(9, degree=1.5, seed=5)
    direct = system.direct.score.to_numpy() > 0
    reached = np.linalg.inv(np.eye(9) - 0.1 * direct) - np.eye(9) > 1e-12  # the sum of all paths' products
    np.testing.assert_array_equal(system.ancestral.score.to_numpy() > 0, reached)
    assert reached.sum() > direct.sum()


@pytest.mark.parametrize("kind", ["linear", "nonlinear"])
def test_an_intervention_moves_descendants_and_nothing_else(kind):
    system = structural_equations(10, kind=kind, degree=1.5, snr=10.0, seed=6)
    seen = system.sample(200, seed=7)
    ancestral = system.ancestral.score.to_numpy() > 0
    for unit in range(10):
        moved = system.sample(200, do={unit: 3.0}, seed=7)  # the same noise
        changed = np.abs(moved - seen).max(0) > 1e-9
        changed[unit] = False
        assert (moved[:, unit] == 3.0).all()
        np.testing.assert_array_equal(changed, ancestral[:, unit])


def test_hidden_variables_join_those_that_they_act_on():
    """With hidden links, ancestral truth has edges that no path among the seen explains; with hidden causes, the seen
    correlate without one.
    """
    system = structural_equations(10, degree=2.0, n_hidden=10, snr=4.0, seed=8)
    assert len(system.hidden) == 10
    direct = system.direct.score.to_numpy() > 0
    paths = np.linalg.inv(np.eye(10) - 0.1 * direct) - np.eye(10) > 1e-12
    ancestral = system.ancestral.score.to_numpy() > 0
    assert (ancestral & ~paths).any()
    assert not (paths & ~ancestral).any()
    apart = ~(ancestral | ancestral.T) & ~np.eye(10, dtype=bool)
    assert np.abs(np.corrcoef(system.sample(20_000, seed=9).T))[apart].max() > 0.1


def test_interventions_come_one_after_another():
    system = structural_equations(4, degree=1.0, seed=1)
    made = system.interventions([2, 0], 6, strength=1.5, seed=2)
    assert made.shape == (2, 6, 4)
    np.testing.assert_array_equal(made[0, :, 2], [1.5, -1.5] * 3)
    np.testing.assert_array_equal(made[1, :, 0], [1.5, -1.5] * 3)


def test_seeds_decide():
    same = [structural_equations(6, kind="nonlinear", seed=1).sample(5, seed=2) for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert (structural_equations(6, kind="nonlinear", seed=1).sample(5, seed=3) != same[0]).any()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_units": 1}, "n_units must be an integer of at least 2"),
        ({"n_hidden": -1}, "n_hidden must be an integer of at least 0"),
        ({"degree": 3.0}, r"degree must lie in 0 to 2.5, what an acyclic graph of 6 allows; got 3.0"),
        ({"snr": 0.0}, "snr must be above 0; got 0.0"),
        ({"seed": -1}, "seed must be an integer"),
    ],
)
def test_numbers_out_of_range_are_refused(changed, message):
    with pytest.raises(InputError, match=message):
        structural_equations(**({"n_units": 6} | changed))


def test_other_refusals():
    with pytest.raises(UnknownNameError, match="did you mean 'linear'"):
        structural_equations(4, kind="linar", degree=1.0)
    system = structural_equations(4, degree=1.0)
    with pytest.raises(InputError, match=r"do must name variables in 0 to 3; got 4"):
        system.sample(3, do={4: 0.0})
    with pytest.raises(
        InputError, match=r"do must give a finite number, or one for each of 3 samples; got shape \(2,\)"
    ):
        system.sample(3, do={0: [0.0, 1.0]})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.sample(3, do=[1, 2]), r"do must be a mapping of variables to values, such as \{0: 2.0\}; got \[1"),
        (lambda s: s.sample(3, do={0: "a"}), r"do\[0\] must be an array of numbers; got str"),
        (lambda s: s.sample(3, do={True: 1.0}), "do must name variables in 0 to 3; got True"),
        (lambda s: s.sample(3, do={1.0: 1.0}), "do must name variables in 0 to 3; got 1.0"),
        (lambda s: s.interventions(3, 5), r"units must be a sequence of variables, such as \[0, 2\]; got 3"),
        (lambda s: s.interventions([], 5), r"units must be a sequence of variables, .* got \[\]"),
        (lambda s: s.interventions(["a"], 5), "units: 'a' not found; the labels are 0, 1, 2, 3"),
        (lambda s: s.interventions([4], 5), "units: 4 not found"),
        (lambda s: s.interventions([0], "a"), "n_each must be an integer of at least 1; got 'a'"),
    ],
)
def test_what_names_no_variable_or_value_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(structural_equations(4, degree=1.0))
