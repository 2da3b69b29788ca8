"""Connectivity over time: what each stretch gives, and weights that a simulated network learns by STDP."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger, EventRegression, NetFormer, Synformer
from synfer.discover.base import BaseDiscoverer
from synfer.discover.significance import OverTime
from synfer.errors import InputError, NonStationaryWarning
from synfer.network import STDP, Network
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, observe, run_plastic

N_TIMES, SECONDS = 8, 5


@pytest.fixture
def x() -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((1003, 3))
    x[1:, 1] += np.linspace(-1.0, 1.0, 1002) * x[:-1, 0]
    return x


def test_each_stretch_is_a_fit_of_its_own(x):
    over = OverTime(ConditionalGranger(lag=1), n_times=3).fit(Recording({"v": x}, 2e-3, t0=1.0))
    found = over.connectome_
    assert found.leading == "time" and found.method == "OverTime" and found.converged
    bounds = [0, 334, 669, 1003]
    for k in range(3):
        part = x[bounds[k] : bounds[k + 1]]
        alone = ConditionalGranger(lag=1).fit(Recording({"v": part}, 2e-3)).connectome_
        for field in ("score", "weight", "pvalue"):
            np.testing.assert_array_equal(getattr(found.isel(time=k), field), getattr(alone, field))
    np.testing.assert_allclose(found.leading_ids, 1.0 + 1e-3 * np.array([334, 1003, 1672]))
    assert len(over.estimators_) == 3


def test_what_has_no_stretches_is_refused(x):
    with pytest.raises(
        InputError, match="X must be one recording without trials for a connectome over time; got 2 tri"
    ):
        OverTime(ConditionalGranger(lag=1)).fit(Recording({"v": x[:1000].reshape(2, 500, 3)}, 1e-3, leading="trial"))
    with pytest.raises(InputError, match="estimator must give one connectome for each stretch; got n_times=4: set it"):
        OverTime(NetFormer(n_times=4)).fit(x)
    with pytest.raises(InputError, match="estimator must be one of synfer"):
        OverTime("granger").fit(x)
    x[:500, 2] = 1.0  # silent in a whole stretch
    with pytest.warns(NonStationaryWarning, match="unit 2"), pytest.raises(InputError, match="2"):
        OverTime(ConditionalGranger(lag=1), n_times=3).fit(x)
    with pytest.raises(InputError, match="samples"):
        OverTime(ConditionalGranger(lag=5), n_times=100).fit(x)


def test_the_flagship_may_be_put_into_it(x):
    few = Synformer(1, n_steps=60, window=1, value_window=1, time_constants=(2.0,), progress=False, random_state=0)
    found = OverTime(few, n_times=2).fit(x).connectome_
    assert np.diff(found.weight.sel(target=1, source=0))[0] > 0.5


def learning(seed: int) -> tuple[Recording, Connectome, np.ndarray]:
    """40 s of ten of the paper's neurons that learn by STDP: voltages, weights each second, which of them learn."""
    one = izhikevich_network(8, 2, 0.4, seed=seed)
    network = Network(
        one.model, one.parameters, one.connectome, drive=one.drive, synapse=one.synapse,
        plasticity=STDP(0.1, 0.11, w_max=10.0),
    )  # fmt: skip
    seen, truth = run_plastic(network, float(N_TIMES * SECONDS), weights_every=1.0, record="v", seed=seed)
    return seen, truth, one.connectome.weight.values > 0


def course(estimate: Connectome, truth: Connectome, seen: Recording, edges: np.ndarray) -> tuple[float, float]:
    """Correlation of estimated and recorded weights over stretches and edges, each edge's own mean taken out; slope.

    What is left is change alone: an estimate that stands still has none, and one that runs backwards another sign.
    """
    weights = truth.weight.values
    half = 0.5 * (weights[1:] + weights[:-1])  # mean of each second
    recorded = half.reshape(N_TIMES, SECONDS, *weights.shape[1:]).mean(1)[:, edges]
    volts = np.minimum(np.asarray(seen["v"]), 30.0).std(axis=0)
    found = (estimate.weight.values * volts[:, None])[:, edges]
    assert recorded.std(axis=0).mean() > 0.5  # there is something to follow, mV
    change, of = found - found.mean(axis=0), recorded - recorded.mean(axis=0)
    return float(np.corrcoef(change.ravel(), of.ravel())[0, 1]), float((change * of).sum() / (of * of).sum())


def follow(estimator: BaseDiscoverer, seed: int) -> tuple[float, float]:
    """Fit stretch by stretch; the time axis must be that of the recorded weights."""
    seen, truth, edges = learning(seed)
    found = OverTime(estimator, N_TIMES).fit(observe.clip_and_zscore(seen)).connectome_
    middles = truth.leading_ids.reshape(-1)[:-1].reshape(N_TIMES, SECONDS).mean(axis=1) + 0.5
    np.testing.assert_allclose(found.leading_ids, middles, atol=2e-3)
    return course(found, truth, seen, edges)


def test_weights_learnt_by_stdp_are_followed_in_their_own_unit():
    correlation, slope = follow(EventRegression(), 0)
    assert correlation > 0.95  # .976, and .974 with the next seed
    assert slope == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
def test_the_flagship_follows_weights_learnt_by_stdp():
    correlation, _ = follow(Synformer(1, n_steps=400, progress=False, random_state=0), 0)
    assert correlation > 0.9  # .952, and .957 with the next seed


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")
def test_one_model_for_all_times_sees_no_learning_that_the_state_does_not_tell():
    """Why there is `OverTime`: NetFormer's attention hangs on the samples alone, and stands still under STDP."""
    seen, truth, edges = learning(0)
    estimate = NetFormer(n_times=N_TIMES, max_epochs=10, progress=False, random_state=0)
    found = estimate.fit(observe.clip_and_zscore(seen)).connectome_
    correlation, _ = course(found, truth, seen, edges)
    assert abs(correlation) < 0.5
