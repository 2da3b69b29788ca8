"""What the simulator's tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch  # noqa: F401

from synfer import _core
from synfer.connectome import Connectome
from synfer.network import (
    AlphaSynapse,
    ConductanceSynapse,
    DeltaSynapse,
    ExponentialSynapse,
    GaussianDrive,
    JumpSynapse,
    Network,
)


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Puts each instruction level in force in turn."""
    if request.param not in _core.instruction_levels():
        pytest.skip(f"this build or processor has no {request.param}")
    before = _core.instruction_level()
    _core.use_instruction_level(request.param)
    yield request.param
    _core.use_instruction_level(before)


SYNAPSES = {
    "delta": DeltaSynapse(),
    "exponential": ExponentialSynapse(0.005, 0.01),
    "alpha": AlphaSynapse(0.003, 0.004),
    "conductance": ConductanceSynapse(0.005, 0.01, 0.0, -80.0),
    "jump": JumpSynapse(),
}
# Mean and variance of the drive, magnitude of weights and of conductances, in each model's units: all of them fire.
SCALES = {
    "izhikevich": (5, 9, 5, 0.1),
    "lif": (30, 100, 20, 0.3),
    "escape_lif": (25, 30, 20, 0.3),
    "adex": (900, 4e4, 500, 10),
    "hodgkin_huxley": (15, 100, 5, 0.1),
    "hodgkin_huxley_cortical": (3, 20, 2, 0.05),
    "fitzhugh_nagumo": (0.5, 0.3, 0.3, 0.1),
    "poisson": (100, 100, 100, 0.1),
    "linear_nonlinear_poisson": (2, 3, 1, 0.3),
}
DT = 1e-4


@pytest.fixture(scope="session")
def make_network() -> Callable[..., Network]:
    """Give a function that makes a small random network of any model, synapse and kind of delay."""

    def make(
        model: str, synapse: str = "delta", delay: str = "one step", *, n: int = 12, seed: int = 0, **more: Any
    ) -> Network:
        rng = np.random.default_rng(seed)
        mean, variance, weight, conductance = SCALES[model]
        jump = 0.3 if model == "fitzhugh_nagumo" else 5.0
        magnitude = {"conductance": conductance, "jump": jump}.get(synapse, weight)
        sign = np.where(np.arange(n) < 3 * n // 4, 1, -1)
        weights = np.where(rng.random((n, n)) < 0.4, rng.random((n, n)), 0.0) * sign * magnitude
        delays = {"one step": None, "one": 3 * DT, "many": rng.integers(1, 6, (n, n)) * DT}
        wiring = Connectome.from_weights(weights, delay=delays[delay])
        given = {"drive": GaussianDrive(mean, variance), "synapse": SYNAPSES[synapse], **more}
        return Network(model, {}, wiring, **given)

    return make
