"""An estimated connectome from its file, and what to do where the file is something else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synfer.errors import FileError, InputError

if TYPE_CHECKING:
    from synfer.connectome import Connectome


At = Annotated[
    float | None,
    typer.Option(
        "--at", metavar="SECONDS", help="Of a connectome that changes, as it was then: at the nearest of its times."
    ),
]


def read_estimate(path: Path) -> Connectome:
    """Read a connectome; a recording, or another tool's file, is refused with the command that makes one of it.

    Raises
    ------
    FileError
        The file is missing, damaged, or no connectome.
    """
    from synfer.connectome import Connectome
    from synfer.storage import kind_of

    try:
        return Connectome.load(path)
    except FileError:
        kind = kind_of(path) if path.is_file() else None
        if kind == "recording":
            what = "it holds a recording, of which the connectome has yet to be found"
        elif kind == "network":
            raise FileError(
                f"cannot read {str(path)!r} as a connectome: it holds a network, whose wiring is a truth to hold an "
                "estimate against; give the file that synfer discover wrote."
            ) from None
        elif kind is None and path.is_file() and path.suffix.lower() not in (".nc", ""):
            what = "synfer did not write it; if it is a recording, its connectome has yet to be found"
        else:
            raise
        raise FileError(
            f"cannot read {str(path)!r} as a connectome: {what}: run synfer discover {path} --method NAME "
            "--out estimate.nc first, and give estimate.nc."
        ) from None


def read_at(path: Path, at: float | None) -> Connectome:
    """Read a connectome that does not change, or one that does as it was at a time.

    Raises
    ------
    FileError
        As `read_estimate`.
    InputError
        It changes and no time of it is given, or the other way round.
    """
    found = read_estimate(path)
    if found.leading != "time":
        if at is not None:
            raise InputError(f"--at is for a connectome that changes; {str(path)!r} holds one that does not.")
        return found
    times = [] if found.leading_ids is None else [float(time) for time in found.leading_ids]
    if at is None or not times[0] <= at <= times[-1]:
        raise InputError(
            f"--at must be a time from {times[0]:g} to {times[-1]:g} s, for the connectome in {str(path)!r} changes; "
            f"got {'none' if at is None else f'{at:g}'}."
        )
    return found.isel(time=min(range(len(times)), key=lambda k: abs(times[k] - at)))
