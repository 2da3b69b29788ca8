"""The truth follows what is seen by labels: it cannot come to stand beside the wrong units."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import CrossCorrelation
from synfer.errors import InputError, ShapeError
from synfer.evaluate import compare
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, observe, run

NETWORKS = izhikevich_network(8, 2, 0.4, n_networks=3, seed=1)
RECORDING = run(NETWORKS, 1.0, record="spikes")


def test_through_every_step_the_truth_is_that_of_the_units_left() -> None:
    seen = observe.hide_units(RECORDING, [1, 8])
    seen = observe.calcium(seen, frame_rate=100.0)
    seen = observe.add_noise(seen, 0.1, seed=1)
    seen = observe.decimate(seen, 2)
    seen = observe.clip_and_zscore(seen, ceiling=20.0, signal="calcium")
    seen = seen.isel(unit=[3, 0, 2])
    steps = [step["step"] for step in seen.provenance["observed"]]
    assert steps == ["hide_units", "calcium", "add_noise", "decimate", "clip_and_zscore"]
    left = [4, 0, 3]
    assert seen.unit_ids.tolist() == left
    truth = observe.truth_of(seen, NETWORKS.connectome)
    weights = NETWORKS.connectome.weight.values
    np.testing.assert_array_equal(truth.weight, weights[:, left][:, :, left])
    one = observe.truth_of(seen.isel(network=2), NETWORKS.connectome)
    np.testing.assert_array_equal(one.weight, weights[2][np.ix_(left, left)])
    some = observe.truth_of(seen.isel(network=[2, 0]), NETWORKS.connectome)
    np.testing.assert_array_equal(some.weight, weights[[2, 0]][:, left][:, :, left])


def test_a_network_simulated_alone_is_known_too() -> None:
    alone = run(NETWORKS.isel(network=1), 0.1, record="spikes")
    truth = observe.truth_of(alone, NETWORKS.connectome)
    np.testing.assert_array_equal(truth.weight, NETWORKS.connectome.weight[1])
    np.testing.assert_array_equal(observe.truth_of(alone, NETWORKS.connectome.isel(network=1)).weight, truth.weight)


def test_the_whole_truth_beside_some_units_is_refused_and_the_mend_helps() -> None:
    seen = observe.hide_units(RECORDING.isel(network=0), fraction=0.3, seed=4)
    estimate = CrossCorrelation(max_lag=5).fit(observe.bin_spikes(seen, 2e-3)).connectome_
    whole = NETWORKS.connectome.isel(network=0)
    with pytest.raises(ShapeError, match="units of the truth"):
        compare(estimate, whole)
    assert compare(estimate, observe.truth_of(seen, whole))["n_units"] == 7


def test_trials_share_a_truth() -> None:
    recording = Recording({"v": np.zeros((4, 9, 2))}, 1e-3, leading="trial", unit_ids=[5, 2])
    truth = observe.truth_of(recording, NETWORKS.connectome.isel(network=0))
    np.testing.assert_array_equal(truth.weight, NETWORKS.connectome.weight[0].values[np.ix_([5, 2], [5, 2])])


@pytest.mark.parametrize(
    ("recording", "truth", "words"),
    [
        (None, NETWORKS.connectome, "recording must be a Recording"),
        (RECORDING, NETWORKS, "truth must be a Connectome; got a Network: a network's is network.connectome"),
        (RECORDING, NETWORKS.connectome.isel(network=0), "truth must have a network axis"),
        (RECORDING, NETWORKS.connectome.isel(network=slice(0, 2)), "networks of the recording: 2 not found"),
        (RECORDING, NETWORKS.connectome.sel(units=[0, 1]), "units: 2, 3, 4, 5, 6 not found"),
        (Recording({"v": np.zeros((9, 10))}, 1.0), NETWORKS.connectome, "does not say of which it is"),
        (RECORDING.isel(network=0), Connectome(np.zeros((2, 10, 10)), leading_ids=[4, 5]), "network of the recording"),
    ],
)
def test_a_truth_of_something_else_is_refused(recording, truth, words: str) -> None:
    with pytest.raises(InputError, match=words):
        observe.truth_of(recording, truth)
