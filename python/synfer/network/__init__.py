"""Network: a model, its parameters, its wiring and its drive; or a batch of networks of one size."""

from synfer.network.cells import CELLS, Cell, cell_parameters
from synfer.network.coupling import RateCoupling
from synfer.network.drives import (
    Drive,
    GaussianDrive,
    OrnsteinUhlenbeckDrive,
    PoissonDrive,
    SharedDrive,
    SineDrive,
    StepDrive,
    WhiteNoiseDrive,
)
from synfer.network.network import Network
from synfer.network.synapses import (
    STDP,
    AlphaSynapse,
    ConductanceSynapse,
    DeltaSynapse,
    ExponentialSynapse,
    JumpSynapse,
    ShortTermPlasticity,
)

__all__ = [
    "CELLS",
    "STDP",
    "AlphaSynapse",
    "Cell",
    "ConductanceSynapse",
    "DeltaSynapse",
    "Drive",
    "ExponentialSynapse",
    "GaussianDrive",
    "JumpSynapse",
    "Network",
    "OrnsteinUhlenbeckDrive",
    "PoissonDrive",
    "RateCoupling",
    "SharedDrive",
    "ShortTermPlasticity",
    "SineDrive",
    "StepDrive",
    "WhiteNoiseDrive",
    "cell_parameters",
]
