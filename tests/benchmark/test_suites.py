"""Suites: published files are found under their sets; fresh networks are seeded, and have both classes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from synfer import Recording
from synfer.benchmark import SUITES, simulated, suites
from synfer.discover import METHODS

PUBLISHED = {
    "izhikevich": (16, 48), "lorenz96": (6, 14), "var": (3, 9), "dream3": (3, 9), "netsim": (2, 26), "spycon": (1, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_are_found(data_folder, name):
    tasks = SUITES[name].tasks(data_folder, None, 0)
    assert (len({task.set for task in tasks}), len(tasks)) == PUBLISHED[name]
    assert len({(task.set, task.network) for task in tasks}) == len(tasks)
    recording, truth = pickle.loads(pickle.dumps(tasks[-1])).load()
    assert recording.n_units == truth.n_units
    assert list(recording.unit_ids) == list(truth.unit_ids)
    inside = SUITES[name].tasks(data_folder / name, None, 0)
    assert [(task.set, task.network, task.stamp) for task in inside] == [
        (task.set, task.network, task.stamp) for task in tasks
    ]


def test_subjects_are_pooled_as_trials(data_folder):
    pooled = SUITES["netsim"].tasks(data_folder, None, 0)[-1]
    recording, truth = pooled.load()
    assert (pooled.set, pooled.network) == ("sim3_pooled", "25_subjects")
    assert recording.leading == "trial"
    assert recording["x" if "x" in recording.signal_names else next(iter(recording.signal_names))].shape == (
        25,
        200,
        15,
    )
    assert truth.n_units == 15


def test_voltages_and_spikes_stand_beside_each_other(data_folder):
    recording, _ = SUITES["izhikevich"].tasks(data_folder, None, 0)[0].load()
    assert list(recording.signal_names) == ["v", "spikes"]
    spiking = recording["v"] >= recording["v"].max(axis=0) - 1e-9
    assert (recording["spikes"][1:][spiking[1:]] == 1).mean() > 0.95


@pytest.mark.parametrize("name", ["izhikevich", "lorenz96", "var"])
def test_fresh_networks_are_those_of_their_seed(name):
    one, two, other = (SUITES[name].tasks(None, 2, seed) for seed in (1, 1, 2))
    assert len({task.set for task in one}) == PUBLISHED[name][0]
    pair, same, differs, second = (task.load() for task in (one[0], two[0], other[0], one[1]))
    (signal,) = [next(iter(pair[0].signal_names))]
    np.testing.assert_array_equal(pair[0][signal], same[0][signal])
    assert not np.array_equal(pair[0][signal], differs[0][signal])
    assert not np.array_equal(pair[0][signal], second[0][signal])
    edges = pair[1].score.values > 0
    np.fill_diagonal(edges, False)
    assert 0 < edges.sum() < edges.size - len(edges)
    assert one[0].stamp != other[0].stamp


def test_a_network_of_one_class_is_drawn_again():
    from synfer.simulate import izhikevich_network

    networks = ((k, izhikevich_network(1, 1, 0.2, seed=k)) for k in range(10_000))
    key = next(k for k, network in networks if not (network.connectome.score.values > 0).any())
    recording, truth = simulated.make_izhikevich(1, 1, 2, key)
    assert recording.provenance["redrawn"] >= 1
    assert (truth.score.values > 0).any()


def test_settings_are_of_methods_and_suites_that_are_there():
    from synfer.benchmark.settings import SETTINGS, SIGNALS

    for table in (SETTINGS, SIGNALS):
        assert {key.split("/")[0] for key in table} <= set(SUITES)
        for methods in table.values():
            assert set(methods) <= set(METHODS)
    for methods in SETTINGS.values():
        for name, parameters in methods.items():
            METHODS[name]().set_params(**parameters)


def test_dream3_s_trajectories_are_smoothed_within_themselves(monkeypatch):
    x = np.random.default_rng(0).random((3, 21, 4))
    read = Recording({"expression": x}, 1.0, leading="trial")
    monkeypatch.setattr(suites.datasets, "load_dream3", lambda path: (read, None))
    recording, _ = suites._load_dream3(None)
    smooth = np.asarray(recording["expression"])
    assert smooth.shape == (3, 11, 4)
    np.testing.assert_allclose(smooth[:, 0], 0.75 * x[:, 0] + 0.25 * x[:, 1])
    for t in range(1, 11):
        np.testing.assert_allclose(smooth[:, t], 0.25 * x[:, t - 1] + 0.5 * x[:, t] + 0.25 * x[:, t + 1])
