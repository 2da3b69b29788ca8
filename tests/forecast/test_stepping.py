"""A training step recorded on a CUDA device against the same step launched kernel by kernel."""

import numpy as np
import pytest
import torch

from synfer import _core
from synfer.forecast import LIKELIHOODS, CausalformerForecaster, Clock, Schedule, Windows, stepping, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not _core.cuda_built, reason="this build has no CUDA kernels"),
]


def fit(monkeypatch, recordable, checkpoint=None, epochs=12):
    monkeypatch.setattr(CausalformerForecaster, "recordable", recordable)
    x = np.random.default_rng(0).normal(size=(400, 4)).cumsum(0)
    windows = Windows([(x - x.mean(0)) / x.std(0)], 10, clock=Clock.of(5001), device="cuda")
    training, validation, _ = windows.split()
    model = CausalformerForecaster(4, d_model=20, n_heads=2, d_hidden=40, seeds=(0, 1, 2)).to("cuda")
    schedule = Schedule(max_epochs=epochs, patience=2, learning_rate=5e-3, plateau_patience=0)
    law = LIKELIHOODS["gaussian"]
    history = train(model, windows, training, validation, law, schedule, (0, 1, 2), checkpoint=checkpoint)
    return model, history


def test_replayed_steps_are_the_steps(monkeypatch):
    recordings, replays = [], []
    real = stepping._Recorded

    class Counted(real):
        def __init__(self, *given):
            recordings.append(given[3])
            super().__init__(*given)

        def __call__(self, starts):
            replays.append(len(starts))
            return super().__call__(starts)

    monkeypatch.setattr(stepping, "_Recorded", Counted)
    recorded, replayed = fit(monkeypatch, True)
    n_recordings, n_replays = len(recordings), len(replays)
    launched, stepwise = fit(monkeypatch, False)
    assert n_recordings >= 2 and n_replays > 100, "members come to their ends at different epochs"
    assert (len(recordings), len(replays)) == (n_recordings, n_replays)
    for a, b in zip(replayed, stepwise, strict=True):
        assert a.n_epochs == b.n_epochs and a.learning_rate == b.learning_rate
        np.testing.assert_allclose(a.training_loss, b.training_loss, rtol=1e-5)
        np.testing.assert_allclose(a.validation_loss, b.validation_loss, rtol=1e-5)
    for a, b in zip(recorded.parameters(), launched.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_a_replayed_fit_goes_on_from_its_checkpoint(monkeypatch, tmp_path):
    whole, _ = fit(monkeypatch, True, epochs=6)
    fit(monkeypatch, True, tmp_path / "c.pt", epochs=3)
    resumed, history = fit(monkeypatch, True, tmp_path / "c.pt", epochs=6)
    assert max(h.n_epochs for h in history) == 6
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_two_threads_record_beside_each_other(monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    alone, _ = fit(monkeypatch, True)

    def beside(_):
        with torch.cuda.stream(torch.cuda.Stream()):
            model = fit(monkeypatch, True)[0]
            torch.cuda.current_stream().synchronize()
            return model

    with ThreadPoolExecutor(4) as pool:
        for model in pool.map(beside, range(4)):
            for a, b in zip(alone.parameters(), model.parameters(), strict=True):
                torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
