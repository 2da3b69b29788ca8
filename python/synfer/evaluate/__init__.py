"""How near an estimated connectome comes to the true one."""

from synfer.evaluate.metrics import compare

__all__ = ["compare"]
