"""D2CL: supervised discovery from data and partial causal knowledge."""

from synfer.discover.d2cl.estimator import D2CL
from synfer.discover.d2cl.labels import split_pairs

__all__ = ["D2CL", "split_pairs"]
