from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, roc_auc_score

from synfer import Connectome, plot
from synfer.errors import InputError, ShapeError


@pytest.fixture
def truth() -> Connectome:
    rng = np.random.default_rng(3)
    weight = 5.0 * (rng.random((6, 6)) < 0.4)
    np.fill_diagonal(weight, 0.0)
    return Connectome.from_weights(weight)


@pytest.fixture
def guess(truth: Connectome) -> Connectome:
    score = 0.5 * (truth.score.values > 0) + np.random.default_rng(4).random((6, 6))
    np.fill_diagonal(score, np.nan)
    return Connectome(score, method="Guess")


def pairs(truth: Connectome, guess: Connectome) -> tuple[np.ndarray, np.ndarray]:
    off_diagonal = ~np.eye(6, dtype=bool)
    return truth.score.values[off_diagonal] > 0, guess.score.values[off_diagonal]


def test_area_under_the_roc_curve_is_the_auroc(truth, guess):
    ax = plot.roc(guess, truth)
    chance, curve = ax.lines
    assert chance.get_xydata().tolist() == [[0, 0], [1, 1]]
    expected = roc_auc_score(*pairs(truth, guess))
    assert auc(*curve.get_data()) == pytest.approx(expected)
    assert ax.get_legend().get_texts()[0].get_text() == f"Guess  {expected:.2f}"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("false positive rate", "true positive rate")


def test_area_under_the_drawn_steps_is_the_average_precision(truth, guess):
    ax = plot.precision_recall(guess, truth)
    curve, prevalence = ax.lines
    assert curve.get_drawstyle() == "steps-post"  # from each point on, its own precision
    recall, precision = curve.get_data()
    expected = average_precision_score(*pairs(truth, guess))
    assert -np.sum(np.diff(recall) * precision[:-1]) == pytest.approx(expected)
    assert ax.get_legend().get_texts()[0].get_text() == f"Guess  {expected:.2f}"
    assert prevalence.get_ydata()[0] == pytest.approx(pairs(truth, guess)[0].mean())


def test_several_estimates_have_each_a_colour_and_a_name(truth, guess):
    ax = plot.roc({"good": truth, "guess": guess}, truth)
    assert [text.get_text()[:5] for text in ax.get_legend().get_texts()] == ["good ", "guess"]
    assert len({line.get_color() for line in ax.lines}) == 3


@pytest.mark.parametrize("draw", [plot.roc, plot.precision_recall])
def test_a_long_legend_stands_beside_the_curves(draw, truth):
    """Nine methods, as a benchmark compares: no curve is covered, none looks like another."""
    scores = np.random.default_rng(0).random((9, 6, 6))
    ax = draw({f"method {k}": Connectome(score) for k, score in enumerate(scores)}, truth)
    ax.figure.canvas.draw()
    assert not ax.get_legend().get_window_extent().overlaps(ax.get_window_extent())
    curves = [line for line in ax.lines if line.get_label().startswith("method")]
    assert len({(line.get_color(), line.get_linestyle()) for line in curves}) == 9
    assert max(line.get_linewidth() for line in curves) < 5
    inside = draw(Connectome(scores[0]), truth)
    assert inside.get_legend().get_window_extent().overlaps(inside.get_window_extent())


def test_units_are_matched_by_their_ids(truth, guess):
    straight = plot.roc(guess, truth).lines[1].get_xydata()
    turned = plot.roc(guess.sel([3, 1, 5, 0, 2, 4]), truth).lines[1].get_xydata()
    np.testing.assert_array_equal(straight, turned)


@pytest.mark.parametrize("draw", [plot.roc, plot.precision_recall])
def test_what_cannot_be_judged_is_refused(draw, truth, guess):
    with pytest.raises(InputError, match="no edges"):
        draw(guess, Connectome.from_weights(np.zeros((6, 6))))
    with pytest.raises(ShapeError, match="units of the truth"):
        draw(guess.sel([0, 1, 2]), truth)
    with pytest.raises(ShapeError, match="one network"):
        draw(guess, Connectome(np.ones((2, 6, 6))))
    with pytest.raises(InputError, match="none"):
        draw({}, truth)
