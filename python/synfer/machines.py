"""Work that is done elsewhere: in other processes of this machine, or on a Dask cluster, all by way of joblib."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import joblib
from tqdm import tqdm

from synfer.errors import FileError, InputError

PATIENCE = 60.0
"""Seconds to wait for a scheduler, and for its first worker."""
SCHEMES = ("tcp", "tls", "ucx", "ws", "wss")
"""What addresses of Dask's begin with."""


def _me() -> str:
    return f"{platform.node()} {os.getpid()}"  # numbers of processes come again on other machines


@dataclasses.dataclass(frozen=True)
class Meeting:
    """What whoever works for a caller gets to know: who the caller is, and that they see the same folder.

    Attributes
    ----------
    mark : Path
        A file that is there while the work goes on, under a name of its own.
    caller : str
    """

    mark: Path
    caller: str

    def join(self) -> None:
        """Begin to work: in another process than the caller's with one thread, as the cores are shared out there.

        Raises
        ------
        FileError
            What would be written here the caller would never see.
        """
        if _me() == self.caller:
            return
        import torch

        torch.set_num_threads(1)
        if not self.mark.exists():
            raise FileError(
                f"out must be a folder that all who work see: {str(self.mark.parent)!r} on {platform.node()!r} is "
                "another than the caller's; give one on a file system that they share."
            )


@contextlib.contextmanager
def meeting(folder: Path) -> Iterator[Meeting]:
    """Make a folder the place to which all bring what they have done."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / f".at-work-{uuid.uuid4().hex}"
    try:
        mark.touch()
    except OSError as error:
        raise FileError(f"out: nothing can be written to {str(folder)!r}: {error.strerror or error}.") from None
    try:
        yield Meeting(mark, _me())
    finally:
        mark.unlink(missing_ok=True)


def _address(scheduler: str) -> str:
    """Give a scheduler's address; one that is just starting has not written all of its file yet."""
    if "://" in scheduler:
        if scheduler.partition("://")[0] not in SCHEMES:  # a Client of another would fail halfway made, and again later
            raise ValueError(f"it must begin with one of {', '.join(SCHEMES)}")
        return scheduler
    until = time.monotonic() + PATIENCE
    while True:
        text = Path(scheduler).read_text(encoding="utf-8")
        try:
            return str(json.loads(text)["address"])
        except (ValueError, KeyError, TypeError):
            if time.monotonic() > until:
                raise ValueError("it names no address") from None
        time.sleep(0.1)


@contextlib.contextmanager
def cluster(scheduler: str | None) -> Iterator[None]:
    """Send joblib's work to a Dask cluster; where no scheduler is named, leave it as it is.

    Parameters
    ----------
    scheduler : str, optional
        Its address (``tcp://10.0.0.1:8786``), or the file that ``dask scheduler --scheduler-file`` wrote.

    Raises
    ------
    InputError
        distributed is not installed (``synfer[dask]``), the scheduler does not answer, or no worker has come to it.
    """
    if scheduler is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "a scheduler needs Dask: pip install 'synfer[dask]', here and where the workers are."
        ) from None
    import joblib

    try:
        client = Client(_address(scheduler), timeout=PATIENCE, set_as_default=True)
    except (OSError, ValueError) as error:
        raise InputError(
            "scheduler must be the address of a running Dask scheduler (tcp://HOST:PORT), or the file that it wrote; "
            f"got {scheduler!r}: {' '.join(str(error).split()) or type(error).__name__}."
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise InputError(
                f"scheduler: no worker has come to {scheduler!r} in {PATIENCE:g} s; start some: dask worker."
            ) from None
        with joblib.parallel_config(backend="dask"):
            yield


def carry_out(
    call: Callable[[Any, Meeting], dict[str, Any]],
    works: Sequence[Any],
    rows: list[dict[str, Any] | None],
    home: Path,
    *,
    jobs: int,
    title: str,
    unit: str,
    progress: bool,
) -> None:
    """Fill in each row that is None by ``call(work, place)``, by joblib, wherever its backend computes.

    ``home`` is the folder that all machines must share, ``title`` and ``unit`` are the bar's.
    """
    missing = [k for k, row in enumerate(rows) if row is None]
    bar = tqdm(total=len(works), initial=len(works) - len(missing), desc=title, unit=unit,
               disable=None if progress else True)  # fmt: skip
    with bar, meeting(home) as place:
        delayed = joblib.delayed(call)
        made = joblib.Parallel(n_jobs=jobs, return_as="generator")(delayed(works[k], place) for k in missing)
        for k, row in zip(missing, made, strict=True):
            rows[k] = row
            bar.update()
