"""Methods by name, for the command line and for benchmarks."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from synfer.discover._checks import check_parameters
from synfer.discover.attention import Causalformer
from synfer.discover.base import BaseDiscoverer
from synfer.discover.componentwise import ComponentwiseGC
from synfer.discover.correlation import CrossCorrelation
from synfer.discover.correlogram import CrossCorrelogram
from synfer.discover.covariance import DifferentialCovariance, PartialCorrelation
from synfer.discover.cross_mapping import ConvergentCrossMapping
from synfer.discover.events import EventRegression
from synfer.discover.gradient import GRNGC
from synfer.discover.granger import ConditionalGranger
from synfer.discover.jacobian import JacobianGC
from synfer.discover.mask2cause import Mask2Cause
from synfer.discover.mvgc import MVGC
from synfer.discover.netformer import NetFormer
from synfer.discover.pairwise import PairwiseGranger
from synfer.discover.spike_glm import SpikeGLM
from synfer.discover.synformer import Synformer
from synfer.discover.transfer_entropy import TransferEntropy
from synfer.errors import InputError, UnknownNameError

METHODS: dict[str, type[BaseDiscoverer]] = {
    "causalformer": Causalformer,
    "componentwise_gc": ComponentwiseGC,
    "conditional_granger": ConditionalGranger,
    "convergent_cross_mapping": ConvergentCrossMapping,
    "cross_correlation": CrossCorrelation,
    "cross_correlogram": CrossCorrelogram,
    "differential_covariance": DifferentialCovariance,
    "event_regression": EventRegression,
    "grngc": GRNGC,
    "jacobian_gc": JacobianGC,
    "mask2cause": Mask2Cause,
    "mvgc": MVGC,
    "netformer": NetFormer,
    "pairwise_granger": PairwiseGranger,
    "partial_correlation": PartialCorrelation,
    "transfer_entropy": TransferEntropy,
    "spike_glm": SpikeGLM,
    "synformer": Synformer,
}


def create(name: str, **params: Any) -> BaseDiscoverer:
    """Make a discoverer by its name ("cross_correlation") or its class's ("CrossCorrelation").

    Raises
    ------
    InputError
        The name is no text, or a parameter is out of its range.
    UnknownNameError
        No such method, or it has no such parameter; the nearest names are suggested.
    """
    if not isinstance(name, str):
        raise InputError(f"name must be a method's name, one of {', '.join(METHODS)}; got a {type(name).__name__}.")
    classes = {method.__name__: method for method in METHODS.values()}
    method = METHODS.get(name) or classes.get(name)
    if method is None:
        raise UnknownNameError.of("method", name, METHODS)
    return prepared(method(), **params)


def prepared(estimator: BaseDiscoverer, **params: Any) -> BaseDiscoverer:
    """Make a copy of an estimator, not fitted, with other parameters.

    Raises
    ------
    InputError
        A parameter is out of its range.
    UnknownNameError
        It has no such parameter; the nearest names are suggested.
    """
    made: BaseDiscoverer = clone(estimator)
    made.set_params(**params)
    check_parameters(made)  # a run of many fits is not to find out at the last of them
    return made
