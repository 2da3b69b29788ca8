"""Network: a model, its parameters, its wiring and its drive; or a batch of networks of one size."""

from synfer.network.coupling import RateCoupling
from synfer.network.drives import (
    Drive,
    GaussianDrive,
    OrnsteinUhlenbeckDrive,
    PoissonDrive,
    SharedDrive,
    SineDrive,
    StepDrive,
)
from synfer.network.network import Network
from synfer.network.synapses import DeltaSynapse

__all__ = [
    "DeltaSynapse",
    "Drive",
    "GaussianDrive",
    "Network",
    "OrnsteinUhlenbeckDrive",
    "PoissonDrive",
    "RateCoupling",
    "SharedDrive",
    "SineDrive",
    "StepDrive",
]
