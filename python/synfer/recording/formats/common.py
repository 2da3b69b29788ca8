"""What the readers share: packages that may be absent, files that may be anything, memory that may not suffice."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from synfer.errors import FileError, InputError, SynferError
from synfer.recording.sampling import as_step
from synfer.recording.spikes import free_memory
from synfer.storage import StrPath, as_path

SAME_STEP = 1e-3
"""Two steps that differ by less than this fraction are one."""
BLOCK_BYTES = 2**23
"""About what is read at once, and so what reading needs of memory beside the recording."""


def needed(package: str, extra: str) -> Any:
    """Import a package that only one format needs.

    Raises
    ------
    InputError
        It is not installed; the message says how to.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise InputError(f"this format needs {package}: pip install 'synfer[{extra}]'.") from None


@contextmanager
def reading(path: StrPath, what: str) -> Iterator[None]:
    """Turn whatever another package makes of a broken file, inside the body, into a `FileError` that names the file."""
    if not as_path(path).exists():
        raise FileError(f"cannot read {str(path)!r}: there is no such file.")
    try:
        yield
    except SynferError:
        raise
    except MemoryError as error:
        raise FileError(f"cannot read {str(path)!r}: it does not fit into memory ({_brief(error)}).") from error
    except Exception as error:  # the readers of others raise whatever they meet with
        raise FileError(f"cannot read {str(path)!r} as {what}: {_brief(error)}.") from error


def refuse_beyond_memory(shape: tuple[int, ...], itemsize: int, what: str) -> None:
    """Refuse an array that is not to be held, before it is made.

    Raises
    ------
    InputError
        With the gigabytes wanted and free.
    """
    wanted, free = float(np.prod([float(n) for n in shape])) * itemsize, free_memory()
    if not wanted <= free:
        raise InputError(
            f"{what} of shape {shape} wants {wanted / 1e9:.3g} GB, more than the {free / 1e9:.3g} GB of memory that "
            "are free: read a part of it."
        )


def sample_span(time: slice | None, n_samples: int, dt: float, t0: float) -> slice:
    """Samples at ``time.start <= t < time.stop`` seconds; all of them for None.

    Raises
    ------
    InputError
        It is no slice of seconds, or no sample lies in it.
    """
    if time is None:
        return slice(0, n_samples)
    if not isinstance(time, slice) or time.step is not None:
        raise InputError(f"time must be a slice of seconds without a step; got {time!r}.")
    try:
        ends = [
            default if t is None else int(np.ceil(np.clip((float(t) - t0) / dt - 1e-6, 0, n_samples)))
            for t, default in ((time.start, 0), (time.stop, n_samples))
        ]
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"time must be a slice of seconds; got {time!r}.") from None
    if ends[0] >= ends[1]:
        if time.start is not None and time.stop is not None and float(time.start) >= float(time.stop):
            raise InputError(f"time must begin before it ends; got {time.start} to {time.stop} s.")
        raise InputError(
            f"time: no sample in {time.start} to {time.stop} s; they lie from {t0:g} to {t0 + n_samples * dt:g} s, "
            f"{dt:g} s apart."
        )
    return slice(*ends)


def refuse_other_step(dt: float | None, step: float, what: str) -> None:
    """Refuse a step that was given beside a file's own, where they differ by more than a thousandth.

    Raises
    ------
    InputError
        With both.
    """
    if dt is not None and not abs(as_step(dt) - step) <= SAME_STEP * step:
        raise InputError(f"dt = {dt:g} s does not agree with {what}, whose step is {step:g} s; leave dt out.")


def looks_like(path: StrPath) -> str:
    """What the first bytes tell of a file whose ending tells nothing."""
    try:
        with as_path(path).open("rb") as file:
            begin = file.read(8)
    except OSError:
        return ""
    if begin == b"\x89HDF\r\n\x1a\n":
        return ", which is HDF5, as .nwb is, MATLAB's .mat of version 7.3 and our own .nc: name it so if it is one"
    return ""


def _brief(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return (text if len(text) <= 200 else text[:197] + "...").rstrip(".")
