from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from synfer import Connectome, plot
from synfer.errors import InputError, ShapeError, UnknownNameError


def chain() -> Connectome:
    """a excites b, b inhibits c: rows are targets."""
    weight = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, -4.0, 0.0]])
    return Connectome.from_weights(weight, unit_ids=["a", "b", "c"])


def estimate() -> Connectome:
    score = np.array([[np.nan, 0.1, 0.2], [0.9, np.nan, 0.1], [0.3, 0.8, np.nan]])
    return Connectome(score, unit_ids=["a", "b", "c"], method="Guess")


def drawn(ax) -> np.ndarray:
    return ax.images[0].get_array().filled(np.nan)


def test_heat_map_has_targets_in_rows_and_sources_in_columns():
    ax = plot.heat_map(chain(), "weight")
    np.testing.assert_array_equal(drawn(ax), [[0, 0, 0], [2, 0, 0], [0, -4, 0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("source", "target")
    for axis in (ax.xaxis, ax.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == ["a", "b", "c"]
    assert ax.yaxis_inverted()  # the first target on top, as a matrix is written


@pytest.mark.parametrize("axis", ["network", "time"])
def test_one_of_several_is_to_be_chosen_along_their_own_axis(axis):
    several = Connectome(np.ones((4, 3, 3)), leading=axis, leading_ids=np.arange(4))
    with pytest.raises(InputError, match=rf"has 4 {axis}s: draw one of them, isel\({axis}=0\)"):
        plot.heat_map(several)
    plot.heat_map(several.isel(**{axis: 0}))


def test_signed_values_are_centred_and_scores_start_at_zero():
    weights = plot.heat_map(chain(), "weight").images[0]
    assert weights.get_clim() == (-4.0, 4.0)
    assert np.ptp(weights.cmap(0.5)[:3]) < 0.02  # no effect has no hue
    red, _, blue, _ = weights.cmap(1.0)
    assert red > blue
    assert plot.heat_map(estimate()).images[0].get_clim() == (0.0, 0.9)


def test_small_p_values_are_the_dark_ones():
    connectome = Connectome(np.ones((2, 2)), pvalue=[[np.nan, 0.001], [0.9, np.nan]])
    image = plot.heat_map(connectome, "pvalue").images[0]
    assert sum(image.cmap(0.0)[:3]) < sum(image.cmap(1.0)[:3])


def test_pairs_nothing_is_said_of_are_masked():
    mask = np.ma.getmaskarray(plot.heat_map(estimate()).images[0].get_array())
    np.testing.assert_array_equal(mask, np.eye(3, dtype=bool))


def test_limit_sets_the_scale_and_the_colour_bar_can_be_left_out():
    ax = plot.heat_map(estimate(), limit=2.0, colour_bar=False)
    assert ax.images[0].get_clim() == (0.0, 2.0)
    assert ax.figure.axes == [ax]


def test_edge_lists_are_drawn_as_matrices():
    listed = Connectome.from_edges(source=[0], target=[1], n_units=2, score=[0.5])
    np.testing.assert_array_equal(drawn(plot.heat_map(listed)), [[0, 0], [0.5, 0]])


def test_maps_beside_each_other_share_one_scale():
    axes = plot.heat_maps({"truth": chain(), "guess": estimate()}, relative=False)
    assert [ax.images[0].get_clim() for ax in axes] == [(0.0, 4.0)] * 2
    assert [ax.get_title() for ax in axes] == ["truth", "guess"]
    assert len(axes[0].figure.axes) == 3  # two maps, one colour bar
    np.testing.assert_array_equal(drawn(axes[1]), estimate().score.values)


def test_relative_scores_run_from_their_own_smallest_to_their_95th_percentile():
    truth, guess = plot.heat_maps({"truth": chain(), "guess": estimate()})
    assert truth.images[0].get_clim() == guess.images[0].get_clim() == (0.0, 1.0)
    score = estimate().score.values
    np.testing.assert_allclose(drawn(guess), (score - 0.1) / np.nanquantile(score - 0.1, 0.95))
    assert "95th percentile" in truth.figure.axes[-1].get_ylabel()


def test_relative_weights_keep_their_zero_and_p_values_their_scale():
    (ax,) = plot.heat_maps({"truth": chain()}, "weight")
    np.testing.assert_allclose(drawn(ax), chain().weight.values / np.quantile(np.abs(chain().weight), 0.95))
    assert ax.images[0].get_clim() == (-1.0, 1.0)
    tested = Connectome(np.ones((2, 2)), pvalue=[[np.nan, 0.01], [0.5, np.nan]])
    (ax,) = plot.heat_maps({"tested": tested}, "pvalue")
    np.testing.assert_array_equal(drawn(ax), tested.pvalue)


def test_maps_follow_the_order_of_the_first_ones_units():
    turned = estimate().sel(["c", "a", "b"])
    _, ax = plot.heat_maps({"truth": chain(), "guess": turned}, relative=False)
    np.testing.assert_array_equal(drawn(ax), estimate().score.values)


def test_a_connectome_without_any_edge_can_be_drawn():
    ax, _ = plot.heat_maps(
        {"none": Connectome.from_weights(np.zeros((3, 3)), unit_ids=["a", "b", "c"]), "g": estimate()}
    )
    assert ax.images[0].get_clim() == (0.0, 1.0)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match=r"no weight.*Guess"):
        plot.heat_map(estimate(), "weight")
    with pytest.raises(UnknownNameError, match=r"'weigth'.*'weight'"):
        plot.heat_map(estimate(), "weigth")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"isel\(network=0\)"):
        plot.heat_map(Connectome(np.ones((2, 3, 3))))
    with pytest.raises(InputError, match="'other' has other units"):
        plot.heat_maps({"truth": chain(), "other": Connectome(np.ones((3, 3)))})
    with pytest.raises(InputError, match="none"):
        plot.heat_maps({})
    with pytest.raises(ShapeError, match=r"\(1,\).*\(2,\)"):
        plot.heat_maps({"truth": chain()}, axes=plt.subplots(1, 2)[1].tolist())


def test_units_of_one_area_stand_together_under_its_name():
    weights = np.arange(25.0).reshape(5, 5)
    areas = ["CA3", "CA1", "", "CA3", "CA1"]
    connectome = Connectome.from_weights(weights, unit_ids=[*"abcde"], unit_info={"brain_area": areas})
    order = [2, 1, 4, 0, 3]
    for ax in (
        plot.heat_map(connectome, by="brain_area"),
        plot.heat_maps({"a": connectome}, by="brain_area", relative=False)[0],
    ):
        np.testing.assert_array_equal(ax.images[0].get_array(), weights[np.ix_(order, order)])
        assert [text.get_text() for text in ax.get_xticklabels()] == ["(unknown)", "CA1", "CA3"]
        assert ax.get_xticks().tolist() == [0.0, 1.5, 3.5]
        assert sorted(line.get_xdata()[0] for line in ax.lines[::2]) == [0.5, 2.5]
    with pytest.raises(UnknownNameError, match="column of unit_info 'area'"):
        plot.heat_map(connectome, by="area")
    with pytest.raises(UnknownNameError, match="column of unit_info"):
        plot.heat_map(Connectome.from_weights(weights), by="brain_area")
