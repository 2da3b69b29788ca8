"""Synapses: what a presynaptic spike does to its targets."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from synfer.network.coupling import RateCoupling


@dataclasses.dataclass(frozen=True)
class DeltaSynapse:
    """A presynaptic spike adds the weight (mV/ms) to the postsynaptic input of the next step, acting for one step.

    So it moves v by weight x dt after a delay of dt: in the step of 1 ms of the paper's networks, by as many mV.
    """

    kind: ClassVar[str] = "delta"


SYNAPSES: dict[str, type] = {DeltaSynapse.kind: DeltaSynapse, RateCoupling.kind: RateCoupling}
"""The synapses by the name that a file gives them."""
