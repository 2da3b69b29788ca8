"""Run a network whose weights change, and give them over time."""

from __future__ import annotations

import inspect
from typing import Any

from synfer.connectome import Connectome
from synfer.network import Network
from synfer.recording import Recording
from synfer.simulate.engine import simulated
from synfer.simulate.run import run
from synfer.simulate.views import ASKED
from synfer.simulate.watch import Watch


def run_plastic(
    network: Network, duration: float, dt: float = 1e-3, *, weights_every: float, **options: Any
) -> tuple[Recording, Connectome | list[Connectome]]:
    """Simulate a network that learns by STDP, and give its weights over time beside what was recorded.

    Parameters
    ----------
    network : Network
        One network, or a batch, with plasticity `STDP`.
    duration, dt, **options
        As for `run`.
    weights_every : float
        Seconds between two looks at the weights: a whole number of rows of what is recorded.

    Returns
    -------
    recording : Recording
        As `run` gives it, to the bit.
    connectome : Connectome or list of Connectome
        The truth over time: weights (time, target, source) at the beginning and after every ``weights_every``, warm-up
        included; of a wiring that is a list of edges (time, edge), 8 bytes an edge and look in float32.
        ``isel(time=...)`` takes a time out. Of a batch a list, one for each network in order.

    Raises
    ------
    InputError
        The network does not learn, or as for `run`.

    Examples
    --------
    >>> from synfer.network import STDP, GaussianDrive, Network
    >>> from synfer.simulate import erdos_renyi, run_plastic
    >>> network = Network(
    ...     "izhikevich", {}, erdos_renyi(8, 2, 0.4), drive=GaussianDrive(5, 5), plasticity=STDP(0.1, 0.12, w_max=10)
    ... )
    >>> recording, truth = run_plastic(network, 2.0, weights_every=0.5)
    >>> truth.weight.shape
    (5, 10, 10)
    """
    watch = Watch(weights_every)
    given = inspect.signature(run).bind(network, duration, dt, **options)
    given.apply_defaults()
    view = {name: given.arguments.pop(name) for name in ASKED}
    (recording,) = simulated(views=[view], watch=watch, **given.arguments)
    truth = watch.connectomes()
    return recording, truth[0] if network.n_networks is None else truth
