"""Tables of numbers in text files: read fast where they are sound, slowly where the fault must be named."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NoReturn

import numpy as np

from synfer.errors import FileError


def read_table(path: Path, what: str, shape: tuple[int | None, int | None] = (None, None)) -> np.ndarray:
    """Read a comma-separated table of finite numbers.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    what : str
        What the table holds and how it lies, such as "weights (target, source)", for the messages.
    shape : tuple
        Rows and columns expected; None for any number (of rows: none at all is possible too).

    Returns
    -------
    array (row, column) of float64
        Each number the double nearest to what is written.

    Raises
    ------
    FileError
        The file is missing or unreadable, a cell is no finite number, a row is too short or too long, or the shape is
        another; the message names the row and column, counted from 1, and what stands there.
    """
    if not path.is_file():
        raise FileError(f"{str(path.parent)!r} lacks the file {path.name!r}, which holds the {what}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty file: told below, where it matters
            table = np.loadtxt(path, delimiter=",", comments=None, ndmin=2, dtype=np.float64, encoding="utf-8")
    except ValueError:
        _refuse(path, what, shape[1])
    except OSError as error:
        raise FileError(f"cannot read {str(path)!r}, the {what}: {error.strerror or error}.") from error
    rows, columns = shape
    if table.size == 0:
        table = np.empty((0, columns or 0))
    if not np.all(np.isfinite(table)) or columns not in (None, table.shape[1]):
        _refuse(path, what, columns)
    where = f"{path.name!r} in {str(path.parent)!r}"
    if table.size == 0 and (rows or columns is None):  # rows of known width may be none: a silent network's spikes
        raise FileError(f"{where} is empty; it should hold the {what}.")
    if rows not in (None, table.shape[0]):
        raise FileError(f"{where} must hold {rows} rows of {what}; it has {table.shape[0]}.")
    return table


def _refuse(path: Path, what: str, columns: int | None) -> NoReturn:
    """Find what `read_table` met, cell by cell, and say where it stands."""
    where = f"{path.name!r} in {str(path.parent)!r}"
    text = path.read_text(encoding="utf-8", errors="replace")
    for row, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue  # as the fast reader does
        cells = line.split(",")
        for column, cell in enumerate(cells, start=1):
            try:
                fault = "" if np.isfinite(float(cell)) else "not finite"
            except ValueError:
                fault = "no number"
            if fault:
                raise FileError(f"{where}, row {row}, column {column}: {cell.strip()[:40]!r} is {fault} ({what}).")
        columns = len(cells) if columns is None else columns
        if len(cells) != columns:
            last = f"the last is {cells[-1].strip()[:40]!r}"
            raise FileError(f"{where}, row {row}: {len(cells)} columns where {columns} are expected ({what}); {last}.")
    raise FileError(f"{where} cannot be read as a table of numbers ({what}).")
