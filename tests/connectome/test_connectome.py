import networkx as nx
import numpy as np
import pytest
import torch
import xarray as xr
from scipy import sparse

from synfer.connectome import Connectome
from synfer.errors import FileError, InputError, ShapeError

# 1 drives 0 (+5), 2 drives 1 (-5): W[target, source]
WEIGHTS = np.array([[0.0, 5.0, 0.0], [0.0, 0.0, -5.0], [0.0, 0.0, 0.0]])


def estimate(n=4, seed=0, networks=None, **more):
    """Every field, NaN on the diagonal."""
    rng = np.random.default_rng(seed)
    shape = (n, n) if networks is None else (networks, n, n)
    fields = {name: rng.uniform(size=shape) for name in ("score", "pvalue", "delay", "score_std")}
    fields["weight"] = rng.normal(size=shape)
    for field in fields.values():
        field[..., np.arange(n), np.arange(n)] = np.nan
    about = {"method": "Test", "parameters": {"lag": 3}, "seed": 7, "dt": 1e-3, "converged": True}
    return Connectome(**fields, **(about | {"provenance": {"from": "rng"}} | more))


def test_the_truth_of_weights():
    truth = Connectome.from_weights(WEIGHTS, delay=1e-3, unit_ids=["a", "b", "c"])
    assert truth.weight.dims == ("target", "source")
    np.testing.assert_array_equal(truth.weight, WEIGHTS)
    np.testing.assert_array_equal(truth.score, np.abs(WEIGHTS))
    np.testing.assert_array_equal(truth.delay, np.where(WEIGHTS != 0, 1e-3, np.nan))
    assert truth.weight.sel(target="a", source="b") == 5
    assert (truth.pvalue, truth.score_std) == (None, None)
    assert (truth.n_units, truth.n_networks, truth.layout) == (3, None, "matrix")


@pytest.mark.parametrize("layout", ["matrix", "edges"])
def test_edges_run_from_source_to_target(layout):
    if layout == "matrix":
        truth = Connectome.from_weights(WEIGHTS, unit_ids=["a", "b", "c"])
    else:
        truth = Connectome.from_edges([1, 2], [0, 1], weight=[5.0, -5.0], unit_ids=["a", "b", "c"])
    graph = truth.to_networkx()
    assert isinstance(graph, nx.DiGraph)
    assert list(graph.nodes) == ["a", "b", "c"]
    assert set(graph.edges) == {("b", "a"), ("c", "b")}
    assert graph.edges["c", "b"] == {"score": 5.0, "weight": -5.0}
    assert nx.has_path(graph, "c", "a")
    assert not nx.has_path(graph, "a", "c")
    rows = truth.edges()[["source", "target", "weight"]].values.tolist()
    assert sorted(rows) == [["b", "a", 5.0], ["c", "b", -5.0]]


def test_nothing_said_is_left_out_of_the_graph():
    score = np.ones((2, 2))
    graph = Connectome(score, weight=[[np.nan, np.nan], [2.0, np.nan]]).to_networkx()
    assert graph.edges[1, 0] == {"score": 1.0}
    assert graph.edges[0, 1] == {"score": 1.0, "weight": 2.0}


def test_labelled_arrays_are_turned_by_name():
    labels = {"target": ["a", "b", "c"], "source": ["a", "b", "c"]}
    labelled = xr.DataArray(WEIGHTS, dims=("target", "source"), coords=labels)
    truth = Connectome.from_weights(WEIGHTS, unit_ids=["a", "b", "c"])
    assert Connectome.from_weights(labelled).identical(truth)
    assert Connectome.from_weights(labelled.transpose("source", "target")).identical(truth)
    shuffled = labelled.isel(target=[2, 0, 1], source=[1, 2, 0])
    assert Connectome.from_weights(shuffled, unit_ids=["a", "b", "c"]).identical(truth)
    by_row = Connectome.from_weights(shuffled)  # the rows' order, for the columns too
    assert by_row.unit_ids.tolist() == ["c", "a", "b"]
    assert by_row.sel(["a", "b", "c"]).weight.identical(truth.weight)
    batch = xr.DataArray(np.stack([WEIGHTS, 2 * WEIGHTS]), dims=("network", "target", "source"))
    turned = Connectome.from_weights(batch.transpose("source", "network", "target"), leading_ids=[4, 5])
    np.testing.assert_array_equal(turned.weight, batch)
    assert turned.leading_ids.tolist() == [4, 5]


def test_units_without_labels_in_common_are_refused():
    labelled = xr.DataArray(WEIGHTS, dims=("target", "source"), coords={"target": [0, 1, 2], "source": [0, 1, 3]})
    with pytest.raises(InputError, match="source labels are not the units' labels"):
        Connectome(abs(labelled))


def test_fields_share_memory_and_tensors_are_taken():
    score = np.ones((3, 3), np.float32)
    connectome = Connectome(score, weight=torch.ones(3, 3, requires_grad=True))
    assert np.shares_memory(connectome.score.values, score)
    assert connectome.weight.dtype == np.float32
    assert Connectome([[0, 1], [1, 0]]).score.dtype == np.float64


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"score": np.ones((2, 3))}, ShapeError, r"shape \(target, source\) .*; got \(2, 3\)"),
        ({"score": np.ones(4)}, ShapeError, r"got \(4,\)"),
        ({"score": np.ones((0, 0))}, ShapeError, r"got \(0, 0\)"),
        ({"score": None}, InputError, "score must be given"),
        ({"score": [["a"]]}, InputError, "score must be real numbers"),
        ({"score": np.ones((2, 2)), "weight": np.ones((3, 3))}, ShapeError, "weight must have the score's shape"),
        ({"score": [[0.0, -1.0], [0.0, 0.0]]}, InputError, "at least 0, or NaN .* at target 0, source 1"),
        ({"score": [[0.0, np.inf], [0.0, 0.0]]}, InputError, "score must be finite"),
        ({"score": np.ones((2, 2)), "weight": [[0, 0], [np.inf, 0]]}, InputError, "weight must be finite"),
        ({"score": np.ones((2, 2)), "pvalue": [[0, 1.5], [0, 0]]}, InputError, r"pvalue must lie in \[0, 1\]"),
        ({"score": np.ones((2, 2)), "delay": [[0, -1.0], [0, 0]]}, InputError, "delay must be finite and at least 0"),
        ({"score": np.ones((2, 2)), "score_std": [[0, -1.0], [0, 0]]}, InputError, "score_std must be finite"),
        ({"score": np.ones((2, 2)), "unit_ids": ["a", "a"]}, InputError, "unit_ids must be distinct"),
        ({"score": np.ones((2, 2)), "leading_ids": [0]}, InputError, "no leading network axis"),
        ({"score": np.ones((2, 2, 2)), "leading_ids": [0]}, ShapeError, "leading_ids must have shape"),
        ({"score": np.ones((2, 2)), "parameters": {"f": print}}, InputError, "parameters must hold plain"),
        ({"score": xr.DataArray(np.ones((2, 2)), dims=("i", "j"))}, ShapeError, r"must have dims \(target, source\)"),
    ],
)  # fmt: skip
def test_bad_fields_are_refused(fields, kind, message):
    with pytest.raises(kind, match=message):
        Connectome(**fields)


@pytest.mark.parametrize("networks", [None, 3])
def test_save_and_load_keep_everything(tmp_path, networks):
    ids = {"unit_ids": ["a", "b", "c", "d"]} | ({} if networks is None else {"leading_ids": [5, 6, 9]})
    connectome = estimate(networks=networks, **ids)
    connectome.save(tmp_path / "c.nc")
    loaded = Connectome.load(tmp_path / "c.nc")
    assert loaded.identical(connectome)
    assert (loaded.method, loaded.parameters, loaded.seed, loaded.dt) == ("Test", {"lag": 3}, 7, 1e-3)
    assert loaded.converged is True
    assert loaded.provenance == {"from": "rng"}
    assert loaded.versions == connectome.versions
    assert set(loaded.versions) == {"synfer", "numpy", "torch"}
    np.testing.assert_array_equal(np.diagonal(loaded.score.values, axis1=-2, axis2=-1), np.nan)
    with xr.open_dataset(tmp_path / "c.nc") as data:
        xr.testing.assert_equal(data["delay"], connectome.delay)
        assert data["delay"].attrs["units"] == "s"


def test_versions_are_those_of_the_making_not_of_the_reading(tmp_path):
    connectome = estimate()
    connectome.versions["torch"] = "0.0.1"
    connectome.save(tmp_path / "c.nc")
    assert Connectome.load(tmp_path / "c.nc").versions["torch"] == "0.0.1"
    assert connectome.sel([0, 1]).versions["torch"] == "0.0.1"


def test_types_survive_the_file(tmp_path):
    connectome = Connectome(np.ones((2, 2), np.float32), weight=np.ones((2, 2)))
    connectome.save(tmp_path / "c.nc")
    loaded = Connectome.load(tmp_path / "c.nc")
    assert (loaded.score.dtype, loaded.weight.dtype) == (np.float32, np.float64)


def test_a_half_written_file_is_refused(tmp_path):
    estimate(40).save(tmp_path / "c.nc")
    content = (tmp_path / "c.nc").read_bytes()
    (tmp_path / "c.nc").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match=r"cannot read .*c\.nc"):
        Connectome.load(tmp_path / "c.nc")


def test_impossible_values_in_a_file_are_the_files_fault(tmp_path):
    connectome = estimate()
    connectome.score.values[0, 1] = -1.0
    connectome.save(tmp_path / "c.nc")
    with pytest.raises(FileError, match=r"c\.nc.*damaged.*score must be finite and at least 0"):
        Connectome.load(tmp_path / "c.nc")


def test_xarray_round_trip():
    for connectome in (estimate(), estimate(networks=2), Connectome.from_edges([1], [0], n_units=3, weight=[2.0])):
        assert Connectome.from_xarray(connectome.to_xarray()).identical(connectome)
    with pytest.raises(InputError, match="must have a variable 'score'; it has w"):
        Connectome.from_xarray(xr.Dataset({"w": 1.0}))


def test_networks_of_a_batch():
    batch = estimate(networks=3, leading_ids=[5, 6, 9])
    one = batch.isel(network=-1)
    assert (one.n_networks, one.leading_ids) == (None, None)
    np.testing.assert_array_equal(one.score, batch.score[2])
    assert one.provenance == {"from": "rng", "network": 9}
    some = batch.isel(network=[2, 0])
    assert some.leading_ids.tolist() == [9, 5]
    np.testing.assert_array_equal(some.pvalue, batch.pvalue[[2, 0]])
    assert batch.isel(network=slice(0, 1)).n_networks == 1
    for wrong in (3, [0, 7], [], slice(5, 9), [0, 0]):
        with pytest.raises(InputError, match="network"):
            batch.isel(network=wrong)
    with pytest.raises(InputError, match="no network axis"):
        one.isel(network=0)
    with pytest.raises(InputError, match=r"choose it by isel\(network=...\)"):
        batch.to_networkx()


@pytest.mark.parametrize("layout", ["matrix", "edges"])
def test_some_of_the_units(layout):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(6, 6)) * (rng.uniform(size=(6, 6)) < 0.5)
    ids = np.array(list("uvwxyz"))
    full = Connectome.from_weights(weights, unit_ids=ids, method="Truth")
    if layout == "edges":
        target, source = np.nonzero(weights)
        full = Connectome.from_edges(source, target, unit_ids=ids, weight=weights[target, source], method="Truth")
    part = full.sel(["y", "u", "w"])
    assert part.layout == layout
    assert part.unit_ids.tolist() == ["y", "u", "w"]
    assert part.method == "Truth"
    np.testing.assert_array_equal(part.to_matrix().weight, weights[np.ix_([4, 0, 2], [4, 0, 2])])
    with pytest.raises(InputError, match="units: 'q' not found"):
        full.sel(["q"])
    for wrong in (["u", "u"], []):
        with pytest.raises(InputError, match="at least one unit, and none twice"):
            full.sel(wrong)


def test_sparse_weights():
    small = sparse.coo_array(([5.0, -5.0], ([0, 1], [1, 2])), shape=(3, 3))
    assert Connectome.from_weights(small).identical(Connectome.from_weights(WEIGHTS))
    n = 5000
    # rows 1, 7, 9: an entry that is zero, one given in two parts, and a plain one
    starts = np.repeat([0, 1, 3, 4], [2, 6, 2, n + 1 - 10])
    large = sparse.csr_array((np.array([0.0, 2.0, 3.0, -1.0]), np.array([1, 4, 4, 7]), starts), shape=(n, n))
    truth = Connectome.from_weights(large, delay=2e-3)
    assert (truth.layout, truth.n_units, truth.score.sizes["edge"]) == ("edges", n, 2)
    edges = truth.edges()
    assert edges[["source", "target", "weight", "delay"]].values.tolist() == [[4, 7, 5.0, 2e-3], [7, 9, -1.0, 2e-3]]
    assert large.nnz == 4  # the given matrix is left as it was
    assert truth.to_networkx().number_of_nodes() == n
    with pytest.raises(ShapeError, match="as many of both"):
        Connectome.from_weights(sparse.coo_array((n, 3)))
    with pytest.raises(InputError, match="single number"):
        Connectome.from_weights(large, delay=large)


def test_edge_lists_and_matrices_say_the_same(tmp_path):
    edges = Connectome.from_edges([1, 2], [0, 1], n_units=3, weight=[5.0, -5.0], delay=1e-3, seed=4, pvalue=[0.01, 0.5])
    matrix = edges.to_matrix()
    assert (edges.layout, matrix.layout) == ("edges", "matrix")
    np.testing.assert_array_equal(matrix.weight, WEIGHTS)
    np.testing.assert_array_equal(matrix.pvalue, np.where(WEIGHTS > 0, 0.01, np.where(WEIGHTS < 0, 0.5, np.nan)))
    assert matrix.seed == 4
    assert matrix.to_matrix() is matrix
    for alpha in (None, 0.05):
        assert edges.edges(alpha).equals(matrix.edges(alpha))
    edges.save(tmp_path / "e.nc")
    assert Connectome.load(tmp_path / "e.nc").identical(edges)
    assert Connectome.from_edges([0], [1], n_units=2).score.values.tolist() == [1.0]
    none = Connectome.from_edges([], [], n_units=2)
    assert (len(none.edges()), none.to_networkx().number_of_nodes()) == (0, 2)
    none.save(tmp_path / "n.nc")
    assert Connectome.load(tmp_path / "n.nc").identical(none)
    assert "nothing is said" in repr(none)


@pytest.mark.parametrize(
    ("source", "target", "more", "kind", "message"),
    [
        ([0], [1], {}, InputError, "n_units or unit_ids must be given"),
        ([0, 1], [1], {"n_units": 2}, ShapeError, "the same edges; got 2 and 1"),
        ([0], [2], {"n_units": 2}, InputError, "target must hold indices of units, 0 to 1; entry 0 is 2"),
        ([-1], [0], {"n_units": 2}, InputError, "source must hold indices of units"),
        ([0.5], [0], {"n_units": 2}, ShapeError, "source must be a 1-D array of unit indices"),
        ([0, 0], [1, 1], {"n_units": 2}, InputError, "source 0 to target 1 is listed 2 times"),
        ([0], [1], {"n_units": 2, "weight": [1.0, 2.0]}, ShapeError, r"must have shape \(edge,\) = \(1,\)"),
        ([0], [1], {"n_units": 2, "pvalue": [2.0]}, InputError, r"pvalue must lie in \[0, 1\].* edge 0"),
        ([0], [1], {"n_units": 3, "unit_ids": ["a", "b"]}, ShapeError, r"unit_ids must have shape \(3,\)"),
        ([], [], {"n_units": 0}, InputError, "n_units must be at least 1"),
    ],
)
def test_bad_edge_lists_are_refused(source, target, more, kind, message):
    with pytest.raises(kind, match=message):
        Connectome.from_edges(source, target, **more)


def test_identical_sees_every_difference():
    assert estimate().identical(estimate())
    for changes in (
        {"seed": 1}, {"networks": 1}, {"n": 5}, {"unit_ids": list("abcd")}, {"converged": False}, {"method": "Other"},
        {"parameters": {}}, {"dt": 1.0}, {"provenance": {}},
    ):  # fmt: skip
        assert not estimate(**changes).identical(estimate()), changes
    without = Connectome.from_xarray(estimate().to_xarray().drop_vars("pvalue"))
    assert not without.identical(estimate())


def test_representations_say_what_matters_and_are_escaped():
    text = repr(estimate(networks=2))
    for part in ("2 networks x 4 units, matrix, by Test", "pvalue", "lag", "True", "0.001 s"):
        assert part in text
    page = Connectome(np.ones((1, 1)), unit_ids=["<script>"], method="<b>bold", provenance={"<i>": 1})._repr_html_()
    for raw in ("<script>", "<b>bold", "<i>"):
        assert raw not in page
    assert "&lt;script&gt;" in page
