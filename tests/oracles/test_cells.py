"""Oracle: each published cell shows, under the current of its source, the pattern it is named after."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.network import CELLS, Network, StepDrive, cell_parameters
from synfer.simulate import run


def course(model: str, kind: str, stop: float = np.inf) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of spikes (ms) since the current began, intervals between them, and v (time,) of a cell at rest before."""
    drive = StepDrive(CELLS[model][kind].current, start=0.1, stop=stop)
    parameters = cell_parameters(model, kind)
    network = Network(model, parameters, Connectome.from_weights([[0.0]]), drive=drive)
    rest = None
    if model == "izhikevich":
        b = parameters["b"]
        v = np.roots([0.04, 5.0 - b, 140.0]).min()
        rest = {"v": v, "u": b * v}
    made = run(network, 1.1, 1e-4, record=("spikes", "v"), dtype="float64", initial_state=rest)
    times = np.flatnonzero(made["spikes"][:, 0]) * 0.1 - 100
    return times, np.diff(times), made["v"][:, 0]


def steady(intervals: np.ndarray) -> bool:
    """The last ten intervals are alike."""
    return len(intervals) >= 10 and np.ptp(intervals[-10:]) <= 0.05 * intervals[-1]


def bursts(intervals: np.ndarray, pause: float) -> bool:
    """Pauses part groups of at least two spikes, again and again, each as the one before."""
    pauses = np.flatnonzero(intervals > pause)
    between = np.diff(pauses) - 1
    return len(pauses) >= 5 and intervals[intervals <= pause].max() < pause / 3 and between.min() >= 1


def check_izhikevich(kind: str) -> None:
    times, gaps, v = course("izhikevich", kind, stop=0.3 if kind == "thalamocortical" else np.inf)
    if kind == "regular spiking":
        assert gaps[0] < 0.6 * gaps[-1]
        assert steady(gaps)
        assert 15 < len(times) < 35
    elif kind == "intrinsically bursting":
        assert gaps[:2].max() < 6
        assert gaps[2:].min() > 20
        assert steady(gaps)
    elif kind == "chattering":
        assert bursts(gaps, pause=20)
    elif kind == "fast spiking":
        assert len(times) > 100
        assert steady(gaps)
        assert gaps[-1] < 2 * gaps[0]
    elif kind == "low-threshold spiking":
        assert len(times) > 50
        assert gaps[-1] > 3 * gaps[0]
        assert steady(gaps)
    elif kind == "thalamocortical":  # a burst on the rebound from inhibition
        assert times[0] > 200
        assert len(times) >= 3
        assert gaps[:2].max() < 10
    else:
        assert kind == "resonator"
        assert len(times) == 0
        around = v[1000:] - v[-1]
        crossings = np.flatnonzero(np.diff(np.sign(around[np.abs(around) > 1e-9])))
        assert len(crossings) >= 4


def check_adex(kind: str) -> None:
    times, gaps, _ = course("adex", kind)
    if kind == "tonic":
        assert np.ptp(gaps) < 0.1 * gaps[-1]
        assert len(times) > 50
    elif kind == "adapting":
        assert np.all(np.diff(gaps[:6]) > 0)
        assert gaps[-1] > 5 * gaps[0]
        assert steady(gaps)
    elif kind == "initial burst":
        assert gaps[:2].max() < 10
        assert gaps[2:].min() > 40
        assert steady(gaps)
    elif kind == "regular bursting":
        assert bursts(gaps, pause=60)
    elif kind == "delayed accelerating":
        assert times[0] > gaps[0]
        assert np.all(np.diff(gaps[:20]) < 0)
        assert gaps[-1] < 0.6 * gaps[0]
    elif kind == "delayed regular bursting":
        assert times[0] > 40
        assert bursts(gaps, pause=25)
    elif kind == "transient spiking":
        assert 1 <= len(times) <= 5
        assert times[-1] < 100
    else:
        assert kind == "irregular spiking"
        assert len(times) > 30
        late = gaps[len(gaps) // 2 :]
        assert np.std(late) > 0.3 * np.mean(late)
        # no interval of a cycle comes back: unlike a burst's
        assert len(np.unique(np.round(late, 1))) > 0.7 * len(late)


@pytest.mark.parametrize(("model", "kind"), [(model, kind) for model, cells in CELLS.items() for kind in cells])
def test_the_pattern_is_that_of_the_source(model: str, kind: str) -> None:
    {"izhikevich": check_izhikevich, "adex": check_adex}[model](kind)
