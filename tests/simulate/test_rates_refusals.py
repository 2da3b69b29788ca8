"""Units without spikes: what is refused, by name."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch

from synfer.errors import InputError, ShapeError, UnknownNameError, UnstableSystemError
from synfer.network import (
    DeltaSynapse,
    Network,
    RateCoupling,
    ShortTermPlasticity,
    SineDrive,
    WhiteNoiseDrive,
)
from synfer.simulate import lorenz96_network, map_network, rate_network, run, var_coefficients, var_network

W = np.zeros((5, 5))
LEAKY, VAR = rate_network(W), var_network(np.zeros((2, 5, 5)))


def changed(**attributes: object) -> Network:
    """A network of rates written to after it was made."""
    network = rate_network(W)
    for name, value in attributes.items():
        setattr(network, name, value)
    return network


REFUSED = {
    "activation": (lambda: rate_network(W, activation="softmax"), UnknownNameError, "activation .*softmax"),
    "linear map": (lambda: map_network(W, activation="linear"), UnknownNameError, "activation"),
    "tau": (lambda: rate_network(W, tau=0), InputError, "tau must be positive seconds; got 0"),
    "tau in a tensor": (lambda: rate_network(W, tau=torch.zeros(5)), InputError, "tau must be positive seconds; got 0"),
    "no tau": (lambda: rate_network(W, tau=[]), ShapeError, "parameter 'tau'"),
    "record of a matrix": (
        lambda: run(LEAKY, 0.01, record=scipy.sparse.eye_array(3).tocoo()), InputError, "record must be names"
    ),
    "shape of noise": (lambda: rate_network(W, noise=np.ones(4)), ShapeError, "'noise'"),
    "ring": (lambda: lorenz96_network(3), InputError, "n_units must be an integer of at least 4"),
    "coefficients of text": (lambda: var_network("a"), InputError, "coefficients"),
    "coefficients not square": (lambda: var_network(np.zeros((2, 3, 4))), ShapeError, "coefficients must have shape"),
    "too many lags": (lambda: var_network(np.zeros((65, 2, 2))), ShapeError, "1 to 64"),
    "infinite": (lambda: var_network([[np.inf]]), InputError, "coefficients must be finite"),
    "unstable": (lambda: var_network([[1.0]]), UnstableSystemError, "spectral radius 1, not below 1"),
    "unstable over lags": (lambda: var_network([[[0.6]], [[0.5]]]), UnstableSystemError, "coefficients have .*1.06"),
    "one unstable": (lambda: var_network([[[[0.5]]], [[[2.0]]]]), UnstableSystemError, "coefficients of network 1"),
    "step": (lambda: var_network([[0.5]], dt=0), InputError, "dt must be positive seconds"),
    "radius": (lambda: var_coefficients(3, radius=1.0), InputError, "radius must lie between 0 and 1"),
    "p": (lambda: var_coefficients(3, p=2), InputError, "p must be a probability"),
    "lags": (lambda: var_coefficients(3, 0), InputError, "n_lags must be an integer in 1 to 64"),
    "a signal of others": (lambda: run(LEAKY, 0.01, record="v"), UnknownNameError, "'v'"),
    "spikes": (lambda: run(LEAKY, 0.01, record="spikes"), UnknownNameError, "spikes"),
    "events": (lambda: run(LEAKY, 0.01, spikes="events"), InputError, "record must name 'spikes'"),
    "states of others": (lambda: run(LEAKY, 0.01, initial_state={"v": 0}), UnknownNameError, "'v'"),
    "no state": (lambda: run(LEAKY, 0.01, initial_state={}), InputError, "'x' is missing"),
    "state of other shape": (lambda: run(VAR, 0.01, initial_state={"x": np.ones((3, 5))}), ShapeError, r"\(2, 5\)"),
    "infinite state": (lambda: run(VAR, 0.01, initial_state={"x": np.nan}), InputError, "finite"),
    "state of text": (lambda: run(VAR, 0.01, initial_state="resting"), InputError, "initial_state must be .*'resting'"),
    "stationary rates": (lambda: run(LEAKY, 0.01, initial_state="stationary"), InputError, "take warmup"),
    "stationary waves": (
        lambda: run(VAR, 0.01, initial_state="stationary", drive=SineDrive(1, 1)), InputError, "SineDrive.* take warmup"
    ),
    "synapse": (
        lambda: Network("leaky_tanh", {}, LEAKY.connectome, synapse=DeltaSynapse()), InputError,
        r"synapse must, for model 'leaky_tanh', be RateCoupling\(\), as .*; got DeltaSynapse\(\)",
    ),
    "coupling of spikes": (
        lambda: Network("lif", {}, LEAKY.connectome, synapse=RateCoupling()), InputError,
        r"synapse must, for model 'lif', be one for spikes, .*; got RateCoupling\(\)",
    ),
    "synapse of another": (lambda: run(changed(synapse=DeltaSynapse()), 0.01), InputError, r"be RateCoupling\(\)"),
    "plasticity": (
        lambda: Network("var", {}, LEAKY.connectome, plasticity=ShortTermPlasticity(0.5, 0.1)), InputError,
        "plasticity must be None for model 'var', which has no spikes; got .*ShortTermPlasticity",
    ),
    "lags of leaky units": (
        lambda: run(Network("leaky_tanh", {}, LEAKY.connectome, synapse=VAR.synapse), 0.01), InputError, "without lags"
    ),
    "tau of a network": (
        lambda: Network("leaky_tanh", {"tau": 0}, LEAKY.connectome, synapse=RateCoupling()), InputError,
        "'tau' of model 'leaky_tanh' must be positive; got 0 s",
    ),
    "lags of another truth": (
        lambda: run(Network("var", {}, LEAKY.connectome, synapse=RateCoupling(np.ones((2, 5, 5)))), 0.01), InputError,
        "lags of RateCoupling must add up to the connectome's weights",
    ),
    "no ring": (
        lambda: run(Network("lorenz96", {}, LEAKY.connectome, synapse=RateCoupling()), 0.01), InputError, "on a ring"
    ),
    "beyond float32": (lambda: run(rate_network(W + 1e200), 0.01), InputError, "weights must be finite in float32"),
    "lags of other units": (
        lambda: Network("var", {}, LEAKY.connectome, synapse=RateCoupling(np.zeros((1, 4, 4)))), ShapeError,
        r"lags of RateCoupling .*\('any', 5, 5\); got \(1, 4, 4\)",
    ),
    "flat lags": (lambda: RateCoupling(np.zeros((4, 4))), ShapeError, r"lags must have shape"),
    "infinite lags": (lambda: RateCoupling([[[np.nan]]]), InputError, "lags must be finite"),
    "memory": (lambda: run(LEAKY, 1e7), InputError, "GB"),
    "white noise": (
        lambda: run(map_network(W, drive=WhiteNoiseDrive(0, 1)), 0.01), InputError,
        "another than WhiteNoiseDrive for model 'map_tanh', whose steps have no length",
    ),
    "negative noise": (lambda: rate_network(W, noise=-0.1), InputError, "'noise' of model 'leaky_tanh' must be at"),
    "noise of a map": (lambda: map_network(W, noise=[0, 0, 0, 0, -1]), InputError, "'noise' .* at least 0; got -1"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_by_name(case: str) -> None:
    make, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        make()
