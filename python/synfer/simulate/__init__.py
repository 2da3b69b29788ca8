"""Populations of model neurons whose wiring is known, simulated: the ground truth that discovery is tested on."""

from synfer.recording.state import State
from synfer.simulate import observe
from synfer.simulate.autoregression import var_coefficients, var_network
from synfer.simulate.fields import reaction_diffusion_system, wave_system
from synfer.simulate.models import models
from synfer.simulate.networks import izhikevich_network
from synfer.simulate.plastic import run_plastic
from synfer.simulate.rate_networks import lorenz96_network, map_network, rate_network
from synfer.simulate.reference import run_reference
from synfer.simulate.run import run, run_views
from synfer.simulate.state_dependent import state_dependent_system
from synfer.simulate.structural import StructuralEquations, structural_equations
from synfer.simulate.systems import double_pendulum_system, lorenz96_system, pendulum_system
from synfer.simulate.wiring import (
    DistanceDelay,
    LogNormal,
    UniformDelay,
    by_cell_type,
    clustered,
    clusters_of,
    distance_dependent,
    erdos_renyi,
    fixed_in_degree,
    from_matrix,
    from_networkx,
    random_positions,
    ring_attractor,
    ring_order,
    scale_free,
    small_world,
)

__all__ = [
    "DistanceDelay",
    "LogNormal",
    "State",
    "StructuralEquations",
    "UniformDelay",
    "by_cell_type",
    "clustered",
    "clusters_of",
    "distance_dependent",
    "double_pendulum_system",
    "erdos_renyi",
    "fixed_in_degree",
    "from_matrix",
    "from_networkx",
    "izhikevich_network",
    "lorenz96_network",
    "lorenz96_system",
    "map_network",
    "models",
    "observe",
    "pendulum_system",
    "random_positions",
    "rate_network",
    "reaction_diffusion_system",
    "ring_attractor",
    "ring_order",
    "run",
    "run_plastic",
    "run_reference",
    "run_views",
    "scale_free",
    "small_world",
    "state_dependent_system",
    "structural_equations",
    "var_coefficients",
    "var_network",
    "wave_system",
]
