"""Oracle: Brian2 on the same network and the same drive, spike for spike.

Brian2 needs an older numpy than synfer's tests, so it runs in a Python of its own: that named by SYNFER_BRIAN_PYTHON,
or this one where it has Brian2.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.network import ExponentialSynapse, JumpSynapse, Network
from synfer.simulate import run

DT = 1e-4
PARAMETERS = {"tau": 0.02, "rest": -60.0, "threshold": -50.0, "reset": -60.0, "refractory": 0.005}


@pytest.mark.parametrize("delayed", [False, True], ids=["one step", "many delays"])
@pytest.mark.parametrize("layout", [None, "sparse"])
@pytest.mark.parametrize("jumps", [False, True], ids=["currents", "jumps"])
def test_lif_networks_fire_spike_for_spike(
    tmp_path: Path, brian_python: str, delayed: bool, layout: str | None, jumps: bool
) -> None:
    rng = np.random.default_rng(1)
    n, n_steps = 100, 2000
    sign = np.where(np.arange(n) < 80, 1.0, -5.0)
    weights = np.where(rng.random((n, n)) < 0.1, rng.uniform(1, 3, (n, n)), 0) * sign
    delays = rng.integers(1, 30, (n, n)) if delayed else np.ones((n, n), int)
    drive = rng.normal(12, 20, (n_steps, n))
    np.savez(
        tmp_path / "in.npz", weights=weights, delays=delays, drive=drive, dt=DT, tau_exc=5e-3, tau_inh=10e-3,
        jumps=jumps, **PARAMETERS,
    )  # fmt: skip
    script = Path(__file__).parent / "brian_network.py"
    subprocess.run([brian_python, script, tmp_path / "in.npz", tmp_path / "out.npz"], check=True, capture_output=True)
    brian = np.load(tmp_path / "out.npz")

    wiring = Connectome.from_weights(weights, delay=delays * DT)
    synapse = JumpSynapse() if jumps else ExponentialSynapse(5e-3, 10e-3)
    network = Network("lif", PARAMETERS, wiring, synapse=synapse)
    if delayed and layout is None:
        layout = "sparse"
    made = run(
        network, n_steps * DT, DT, drive=drive, record=("v", "spikes"), dtype="float64", layout=layout,
        initial_state={"v": -60.0, "held": 0},
    )  # fmt: skip
    step, unit = np.nonzero(made["spikes"])
    assert len(step) > 300
    assert sorted(zip(step, unit, strict=True)) == sorted(zip(brian["step"], brian["unit"], strict=True))
    # Brian resets in the step of the spike; elsewhere the potentials are the same.
    below = made["spikes"] == 0
    np.testing.assert_allclose(made["v"][below], brian["v"][below], atol=1e-9)
