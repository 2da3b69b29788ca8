"""Oracle: the largest step of a model gives its firing rate within 5 % of a far smaller step's; twice it does not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import StepWarning
from synfer.network import CELLS, Network, StepDrive, cell_parameters
from synfer.simulate import run
from synfer.simulate.steps import LARGEST_STEPS


def firing_rate(model: str, parameters: dict, current: float, dt: float) -> float:
    """Of one neuron under a constant current, in Hz, from its first to its last spike of two seconds."""
    network = Network(model, parameters, Connectome.from_weights([[0.0]]), drive=StepDrive(current))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StepWarning)
        steps = np.flatnonzero(run(network, 2.0, dt, record="spikes", dtype="float64")["spikes"])
    return (len(steps) - 1) / ((steps[-1] - steps[0]) * dt)


CASES = {
    **{f"squid {current}": ("hodgkin_huxley", {}, current) for current in (7, 10, 20, 40)},
    **{f"cortical {current}": ("hodgkin_huxley_cortical", {}, current) for current in (1, 2, 5, 10, 20)},
    **{f"2005 {current}": ("adex", {}, current) for current in (800, 1000, 1500, 2500)},
    **{
        kind: ("adex", cell_parameters("adex", kind), CELLS["adex"][kind].current)
        for kind in ("tonic", "adapting", "initial burst", "regular bursting")
    },
}


@pytest.mark.parametrize("name", CASES)
def test_the_largest_step_gives_the_rate(name: str) -> None:
    model, parameters, current = CASES[name]
    exact = firing_rate(model, parameters, current, 1e-5)
    assert abs(firing_rate(model, parameters, current, LARGEST_STEPS[model]) / exact - 1) < 0.05


@pytest.mark.parametrize("name", ["squid 10", "cortical 5", "cortical 10", "tonic"])
def test_no_larger_one_would_do(name: str) -> None:
    model, parameters, current = CASES[name]
    exact = firing_rate(model, parameters, current, 1e-5)
    assert abs(firing_rate(model, parameters, current, 2 * LARGEST_STEPS[model]) / exact - 1) > 0.05


@pytest.mark.parametrize("model", LARGEST_STEPS)
def test_a_larger_step_is_warned_of(model: str) -> None:
    network = Network(model, {}, Connectome.from_weights([[0.0]]), drive=StepDrive(0.0))
    for dt in (1e-3, 0.1):  # the default, and milliseconds by mistake
        with pytest.warns(StepWarning, match=rf"dt = {dt:g} s .*model '{model}'.*take dt=0\.00025 \(seconds\)"):
            assert run(network, 5 * dt, dt).n_samples == 5
    assert run(network, 0.01, LARGEST_STEPS[model]).n_samples == 40  # no warning, which would be an error here
