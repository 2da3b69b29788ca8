"""Forecasters: what the recording will do next, learnt from what it did; and the one training loop."""

from synfer.forecast.causalformer import CausalformerForecaster
from synfer.forecast.learning import History, Schedule
from synfer.forecast.likelihoods import LIKELIHOODS, Likelihood
from synfer.forecast.training import evaluate, evaluation_batches, train
from synfer.forecast.windows import Clock, Windows

__all__ = [
    "LIKELIHOODS",
    "CausalformerForecaster",
    "Clock",
    "History",
    "Likelihood",
    "Schedule",
    "Windows",
    "evaluate",
    "evaluation_batches",
    "train",
]
