"""The same method on many recordings: a connectome each, kept as soon as it is found."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from synfer.discover._checks import check_parameters
from synfer.discover.base import BaseDiscoverer
from synfer.errors import FileError, InputError, SynferError
from synfer.machines import Meeting, carry_out
from synfer.recording import Recording
from synfer.sameness import OWN, code_of, code_of_function, told, told_of
from synfer.storage import StrPath, as_path, version_of, written_whole

COLUMNS = ("recording", "connectome", "units", "converged", "seconds", "error")


def read_file(path: Path) -> Recording:
    """Read a saved Recording (.nc), or a file of another tool that needs nothing said."""
    return Recording.load(path) if path.suffix.lower() == ".nc" else Recording.from_file(path)


@dataclasses.dataclass(frozen=True)
class Work:
    """One recording that is to be looked at, or has been."""

    path: Path
    kept: Path
    estimator: BaseDiscoverer
    signal: str | None
    read: Callable[[Path], Recording]
    code: dict[str, Any]

    @property
    def key(self) -> dict[str, Any]:
        """What a connectome that is there must have been found from, and how, to count for this work."""
        return {
            "data": _digest(self.path),
            "method": type(self.estimator).__name__,
            "settings": told(self.estimator.get_params()),
            "signal": self.signal,
            "read": told_of(getattr(self.read, "keywords", {})),
            "version": version_of("synfer"),
            **self.code,
        }

    @property
    def row_file(self) -> Path:
        """Where its row is kept."""
        return self.kept.with_suffix(".json")


def fit_files(
    estimator: BaseDiscoverer,
    paths: Iterable[StrPath],
    *,
    out: StrPath,
    signal: str | None = None,
    read: Callable[[Path], Recording] = read_file,
    jobs: int = 1,
    replace: bool = True,
    progress: bool = True,
) -> pd.DataFrame:
    """Find the connectome of each of many recordings.

    Parameters
    ----------
    estimator : BaseDiscoverer
        Cloned for each recording; one that draws random numbers wants a number as ``random_state``, so that what is
        found does not depend on who finds it.
    paths : iterable of path
        The recordings, each of another name (without folder and ending).
    out : path
        Folder for the connectomes, NAME.nc each, with NAME.json beside it, written whole. A recording whose connectome
        is there, of the same samples, settings and version, is not looked at again; of an estimator or a reader of
        yours the module that it is written in must be the same, to the letter, and be a file that can be read (of a
        notebook's reader, its own lines). On a cluster, a folder that all machines share; the recordings likewise.
    signal : str, optional
        Which signal, where recordings hold several.
    read : callable
        Makes a Recording of a path; can be sent to another process.
    jobs : int
        Fits at a time, one thread each; with 1, a fit has all threads. Within `joblib.parallel_config` its backend is
        used (a Dask cluster, for instance).
    replace : bool
        Whether what lies in ``out`` under such a name, found otherwise or from something else, is replaced or refused.
    progress : bool

    Returns
    -------
    pandas.DataFrame
        One row a recording, in their order: recording, connectome (the file), units, converged, seconds, error (of
        one that was refused: the others go on).

    Raises
    ------
    InputError
        ``estimator`` is none, or its parameters are refused; there is no recording, or two have one name; ``jobs``;
        something is in the way that is not to be replaced.
    FileError
        A recording is not there, or ``out`` is another folder for a worker than it is here.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import synfer as sf
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> for k in range(3):
    ...     x = np.random.default_rng(k).standard_normal((300, 4))
    ...     sf.Recording.from_array(x, dt=0.01).save(home / f"day_{k}.nc")
    >>> found = sf.discover.fit_files(sf.discover.ConditionalGranger(lag=1), home.glob("*.nc"), out=home / "found")
    >>> sorted(path.name for path in (home / "found").glob("*.nc"))
    ['day_0.nc', 'day_1.nc', 'day_2.nc']
    """
    if not isinstance(estimator, BaseDiscoverer):
        raise InputError(
            f"estimator must be one of synfer.discover, such as ConditionalGranger(); got a {type(estimator).__name__}."
        )
    check_parameters(estimator)
    if isinstance(jobs, bool) or not isinstance(jobs, int | np.integer) or jobs < 1:
        raise InputError(f"jobs must be a whole number of at least 1; got {jobs!r}.")
    home = as_path(out, "out").absolute()
    given = [as_path(path, "paths").absolute() for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not given:
        raise InputError("paths must name at least one recording.")
    for path in given:
        if not path.exists():
            raise FileError(f"paths: there is no {str(path)!r}.")
    for name, times in Counter(path.stem for path in given).items():
        if times > 1:
            raise InputError(
                f"paths must have names of their own, by which results are kept; {name!r} is {times} of them."
            )
    for path in given:
        if path == home / f"{path.stem}.nc":
            raise InputError(f"out must be another folder than that of the recordings, which it would replace: {home}.")

    code = _code(estimator, read)  # here: a worker has the objects, and perhaps not their modules
    works = [Work(path, home / f"{path.stem}.nc", estimator, signal, read, code) for path in given]
    rows = [_kept(work) for work in works]
    for work, row in zip(works, rows, strict=True):
        if row is None and work.kept.exists() and not replace:
            raise InputError(
                f"out holds {str(work.kept)!r}, which was found otherwise (from other samples, by other settings or "
                "another version); give another folder, or replace=True (on the shell --force) to replace it."
            )
    carry_out(
        _found, works, rows, home, jobs=jobs, title=type(estimator).__name__, unit=" recordings", progress=progress
    )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _code(estimator: BaseDiscoverer, read: Callable[[Path], Recording]) -> dict[str, Any]:
    """Of a caller's own classes and reader their code, which no version stands for; None where nobody can tell."""
    found: dict[str, Any] = {}
    if (code := code_of(estimator)) != OWN:
        found["code"] = code
    if (reader := code_of_function(read)) != code_of_function(read_file):
        found["reader"] = reader
    return found


def _found(work: Work, place: Meeting) -> dict[str, Any]:
    """Look at one recording, keep its connectome and its row, and give the row."""
    place.join()
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"recording": str(work.path)}
    begin = time.perf_counter()
    try:
        found = clone(work.estimator).fit(work.read(work.path), work.signal).connectome_
    except SynferError as error:
        # A refusal is a row, and tried again another time. Anything else is a bug, or the machine's, and ends the run.
        for old in (work.row_file, work.kept):
            old.unlink(missing_ok=True)
        return row | {"error": f"{type(error).__name__}: {error}", "seconds": round(time.perf_counter() - begin, 3)}
    row |= {"connectome": str(work.kept), "units": found.n_units, "converged": found.converged}
    row["seconds"] = round(time.perf_counter() - begin, 3)
    # The row first, and no other connectome beside it: if this ends in between, what is there is of this work.
    work.kept.unlink(missing_ok=True)
    with written_whole(work.row_file) as draft:
        draft.write_text(json.dumps({"key": work.key, "row": row}))
    found.save(work.kept)
    return row


def _kept(work: Work) -> dict[str, Any] | None:
    """Give the row that was kept for the same work; None where there is none, or its connectome is gone."""
    try:
        found = json.loads(work.row_file.read_text())
        row = dict(found["row"])
        same = found["key"] == work.key and None not in work.code.values() and work.kept.exists()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return row if same else None


def _digest(path: Path) -> str:
    """Digest of a file, or of all files of a folder."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]:
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
        digest.update(b"\0" + file.name.encode())
    return digest.hexdigest()
