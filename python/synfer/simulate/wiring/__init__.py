"""Wirings: who reaches whom, with what weight, after what delay. Matrices are target x source.

Each gives a `Connectome`, the truth of what is simulated with it. Units are numbered excitatory first. Whatever is
random is keyed by the seed and the number of the network: the same network in a batch of whatever size.
"""

from synfer.simulate.wiring.blocks import by_cell_type, clustered, clusters_of
from synfer.simulate.wiring.distributions import DistanceDelay, LogNormal, UniformDelay
from synfer.simulate.wiring.draws import PARAMETER_STREAM, WIRING_STREAM, Generators, generator_of
from synfer.simulate.wiring.given import from_matrix, from_networkx
from synfer.simulate.wiring.graphs import erdos_renyi, fixed_in_degree, ring_order, scale_free, small_world
from synfer.simulate.wiring.spatial import distance_dependent, random_positions, ring_attractor

__all__ = [
    "PARAMETER_STREAM",
    "WIRING_STREAM",
    "DistanceDelay",
    "Generators",
    "LogNormal",
    "UniformDelay",
    "by_cell_type",
    "clustered",
    "clusters_of",
    "distance_dependent",
    "erdos_renyi",
    "fixed_in_degree",
    "from_matrix",
    "from_networkx",
    "generator_of",
    "random_positions",
    "ring_attractor",
    "ring_order",
    "scale_free",
    "small_world",
]
