"""Recorded training steps against the same steps launched one by one: emulated on the host, and on a CUDA device."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import ClassVar

import numpy as np
import pytest
import torch

from synfer import _core
from synfer.forecast import LIKELIHOODS, CausalformerForecaster, Clock, Schedule, Windows, stepping, train
from synfer.forecast.learning import Learning, _lower, _settle


def fit(device, *, recordable=True, checkpoint=None, epochs=12, n=400):
    """Three members that end at different epochs, after rates that fell; batches of 16 and a ragged one."""
    x = np.random.default_rng(0).normal(size=(n, 4)).cumsum(0)
    windows = Windows([(x - x.mean(0)) / x.std(0)], 10, clock=Clock.of(5001), device=device)
    training, validation, _ = windows.split()
    model = CausalformerForecaster(4, d_model=20, n_heads=2, d_hidden=40, seeds=(0, 1, 2)).to(device)
    type(model).recordable = recordable
    schedule = Schedule(max_epochs=epochs, patience=2, learning_rate=5e-3, plateau_patience=0)
    law = LIKELIHOODS["gaussian"]
    try:
        history = train(
            model, windows, training, validation, law, schedule, (0, 1, 2), checkpoint=checkpoint, progress=False
        )
    finally:
        type(model).recordable = True
    return model, history


def same(fits, exactly):
    (a, a_history), (b, b_history) = fits
    for one, other in zip(a_history, b_history, strict=True):
        assert one.n_epochs == other.n_epochs and one.learning_rate == other.learning_rate
        assert len(set(one.learning_rate)) > 1 or one.n_epochs < 4
        tolerance = 0.0 if exactly else 1e-5
        np.testing.assert_allclose(one.training_loss, other.training_loss, rtol=tolerance)
        np.testing.assert_allclose(one.validation_loss, other.validation_loss, rtol=tolerance)
    for one, other in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=0.0 if exactly else 1e-5, rtol=0.0 if exactly else 1e-4)


class Graph:
    """Stands for a CUDA graph: what is recorded is undone, as if it had not run, and replayed by being run."""

    state: ClassVar[list[torch.Tensor]] = []
    fails: ClassVar[Exception | None] = None

    def capture_begin(self, pool, capture_error_mode):
        self.before = [t.detach().clone() for t in self.state]

    def capture_end(self):
        if self.fails is not None:
            raise RuntimeError("the recording is void")
        for now, before in zip(self.state, self.before, strict=True):
            now.data.copy_(before)

    def replay(self):
        raise NotImplementedError


@pytest.fixture
def emulated(monkeypatch):
    """Records on the host; gives the members of each recording, and counts replays."""
    seen = {"recordings": [], "replays": 0}
    real = stepping._Recorded

    class Recorded(real):
        def __init__(self, step, starts, ensemble, members, before):
            seen["recordings"].append(list(members))
            optimizers = [step.__self__.learning._optimizers[m] for m in members]
            moments = [t for o in optimizers for state in o.state.values() for t in state.values()]
            Graph.state = [*ensemble.parameters(), *ensemble.buffers(), *moments]
            self.step = step
            super().__init__(step, starts, ensemble, members, before)
            self._graph.replay = self.replay

        def replay(self):
            seen["replays"] += 1
            counts = [layer.step for layer in self._layers]
            for layer, before, told in zip(self._layers, self._before, self._told, strict=True):
                layer.step, layer.replay = before, told  # as they were when the step was recorded
            self._losses.copy_(self.step(self._starts))
            for layer, count in zip(self._layers, counts, strict=True):
                layer.step, layer.replay = count, None

    monkeypatch.setattr(stepping, "_Recorded", Recorded)
    monkeypatch.setattr(stepping, "has_cuda_kernels", lambda x: True)
    monkeypatch.setattr(stepping, "_aside", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    yield seen
    Graph.state, Graph.fails = [], None


def test_emulated_replays_are_the_steps(emulated):
    replayed = fit("cpu")
    assert len(emulated["recordings"]) >= 2, "members come to their ends at different epochs"
    assert all(len(a) > len(b) for a, b in zip(emulated["recordings"], emulated["recordings"][1:], strict=False))
    n_replays = emulated["replays"]
    assert n_replays > 50
    same([replayed, fit("cpu", recordable=False)], exactly=True)
    assert emulated["replays"] == n_replays


def test_without_kernels_nothing_is_recorded(emulated, monkeypatch):
    monkeypatch.setattr(stepping, "has_cuda_kernels", lambda x: False)
    fit("cpu", epochs=1)
    assert not emulated["recordings"]


def test_where_memory_is_short_steps_are_launched(emulated, monkeypatch):
    real = stepping.TrainingStep._step

    def short(self, starts, batch=None):
        found = real(self, starts, batch)
        if any(layer.replay is not None for layer in self.ensemble.dropouts()):
            raise torch.OutOfMemoryError("none left")
        return found

    monkeypatch.setattr(stepping.TrainingStep, "_step", short)
    without = fit("cpu", epochs=3)
    assert len(emulated["recordings"]) == 1 and emulated["replays"] == 0
    monkeypatch.setattr(stepping.TrainingStep, "_step", real)
    same([without, fit("cpu", recordable=False, epochs=3)], exactly=True)


def test_a_step_that_fails_leaves_no_recording_behind(emulated, monkeypatch):
    layers = []
    real = stepping.TrainingStep._step

    def broken(self, starts, batch=None):
        layers[:] = self.ensemble.dropouts()
        if layers[0].replay is not None:
            layers[0].step += 7
            raise ValueError("broken")
        return real(self, starts, batch)

    monkeypatch.setattr(stepping.TrainingStep, "_step", broken)
    for Graph.fails in (None, RuntimeError()):  # what made a recording void is told, not that it is void
        with pytest.raises(ValueError, match="broken"):
            fit("cpu", epochs=1)
        assert [(layer.replay, layer.step) for layer in layers] == [(None, 2 * 4)]


def test_the_rate_stays_where_a_recorded_step_reads_it(monkeypatch):
    """Schedulers of older versions of torch put a number in its place."""
    parameter = torch.ones(1)
    optimizer = torch.optim.AdamW([parameter], lr=torch.tensor(0.5), fused=True)
    (group,) = optimizer.param_groups
    rate = group["lr"]
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)

    def reduced(self, epoch):
        group["lr"] = float(group["lr"]) * 0.5

    monkeypatch.setattr(type(plateau), "_reduce_lr", reduced)
    for loss in (1.0, 2.0):
        _lower(optimizer, plateau, loss)
    assert group["lr"] is rate and float(rate) == 0.25


def test_what_was_learnt_on_a_device_goes_on_here():
    model = CausalformerForecaster(3, d_model=8, n_heads=2, d_hidden=8, seeds=(0, 1))
    here, there = (Learning(model, Schedule(), (0, 1)) for _ in range(2))
    for optimizer in there._optimizers:
        optimizer.param_groups[0].update(lr=torch.tensor(1e-3), capturable=True)
    here.load_state_dict(there.state_dict())
    for optimizer in here._optimizers:
        group = optimizer.param_groups[0]
        assert isinstance(group["lr"], float) and not group["capturable"]
        assert group["lr"] == pytest.approx(1e-3, rel=1e-6)
    _settle(here._optimizers[0])
    assert isinstance(here._optimizers[0].param_groups[0]["lr"], float)


needs_device = [
    pytest.mark.gpu,
    pytest.mark.skipif(not _core.cuda_built, reason="this build has no CUDA kernels"),
]


def on_device(test):
    for mark in needs_device:
        test = mark(test)
    return test


@pytest.fixture
def counted(monkeypatch):
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
    return recordings, replays


@on_device
def test_replayed_steps_are_the_steps(counted):
    recordings, replays = counted
    replayed = fit("cuda")
    assert len(recordings) >= 2 and len(replays) > 50
    n = len(replays)
    same([replayed, fit("cuda", recordable=False)], exactly=False)
    assert len(replays) == n


@on_device
def test_a_graph_keeps_what_it_reads(monkeypatch):
    import sys

    real = stepping._Recorded.__call__

    def replay(self, starts):
        sys.modules["synfer.ops.dropout"]._seeds_on.cache_clear()
        torch.cuda.empty_cache()
        scattered = [torch.full((k,), -1, device="cuda") for k in (1, 2, 3, 8)]
        found = real(self, starts)
        del scattered
        return found

    monkeypatch.setattr(stepping._Recorded, "__call__", replay)
    replayed = fit("cuda", epochs=3)
    monkeypatch.setattr(stepping._Recorded, "__call__", real)
    same([replayed, fit("cuda", recordable=False, epochs=3)], exactly=False)


@on_device
def test_a_replayed_fit_goes_on_from_its_checkpoint(tmp_path):
    whole, _ = fit("cuda", epochs=6)
    fit("cuda", checkpoint=tmp_path / "c.pt", epochs=3)
    resumed, history = fit("cuda", checkpoint=tmp_path / "c.pt", epochs=6)
    assert max(h.n_epochs for h in history) == 6
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@on_device
@pytest.mark.parametrize("own_streams", [True, False])
def test_threads_record_beside_each_other(own_streams):
    alone, _ = fit("cuda")

    def beside(_):
        with torch.cuda.stream(torch.cuda.Stream() if own_streams else None):
            model = fit("cuda")[0]
            torch.cuda.current_stream().synchronize()
            return model

    with ThreadPoolExecutor(4) as pool:
        for model in pool.map(beside, range(4)):
            for a, b in zip(alone.parameters(), model.parameters(), strict=True):
                torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
