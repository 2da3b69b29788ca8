"""synfer: who drives whom in a population of neurons, and how far the answer can be trusted.

``simulate`` makes a :class:`Recording` whose :class:`Connectome` is known; ``forecast`` learns to predict a Recording;
``discover`` reads off whose past the prediction needed, an estimated Connectome; ``evaluate`` holds one Connectome
against another. Matrices are target x source: ``W[i, j]`` is the effect of j on i. Seconds and millivolts throughout.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synfer import (
        benchmark,
        connectome,
        datasets,
        discover,
        errors,
        evaluate,
        forecast,
        io,
        network,
        ops,
        plot,
        recording,
        report,
        simulate,
        trajectories,
        trust,
    )
    from synfer.connectome import Connectome
    from synfer.network import Network
    from synfer.recording import Recording
    from synfer.trajectories import Trajectories

__version__ = version("synfer")

__all__ = [
    "Connectome",
    "Network",
    "Recording",
    "Trajectories",
    "__version__",
    "benchmark",
    "connectome",
    "datasets",
    "discover",
    "errors",
    "evaluate",
    "forecast",
    "io",
    "network",
    "ops",
    "plot",
    "recording",
    "report",
    "simulate",
    "trajectories",
    "trust",
]

_NOUNS = {"Connectome": "connectome", "Network": "network", "Recording": "recording", "Trajectories": "trajectories"}


def __getattr__(name: str) -> Any:
    """Import a room or a noun when it is first asked for: torch alone takes seconds, and help needs none of it."""
    if name in _NOUNS:
        return getattr(importlib.import_module(f"synfer.{_NOUNS[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"synfer.{name}")
    raise AttributeError(f"module 'synfer' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Names for those who look: what stands above for our own use is none of them."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
