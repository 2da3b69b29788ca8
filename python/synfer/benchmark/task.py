"""One recording of a suite, and its truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from synfer.connectome import Connectome
from synfer.recording import Recording

Pair = tuple[Recording, Connectome]


@dataclasses.dataclass(frozen=True)
class Task:
    """One recording of a suite with its truth, loaded when it is needed.

    Attributes
    ----------
    set : str
        What its figures are averaged over, such as "exc8_inh2_p4".
    network : str
        Its name within the set.
    load : callable
        Gives the recording and the truth; can be sent to another process.
    stamp : str
        What tells these data from others of the same name: a digest of the files, or a seed.
    kind : str
        What its signal is, where a suite has several kinds, each with settings of its own ("suite/kind").
    """

    set: str
    network: str
    load: Callable[[], Pair]
    stamp: str
    kind: str = ""
