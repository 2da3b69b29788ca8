import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import FileError, InputError, ShapeError
from synfer.network import (
    STDP,
    DeltaSynapse,
    ExponentialSynapse,
    GaussianDrive,
    Network,
    RateCoupling,
    ShortTermPlasticity,
)
from synfer.simulate import run


def network(n=4, networks=None, **more):
    rng = np.random.default_rng(0)
    shape = (n,) if networks is None else (networks, n)
    weights = np.where(rng.uniform(size=(*shape, n)) < 0.5, 5.0, 0.0) * np.where(np.arange(n) < n - 1, 1, -1)
    parameters = {"a": rng.uniform(size=shape), "b": np.full(n, -0.1), "threshold": 30}
    arguments = {"drive": GaussianDrive(5, 5)} | more
    return Network("izhikevich", parameters, Connectome.from_weights(weights), **arguments)


def test_a_single_network():
    single = network()
    assert (single.n_units, single.n_networks) == (4, None)
    assert single.ids.tolist() == [0]
    assert single.ids.dtype == np.int64
    assert single.synapse == DeltaSynapse()
    assert single.parameters["threshold"] == 30.0
    assert single.parameters["b"].tolist() == [-0.1] * 4
    assert single.unit_ids.tolist() == [0, 1, 2, 3]


def test_a_batch_and_its_ids():
    batch = network(networks=3)
    assert (batch.n_networks, batch.ids.tolist()) == (3, [0, 1, 2])
    one = batch.isel(network=2)
    assert (one.n_networks, one.ids.tolist()) == (None, [2])
    np.testing.assert_array_equal(one.parameters["a"], batch.parameters["a"][2])
    np.testing.assert_array_equal(one.parameters["b"], batch.parameters["b"])
    np.testing.assert_array_equal(one.connectome.weight, batch.connectome.weight[2])
    some = batch.isel(network=[2, 0])
    assert some.ids.tolist() == [2, 0]
    assert some.isel(network=0).identical(one)
    assert some.isel(network=slice(0, 1)).n_networks == 1
    assert batch.isel(network=-1).identical(one)
    assert np.shares_memory(batch.isel(network=slice(1, 3)).parameters["a"], batch.parameters["a"])
    for wrong in (3, [], [0, 9]):
        with pytest.raises(InputError, match="network"):
            batch.isel(network=wrong)
    with pytest.raises(InputError, match="no network axis"):
        one.isel(network=0)


def test_ids_may_be_given_or_come_with_the_wiring():
    assert network(networks=2, ids=[7, 9]).ids.tolist() == [7, 9]
    wiring = Connectome.from_weights(np.zeros((2, 3, 3)), leading_ids=[4, 5])
    assert Network("izhikevich", {}, wiring, drive=GaussianDrive(0, 0)).ids.tolist() == [4, 5]
    for wrong in ([1, 1], [-1, 0], ["a", "b"], [1]):
        with pytest.raises(InputError, match="ids must"):
            network(networks=2, ids=wrong)


def test_a_single_networks_number_keys_its_noise():
    one, two, listed = (network(ids=ids) for ids in (None, 7, [7]))
    assert one.ids.tolist() == [0]
    assert two.identical(listed)
    same, other = (run(made, 0.05, record="drive", seed=3)["drive"] for made in (one, two))
    assert not np.any(same == other)
    assert np.array_equal(run(network(networks=9).isel(network=7), 0.05, record="drive", seed=3)["drive"], other)
    for wrong in (-1, True, 7.0, [7, 8]):
        with pytest.raises((InputError, ShapeError), match="ids must"):
            network(ids=wrong)


@pytest.mark.parametrize("networks", [None, 3])
def test_save_and_load(tmp_path, networks):
    made = network(networks=networks, ids=None if networks is None else [5, 6, 9])
    made.save(tmp_path / "n.nc")
    loaded = Network.load(tmp_path / "n.nc")
    assert loaded.identical(made)
    assert isinstance(loaded.parameters["threshold"], float)
    assert loaded.drive == GaussianDrive(5.0, 5.0)
    assert [p.name for p in tmp_path.iterdir()] == ["n.nc"]


def test_half_written_and_damaged_files_are_refused(tmp_path):
    import h5netcdf

    path = tmp_path / "n.nc"
    network(20).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match=r"cannot read .*n\.nc"):
        Network.load(path)
    path.write_bytes(content)
    with h5netcdf.File(path, "a") as file:
        file.attrs["drive"] = '{"kind": "telepathy"}'
    with pytest.raises(FileError, match=r"n\.nc.*damaged.*'telepathy' does not exist"):
        Network.load(path)


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"a": np.ones(3)}, ShapeError, r"parameter 'a' must be scalar or of shape \(unit,\) = \(4,\); got \(3,\)"),
        ({"b": np.ones((2, 4))}, ShapeError, r"parameter 'b' must be scalar .* got \(2, 4\)"),
        ({"c": np.nan}, InputError, "parameter 'c' must be finite"),
        ({"d": "large"}, InputError, "parameter 'd' must be real numbers"),
    ],
)
def test_bad_parameters_are_named(parameters, kind, message):
    with pytest.raises(kind, match=message):
        Network("izhikevich", parameters, Connectome.from_weights(np.zeros((4, 4))), drive=GaussianDrive(0, 0))


def test_a_batchs_parameters_may_have_a_row_a_network():
    wiring = Connectome.from_weights(np.zeros((2, 4, 4)))
    made = Network("izhikevich", {"a": np.ones((2, 4))}, wiring, drive=GaussianDrive(0, 0))
    assert made.parameters["a"].shape == (2, 4)
    with pytest.raises(ShapeError, match=r"or \(network, unit\) = \(2, 4\); got \(2,\)"):
        Network("izhikevich", {"a": np.ones(2)}, wiring, drive=GaussianDrive(0, 0))


def test_units_are_joined_as_their_model_has_it_unless_told_otherwise():
    wiring = Connectome.from_weights(np.zeros((2, 2)))
    assert Network("lif", {}, wiring).synapse == DeltaSynapse()
    assert Network("leaky_tanh", {}, wiring).synapse == RateCoupling()
    assert run(Network("leaky_tanh", {}, wiring), 0.01)["x"].shape == (10, 2)


def test_other_bad_input_is_refused():
    wiring = Connectome.from_weights(np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"drive must be one of GaussianDrive, .*; got a int"):
        Network("izhikevich", {}, wiring, drive=3)
    with pytest.raises(InputError, match=r"synapse must be a DeltaSynapse .*; got a str"):
        Network("izhikevich", {}, wiring, drive=GaussianDrive(0, 0), synapse="delta")
    with pytest.raises(InputError, match="connectome must be a Connectome; got a ndarray"):
        Network("izhikevich", {}, np.zeros((2, 2)), drive=GaussianDrive(0, 0))
    with pytest.raises(InputError, match="must have weights"):
        Network("izhikevich", {}, Connectome(np.ones((2, 2))), drive=GaussianDrive(0, 0))
    with pytest.raises(InputError, match="model must be the name"):
        Network("", {}, wiring, drive=GaussianDrive(0, 0))
    with pytest.raises(InputError, match=r"parameters must be a dict .*NoneType"):
        Network("izhikevich", None, wiring, drive=GaussianDrive(0, 0))


def test_identical_sees_every_difference():
    assert network(networks=2).identical(network(networks=2))
    for other in (
        network(networks=2, ids=[3, 4]),
        network(networks=3),
        network(networks=2, drive=GaussianDrive(5, 4)),
        network(5, networks=2),
    ):
        assert not other.identical(network(networks=2))
    changed = network(networks=2)
    changed.parameters["a"] = changed.parameters["a"] + 1
    assert not changed.identical(network(networks=2))


def test_representations_say_what_matters():
    batch = network(networks=2)
    weights = batch.connectome.weight.values
    for text in (repr(batch), batch._repr_html_()):
        assert "izhikevich, 2 networks x 4 units" in text
        assert f"{np.count_nonzero(weights) / 2:g} a network, {np.sum(weights < 0) / 2:g} inhibitory" in text
        assert "GaussianDrive(mean=5, variance=5)" in text
    named = Network("lif", {}, Connectome.from_weights(np.zeros((1, 1))), drive=GaussianDrive(0, 0))
    named.model = "<b>"
    assert "<b>" not in named._repr_html_()


def test_numbers_of_numpy_are_kept_as_numbers_that_a_file_holds(tmp_path):
    one = network(
        synapse=ExponentialSynapse(np.float32(0.5), np.int8(1)),
        plasticity=[STDP(np.float64(0.1), 1, np.int64(20)), ShortTermPlasticity(np.float32(0.5), 1)],
    )
    assert type(one.synapse.tau_exc) is float
    one.save(tmp_path / "n.nc")
    assert Network.load(tmp_path / "n.nc").identical(one)


@pytest.mark.parametrize("wrong", [np.timedelta64(3, "s"), 10**400, True, "1", None, np.nan])
def test_what_is_no_number_is_no_time_constant(wrong):
    with pytest.raises(InputError, match="tau_exc must be"):
        ExponentialSynapse(wrong, 0.1)


def test_times_of_files_of_before_they_were_seconds_are_read(tmp_path):
    import h5netcdf

    made = Network(
        "lif",
        {"tau": 0.015, "threshold": -48.0, "refractory": [0.001, 0.002]},
        Connectome.from_weights(np.zeros((2, 2))),
    )
    made.save(tmp_path / "n.nc")
    assert Network.load(tmp_path / "n.nc").identical(made)
    with h5netcdf.File(tmp_path / "n.nc", "a") as file:
        del file.attrs["unit_of_times"]
        file["tau"][...] = 15.0
        file["refractory"][...] = [1.0, 2.0]
    old = Network.load(tmp_path / "n.nc")
    assert old.parameters["tau"] == 0.015
    assert old.parameters["threshold"] == -48.0
    assert old.parameters["refractory"].tolist() == [0.001, 0.002]
    rates = Network("leaky_tanh", {"tau": 0.5}, Connectome.from_weights(np.zeros((2, 2))), synapse=RateCoupling())
    rates.save(tmp_path / "r.nc")
    with h5netcdf.File(tmp_path / "r.nc", "a") as file:
        del file.attrs["unit_of_times"]
    assert Network.load(tmp_path / "r.nc").identical(rates)  # these always were
