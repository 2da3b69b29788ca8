"""Connectome: who drives whom, and on what evidence."""

from synfer.connectome.connectome import Connectome

__all__ = ["Connectome"]
