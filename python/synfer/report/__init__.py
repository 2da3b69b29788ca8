"""What was found, as one page to read, to file and to send: no server, no network."""

from synfer.report.page import write

__all__ = ["write"]
