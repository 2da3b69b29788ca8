"""Figures worked out by hand, the relation between the two diagonal conventions, and what must change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError, TruthWarning
from synfer.evaluate import compare


def connectome(score, **fields) -> Connectome:
    return Connectome(np.asarray(score, dtype=float), **fields)


NAN = np.nan


def test_an_example_by_hand():
    """Edges 0 -> 1 (+), 1 -> 0 (-), 1 -> 2 (+) of six pairs."""
    truth = Connectome.from_weights([[0, -2, 0], [3, 0, 0], [0, 1, 0]])
    score = [[NAN, 0.9, 0.1], [0.5, NAN, 0.6], [0.2, 0.8, NAN]]
    weight = [[NAN, -0.9, 0.1], [-0.5, NAN, 0.6], [0.2, 0.8, NAN]]
    found = compare(connectome(score, weight=weight), truth)
    # Edges score .9, .5, .8; the others .1, .6, .2. Only .5 < .6 is out of order.
    assert found["auroc"] == pytest.approx(8 / 9)
    # In falling order: hit, hit, miss, hit, miss, miss. Precision at the hits: 1, 1, 3/4.
    assert found["auprc"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    # Three more non-edges of score 0, all below every edge: 18 - 1 of 18.
    assert found["auroc_with_diagonal"] == pytest.approx(17 / 18)
    # Unordered: {0,1} .9 edge, {0,2} .2 none, {1,2} .8 edge.
    assert found["auroc_undirected"] == 1.0
    # One way only: 1 -> 2, scored .8 against .6.
    assert found["direction_accuracy"] == 1.0
    # Signs -, -, + against -, +, +.
    assert found["sign_accuracy"] == pytest.approx(2 / 3)
    # The three highest, .9 .8 .6, hold two edges.
    assert found["f1_at_true_density"] == pytest.approx(2 / 3)
    true, guess = [-2, 0, 3, 0, 0, 1], [-0.9, 0.1, -0.5, 0.6, 0.2, 0.8]
    assert found["weight_correlation"] == pytest.approx(np.corrcoef(true, guess)[0, 1])
    assert (found["n_units"], found["n_edges"], found["prevalence"]) == (3, 3, 0.5)
    assert {type(value) for value in found.values()} <= {int, float, str}  # numpy's would be shown as np.float64(...)
    assert list(found) == [
        "n_units",
        "n_edges",
        "prevalence",
        "auroc",
        "auprc",
        "auroc_with_diagonal",
        "auroc_undirected",
        "direction_accuracy",
        "sign_accuracy",
        "weight_correlation",
        "f1_at_true_density",
    ]


def test_ties_count_half():
    truth = Connectome.from_weights([[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    found = compare(connectome(np.ones((3, 3))), truth)
    assert found["auroc"] == 0.5
    assert found["direction_accuracy"] == 0.5
    assert found["f1_at_true_density"] == pytest.approx(1 / 6)
    assert found["auprc"] == pytest.approx(found["prevalence"]) == pytest.approx(1 / 6)


def test_direction_is_asked_only_where_there_is_one():
    both = Connectome.from_weights([[0, 1], [1, 0]])
    three = Connectome.from_weights([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert compare(connectome(np.ones((3, 3))), three)["direction_accuracy"] == "no edge one way only"
    found = compare(connectome(np.ones((2, 2))), both)
    for figure in ("auroc", "auprc", "auroc_undirected", "f1_at_true_density"):
        assert found[figure] == "one class (every edge)"
    assert found["auroc_with_diagonal"] == 1.0  # the diagonal is a second class: that is what is wrong with it


def test_a_truth_without_edges_is_said_to_be_one():
    found = compare(connectome(np.ones((3, 3)), weight=np.ones((3, 3))), Connectome.from_weights(np.zeros((3, 3))))
    for figure in ("auroc", "auprc", "auroc_with_diagonal", "auroc_undirected", "sign_accuracy", "f1_at_true_density"):
        assert found[figure] == "one class (no edges)"
    assert found["weight_correlation"] == "constant weight"
    assert (found["n_edges"], found["prevalence"]) == (0, 0.0)


def test_weights_that_are_not_given_are_said_not_to_be():
    truth = Connectome.from_weights([[0, 1], [0, 0]])
    found = compare(connectome(np.ones((2, 2))), truth)
    assert found["sign_accuracy"] == found["weight_correlation"] == "not given"
    unsigned = compare(connectome(np.ones((2, 2)), weight=np.eye(2) + 1), connectome([[0, 1], [0, 0]]))
    assert unsigned["sign_accuracy"] == "not given"


def test_units_are_matched_by_name():
    truth = Connectome.from_weights([[0, 1, 0], [0, 0, 2], [0, 0, 0]], unit_ids=["a", "b", "c"])
    order = [2, 0, 1]
    shuffled = connectome(truth.score.to_numpy()[np.ix_(order, order)], unit_ids=["c", "a", "b"])
    assert compare(shuffled, truth)["auroc"] == 1.0
    with pytest.raises(
        ShapeError, match=r"units of the truth \(3\), .* got 3: only the truth has 'c' and only the estimate has "
    ):
        compare(connectome(np.ones((3, 3)), unit_ids=["a", "b", "x"]), truth)
    with pytest.raises(ShapeError, match=r"units of the truth \(3\), .* got 4: only the estimate has "):
        compare(connectome(np.ones((4, 4)), unit_ids=["a", "b", "c", "d"]), truth)


def test_a_pair_without_a_score_is_not_guessed():
    truth = Connectome.from_weights([[0, 1], [0, 0]], unit_ids=["a", "b"])
    with pytest.raises(InputError, match="1 of 2 without a finite score, the first b -> a"):
        compare(connectome([[0, NAN], [1, 0]], unit_ids=["a", "b"]), truth)


def test_pairs_without_a_score_are_left_out_where_that_is_asked_for():
    """Edges 0 -> 1, 1 -> 2, 2 -> 3, 3 -> 2 of twelve pairs; 0 -> 1 and 3 -> 0 have no score."""
    truth = Connectome.from_weights([[0, 0, 0, 0], [2, 0, 0, 0], [0, -1, 0, 3], [0, 0, 1, 0]])
    score = np.array([[NAN, 0.3, 0.2, NAN], [NAN, NAN, 0.1, 0.4], [0.2, 0.9, NAN, 0.3], [0.1, 0.2, 0.8, NAN]])
    weight = np.where(np.isfinite(score), 1.0, NAN) * [[1, 1, 1, 1], [1, 1, 1, 1], [1, -1, 1, 1], [1, 1, 1, 1]]
    found = compare(connectome(score, weight=weight), truth, unscored="omit")
    assert (found["n_pairs"], found["n_edges"], found["prevalence"]) == (10, 3, 0.3)
    # Edges .9, .3, .8 against .3, .2, .1, .4, .2, .1, .2: .3 ties with one and is below another.
    assert found["auroc"] == pytest.approx(19.5 / 21)
    # {0,1} and {0,3} are not scored both ways; of edges one way only 1 -> 2 is left.
    assert found["auroc_undirected"] == 1.0 and found["direction_accuracy"] == 1.0
    assert found["sign_accuracy"] == 1.0
    whole = connectome(np.nan_to_num(score), weight=np.nan_to_num(weight))
    assert compare(whole, truth, unscored="omit") == compare(whole, truth) | {"n_pairs": 12}
    with pytest.raises(InputError, match="estimate must score a pair of different units"):
        compare(connectome(np.full((4, 4), NAN)), truth, unscored="omit")
    with pytest.raises(InputError, match="unscored must be 'refuse' or 'omit'; got 'drop'"):
        compare(whole, truth, unscored="drop")


def test_batches_are_compared_one_by_one():
    batch = Connectome(np.ones((2, 3, 3)))
    with pytest.raises(ShapeError, match=r"estimate must be one network.*got 2 networks"):
        compare(batch, batch.isel(network=0))
    with pytest.raises(ShapeError, match="truth must be one network"):
        compare(batch.isel(network=0), batch)


def test_edge_lists_are_compared_as_matrices():
    truth = Connectome.from_weights([[0, 1, 0], [0, 0, -2], [0, 0, 0]])
    listed = Connectome.from_edges(source=[1, 2], target=[0, 1], n_units=3, weight=[1.0, -2.0])
    assert compare(listed, truth) == compare(truth, listed) == compare(truth, truth)


@st.composite
def graded(draw):
    """Scores with ties, signed weights and a truth, for up to seven units."""
    n = draw(st.integers(2, 7))
    grades = hnp.arrays(np.int64, (n, n), elements=st.integers(1, 5))
    score, weight = draw(grades), draw(grades) - 3
    truth = draw(hnp.arrays(np.int64, (n, n), elements=st.sampled_from([-1, 0, 1])))
    np.fill_diagonal(truth, 0)
    return score.astype(float), weight.astype(float), truth.astype(float)


@settings(max_examples=60, deadline=None)
@given(graded(), st.randoms(use_true_random=False))
def test_the_order_of_units_changes_nothing(case, random):
    score, weight, truth = case
    order = list(range(len(score)))
    random.shuffle(order)
    shuffle = np.ix_(order, order)
    names = np.array([f"unit {k}" for k in range(len(score))])
    plain = compare(connectome(score, weight=weight, unit_ids=names), Connectome.from_weights(truth, unit_ids=names))
    moved = compare(
        connectome(score[shuffle], weight=weight[shuffle], unit_ids=names[order]),
        Connectome.from_weights(truth, unit_ids=names),
    )
    renamed = compare(connectome(score[shuffle], weight=weight[shuffle]), Connectome.from_weights(truth[shuffle]))
    for other in (moved, renamed):
        for figure, value in plain.items():
            assert other[figure] == (value if isinstance(value, str) else pytest.approx(value)), figure


@settings(max_examples=60, deadline=None)
@given(graded())
def test_the_diagonal_s_gift_is_as_computed(case):
    """The relation of papers/causalformer.md, A5, for positive scores."""
    score, _, truth = case
    n = len(score)
    n0 = int((truth == 0).sum()) - n
    assume(0 < n0 < n * (n - 1))
    found = compare(connectome(score), Connectome.from_weights(truth))
    assert found["auroc"] == pytest.approx((found["auroc_with_diagonal"] * (n0 + n) - n) / n0)
    assert found["auroc_with_diagonal"] >= found["auroc"]


@settings(max_examples=60, deadline=None)
@given(graded())
def test_figures_lie_within_their_ranges_and_ranks_are_all_that_counts(case):
    score, weight, truth = case
    found = compare(connectome(score, weight=weight), Connectome.from_weights(truth))
    for figure, value in found.items():
        if not isinstance(value, str) and figure not in ("n_units", "n_edges", "weight_correlation"):
            assert 0 <= value <= 1, figure
    stretched = compare(connectome(np.exp(score), weight=weight), Connectome.from_weights(truth))
    assert stretched == found
    perfect = compare(Connectome.from_weights(truth), Connectome.from_weights(truth))
    for figure in ("auroc", "auprc", "direction_accuracy", "sign_accuracy", "f1_at_true_density"):
        assert isinstance(perfect[figure], str) or perfect[figure] == 1.0


def test_only_connectomes_are_compared():
    truth = Connectome.from_weights([[0.0, 5.0], [0.0, 0.0]])
    with pytest.raises(InputError, match="estimate must be a Connectome, got a ndarray: label a matrix"):
        compare(truth.weight.values, truth)
    with pytest.raises(InputError, match="truth must be a Connectome, got a tuple"):
        compare(truth, (truth,))


def test_a_weight_that_is_not_known_takes_no_other_figure_with_it():
    rng = np.random.default_rng(0)
    true = np.where(rng.random((5, 5)) < 0.5, rng.standard_normal((5, 5)), 0.0)
    guess = true + 0.3 * rng.standard_normal((5, 5))
    truth, whole = Connectome.from_weights(true), Connectome(np.abs(guess), weight=guess)
    partly = guess.copy()
    partly[1, 0] = NAN
    found = compare(Connectome(np.abs(guess), weight=partly), truth)
    pairs = ~np.eye(5, dtype=bool)
    pairs[1, 0] = False
    assert found["weight_correlation"] == pytest.approx(np.corrcoef(true[pairs], guess[pairs])[0, 1])
    assert found["auroc"] == compare(whole, truth)["auroc"]
    unknown = compare(Connectome(np.abs(guess), weight=np.full((5, 5), NAN)), truth)
    assert unknown["weight_correlation"] == "not given"


def test_an_estimate_in_the_truths_place_is_warned_of():
    truth = Connectome.from_weights([[0, -2, 0], [3, 0, 0], [0, 1, 0]])
    estimate = connectome([[NAN, 0.9, 0.0], [0.5, NAN, 0.6], [0.2, 0.8, NAN]], method="MVGC", converged=True)
    with pytest.warns(TruthWarning, match="truth must be known wiring, got an estimate by MVGC"):
        compare(truth, estimate)
    compare(estimate, truth)
