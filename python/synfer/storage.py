"""What the nouns share on their way to and from disk.

Files are NetCDF4 (HDF5), so that ``xarray.open_dataset`` reads them too. Each carries ``synfer_kind`` and
``synfer_schema``; each is written whole or not at all; each refusal to read one is a `FileError` of one sentence.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import re
import secrets
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from synfer.errors import FileError, InputError, ShapeError, SynferError, UnknownNameError

if TYPE_CHECKING:
    import h5netcdf
    import xarray as xr

SCHEMA = 1
"""Layout of the files written by this version; raised when an older version could misread them."""

StrPath = str | os.PathLike[str]


@functools.cache
def version_of(package: str) -> str:
    """Installed version of a package, read from its metadata so that nothing is imported for it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def stamp(kind: str) -> dict[str, Any]:
    """Attributes that say what a file is: its kind, the schema of its layout, the version that wrote it."""
    return {"synfer_kind": kind, "synfer_schema": SCHEMA, "synfer_version": version_of("synfer")}


def as_path(path: Any, argument: str = "path") -> Path:
    """Give a path; what names no file or folder is an `InputError`."""
    try:
        return Path(path)
    except TypeError:
        raise InputError(f"{argument} must be a path or its name; got a {type(path).__name__}.") from None


def name_alone(told: Any) -> str | None:
    """Give the name of a file or folder without the folders that it lies in, as Linux or Windows has it; None for none.

    It is told where others will read it: of whose disk they were, and how that is ordered, is nobody's business.
    """
    return (PureWindowsPath(told).name or None) if isinstance(told, str) else None


@contextmanager
def written_whole(path: StrPath) -> Iterator[Path]:
    """Give a temporary path beside ``path``, moved to it when the body succeeds and removed when it does not.

    Parameters
    ----------
    path : str or path
        Where the finished file shall lie; an older file there is replaced in one step.

    Yields
    ------
    pathlib.Path
        A path in the same folder, not yet existing, for the body to write.

    Raises
    ------
    FileError
        The folder is absent or cannot be written, ``path`` is something other than a plain file, or writing failed.
    """
    goal = as_path(path)
    try:
        goal = goal.resolve()  # through a link, its target is replaced and the link stays
        if goal.exists() and not goal.is_file():  # os.replace would put a file in the place of, say, /dev/null
            raise FileError(f"cannot write {str(path)!r}: it exists and is not a plain file, so choose another name.")
        if not goal.parent.is_dir():
            raise FileError(f"cannot write {str(path)!r}: the folder {str(goal.parent)!r} does not exist; create it.")
        draft = goal.with_name(f".{goal.name}.{secrets.token_hex(4)}.tmp")
        draft.touch(exist_ok=False)  # an unwritable folder is known before the work, not after it
    except OSError as error:
        raise _as_file_error(error, f"cannot write {str(path)!r}") from error
    try:
        yield draft
        draft.replace(goal)
    except OSError as error:
        raise _as_file_error(error, f"cannot write {str(path)!r}") from error
    finally:  # also where the body was interrupted: nothing is left behind
        draft.unlink(missing_ok=True)


@contextmanager
def opened(path: StrPath, kind: str) -> Iterator[h5netcdf.File]:
    """Open a file of ours to read it; whatever goes wrong with it inside the body is said of the file.

    Parameters
    ----------
    path : str or path
        The file.
    kind : str
        The noun expected in it: "recording", "connectome" or "network".

    Yields
    ------
    h5netcdf.File
        The open file; closed when the body ends.

    Raises
    ------
    FileError
        Missing, unreadable, truncated, not synfer's, of another kind, or written under a newer schema.
    """
    import h5netcdf

    if not as_path(path).is_file():
        raise FileError(f"cannot read {str(path)!r}: there is no such file.")
    with understood(path), h5netcdf.File(path, "r", decode_vlen_strings=True) as file:
        _check_stamp(path, file.attrs, kind)
        yield file


def kind_of(path: StrPath) -> str | None:
    """Which noun a file of ours holds ("recording", "connectome", "network", ...); None where it is not ours."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            kind = file.attrs.get("synfer_kind")
    except (OSError, RuntimeError, ValueError):
        return None
    return kind.decode(errors="replace") if isinstance(kind, bytes) else kind if isinstance(kind, str) else None


@contextmanager
def understood(path: StrPath) -> Iterator[None]:
    """Turn every failure to make sense of a file, inside the body, into a `FileError` that names the file."""
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise _as_file_error(error, f"cannot read {str(path)!r} (half-written, damaged or not NetCDF4)") from error
    except MemoryError as error:
        raise FileError(f"cannot read {str(path)!r}: it does not fit into memory ({_one_line(error)}).") from error
    except (SynferError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise FileError(f"cannot read {str(path)!r}: its contents are damaged ({_one_line(error)}).") from error


def write_datasets(path: StrPath, kind: str, groups: Mapping[str, xr.Dataset]) -> None:
    """Write small datasets, whole or not at all, as the groups of one file; the group "/" carries the stamp."""
    with written_whole(path) as draft:
        for group, dataset in groups.items():
            write_group(draft, group, dataset.assign_attrs(stamp(kind)) if group == "/" else dataset)


def write_group(draft: Path, group: str, dataset: xr.Dataset) -> None:
    """Write a small dataset as a group of a file that is being written; with the group "/" the file begins."""
    # string labels become variable-length strings; nothing here needs a fill value
    encoding = {str(name): {"_FillValue": None} for name, v in dataset.variables.items() if v.dtype.kind == "f"}
    mode = "w" if group == "/" else "a"
    with warnings.catch_warnings():  # what is known of units is read back whether it is marked as a coordinate or not
        warnings.filterwarnings("ignore", message=".*has a space in its name")
        dataset.to_netcdf(draft, mode=mode, group=group, engine="h5netcdf", encoding=encoding)  # type: ignore[call-overload]


def read_datasets(path: StrPath, kind: str, groups: tuple[str, ...] = ("/",)) -> list[xr.Dataset]:
    """Read the named groups of a file that `write_datasets` wrote, into memory."""
    with opened(path, kind):
        return [_read_group(path, group) for group in groups]


def read_group_if_there(path: StrPath, kind: str, group: str) -> xr.Dataset | None:
    """Read a group that a file need not have."""
    with opened(path, kind) as file:
        return _read_group(path, group) if group in file.groups else None


def _read_group(path: StrPath, group: str) -> xr.Dataset:
    import xarray as xr

    return xr.load_dataset(path, group=group, engine="h5netcdf", decode_times=False, mask_and_scale=False)


def as_plain(value: Any, argument: str) -> Any:
    """Make ``value`` JSON-able: numpy scalars and arrays, tuples and paths become plain Python values.

    Raises
    ------
    InputError
        Something in it has no plain form; the message names the argument and the type.
    """

    def convert(item: Any) -> Any:
        if isinstance(item, np.generic | np.ndarray):
            return item.tolist()
        if isinstance(item, os.PathLike):
            return os.fspath(item)
        raise InputError(f"{argument} must hold plain (JSON-able) values; it holds a {type(item).__name__}.")

    try:
        return json.loads(json.dumps(value, default=convert))
    except InputError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{argument} must hold plain (JSON-able) values ({_one_line(error)}).") from error


def as_mapping(value: Any, argument: str) -> dict[str, Any]:
    """Give a dict of plain values (`as_plain`); None is an empty one.

    Raises
    ------
    InputError
        It is no mapping, or something in it has no plain form.
    """
    if value is not None and not isinstance(value, Mapping):
        raise InputError(f"{argument} must be a dict of names to plain values; got a {type(value).__name__}.")
    plain: dict[str, Any] = as_plain(dict(value or {}), argument)
    return plain


def as_choice(value: Any, argument: str, known: Collection[str]) -> str:
    """Give one of the ``known`` names.

    Raises
    ------
    InputError
        It is no text.
    UnknownNameError
        It is none of them; the nearest are suggested.
    """
    if not isinstance(value, str):
        raise InputError(f"{argument} must be one of {', '.join(map(repr, known))}; got a {type(value).__name__}.")
    if value not in known:
        raise UnknownNameError.of(argument, value, known)
    return value


def as_number(value: Any, argument: str, *, positive: bool = False) -> float:
    """Give one finite number of seconds, above 0 where it must be ``positive``.

    Raises
    ------
    InputError
        It is none; the message names the argument.
    """
    what = f"{argument} must be {'positive' if positive else 'finite'} seconds"
    if isinstance(value, str | bytes):  # float() would read "1" and refuse "1 ms": neither is a number
        raise InputError(f"{what}, a number; got {value!r}.")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{what}, a number; got a {type(value).__name__}.") from None
    if not np.isfinite(number) or (positive and number <= 0):
        raise InputError(f"{what}; got {number}.")
    return number


def on_host(array: Any) -> np.ndarray:
    """Give a numpy array that shares the memory of ``array``, numpy's or torch's, or a copy where that is on a GPU."""
    # a tensor is known by its habits: this room does not need torch
    return array.detach().cpu().numpy() if hasattr(array, "detach") else np.asarray(array)


def as_floats(value: Any, argument: str) -> np.ndarray:
    """Give an array (numpy's, torch's, nested lists) as float32 or float64: those as they come, all else as float64.

    Raises
    ------
    InputError
        It does not hold real numbers.
    """
    array = rectangular(value, argument)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{argument} must be real numbers; got {array.dtype}.")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def as_ids(ids: Any, n: int, argument: str) -> np.ndarray:
    """Labels along an axis of length ``n``: a 1-D array of distinct integers or strings (default ``arange(n)``).

    Raises
    ------
    ShapeError
        Not a 1-D array of ``n`` entries.
    InputError
        Neither integers nor strings, or some label occurs twice; the message names it.
    """
    if ids is None:
        try:
            return np.arange(n)
        except (ValueError, OverflowError, MemoryError):
            raise InputError(f"{argument}: memory does not hold labels for so many units, {str(n)[:40]}.") from None
    given = rectangular(ids, argument)
    if given.shape != (n,):
        raise ShapeError(f"{argument} must have shape ({n},), one label for each; got {given.shape}.")
    if given.dtype.kind == "O":
        if all(isinstance(label, str) for label in given):
            given = given.astype(str)
        elif all(isinstance(label, int | np.integer) and not isinstance(label, bool) for label in given):
            given = _whole(given, argument)
    if given.dtype.kind not in "iuUT":
        raise InputError(
            f"{argument} must be all integers or all strings; got {given.dtype} ({given.tolist()[:3]}...)."
        )
    if given.dtype.kind == "T":  # numpy's newer string type, which neither HDF5 nor older numpy know
        given = given.astype(str)
    if given.dtype.kind == "U" and re.search("[\0\ud800-\udfff]", "".join(given.tolist())):
        raise InputError(f"{argument} must be plain text: a NUL or a lone surrogate does not survive a file.")
    labels, counts = np.unique(given, return_counts=True)
    if np.any(counts > 1):
        twice = ", ".join(repr(label) for label in labels[counts > 1].tolist()[:5])
        raise InputError(f"{argument} must be distinct: {twice} occurs more than once; rename or drop the duplicates.")
    return given


def _whole(labels: np.ndarray, argument: str) -> np.ndarray:
    try:
        return labels.astype(np.int64)
    except OverflowError:
        raise InputError(f"{argument} must fit into 64 bits; give longer numbers as strings.") from None


def positions(labels: np.ndarray, wanted: Any, argument: str) -> np.ndarray:
    """Where each of the ``wanted`` labels lies in ``labels`` (distinct, as `as_ids` gives them).

    Raises
    ------
    InputError
        A wanted label is not among ``labels``; the message names the first few missing and known ones.
    """
    wanted = np.atleast_1d(rectangular(wanted, argument))
    if wanted.ndim > 1:
        raise InputError(f"{argument} must be one label or a 1-D array of labels; got shape {wanted.shape}.")
    if wanted.dtype.kind in "OT":
        wanted = rectangular(wanted.tolist(), argument)
    comparable = wanted.dtype.kind in ("iu" if labels.dtype.kind in "iu" else "U")
    order = np.argsort(labels, kind="stable")
    slot = np.searchsorted(labels, wanted, sorter=order) if comparable else np.zeros(wanted.shape, int)
    found = order[np.minimum(slot, len(labels) - 1)]
    missing = labels[found] != wanted if comparable else np.ones(wanted.shape, bool)
    if np.any(missing):
        names = ", ".join(repr(label) for label in wanted[missing].tolist()[:5])
        known = ", ".join(repr(label) for label in labels.tolist()[:5]) + (", ..." if len(labels) > 5 else "")
        raise InputError(f"{argument}: {names} not found; the labels are {known}.")
    return found


def rectangular(value: Any, argument: str) -> np.ndarray:
    """Give an array of whatever type; nested lists of unequal lengths are refused by the argument's name."""
    try:
        return on_host(value)
    except (TypeError, ValueError, RuntimeError) as error:  # the last: a tensor without data
        raise InputError(f"{argument} must be an array, or lists of equal lengths ({_one_line(error)}).") from None


def _check_stamp(path: StrPath, attributes: Mapping[str, Any], kind: str) -> None:
    found = attributes.get("synfer_kind")
    if found is None:
        raise FileError(f"cannot read {str(path)!r}: synfer did not write it, so open it with xarray instead.")
    if found != kind:
        raise FileError(f"cannot read {str(path)!r} as a {kind}: it holds a {found}.")
    schema = int(attributes.get("synfer_schema", 0))
    if schema > SCHEMA:
        raise FileError(
            f"cannot read {str(path)!r}: a newer synfer wrote it (schema {schema}, known here up to {SCHEMA}); upgrade."
        )


def _as_file_error(error: OSError, what: str) -> FileError:
    if isinstance(error, FileError):
        return error
    return FileError(f"{what}: {_one_line(error)}.")


def _one_line(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split()).rstrip(".")
