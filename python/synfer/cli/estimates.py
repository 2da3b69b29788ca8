"""An estimated connectome from its file, and what to do where the file is something else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synfer.errors import FileError

if TYPE_CHECKING:
    from synfer.connectome import Connectome


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
