"""Steps that do not fit: see also test_models.py and test_rates.py."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import StepWarning
from synfer.network import Network, StepDrive
from synfer.simulate import run

ALONE = Connectome.from_weights([[0.0]])


@pytest.mark.parametrize("model", ["lif", "escape_lif"])
def test_a_membrane_that_rounding_holds_is_warned_of(model: str) -> None:
    """In float32 what v moves by in a step may be less than half its last digit."""
    slow = Network(model, {"tau": 0.5}, ALONE, drive=StepDrive(20.05))
    with pytest.warns(StepWarning, match=r"dt = 1e-05 s .*'e?.*lif' in float32 .*0\.29 mV from .*float64"):
        run(slow, 1e-4, 1e-5)
    run(slow, 1e-4, 1e-5, dtype="float64")  # no warning, which would be an error here
    run(slow, 1e-3, 1e-4)
    if model == "escape_lif":  # whose threshold is soft
        run(Network(model, {"threshold": -60.0, "reset": -60.0}, ALONE), 1e-4, 1e-5)


def test_it_is_held_within_what_the_warning_says() -> None:
    drive = StepDrive(np.linspace(19.0, 19.5, 16))
    network = Network("lif", {"tau": 0.5}, Connectome.from_weights(np.zeros((16, 16))), drive=drive)

    def settled(dtype: str) -> np.ndarray:
        begin = {"v": -70 + drive.amplitude - 0.5, "held": 0}
        return run(network, 3.0, 1e-5, dtype=dtype, every=10**5, initial_state=begin)["v"][-1]

    with pytest.warns(StepWarning, match=r"up to 0\.29 mV"):
        off = np.abs(settled("float32") - settled("float64"))
    assert 0.05 < off.max() < 0.29
