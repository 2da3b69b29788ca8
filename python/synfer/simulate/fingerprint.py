"""The fingerprint of a network as it is about to be simulated."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from synfer.network import Network
from synfer.recording.fingerprint import DIGEST_BYTES, Fingerprint
from synfer.simulate.drives import Term
from synfer.simulate.wires import Wires, ends_of

ON_THE_WAY = ("pending", "strengths")
"""Arrays of a state that are about edges."""


def fingerprint_of(
    network: Network, kind: np.dtype, terms: Sequence[Term], wires: Wires | None, remembered: Collection[str]
) -> Fingerprint:
    """Give the fingerprint of a network as it is about to be simulated.

    Parameters
    ----------
    network : Network
        One network or a batch.
    kind : dtype
        Of its states.
    terms : sequence of Term
        What drives it.
    wires : Wires or None
        What joins its units; None for units without spikes.
    remembered : collection of str
        Names of the arrays of its state.
    """
    drives = {f"drive{place}": term.kind for place, term in enumerate(terms) if term.state is not None}
    wiring = edges = None
    if wires is not None and any(name in remembered for name in ON_THE_WAY):
        lists = list(_digests(network, wires))
        wiring = np.frombuffer(b"".join(digest for digest, _ in lists), np.uint8).reshape(-1, DIGEST_BYTES)
        edges = np.array([count for _, count in lists], np.int64)
    return Fingerprint(
        kind.name, network.synapse.kind, tuple(one.kind for one in network.plasticities), drives, wiring, edges
    )


def _digests(network: Network, wires: Wires) -> Iterator[tuple[bytes, int]]:
    """Give for each network a hash of its edges, and their number.

    Hashed are the numbers of edges of each source, the targets by source, and the delays in steps: one where all of the
    network's are equal, so that it is the same alone as in a batch.
    """
    longest = wires.bound["longest"]
    for counts, targets, delays in _edges(network, wires):
        digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        digest.update(np.ascontiguousarray(counts, "<i8").data)
        digest.update(np.ascontiguousarray(targets, "<u4").data)
        if delays is None:
            delays = np.full(min(1, len(targets)), longest)
        elif len(delays) and delays.min() == delays.max():
            delays = delays[:1]
        digest.update(np.ascontiguousarray(delays, "<u2").data)
        yield digest.digest(), len(targets)


def _edges(network: Network, wires: Wires) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Give of each network the edges of each source, their targets by source, and their delays where they differ."""
    n, bound = network.n_units, wires.bound
    if wires.layout == "sparse":
        starts, targets, delays = bound["starts"], bound["targets"], bound["delays"]
        for first in range(0, len(starts) - 1, n):
            own = starts[first : first + n + 1]
            mine = slice(own[0], own[-1])
            yield np.diff(own), targets[mine], None if delays is None else delays[mine]
    elif network.connectome.layout == "edges":  # in a list an edge of weight 0 is an edge
        of, source, target = ends_of(network.connectome)
        for k in range(network.n_networks or 1):
            own = np.flatnonzero(np.broadcast_to(of, source.shape) == k)
            yield np.bincount(source[own], minlength=n), target[own][np.lexsort((target[own], source[own]))], None
    else:
        for weights in bound["weights"]:  # (target, source)
            sources, targets = np.nonzero(weights.T)
            yield np.bincount(sources, minlength=n), targets, None
