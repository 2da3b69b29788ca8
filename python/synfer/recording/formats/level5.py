"""MATLAB's files of level 5 (MATLAB 5 to 7.2, and `save` without -v7.3): part of a matrix, the rest passed over.

scipy reads them too, but whole matrices only, and takes 40 MB to list those of a large file. Source: "MAT-File Format",
The MathWorks (R2024a), chapter 1.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from synfer.errors import InputError
from synfer.recording.formats.blocks import Source, Wanted, gathered
from synfer.storage import StrPath, as_path

MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""How numbers are stored, whatever class the matrix has: whole ones take as few bytes as will do."""
FULL = range(6, 16)  # classes of full matrices of numbers
COMPLEX = 0x0800
LONGEST = 1 << 12  # bytes of a name, or of dimensions: MATLAB's are far shorter


class Matrix(NamedTuple):
    """A full matrix of numbers: its name and shape, and where and how its numbers are stored."""

    name: str
    shape: tuple[int, ...]
    is_complex: bool
    dtype: np.dtype
    n_bytes: int
    source: Source


def listed(path: StrPath) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and stored type of each full matrix of numbers, by name; nothing of the numbers is read.

    Raises
    ------
    EOFError, KeyError, ValueError, zlib.error
        The file is damaged.
    """
    with as_path(path).open("rb") as file:
        found: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
        for matrix in _matrices(file):
            found.setdefault(matrix.name, (matrix.shape, matrix.dtype))  # the first of a name, as `part_of` takes it
        return found


def part_of(path: StrPath, name: str, wanted: list[Wanted]) -> np.ndarray:
    """Read the numbers of a matrix at some indices along each axis, in the order of MATLAB's axes.

    Raises
    ------
    InputError
        The matrix is complex.
    EOFError, KeyError, ValueError, zlib.error
        The file is damaged, or has no such matrix.
    """
    with as_path(path).open("rb") as file:
        for matrix in _matrices(file):
            if matrix.name != name:
                continue
            if matrix.is_complex:
                raise InputError(f"{name!r} must be a full matrix of real numbers.")
            if matrix.n_bytes != math.prod(matrix.shape) * matrix.dtype.itemsize:
                break
            return gathered(matrix.source, matrix.shape[::-1], matrix.dtype, wanted[::-1]).T  # columns first
    raise ValueError(f"{name!r} does not hold as many numbers as it says")


def _matrices(file: Source) -> Iterator[Matrix]:
    """Each full matrix of numbers, its source before the first of them."""
    all_of_it = file.seek(0, 2)
    file.seek(126)
    order = {b"IM": "<", b"MI": ">"}[file.read(2)]
    while file.tell() < all_of_it:
        kind, size = struct.unpack(f"{order}II", _exactly(file, 8))
        end = file.tell() + size
        source: Source = file
        if kind == COMPRESSED:
            source = io.BufferedReader(_Inflated(file, size), 1 << 16)
            kind, _ = struct.unpack(f"{order}II", _exactly(source, 8))
        if kind == MATRIX and (flags := _flags(source, order)) is not None and flags & 0xFF in FULL:
            shape = tuple(np.frombuffer(_element(source, order), f"{order}i4").tolist())
            name = _element(source, order).decode("latin1")
            stored, n_bytes, short = _tag(source, order)
            dtype = np.dtype(order + NUMBERS[stored])
            numbers = source if short is None else io.BytesIO(short)
            yield Matrix(name, shape, bool(flags & COMPLEX), dtype, n_bytes, numbers)
        file.seek(end)


def _flags(source: Source, order: str) -> int | None:
    """The first word of a matrix: class and flags; None where it is none that begins so."""
    raw = _element(source, order)
    return int(struct.unpack(f"{order}I", raw[:4])[0]) if len(raw) == 8 else None


def _tag(source: Source, order: str) -> tuple[int, int, bytes | None]:
    """Kind and bytes of an element, and what it holds where that stands in its own tag."""
    raw = _exactly(source, 8)
    kind, size = struct.unpack(f"{order}II", raw)
    if kind >> 16:
        return kind & 0xFFFF, kind >> 16, raw[4 : 4 + (kind >> 16)]
    return kind, size, None


def _element(source: Source, order: str) -> bytes:
    """What a small element holds; whatever pads it to eight bytes is passed."""
    _, size, short = _tag(source, order)
    if short is not None:
        return short
    if size > LONGEST:
        raise ValueError("a name or shape is longer than any of MATLAB's")
    raw = _exactly(source, size)
    _exactly(source, -size % 8)
    return raw


def _exactly(source: Source, n: int) -> bytes:
    raw = source.read(n)
    if len(raw) < n:
        raise EOFError("it ends before what it says that it holds")
    return raw


class _Inflated(io.RawIOBase):
    """What a compressed stretch of a file holds, made as it is read: never more of it at once than is asked for."""

    def __init__(self, file: Source, size: int) -> None:
        self._file, self._left, self._rest, self._zlib = file, size, b"", zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._zlib.eof:
            packed = self._rest or self._file.read(min(self._left, 1 << 16))
            self._left -= 0 if self._rest else len(packed)
            made = self._zlib.decompress(packed, len(buffer))
            self._rest = self._zlib.unconsumed_tail
            if made:
                buffer[: len(made)] = made
                return len(made)
            if not packed:
                break
        return 0
