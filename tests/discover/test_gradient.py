"""GRNGC: recovery, orientation, signs and delays, choices without the truth, and the refusals."""

import numpy as np
import pytest

from synfer import Recording
from synfer.discover import GRNGC
from synfer.discover.readouts import READOUTS
from synfer.errors import InputError, NonStationaryWarning, NotConvergedWarning, UnknownNameError
from synfer.evaluate import compare

QUICK = {"max_epochs": 120, "random_state": 0, "progress": False}


def chain(n_samples=600, seed=0):
    """0 -> 1 (excites, lag 1), 1 -> 2 (inhibits, lag 2, through a sine), 3 alone."""
    rng = np.random.default_rng(seed)
    x = 0.5 * rng.standard_normal((n_samples, 4))
    for t in range(2, n_samples):
        x[t] += 0.4 * x[t - 1]
        x[t, 1] += 0.9 * x[t - 1, 0]
        x[t, 2] -= 1.2 * np.sin(x[t - 2, 1])
    return x


def edges(connectome):
    """The two strongest, source first."""
    return set(map(tuple, connectome.edges().iloc[:2][["source", "target"]].to_numpy().tolist()))


@pytest.mark.parametrize("backbone", ["kan", "mlp", "lstm", "tcn"])
def test_a_chain_its_signs_and_delays(backbone):
    recording = Recording({"x": chain()}, dt=0.01)
    fitted = GRNGC(backbone, lag=3, **QUICK).fit(recording)
    connectome = fitted.connectome_
    assert edges(connectome) == {(0, 1), (1, 2)}
    strong = connectome.score.values[[1, 2], [0, 1]]
    assert strong.min() > 3 * connectome.score.values[1, 2]  # not 2 -> 1
    assert float(connectome.weight[1, 0]) == pytest.approx(0.9, abs=0.25)
    assert -1.3 < float(connectome.weight[2, 1]) < -0.4
    assert (float(connectome.delay[1, 0]), float(connectome.delay[2, 1])) == pytest.approx((0.01, 0.02))
    assert np.isnan(np.diag(connectome.score)).all() and connectome.converged
    assert fitted.r2_.shape == (4,) and fitted.n_parameters_ > 0


@pytest.mark.parametrize("readout", READOUTS)
def test_every_readout_finds_it_from_one_fit(readout):
    x = chain()
    fitted = GRNGC("mlp", lag=2, **QUICK).fit(x)
    read = fitted.read(x, readout)
    assert edges(read) == {(0, 1), (1, 2)}
    again = GRNGC("mlp", lag=2, readout=readout, **QUICK).fit(x)
    np.testing.assert_allclose(again.connectome_.score, read.score, rtol=1e-6)
    if readout == "gradient":
        np.testing.assert_array_equal(fitted.connectome_.score, read.score)
    with pytest.raises(UnknownNameError, match="readout 'gradiant' does not exist: did you mean 'gradient'"):
        fitted.read(x, "gradiant")


def test_readouts_by_hand():
    """On a fitted model of which the forecast can be asked: take the history away, see what changes."""
    x = chain(200)
    fitted = GRNGC("mlp", lag=2, **QUICK).fit(x)
    z = (x - fitted.offset_) / fitted.scale_
    per_step = fitted.scale_ * fitted.increment_scale_
    whole = fitted.predict(x)[2:]
    ablated = fitted.read(x, "ablation").score.values
    inputs = fitted.read(x, "gradient_input").score.values
    slopes = fitted.read(x, "gradient").score.values
    for j in range(4):
        without = x.copy()
        without[:, j] = fitted.offset_[j]
        change = (fitted.predict(without)[2:] - whole) / per_step
        by_lag, squares = [], []
        for lag in (1, 2):
            bumped, less = x[:, None].repeat(2, 1), []
            step = 0.02 * fitted.scale_[j]
            for way in (0, 1):
                # Only the sample `lag` before the target moves: every third sample, one phase after another.
                out = np.full((200, 4), np.nan)
                for phase in range(3):
                    moved = bumped[:, way].copy()
                    moved[phase::3, j] += step if way else -step
                    targets = np.arange(phase + lag, 200, 3)
                    out[targets] = fitted.predict(moved)[targets]
                less.append(out[2:])
            slope = (less[1] - less[0]) / per_step / 0.04
            by_lag.append(np.abs(slope).mean(0))
            squares.append(np.sqrt(np.square(slope * z[2 - lag : 200 - lag, [j]]).mean(0)))
        for i in range(4):
            if i != j:
                assert ablated[i, j] == pytest.approx(np.sqrt(np.square(change[:, i]).mean()), rel=1e-3, abs=1e-5)
                assert slopes[i, j] == pytest.approx(max(b[i] for b in by_lag), rel=0.02, abs=2e-3)
                assert inputs[i, j] == pytest.approx(max(s[i] for s in squares), rel=0.02, abs=2e-3)


def test_lag_and_penalty_are_chosen_without_the_truth():
    fitted = GRNGC("mlp", lag="auto", max_lag=3, penalty="auto", **QUICK).fit(chain(400))
    table = fitted.selection_
    assert set(table["lag"]) == {1, 2, 3} and set(table["penalty"]) == set(GRNGC.penalties)
    best = table.loc[table["held_out"].idxmin()]
    assert (fitted.lag_, fitted.penalty_) == (best["lag"], best["penalty"])
    assert fitted.lag_ >= 2  # lag 1 cannot see 1 -> 2
    assert table["held_out"].between(0, 3).all() and table["stability"].between(-1, 1).all()
    assert edges(fitted.connectome_) == {(0, 1), (1, 2)}


def test_ridge_and_start_are_chosen_without_the_truth():
    fitted = GRNGC("mlp", lag=2, penalty="auto", ridge="auto", start="auto", **QUICK).fit(chain(400))
    table = fitted.selection_
    first, then = table[: len(GRNGC.penalties)], table[len(GRNGC.penalties) :]
    assert list(first["penalty"]) == list(GRNGC.penalties)
    assert set(first["ridge"]) == {GRNGC.ridges[0]} and set(first["start"]) == {"zero"}
    assert set(then["penalty"]) == {first.loc[first["held_out"].idxmin(), "penalty"]}
    low, high = GRNGC.ridges
    assert list(zip(then["ridge"], then["start"], strict=True)) == [(low, "linear"), (high, "zero"), (high, "linear")]
    best = table.loc[table["held_out"].idxmin()]
    assert (fitted.penalty_, fitted.ridge_, fitted.start_) == (best["penalty"], best["ridge"], best["start"])
    assert best["held_out"] <= first["held_out"].min()  # no worse than without the choice
    assert (fitted.start_ridge_ < np.inf) == (fitted.start_ == "linear")
    known = {"penalty": fitted.penalty_, "ridge": fitted.ridge_, "start": fitted.start_}
    again = GRNGC("mlp", lag=2, **known, **QUICK).fit(chain(400))
    assert again.selection_ is None
    np.testing.assert_array_equal(again.connectome_.score, fitted.connectome_.score)


@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")  # a few epochs show it
def test_those_beside_one_that_starts_linearly_are_as_if_alone():
    """Ridges and starts of a choice train side by side: each as it would by itself."""
    quick = {**QUICK, "max_epochs": 40}
    both = GRNGC("mlp", lag=2, ridge="auto", start="auto", **quick).fit(chain(300)).selection_
    assert len(both) == 4 and both["held_out"].nunique() == 4
    for setting in list(both.itertuples())[1:3]:
        # Of one candidate nothing is chosen: a ridge that is not wanted stands beside it.
        alone = GRNGC("mlp", lag=2, ridge="auto", start=setting.start, **quick)
        alone.ridges = (setting.ridge, 1.0)
        table = alone.fit(chain(300)).selection_
        assert table["held_out"][0] == pytest.approx(setting.held_out, rel=1e-4)


def test_a_start_wants_a_skip():
    with pytest.raises(InputError, match="start must be 'zero' where skip is False, got 'linear'"):
        GRNGC("mlp", start="linear", skip=False, **QUICK).fit(chain(100))


def test_no_lag_crosses_a_trial():
    """Splices at which a false edge would stand out: each trial begins where another unit's last ended."""
    rng = np.random.default_rng(0)
    trials = rng.standard_normal((200, 3, 2))
    trials[1:, 0, 1] = 5 * trials[:-1, -1, 0]
    apart = GRNGC("mlp", **QUICK).fit(Recording({"x": trials}, dt=1.0)).connectome_.score.values[1, 0]
    together = GRNGC("mlp", **QUICK).fit(trials.reshape(-1, 2)).connectome_.score.values[1, 0]
    assert apart < 0.1 < 0.3 < together


def test_predict_and_score():
    x = chain()
    fitted = GRNGC("mlp", lag=2, **QUICK).fit(x[:400])
    forecast = fitted.predict(x[400:])
    assert forecast.shape == (200, 4) and np.isnan(forecast[:2]).all()
    error = np.square(forecast[2:] - x[402:]).mean(0)
    assert (error[1:3] < 0.7 * x.var(0)[1:3]).all()
    variance = fitted.residual_variance_
    by_hand = -0.5 * (np.log(2 * np.pi * variance) + np.square(forecast[2:] - x[402:]) / variance).mean()
    assert fitted.score(x[400:]) == pytest.approx(by_hand, abs=1e-4)
    trials = Recording({"x": x.reshape(3, 200, 4)}, dt=1.0)
    assert GRNGC("mlp", **QUICK).fit(trials).predict(trials).shape == (3, 200, 4)


def test_initialisations_have_a_spread():
    connectome = GRNGC("mlp", n_init=3, **QUICK).fit(chain(300)).connectome_
    assert float(np.nanmax(connectome.score_std)) > 0


def test_the_same_random_state_gives_the_same():
    one, two = (GRNGC("kan", **QUICK).fit(chain(200)).connectome_.score for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_scale_and_offset_do_not_matter():
    x = chain(300)
    one = GRNGC("mlp", **QUICK).fit(x).connectome_
    two = GRNGC("mlp", **QUICK).fit(1e6 + 1e3 * x).connectome_
    np.testing.assert_allclose(one.score, two.score, rtol=0.05, atol=5e-3)


def test_what_has_not_come_to_rest_is_said():
    with pytest.warns(NotConvergedWarning, match="1 of 1 initialisations were still learning"):
        short = GRNGC("mlp", max_epochs=10, random_state=0, progress=False).fit(chain(300))
    assert short.connectome_.converged is False
    with (
        pytest.warns(NotConvergedWarning, match="explains a hundredth"),
        pytest.warns(NonStationaryWarning),
    ):
        noise = np.random.default_rng(0).standard_normal((3000, 3)).cumsum(0)
        still = GRNGC("mlp", penalty=3.0, ridge=10.0, **QUICK).fit(noise)
    assert still.connectome_.converged is False


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"backbone": "transformer"}, "'backbone' parameter of GRNGC must be a str among"),
        ({"lag": 0}, "'lag' parameter of GRNGC must be"),
        ({"lag": "best"}, "'lag' parameter of GRNGC must be"),
        ({"penalty": -1.0}, "'penalty' parameter of GRNGC must be"),
        ({"readout": "weights"}, "'readout' parameter of GRNGC must be a str among"),
        ({"device": "abacus"}, "device must be one that torch can compute on here, such as 'cpu'; got 'abacus'"),
        ({"lag": 60}, "X must have at least 63 samples"),
    ],
)
def test_refusals(parameters, message):
    with pytest.raises(InputError, match=message):
        GRNGC(progress=False).set_params(**parameters).fit(chain(50))


def test_trials_shorter_than_the_lag_are_refused():
    trials = np.random.default_rng(0).standard_normal((20, 4, 2))
    with pytest.raises(InputError, match="window must be shorter than the longest segment of 4 samples, got 4"):
        GRNGC(lag=4, progress=False).fit(Recording({"x": trials}, dt=1.0))


def test_published_lorenz(data_folder):
    from synfer.datasets import load_lorenz96

    recording, truth = load_lorenz96(data_folder / "lorenz96" / "F_10_T_250_dataset_1.npz")
    fitted = GRNGC("mlp", random_state=0, progress=False).fit(recording)
    assert compare(fitted.connectome_, truth)["auroc"] > 0.98


def test_the_choice_is_by_samples_that_were_not_learnt():
    """Of white noise, what is learnt by heart explains a part of the known half, and spoils the other one."""
    x = np.random.default_rng(5).standard_normal((120, 4))
    method = GRNGC("mlp", target="value", penalty="auto", ridge=0.0, skip=False, **QUICK)
    with pytest.warns(NotConvergedWarning):
        tried = method.fit(x).selection_.sort_values("penalty")
    assert tried["held_out"].iloc[0] > 1.1
    assert method.penalty_ == tried["penalty"].iloc[tried["held_out"].argmin()] > tried["penalty"].iloc[0]
