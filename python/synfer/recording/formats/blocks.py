"""Part of a large array in a file, read in the order in which it lies there, some megabytes at a time."""

from __future__ import annotations

import io
import itertools
import math
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np

from synfer.recording.formats.common import BLOCK_BYTES, refuse_beyond_memory

Source = io.BufferedIOBase
PIECE_BYTES = 2**20
Wanted = range | np.ndarray
"""Indices along an axis: neighbours, or an increasing array."""


def gathered(source: Source, shape: tuple[int, ...], dtype: np.dtype, wanted: list[Wanted]) -> np.ndarray:
    """Read the numbers at some indices along each axis; beside them two blocks (of 8 MB) are held at most.

    Parameters
    ----------
    source : file
        Stands before the first number. What is not wanted is passed by ``seek`` where the file can, else read.
    shape, dtype
        Of the whole array, last axis fastest.
    wanted : list of range or numpy.ndarray, one an axis
        None of them empty.

    Returns
    -------
    numpy.ndarray
        Of the axes as they are in the file.

    Raises
    ------
    EOFError
        The file ends before the last number that is wanted.
    """
    found = np.empty(tuple(map(len, wanted)), dtype.newbyteorder("="))
    inner = [math.prod(shape[k + 1 :]) for k in range(len(shape))]  # numbers to pass for one step along an axis
    axis = next(k for k, numbers in enumerate(inner) if numbers * dtype.itemsize <= BLOCK_BYTES)
    rows = max(1, BLOCK_BYTES // (inner[axis] * dtype.itemsize))
    passed = 0
    for outer in itertools.product(*(list(enumerate(index)) for index in wanted[:axis])):
        begin = sum(int(k) * inner[i] for i, (_, k) in enumerate(outer))
        for part in _parts(wanted[axis], rows):
            inside, place = _common(part, wanted[axis])
            if place.start == place.stop:
                continue
            _pass(source, (begin + part.start * inner[axis] - passed) * dtype.itemsize)
            numbers = _read(source, len(part) * inner[axis] * dtype.itemsize, dtype)
            passed = begin + part.stop * inner[axis]
            numbers = _taken(
                numbers.reshape(len(part), *shape[axis + 1 :]),
                [inside, *(_common(range(shape[k]), wanted[k])[0] for k in range(axis + 1, len(shape)))],
            )
            found[tuple(n for n, _ in outer) + (place,)] = numbers  # noqa: RUF005  # Python 3.10 has no star here
    return found


def gathered_from_hdf5(dataset: Any, wanted: list[Wanted]) -> np.ndarray:
    """Read the same of a dataset of h5py, each of its chunks once; beside it a block, or a chunk, is held, twice."""
    found = np.empty(tuple(map(len, wanted)), dataset.dtype.newbyteorder("="))
    if dataset.chunks is None:
        steps, room = [1] * len(wanted), BLOCK_BYTES // dataset.dtype.itemsize
        for axis in reversed(range(len(wanted))):  # whole inner axes, as much of the next as there is room for
            steps[axis] = max(1, min(len(_around(wanted[axis])), room))
            room //= steps[axis]
        ranges: Iterable[tuple[range, ...]] = itertools.product(
            *(_parts(index, step) for index, step in zip(wanted, steps, strict=True))
        )
    else:
        refuse_beyond_memory(dataset.chunks, dataset.dtype.itemsize, f"a chunk of {dataset.name!r}")
        around = tuple(slice(one.start, one.stop) for one in map(_around, wanted))
        ranges = (tuple(range(one.start, one.stop) for one in part) for part in dataset.iter_chunks(around))
    for part in ranges:
        common = [_common(one, index) for one, index in zip(part, wanted, strict=True)]
        if all(place.start < place.stop for _, place in common):
            numbers = dataset[tuple(slice(one.start, one.stop) for one in part)]
            found[tuple(place for _, place in common)] = _taken(numbers, [inside for inside, _ in common])
    return found


def _around(wanted: Wanted) -> range:
    return range(int(wanted[0]), int(wanted[-1]) + 1)


def _parts(wanted: Wanted, step: int) -> list[range]:
    """Ranges of at most ``step``, one after the other from the first that is wanted to the last."""
    around = _around(wanted)
    return [range(k, min(k + step, around.stop)) for k in range(around.start, around.stop, step)]


def _common(part: range, wanted: Wanted) -> tuple[slice | np.ndarray, slice]:
    """Which of a part of an axis are wanted, counted from its beginning; and where they stand among the wanted."""
    if isinstance(wanted, range):
        begin = max(part.start, wanted.start)
        end = max(begin, min(part.stop, wanted.stop))
        return slice(begin - part.start, end - part.start), slice(begin - wanted.start, end - wanted.start)
    begin, end = np.searchsorted(wanted, [part.start, part.stop]).tolist()
    return wanted[begin:end] - part.start, slice(begin, end)


def _taken(numbers: np.ndarray, inside: list[slice | np.ndarray]) -> np.ndarray:
    for axis, index in enumerate(inside):
        numbers = numbers[(slice(None),) * axis + (index,)]
    return numbers


def _pass(source: Source, n_bytes: int) -> None:
    if source.seekable() and not isinstance(source, zipfile.ZipExtFile):  # which would read 16 MB at once to go on
        source.seek(n_bytes, 1)
        return
    aside = memoryview(bytearray(min(n_bytes, PIECE_BYTES)))
    while n_bytes > 0:
        n_bytes -= _some(source, aside[: min(n_bytes, PIECE_BYTES)])


def _read(source: Source, n_bytes: int, dtype: np.dtype) -> np.ndarray:
    raw = bytearray(n_bytes)
    view, done = memoryview(raw), 0
    while done < n_bytes:  # in pieces: what unpacks a file may hold as much again as it is asked for
        done += _some(source, view[done : done + PIECE_BYTES])
    return np.frombuffer(raw, dtype)


def _some(source: Source, view: memoryview) -> int:
    n = source.readinto(view)
    if not n:
        raise EOFError("it ends within its numbers")
    return n
