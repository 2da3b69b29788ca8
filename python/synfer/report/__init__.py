"""What was found, as one page to read, to file and to send: no server, no network."""

from synfer.report.index import read_rows, write_index
from synfer.report.page import write

__all__ = ["read_rows", "write", "write_index"]
