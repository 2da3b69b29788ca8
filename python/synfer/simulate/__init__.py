"""Populations of model neurons whose wiring is known, simulated: the ground truth that discovery is tested on."""

from synfer.simulate import observe
from synfer.simulate.networks import izhikevich_network
from synfer.simulate.reference import run_reference
from synfer.simulate.run import run
from synfer.simulate.wiring import erdos_renyi

__all__ = ["erdos_renyi", "izhikevich_network", "observe", "run", "run_reference"]
