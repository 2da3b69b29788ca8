"""How near an estimated connectome comes to the true one, and what its p-values are worth."""

from synfer.evaluate.labels import read_pairs, truth_by_labels, truth_by_position
from synfer.evaluate.metrics import compare
from synfer.evaluate.rejections import rejections

__all__ = ["compare", "read_pairs", "rejections", "truth_by_labels", "truth_by_position"]
