"""pynapple's own objects."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.errors import InputError
from synfer.recording import Recording

nap = pytest.importorskip("pynapple")


def test_group_of_spike_trains():
    trains = {3: nap.Ts(np.array([0.05, 0.15, 0.95])), 7: nap.Ts(np.array([0.25]))}
    group = nap.TsGroup(trains, time_support=nap.IntervalSet(0, 1), metadata={"brain_area": ["CA1", "CA3"]})
    found = Recording.from_pynapple(group, dt=0.1)
    assert found.unit_ids.tolist() == [3, 7] and found.n_samples == 10
    assert found["spikes"][:, 0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1] and found["spikes"][:, 1].sum() == 1
    assert found.unit_info["brain_area"].tolist() == ["CA1", "CA3"] and list(found.unit_info) == ["brain_area"]
    with pytest.raises(InputError, match="dt must be given"):
        Recording.from_pynapple(group)


def test_between_epochs_nothing_is_known():
    epochs = nap.IntervalSet([0.0, 0.6], [0.3, 1.0])
    group = nap.TsGroup({0: nap.Ts(np.array([0.05, 0.75]))}, time_support=epochs)
    counts = Recording.from_pynapple(group, dt=0.1)["spikes"][:, 0]
    assert np.isnan(counts[3:6]).all() and counts[[0, 7]].tolist() == [1, 1] and np.nansum(counts) == 2
    t = np.arange(10) * 0.1
    frame = nap.TsdFrame(t=t, d=np.arange(20.0).reshape(10, 2), columns=["a", "b"]).restrict(epochs)
    found = Recording.from_pynapple(frame)
    assert found.dt == pytest.approx(0.1) and found.n_samples == 10 and found.unit_ids.tolist() == ["a", "b"]
    assert (
        np.isnan(found["signal"][4:6]).all()
        and found["signal"][6:].tolist() == np.arange(20.0).reshape(10, 2)[6:].tolist()
    )


def test_a_single_series_and_what_is_none():
    found = Recording.from_pynapple(nap.Tsd(t=np.arange(5) * 0.01, d=np.arange(5.0)))
    assert found.shape == (5, 1) and found.dt == pytest.approx(0.01)
    with pytest.raises(InputError, match="source must be a TsGroup, TsdFrame or Tsd"):
        Recording.from_pynapple(np.zeros(3))
    irregular = nap.Tsd(t=np.array([0.0, 0.1, 0.25, 0.31]), d=np.zeros(4))
    with pytest.raises(InputError, match=r"regular|grid"):
        Recording.from_pynapple(irregular)
