"""Files and objects of other tools, one module each: every reader gives the arguments of a Recording, or of
`Recording.from_spikes` where it found times of spikes.

None of them runs what a file holds (no pickles), follows it to another file, or asks for more memory than is free.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from synfer.errors import InputError
from synfer.recording.formats import matlab, neo_objects, npz, nwb, spike_list
from synfer.recording.formats.common import looks_like
from synfer.storage import StrPath, as_path

READERS: dict[str, Callable[..., dict[str, Any]]] = {
    ".nwb": nwb.read,
    ".mat": matlab.read,
    ".npz": npz.read,
    ".npy": npz.read,
    ".csv": spike_list.read,
    ".tsv": spike_list.read,
}
"""By the ending of a file's name; whatever else Neo knows by its ending is left to Neo."""


def by_ending(path: StrPath, **options: Any) -> dict[str, Any]:
    """Read a file by the reader for its ending; options that are None are left out.

    Raises
    ------
    InputError
        Nothing reads such files, or the reader has no such option.
    FileError
        The file cannot be read.
    """
    ending = as_path(path).suffix.lower()
    read = READERS.get(ending)
    if read is None:
        if ending == ".nc":
            raise InputError(f"path must be a file of another tool; Recording.load reads {Path(path).name!r}.")
        if not neo_objects.knows(path):
            known = ", ".join(READERS)
            raise InputError(
                f"path must end in {known}, or as a file that Neo reads (where synfer[neo] is installed); got "
                f"{Path(path).name!r}{looks_like(path)}."
            )
        read = neo_objects.read
    elif read is matlab.read and matlab.is_of_neo(path) and neo_objects.knows(path):
        read = neo_objects.read
    given = {name: value for name, value in options.items() if value is not None}
    known_options = read.__kwdefaults__ or {}
    for name in given:
        if name not in known_options:
            taken = ", ".join(known_options)
            raise InputError(f"{name} is nothing to give for a {ending} file, whose reader takes {taken}.")
    return read(path, **given)
