"""How long what cannot be interrupted is: the slices in which steps are taken."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.network import GaussianDrive, Network
from synfer.simulate import engine, lorenz96_network, rate_network, recorded, run, run_views, var_network

N = 256


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give a list that the lengths of the slices of runs go to."""
    lengths: list[int] = []

    def noted(take: Any, slices: Any, *rest: Any) -> Any:
        lengths.extend(end - begin for begin, end in slices)
        return original(take, slices, *rest)

    original = engine._taken
    monkeypatch.setattr(engine, "_taken", noted)
    monkeypatch.setattr(recorded, "SLICE_UNIT_STEPS", 2**10 * N)
    return lengths


def weights(share: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.where(rng.random((N, N)) < share, rng.normal(0, 0.02, (N, N)), 0.0)


def test_slices_are_shorter_where_units_have_many_sources(taken: list[int]) -> None:
    """Ctrl-C is heard between them, some tenths of a second apart whatever a step costs."""
    run(lorenz96_network(N), 2.0)
    assert max(taken) == 1024
    taken.clear()
    run(rate_network(weights()), 2.0)
    assert max(taken) == 1024 * 64 // N
    taken.clear()
    run(rate_network(weights(0.5)), 2.0, layout="sparse")
    assert 512 <= max(taken) <= 1024
    taken.clear()
    lags = np.stack([weights()] * 4) / 4
    run(var_network(lags), 1.0)
    assert max(taken) == 1024 * 64 // (4 * N)
    taken.clear()
    spiking = Network("lif", {}, Connectome.from_weights(np.zeros((N, N))))
    run(spiking, 2.0)
    assert max(taken) == 1024
    taken.clear()
    many = Network("lif", {}, Connectome.from_weights(np.zeros((4 * N, 4 * N))))
    run(many, 0.2, layout="dense")
    assert max(taken) == 128
    taken.clear()
    run(many, 0.5, layout="sparse")
    assert max(taken) == 256


def test_views_of_coprime_steps_do_not_make_one_slice(taken: list[int]) -> None:
    """Spikes counted into rows are remembered from one slice to the next."""
    network = Network("lif", {}, Connectome.from_weights(weights() * 50), drive=GaussianDrive(25, 100))
    steps = {"a": 7, "b": 11, "c": 13, "d": 2}
    whole = run(network, 3.0, warmup=0.05, record="spikes")["spikes"]
    views = {name: {"record": "spikes", "every": every} for name, every in steps.items()}
    views["some"] = {"record": "spikes", "every": 5, "units": [3, 100, 200]}
    taken.clear()
    seen = run_views(network, 3.0, warmup=0.05, views=views)
    assert max(taken) == 1024
    for name, every in steps.items():
        rows = 3000 // every
        assert np.array_equal(seen[name]["spikes"], whole[: rows * every].reshape(rows, every, N).sum(1))
    assert np.array_equal(seen["some"]["spikes"], whole[:, [3, 100, 200]].reshape(600, 5, 3).sum(1))


def test_counts_outlast_slices_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    several = Network("lif", {}, Connectome.from_weights(np.zeros((3, 20, 20))), drive=GaussianDrive(25, 100))
    whole = run(several, 0.3, record="spikes")["spikes"]
    odd = itertools.cycle([1, 3, 50, 31])

    def slices(span: recorded.Span, *_: int) -> Any:
        begin = span.first
        while begin < span.last:
            end = min(begin + next(odd), span.last)
            yield begin, end
            begin = end

    monkeypatch.setattr(recorded.Span, "slices", slices)
    for every in (1, 4, 100):
        counted = run(several, 0.3, record="spikes", every=every)["spikes"]
        assert np.array_equal(counted, whole.reshape(3, -1, every, 20).sum(2))
    assert whole.sum() > 100
