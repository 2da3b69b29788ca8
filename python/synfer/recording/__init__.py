"""Recording: named signals of a population over time."""

from synfer.recording.recording import Recording

__all__ = ["Recording"]
