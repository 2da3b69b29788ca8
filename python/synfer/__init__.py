"""synfer: who drives whom in a population of neurons, and how far the answer can be trusted.

``simulate`` makes a :class:`Recording` whose :class:`Connectome` is known; ``forecast`` learns to predict a Recording;
``discover`` reads off whose past the prediction needed, an estimated Connectome; ``evaluate`` holds one Connectome
against another. Matrices are target x source: ``W[i, j]`` is the effect of j on i. Seconds and millivolts throughout.
"""

from importlib.metadata import version

import torch  # noqa: F401  before _core: torch brings the one OpenMP runtime that both use

from synfer import datasets, discover, errors, evaluate, forecast, ops, plot, simulate
from synfer.connectome import Connectome
from synfer.network import Network
from synfer.recording import Recording

__version__ = version("synfer")

__all__ = [
    "Connectome",
    "Network",
    "Recording",
    "__version__",
    "datasets",
    "discover",
    "errors",
    "evaluate",
    "forecast",
    "ops",
    "plot",
    "simulate",
]
