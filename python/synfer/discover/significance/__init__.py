"""How far an answer can be trusted: surrogates, tests of forecasts, bootstrap intervals, stability, change over time.

Each is put around any estimator of `synfer.discover`, is one itself, and gives its connectome with p-values or
intervals, or over time.
"""

from synfer.discover.significance.bootstrap import BlockBootstrap
from synfer.discover.significance.forecast_test import ForecastTest
from synfer.discover.significance.over_time import OverTime
from synfer.discover.significance.stability import StabilitySelection
from synfer.discover.significance.surrogate_test import SurrogateTest
from synfer.discover.significance.surrogates import (
    IAAFT,
    SURROGATES,
    BlockShuffle,
    CircularShift,
    SpikeJitter,
    Surrogate,
    TrialShuffle,
)

__all__ = [
    "IAAFT",
    "SURROGATES",
    "BlockBootstrap",
    "BlockShuffle",
    "CircularShift",
    "ForecastTest",
    "OverTime",
    "SpikeJitter",
    "StabilitySelection",
    "Surrogate",
    "SurrogateTest",
    "TrialShuffle",
]
