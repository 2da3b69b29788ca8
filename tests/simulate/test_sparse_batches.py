"""Batches of networks whose wirings are lists of other edges each: beside the networks one by one, and matrices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import (
    STDP,
    DeltaSynapse,
    ExponentialSynapse,
    GaussianDrive,
    Network,
    ShortTermPlasticity,
)
from synfer.simulate import engine, erdos_renyi, fixed_in_degree, izhikevich_network, rate_network, run, run_plastic

DT = 1e-3
RULES = {"no": None, "stdp": STDP(0.1, 0.12, w_max=9.0), "short-term": ShortTermPlasticity(0.4, 0.1)}


def wirings(sizes: list[int], n: int, delayed: bool, seed: int) -> list[Connectome]:
    rng, lists = np.random.default_rng(seed), []
    for n_edges in sizes:
        target, source = np.divmod(rng.permutation(n * n)[:n_edges], n)
        weight = rng.uniform(0, 8, n_edges) * np.where(source < 0.8 * n, 1, -1)
        delay = rng.integers(1, 4, n_edges) * DT if delayed else None
        lists.append(Connectome.from_edges(source, target, n_units=n, weight=weight, delay=delay, dt=DT))
    return lists


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=5), n=st.sampled_from([8, 40, 150]), delayed=st.booleans(),
    rule=st.sampled_from(list(RULES)), layout=st.sampled_from([None, "sparse", "dense"]), n_threads=st.integers(1, 3),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_a_batch_is_its_networks_one_by_one(
    sizes: list[int], n: int, delayed: bool, rule: str, layout: str | None, n_threads: int, seed: int
) -> None:
    lists = wirings(sizes, n, delayed, seed)
    kinds: dict[str, Any] = {"drive": GaussianDrive(9, 25), "plasticity": RULES[rule], "synapse": DeltaSynapse()}
    batch = Network("izhikevich", {}, lists, **kinds, ids=np.arange(len(lists)) + 3)
    assert (batch.n_networks, batch.connectome.layout) == (len(lists), "edges")
    layout = None if (delayed or rule == "stdp") and layout == "dense" else layout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "UNITS_PER_THREAD", 7)
        whole = run(batch, 0.1, record=("v", "spikes"), seed=seed, layout=layout, n_threads=n_threads)
    assert whole["spikes"].any()
    for k, wiring in enumerate(lists):
        alone = run(Network("izhikevich", {}, wiring, **kinds, ids=k + 3), 0.1, record=("v", "spikes"), seed=seed)
        taken = run(batch.isel(network=k), 0.1, record=("v", "spikes"), seed=seed)
        for name in ("v", "spikes"):
            assert np.array_equal(whole[name][k], alone[name])
            assert np.array_equal(taken[name], alone[name])
    matrices = Network("izhikevich", {}, batch.connectome.to_matrix(), **kinds, ids=batch.ids)
    again = run(matrices, 0.1, record=("v", "spikes"), seed=seed)
    for name in ("v", "spikes"):
        assert np.array_equal(whole[name], again[name])


def test_a_batch_goes_on_and_is_saved(tmp_path: Path) -> None:
    for rule in RULES.values():
        batch = Network(
            "lif", {}, wirings([50, 0, 30], 20, True, 1), drive=GaussianDrive(40, 400), plasticity=rule,
            synapse=ExponentialSynapse(5e-3, 10e-3),
        )  # fmt: skip
        batch.save(tmp_path / "n.nc")
        assert Network.load(tmp_path / "n.nc").identical(batch)
        whole = run(batch, 0.1)
        state = run(batch, 0.04).final_state
        assert np.array_equal(run(batch, 0.06, initial_state=state)["v"], whole["v"][:, 40:])
        one = run(batch.isel(network=2), 0.06, initial_state=state.isel(network=2))
        assert np.array_equal(one["v"], whole["v"][2, 40:])
        rewired = Network(
            "lif", {}, wirings([50, 0, 30], 20, True, 2), drive=GaussianDrive(40, 400), plasticity=rule,
            synapse=ExponentialSynapse(5e-3, 10e-3),
        )  # fmt: skip
        with pytest.raises(InputError, match="the edges of network 0 have other ends"):
            run(rewired, 0.06, initial_state=state)


def test_units_without_spikes_are_batched_too() -> None:
    rng = np.random.default_rng(0)
    for n in (6, 300):
        lists = []
        for n_edges in (3 * n, n // 2):
            target, source = np.divmod(rng.permutation(n * n)[:n_edges], n)
            lists.append(Connectome.from_edges(source, target, n_units=n, weight=rng.normal(size=n_edges)))
        whole = run(rate_network(Connectome.stack(lists), noise=0.1), 0.1, 2e-3, seed=1)
        for k, wiring in enumerate(lists):
            alone = run(rate_network(wiring, noise=0.1, ids=k), 0.1, 2e-3, seed=1)
            assert np.array_equal(whole["x"][k], alone["x"])


def test_wirings_make_batches_of_lists() -> None:
    for make in (lambda **k: erdos_renyi(16, 4, 0.3, **k), lambda **k: fixed_in_degree(16, 4, in_degree=5, **k)):
        lists, matrices = (make(n_networks=3, seed=5, delay=2e-3, layout=layout) for layout in ("edges", "matrix"))
        assert (lists.layout, lists.n_networks) == ("edges", 3)
        for name, field in lists.to_matrix().fields.items():
            np.testing.assert_array_equal(field.values, matrices.fields[name].values)
        assert (lists.method, lists.seed, lists.parameters) == (matrices.method, matrices.seed, matrices.parameters)
    batch = izhikevich_network(4000, 500, 0.002, n_networks=2, seed=1)
    assert (batch.connectome.layout, batch.n_networks) == ("edges", 2)
    whole = run(batch, 0.02, seed=3)
    assert np.array_equal(whole["v"][1], run(batch.isel(network=1), 0.02, seed=3)["v"])


def test_learnt_weights_of_lists_are_those_of_matrices(make_network: Callable) -> None:
    """Edges over time, in the order of the wiring, hold what matrices over time hold."""
    rng = np.random.default_rng(2)
    lists = []
    for n_edges in (60, 0, 35):
        target, source = np.divmod(rng.permutation(400)[:n_edges], 20)
        weight = rng.uniform(0, 8, n_edges) * np.where(source < 16, 1, -1)
        lists.append(
            Connectome.from_edges(source, target, n_units=20, weight=weight, delay=rng.integers(1, 4, n_edges) * DT)
        )
    kinds: dict[str, Any] = {"drive": GaussianDrive(40, 400), "plasticity": RULES["stdp"]}
    batch = Network("lif", {}, lists, **kinds)
    recording, truths = run_plastic(batch, 0.3, DT, weights_every=0.1, warmup=0.1)
    assert recording.identical(run(batch, 0.3, DT, warmup=0.1))
    _, matrices = run_plastic(
        Network("lif", {}, batch.connectome.to_matrix(), **kinds), 0.3, DT, weights_every=0.1, warmup=0.1
    )
    for k, truth in enumerate(truths):
        assert (truth.layout, truth.leading, truth.weight.dtype) == ("edges", "time", np.float32)
        np.testing.assert_allclose(truth.leading_ids, np.arange(5) * 0.1)
        assert truth.to_xarray()["source"].values.tolist() == lists[k].to_xarray()["source"].values.tolist()
        np.testing.assert_allclose(truth.weight.values[0], lists[k].weight.values, rtol=1e-6)
        for name, field in truth.to_matrix().fields.items():
            np.testing.assert_array_equal(field.values, matrices[k].fields[name].values)
        alone, _ = truth.isel(time=2), truth.isel(time=slice(1, 3))
        assert alone.weight.dims == ("edge",)
    assert not np.array_equal(truths[0].weight.values[0], truths[0].weight.values[-1])
    _, single = run_plastic(batch.isel(network=0), 0.3, DT, weights_every=0.1, warmup=0.1)
    assert np.array_equal(single.weight.values, truths[0].weight.values)


def test_learning_of_a_large_network_is_watched_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = fixed_in_degree(4500, 500, in_degree=20, weight=1.0, weight_inh=4.0, seed=0)
    network = Network(
        "lif", {}, wiring, synapse=ExponentialSynapse(5e-3, 10e-3), drive=GaussianDrive(40, 400),
        plasticity=STDP(0.01, 0.012, w_max=3.0),
    )  # fmt: skip
    monkeypatch.setattr("synfer.simulate.memory.available_bytes", lambda: 190_000_000)  # a matrix alone has 200 MB
    _, truth = run_plastic(network, 0.02, DT, weights_every=0.01, record="spikes")
    assert truth.weight.shape == (3, 100_000)
    assert np.count_nonzero(truth.weight.values[0] != truth.weight.values[2]) > 1000
    with pytest.raises(InputError, match="look at the weights less often"):
        run_plastic(network, 0.5, DT, weights_every=1e-3, record="spikes")
