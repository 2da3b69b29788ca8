"""A Synformer whose sources tell their events."""

import numpy as np
import pytest

import synfer as sf
from synfer.discover import Synformer
from synfer.errors import InputError


def test_conductances_after_resets_are_found_from_events():
    """Resets are the smallest part of a leaky integrator's voltage, and all that acts; 5 ms long, by conductance."""
    wiring = sf.simulate.erdos_renyi(6, 2, 0.4, weight=0.3, weight_inh=0.8, delay=1e-3, seed=3)
    network = sf.network.Network(
        "lif",
        {},
        wiring,
        drive=sf.network.WhiteNoiseDrive(18.0, 1.2),
        synapse=sf.network.ConductanceSynapse(0.005, 0.01),
    )
    seen = sf.simulate.run(network, 4.0, 1e-4, every=10, warmup=0.5, record=("v", "spikes"), seed=3)
    v = sf.simulate.observe.clip_and_zscore(sf.Recording({"v": seen["v"]}, seen.dt, unit_ids=seen.unit_ids))
    fit = Synformer(
        1, values="events", value_window=8, hidden=16, n_steps=300, evidence="wald", random_state=0, progress=False
    ).fit(v)
    found = sf.evaluate.compare(fit.connectome_, network.connectome)
    assert found["auroc"] > 0.95 and found["sign_accuracy"] > 0.9
    counted = np.asarray(seen["spikes"]).mean(axis=0)
    np.testing.assert_allclose(fit.events_.rate, counted, atol=0.1 * counted.max())
    error = fit.predict(v) - np.asarray(v["v"])
    assert np.nanmean(error**2) < 0.5  # of 1; resets are half of it
    assert np.isfinite(fit.score(v))


def test_a_recording_without_events_is_refused():
    x = np.random.default_rng(0).normal(size=(300, 3))
    with pytest.raises(InputError, match="X must have events for values='events', got none: take values='samples'"):
        Synformer(values="events").fit(x)
