"""The state that a run ends in: which runs may go on from it, and one network's of a batch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import (
    STDP,
    ConductanceSynapse,
    ExponentialSynapse,
    GaussianDrive,
    Network,
    OrnsteinUhlenbeckDrive,
    ShortTermPlasticity,
    StepDrive,
)
from synfer.simulate import run
from synfer.simulate.state import State

DT = 1e-4
N = 8
RULE = STDP(0.01, 0.01, w_max=60.0)


def wired(seed: int, steps: object = 7, n_networks: int | None = None, scale: float = 20.0) -> Connectome:
    """Weights that differ in their ends from seed to seed, all of one delay or of several."""
    rng = np.random.default_rng(seed)
    shape = (N, N) if n_networks is None else (n_networks, N, N)
    weights = np.where(rng.random(shape) < 0.5, scale * rng.random(shape), 0.0)
    delay = np.broadcast_to(np.asarray(steps) * DT, shape)
    return Connectome.from_weights(weights, delay=delay)


SEVERAL = 1 + np.arange(N * N).reshape(N, N) % 7
MADE = {"synapse": ExponentialSynapse(0.005, 0.01), "drive": GaussianDrive(60, 400)}


def lif(connectome: Connectome, **given: object) -> Network:
    return Network("lif", {}, connectome, **{**MADE, **given})


CHANGED = {
    "ends": (lif(wired(1)), lif(wired(2)), "edges of network 0 have other ends or delays"),
    "ends of lists": (lif(wired(1, SEVERAL)), lif(wired(2, SEVERAL)), "edges of network 0 have other ends or delays"),
    "delays": (lif(wired(1, SEVERAL)), lif(wired(1, 8 - SEVERAL)), "edges of network 0 have other ends or delays"),
    "ends of what learns": (
        lif(Connectome.from_weights(wired(1).weight.values), plasticity=RULE),
        # as many edges, so that their strengths have one shape
        lif(Connectome.from_weights(np.roll(wired(1).weight.values, 1, axis=0)), plasticity=RULE),
        "edges of network 0 have other ends or delays",
    ),
    "synapse": (
        lif(wired(1)),
        lif(wired(1), synapse=ConductanceSynapse(0.005, 0.01)),
        "synapses are exponential, not conductance",
    ),
    "plasticity": (
        lif(wired(1)), lif(wired(1), plasticity=ShortTermPlasticity(0.5, 0.1, 0.1)), r"plasticities are \(\), not"
    ),
    "drive": (
        lif(wired(1), drive=[GaussianDrive(60, 400), OrnsteinUhlenbeckDrive(0, 1, 1)]),
        lif(wired(1), drive=[OrnsteinUhlenbeckDrive(0, 1, 1), GaussianDrive(60, 400)]),
        "drives with a memory are {'drive1': 'ornstein_uhlenbeck'}, not {'drive0'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED)
def test_a_state_goes_on_in_no_other_network(what: str, tmp_path) -> None:
    own, other, words = CHANGED[what]
    state = run(own, 0.01, DT).final_state
    state.save(tmp_path / "s.nc")
    for one in (state, State.load(tmp_path / "s.nc")):
        run(own, 1e-3, DT, initial_state=one)
        with pytest.raises(InputError, match=f"initial_state is that of another simulation: .*{words}"):
            run(other, 1e-3, DT, initial_state=one)


def test_a_state_goes_on_in_its_dtype() -> None:
    state = run(lif(wired(1)), 0.01, DT).final_state
    with pytest.raises(InputError, match="its numbers are float32, not float64"):
        run(lif(wired(1)), 0.01, DT, initial_state=state, dtype="float64")


@pytest.mark.parametrize("steps", [7, SEVERAL], ids=["one delay", "several"])
def test_weights_parameters_and_drives_without_memory_may_change(steps: object) -> None:
    state = run(lif(wired(1, steps)), 0.01, DT).final_state
    stronger = run(lif(wired(1, steps, scale=30.0)), 0.01, DT, initial_state=state)
    other = Network("lif", {"tau": 15.0}, wired(1, steps), synapse=ExponentialSynapse(0.004, 0.01), drive=StepDrive(9))
    assert not np.array_equal(stronger["v"], run(other, 0.01, DT, initial_state=state)["v"])


def test_the_wiring_is_one_however_it_is_laid_out() -> None:
    """By matrix or list of edges, given or simulated: what one ends in the other goes on from, to the bit."""
    spread = wired(1)
    target, source = np.nonzero(spread.weight.values)
    order = np.random.default_rng(0).permutation(len(target))
    target, source = target[order], source[order]
    listed = Connectome.from_edges(
        source, target, n_units=N, weight=spread.weight.values[target, source], delay=np.full(len(order), 7 * DT)
    )
    whole = run(lif(spread), 0.02, DT)["v"][100:]
    for one in (spread, listed):
        for layout in ("dense", "sparse"):
            state = run(lif(one), 0.01, DT, layout=layout).final_state
            for two in (spread, listed):
                for other in ("dense", "sparse"):
                    assert np.array_equal(run(lif(two), 0.01, DT, initial_state=state, layout=other)["v"], whole)


def test_an_edge_of_a_list_remains_one_without_weight() -> None:
    target, source = np.nonzero(wired(1).weight.values)

    def listed(weight: np.ndarray) -> Network:
        delay = np.full(len(target), 7 * DT)
        return lif(Connectome.from_edges(source, target, n_units=N, weight=weight, delay=delay))

    state = run(listed(np.ones(len(target))), 0.01, DT).final_state
    for layout in ("dense", "sparse"):
        run(listed(np.arange(len(target)) % 2.0), 0.01, DT, initial_state=state, layout=layout)


def test_a_state_without_a_fingerprint_is_still_read(tmp_path) -> None:
    network = lif(wired(1, SEVERAL), plasticity=RULE)
    whole = run(network, 0.02, DT)["v"][100:]
    before = dataclasses.replace(run(network, 0.01, DT).final_state, fingerprint=None)
    before.save(tmp_path / "s.nc")
    loaded = State.load(tmp_path / "s.nc")
    assert loaded.fingerprint is None
    assert np.array_equal(run(network, 0.01, DT, initial_state=loaded)["v"], whole)
