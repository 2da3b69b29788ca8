"""What is known of units beside their labels goes where the units of a connectome go."""

from __future__ import annotations

import gzip

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError

INFO = {
    "brain_area": ["CA1", "CA3", "DG"],
    "depth": [1.0, np.nan, 3.0],
    "good": [True, False, True],
    "shank": [1, 2, 2],
}
W = np.array([[0.0, 5.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])


def matrix(info=INFO):
    return Connectome.from_weights(W, unit_ids=["a", "b", "c"], unit_info=info)


def edge_list(info=INFO):
    return Connectome.from_edges(
        [1, 0, 1], [0, 1, 2], weight=[5.0, -1.0, 2.0], unit_ids=["a", "b", "c"], unit_info=info
    )


def assert_told(connectome):
    info = connectome.unit_info
    assert list(info) == list(INFO) and info.index.tolist() == connectome.unit_ids.tolist()
    assert info["brain_area"].tolist() == ["CA1", "CA3", "DG"] and info["good"].tolist() == [True, False, True]
    assert info["good"].dtype == bool and info["shank"].tolist() == [1, 2, 2]
    np.testing.assert_array_equal(info["depth"], [1.0, np.nan, 3.0])


@pytest.mark.parametrize("make", [matrix, edge_list])
def test_files_labelled_arrays_matrices_and_batches_keep_it(make, tmp_path):
    made = make()
    assert_told(made)
    made.save(tmp_path / "c.nc")
    loaded = Connectome.load(tmp_path / "c.nc")
    assert_told(loaded)
    assert loaded.identical(made)
    assert_told(Connectome.from_xarray(made.to_xarray()))
    assert_told(made.to_matrix())
    batch = Connectome.stack([made, make()])
    assert_told(batch)
    assert_told(batch.isel(network=1))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", [matrix, edge_list])
def test_a_column_with_a_space_in_its_name_comes_back_from_a_file(make, tmp_path):
    given = {"depth": [1.0, 2.0, 3.0], "Brain Area": ["CA1", "CA3", "DG"]}
    made = make(given)
    made.save(tmp_path / "c.nc")
    loaded = Connectome.load(tmp_path / "c.nc")
    assert loaded.unit_info["Brain Area"].tolist() == given["Brain Area"] and loaded.identical(made)


@pytest.mark.parametrize("make", [matrix, edge_list])
def test_parts_tables_and_graphs_have_it(make):
    part = make().sel(["c", "b"])
    assert part.unit_info["brain_area"].tolist() == ["DG", "CA3"]
    first = make().edges().iloc[0]
    assert (first["source"], first["target"]) == ("b", "a")
    assert (first["source_brain_area"], first["target_brain_area"], first["target_depth"]) == ("CA3", "CA1", 1.0)
    assert "source_shank" in make().to_pandas().columns
    graph = make().to_networkx()
    assert graph.nodes["c"] == {"brain_area": "DG", "depth": 3.0, "good": True, "shank": 2}


def test_a_column_selects_by_xarray():
    score = matrix().score
    assert score.where(score.source_brain_area == "CA3", drop=True).source.values.tolist() == ["b"]


def test_without_it_nothing_changes():
    plain = Connectome.from_weights(W)
    assert plain.unit_info.shape == (3, 0) and list(plain.edges()) == ["source", "target", "score", "weight"]


def test_a_column_of_another_length():
    with pytest.raises(ShapeError, match=r"unit_info 'depth' must have shape \(3,\)"):
        Connectome.from_weights(W, unit_info={"depth": [1.0]})


def test_text_and_graph_files(tmp_path):
    info = {name: INFO[name] for name in ("brain_area", "good")}
    made = Connectome.from_weights(W, unit_ids=["a", "b", "c"], unit_info=info)
    made.to_csv(tmp_path / "c.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "c.csv"), made.to_pandas(), check_dtype=False)
    made.to_graphml(tmp_path / "c.graphml")
    made.to_csv(tmp_path / "c.csv.gz")
    made.to_graphml(tmp_path / "c.graphml.gz")
    for name in ("c.csv", "c.graphml"):
        assert gzip.decompress((tmp_path / f"{name}.gz").read_bytes()) == (tmp_path / name).read_bytes()
    read = nx.read_graphml(tmp_path / "c.graphml")
    assert dict(read.nodes(data=True)) == dict(made.to_networkx().nodes(data=True))
    assert {edge: data["weight"] for *edge_, data in read.edges(data=True) for edge in [tuple(edge_)]} == {
        ("b", "a"): 5.0, ("a", "b"): -1.0, ("b", "c"): 2.0,
    }  # fmt: skip
    with pytest.raises(InputError, match="alpha needs p-values"):
        made.to_csv(tmp_path / "d.csv", alpha=0.05)
    with pytest.raises(InputError, match="XML"):
        Connectome.from_weights(W, unit_ids=["a\x01", "b", "c"]).to_graphml(tmp_path / "d.graphml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.csv", "c.csv.gz", "c.graphml", "c.graphml.gz"]


def test_units_are_selected_by_the_name_a_recording_has_for_them():
    whole = Connectome(np.arange(9.0).reshape(3, 3), unit_ids=["a", "b", "c"])
    assert whole.sel(unit=["c", "a"]).identical(whole.sel(units=["c", "a"]))
    assert whole.sel(unit="b").unit_ids.tolist() == ["b"]
    for given in ({}, {"units": ["a"], "unit": ["b"]}):
        with pytest.raises(InputError, match="sel takes the units that remain, by the name units= or unit="):
            whole.sel(**given)


@pytest.mark.parametrize("make", [matrix, edge_list])
def test_units_are_renamed_by_their_order_or_by_their_old_labels(make, tmp_path):
    made = make()
    old = made.unit_ids.tolist()
    by_order = made.rename(["x", "y", "z"])
    assert by_order.unit_ids.tolist() == ["x", "y", "z"] and made.unit_ids.tolist() == old
    np.testing.assert_array_equal(by_order.score.values, made.score.values)
    assert by_order.unit_info.reset_index(drop=True).equals(made.unit_info.reset_index(drop=True))
    by_label = made.rename({old[2]: "z", old[0]: "x"})
    assert by_label.unit_ids.tolist() == ["x", old[1], "z"]
    assert set(by_label.edges()["source"]) <= {"x", old[1], "z"}
    by_label.save(tmp_path / "c.nc")
    assert Connectome.load(tmp_path / "c.nc").identical(by_label)
    assert by_label.rename(dict(zip(["x", "z"], [old[0], old[2]], strict=True))).identical(made)


@pytest.mark.parametrize(
    ("units", "kind", "message"),
    [
        (["x", "y"], ShapeError, r"units must have shape \(3,\)"),
        (["x", "y", "x"], InputError, "'x' occurs more than once"),
        ({"a": "b"}, InputError, "'b' occurs more than once"),
        ({"d": "x"}, InputError, "units: 'd' not found; the labels are 'a', 'b', 'c'"),
        ({"a": 1}, InputError, "units must be all integers or all strings"),
        ({}, InputError, "units must name at least one unit"),
        (None, InputError, "units must be labels, one a unit, .* got None"),
    ],
)
def test_labels_that_are_none_are_refused(units, kind, message):
    with pytest.raises(kind, match=message):
        Connectome(np.ones((3, 3)), unit_ids=["a", "b", "c"]).rename(units)
