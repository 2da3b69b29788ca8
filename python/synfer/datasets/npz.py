"""Arrays in numpy's files: read without executing anything, and refused by name where malformed."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synfer.connectome import Connectome
from synfer.errors import FileError


def read_array(path: Path, what: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """Read one array of finite numbers from an ``.npy`` file; None in ``shape`` for any number."""
    return checked(_load(path, what), f"{path.name!r} in {str(path.parent)!r}", what, shape)


def read_arrays(path: Path, wanted: Mapping[str, tuple[str, tuple[int | None, ...]]]) -> dict[str, np.ndarray]:
    """Read arrays of finite numbers from an ``.npz`` file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    wanted : dict of str to (str, tuple)
        Name of each array, what it holds and how it lies, and its shape; None for any number.

    Raises
    ------
    FileError
        The file is missing or unreadable, lacks an array, or one is of another shape or holds no finite numbers.
    """
    first = next(iter(wanted.values()))[0]
    archive = _load(path, first)
    where = f"{path.name!r} in {str(path.parent)!r}"
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise FileError(f"{where} holds a single array; it should hold {', '.join(wanted)}.")
    arrays = {}
    with archive:
        for name, (what, shape) in wanted.items():
            if name not in archive.files:
                raise FileError(f"{where} lacks the array {name!r}, which holds the {what}; it has {archive.files}.")
            try:
                array = archive[name]
            except (ValueError, OSError, zipfile.BadZipFile) as error:
                raise FileError(f"{where}: cannot read {name!r}, the {what}: {error}.") from None
            arrays[name] = checked(array, f"{where}, array {name!r}", what, shape)
    return arrays


def checked(array: np.ndarray, where: str, what: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """Give ``array`` if it holds finite real numbers in that shape."""
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise FileError(
            f"{where} must hold finite numbers ({what}); it is of {array.dtype} or holds NaN or infinities."
        )
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        expected = tuple("any" if n is None else n for n in shape)
        raise FileError(f"{where} must have shape {expected}, {what}; it has {array.shape}.")
    return array


def truth_of(edges: np.ndarray, where: str, provenance: Mapping[str, str], *, dt: float | None = None) -> Connectome:
    """Give zeros and ones (target, source) as a Connectome that says nothing of the diagonal."""
    if not np.isin(edges, (0, 1)).all():
        raise FileError(f"{where} must hold zeros and ones (target, source); it holds {np.unique(edges)[:5].tolist()}.")
    score = edges.astype(np.float64)
    np.fill_diagonal(score, np.nan)
    return Connectome(score, dt=dt, provenance=dict(provenance))


def _load(path: Path, what: str) -> np.ndarray:
    if not path.is_file():
        raise FileError(f"{str(path.parent)!r} lacks the file {path.name!r}, which holds the {what}.")
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise FileError(f"cannot read {str(path)!r}, the {what}: {error}.") from None
