"""Connectome: who drives whom, and on what evidence."""

from synfer.connectome.connectome import Connectome
from synfer.connectome.learnt import Learnt

__all__ = ["Connectome", "Learnt"]
