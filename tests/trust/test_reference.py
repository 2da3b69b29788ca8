from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger, Samples
from synfer.evaluate import compare, rejections
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, run, var_coefficients, var_network
from synfer.trust import reference as rules
from synfer.trust.own import own_histories
from synfer.trust.reference import AS_GOOD, HALF_WIDTHS, Reference, as_good, predictions, reference_of
from synfer.trust.two_groups import Belief, two_groups


def samples_of(recording: Recording, signal: str) -> Samples:
    return ConditionalGranger()._read(recording, signal, reset=True)


def asked(samples: Samples) -> tuple[Reference, Belief]:
    told = reference_of(samples, own_histories(samples.segments))
    assert told is not None
    return told


@pytest.fixture(scope="module")
def spiking() -> tuple[Recording, Connectome]:
    network = izhikevich_network(12, 3, 0.3, seed=5)
    return run(network, 5.0, record=("v", "spikes"), seed=5), network.connectome


def test_voltages_are_held_against_what_events_do_and_the_auroc_is_foretold(spiking):
    recording, truth = spiking
    reference, belief = asked(samples_of(recording, "v"))
    assert reference.by.startswith("EventRegression") and reference.class_ == "sure" and not reference.foreign
    assert reference.share == pytest.approx((np.asarray(truth.score) > 0).mean(), abs=0.05)
    for lag in (1, 5):
        found = ConditionalGranger(lag=lag).fit(recording, "v").connectome_
        said = predictions(found, reference, belief)
        assert said["auroc"].value == pytest.approx(compare(found, truth)["auroc"], abs=0.05)
        assert said["auroc"].low <= said["auroc"].value <= said["auroc"].high


def test_counts_are_held_against_what_is_made_for_counts(spiking):
    recording, _ = spiking
    reference, belief = asked(samples_of(recording, "spikes"))
    assert reference.by.startswith(("SpikeGLM", "ConditionalGranger")) and reference.known > 0.5
    short, fewer = asked(samples_of(recording[0.0:0.6], "spikes"))
    assert short.known < reference.known and np.ptp(fewer.probability) < np.ptp(belief.probability)


def test_everything_else_by_regression_on_few_others():
    network = var_network(var_coefficients(10, 2, 0.2, radius=0.8, seed=3))
    seen = run(network, 0.6, record="x", initial_state="stationary", seed=3)
    reference, belief = asked(samples_of(seen, "x"))
    assert reference.by.startswith(("sparse", "ConditionalGranger")) and reference.class_ == "sure"
    edge = np.asarray(network.connectome.to_matrix().score) > 0
    assert belief.probability[edge[~np.eye(10, dtype=bool)]].min() > 0.5


def test_units_that_do_not_act_leave_it_blind_and_spikes_that_are_not_found_are_foreign():
    rng = np.random.default_rng(1)
    noise = Recording({"x": rng.normal(size=(800, 10))}, 1e-3)
    reference, _ = asked(samples_of(noise, "x"))
    assert reference.class_ == "blind" and not reference.foreign
    spiky = Recording({"x": rng.standard_t(2.2, size=(800, 10))}, 1e-3)
    reference, _ = asked(samples_of(spiky, "x"))
    assert reference.foreign and reference.class_ == "unsure"


def test_only_models_that_forecast_about_as_well_as_the_best_are_asked():
    told = [(name, np.zeros((2, 2))) for name in "abc"]
    kept = as_good(zip(told, [1.0, 1.0 + 0.9 * AS_GOOD, 1.0 + 1.1 * AS_GOOD], strict=True))
    assert [name for name, _ in kept] == ["a", "b"]
    rng = np.random.default_rng(7)
    x = rng.normal(size=(2000, 10))
    for t in range(2, len(x)):
        x[t, 1:] += 0.6 * x[t - 2, :-1]  # of one lag nothing is seen of it
    reference, belief = asked(samples_of(Recording({"x": x}, 1e-3), "x"))
    assert "1 lag" not in reference.by and "lag=1" not in reference.by
    edge = np.eye(10, k=-1, dtype=bool)[~np.eye(10, dtype=bool)]
    assert belief.probability[edge].min() > 0.9 > 0.5 > belief.probability[~edge].max()


def test_where_what_is_made_for_the_signal_sees_nothing_half_is_believed_of_regressions(monkeypatch):
    network = var_network(var_coefficients(10, 1, 0.2, radius=0.8, seed=3))
    seen = run(network, 0.6, record="x", initial_state="stationary", seed=3)
    samples = samples_of(seen, "x")
    alone, belief = asked(samples)
    noise = np.random.default_rng(5).random((10, 10))
    monkeypatch.setattr(rules, "signal_kind", lambda _: "voltage")
    monkeypatch.setattr(rules, "_of_events", lambda _: iter([("events", noise)]))
    reference, half = asked(samples)
    assert reference.by == f"events, half; {alone.by}, half"
    other = two_groups(noise[~np.eye(10, dtype=bool)])
    assert half.probability == pytest.approx(0.5 * (belief.probability + other.probability))
    monkeypatch.setattr(rules, "_of_events", lambda _: iter([("events", np.where(noise < 0.2, 1e-9, noise))]))
    assert asked(samples)[0].by == "events"


def test_nothing_to_go_by():
    two = Recording({"x": np.random.default_rng(2).normal(size=(50, 2))}, 1e-3)
    samples = samples_of(two, "x")  # two pairs: fewer than p-values that groups can be told of
    assert reference_of(samples, own_histories(samples.segments)) is None


def test_whoever_knows_the_truth_foretells_exactly():
    network = var_network(var_coefficients(12, 1, 0.2, radius=0.7, seed=4))
    seen = run(network, 0.4, record="x", initial_state="stationary", seed=4)
    found = ConditionalGranger(lag=1).fit(seen).connectome_
    truth = network.connectome
    edge = (np.asarray(truth.to_matrix().score) > 0)[~np.eye(12, dtype=bool)]
    belief = Belief(edge.astype(float), 1.0, 1.0)
    said = predictions(found, Reference("truth", edge.mean(), 1.0, 1.0, 1.0, False), belief)
    counts = rejections(found, truth)
    assert said["auroc"].value == pytest.approx(compare(found, truth)["auroc"])
    assert said["fdr"].value == pytest.approx(counts["false_discoveries"] / counts["discoveries"])
    assert said["power"].value == pytest.approx(counts["power"])
    assert said["auroc"].low == pytest.approx(max(said["auroc"].value - HALF_WIDTHS["sure"]["auroc"], 0.0))
    score = Connectome(np.asarray(found.score))
    assert set(predictions(score, Reference("truth", 0.2, 1.0, 1.0, 1.0, False), belief)) == {"auroc"}
