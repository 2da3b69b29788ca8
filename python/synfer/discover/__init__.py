"""Estimators of connectomes: who drives whom, from activity alone."""

from synfer.discover.attention import Causalformer
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.cards import CARDS, MethodCard
from synfer.discover.componentwise import ComponentwiseGC
from synfer.discover.constraint import PC
from synfer.discover.correlation import CrossCorrelation
from synfer.discover.correlogram import CrossCorrelogram
from synfer.discover.covariance import DifferentialCovariance, PartialCorrelation
from synfer.discover.cross_mapping import ConvergentCrossMapping
from synfer.discover.d2cl import D2CL
from synfer.discover.events import EventRegression
from synfer.discover.files import fit_files
from synfer.discover.gradient import GRNGC
from synfer.discover.granger import ConditionalGranger
from synfer.discover.jacobian import JacobianGC
from synfer.discover.mask2cause import Mask2Cause
from synfer.discover.mvgc import MVGC
from synfer.discover.netformer import NetFormer
from synfer.discover.pairwise import PairwiseGranger
from synfer.discover.registry import METHODS, create
from synfer.discover.spike_glm import SpikeGLM
from synfer.discover.synformer import Synformer
from synfer.discover.transfer_entropy import TransferEntropy

from synfer.discover import significance  # isort: skip  # around the estimators, and so after them

__all__ = [
    "CARDS",
    "D2CL",
    "GRNGC",
    "METHODS",
    "MVGC",
    "PC",
    "BaseDiscoverer",
    "Causalformer",
    "ComponentwiseGC",
    "ConditionalGranger",
    "ConvergentCrossMapping",
    "CrossCorrelation",
    "CrossCorrelogram",
    "DifferentialCovariance",
    "EventRegression",
    "JacobianGC",
    "Mask2Cause",
    "MethodCard",
    "NetFormer",
    "PairwiseGranger",
    "PartialCorrelation",
    "Samples",
    "SpikeGLM",
    "Synformer",
    "TransferEntropy",
    "create",
    "fit_files",
    "significance",
]
