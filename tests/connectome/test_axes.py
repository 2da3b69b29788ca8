"""Bounds of the weights, and connectomes that change in time."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError, SynferError, UnknownNameError
from synfer.evaluate import compare

TIMES = [0.5, 1.0, 2.5]


@pytest.fixture
def bounded():
    """Four units in both layouts, the same pairs, with bounds around the weight; NaN on the diagonal."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(4, 4))
    np.fill_diagonal(weight, np.nan)
    fields = {"weight": weight, "interval_low": weight - 0.5, "interval_high": weight + rng.uniform(size=(4, 4))}
    matrix = Connectome(np.abs(weight), unit_ids=list("abcd"), parameters={"level": 0.95}, **fields)
    target, source = np.nonzero(~np.eye(4, dtype=bool))
    listed = {name: field[target, source] for name, field in fields.items()}
    return matrix, Connectome.from_edges(source, target, unit_ids=list("abcd"), parameters={"level": 0.95}, **listed)


@pytest.fixture
def changing():
    """Three units at three times: 1 drives 0 ever more strongly, 0 drives 2 at the last."""
    weight = np.zeros((3, 3, 3))
    weight[:, 0, 1] = [1.0, 2.0, 3.0]
    weight[2, 2, 0] = -5.0
    pvalue = np.where(weight != 0, 1e-4, 0.6)
    return Connectome.from_weights(weight, delay=1e-3, leading="time", leading_ids=TIMES, pvalue=pvalue)


@pytest.mark.parametrize("layout", ["matrix", "edges"])
def test_bounds_go_wherever_the_weight_goes(bounded, layout, tmp_path):
    connectome = bounded[layout == "edges"]
    assert connectome.layout == layout
    weight, low, high = connectome.weight, connectome.interval_low, connectome.interval_high
    known = ~np.isnan(weight.values)
    assert np.all((low.values < weight.values)[known] & (weight.values < high.values)[known])
    assert list(connectome.fields) == ["score", "weight", "interval_low", "interval_high"]
    connectome.save(tmp_path / "c.nc")
    assert Connectome.load(tmp_path / "c.nc").identical(connectome)
    for table in (connectome.edges(), connectome.to_pandas().dropna()):
        assert list(table.columns[-2:]) == ["interval_low", "interval_high"]
        np.testing.assert_allclose(table["weight"] - table["interval_low"], 0.5)
    assert set(connectome.to_networkx().edges["a", "b"]) == {"score", "weight", "interval_low", "interval_high"}
    part = connectome.sel(["c", "a"]).to_matrix()
    expected = bounded[0].interval_high.sel(target="c", source="a")
    assert part.interval_high.sel(target="c", source="a") == expected
    assert "interval_high" in repr(connectome)


def test_what_is_not_listed_has_no_bounds():
    edges = Connectome.from_edges([1], [0], n_units=2, weight=[2.0], interval_low=[1.0], interval_high=[3.0])
    np.testing.assert_array_equal(edges.to_matrix().interval_low, [[np.nan, 1.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(edges.to_matrix().weight, [[0.0, 2.0], [0.0, 0.0]])


def test_bounds_that_are_rounded_keep_their_order():
    weight = np.random.default_rng(1).normal(size=(6, 6))
    single = weight.astype(np.float32)
    assert np.any(single > weight)  # by rounding alone
    assert Connectome(abs(weight), weight=weight, interval_low=single, interval_high=weight).n_units == 6


@pytest.mark.parametrize("low, high", [(1.5, 2.0), (-1.0, 0.5)])
def test_bounds_need_not_hold_a_weight_that_is_biased(low, high, tmp_path):
    fields = {name: np.array([[0.0, value], [0.0, 0.0]]) for name, value in
              {"weight": 1.0, "interval_low": low, "interval_high": high}.items()}  # fmt: skip
    Connectome(np.ones((2, 2)), **fields).save(tmp_path / "c.nc")
    assert Connectome.load(tmp_path / "c.nc").interval_low[0, 1] == low
    listed = {name: [matrix[0, 1]] for name, matrix in fields.items()}
    assert Connectome.from_edges([1], [0], n_units=2, **listed).interval_high.values == [high]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"interval_low": 2.0, "interval_high": 1.5},
            "interval_low must be at most interval_high; at target 0, source 1 they are 2.0 and 1.5",
        ),
        ({"weight": np.nan, "interval_low": 2.0, "interval_high": 1.0}, "interval_low must be at most interval_high"),
        ({"interval_low": -np.inf}, "interval_low must be finite, or NaN"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(fields, message):
    def laid_out(value):
        return np.array([[0.0, value], [0.0, 0.0]])

    matrices = {name: laid_out(value) for name, value in ({"weight": 1.0} | fields).items()}
    with pytest.raises(InputError, match=message):
        Connectome(np.ones((2, 2)), **matrices)
    listed = {name: [value] for name, value in ({"weight": 1.0} | fields).items()}
    with pytest.raises(InputError, match=message.replace("target 0, source 1", "edge 0")):
        Connectome.from_edges([1], [0], n_units=2, **listed)


def test_time_leads(changing, tmp_path):
    assert changing.weight.dims == ("time", "target", "source")
    assert (changing.leading, changing.leading_ids.tolist(), changing.n_networks) == ("time", TIMES, None)
    assert changing.weight.sel(time=2.5, target=2, source=0) == -5.0
    assert changing.to_xarray()["time"].attrs["units"] == "s"
    assert "3 times x 3 units" in repr(changing)
    assert "0.5 to 2.5 s" in repr(changing)
    changing.save(tmp_path / "c.nc")
    loaded = Connectome.load(tmp_path / "c.nc")
    assert loaded.identical(changing)
    assert loaded.leading == "time"
    named = xr.DataArray(changing.score.values, dims=("time", "target", "source"), coords={"time": TIMES})
    assert Connectome(named.transpose("source", "time", "target")).score.identical(Connectome(named).score)
    assert Connectome(named).leading_ids.tolist() == TIMES


def test_parts_in_time(changing):
    last = changing.isel(time=-1)
    assert (last.leading, last.leading_ids, last.provenance) == (None, None, {"time": 2.5})
    np.testing.assert_array_equal(last.weight, changing.weight.values[2])
    assert changing.isel(time=slice(1, None)).leading_ids.tolist() == [1.0, 2.5]
    assert changing.sel([1, 0]).weight.shape == (3, 2, 2)
    for wrong, message in (
        ({"network": 0}, "no network axis"),
        ({"time": 3}, "among 3 times"),
        ({"time": [2, 0]}, "in their order"),
        ({"time": []}, "at least one of 3 times"),
        ({}, "either network= or time="),
    ):
        with pytest.raises(InputError, match=message):
            changing.isel(**wrong)


def test_tables_have_a_row_a_time(changing):
    assert changing.edges()[["time", "source", "target"]].values.tolist() == [
        [0.5, 1, 0], [1.0, 1, 0], [2.5, 0, 2], [2.5, 1, 0],
    ]  # fmt: skip
    assert changing.to_pandas()["time"].tolist() == np.repeat(TIMES, 9).tolist()
    # each time is a family of its own: six pairs, not eighteen
    corrected = changing.edges(0.05, "bonferroni").groupby("time")["pvalue_corrected"].max()
    np.testing.assert_allclose(corrected, 6e-4)


def test_one_time_at_once_where_only_one_fits(changing):
    with pytest.raises(InputError, match=r"one network at one time: choose it by isel\(time=\.\.\.\)"):
        changing.to_networkx()
    with pytest.raises(ShapeError, match=r"estimate must be one network.* got 3 times.*isel\(time=k\)"):
        compare(changing, changing.isel(time=0))
    assert compare(changing.isel(time=2), changing.isel(time=2))["auroc"] == 1.0


@pytest.mark.parametrize(
    ("shape", "about", "message"),
    [
        ((2, 3, 3), {}, "leading_ids must be given, in seconds"),
        ((2, 3, 3), {"leading_ids": [0.0]}, r"leading_ids must have shape \(2,\)"),
        ((2, 3, 3), {"leading_ids": [1.0, 0.5]}, "finite, increasing seconds"),
        ((2, 3, 3), {"leading_ids": [0.5, np.nan]}, "finite, increasing seconds"),
        ((2, 3, 3), {"leading_ids": ["a", "b"]}, "leading_ids must be real numbers"),
        ((3, 3), {"leading_ids": [0.0]}, "no leading time axis"),
        ((3, 3), {}, "no leading time axis"),
    ],
)
def test_times_that_are_none_are_refused(shape, about, message):
    with pytest.raises(SynferError, match=message):
        Connectome(np.ones(shape), leading="time", **about)


def test_other_axes_do_not_lead():
    with pytest.raises(UnknownNameError, match="leading axis 'trial' does not exist"):
        Connectome(np.ones((2, 3, 3)), leading="trial")
    with pytest.raises(ShapeError, match="must have dims"):
        Connectome(xr.DataArray(np.ones((2, 3, 3)), dims=("network", "target", "source")), leading="time")
