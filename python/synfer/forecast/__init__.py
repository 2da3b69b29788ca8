"""Forecasters: what the recording will do next, learnt from what it did; and the one training loop."""

from synfer.forecast.anchoring import Anchor
from synfer.forecast.causalformer import CausalformerForecaster
from synfer.forecast.componentwise import ComponentwiseForecaster, ComponentwiseLSTM, ComponentwiseMLP
from synfer.forecast.convolutional import TCNForecaster
from synfer.forecast.events import Events
from synfer.forecast.feedforward import MLPForecaster
from synfer.forecast.horizons import copy_last, errors_by_horizon
from synfer.forecast.kan import KANForecaster
from synfer.forecast.ladid import LaDID
from synfer.forecast.lagged import LaggedForecaster
from synfer.forecast.laws import LAWS, Law
from synfer.forecast.learning import History, Schedule
from synfer.forecast.likelihoods import LIKELIHOODS, Likelihood, ScaledGaussian, VaryingGaussian
from synfer.forecast.mask2cause import Mask2CauseForecaster
from synfer.forecast.netformer import NetFormerForecaster
from synfer.forecast.pasts import Pasts, moments, saturation
from synfer.forecast.pieces import Pieces
from synfer.forecast.recurrent import LSTMForecaster
from synfer.forecast.residual import ResidualForecaster
from synfer.forecast.synformer import SynformerForecaster
from synfer.forecast.synformer_training import rows_of, steps_of, train_synformer
from synfer.forecast.training import evaluate, evaluation_batches, train
from synfer.forecast.windows import Clock, Windows

__all__ = [
    "LAWS",
    "LIKELIHOODS",
    "Anchor",
    "CausalformerForecaster",
    "Clock",
    "ComponentwiseForecaster",
    "ComponentwiseLSTM",
    "ComponentwiseMLP",
    "Events",
    "History",
    "KANForecaster",
    "LSTMForecaster",
    "LaDID",
    "LaggedForecaster",
    "Law",
    "Likelihood",
    "MLPForecaster",
    "Mask2CauseForecaster",
    "NetFormerForecaster",
    "Pasts",
    "Pieces",
    "ResidualForecaster",
    "ScaledGaussian",
    "Schedule",
    "SynformerForecaster",
    "TCNForecaster",
    "VaryingGaussian",
    "Windows",
    "copy_last",
    "errors_by_horizon",
    "evaluate",
    "evaluation_batches",
    "moments",
    "rows_of",
    "saturation",
    "steps_of",
    "train",
    "train_synformer",
]
