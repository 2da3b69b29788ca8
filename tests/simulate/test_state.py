"""The state that a run ends in: which runs may go on from it, and one network's of a batch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError, ShapeError
from synfer.network import (
    STDP,
    AlphaSynapse,
    ConductanceSynapse,
    DeltaSynapse,
    ExponentialSynapse,
    GaussianDrive,
    JumpSynapse,
    Network,
    OrnsteinUhlenbeckDrive,
    ShortTermPlasticity,
    StepDrive,
)
from synfer.simulate import State, run

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
    other = Network("lif", {"tau": 0.015}, wired(1, steps), synapse=ExponentialSynapse(0.004, 0.01), drive=StepDrive(9))
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


EVERY_KIND = [
    DeltaSynapse(),
    JumpSynapse(),
    ExponentialSynapse(0.005, 0.01),
    AlphaSynapse(0.005, 0.01),
    ConductanceSynapse(0.005, 0.01),
]
RULES = {"none": None, "STDP": RULE, "both": (ShortTermPlasticity(0.5, 0.1, 0.1), RULE)}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("steps", [1, 7, SEVERAL], ids=["one step", "one delay", "several"])
@pytest.mark.parametrize("synapse", EVERY_KIND, ids=lambda synapse: synapse.kind)
def test_networks_of_a_batch_go_on_alone(steps: object, rule: str, synapse: object, tmp_path) -> None:
    drive = [GaussianDrive(60, 400), OrnsteinUhlenbeckDrive(0, 9, 0.01)]
    batch = lif(wired(1, steps, n_networks=4), synapse=synapse, plasticity=RULES[rule], drive=drive)
    whole = run(batch, 0.02, DT, record=("v", "spikes"), seed=5)
    assert whole["spikes"].sum() > 20
    run(batch, 0.008, DT, seed=5).final_state.save(tmp_path / "s.nc")
    state = State.load(tmp_path / "s.nc")
    for chosen in (2, -1, slice(1, 3), [3, 0], np.array([True, False, False, True])):
        part = state.isel(network=chosen)
        rest = run(batch.isel(network=chosen), 0.012, DT, initial_state=part)
        assert np.array_equal(rest["v"], whole["v"][chosen][..., 80:, :])
        for name, array in rest.final_state.arrays.items():
            assert np.array_equal(array, whole.final_state.isel(chosen).arrays[name])
    with pytest.raises(InputError, match="its ids are"):
        run(batch.isel(network=1), 0.012, DT, initial_state=state.isel(network=2))


@pytest.mark.parametrize("synapse", EVERY_KIND, ids=lambda synapse: synapse.kind)
def test_a_network_of_shorter_delays_goes_on_alone(synapse: object) -> None:
    delays = np.stack([np.full((N, N), 3), SEVERAL, np.minimum(SEVERAL, 4), np.ones((N, N))])
    batch = lif(wired(1, delays, n_networks=4), synapse=synapse)
    whole = run(batch, 0.02, DT, record=("v", "spikes"))
    under_way = np.zeros(4, bool)
    for ended in range(73, 85):  # while they fire
        state = run(batch, ended * DT, DT).final_state
        under_way |= state.arrays["pending"].any((1, 2))
        for k in range(4):
            rest = run(batch.isel(network=k), (200 - ended) * DT, DT, initial_state=state.isel(network=k))
            assert np.array_equal(rest["v"], whole["v"][k, ended:])
    assert under_way.tolist() == [True, True, True, False]  # what takes one step does not wait


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("synapse", EVERY_KIND, ids=lambda synapse: synapse.kind)
def test_spikes_of_one_step_are_summed_alike_whatever_delays_others_have(synapse: object, dtype: str) -> None:
    n, weight = 60, 0.02 if synapse.kind == "conductance" else 0.5
    weights = weight * np.random.default_rng(0).random((3, n, n))
    wiring = Connectome.from_weights(weights, delay=np.array([1, 3, 2])[:, None, None] * np.full((n, n), DT))
    batch = Network("lif", {}, wiring, synapse=synapse, drive=GaussianDrive(25, 900))
    whole = run(batch, 0.1, DT, record=("v", "spikes"), dtype=dtype)
    assert (whole["spikes"].sum(-1) > 1).any(-1).all()  # so that sums of several arrive
    for k in range(3):
        assert np.array_equal(run(batch.isel(network=k), 0.1, DT, dtype=dtype)["v"], whole["v"][k])


def test_a_state_is_shown_in_a_line() -> None:
    state = run(lif(wired(1, n_networks=4)), 0.002, DT, seed=3).final_state
    start = "<synfer.State of 4 networks 0, 1, 2, 3, model 'lif', after step 20 (0.002 s at dt = 0.0001 s), seed 3>"
    assert repr(state) == start
    assert repr(state.isel(2)).startswith("<synfer.State of network 2, model 'lif', after step 20")


@pytest.mark.parametrize("given", ["a file", "a recording"])
def test_what_gives_a_state_is_named(given: str, tmp_path) -> None:
    recording = run(lif(wired(1)), 0.001, DT)
    other = recording if given == "a recording" else tmp_path / "s.nc"
    with pytest.raises(InputError, match=r"initial_state must be .* \.final_state or one read by State.load"):
        run(lif(wired(1)), 0.001, DT, initial_state=other)


@pytest.mark.parametrize("chosen", [4, slice(4, None), [1, 1], "first", 1.5, [[0], [1]], None])
def test_networks_that_a_state_has_not_are_refused(chosen: object) -> None:
    state = run(lif(wired(1, n_networks=4)), 0.001, DT).final_state
    with pytest.raises(InputError, match="network must select"):
        state.isel(network=chosen)


def test_strengths_whose_networks_are_not_known_are_not_parted() -> None:
    single, batch = lif(wired(1, SEVERAL), plasticity=RULE), lif(wired(1, SEVERAL, n_networks=2), plasticity=RULE)
    one, two = (dataclasses.replace(run(x, 0.01, DT).final_state, fingerprint=None) for x in (single, batch))
    assert np.array_equal(one.isel(network=0).arrays["strengths"], one.arrays["strengths"])
    with pytest.raises(InputError, match="does not say which strengths are whose"):
        two.isel(network=0)


@pytest.mark.parametrize(
    ("field", "given", "kind", "words"),
    [
        ("model", 3, InputError, "model must be the name"),
        ("ids", [-1], InputError, "ids must be integers, at least 0"),
        ("ids", np.zeros(0, int), InputError, "ids must be integers, at least 0, one or more"),
        ("step", -1, InputError, "step must be an integer"),
        ("dt", 0.0, InputError, "dt must be positive seconds"),
        ("seed", 2**64, InputError, "seed must be an integer"),
        ("arrays", [1.0], InputError, "arrays must be a dict"),
        ("arrays", {"state": np.zeros((2, 1, N))}, ShapeError, r"arrays\['state'\] must have shape \(network = 1"),
        ("arrays", {"state": np.full((1, 1, N), np.nan)}, InputError, r"arrays\['state'\] must be finite"),
        ("fingerprint", "mine", InputError, "fingerprint must be a Fingerprint or None"),
    ],
)
def test_what_is_no_state_is_refused(field: str, given: object, kind: type[Exception], words: str) -> None:
    state = run(lif(wired(1)), 0.01, DT).final_state
    with pytest.raises(kind, match=words):
        dataclasses.replace(state, **{field: given})


def test_a_fingerprint_of_other_networks_is_refused() -> None:
    state = run(lif(wired(1)), 0.01, DT).final_state
    made = state.fingerprint
    for other in ({"wiring": made.wiring[0]}, {"edges": np.array([3, 4])}):
        with pytest.raises(ShapeError, match="of the fingerprint must be an array of shape"):
            dataclasses.replace(state, fingerprint=dataclasses.replace(made, **other))
