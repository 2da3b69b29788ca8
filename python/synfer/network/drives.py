"""Drives: what acts on the neurons of a network besides their synapses."""

from __future__ import annotations

import dataclasses
import numbers
from typing import ClassVar

import numpy as np

from synfer.errors import InputError


@dataclasses.dataclass(frozen=True)
class GaussianDrive:
    """White noise, drawn anew for each neuron and step: I ~ N(mean, variance).

    Parameters
    ----------
    mean : float
        Mean input (the model's input unit; for Izhikevich's neuron mV per ms).
    variance : float
        Its variance in each step, at least 0 (the same unit, squared).
    """

    mean: float
    variance: float
    kind: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        for name, value in (("mean", self.mean), ("variance", self.variance)):
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                raise InputError(f"{name} must be a number; got {value!r}.")
        if not np.isfinite(self.mean):
            raise InputError(f"mean must be finite; got {self.mean}.")
        if not (np.isfinite(self.variance) and self.variance >= 0):
            raise InputError(f"variance must be finite and at least 0; got {self.variance}.")


DRIVES: dict[str, type] = {GaussianDrive.kind: GaussianDrive}
"""The drives by the name that a file gives them."""
