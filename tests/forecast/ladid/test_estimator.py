"""LaDID as an estimator: what it learns, forecasts, keeps and hands on."""

from __future__ import annotations

import copy
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import norm, poisson
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from synfer import Recording, Trajectories
from synfer.errors import FileError, HorizonWarning, NotConvergedWarning
from synfer.forecast import LaDID, copy_last, errors_by_horizon
from synfer.forecast import training as loop
from synfer.simulate import pendulum_system

from .conftest import small, turning

pytestmark = pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")


def weights(model: LaDID) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.model_.state_dict().items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_learns_to_turn_at_rates_of_their_own_and_at_times_never_seen():
    model = small(n_context=5, d_hidden=64, d_latent=8, max_epochs=30, patience=30, stage_epochs=2, learning_rate=5e-3)
    model.fit(turning(50, 20, 0))
    unseen = turning(30, 77, 1)  # four times as dense: three of four times are between those learnt
    contexts = unseen.isel(time=slice(0, 17, 4))
    truth = unseen.isel(time=slice(17, None)).to_array()
    forecast = model.predict(contexts, unseen.times[0][17:])
    assert forecast.shape == truth.shape and forecast.dtype == np.float32
    errors = np.square(forecast - truth).mean((0, 2))
    assert errors.mean() < 0.15 * truth.var()
    assert errors.mean() < 0.1 * np.square(copy_last(contexts, truth.shape[1]) - truth).mean()
    assert errors[1::4].mean() < 1.5 * errors[3::4].mean()  # half-way between the times learnt, and at these


def test_the_curriculum(points):
    model = small().fit(points)
    assert [n_query for n_query, _ in model.stages_] == [1, 2, 4, 6] and model.n_query_ == 6
    assert [histories[0].n_epochs for _, histories in model.stages_] == [1, 1, 1, 3]
    assert model.history_ is model.stages_[-1][1]
    assert [n for n, _ in small(curriculum=False, n_query=3).fit(points).stages_] == [3]


def test_the_same_seed_gives_the_same_fit(points, fitted):
    again = small(n_init=2).fit(points)
    assert same(weights(fitted), weights(again))
    assert not same(weights(again), weights(small(n_init=2, random_state=1).fit(points)))


def test_forecasts_at_one_time_do_not_depend_on_the_others(points, fitted):
    contexts = points.isel(time=slice(4))
    whole = fitted.predict(contexts, np.linspace(0, 3, 7))
    np.testing.assert_allclose(fitted.predict(contexts[3], [2.0])[0, 0], whole[3, 4], atol=1e-5)
    later = Trajectories(contexts.values, [t + 5.0 for t in contexts.times])  # only times since the context began count
    np.testing.assert_allclose(fitted.predict(later, np.linspace(5, 8, 7)), whole, atol=1e-4)


def test_each_realisation_at_times_and_of_lengths_of_its_own(points, fitted):
    contexts = Trajectories([points.values[0][:4], points.values[1][:3]], [points.times[0][:4], points.times[1][:3]])
    ragged = fitted.predict(contexts, [[1.5, 2.0], [0.9]])
    assert [f.shape for f in ragged] == [(2, 3), (1, 3)]
    np.testing.assert_allclose(ragged[0], fitted.predict(contexts[0], [1.5, 2.0])[0], atol=1e-5)
    np.testing.assert_allclose(ragged[1], fitted.predict(contexts[1], [0.9])[0], atol=1e-5)


def test_irregular_and_ragged_trajectories_are_learnt_from():
    irregular = turning(8, 12, 3, irregular=True)
    ragged = Trajectories([v[: 9 + k % 3] for k, v in enumerate(irregular.values)],
                          [t[: 9 + k % 3] for k, t in enumerate(irregular.times)])  # fmt: skip
    model = small().fit(ragged)
    assert model.n_query_ == 5
    spans = [t[k : k + 9][-1] - t[k] for t in ragged.times for k in (0, len(t) - 9, 4)]
    assert model.horizon_ == pytest.approx(max(spans))
    assert np.isfinite(model.score(ragged))


def test_times_that_single_precision_cannot_tell_apart(points):
    close = [np.where(np.arange(10) == 5, t[4] + 1e-9, t) + 1e6 for t in points.times]
    late = small().fit(Trajectories(points.values, close))
    forecast = late.predict(Trajectories(points.values, close).isel(time=slice(4)), [1e6 + 1.5])
    early = small().fit(Trajectories(points.values, [t - 1e6 for t in close]))
    np.testing.assert_allclose(forecast, early.predict(points.isel(time=slice(4)), [1.5]), atol=1e-3)


def test_units_of_measure_do_not_matter(points):
    a, b = np.array([1e3, 1e-3, 5.0]), np.array([7e4, 0.0, -3.0])
    other = Trajectories([v * a + b for v in points.values], points.times)
    plain, scaled = small().fit(points), small().fit(other)
    np.testing.assert_allclose(
        scaled.predict(other.isel(time=slice(4)), [2.0, 2.5]),
        plain.predict(points.isel(time=slice(4)), [2.0, 2.5]) * a + b,
        rtol=1e-3, atol=1e-2,
    )  # fmt: skip


def test_a_constant_unit_is_foretold(points):
    still = Trajectories([np.concatenate([v, np.full((len(v), 1), 3.5)], 1) for v in points.values], points.times)
    model = small().fit(still)
    assert np.isfinite(model.predict(still.isel(time=slice(4)), [2.0])).all() and np.isfinite(model.score(still))


def test_recordings_and_arrays(points, fitted):
    array, dt = points.to_array(), points.times[0][1]
    recording = Recording({"x": array, "y": -array}, dt, leading="trial")
    of_recording = small(n_init=2).fit(recording, signal="x")
    of_arrays = small(n_init=2).fit(list(array), points.times[0])
    expected = fitted.predict(points.isel(time=slice(4)), [2.0])
    cut = recording.isel(time=slice(0, 4))
    np.testing.assert_allclose(of_recording.predict(cut, [2.0], signal="x"), expected, atol=1e-4)
    np.testing.assert_allclose(of_arrays.predict(array[:, :4], [2.0], points.times[0][:4]), expected, atol=1e-4)
    untimed = small().fit(array)
    assert untimed.horizon_ == 9.0 and untimed.predict(array[:, :4], [8.5]).shape == (12, 1, 3)


def test_score_is_the_likelihood_of_what_follows(points, fitted):
    forecast = fitted.predict(points.isel(time=slice(4)), points.times[0][4:])
    std = np.sqrt(fitted.residual_variance_)
    expected = norm.logpdf(points.isel(time=slice(4, None)).to_array(), forecast, std).mean()
    assert fitted.score(points) == pytest.approx(expected, rel=1e-4)
    held = points[fitted.validation_]
    left = fitted.predict(held.isel(time=slice(4)), points.times[0][4:]) - held.isel(time=slice(4, None)).to_array()
    np.testing.assert_allclose(fitted.residual_variance_, np.square(left).mean((0, 1)), rtol=1e-4)


def test_counts_of_spikes():
    def counted(n, seed):
        rng = np.random.default_rng(seed)
        slow = turning(n, 16, seed)
        return Trajectories([rng.poisson(np.exp(1.2 * v + 0.3)) for v in slow.values], slow.times)

    model = small(head="poisson", d_hidden=32, max_epochs=8, patience=8, n_context=8, learning_rate=5e-3)
    model.fit(counted(80, 0))
    unseen = counted(60, 1)
    rates = model.predict(unseen.isel(time=slice(8)), unseen.times[0][8:])
    counts = unseen.isel(time=slice(8, None)).to_array()
    assert rates.min() > 0
    score = model.score(unseen)
    assert score == pytest.approx(poisson.logpmf(counts, rates).mean(), rel=1e-4)
    assert score > poisson.logpmf(counts, counts.mean((0, 1))).mean() + 0.1  # better than rates that know nothing


def test_frames():
    films = pendulum_system(6, 12, size=16, seed=0)
    model = small(max_epochs=2, n_decoded=5).fit(films)
    forecast = model.predict(films.isel(time=slice(4)), [0.333])
    assert forecast.shape == (6, 1, 16, 16) and np.isfinite(model.score(films))
    two = Trajectories([np.stack([v, v], 1) for v in films.values], films.times)
    assert small(max_epochs=1).fit(two).predict(two.isel(time=slice(4)), [0.3]).shape == (6, 1, 2, 16, 16)
    flat = small(max_epochs=1, encoder="linear").fit(films)
    assert flat.predict(films.isel(time=slice(4)), [0.3]).shape == (6, 1, 16, 16)


@pytest.mark.parametrize("dynamics", ["ode", "rnn"])
def test_rivals_share_all_but_the_dynamics(points, dynamics):
    rival, own = small(dynamics=dynamics).fit(points), small().fit(points)
    kept = {name: t.shape for name, t in weights(rival).items() if not name.startswith("dynamics.")}
    assert kept == {name: t.shape for name, t in weights(own).items() if not name.startswith("dynamics.")}
    assert np.isfinite(rival.predict(points.isel(time=slice(4)), [1.7, 2.9])).all()


def test_reconstruction_is_what_each_window_says_of_itself(points, fitted):
    made = fitted.reconstruct(points[:2])
    alone = copy.copy(fitted)
    alone.anchor_ = None
    for k in range(2):
        windows = [slice(0, 4), slice(4, 8), slice(6, 10)]
        for at in windows[::2]:
            expected = alone.predict(points[k].isel(time=at), points.times[k][at])[0]
            kept = expected if at.start == 0 else expected[-2:]
            np.testing.assert_allclose(made[k][at][-len(kept) :], kept, atol=1e-5)


def test_further_than_was_learnt_is_warned_of(points, fitted):
    with pytest.warns(HorizonWarning, match=r"times reach 3\.5 s .* and 3 s were learnt"):
        fitted.predict(points.isel(time=slice(4)), [3.5])


def test_unsettled_fits_are_warned_of(points):
    with pytest.warns(NotConvergedWarning, match="1 of 1 initialisations had not come to rest after 1 epochs"):
        small(max_epochs=1).fit(points)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settled = small(max_epochs=60, patience=1, learning_rate=0.05).fit(points)
    assert settled.history_[0].converged and settled.history_[0].n_epochs < 60


def test_transfer_with_the_dynamics_left_as_they_are(points, fitted):
    before, few = weights(fitted), turning(4, 10, 9)
    moved = fitted.transfer(few, max_epochs=2)
    after = weights(moved)
    still = [name for name in before if name.startswith(("dynamics.", "coder.decoder."))]
    assert still and all(torch.equal(before[name], after[name]) for name in still)
    learnt = [name for name in before if name not in still]
    assert all(not torch.equal(before[name], after[name]) for name in learnt if name.startswith("coder.encoder."))
    assert same(before, weights(fitted)) and moved is not fitted and moved.max_epochs == 2
    assert {name for name, _ in moved.model_.named_parameters()} == {n for n, _ in fitted.model_.named_parameters()}
    tuned = weights(fitted.transfer(few, refit="all", max_epochs=2, learning_rate=1e-2))
    assert any(not torch.equal(before[name], tuned[name]) for name in still)
    again = moved.transfer(few, max_epochs=1)  # and from there on
    assert all(torch.equal(before[name], weights(again)[name]) for name in still)


@pytest.mark.slow
def test_the_page_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[3] / "docs" / "ladid.md").read_text()
    names: dict = {}
    for example in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(compile(example, "ladid.md", "exec"), names)
    assert names["errors"].nmse.iloc[-1] < 0.3 < 1.5 < names["still"].nmse.iloc[-1]
    assert LaDID.load(tmp_path / "ladid.pt").n_query_ == 40


@pytest.mark.slow
def test_transfer_learns_other_parameters_from_a_few():
    """Faster than any that was learnt, and there are six of them. (From scratch these six do as well: a toy.)"""
    model = small(n_context=5, d_hidden=64, max_epochs=40, patience=40, stage_epochs=4, learning_rate=5e-3)
    model.fit(turning(60, 20, 0))
    few, unseen = turning(6, 20, 3, rates=(2.0, 2.5)), turning(30, 20, 4, rates=(2.0, 2.5))
    truth, contexts = unseen.isel(time=slice(5, None)).to_array(), unseen.isel(time=slice(5))

    def error(m: LaDID) -> float:
        return float(np.square(m.predict(contexts, unseen.times[0][5:]) - truth).mean())

    assert error(model.transfer(few, refit="all", learning_rate=1e-3)) < 0.5 * error(model)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("passes", [0, 2, 5])
def test_broken_off_and_resumed(points, tmp_path, monkeypatch, passes):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    whole, options = small(dropout=0.2).fit(points), {"dropout": 0.2, "checkpoint": tmp_path / "fit.pt"}
    real, calls = loop.evaluate, []

    def evaluate(*arguments):
        calls.append(None)
        if len(calls) > passes:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(loop, "evaluate", evaluate)
    with pytest.raises(Killed):
        small(**options).fit(points)
    monkeypatch.setattr(loop, "evaluate", real)
    resumed = small(**options).fit(points)
    assert same(weights(resumed), weights(whole)) and resumed.stages_ == whole.stages_
    monkeypatch.setattr(loop, "_train_epoch", None)  # what is finished is not done again
    assert same(weights(small(**options).fit(points)), weights(whole))


def test_another_fits_checkpoint_is_refused(points, tmp_path):
    small(checkpoint=tmp_path / "fit.pt").fit(points)
    with pytest.raises(FileError, match="of another fit"):
        small(checkpoint=tmp_path / "fit.pt", noise=0.2).fit(points)


def test_works_with_scikit_learn(points):
    model = small()
    assert clone(model).get_params() == model.get_params()
    scores = cross_val_score(small(), points, cv=2, error_score="raise")
    assert scores.shape == (2,) and np.isfinite(scores).all()


def test_errors_by_horizon():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((50, 3, 4, 2))
    forecast = truth + rng.standard_normal(truth.shape) * np.array([0.1, 0.5, 1.0])[None, :, None, None]
    table = errors_by_horizon(forecast, truth)
    np.testing.assert_allclose(table.mse, np.square(forecast - truth).mean((0, 2, 3)))
    np.testing.assert_allclose(table.nmse, table.mse / np.square(truth).mean((0, 2, 3)))
    assert (table.low < table.nmse).all() and (table.nmse < table.high).all()
    assert ((table.high - table.low) < 0.5 * table.nmse).all()
    assert copy_last(Trajectories(truth[:, 0], np.arange(4.0)), 2).shape == (50, 2, 2)
