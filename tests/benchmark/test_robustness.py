"""The ten conditions: each is what it says, seeded, with both classes, and ordered so that sets grow together."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from synfer.benchmark import SUITES, run
from synfer.benchmark import robustness as room
from synfer.benchmark.settings import SETTINGS, settings_of, signal_of

SHAPES = {
    "spikes_5s_n20": (5000, 20), "spikes_5s_n40": (5000, 40), "decimated_x5": (1000, 20), "half_hidden": (5000, 20),
    "shared_drive": (5000, 20), "delays_1_10ms": (5000, 20), "lognormal_weights": (5000, 20),
    "lif_conductance": (5000, 20), "ring_double": (60_000, 20),
}  # fmt: skip
LONG = {"spikes_60s_n20", "spikes_60s_n40", "calcium_30hz", "hodgkin_huxley", "ring_half", "ring_critical"}


def task(name, k=0, n=1, seed=3):
    return [task for task in SUITES["robustness"].tasks(None, n, seed) if task.set == name][k]


def test_every_set_gets_a_network_before_any_gets_the_next():
    tasks = SUITES["robustness"].tasks(None, 2, 0)
    assert [task.set for task in tasks[: len(tasks) // 2]] == [task.set for task in tasks[len(tasks) // 2 :]]
    assert {task.set for task in tasks} == set(SHAPES) | LONG
    fewer = SUITES["robustness"].tasks(None, 1, 0)  # a longer run goes on where a shorter one ended
    assert [(task.set, task.stamp) for task in fewer] == [(task.set, task.stamp) for task in tasks[: len(fewer)]]


@pytest.mark.parametrize("name", SHAPES)
def test_a_recording_is_of_its_condition(name):
    one = task(name)
    recording, truth = pickle.loads(pickle.dumps(one)).load()
    assert recording.shape == SHAPES[name]
    assert {"spikes": "spikes", "voltage": "v", "slow_voltage": "v", "calcium": "calcium"}[
        one.kind
    ] == recording.signal_names[0]
    assert list(recording.unit_ids) == list(truth.unit_ids)
    edges = truth.score.values > 0
    np.fill_diagonal(edges, False)
    assert 0 < edges.sum() < edges.size - len(edges)
    again, _ = task(name).load()
    np.testing.assert_array_equal(again[recording.signal_names[0]], recording[recording.signal_names[0]])
    other, _ = task(name, 1, 2).load()
    assert not np.array_equal(other[recording.signal_names[0]], recording[recording.signal_names[0]])


def test_conditions_differ_as_they_say():
    _, hidden = task("half_hidden").load()
    assert hidden.n_units == 20
    assert max(hidden.unit_ids) >= 20  # of forty
    _, delayed = task("delays_1_10ms").load()
    lags = delayed.delay.values[delayed.score.values > 0]
    assert lags.min() >= 1e-3 - 1e-9
    assert lags.max() <= 10e-3 + 1e-9
    assert len(np.unique(lags.round(6))) == 10
    _, weighted = task("lognormal_weights").load()
    sizes = np.abs(weighted.weight.values[weighted.score.values > 0])
    assert sizes.std() > 2.0
    recording, _ = task("shared_drive").load()
    apart, _ = task("lognormal_weights").load()
    shared, own = (np.corrcoef(np.diff(np.asarray(x["v"]), axis=0).T) for x in (recording, apart))
    off = ~np.eye(20, dtype=bool)
    assert shared[off].mean() > 5 * abs(own[off].mean())


def test_the_ring_is_critical_where_its_mean_field_says():
    weights = room.ring(1.0).to_matrix().weight.values
    np.testing.assert_allclose(np.roll(weights, (1, 1), (0, 1)), weights)
    rate = room.RING_RATE * 1e-3  # spikes a step
    waves = np.eye(20) - 1.0 / 20  # without the mean, which inhibition only steadies
    assert np.linalg.eigvalsh(rate * waves @ weights @ waves).min() == pytest.approx(-1.0)  # neither grows nor decays
    assert (weights[0] != 0).sum() == 8


def test_a_silent_or_complete_network_is_drawn_again(monkeypatch):
    _, seen, redrawn = room._drawn(lambda seed: _network(0.0 if seed < 7 else 0.5), 5)
    assert redrawn == 2
    assert seen.n_units == 5
    monkeypatch.setattr(room, "REDRAWS", 3)
    with pytest.raises(room.InputError, match="3 draws gave none with both classes"):
        room._drawn(lambda seed: _network(1.0), 0)


def _network(p):
    from synfer.simulate import izhikevich_network, run

    network = izhikevich_network(4, 1, p, seed=3)
    return network, run(network, 1.0, record="spikes")


def test_settings_are_of_the_kind_of_data(tmp_path):
    kinds = {task.kind for task in SUITES["robustness"].tasks(None, 1, 0)}
    assert {key.split("/")[1] for key in SETTINGS if key.startswith("robustness/")} == kinds
    assert settings_of("robustness", "synformer", None, "spikes")["likelihood"] == "bernoulli"
    assert signal_of("robustness", "spike_glm", "voltage") == "spikes"
    assert signal_of("robustness", "mvgc", "voltage") is None
    rows = run("robustness", ["spike_glm"], simulate=1, sets=["lif_conductance", "decimated_x5"], out=tmp_path)
    assert rows["auroc"].notna().tolist() == [False, True]  # of a decimated voltage there are no spikes: a refusal
    assert "spikes" in rows["error"][0]
