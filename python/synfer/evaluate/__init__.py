"""How near an estimated connectome comes to the true one, and what its p-values are worth."""

from synfer.evaluate.metrics import compare
from synfer.evaluate.rejections import rejections

__all__ = ["compare", "rejections"]
