"""The truth of what a recording shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.simulate.observe.step import checked_recording
from synfer.storage import positions


def truth_of(recording: Recording, truth: Connectome) -> Connectome:
    """Give the truth among the units that a recording shows, in the recording's order.

    Parameters
    ----------
    recording : Recording
        Whatever is left of a simulation: some of its units, one or some of its networks.
    truth : Connectome
        The simulated network's, of all units; of all networks where it was a batch.

    Returns
    -------
    Connectome
        Among ``recording.unit_ids``; with a network axis where the recording has one, of the same networks.

    Raises
    ------
    InputError
        The truth lacks a unit or network of the recording, or it is not known which network the recording is of.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, observe, run
    >>> network = izhikevich_network(8, 2, p=0.4, seed=1)
    >>> seen = observe.hide_units(run(network, duration=0.1), fraction=0.3, seed=1)
    >>> observe.truth_of(seen, network.connectome).n_units
    7
    """
    checked_recording(recording)
    if not isinstance(truth, Connectome):
        raise InputError(
            f"truth must be a Connectome; got a {type(truth).__name__}: a network's is network.connectome."
        )
    if truth.n_networks is not None:
        truth = truth.isel(network=_networks(recording, truth))
    elif recording.leading == "network":
        raise InputError("truth must have a network axis, as the recording has; or choose a network of the recording.")
    return truth.sel(units=recording.unit_ids)


def _networks(recording: Recording, truth: Connectome) -> Any:
    """Positions in the truth of the recording's networks."""
    known = truth.leading_ids
    assert known is not None
    if recording.leading == "network":
        return positions(known, recording.leading_ids, "networks of the recording")
    alone = recording.provenance.get("network")
    if alone is None:
        raise InputError(
            "truth must be of one network, by isel(network=...): the recording does not say of which it is."
        )
    return int(np.ravel(positions(known, alone, "network of the recording"))[0])
