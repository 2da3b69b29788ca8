"""Causalformer as an estimator: what it finds, what it hands out, what it refuses."""

import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from synfer import Recording
from synfer.discover import Causalformer
from synfer.discover._models import moments
from synfer.discover.base import Samples
from synfer.errors import FileError, FitDivergedError, InputError, NotConvergedWarning

SMALL = {"window": 4, "d_model": 16, "n_heads": 2, "d_head": 8, "d_hidden": 32, "progress": False, "random_state": 0}


def driven(n_samples=1200, seed=0):
    """Unit 0 is noise and drives unit 1 one sample later; unit 2 is on its own."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_samples, 3))
    x[1:, 1] = 0.9 * x[:-1, 0] + 0.3 * x[1:, 1]
    return x


def fit(x, **changes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConvergedWarning)  # short trainings, on purpose
        return Causalformer(**({"n_init": 2, "max_epochs": 15, "learning_rate": 3e-3} | SMALL | changes)).fit(x)


@pytest.fixture(scope="module")
def fitted():
    return fit(driven())


def test_finds_who_drives_whom(fitted):
    score = fitted.connectome_.score
    assert score.dims == ("target", "source")
    edge = float(score.sel(target=1, source=0))
    # Targets that nothing drives attend to all alike (1/3): softmax rows compete, they do not say "none".
    assert edge > 0.6 and edge > 1.25 * np.nanmax(score.where(score != edge))


def test_forecast_is_as_good_as_the_truth_allows(fitted):
    assert fitted.r2_[1] == pytest.approx(0.9, abs=0.05)  # .81 / (.81 + .09)
    assert abs(fitted.r2_[[0, 2]]).max() < 0.1


def test_result_is_labelled_and_says_how_it_was_made(fitted):
    connectome = fitted.connectome_
    assert np.isnan(np.diag(connectome.score)).all() and np.isnan(np.diag(connectome.score_std)).all()
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(fitted.attention_.sum(-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(connectome.score.values[off], fitted.attention_.mean(0)[off])
    np.testing.assert_allclose(connectome.score_std.values[off], fitted.attention_.std(0)[off])
    assert connectome.weight is None and connectome.pvalue is None
    assert connectome.method == "Causalformer" and connectome.parameters["n_init"] == 2 and connectome.seed == 0
    assert len(fitted.history_) == 2 and fitted.history_[0].n_epochs <= 15


def test_a_seed_repeats_and_another_differs(fitted):
    again = clone(fitted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConvergedWarning)
        again.fit(driven())
    np.testing.assert_array_equal(again.connectome_.score, fitted.connectome_.score)
    assert not np.array_equal(fit(driven(), random_state=1, max_epochs=1).attention_, fitted.attention_)


def test_the_cap_is_warned_of_and_kept():
    with pytest.warns(NotConvergedWarning, match="2 of 2 initialisations"):
        fitted = Causalformer(2, max_epochs=1, learning_rate=0.01, **SMALL).fit(driven())
    assert fitted.connectome_.converged is False


def test_convergence_is_kept():
    assert fit(driven(200), n_init=1, max_epochs=200, patience=2).connectome_.converged is True


def test_predict_sees_the_past_only(fitted):
    x = driven(100, seed=1).astype(np.float32)
    forecast = fitted.predict(x)
    assert forecast.shape == x.shape and np.isnan(forecast[:4]).all() and np.isfinite(forecast[4:]).all()
    changed = x.copy()
    changed[50:] += 1.0
    np.testing.assert_array_equal(fitted.predict(changed)[:51], forecast[:51])
    assert not np.allclose(fitted.predict(changed)[51], forecast[51])


def test_score_is_the_held_out_log_likelihood(fitted):
    x = driven(300, seed=1).astype(np.float32)
    residual = (x - fitted.predict(x))[4:]
    variance = fitted.residual_variance_
    expected = -0.5 * (np.log(2 * np.pi * variance) + residual**2 / variance)
    assert fitted.score(x) == pytest.approx(expected.mean(), rel=1e-4)
    assert fitted.score(x) > fitted.score(x[::-1].copy())


def test_trials_are_not_spliced():
    x = driven(600)
    trials = Recording({"v": x.reshape(3, 200, 3)}, 1e-3, leading="trial")
    fitted = fit(trials, max_epochs=1, n_init=1)
    forecast = fitted.predict(trials)
    assert forecast.shape == (3, 200, 3)
    assert np.isnan(forecast[:, :4]).all() and np.isfinite(forecast[:, 4:]).all()
    assert fitted.connectome_.dt == 1e-3


@pytest.mark.parametrize("likelihood", ["poisson", "bernoulli"])
def test_spikes(likelihood):
    rng = np.random.default_rng(0)
    x = (rng.random((1500, 3)) < 0.15).astype(float)
    x[1:, 1] = np.where(rng.random(1499) < 0.8, x[:-1, 0], x[1:, 1])
    fitted = fit(x, likelihood=likelihood)
    assert float(fitted.connectome_.score[1, 0]) == np.nanmax(fitted.connectome_.score)
    forecast = fitted.predict(x)[4:]
    assert forecast.min() >= 0 and (likelihood == "poisson" or forecast.max() <= 1)
    with pytest.raises(InputError, match=f"likelihood='{likelihood}'"):
        fit(driven(200), likelihood=likelihood)


@pytest.mark.parametrize(("dt", "t0"), [(1e-3, 1000.0), (0.1, 0.0)])
def test_the_recordings_clock_does_not_matter(fitted, dt, t0):
    recording = Recording({"v": driven()}, dt, t0=t0)
    np.testing.assert_array_equal(fit(recording).attention_, fitted.attention_)


def test_scale_and_offset_do_not_matter(fitted):
    scale, offset = np.array([1e-3, 1.0, 1e3]), np.array([0.0, -50.0, 1e3])
    other = fit(driven() * scale + offset)
    np.testing.assert_allclose(other.attention_, fitted.attention_, atol=0.02)
    x = driven(300, seed=1)
    np.testing.assert_allclose(
        (other.predict(x * scale + offset) - offset)[4:] / scale, fitted.predict(x)[4:], atol=0.05
    )
    assert other.score(x * scale + offset) == pytest.approx(fitted.score(x) - np.log(scale).mean(), abs=0.02)
    np.testing.assert_allclose(other.residual_variance_ / scale**2, fitted.residual_variance_, rtol=0.05)


def test_a_fit_that_learnt_nothing_says_so():
    x = np.random.default_rng(3).normal(size=(300, 3))
    with pytest.warns(NotConvergedWarning, match="no unit's forecast is better than its own mean"):
        fitted = Causalformer(1, max_epochs=200, patience=1, learning_rate=0.01, **SMALL).fit(x)
    assert fitted.connectome_.converged is False and (fitted.r2_ <= 0).all()


def test_a_unit_silent_at_the_end_has_no_r2():
    x = driven(400)
    x[300:, 2] = 0.0
    assert np.isnan(fit(x, max_epochs=2).r2_).tolist() == [False, False, True]


@pytest.mark.parametrize("device", ["cuda:77", "nowhere"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(InputError, match="device must be one that torch can compute on"):
        fit(driven(50), device=device)


def test_a_diverged_fit_hands_out_nothing():
    estimator = Causalformer(1, max_epochs=3, learning_rate=1e30, **SMALL)
    with pytest.raises(FitDivergedError, match="initialisation 0"):
        estimator.fit(driven(200))
    assert not hasattr(estimator, "connectome_")


@pytest.mark.parametrize(("name", "value"), [("n_init", 0), ("likelihood", "gamma"), ("dropout", 1.0), ("window", 2.5)])
def test_bad_parameters_are_named(name, value):
    with pytest.raises(InputError, match=name):
        Causalformer(**(SMALL | {name: value})).fit(driven(50))


def test_fewer_samples_than_windows():
    with pytest.raises(InputError, match="samples"):
        fit(driven(8))


def test_a_checkpoint_holds_the_fit(tmp_path):
    x = np.random.default_rng(3).normal(size=(200, 3))
    options = {"n_init": 2, "max_epochs": 2, "random_state": 0, "d_hidden": 20}
    with pytest.warns(NotConvergedWarning):
        first = Causalformer(**options, checkpoint=tmp_path / "fit.pt").fit(x)
    with pytest.warns(NotConvergedWarning):
        again = Causalformer(**options, checkpoint=str(tmp_path / "fit.pt")).fit(x)
    np.testing.assert_array_equal(first.attention_, again.attention_)
    with pytest.raises(InputError, match="random_state must be an int with a checkpoint"):
        Causalformer(**options | {"random_state": None}, checkpoint=tmp_path / "fit.pt").fit(x)
    with pytest.raises(FileError, match="of another fit"):
        Causalformer(**options | {"random_state": 1}, checkpoint=tmp_path / "fit.pt").fit(x)


def test_moments_are_taken_block_by_block(monkeypatch):
    rng = np.random.default_rng(0)
    segments = [(3.0 + 2.0 * rng.standard_normal((n, 10))).astype(np.float32) for n in (30_000, 7, 20_000)]
    monkeypatch.setattr("synfer.discover._checks.BLOCK", 10 * 100)
    tracemalloc.start()
    mean, deviation = moments(Samples(segments, None, np.arange(10), None, [0.0] * 3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole = np.concatenate(segments).astype(np.float64)
    np.testing.assert_allclose(mean, whole.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(deviation, whole.std(axis=0), rtol=1e-12)
    assert peak < 0.2 * sum(segment.nbytes for segment in segments)
