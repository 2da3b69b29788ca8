"""A fit that was broken off goes on as if nothing had happened."""

import dataclasses

import numpy as np
import pytest
import torch

from synfer.errors import FileError
from synfer.forecast import LIKELIHOODS, CausalformerForecaster, Clock, Schedule, Windows, train, training
from synfer.forecast.feedforward import MLPForecaster
from synfer.forecast.likelihoods import Gaussian, ScaledGaussian
from synfer.forecast.netformer import NetFormerForecaster

SEEDS = (0, 7, 3)
SMALL = {"window": 4, "d_model": 8, "n_heads": 2, "d_head": 4, "d_hidden": 8, "dropout": 0.3}
# A rate and a patience such that the initialisations end in different epochs.
SCHEDULE = Schedule(max_epochs=12, patience=3, learning_rate=2e-3, batch_size=64)


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)


@pytest.fixture(scope="module")
def windows():
    return Windows([np.random.default_rng(0).standard_normal((400, 3))], 4, clock=Clock.of(400))


def fit(windows, checkpoint, *, seeds=SEEDS, schedule=SCHEDULE, **model):
    learning, stopping, _ = windows.split()
    ensemble = CausalformerForecaster(3, **SMALL | model, seeds=seeds)
    gaussian = LIKELIHOODS["gaussian"]
    histories = train(ensemble, windows, learning, stopping, gaussian, schedule, seeds, checkpoint=checkpoint)
    return [*ensemble.parameters(), *ensemble.buffers()], histories


class Killed(BaseException):
    pass


@pytest.mark.parametrize("epochs", [0, 1, 8, 10])
def test_broken_off_and_resumed(windows, tmp_path, monkeypatch, epochs):
    whole, histories = fit(windows, None)
    assert len({history.n_epochs for history in histories}) > 1  # some ended while others went on
    real, calls = training.evaluate, []

    def evaluate(*arguments):
        calls.append(None)
        if len(calls) > epochs:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(training, "evaluate", evaluate)
    with pytest.raises(Killed):
        fit(windows, tmp_path / "fit.pt")
    monkeypatch.setattr(training, "evaluate", real)
    resumed, resumed_histories = fit(windows, tmp_path / "fit.pt")
    assert resumed_histories == histories
    assert all(torch.equal(a, b) for a, b in zip(whole, resumed, strict=True))


def test_a_finished_fit_is_not_done_again(windows, tmp_path, monkeypatch):
    whole, histories = fit(windows, tmp_path / "fit.pt")
    monkeypatch.setattr(training, "_train_epoch", None)
    again, same = fit(windows, tmp_path / "fit.pt")
    assert same == histories and all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))


def test_more_epochs_than_the_first_time(windows, tmp_path):
    fit(windows, tmp_path / "fit.pt", schedule=dataclasses.replace(SCHEDULE, max_epochs=2))
    longer, histories = fit(windows, tmp_path / "fit.pt")
    whole, expected = fit(windows, None)
    assert histories == expected and all(torch.equal(a, b) for a, b in zip(whole, longer, strict=True))


@pytest.mark.parametrize("other", ["data", "seeds", "rate", "dropout", "heads"])
def test_of_another_fit(windows, tmp_path, other):
    fit(windows, tmp_path / "fit.pt", schedule=dataclasses.replace(SCHEDULE, max_epochs=1))
    options = {
        "seeds": {"seeds": (0, 7, 4)},
        "rate": {"schedule": dataclasses.replace(SCHEDULE, learning_rate=1e-3)},
        "dropout": {"dropout": 0.2},
        "heads": {"n_heads": 4, "d_head": 2},
    }.get(other, {})
    if other == "data":
        windows = Windows([np.random.default_rng(1).standard_normal((400, 3))], 4, clock=Clock.of(400))
    with pytest.raises(FileError, match="of another fit"):
        fit(windows, tmp_path / "fit.pt", **options)


def lagged(strength=0.1, ridge=0.1, scale=1.0):
    return MLPForecaster(3, 4, strengths=(strength,), ridge=ridge, scale=np.full(3, scale))


def typed(*types):
    return NetFormerForecaster(3, window=4, cell_types=torch.tensor(types), strength=0.5)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (lambda: (lagged(), Gaussian()), lambda: (lagged(strength=1.0), Gaussian())),
        (lambda: (lagged(), Gaussian()), lambda: (lagged(ridge=1.0), Gaussian())),
        (lambda: (lagged(), Gaussian()), lambda: (lagged(scale=2.0), Gaussian())),
        (lambda: (typed(0, 0, 1), Gaussian()), lambda: (typed(0, 1, 1), Gaussian())),
        (
            lambda: (lagged(), ScaledGaussian(torch.ones(3))),
            lambda: (lagged(), ScaledGaussian(torch.tensor([1.0, 2.0, 3.0]))),
        ),
    ],
    ids=["strength", "ridge", "scale", "cell types", "the loss's scale"],
)
def test_what_no_gradient_moves_makes_another_fit_too(windows, tmp_path, first, other):
    learning, stopping, _ = windows.split()

    def learn(made, epochs):
        ensemble, likelihood = made()
        schedule = dataclasses.replace(SCHEDULE, max_epochs=epochs)
        train(ensemble, windows, learning, stopping, likelihood, schedule, (0,), checkpoint=tmp_path / "fit.pt")

    learn(first, 1)
    learn(first, 2)
    with pytest.raises(FileError, match="of another fit"):
        learn(other, 3)


def test_damaged_or_of_more_epochs_than_are_wanted(windows, tmp_path):
    fit(windows, tmp_path / "fit.pt", schedule=dataclasses.replace(SCHEDULE, max_epochs=3))
    with pytest.raises(FileError, match="it has 3 epochs, more than max_epochs = 2"):
        fit(windows, tmp_path / "fit.pt", schedule=dataclasses.replace(SCHEDULE, max_epochs=2))
    content = torch.load(tmp_path / "fit.pt", weights_only=True)
    del content["state"]["orders"]
    torch.save(content, tmp_path / "fit.pt")
    with pytest.raises(FileError, match="its contents are damaged"):
        fit(windows, tmp_path / "fit.pt")


def test_a_fitted_ensemble_can_be_trained_again(windows):
    learning, stopping, _ = windows.split()
    ensemble = CausalformerForecaster(3, **SMALL, seeds=SEEDS)
    train(ensemble, windows, learning, stopping, LIKELIHOODS["gaussian"], SCHEDULE, SEEDS)
    context, times, _ = windows.batch(learning[:8, None].expand(-1, 3))
    forecast, _ = ensemble.train()(context, times)
    assert forecast.shape == (8, 3, 3)
