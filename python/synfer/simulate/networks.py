"""Networks of published studies, ready to run."""

from __future__ import annotations

import numpy as np

from synfer.network import DeltaSynapse, GaussianDrive, Network
from synfer.simulate.neurons import MODELS
from synfer.simulate.wiring import PARAMETER_STREAM, Generators, erdos_renyi

DT = 1e-3
"""The paper's step in seconds, and so the delay of its synapses."""
CONSTANTS = ("quadratic", "linear", "constant", "threshold")
"""Parameters of the model that the paper leaves as they are."""


def izhikevich_network(
    n_exc: int, n_inh: int, p: float, *, weight: float = 5.0, n_networks: int = 1, seed: int = 0
) -> Network:
    """Spiking network of Lu et al. 2023: Izhikevich neurons of the class-1 excitable kind, randomly wired.

    With r ~ U(0, 1) for each neuron: excitatory a = 0.02, c = -65 + 15 r^2, d = 8 - 6 r^2; inhibitory
    a = 0.02 + 0.08 r, c = -65, d = 2; b = -0.1 for all. Wired by `erdos_renyi`, delta synapses; each neuron is driven
    by white noise of mean 5 and variance 5 and fires at some 36 to 39 Hz.

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory neurons (the paper: 4 to 1).
    p : float
        Probability of an edge, in [0, 1] (the paper: 0.2 to 0.8).
    weight : float
        Magnitude of every weight (mV/ms, acting for one step: a spike moves v by as many mV in the step of 1 ms for
        which these networks are defined), at least 0.
    n_networks : int
        1 gives a network without a network axis; more give a batch of different networks. Number k of a seed is the
        same network in a batch of whatever size.
    seed : int
        Of wiring and parameters, not of the noise: that is keyed by the seed of `run` and the network's id, which is
        0 for every single network. To simulate networks of different seeds with noise of their own, give `run` the
        seed too, as below; or take one batch of ``n_networks``.

    Returns
    -------
    Network
        Its connectome is the truth: weights W[target, source].

    Raises
    ------
    InputError
        A parameter is out of its range; the message names it.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, run
    >>> recordings = [run(izhikevich_network(8, 2, p=0.4, seed=k), duration=1.0, seed=k) for k in range(3)]

    References
    ----------
    Z. Lu, A. Tabassum, S. Kulkarni, L. Mi, J. N. Kutz, E. Shea-Brown, S.-H. Lim, "Attention for causal relationship
    discovery from biological neural dynamics", arXiv:2311.06928 (2023).

    E. M. Izhikevich, "Simple model of spiking neurons", IEEE Trans. Neural Networks 14 (2003), 1569-1572.
    """
    wiring = erdos_renyi(n_exc, n_inh, p, weight=weight, delay=DT, n_networks=n_networks, seed=seed)
    wiring.dt = DT  # a spike acts for one step: with another they are other networks
    n_units = n_exc + n_inh
    random = Generators(seed, PARAMETER_STREAM)
    r = np.stack([random.of(k).random(n_units) for k in range(n_networks)])
    excitatory = np.arange(n_units) < n_exc
    parameters = {
        "a": np.where(excitatory, 0.02, 0.02 + 0.08 * r),
        "b": np.full_like(r, -0.1),
        "c": np.where(excitatory, -65.0 + 15.0 * r**2, -65.0),
        "d": np.where(excitatory, 8.0 - 6.0 * r**2, 2.0),
    }
    if n_networks == 1:
        parameters = {name: values[0] for name, values in parameters.items()}
    constants = {name: MODELS["izhikevich"].defaults[name] for name in CONSTANTS}
    return Network(
        "izhikevich", {**parameters, **constants}, wiring, drive=GaussianDrive(5.0, 5.0), synapse=DeltaSynapse()
    )
